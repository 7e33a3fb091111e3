/* hitgraph/graph.h — a batch of directed graphs in CSR form, edges sorted by receiver; senders may be another set of nodes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_GRAPH_H
#define HITGRAPH_GRAPH_H

#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Edges are stored sorted by receiver, stably: edges of one receiver keep the caller's order. Nodes and edges of one
 *  graph of the batch are contiguous; edges never cross graphs. Self loops and parallel edges are legal.
 *  All arrays are owned by the graph. */
typedef struct hg_graph {
    int64_t n_graphs;     /* G */
    int64_t n_nodes;      /* N */
    int64_t n_edges;      /* E */
    int64_t *node_ptr;    /* [G + 1] nodes of each graph */
    int64_t *edge_ptr;    /* [G + 1] edges of each graph */
    int32_t *sender;      /* [E] */
    int32_t *receiver;    /* [E] never decreasing */
    int64_t *in_ptr;      /* [N + 1] incoming edges of node i are in_ptr[i] .. in_ptr[i + 1] */
    int64_t *out_ptr;     /* [N + 1] outgoing edges of node i are out_edge[out_ptr[i] .. out_ptr[i + 1]] */
    int64_t *out_edge;    /* [E] positions in the sorted edge list, increasing within a node */
    int64_t *caller_edge; /* [E] place of each sorted edge in the caller's list */
    int32_t *node_graph;  /* [N] graph of each node */
    int64_t n_senders;    /* N; of a bipartite graph the number S of its senders: nodes are then its receivers, out_ptr has [S + 1] */
    int64_t *sender_ptr;  /* [G + 1] senders of each graph; node_ptr itself unless the graph is bipartite */
} hg_graph;

/** Builds a graph batch from an edge list.
 *  @param sender,receiver borrowed; [n_edges] node ids in 0 .. n_nodes - 1.
 *  @param node_ptr borrowed; [n_graphs + 1] offsets of the graphs' nodes; NULL = one graph.
 *  @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_ARG an edge is out of range or crosses graphs (message: which edge); HG_ERR_NOMEM; HG_ERR_LIMIT.
 *  Cost: O(N + E). Threads: reentrant. */
HG_API hg_status hg_graph_create(hg_context *ctx, int64_t n_nodes, int64_t n_edges, const int32_t *sender, const int32_t *receiver,
                                 int64_t n_graphs, const int64_t *node_ptr, hg_graph **out);

/** The same with edges from one set of nodes to another, for example from cells to the coarser cells that hold them.
 *  @param sender borrowed; [n_edges] in 0 .. n_senders - 1. @param receiver borrowed; [n_edges] in 0 .. n_nodes - 1.
 *  @param sender_ptr,node_ptr borrowed; [n_graphs + 1] offsets of the graphs' senders and receivers. */
HG_API hg_status hg_graph_create_bipartite(hg_context *ctx, int64_t n_senders, int64_t n_nodes, int64_t n_edges, const int32_t *sender,
                                           const int32_t *receiver, int64_t n_graphs, const int64_t *sender_ptr, const int64_t *node_ptr,
                                           hg_graph **out);

/** Frees a graph; NULL is fine. */
HG_API void hg_graph_destroy(hg_context *ctx, hg_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
