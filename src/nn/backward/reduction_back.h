/* nn/backward/reduction_back.h — gradients of reductions (MODELS 2.5). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_REDUCTION_BACK_H
#define HG_NN_REDUCTION_BACK_H

#include "nn/forward/reduction.h"

/* d of means -> d of sums: rows [n_segments, ld] are divided by the number of items. */
void hg_mean_back(const hg_run *run, const hg_items *it, hg_real *d, int64_t ld);

/* From the gradient d [segments, width] of a reduction, which is destroyed, to those of the tables that it read. */
hg_status hg_reduce_backward(hg_run *run, hg_entity entity, const hg_term *term, const hg_reduced *reduced, hg_real *d);

#endif
