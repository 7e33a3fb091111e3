/* nn/training/loss_sum.c — adds the terms of a loss over fixed blocks and scales their gradients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/training/loss_sum.h"

hg_status hg_loss_sum(hg_context *ctx, int64_t n, hg_loss_term *term, const void *terms, double scale, double *sum)
{
    hg_status status = HG_OK;
    double *partial = NULL; /* [n_blocks] */
    int64_t n_blocks = hg_block_count(n, HG_SUM_BLOCK);

    HG_TRY(hg_alloc(ctx, &partial, n_blocks));
#pragma omp parallel for schedule(static) num_threads(hg_context_threads(ctx)) if (n_blocks > 1)
    for (int64_t b = 0; b < n_blocks; ++b) {
        int64_t last = (b + 1) * HG_SUM_BLOCK < n ? (b + 1) * HG_SUM_BLOCK : n;
        double s = 0;
        for (int64_t i = b * HG_SUM_BLOCK; i < last; ++i) s += term(terms, i, scale);
        partial[b] = s;
    }
    *sum = 0;
    for (int64_t b = 0; b < n_blocks; ++b) *sum += partial[b];
done:
    hg_free(ctx, partial);
    return status;
}

static double weight_term(const void *terms, int64_t i, double scale)
{
    (void)scale;
    return (double)((const hg_real *)terms)[i];
}

hg_status hg_loss_reduce(hg_context *ctx, int64_t n, hg_loss_term *term, const void *terms, const hg_real *norm_weight,
                         hg_loss_reduction reduction, double *loss)
{
    hg_status status = HG_OK;
    double norm = 1, sum = 0;

    HG_CHECK(n >= 0, HG_ERR_ARG, "loss: found %" PRId64 " elements, expected 0 or more", n);
    if (reduction == HG_LOSS_MEAN || (reduction == HG_LOSS_WEIGHTED_MEAN && !norm_weight))
        norm = (double)n;
    else if (reduction == HG_LOSS_WEIGHTED_MEAN)
        HG_TRY(hg_loss_sum(ctx, n, weight_term, norm_weight, 0, &norm));

    /* a mean over nothing is 0, with zero gradient */
    double scale = norm > 0 ? 1 / norm : 0;
    HG_TRY(hg_loss_sum(ctx, n, term, terms, scale, &sum));
    *loss = norm > 0 ? sum / norm : 0 * sum;
done:
    return status;
}
