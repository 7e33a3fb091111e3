/* tracking/working_point.c — the purity of scored doublets where they keep a given share of the true ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/graph_truth.h"

static int compare_scores(const void *a, const void *b)
{
    const float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

hg_status hg_doublet_working_point(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, const float *score,
                                   hg_edge_truth truth, const hg_target *target, double efficiency, float *cut, hg_edge_rates *out)
{
    hg_status status = HG_OK;
    float *wanted = NULL; /* [n] scores of the true doublets of targets */
    uint8_t *keep = NULL;
    int64_t n = 0;

    HG_CHECK(efficiency > 0 && efficiency <= 1, HG_ERR_ARG, "efficiency %g, expected above 0, at most 1", efficiency);
    HG_TRY(hg_truth_check_rows(ctx, "doublet", doublets->n, doublets->sender, doublets->receiver, order->n_hits));
    HG_TRY(hg_alloc_unset(ctx, &wanted, doublets->n));
    HG_TRY(hg_alloc_unset(ctx, &keep, doublets->n));
    for (int64_t e = 0; e < doublets->n; ++e) {
        HG_CHECK(!isnan(score[e]), HG_ERR_DATA, "doublet %" PRId64 ": its score is not a number", e);
        if (hg_truth_doublet_label(order, truth, doublets, e) == HG_EDGE_TRUE &&
            hg_truth_is_target(order, target, order->particle[doublets->sender[e]]))
            wanted[n++] = score[e];
    }
    qsort(wanted, (size_t)n, sizeof *wanted, compare_scores);
    const double lost = floor((1 - efficiency) * (double)n * (1 + 1e-12)); /* 1 - 0.99 falls short of 0.01 by its rounding */
    const float lowest = n > 0 ? wanted[(int64_t)lost < n ? (int64_t)lost : n - 1] : INFINITY;
    for (int64_t e = 0; e < doublets->n; ++e) keep[e] = score[e] >= lowest;
    const hg_edge_list kept = {doublets->n, doublets->sender, doublets->receiver, keep};
    HG_TRY(hg_doublet_rates(ctx, order, &kept, truth, target, out));
    *cut = lowest;
done:
    hg_free(ctx, wanted);
    hg_free(ctx, keep);
    return status;
}
