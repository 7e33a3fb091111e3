/* hitgraph/order.h — graphs renumbered so that neighbours lie close together in memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_ORDER_H
#define HITGRAPH_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hg_order_kind {
    HG_ORDER_NONE,  /* the graph is used as it is */
    HG_ORDER_INPUT, /* layers as they come, nodes of a layer by azimuth; without coordinates as it is */
    HG_ORDER_RCM,   /* reverse Cuthill-McKee: neighbours get close numbers */
    HG_ORDER_METIS  /* parts of part_nodes nodes with few edges between them; inside a part as HG_ORDER_INPUT */
} hg_order_kind;

/** "none", "input", "rcm", "metis", NULL: the words of the setting engine.order. */
extern HG_API const char *const hg_order_words[];

typedef struct hg_order_options {
    hg_order_kind kind;
    int64_t part_nodes;   /* HG_ORDER_METIS; 1 or more, default 2048 */
    int64_t seed;         /* HG_ORDER_METIS; default 1 */
    const int32_t *layer; /* borrowed; [N] any grouping, such as the detector layer; NULL = one group */
    const float *phi_rad; /* borrowed; [N] azimuth; NULL = nodes of a group keep their order */
} hg_order_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_order_options hg_order_default_options(void);

/** A renumbering. "Old" is the graph that was given, "new" the graph in here. Graphs of a batch stay where they are. All arrays owned. */
typedef struct hg_order {
    hg_graph *graph;   /* new; its caller_edge is the place of each new edge in the old graph's sorted list */
    int32_t *old_node; /* [N] old number of each new node */
    int32_t *new_node; /* [N] new number of each old node */
} hg_order;

/** Renumbers a graph. Incoming edges of a node keep their order (sums over them keep their bits); outgoing edges follow the new numbers
 *  (sums over them differ by rounding).
 *  @param graph borrowed. @param options borrowed. @param out owned by the caller; untouched on error; *out is NULL for HG_ORDER_NONE.
 *  @return HG_OK; HG_ERR_ARG unknown kind or part_nodes < 1; HG_ERR_DATA an azimuth is not finite (message: which); HG_ERR_NOMEM.
 *  Cost: O(N log N + E); METIS about 0.1 us an edge. Threads: reentrant; the same order from any thread.
 *  Sources: Cuthill and McKee 1969, George 1971; see hg_partition_create. */
HG_API hg_status hg_order_create(hg_context *ctx, const hg_graph *graph, const hg_order_options *options, hg_order **out);

/** Frees an order; NULL is fine. */
HG_API void hg_order_destroy(hg_context *ctx, hg_order *order);

/** Rows of nodes or edges from the old to the new order, and back. from, to: [N or E] rows of row_bytes; they must not overlap.
 *  Threads: the context's. */
HG_API void hg_order_nodes(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to);
HG_API void hg_order_edges(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to);
HG_API void hg_order_nodes_back(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to);
HG_API void hg_order_edges_back(hg_context *ctx, const hg_order *order, size_t row_bytes, const void *from, void *to);

#ifdef __cplusplus
}
#endif
#endif
