/* graph.c — directed graphs in CSR form: edges sorted by receiver, outgoing edges as an index. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/slice.h"
#include "hitgraph/graph.h"

#include <stdbool.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

enum {
    MANY_EDGES = 16384, /* fewer are copied before another thread has woken */
    SORTERS_MAX = 16    /* each needs a counter for every node */
};

static hg_status check_node_ptr(hg_context *ctx, int64_t n_nodes, int64_t n_graphs, const int64_t *node_ptr)
{
    hg_status status = HG_OK;
    HG_CHECK(n_graphs >= 0 && n_graphs <= INT32_MAX, HG_ERR_ARG, "%" PRId64 " graphs, expected 0 .. %d", n_graphs, INT32_MAX);
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

static bool fits(const hg_graph *g, const int32_t *sender_graph, int32_t sender, int32_t receiver)
{
    const bool inside = sender >= 0 && sender < g->n_senders && receiver >= 0 && receiver < g->n_nodes;
    return inside && sender_graph[sender] == g->node_graph[receiver];
}

/* Of an edge that does not fit. */
static hg_status refuse(hg_context *ctx, const hg_graph *g, const int32_t *sender_graph, int64_t e, int32_t sender, int32_t receiver)
{
    const bool inside = sender >= 0 && sender < g->n_senders && receiver >= 0 && receiver < g->n_nodes;
    if (inside)
        return hg_fail(ctx, HG_ERR_ARG, "edge %" PRId64 " goes from graph %" PRId32 " to graph %" PRId32, e, sender_graph[sender],
                       g->node_graph[receiver]);
    if (g->n_senders == g->n_nodes)
        return hg_fail(ctx, HG_ERR_ARG, "edge %" PRId64 " is %" PRId32 " -> %" PRId32 ", expected nodes in 0 .. %" PRId64, e, sender,
                       receiver, g->n_nodes - 1);
    return hg_fail(ctx, HG_ERR_ARG,
                   "edge %" PRId64 " is %" PRId32 " -> %" PRId32 ", expected senders in 0 .. %" PRId64 " and receivers in 0 .. %" PRId64, e,
                   sender, receiver, g->n_senders - 1, g->n_nodes - 1);
}

/* *sorted: whether the edges come by receiver already. */
static hg_status check_edges(hg_context *ctx, const hg_graph *g, const int32_t *sender_graph, const int32_t *sender,
                             const int32_t *receiver, bool *sorted)
{
    const int threads = hg_context_threads(ctx);
    int64_t bad = g->n_edges, falling = g->n_edges;
#pragma omp parallel for num_threads(threads) reduction(min : bad, falling) if (g->n_edges > MANY_EDGES)
    for (int64_t e = 0; e < g->n_edges; ++e) {
        if (e < bad && !fits(g, sender_graph, sender[e], receiver[e])) bad = e;
        if (e > 0 && e < falling && receiver[e] < receiver[e - 1]) falling = e;
    }
    *sorted = falling == g->n_edges;
    return bad == g->n_edges ? HG_OK : refuse(ctx, g, sender_graph, bad, sender[bad], receiver[bad]);
}

static hg_status allocate(hg_context *ctx, hg_graph *g, bool bipartite)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &g->node_ptr, g->n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &g->edge_ptr, g->n_graphs + 1));
    HG_TRY(hg_alloc_unset(ctx, &g->sender, g->n_edges));
    HG_TRY(hg_alloc_unset(ctx, &g->receiver, g->n_edges));
    HG_TRY(hg_alloc_unset(ctx, &g->in_ptr, g->n_nodes + 1));
    HG_TRY(hg_alloc_unset(ctx, &g->out_ptr, g->n_senders + 1));
    HG_TRY(hg_alloc_unset(ctx, &g->out_edge, g->n_edges));
    HG_TRY(hg_alloc_unset(ctx, &g->caller_edge, g->n_edges));
    HG_TRY(hg_alloc_unset(ctx, &g->node_graph, g->n_nodes));
    g->sender_ptr = g->node_ptr;
    if (bipartite) {
        g->sender_ptr = NULL;
        HG_TRY(hg_alloc(ctx, &g->sender_ptr, g->n_graphs + 1));
    }
done:
    return status;
}

/* Counting sort of 0 .. n_edges by key, stable: place[first[k] ..) lists the edges of key k in increasing order. Each thread sorts a part
 * of the edges; next: [threads, n_nodes] counts, then places, of each part. */
static void sort_by_node(int64_t n_nodes, int64_t n_edges, const int32_t *key, int threads, int64_t *next, int64_t *first, int64_t *place)
{
    int64_t total = 0;
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int t = 0; t < threads; ++t) {
        int64_t *count = next + t * n_nodes;
        memset(count, 0, (size_t)n_nodes * sizeof *count);
        for (int64_t e = hg_part_start(n_edges, threads, t); e < hg_part_start(n_edges, threads, t + 1); ++e) ++count[key[e]];
    }
    for (int64_t k = 0; k < n_nodes; ++k) {
        first[k] = total;
        for (int t = 0; t < threads; ++t) {
            int64_t count = next[t * n_nodes + k];
            next[t * n_nodes + k] = total;
            total += count;
        }
    }
    first[n_nodes] = total;
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int t = 0; t < threads; ++t) {
        int64_t *at = next + t * n_nodes;
        for (int64_t e = hg_part_start(n_edges, threads, t); e < hg_part_start(n_edges, threads, t + 1); ++e) place[at[key[e]]++] = e;
    }
}

static void number_graphs(int64_t n_graphs, const int64_t *ptr, int32_t *graph)
{
    for (int64_t b = 0; b < n_graphs; ++b) {
        for (int64_t i = ptr[b]; i < ptr[b + 1]; ++i) graph[i] = (int32_t)b;
    }
}

/* sort_by_node of keys that ascend. */
static void list_by_node(int64_t n_nodes, int64_t n_edges, const int32_t *key, int threads, int64_t *first, int64_t *place)
{
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t e = 0; e < n_edges; ++e) {
        for (int64_t k = e > 0 ? key[e - 1] + 1 : 0; k <= key[e]; ++k) first[k] = e;
        place[e] = e;
    }
    for (int64_t k = n_edges > 0 ? key[n_edges - 1] + 1 : 0; k <= n_nodes; ++k) first[k] = n_edges;
}

/* Edges in their stored order. */
static hg_status sort_edges(hg_context *ctx, hg_graph *g, const int32_t *sender, const int32_t *receiver, bool sorted)
{
    hg_status status = HG_OK;
    const int threads = g->n_edges > MANY_EDGES ? hg_context_threads(ctx) : 1, sorters = threads < SORTERS_MAX ? threads : SORTERS_MAX;
    const int64_t most = g->n_nodes > g->n_senders ? g->n_nodes : g->n_senders;
    int64_t *next = NULL;
    HG_TRY(hg_alloc_unset(ctx, &next, sorters * most));
    if (sorted)
        list_by_node(g->n_nodes, g->n_edges, receiver, threads, g->in_ptr, g->caller_edge);
    else
        sort_by_node(g->n_nodes, g->n_edges, receiver, sorters, next, g->in_ptr, g->caller_edge);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t e = 0; e < g->n_edges; ++e) {
        g->sender[e] = sender[g->caller_edge[e]];
        g->receiver[e] = receiver[g->caller_edge[e]];
    }
    sort_by_node(g->n_senders, g->n_edges, g->sender, sorters, next, g->out_ptr, g->out_edge);
    for (int64_t b = 0; b <= g->n_graphs; ++b) g->edge_ptr[b] = g->in_ptr[g->node_ptr[b]];
done:
    hg_free(ctx, next);
    return status;
}

/* sender_ptr NULL: senders and receivers are the same nodes. */
static hg_status create(hg_context *ctx, const hg_graph *sizes, const int32_t *sender, const int32_t *receiver, const int64_t *sender_ptr,
                        const int64_t *node_ptr, hg_graph **out)
{
    hg_status status = HG_OK;
    hg_graph *g = NULL;
    int32_t *sender_graph = NULL;
    bool sorted = false;
    HG_CHECK(sizes->n_nodes >= 0 && sizes->n_senders >= 0 && sizes->n_edges >= 0, HG_ERR_ARG,
             "%" PRId64 " nodes and %" PRId64 " edges, expected no negative number", sizes->n_nodes, sizes->n_edges);
    HG_CHECK(sizes->n_nodes <= INT32_MAX && sizes->n_senders <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " nodes, at most %d fit",
             sizes->n_nodes, INT32_MAX);
    HG_CHECK(sizes->n_edges == 0 || (sender && receiver), HG_ERR_ARG, "no edge arrays");
    if (node_ptr) HG_TRY(check_node_ptr(ctx, sizes->n_nodes, sizes->n_graphs, node_ptr));
    if (sender_ptr) HG_TRY(check_node_ptr(ctx, sizes->n_senders, sizes->n_graphs, sender_ptr));

    HG_TRY(hg_alloc(ctx, &g, 1));
    *g = *sizes;
    HG_TRY(allocate(ctx, g, sender_ptr != NULL));
    if (node_ptr)
        memcpy(g->node_ptr, node_ptr, (size_t)(g->n_graphs + 1) * sizeof *node_ptr);
    else
        g->node_ptr[1] = g->n_nodes;
    if (sender_ptr) memcpy(g->sender_ptr, sender_ptr, (size_t)(g->n_graphs + 1) * sizeof *sender_ptr);
    number_graphs(g->n_graphs, g->node_ptr, g->node_graph);
    if (sender_ptr) {
        HG_TRY(hg_alloc(ctx, &sender_graph, g->n_senders));
        number_graphs(g->n_graphs, g->sender_ptr, sender_graph);
    }
    HG_TRY(check_edges(ctx, g, sender_ptr ? sender_graph : g->node_graph, sender, receiver, &sorted));
    HG_TRY(sort_edges(ctx, g, sender, receiver, sorted));
    *out = g;
    g = NULL;
done:
    hg_free(ctx, sender_graph);
    hg_graph_destroy(ctx, g);
    return status;
}

hg_status hg_graph_create(hg_context *ctx, int64_t n_nodes, int64_t n_edges, const int32_t *sender, const int32_t *receiver,
                          int64_t n_graphs, const int64_t *node_ptr, hg_graph **out)
{
    hg_graph sizes = {.n_graphs = node_ptr ? n_graphs : 1, .n_nodes = n_nodes, .n_senders = n_nodes, .n_edges = n_edges};
    return create(ctx, &sizes, sender, receiver, NULL, node_ptr, out);
}

hg_status hg_graph_create_bipartite(hg_context *ctx, int64_t n_senders, int64_t n_nodes, int64_t n_edges, const int32_t *sender,
                                    const int32_t *receiver, int64_t n_graphs, const int64_t *sender_ptr, const int64_t *node_ptr,
                                    hg_graph **out)
{
    hg_graph sizes = {.n_graphs = n_graphs, .n_nodes = n_nodes, .n_senders = n_senders, .n_edges = n_edges};
    if (!sender_ptr || !node_ptr) return hg_fail(ctx, HG_ERR_ARG, "bipartite graph without the offsets of its senders and receivers");
    return create(ctx, &sizes, sender, receiver, sender_ptr, node_ptr, out);
}

/* [count + 1] offsets from `from` on, counted from the first of them. */
static void slice_offsets(const int64_t *from, int64_t count, int64_t *to)
{
    for (int64_t i = 0; i <= count; ++i) to[i] = from[i] - from[0];
}

hg_status hg_graph_slice(hg_context *ctx, const hg_graph *graph, int64_t first, int64_t end, hg_graph **out)
{
    hg_status status = HG_OK;
    hg_graph *g = NULL;
    const int64_t node = graph->node_ptr[first], edge = graph->edge_ptr[first], place = graph->out_ptr[node];
    HG_TRY(hg_alloc(ctx, &g, 1));
    *g = (hg_graph){.n_graphs = end - first, .n_nodes = graph->node_ptr[end] - node, .n_edges = graph->edge_ptr[end] - edge};
    g->n_senders = g->n_nodes;
    HG_TRY(allocate(ctx, g, false));
    slice_offsets(graph->node_ptr + first, g->n_graphs, g->node_ptr);
    slice_offsets(graph->edge_ptr + first, g->n_graphs, g->edge_ptr);
    slice_offsets(graph->in_ptr + node, g->n_nodes, g->in_ptr);
    slice_offsets(graph->out_ptr + node, g->n_nodes, g->out_ptr);
    for (int64_t e = 0; e < g->n_edges; ++e) {
        g->sender[e] = graph->sender[edge + e] - (int32_t)node;
        g->receiver[e] = graph->receiver[edge + e] - (int32_t)node;
        g->out_edge[e] = graph->out_edge[place + e] - edge;
        g->caller_edge[e] = e;
    }
    number_graphs(g->n_graphs, g->node_ptr, g->node_graph);
    *out = g;
    g = NULL;
done:
    hg_graph_destroy(ctx, g);
    return status;
}

void hg_graph_destroy(hg_context *ctx, hg_graph *g)
{
    if (!g) return;
    if (g->sender_ptr != g->node_ptr) hg_free(ctx, g->sender_ptr);
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
