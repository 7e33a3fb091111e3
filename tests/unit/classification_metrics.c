/* tests/unit/classification_metrics.c — ranking, rates, calibration and intervals against reference numbers and brute force. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "base/random.h"
#include "hitgraph/classification.h"
#include "tests/context.h"

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) fail_msg("found %.12g, expected %.12g", found, expected);
}

static const hg_real scores[] = {.9f, .8f, .8f, .8f, .4f, .4f, .1f}, weights[] = {1, 2, .5f, 1, 1, 3, 2};
static const uint8_t labels[] = {1, 1, 0, 1, 0, 1, 0};

static void ranking_with_ties_and_weights(void **state)
{
    (void)state;
    double value;
    assert_int_equal(hg_metric_auc(ctx, 7, scores, labels, NULL, &value), HG_OK);
    assert_close(value, 0.7916666667, 1e-10);
    assert_int_equal(hg_metric_average_precision(ctx, 7, scores, labels, NULL, &value), HG_OK);
    assert_close(value, 0.7916666667, 1e-10);
    assert_int_equal(hg_metric_auc(ctx, 7, scores, labels, weights, &value), HG_OK);
    assert_close(value, 0.8469387755, 1e-10);
    assert_int_equal(hg_metric_average_precision(ctx, 7, scores, labels, weights, &value), HG_OK);
    assert_close(value, 0.8767507003, 1e-10);
}

/* The area is the weighted share of (positive, negative) pairs in the right order. */
static void area_is_the_share_of_ordered_pairs(void **state)
{
    (void)state;
    enum { N = 60 };
    hg_random random = hg_random_stream(1, 1, 0, 0);
    for (int trial = 0; trial < 200; ++trial) {
        hg_real score[N], weight[N];
        uint8_t label[N];
        int n = 2 + (int)hg_random_below(&random, N - 2);
        for (int i = 0; i < n; ++i) {
            score[i] = (hg_real)hg_random_below(&random, trial % 2 ? 5 : 1000) - 2; /* many ties, both signs */
            if (score[i] == 0 && i % 2) score[i] = (hg_real)-0.0;
            label[i] = i < 2 ? (uint8_t)i : (uint8_t)hg_random_below(&random, 2);
            weight[i] = i < 2 ? 1 : (hg_real)hg_random_below(&random, 4);
        }
        double wins = 0, pairs = 0, auc;
        for (int i = 0; i < n; ++i)
            for (int j = 0; j < n; ++j) {
                if (!label[i] || label[j]) continue;
                double w = (double)weight[i] * (double)weight[j];
                pairs += w;
                wins += w * (score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0);
            }
        assert_int_equal(hg_metric_auc(ctx, n, score, label, weight, &auc), HG_OK);
        assert_close(auc, wins / pairs, 1e-13);
    }
}

static void undefined_cases_are_errors(void **state)
{
    (void)state;
    const uint8_t ones[] = {1, 1, 1}, zeros[] = {0, 0, 0}, mixed[] = {1, 0, 1};
    const hg_real broken[] = {1, (hg_real)NAN, 0}, mask[] = {1, 0, 1}, negative[] = {1, -1, 1};
    double value = 7;
    assert_int_equal(hg_metric_auc(ctx, 3, scores, ones, NULL, &value), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "both classes"));
    assert_int_equal(hg_metric_auc(ctx, 3, scores, mixed, mask, &value), HG_ERR_DATA);
    assert_int_equal(hg_metric_auc(ctx, 0, NULL, NULL, NULL, &value), HG_ERR_DATA);
    assert_int_equal(hg_metric_average_precision(ctx, 3, scores, zeros, NULL, &value), HG_ERR_DATA);
    assert_int_equal(hg_metric_auc(ctx, 3, broken, mixed, NULL, &value), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "element 1"));
    assert_int_equal(hg_metric_auc(ctx, 3, scores, mixed, negative, &value), HG_ERR_DATA);
    assert_int_equal(hg_metric_threshold(ctx, 3, scores, mixed, NULL, 0, &value), HG_ERR_ARG);
    assert_true(value == 7);
}

static void rates_at_a_threshold(void **state)
{
    (void)state;
    hg_confusion c = hg_metric_confusion(7, scores, labels, NULL, (double)scores[1]);
    assert_true(c.true_positive == 3 && c.false_positive == 1 && c.false_negative == 1 && c.true_negative == 2);
    assert_true(hg_metric_efficiency(&c) == 0.75 && hg_metric_purity(&c) == 0.75);
    c = hg_metric_confusion(7, scores, labels, weights, 0.5);
    assert_close(hg_metric_efficiency(&c), 4.0 / 7, 1e-12);
    assert_close(hg_metric_purity(&c), 4 / 4.5, 1e-12);
    c = hg_metric_confusion(7, scores, labels, NULL, 2);
    assert_true(hg_metric_efficiency(&c) == 0 && isnan(hg_metric_purity(&c)));

    double threshold;
    const struct {
        double efficiency;
        hg_real threshold;
    } cases[] = {{0.2, .9f}, {0.25, .9f}, {0.26, .8f}, {0.75, .8f}, {0.76, .4f}, {1, .4f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_int_equal(hg_metric_threshold(ctx, 7, scores, labels, NULL, cases[i].efficiency, &threshold), HG_OK);
        assert_true(threshold == (double)cases[i].threshold);
    }
}

static void calibration(void **state)
{
    (void)state;
    const hg_real p[] = {.05f, .15f, .35f, .62f, .71f, .93f};
    const uint8_t y[] = {0, 0, 1, 0, 1, 1};
    hg_real logit[6];
    hg_score_calibration c;
    double temperature, nll;
    assert_int_equal(hg_metric_calibration(ctx, 6, p, y, NULL, 5, &c), HG_OK);
    assert_close(c.ece, 0.2083333333, 1e-7);
    assert_close(c.brier, 0.1534833333, 1e-7);
    assert_close(c.nll, 0.4410465627, 1e-7);
    for (int i = 0; i < 6; ++i) logit[i] = (hg_real)log((double)p[i] / (1 - (double)p[i]));
    assert_int_equal(hg_metric_temperature(ctx, 6, logit, y, NULL, &temperature, &nll), HG_OK);
    assert_close(temperature, 0.9087162, 1e-6);
    assert_close(nll, 0.4398894470, 1e-7);
    const uint8_t separated[] = {0, 0, 0, 1, 1, 1};
    assert_int_equal(hg_metric_temperature(ctx, 6, logit, separated, NULL, &temperature, &nll), HG_ERR_DATA);
    const hg_real certain[] = {0, 1}, outside[] = {0.5f, 1.5f};
    assert_int_equal(hg_metric_calibration(ctx, 2, certain, labels, NULL, 5, &c), HG_OK);
    assert_close(c.nll, 50, 1e-9);
    assert_int_equal(hg_metric_calibration(ctx, 2, outside, labels, NULL, 5, &c), HG_ERR_DATA);
}

static void intervals(void **state)
{
    (void)state;
    double low, high;
    hg_interval_clopper_pearson(95, 100, 0.3173, &low, &high);
    assert_close(low, 0.917591, 1e-6);
    assert_close(high, 0.971429, 1e-6);
    hg_interval_wilson(95, 100, 1, &low, &high);
    assert_close(low, 0.923405, 1e-6);
    assert_close(high, 0.967684, 1e-6);
    hg_interval_clopper_pearson(100, 100, 0.3173, &low, &high);
    assert_close(low, 0.981758, 1e-6);
    assert_true(high == 1);
    hg_interval_wilson(100, 100, 1, &low, &high);
    assert_close(low, 0.990099, 1e-6);
    hg_interval_clopper_pearson(0, 0, 0.3173, &low, &high);
    assert_true(low == 0 && high == 1);
    /* I_x for whole numbers is a binomial tail */
    for (int n = 1; n <= 20; ++n)
        for (int k = 1; k <= n; ++k) {
            double x = 0.05 * k + 0.01 * n, tail = 0;
            if (x >= 1) continue;
            for (int j = k; j <= n; ++j) tail += exp(lgamma(n + 1) - lgamma(j + 1) - lgamma(n - j + 1)) * pow(x, j) * pow(1 - x, n - j);
            assert_close(hg_incomplete_beta(k, n - k + 1, x), tail, 1e-12);
            assert_close(hg_incomplete_beta_inverse(k, n - k + 1, tail), x, 1e-8 + (tail > 1 - 1e-9 ? 1 : 0));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranking_with_ties_and_weights),
        cmocka_unit_test(area_is_the_share_of_ordered_pairs),
        cmocka_unit_test(undefined_cases_are_errors),
        cmocka_unit_test(rates_at_a_threshold),
        cmocka_unit_test(calibration),
        cmocka_unit_test(intervals),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
