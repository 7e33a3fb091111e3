/* nn/metrics/classification_metrics.c — ROC area, average precision, rates at a threshold. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/sort.h"
#include "hitgraph/classification.h"

/* Maps a score to a number that sorts the other way round: a rising key is a falling score; -0 and +0 are the same score. */
static uint64_t descending_key(double score)
{
    uint64_t bits;
    score += 0.0;
    memcpy(&bits, &score, sizeof bits);
    uint64_t ascending = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    return ~ascending;
}

typedef struct labelled {
    int64_t n;
    const hg_real *score;
    const uint8_t *label;
    const hg_real *weight;
} labelled;

static double weight_of(const labelled *data, int64_t i)
{
    return data->weight ? (double)data->weight[i] : 1;
}

static hg_status check_data(hg_context *ctx, const labelled *data, double *positive, double *negative)
{
    hg_status status = HG_OK;
    double sum[2] = {0, 0};
    HG_CHECK(data->n >= 0, HG_ERR_ARG, "metric: found %" PRId64 " elements, expected 0 or more", data->n);
    for (int64_t i = 0; i < data->n; ++i) {
        double w = weight_of(data, i);
        HG_CHECK(w >= 0 && isfinite(w), HG_ERR_DATA, "metric: weight %g of element %" PRId64 ", expected 0 or more", w, i);
        HG_CHECK(w == 0 || !isnan(data->score[i]), HG_ERR_DATA, "metric: score of element %" PRId64 " is not a number", i);
        sum[data->label[i] != 0] += w;
    }
    *negative = sum[0];
    *positive = sum[1];
done:
    return status;
}

/* Called once per group of equal scores, from the highest down, with the sums of weights of the group. */
typedef bool group_fn(void *user, double score, double positive, double negative);

static hg_status for_each_group(hg_context *ctx, const labelled *data, group_fn *visit, void *user)
{
    hg_status status = HG_OK;
    hg_ranked *items = NULL, *scratch = NULL;
    int64_t n = 0;

    HG_TRY(hg_alloc(ctx, &items, data->n));
    HG_TRY(hg_alloc(ctx, &scratch, data->n));
    for (int64_t i = 0; i < data->n; ++i)
        if (weight_of(data, i) > 0) items[n++] = (hg_ranked){descending_key((double)data->score[i]), i};
    const hg_ranked *sorted = hg_sort_ranked(n, items, scratch);
    for (int64_t first = 0, last; first < n; first = last) {
        double sum[2] = {0, 0};
        for (last = first; last < n && sorted[last].key == sorted[first].key; ++last)
            sum[data->label[sorted[last].index] != 0] += weight_of(data, sorted[last].index);
        if (!visit(user, (double)data->score[sorted[first].index], sum[1], sum[0])) break;
    }
done:
    hg_free(ctx, items);
    hg_free(ctx, scratch);
    return status;
}

typedef struct roc {
    double true_positive, false_positive, area;
} roc;

static bool add_trapezoid(void *user, double score, double positive, double negative)
{
    roc *r = user;
    (void)score;
    r->area += negative * (r->true_positive + positive / 2);
    r->true_positive += positive;
    r->false_positive += negative;
    return true;
}

hg_status hg_metric_auc(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight, double *auc)
{
    hg_status status = HG_OK;
    labelled data = {n, score, label, weight};
    double positive = 0, negative = 0;
    roc curve = {0, 0, 0};

    HG_TRY(check_data(ctx, &data, &positive, &negative));
    HG_CHECK(positive > 0 && negative > 0, HG_ERR_DATA, "ROC area: weight of positives %g and of negatives %g, expected both classes",
             positive, negative);
    HG_TRY(for_each_group(ctx, &data, add_trapezoid, &curve));
    *auc = curve.area / (curve.true_positive * curve.false_positive);
done:
    return status;
}

static bool add_precision(void *user, double score, double positive, double negative)
{
    roc *r = user;
    (void)score;
    r->true_positive += positive;
    r->false_positive += negative;
    if (positive > 0) r->area += positive * r->true_positive / (r->true_positive + r->false_positive);
    return true;
}

hg_status hg_metric_average_precision(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight,
                                      double *precision)
{
    hg_status status = HG_OK;
    labelled data = {n, score, label, weight};
    double positive = 0, negative = 0;
    roc curve = {0, 0, 0};

    HG_TRY(check_data(ctx, &data, &positive, &negative));
    HG_CHECK(positive > 0, HG_ERR_DATA, "average precision: no positives");
    HG_TRY(for_each_group(ctx, &data, add_precision, &curve));
    *precision = curve.area / curve.true_positive;
done:
    return status;
}

hg_confusion hg_metric_confusion(int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight, double threshold)
{
    double sum[2][2] = {{0, 0}, {0, 0}}; /* [accepted][positive] */
    for (int64_t i = 0; i < n; ++i) sum[(double)score[i] >= threshold][label[i] != 0] += weight ? (double)weight[i] : 1;
    return (hg_confusion){.true_positive = sum[1][1], .false_positive = sum[1][0], .false_negative = sum[0][1], .true_negative = sum[0][0]};
}

double hg_metric_efficiency(const hg_confusion *c)
{
    double all = c->true_positive + c->false_negative;
    return all > 0 ? c->true_positive / all : NAN;
}

double hg_metric_purity(const hg_confusion *c)
{
    double all = c->true_positive + c->false_positive;
    return all > 0 ? c->true_positive / all : NAN;
}

typedef struct cut {
    double wanted, reached, threshold;
} cut;

static bool lower_cut(void *user, double score, double positive, double negative)
{
    cut *c = user;
    (void)negative;
    c->reached += positive;
    c->threshold = score;
    return c->reached < c->wanted;
}

hg_status hg_metric_threshold(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight,
                              double efficiency, double *threshold)
{
    hg_status status = HG_OK;
    labelled data = {n, score, label, weight};
    double positive = 0, negative = 0;

    HG_CHECK(efficiency > 0 && efficiency <= 1, HG_ERR_ARG, "threshold: efficiency %g, expected above 0, at most 1", efficiency);
    HG_TRY(check_data(ctx, &data, &positive, &negative));
    HG_CHECK(positive > 0, HG_ERR_DATA, "threshold: no positives");
    /* the groups add the same weights in another order: allow for rounding, or efficiency 1 might be missed */
    cut c = {.wanted = efficiency * positive * (1 - 1e-12)};
    HG_TRY(for_each_group(ctx, &data, lower_cut, &c));
    *threshold = c.threshold;
done:
    return status;
}
