/* graph/adjacency.h — the undirected simple graph behind a directed one: what orders and partitions look at. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_ADJACENCY_H
#define HG_GRAPH_ADJACENCY_H

#include "hitgraph/graph.h"

/* Every undirected edge stands in the rows of both ends; rows are increasing, without the node itself and without repeats. */
typedef struct hg_adjacency {
    int64_t n_nodes;
    int64_t *ptr;       /* [N + 1] owned */
    int32_t *neighbour; /* [ptr[N]] owned */
    int64_t *weight;    /* [ptr[N]] owned: sum over the merged directed edges */
    int64_t loops;      /* self loops left out */
    int64_t merged;     /* directed edges merged into another */
} hg_adjacency;

/* edge_weight: [E] in the order of the graph's edges, NULL = 1 for every undirected edge, however many directed ones it merges.
 * Free with hg_adjacency_clear, also after an error. Cost: O(N + E). */
hg_status hg_adjacency_create(hg_context *ctx, const hg_graph *graph, const int32_t *edge_weight, hg_adjacency *out);
void hg_adjacency_clear(hg_context *ctx, hg_adjacency *adjacency);

/* Reverse Cuthill-McKee within the nodes of each graph of a batch, ties by number: order[k] is the node in place k. */
hg_status hg_adjacency_rcm(hg_context *ctx, const hg_adjacency *adjacency, int64_t n_graphs, const int64_t *node_ptr, int32_t *order);

#endif
