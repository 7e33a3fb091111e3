/* nn/weight_sums.h — gradients of weights, summed over fixed groups of tiles, then over the groups in order: the same bits for any threads.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_WEIGHT_SUMS_H
#define HG_NN_WEIGHT_SUMS_H

#include "nn/run.h"

/* Where one group's buffer holds what; -1 = not there. Blocks of weights are [out, padded columns]. */
typedef struct hg_weight_sums {
    int64_t n_groups, tiles_per_group, n_rows, size;
    int64_t term[HG_MAX_TERMS];    /* columns of the first layer's weights that belong to each term */
    int64_t weight[HG_MAX_LAYERS]; /* layers above the first */
    int64_t bias[HG_MAX_LAYERS], gamma[HG_MAX_LAYERS], beta[HG_MAX_LAYERS];
    hg_real *memory; /* owned; [n_groups, size] */
} hg_weight_sums;

/* Room for the terms that are reached through an index (indexed), or for the others and all layers. */
hg_status hg_weight_sums_begin(hg_run *run, const hg_update *u, int64_t n_rows, bool indexed, hg_weight_sums *out);
/* Adds the sums to run->weight_gradient. */
void hg_weight_sums_add(hg_run *run, const hg_update *u, const hg_weight_sums *sums);

#endif
