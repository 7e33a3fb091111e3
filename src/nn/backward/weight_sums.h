/* nn/backward/weight_sums.h — gradients of weights, summed over fixed groups of rows, then over the groups, whatever the threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_WEIGHT_SUMS_H
#define HG_NN_WEIGHT_SUMS_H

#include "nn/run/run.h"

/* Where one group's buffer holds what; -1 = not there. Blocks of weights are [out, padded columns]. */
typedef struct hg_weight_sums {
    int64_t n_groups, tiles_per_group, n_rows, size;
    const hg_graph *graph;         /* edges: groups are cut where the receiver changes; NULL = every so many rows */
    int64_t term[HG_MAX_TERMS];    /* columns of the first layer's weights that belong to each term */
    int64_t weight[HG_MAX_LAYERS]; /* layers above the first */
    int64_t bias[HG_MAX_LAYERS], gamma[HG_MAX_LAYERS], beta[HG_MAX_LAYERS];
    hg_real *memory; /* owned, of the pool; [n_groups, size] */
} hg_weight_sums;

/* Sizes only, no memory. indexed: for the terms that are reached through an index, else for the others and all layers. */
hg_weight_sums hg_weight_sums_layout(const hg_run *run, const hg_update *u, int64_t n_rows, bool indexed);
/* The same with memory, which is not set. */
hg_status hg_weight_sums_begin(hg_run *run, const hg_update *u, int64_t n_rows, bool indexed, hg_weight_sums *out);
/* First row of a group; group n_groups begins where the rows end. */
int64_t hg_weight_sums_row(const hg_weight_sums *sums, int64_t group);
/* The zeroed buffer of a group. */
hg_real *hg_weight_sums_open(const hg_weight_sums *sums, int64_t group);
/* Adds the sums to run->weight_gradient. */
void hg_weight_sums_add(hg_run *run, const hg_update *u, const hg_weight_sums *sums);

#endif
