/* pipeline/classify_calibration.c — one number per head, learnt on events that were not trained on, that makes its widths honest. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classification.h"
#include "pipeline/classify_heads.h"

static const double one_sigma = 0.6827;
static const int64_t events_least = 20; /* fewer teach nothing */

double hg_vmf_quantile(double kappa, double share)
{
    /* P(1 - cos psi < u) = (1 - exp(-kappa u)) / (1 - exp(-2 kappa)), Fisher 1953 */
    if (kappa < 1e-9) return 2 * share;
    return -log1p(share * expm1(-2 * kappa)) / kappa;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *value, int64_t n, double share)
{
    qsort(value, (size_t)n, sizeof *value, by_value);
    const int64_t i = (int64_t)(share * (double)n);
    return value[i < n ? i : n - 1];
}

static hg_status temperature(hg_context *ctx, const hg_real *output, int64_t stride, const hg_head *head, const hg_head_targets *t,
                             double *out)
{
    hg_status status = HG_OK;
    hg_real *logit = NULL;
    double found = 1;
    HG_TRY(hg_alloc(ctx, &logit, t->n));
    for (int64_t i = 0; i < t->n; ++i) logit[i] = output[i * stride + head->column];
    if (hg_metric_temperature(ctx, t->n, logit, t->signal, t->weight[HG_HEAD_SIGNAL], &found, NULL) == HG_OK)
        *out = found;
    else
        hg_context_clear(ctx); /* separated or one class: the logits stay as they are */
done:
    hg_free(ctx, logit);
    return status;
}

/* How many predicted widths the truth is away, of all known numbers of a head of Gaussians. */
static int64_t collect_pulls(const hg_real *output, int64_t stride, const hg_head *head, const hg_head_targets *t, double *pull)
{
    const int n_numbers = head->kind == HG_HEAD_VERTEX ? 3 : 1;
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; ++i) {
        if (!(t->weight[head->kind][i] > 0)) continue;
        for (int k = 0; k < n_numbers; ++k) {
            const hg_real *row = output + i * stride + head->column + 2 * k;
            const double truth = (double)(n_numbers == 3 ? t->vertex[3 * i + k] : t->energy[i]);
            pull[n++] = fabs((double)row[0] - truth) / exp((double)row[1] / 2);
        }
    }
    return n;
}

/* kappa (1 - cos psi) of a narrow vMF is exponential: its quantile tells how much too large kappa is. */
static int64_t collect_angles(const hg_real *output, int64_t stride, const hg_head *head, const hg_head_targets *t, double *value)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; ++i) {
        if (!(t->weight[HG_HEAD_DIRECTION][i] > 0)) continue;
        const hg_real *p = output + i * stride + head->column, *d = t->direction + 3 * i;
        const double kappa = sqrt((double)p[0] * (double)p[0] + (double)p[1] * (double)p[1] + (double)p[2] * (double)p[2]);
        const double along = (double)p[0] * (double)d[0] + (double)p[1] * (double)d[1] + (double)p[2] * (double)d[2];
        value[n++] = fmax(kappa - along, 0);
    }
    return n;
}

hg_status hg_heads_calibrate(hg_context *ctx, const hg_heads *heads, const hg_real *output, const hg_head_targets *targets,
                             hg_head_calibration *out)
{
    hg_status status = HG_OK;
    double *value = NULL;
    hg_head_calibration result;
    for (int k = 0; k < HG_N_HEADS; ++k) result.factor[k] = 1;
    HG_TRY(hg_alloc(ctx, &value, 3 * targets->n));
    for (int h = 0; h < heads->n && targets->n >= events_least; ++h) {
        const hg_head *head = &heads->head[h];
        double *factor = &result.factor[head->kind];
        int64_t n = 0;
        if (head->kind == HG_HEAD_SIGNAL) HG_TRY(temperature(ctx, output, heads->width, head, targets, factor));
        if (head->kind == HG_HEAD_ENERGY || head->kind == HG_HEAD_VERTEX) n = collect_pulls(output, heads->width, head, targets, value);
        if (n >= events_least) *factor = fmax(quantile(value, n, one_sigma), 1e-6);
        n = head->kind == HG_HEAD_DIRECTION ? collect_angles(output, heads->width, head, targets, value) : 0;
        if (n >= events_least) *factor = -log(1 - one_sigma) / fmax(quantile(value, n, one_sigma), 1e-9);
    }
    *out = result;
done:
    hg_free(ctx, value);
    return status;
}
