/* layered_graphs.h — random graphs like those of detectors, and graphs biased to corners, for tests of orders and partitions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_LAYERED_GRAPHS_H
#define HG_TESTS_LAYERED_GRAPHS_H

#include <stdlib.h>
#include "base/random.h"
#include "hitgraph/graph.h"

/* Hits on layers; edges join hits of neighbouring layers that are close in azimuth. */
typedef struct layered {
    hg_graph *graph;
    int32_t *layer; /* [N] */
    float *phi;     /* [N] */
} layered;

static inline void clear_layered(hg_context *context, layered *l)
{
    hg_graph_destroy(context, l->graph);
    free(l->layer);
    free(l->phi);
}

/* n nodes on 10 layers, about four edges each; node numbers are drawn at random, so the input order knows nothing. */
static inline layered layered_graph(hg_context *context, int64_t n, uint64_t seed)
{
    enum { LAYERS = 10 };
    hg_random rng = hg_random_stream(seed, 1, 0, 0);
    layered l = {.layer = calloc((size_t)n + 1, sizeof *l.layer), .phi = calloc((size_t)n + 1, sizeof *l.phi)};
    int32_t *sender = calloc((size_t)(16 * n + 1), sizeof *sender), *receiver = calloc((size_t)(16 * n + 1), sizeof *receiver);
    int64_t *number = calloc((size_t)n + 1, sizeof *number), per_layer = n / LAYERS, n_edges = 0;
    hg_random_permutation(&rng, n, number);
    for (int64_t k = 0; k < n; ++k) {
        const int64_t layer = per_layer ? k / per_layer : 0;
        l.layer[number[k]] = (int32_t)(layer < LAYERS ? layer : LAYERS - 1);
        l.phi[number[k]] = per_layer ? (float)(6.283 * (double)(k % per_layer) / (double)per_layer) : 0;
    }
    for (int64_t k = 0; k + per_layer < n && per_layer > 0; ++k) {
        for (int64_t wanted = hg_random_below(&rng, 9); wanted > 0; --wanted) {
            const int64_t to = k + per_layer + hg_random_below(&rng, 7) - 3;
            if (to >= n) continue;
            sender[n_edges] = (int32_t)number[k];
            receiver[n_edges++] = (int32_t)number[to];
        }
    }
    must(hg_graph_create(context, n, n_edges, sender, receiver, 1, NULL, &l.graph));
    free(sender);
    free(receiver);
    free(number);
    return l;
}

/* Batches with empty graphs, stars, self loops and parallel edges; 0 .. 100 nodes. */
static inline hg_graph *corner_graph(hg_context *context, int trial)
{
    enum { EDGES = 300 };
    int64_t node_ptr[6] = {0}, n_graphs = 1 + trial % 5, n_edges = 0;
    int32_t sender[EDGES], receiver[EDGES];
    hg_graph *graph = NULL;
    hg_random rng = hg_random_stream(11, 2, 0, (uint64_t)trial);
    for (int64_t g = 0; g < n_graphs; ++g)
        node_ptr[g + 1] = node_ptr[g] + (hg_random_below(&rng, 3) ? hg_random_below(&rng, 20) : hg_random_below(&rng, 2));
    for (int64_t e = hg_random_below(&rng, trial % 3 ? 60 : EDGES); e > 0; --e) {
        const int64_t g = hg_random_below(&rng, n_graphs), n = node_ptr[g + 1] - node_ptr[g];
        if (n == 0) continue;
        sender[n_edges] = (int32_t)(node_ptr[g] + (trial % 4 ? hg_random_below(&rng, n) : 0));
        receiver[n_edges++] = (int32_t)(node_ptr[g] + hg_random_below(&rng, n));
    }
    must(hg_graph_create(context, node_ptr[n_graphs], n_edges, sender, receiver, n_graphs, node_ptr, &graph));
    return graph;
}

#endif
