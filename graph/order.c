/* graph/order.c — renumbers graphs, and carries rows of nodes and edges there and back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "graph/partition.h"

const char *const hg_order_words[] = {"none", "input", "rcm", "metis", NULL};

hg_order_options hg_order_default_options(void)
{
    return (hg_order_options){.kind = HG_ORDER_NONE, .part_nodes = 2048, .seed = 1};
}

/* What nodes of one graph are sorted by, the last one breaks all ties. */
typedef struct sort_key {
    int32_t part, layer;
    float phi;
    int32_t node;
} sort_key;

static int by_key(const void *a, const void *b)
{
    const sort_key *left = a, *right = b;
    if (left->part != right->part) return left->part < right->part ? -1 : 1;
    if (left->layer != right->layer) return left->layer < right->layer ? -1 : 1;
    if (left->phi < right->phi) return -1;
    if (left->phi > right->phi) return 1;
    return (left->node > right->node) - (left->node < right->node);
}

/* Sorts the nodes of each graph by part (NULL = one), layer, azimuth. */
static hg_status sort_nodes(hg_context *ctx, const hg_graph *graph, const hg_order_options *options, const int32_t *part, int32_t *old_node)
{
    hg_status status = HG_OK;
    sort_key *key = NULL;
    HG_TRY(hg_alloc(ctx, &key, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        const float phi = options->phi_rad ? options->phi_rad[i] : 0;
        HG_CHECK(isfinite(phi), HG_ERR_DATA, "azimuth of node %" PRId64 " is %g, expected a finite number", i, (double)phi);
        key[i] = (sort_key){part ? part[i] : 0, options->layer ? options->layer[i] : 0, phi, (int32_t)i};
    }
    for (int64_t g = 0; g < graph->n_graphs; ++g) {
        const int64_t first = graph->node_ptr[g], n = graph->node_ptr[g + 1] - first;
        if (n > 1) qsort(key + first, (size_t)n, sizeof *key, by_key);
    }
    for (int64_t i = 0; i < graph->n_nodes; ++i) old_node[i] = key[i].node;
done:
    hg_free(ctx, key);
    return status;
}

static hg_status sort_by_part(hg_context *ctx, const hg_graph *graph, const hg_order_options *options, int32_t *old_node)
{
    hg_status status = HG_OK;
    hg_partition *partition = NULL;
    hg_partition_options cut = hg_partition_default_options();
    int64_t n_parts = (graph->n_nodes + options->part_nodes - 1) / options->part_nodes;
    n_parts = n_parts > HG_PARTS_MAX ? HG_PARTS_MAX : n_parts;
    cut.n_parts = n_parts > 1 ? n_parts : 1;
    cut.seed = options->seed;
    HG_TRY(hg_partition_create(ctx, graph, &cut, &partition));
    HG_TRY(sort_nodes(ctx, graph, options, partition->part, old_node));
done:
    hg_partition_destroy(ctx, partition);
    return status;
}

static hg_status sort_by_rcm(hg_context *ctx, const hg_graph *graph, int32_t *old_node)
{
    hg_status status = HG_OK;
    hg_adjacency adjacency = {0};
    HG_TRY(hg_adjacency_create(ctx, graph, NULL, &adjacency));
    HG_TRY(hg_adjacency_rcm(ctx, &adjacency, graph->n_graphs, graph->node_ptr, old_node));
done:
    hg_adjacency_clear(ctx, &adjacency);
    return status;
}

static hg_status renumber(hg_context *ctx, const hg_graph *graph, hg_order *order)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    const int threads = hg_context_threads(ctx);
    HG_TRY(hg_alloc(ctx, &order->new_node, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &sender, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, graph->n_edges));
    for (int64_t i = 0; i < graph->n_nodes; ++i) order->new_node[order->old_node[i]] = (int32_t)i;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        sender[e] = order->new_node[graph->sender[e]];
        receiver[e] = order->new_node[graph->receiver[e]];
    }
    HG_TRY(hg_graph_create(ctx, graph->n_nodes, graph->n_edges, sender, receiver, graph->n_graphs, graph->node_ptr, &order->graph));
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    return status;
}

hg_status hg_order_create(hg_context *ctx, const hg_graph *graph, const hg_order_options *options, hg_order **out)
{
    hg_status status = HG_OK;
    hg_order *order = NULL;
    HG_CHECK(graph && options && out, HG_ERR_ARG, "order: graph, options and out must not be NULL");
    HG_CHECK(graph->sender_ptr == graph->node_ptr, HG_ERR_ARG, "order: bipartite graphs keep the order of their two sets of nodes");
    HG_CHECK(options->kind >= HG_ORDER_NONE && options->kind <= HG_ORDER_METIS, HG_ERR_ARG, "order %d is unknown", (int)options->kind);
    HG_CHECK(options->part_nodes >= 1, HG_ERR_ARG, "parts of %" PRId64 " nodes, expected 1 or more", options->part_nodes);
    if (options->kind != HG_ORDER_NONE) {
        HG_TRY(hg_alloc(ctx, &order, 1));
        HG_TRY(hg_alloc(ctx, &order->old_node, graph->n_nodes));
        if (options->kind == HG_ORDER_INPUT) HG_TRY(sort_nodes(ctx, graph, options, NULL, order->old_node));
        if (options->kind == HG_ORDER_RCM) HG_TRY(sort_by_rcm(ctx, graph, order->old_node));
        if (options->kind == HG_ORDER_METIS) HG_TRY(sort_by_part(ctx, graph, options, order->old_node));
        HG_TRY(renumber(ctx, graph, order));
    }
    *out = order;
    order = NULL;
done:
    hg_order_destroy(ctx, order);
    return status;
}

void hg_order_destroy(hg_context *ctx, hg_order *order)
{
    if (!order) return;
    hg_graph_destroy(ctx, order->graph);
    hg_free(ctx, order->old_node);
    hg_free(ctx, order->new_node);
    hg_free(ctx, order);
}

void hg_order_nodes(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to)
{
    const int threads = hg_context_threads(ctx);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < order->graph->n_nodes; ++i)
        memcpy((char *)to + (size_t)i * row_bytes, (const char *)from + (size_t)order->old_node[i] * row_bytes, row_bytes);
}

void hg_order_nodes_back(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to)
{
    const int threads = hg_context_threads(ctx);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < order->graph->n_nodes; ++i)
        memcpy((char *)to + (size_t)i * row_bytes, (const char *)from + (size_t)order->new_node[i] * row_bytes, row_bytes);
}

void hg_order_edges(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to)
{
    const int threads = hg_context_threads(ctx);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < order->graph->n_edges; ++e)
        memcpy((char *)to + (size_t)e * row_bytes, (const char *)from + (size_t)order->graph->caller_edge[e] * row_bytes, row_bytes);
}

void hg_order_edges_back(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to)
{
    const int threads = hg_context_threads(ctx);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < order->graph->n_edges; ++e)
        memcpy((char *)to + (size_t)order->graph->caller_edge[e] * row_bytes, (const char *)from + (size_t)e * row_bytes, row_bytes);
}
