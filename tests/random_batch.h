/* random_batch.h — four random graphs in one batch: loops, parallel edges, nodes without edges, an empty graph, a crowded node. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_RANDOM_BATCH_H
#define HG_TESTS_RANDOM_BATCH_H

#include "base/random.h"
#include "model_tools.h"

enum { N_GRAPHS = 4, NODES = 200, EDGES = 600 };

/* Graph g of the batch: random edges with loops and parallel ones; the third graph is empty; half of the last one's
 * edges end at one node. */
static inline int graph_nodes(int g)
{
    return g == 2 ? 0 : NODES + 57 * g;
}

static inline int random_edges(int g, int32_t first, int32_t *sender, int32_t *receiver)
{
    hg_random r = hg_random_stream(11, 1, (uint64_t)g, 0);
    int n = graph_nodes(g) > 0 ? EDGES + 133 * g : 0;
    for (int e = 0; e < n; ++e) {
        sender[e] = first + (int32_t)hg_random_below(&r, graph_nodes(g));
        receiver[e] = first + (int32_t)hg_random_below(&r, graph_nodes(g));
        if (g == N_GRAPHS - 1 && e % 2) receiver[e] = first;
    }
    return n;
}

static inline sample random_batch(hg_model_widths w)
{
    static int32_t sender[N_GRAPHS * 2 * EDGES], receiver[N_GRAPHS * 2 * EDGES];
    int64_t node_ptr[N_GRAPHS + 1] = {0};
    int n = 0;
    for (int g = 0; g < N_GRAPHS; ++g) {
        n += random_edges(g, (int32_t)node_ptr[g], sender + n, receiver + n);
        node_ptr[g + 1] = node_ptr[g] + graph_nodes(g);
    }
    sample s = {0};
    must(hg_graph_create(ctx, node_ptr[N_GRAPHS], n, sender, receiver, N_GRAPHS, node_ptr, &s.graph));
    sample_attach(&s, w);
    return s;
}

#endif
