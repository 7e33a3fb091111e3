/* hitgraph/neighbours.h — graphs from distances: k nearest neighbours, all within a radius, all pairs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_NEIGHBOURS_H
#define HITGRAPH_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HG_NEIGHBOUR_COLUMNS = 64, HG_NEIGHBOURS_MAX = 1024 };

/** Points of a batch of graphs and how far apart two of them are.
 *
 *  Euclidean: sum over `column` of squared differences, in double. With `light_speed` > 0 the last column of the list is a time and the
 *  interval s = |dr|^2 - (c dt)^2 is used instead, as the order of nearness: s where s >= 0, else -time_weight * s (GraphNeT's rule). */
typedef struct hg_points {
    const hg_real *x;        /* borrowed; [n, stride] row-major */
    int64_t n, stride;       /* points, numbers per row */
    const int64_t *column;   /* borrowed; [n_columns] columns that count, each in 0 .. stride - 1; NULL = 0 .. n_columns - 1 */
    int64_t n_columns;       /* 1 .. HG_NEIGHBOUR_COLUMNS */
    int64_t n_graphs;        /* ignored when node_ptr is NULL */
    const int64_t *node_ptr; /* borrowed; [n_graphs + 1] points of each graph; NULL = one graph */
    double light_speed;      /* 0 = Euclidean */
    double time_weight;      /* > 0; only with light_speed */
    bool loops;              /* a point counts as its own neighbour (distance 0) */
} hg_points;

/** Graph with an edge j -> i from each of the k nearest other points j of point i of the same graph; fewer where the graph has fewer.
 *  Edges of a receiver run from near to far; of equal distances the smaller index comes first. So there are at most n k edges.
 *  @param k 1 .. HG_NEIGHBOURS_MAX. @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_ARG sizes or columns; HG_ERR_NUMERIC a coordinate that is not finite (message: row, column); HG_ERR_NOMEM.
 *  Cost: O(n log n) for graphs of many points in few columns (k-d tree), O(n^2) per graph for small ones and for intervals.
 *  Threads: uses the context's; the same bits for any number. */
HG_API hg_status hg_graph_nearest(hg_context *ctx, const hg_points *points, int64_t k, hg_graph **out);

/** Graph with an edge j -> i wherever the two are at most `radius` apart (both directions; squared distance <= radius^2).
 *  Edges of a receiver run in order of their senders. @param radius > 0. Errors as above; HG_ERR_ARG with light_speed. */
HG_API hg_status hg_graph_within(hg_context *ctx, const hg_points *points, double radius, hg_graph **out);

/** Graph of all ordered pairs of points of the same graph, receivers first, senders in order.
 *  @param node_ptr [n_graphs + 1]. @param loops also i -> i. @return HG_OK; HG_ERR_ARG; HG_ERR_NOMEM. */
HG_API hg_status hg_graph_complete(hg_context *ctx, int64_t n_graphs, const int64_t *node_ptr, bool loops, hg_graph **out);

#ifdef __cplusplus
}
#endif
#endif
