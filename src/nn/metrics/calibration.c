/* nn/metrics/calibration.c — do scores mean probabilities? Reliability, Brier score, likelihood, temperature scaling. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classification.h"

static double weight_at(const hg_real *weight, int64_t i)
{
    return weight ? (double)weight[i] : 1;
}

typedef struct bin {
    double weight, probability, positive;
} bin;

hg_status hg_metric_calibration(hg_context *ctx, int64_t n, const hg_real *probability, const uint8_t *label, const hg_real *weight,
                                int n_bins, hg_score_calibration *out)
{
    hg_status status = HG_OK;
    bin *bins = NULL;
    double total = 0, brier = 0, nll = 0, ece = 0;

    HG_CHECK(n_bins >= 1 && n_bins <= 10000, HG_ERR_ARG, "calibration: %d bins, expected 1 to 10000", n_bins);
    HG_TRY(hg_alloc(ctx, &bins, n_bins));
    for (int64_t i = 0; i < n; ++i) {
        double p = (double)probability[i], y = label[i] != 0, w = weight_at(weight, i);
        HG_CHECK(w >= 0 && isfinite(w), HG_ERR_DATA, "calibration: weight %g of element %" PRId64 ", expected 0 or more", w, i);
        if (w == 0) continue;
        HG_CHECK(p >= 0 && p <= 1, HG_ERR_DATA, "calibration: probability %g of element %" PRId64 ", expected 0 to 1", p, i);
        bin *b = &bins[(int)fmin(p * n_bins, n_bins - 1)];
        b->weight += w;
        b->probability += w * p;
        b->positive += w * y;
        total += w;
        brier += w * (p - y) * (p - y);
        nll -= w * log(fmax(y > 0 ? p : 1 - p, exp(-100))); /* PyTorch's floor: a certain error costs 100 */
    }
    HG_CHECK(total > 0, HG_ERR_DATA, "calibration: no element has weight");
    for (int b = 0; b < n_bins; ++b) ece += fabs(bins[b].probability - bins[b].positive);
    *out = (hg_score_calibration){.ece = ece / total, .brier = brier / total, .nll = nll / total};
done:
    hg_free(ctx, bins);
    return status;
}

typedef struct fit_data {
    int64_t n;
    const hg_real *logit;
    const uint8_t *label;
    const hg_real *weight;
} fit_data;

/* Mean negative log likelihood at inverse temperature b and its slope in b; it is convex in b. */
static double likelihood(const fit_data *data, double b, double *slope)
{
    double sum = 0, total = 0;
    *slope = 0;
    for (int64_t i = 0; i < data->n; ++i) {
        double w = weight_at(data->weight, i);
        if (w == 0) continue;
        double z = data->label[i] ? -(double)data->logit[i] : (double)data->logit[i], x = b * z;
        double e = exp(-fabs(x)), p = x >= 0 ? 1 / (1 + e) : e / (1 + e);
        sum += w * (fmax(x, 0) + log1p(e));
        *slope += w * z * p;
        total += w;
    }
    *slope /= total;
    return sum / total;
}

hg_status hg_metric_temperature(hg_context *ctx, int64_t n, const hg_real *logit, const uint8_t *label, const hg_real *weight,
                                double *temperature, double *nll)
{
    hg_status status = HG_OK;
    fit_data data = {n, logit, label, weight};
    double sum[2] = {0, 0}, slope, low = -20, high = 20;

    for (int64_t i = 0; i < n; ++i) {
        double w = weight_at(weight, i);
        HG_CHECK(w >= 0 && isfinite(w), HG_ERR_DATA, "temperature: weight %g of element %" PRId64 ", expected 0 or more", w, i);
        HG_CHECK(w == 0 || isfinite(logit[i]), HG_ERR_DATA, "temperature: logit %g of element %" PRId64 " is not finite", (double)logit[i],
                 i);
        sum[label[i] != 0] += w;
    }
    HG_CHECK(sum[0] > 0 && sum[1] > 0, HG_ERR_DATA, "temperature: weight of positives %g and of negatives %g, expected both classes",
             sum[1], sum[0]);
    likelihood(&data, exp(low), &slope);
    HG_CHECK(slope < 0, HG_ERR_DATA, "temperature: the scores do not separate the classes at any temperature");
    likelihood(&data, exp(high), &slope);
    HG_CHECK(slope > 0, HG_ERR_DATA, "temperature: the scores separate the classes completely, no finite temperature is best");
    for (int step = 0; step < 100; ++step) { /* bisection in log(1 / T) */
        double middle = (low + high) / 2;
        likelihood(&data, exp(middle), &slope);
        if (slope > 0)
            high = middle;
        else
            low = middle;
    }
    double best = likelihood(&data, exp((low + high) / 2), &slope);
    *temperature = exp(-(low + high) / 2);
    if (nll) *nll = best;
done:
    return status;
}
