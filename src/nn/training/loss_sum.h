/* nn/training/loss_sum.h — adds the terms of a loss over fixed blocks and scales their gradients. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_LOSS_SUM_H
#define HG_NN_LOSS_SUM_H

#include "hitgraph/context.h"
#include "hitgraph/loss.h"

/* Value of term i; writes its gradient times scale where the gradient is wanted. `terms` is the loss's own structure. */
typedef double hg_loss_term(const void *terms, int64_t i, double scale);

/* *loss = reduction of term(i) for i = 0 .. n - 1. norm_weight: [n] weights whose sum WEIGHTED_MEAN divides by; NULL = n. */
hg_status hg_loss_reduce(hg_context *ctx, int64_t n, hg_loss_term *term, const void *terms, const hg_real *norm_weight,
                         hg_loss_reduction reduction, double *loss);

/* Sum of term(i) over i with a given scale of the gradients. */
hg_status hg_loss_sum(hg_context *ctx, int64_t n, hg_loss_term *term, const void *terms, double scale, double *sum);

#endif
