/* pipeline/classify_figures.c — single figures of a classifier's report, as JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_figures.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classification.h"
#include "pipeline/classify_heads.h"

static const double one_sigma = 0.6827, degrees = 57.29577951308232;
static const double false_positive_rate[] = {1e-2, 1e-3, 1e-4};
enum { N_RATES = 3, N_BINS = 10 };

double hg_figures_cosine(const float a[3], const float b[3])
{
    const double c = (double)a[0] * (double)b[0] + (double)a[1] * (double)b[1] + (double)a[2] * (double)b[2];
    return fmin(fmax(c, -1), 1);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, linear between neighbours. */
static double quantile(const double *value, int64_t n, double share)
{
    const double at = share * (double)(n - 1);
    const int64_t i = (int64_t)at;
    return i + 1 < n ? value[i] + (at - (double)i) * (value[i + 1] - value[i]) : value[n - 1];
}

/* ---- rankings ---- */

typedef struct scored {
    double score;
    uint8_t label;
} scored;

static int from_the_top(const void *a, const void *b)
{
    const scored *p = a, *q = b;
    return (p->score < q->score) - (p->score > q->score);
}

/* Positives above the lowest cut that lets at most `most` negatives through; ties go together. */
static int64_t kept(const scored *list, int64_t n, double most)
{
    int64_t positives = 0, negatives = 0, best = 0;
    for (int64_t i = 0; i < n; ++i) {
        positives += list[i].label != 0;
        negatives += list[i].label == 0;
        if (i + 1 < n && list[i + 1].score == list[i].score) continue;
        if ((double)negatives > most) break;
        best = positives;
    }
    return best;
}

static json_t *efficiencies(const scored *list, int64_t n, int64_t n_positive)
{
    json_t *rates = json_array();
    for (int k = 0; k < N_RATES; ++k) {
        const double fpr = false_positive_rate[k], most = fpr * (double)(n - n_positive);
        double low, high;
        if (most < 1) continue;
        const int64_t passed = kept(list, n, most + 1e-9);
        hg_interval_wilson((double)passed, (double)n_positive, 1, &low, &high);
        json_array_append_new(rates, json_pack("{s:f, s:f, s:f, s:f}", "fpr", fpr, "efficiency", (double)passed / (double)n_positive, "low",
                                               low, "high", high));
    }
    return rates;
}

hg_status hg_figures_ranking(hg_context *ctx, const char *name, int64_t n, const hg_real *score, const uint8_t *label, bool turn,
                             json_t *list)
{
    hg_status status = HG_OK;
    scored *sorted = NULL;
    double auc = 0;
    int64_t n_positive = 0;
    for (int64_t i = 0; i < n; ++i) n_positive += label[i] != 0;
    if (n_positive == 0 || n_positive == n) return status;
    HG_TRY(hg_metric_auc(ctx, n, score, label, NULL, &auc));
    const bool reversed = turn && auc < 0.5;
    HG_TRY(hg_alloc(ctx, &sorted, n));
    for (int64_t i = 0; i < n; ++i) sorted[i] = (scored){reversed ? -(double)score[i] : (double)score[i], label[i]};
    qsort(sorted, (size_t)n, sizeof *sorted, from_the_top);
    json_array_append_new(list, json_pack("{s:s, s:f, s:b, s:o}", "name", name, "auc", reversed ? 1 - auc : auc, "reversed", reversed,
                                          "efficiency", efficiencies(sorted, n, n_positive)));
done:
    hg_free(ctx, sorted);
    return status;
}

hg_status hg_figures_calibration(hg_context *ctx, int64_t n, const hg_real *logit, const uint8_t *label, const float *probability,
                                 const int64_t *row, json_t *slice)
{
    hg_status status = HG_OK;
    hg_real *p = NULL;
    hg_score_calibration c;
    double temperature = 0;
    if (!probability || n == 0) return status;
    HG_TRY(hg_alloc(ctx, &p, n));
    for (int64_t i = 0; i < n; ++i) p[i] = (hg_real)probability[row[i]];
    HG_TRY(hg_metric_calibration(ctx, n, p, label, NULL, N_BINS, &c));
    json_t *figures = json_pack("{s:f, s:f, s:o}", "ece", c.ece, "brier", c.brier, "nll", hg_json_number(c.nll));
    if (hg_metric_temperature(ctx, n, logit, label, NULL, &temperature, NULL) == HG_OK)
        json_object_set_new(figures, "temperature", json_real(temperature));
    else
        hg_context_clear(ctx); /* one class, or separated: there is none */
    json_object_set_new(slice, "calibration", figures);
done:
    hg_free(ctx, p);
    return status;
}

/* ---- regression ---- */

hg_status hg_figures_angles(hg_context *ctx, const char *name, int64_t n, double *cosine, const double *kappa, json_t *list)
{
    hg_status status = HG_OK;
    double *scaled = NULL, inside = 0;
    if (n == 0) return status;
    json_t *figures = json_pack("{s:s, s:I}", "name", name, "n", (json_int_t)n);
    HG_TRY(hg_alloc(ctx, &scaled, n));
    for (int64_t i = 0; kappa && i < n; ++i) {
        scaled[i] = kappa[i] * (1 - cosine[i]);
        inside += 1 - cosine[i] <= hg_vmf_quantile(kappa[i], one_sigma);
    }
    for (int64_t i = 0; i < n; ++i) cosine[i] = acos(cosine[i]) * degrees;
    qsort(cosine, (size_t)n, sizeof *cosine, by_value);
    json_object_set_new(figures, "median_deg", json_real(quantile(cosine, n, 0.5)));
    json_object_set_new(figures, "q68_deg", json_real(quantile(cosine, n, one_sigma)));
    json_object_set_new(figures, "q90_deg", json_real(quantile(cosine, n, 0.9)));
    if (kappa) {
        qsort(scaled, (size_t)n, sizeof *scaled, by_value);
        json_object_set_new(figures, "pull_width", json_real(sqrt(quantile(scaled, n, one_sigma) / -log(1 - one_sigma))));
        json_object_set_new(figures, "coverage_68", json_real(inside / (double)n));
    }
    json_array_append(list, figures);
done:
    json_decref(figures);
    hg_free(ctx, scaled);
    return status;
}

static void pull_figures(double *pull, int64_t n, json_t *figures)
{
    double mean = 0, square = 0, inside = 0;
    for (int64_t i = 0; i < n; ++i) {
        mean += pull[i] / (double)n;
        square += pull[i] * pull[i] / (double)n;
        inside += fabs(pull[i]) <= 1;
    }
    qsort(pull, (size_t)n, sizeof *pull, by_value);
    const double width = (quantile(pull, n, (1 + one_sigma) / 2) - quantile(pull, n, (1 - one_sigma) / 2)) / 2;
    json_object_set_new(figures, "pull_mean", json_real(mean));
    json_object_set_new(figures, "pull_width", json_real(width));
    json_object_set_new(figures, "pull_rms", json_real(sqrt(square)));
    json_object_set_new(figures, "coverage_68", json_real(inside / (double)n));
}

hg_status hg_figures_pulls(hg_context *ctx, const char *key, int64_t n, double *difference, const double *width, json_t *slice)
{
    hg_status status = HG_OK;
    double *pull = NULL, bias = 0;
    json_t *figures = json_pack("{s:I}", "n", (json_int_t)n);
    HG_TRY(hg_alloc(ctx, &pull, n));
    for (int64_t i = 0; i < n; ++i) {
        bias += difference[i] / (double)n;
        pull[i] = width && width[i] > 0 ? difference[i] / width[i] : 0;
        difference[i] = fabs(difference[i]);
    }
    qsort(difference, (size_t)n, sizeof *difference, by_value);
    json_object_set_new(figures, "bias", json_real(bias));
    json_object_set_new(figures, "median_error", json_real(quantile(difference, n, 0.5)));
    json_object_set_new(figures, "q68_error", json_real(quantile(difference, n, one_sigma)));
    if (width) pull_figures(pull, n, figures);
    json_object_set(slice, key, figures);
done:
    json_decref(figures);
    hg_free(ctx, pull);
    return status;
}
