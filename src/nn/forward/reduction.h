/* nn/forward/reduction.h — reductions of edges to nodes, of edges and nodes to graphs, and the items that they run over. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_REDUCTION_H
#define HG_NN_REDUCTION_H

#include "nn/run/run.h"

typedef struct hg_items {
    const hg_real *message; /* table whose rows are reduced */
    int64_t width;
    const int32_t *end;    /* row of the table for each item; NULL = the item */
    const hg_real *factor; /* [items, groups]; scores for attention; NULL = none */
    int64_t groups;
    const int64_t *edge; /* [items] item at each place; NULL = the place */
    const int64_t *ptr;  /* [n_segments + 1] places of each segment */
    int64_t n_segments, n_items;
    const int32_t *segment; /* [items] */
    bool blocked;           /* segments are whole graphs: reduce them in fixed blocks */
} hg_items;

hg_items hg_items_of(const hg_run *run, hg_entity entity, const hg_term *term);

/* Reduction of one term, made by this call. statistics: also what the gradient needs. */
hg_status hg_reduce_forward(hg_run *run, hg_entity entity, const hg_term *term, bool statistics, hg_reduced *out);

/* *out [n_graphs, width], taken by this call from the pool: sums of the rows of each graph's edges or nodes. */
hg_status hg_sum_by_graph(hg_run *run, hg_entity entity, const hg_real *rows, int64_t width, hg_real **out);

#endif
