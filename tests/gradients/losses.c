/* tests/gradients/losses.c — losses against reference numbers, and their gradients against central differences, in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "hitgraph/loss.h"
#include "tests/context.h"

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * fmax(1, fabs(expected)))) fail_msg("found %.12g, expected %.12g", found, expected);
}

static void assert_all_close(const double *found, const double *expected, int n, double tolerance)
{
    for (int i = 0; i < n; ++i) assert_close(found[i], expected[i], tolerance);
}

static const double logits[] = {1.5, -0.7, 0.2, -3}, targets[] = {1, 0, 1, 0}, weights[] = {1, 0.5, 2, 0};

static void binary_cross_entropy(void **state)
{
    (void)state;
    const double each[] = {0.201413278, 0.4031860489, 0.5981388694, 0.04858735157};
    const double slope[] = {-0.4560638095, 0.1659061139, -2.250830013, 0};
    double loss, gradient[4];
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(hg_loss_bce(ctx, 1, logits + i, targets + i, NULL, 1, HG_LOSS_MEAN, &loss, NULL), HG_OK);
        assert_close(loss, each[i], 1e-9);
    }
    assert_int_equal(hg_loss_bce(ctx, 4, logits, targets, weights, 2.5, HG_LOSS_SUM, &loss, gradient), HG_OK);
    assert_close(loss, 3.695820566, 1e-9);
    assert_all_close(gradient, slope, 4, 1e-9);
    assert_int_equal(hg_loss_bce(ctx, 4, logits, targets, weights, 2.5, HG_LOSS_MEAN, &loss, gradient), HG_OK);
    assert_close(loss, 0.9239551416, 1e-9);
    assert_close(gradient[2], -2.250830013 / 4, 1e-9);
    assert_int_equal(hg_loss_bce(ctx, 4, logits, targets, weights, 2.5, HG_LOSS_WEIGHTED_MEAN, &loss, gradient), HG_OK);
    assert_close(loss, 1.055948733, 1e-9);
    assert_close(gradient[2], -2.250830013 / 3.5, 1e-9);
}

static void binary_cross_entropy_at_the_edges(void **state)
{
    (void)state;
    const double z[] = {800, 800, -800, -800}, y[] = {0, 1, 0, 1}, value[] = {800, 0, 0, 800}, slope[] = {1, 0, 0, -1};
    double loss = 7, gradient = 7;
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(hg_loss_bce(ctx, 1, z + i, y + i, NULL, 1, HG_LOSS_SUM, &loss, &gradient), HG_OK);
        assert_true(loss == value[i]);
        assert_close(gradient, slope[i], 1e-300);
    }
    assert_int_equal(hg_loss_bce(ctx, 0, NULL, NULL, NULL, 1, HG_LOSS_MEAN, &loss, NULL), HG_OK);
    assert_true(loss == 0);
    const double masked[] = {0, 0};
    double two[2];
    assert_int_equal(hg_loss_bce(ctx, 2, logits, targets, masked, 1, HG_LOSS_WEIGHTED_MEAN, &loss, two), HG_OK);
    assert_true(loss == 0 && two[0] == 0 && two[1] == 0);
    assert_int_equal(hg_loss_bce(ctx, 1, logits, targets, NULL, NAN, HG_LOSS_SUM, &loss, NULL), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "positive"));
}

static void focal(void **state)
{
    (void)state;
    const double each[] = {0.001675711732, 0.03329289281, 0.03030312523, 8.196249337e-5};
    const double slope[] = {-0.004257776306, 0.07189104183, -0.05612984791, 0.0002361538849};
    double loss, gradient[4];
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(hg_loss_focal(ctx, 1, logits + i, targets + i, NULL, 0.25, 2, HG_LOSS_SUM, &loss, gradient + i), HG_OK);
        assert_close(loss, each[i], 1e-11);
    }
    assert_all_close(gradient, slope, 4, 1e-10);
    assert_int_equal(hg_loss_focal(ctx, 1, logits, targets, NULL, 1.5, 2, HG_LOSS_SUM, &loss, NULL), HG_ERR_ARG);
}

static void cross_entropy(void **state)
{
    (void)state;
    const double z[] = {1, 2, 0.5, -1, 0, 3}, class_weight[] = {2, 1, 0.5};
    const double slope[] = {0.07707463254, -0.1238227603, 0.04674812772, -0.655234783, 0.03107508172, 0.6241597013};
    const int32_t y[] = {1, 0}, wrong[] = {1, 3};
    double loss, gradient[6];
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(hg_loss_cross_entropy(ctx, 1, 3, z + 3 * i, y + i, NULL, 0, HG_LOSS_MEAN, &loss, NULL), HG_OK);
        assert_close(loss, i ? 4.065883904 : 0.4643687841, 1e-9);
        assert_int_equal(hg_loss_cross_entropy(ctx, 1, 3, z + 3 * i, y + i, NULL, 0.1, HG_LOSS_MEAN, &loss, NULL), HG_OK);
        assert_close(loss, i ? 3.899217237 : 0.5477021174, 1e-9);
    }
    assert_int_equal(hg_loss_cross_entropy(ctx, 2, 3, z, y, class_weight, 0, HG_LOSS_MEAN, &loss, gradient), HG_OK);
    assert_close(loss, 2.865378864, 1e-9);
    assert_all_close(gradient, slope, 6, 1e-9);
    assert_int_equal(hg_loss_cross_entropy(ctx, 2, 3, z, wrong, NULL, 0, HG_LOSS_MEAN, &loss, NULL), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "label 3 in row 1"));
}

static void regression(void **state)
{
    (void)state;
    const double p[] = {1, -0.3, 2}, t[] = {0.5, 0.4, -1};
    const struct {
        hg_regression kind;
        double parameter, value[3];
    } cases[] = {
        {HG_REGRESSION_MSE, 0, {0.25, 0.49, 9}},
        {HG_REGRESSION_MAE, 0, {0.5, 0.7, 3}},
        {HG_REGRESSION_HUBER, 1, {0.125, 0.245, 2.5}},
        {HG_REGRESSION_HUBER, 0.5, {0.125, 0.225, 1.375}},
        {HG_REGRESSION_SMOOTH_L1, 0.5, {0.25, 0.45, 2.75}},
        {HG_REGRESSION_LOG_COSH, 0, {0.120114507, 0.2272702294, 2.309328505}},
        {HG_REGRESSION_QUANTILE, 0.9, {0.05, 0.63, 0.3}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c)
        for (int i = 0; i < 3; ++i) {
            double loss;
            assert_int_equal(hg_loss_regression(ctx, cases[c].kind, cases[c].parameter, 1, p + i, t + i, NULL, HG_LOSS_MEAN, &loss, NULL),
                             HG_OK);
            assert_close(loss, cases[c].value[i], 1e-9);
        }
    const double with_variance[] = {1, 0, -0.3, -1, 2, 1.5}, value[] = {0.125, 0.165979048, 1.754085721};
    const double slope[] = {0.5, 0.375, -1.90279728, -0.165979048, 0.6693904804, -0.5040857207};
    for (int i = 0; i < 3; ++i) {
        double loss, gradient[2];
        assert_int_equal(hg_loss_gaussian(ctx, 1, with_variance + 2 * i, t + i, NULL, HG_LOSS_MEAN, &loss, gradient), HG_OK);
        assert_close(loss, value[i], 1e-9);
        assert_all_close(gradient, slope + 2 * i, 2, 1e-9);
    }
    double loss;
    assert_int_equal(hg_loss_regression(ctx, HG_REGRESSION_QUANTILE, 1, 1, p, t, NULL, HG_LOSS_MEAN, &loss, NULL), HG_ERR_ARG);
}

static void directions(void **state)
{
    (void)state;
    const double t[] = {0.6, 0.8, 0};
    const double p[4][3] = {{0.6, 0.8, 0.2}, {3, -1, 0.5}, {0, 0, 1e-9}, {2000, 10, 5}};
    const double value[] = {1.698716912, 2.874142585, 2.531024247, 786.2682087};
    const double slope[4][3] = {{-0.4126224702, -0.5501632936, 0.06245917659},
                                {0.04746898115, -1.015822994, 0.1079114969},
                                {-0.6, -0.8, 3.333333e-10},
                                {0.399484391, -0.795002578, 0.002498710977}};
    double loss, gradient[3];
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(hg_loss_vmf3(ctx, 1, p[i], t, NULL, HG_LOSS_MEAN, &loss, gradient), HG_OK);
        assert_close(loss, value[i], 1e-9);
        assert_all_close(gradient, slope[i], 3, 1e-9);
    }
    assert_int_equal(hg_loss_vmf3(ctx, 1, p[2], t, NULL, HG_LOSS_MEAN, &loss, gradient), HG_OK);
    assert_close(gradient[2] * 1e10, 3.333333, 1e-6);
    const double k[] = {1e-3, 1, 10, 100, 2000}, a[] = {0.000333333311111113, 0.313035285499331, 0.900000004122307, 0.99, 0.9995};
    const double log_c[] = {-2.53102441363595, -2.69246360854049, -9.53529197135415, -97.2327068804213, -1994.23697460687};
    for (int i = 0; i < 5; ++i) {
        assert_close(hg_vmf3_log_norm(k[i]), log_c[i], 1e-14);
        assert_close(k[i] * hg_vmf3_mean_over_k(k[i]), a[i], 1e-14);
    }
    const double target = 0.3, flat[2][2] = {{0.5, 2}, {0.1, 50}},
                 flat_slope[2][2] = {{0.3973386616, -0.2822919199}, {-9.933466540, 0.00988238954}};
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(hg_loss_vmf2(ctx, 1, flat[i], &target, NULL, HG_LOSS_MEAN, &loss, gradient), HG_OK);
        assert_close(loss, i ? -0.0378763238 : 0.7017374522, 1e-9);
        assert_all_close(gradient, flat_slope[i], 2, 1e-9);
    }
    const double kb[] = {1, 10, 100}, log_i0[] = {0.235914358507179, 7.9429720831187, 96.7797326899426};
    const double ratio[] = {0.446389965896535, 0.948599825954846, 0.994987373005169};
    for (int i = 0; i < 3; ++i) {
        assert_close(hg_log_bessel_i0(kb[i]), log_i0[i], 1e-14);
        assert_close(hg_bessel_ratio(kb[i]), ratio[i], 1e-14);
    }
    /* the two series of the Bessel functions meet */
    assert_close(hg_log_bessel_i0(29.999999999), hg_log_bessel_i0(30.000000001) - 2e-9 * hg_bessel_ratio(30), 1e-13);
    assert_close(hg_bessel_ratio(29.999999999), hg_bessel_ratio(30.000000001), 1e-11);
}

/* Gradient descent on samples drawn so that the best concentration is known: a loss that is flat at large k would stop short. */
static void learns_large_concentrations(void **state)
{
    (void)state;
    const double wanted[] = {1e3, 1e4};
    for (int c = 0; c < 2; ++c) {
        /* samples at one angle from the axis with cos = A(k*): their likelihood peaks at k* */
        double cosine = wanted[c] * hg_vmf3_mean_over_k(wanted[c]), sine = sqrt(1 - cosine * cosine);
        double t[12], p[12], gradient[12], loss, k = 10;
        for (int i = 0; i < 4; ++i) {
            t[3 * i] = sine * cos(i * M_PI_2);
            t[3 * i + 1] = sine * sin(i * M_PI_2);
            t[3 * i + 2] = cosine;
        }
        for (int step = 0; step < 200; ++step) {
            for (int i = 0; i < 4; ++i) p[3 * i] = p[3 * i + 1] = 0, p[3 * i + 2] = k;
            assert_int_equal(hg_loss_vmf3(ctx, 4, p, t, NULL, HG_LOSS_MEAN, &loss, gradient), HG_OK);
            double slope = gradient[2] + gradient[5] + gradient[8] + gradient[11];
            k -= slope * k * k; /* Newton: the second derivative is close to 1 / k^2 */
        }
        assert_close(k / wanted[c], 1, 1e-6);
    }
}

/* ---- central differences ---- */

typedef hg_status loss_case(const double *prediction, double *loss, double *gradient);

enum { ROWS = 40 };
static double target_of[3 * ROWS], weight_of[ROWS], angle_of[ROWS], binary_of[ROWS];
static int32_t label_of[ROWS];
static const double class_weight_of[] = {0.5, 2, 1};

static hg_status case_bce(const double *p, double *loss, double *g)
{
    return hg_loss_bce(ctx, ROWS, p, binary_of, weight_of, 1.7, HG_LOSS_WEIGHTED_MEAN, loss, g);
}
static hg_status case_focal(const double *p, double *loss, double *g)
{
    return hg_loss_focal(ctx, ROWS, p, binary_of, weight_of, 0.3, 1.5, HG_LOSS_MEAN, loss, g);
}
static hg_status case_classes(const double *p, double *loss, double *g)
{
    return hg_loss_cross_entropy(ctx, ROWS, 3, p, label_of, class_weight_of, 0.2, HG_LOSS_MEAN, loss, g);
}
static hg_status case_mse(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_MSE, 0, ROWS, p, angle_of, weight_of, HG_LOSS_SUM, loss, g);
}
static hg_status case_mae(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_MAE, 0, ROWS, p, angle_of, weight_of, HG_LOSS_SUM, loss, g);
}
static hg_status case_huber(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_HUBER, 0.8, ROWS, p, angle_of, weight_of, HG_LOSS_SUM, loss, g);
}
static hg_status case_smooth(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_SMOOTH_L1, 0.8, ROWS, p, angle_of, weight_of, HG_LOSS_MEAN, loss, g);
}
static hg_status case_cosh(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_LOG_COSH, 0, ROWS, p, angle_of, NULL, HG_LOSS_MEAN, loss, g);
}
static hg_status case_quantile(const double *p, double *loss, double *g)
{
    return hg_loss_regression(ctx, HG_REGRESSION_QUANTILE, 0.7, ROWS, p, angle_of, weight_of, HG_LOSS_WEIGHTED_MEAN, loss, g);
}
static hg_status case_gaussian(const double *p, double *loss, double *g)
{
    return hg_loss_gaussian(ctx, ROWS, p, angle_of, weight_of, HG_LOSS_WEIGHTED_MEAN, loss, g);
}
static hg_status case_vmf3(const double *p, double *loss, double *g)
{
    return hg_loss_vmf3(ctx, ROWS, p, target_of, weight_of, HG_LOSS_MEAN, loss, g);
}
static hg_status case_vmf2(const double *p, double *loss, double *g)
{
    return hg_loss_vmf2(ctx, ROWS, p, angle_of, weight_of, HG_LOSS_MEAN, loss, g);
}

static void gradients_are_central_differences(void **state)
{
    (void)state;
    const struct {
        loss_case *loss;
        int width;
        double shift; /* added to the second column: concentrations are positive */
    } cases[] = {{case_bce, 1, 0},      {case_focal, 1, 0},    {case_classes, 3, 0}, {case_mse, 1, 0},
                 {case_mae, 1, 0},      {case_huber, 1, 0},    {case_smooth, 1, 0},  {case_cosh, 1, 0},
                 {case_quantile, 1, 0}, {case_gaussian, 2, 0}, {case_vmf3, 3, 0},    {case_vmf2, 2, 8}};
    for (int i = 0; i < ROWS; ++i) {
        double theta = 0.3 + 0.05 * i;
        target_of[3 * i] = sin(theta) * cos(i), target_of[3 * i + 1] = sin(theta) * sin(i), target_of[3 * i + 2] = cos(theta);
        weight_of[i] = i % 7 == 0 ? 0 : 0.5 + 0.1 * i;
        angle_of[i] = sin(2.3 * i);
        binary_of[i] = i % 3 == 0;
        label_of[i] = i % 3;
    }
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        double p[3 * ROWS], gradient[3 * ROWS], up, down;
        int n = ROWS * cases[c].width;
        for (int i = 0; i < n; ++i) p[i] = 3 * cos(1.7 * i + 0.4) + (cases[c].width == 2 && i % 2 ? cases[c].shift : 0);
        assert_int_equal(cases[c].loss(p, &up, gradient), HG_OK);
        for (int i = 0; i < n; ++i) {
            double keep = p[i], h = 1e-5;
            p[i] = keep + h;
            assert_int_equal(cases[c].loss(p, &up, NULL), HG_OK);
            p[i] = keep - h;
            assert_int_equal(cases[c].loss(p, &down, NULL), HG_OK);
            p[i] = keep;
            double slope = (up - down) / (2 * h);
            if (!(fabs(slope - gradient[i]) <= 1e-6 * fmax(1e-2, fabs(slope))))
                fail_msg("case %zu, element %d: gradient %.12g, difference quotient %.12g", c, i, gradient[i], slope);
        }
    }
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double z[N], y[N], w[N], gradient[4][N];
    double loss[4];
    for (int i = 0; i < N; ++i) z[i] = 4 * sin(0.37 * i), y[i] = i % 5 == 0, w[i] = 0.1 + 0.01 * (i % 13);
    for (int t = 0; t < 4; ++t) {
        assert_int_equal(hg_context_set_threads(ctx, t + 1), HG_OK);
        assert_int_equal(hg_loss_bce(ctx, N, z, y, w, 1.5, HG_LOSS_WEIGHTED_MEAN, &loss[t], gradient[t]), HG_OK);
        assert_memory_equal(&loss[t], &loss[0], sizeof *loss);
        assert_memory_equal(gradient[t], gradient[0], sizeof gradient[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_cross_entropy),
        cmocka_unit_test(binary_cross_entropy_at_the_edges),
        cmocka_unit_test(focal),
        cmocka_unit_test(cross_entropy),
        cmocka_unit_test(regression),
        cmocka_unit_test(directions),
        cmocka_unit_test(learns_large_concentrations),
        cmocka_unit_test(gradients_are_central_differences),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
