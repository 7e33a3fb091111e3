/* graph.c — directed graphs in CSR form: edges sorted by receiver, outgoing edges as an index. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/graph.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

enum { MANY_EDGES = 4096 }; /* fewer are copied before another thread has woken */

static hg_status check_node_ptr(hg_context *ctx, int64_t n_nodes, int64_t n_graphs, const int64_t *node_ptr)
{
    hg_status status = HG_OK;
    HG_CHECK(node_ptr[0] == 0, HG_ERR_ARG, "first graph starts at node %" PRId64 ", expected 0", node_ptr[0]);
    for (int64_t g = 0; g < n_graphs; ++g) {
        HG_CHECK(node_ptr[g + 1] >= node_ptr[g], HG_ERR_ARG, "graph %" PRId64 " ends at node %" PRId64 " before it starts at %" PRId64, g,
                 node_ptr[g + 1], node_ptr[g]);
    }
    HG_CHECK(node_ptr[n_graphs] == n_nodes, HG_ERR_ARG, "last graph ends at node %" PRId64 ", expected %" PRId64, node_ptr[n_graphs],
             n_nodes);
done:
    return status;
}

static hg_status check_edges(hg_context *ctx, const hg_graph *g, const int32_t *sender, const int32_t *receiver)
{
    hg_status status = HG_OK;
    for (int64_t e = 0; e < g->n_edges; ++e) {
        bool inside = sender[e] >= 0 && sender[e] < g->n_nodes && receiver[e] >= 0 && receiver[e] < g->n_nodes;
        HG_CHECK(inside, HG_ERR_ARG, "edge %" PRId64 " is %" PRId32 " -> %" PRId32 ", expected nodes in 0 .. %" PRId64, e, sender[e],
                 receiver[e], g->n_nodes - 1);
        HG_CHECK(g->node_graph[sender[e]] == g->node_graph[receiver[e]], HG_ERR_ARG,
                 "edge %" PRId64 " goes from graph %" PRId32 " to graph %" PRId32, e, g->node_graph[sender[e]], g->node_graph[receiver[e]]);
    }
done:
    return status;
}

static hg_status allocate(hg_context *ctx, hg_graph *g)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &g->node_ptr, g->n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &g->edge_ptr, g->n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &g->sender, g->n_edges));
    HG_TRY(hg_alloc(ctx, &g->receiver, g->n_edges));
    HG_TRY(hg_alloc(ctx, &g->in_ptr, g->n_nodes + 1));
    HG_TRY(hg_alloc(ctx, &g->out_ptr, g->n_nodes + 1));
    HG_TRY(hg_alloc(ctx, &g->out_edge, g->n_edges));
    HG_TRY(hg_alloc(ctx, &g->caller_edge, g->n_edges));
    HG_TRY(hg_alloc(ctx, &g->node_graph, g->n_nodes));
done:
    return status;
}

/* Counting sort of 0 .. n_edges by key, stable: place[first[k] ..) lists the edges of key k in increasing order. */
static void sort_by_node(int64_t n_nodes, int64_t n_edges, const int32_t *key, int64_t *first, int64_t *place)
{
    for (int64_t e = 0; e < n_edges; ++e) ++first[key[e]];
    hg_prefix_sum(first, n_nodes);
    for (int64_t e = 0; e < n_edges; ++e) place[first[key[e]]++] = e;
    /* filling moved each start to the next node's start */
    memmove(first + 1, first, (size_t)n_nodes * sizeof *first);
    first[0] = 0;
}

hg_status hg_graph_create(hg_context *ctx, int64_t n_nodes, int64_t n_edges, const int32_t *sender, const int32_t *receiver,
                          int64_t n_graphs, const int64_t *node_ptr, hg_graph **out)
{
    hg_status status = HG_OK;
    hg_graph *g = NULL;
    int threads = hg_context_threads(ctx);

    HG_CHECK(n_nodes >= 0 && n_edges >= 0, HG_ERR_ARG, "%" PRId64 " nodes and %" PRId64 " edges, expected no negative number", n_nodes,
             n_edges);
    HG_CHECK(n_nodes <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " nodes, at most %d fit", n_nodes, INT32_MAX);
    HG_CHECK(!node_ptr || n_graphs >= 0, HG_ERR_ARG, "%" PRId64 " graphs", n_graphs);
    HG_CHECK(n_edges == 0 || (sender && receiver), HG_ERR_ARG, "no edge arrays");
    if (node_ptr) HG_TRY(check_node_ptr(ctx, n_nodes, n_graphs, node_ptr));

    HG_TRY(hg_alloc(ctx, &g, 1));
    *g = (hg_graph){.n_graphs = node_ptr ? n_graphs : 1, .n_nodes = n_nodes, .n_edges = n_edges};
    HG_TRY(allocate(ctx, g));
    if (node_ptr)
        memcpy(g->node_ptr, node_ptr, (size_t)(n_graphs + 1) * sizeof *node_ptr);
    else
        g->node_ptr[1] = n_nodes;
    for (int64_t b = 0; b < g->n_graphs; ++b) {
        for (int64_t i = g->node_ptr[b]; i < g->node_ptr[b + 1]; ++i) g->node_graph[i] = (int32_t)b;
    }
    HG_TRY(check_edges(ctx, g, sender, receiver));

    sort_by_node(n_nodes, n_edges, receiver, g->in_ptr, g->caller_edge);
#pragma omp parallel for num_threads(threads) if (n_edges > MANY_EDGES)
    for (int64_t e = 0; e < n_edges; ++e) {
        g->sender[e] = sender[g->caller_edge[e]];
        g->receiver[e] = receiver[g->caller_edge[e]];
    }
    sort_by_node(n_nodes, n_edges, g->sender, g->out_ptr, g->out_edge);
    for (int64_t b = 0; b <= g->n_graphs; ++b) g->edge_ptr[b] = g->in_ptr[g->node_ptr[b]];

    *out = g;
    g = NULL;
done:
    hg_graph_destroy(ctx, g);
    return status;
}

void hg_graph_destroy(hg_context *ctx, hg_graph *g)
{
    if (!g) return;
    hg_free(ctx, g->node_ptr);
    hg_free(ctx, g->edge_ptr);
    hg_free(ctx, g->sender);
    hg_free(ctx, g->receiver);
    hg_free(ctx, g->in_ptr);
    hg_free(ctx, g->out_ptr);
    hg_free(ctx, g->out_edge);
    hg_free(ctx, g->caller_edge);
    hg_free(ctx, g->node_graph);
    hg_free(ctx, g);
}
