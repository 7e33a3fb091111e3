/* seed.c — three-point seeds: exact on a helix, covariance against published numbers and a toy. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/random.h"
#include "hitgraph/kalman.h"
#include "tests/near.h"
#include "tracking/energy_loss.h"
#include "tracking/propagate.h"
#include "tracking/seed_helix.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_field *uniform, *none;

enum { POINTS = 3 };
static const double points[POINTS][3] = {
    {30.64572924, 9.21082405, 22.44130837}, {69.21372795, 19.83582273, 37.99471606}, {111.9310402, 30.45393634, 55.10819731}};

/* Three modules whose planes face the axis and whose centres are the points, moved a little along the module. */
static hg_detector *three_modules(const double x[POINTS][3], hg_measurement m[POINTS], double sigma)
{
    hg_module modules[POINTS];
    for (int i = 0; i < POINTS; ++i) {
        double phi = atan2(x[i][1], x[i][0]), u = 0.3 * (i - 1), v = 1.5 * i;
        modules[i] = (hg_module){.volume_id = 8, .layer_id = 2 * (i + 1), .module_id = 1, .half_u_min = 10, .half_u_max = 10, .half_v = 40};
        const double rotation[9] = {-sin(phi), 0, cos(phi), cos(phi), 0, sin(phi), 0, 1, 0};
        for (int k = 0; k < 9; ++k) modules[i].rotation[k] = rotation[k];
        for (int k = 0; k < 3; ++k) modules[i].center[k] = x[i][k] - u * rotation[3 * k] - v * rotation[3 * k + 1];
        m[i] = (hg_measurement){.module = i, .local = {u, v}, .variance = {sigma * sigma, sigma * sigma}};
    }
    hg_detector *detector = NULL;
    assert_int_equal(hg_detector_create(ctx, modules, POINTS, &detector), HG_OK);
    return detector;
}

static void exact_on_a_helix(void **state)
{
    (void)state;
    hg_measurement m[POINTS];
    hg_detector *detector = three_modules(points, m, 0.015);
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    double par[5], cov[15], sin_theta = sin(1.2);
    assert_int_equal(hg_seed_perigee(&kalman, m, par, cov), 0);
    assert_near(par[0], 0.05, 2e-8); /* the points have ten digits */
    assert_near(par[1], 10.0, 2e-7);
    assert_near(par[2], 0.3, 1e-9);
    assert_near(par[3], 1.2, 1e-9);
    assert_near(sin_theta / par[4], 1.0, 1e-8);
    hg_track_state at;
    for (int i = 0; i < POINTS; ++i) {
        assert_int_equal(hg_seed_state(&kalman, m, i, &at), 0);
        assert_int_equal(at.module, i);
        assert_near(at.par[0], m[i].local[0], 0);
        assert_near(at.par[1], m[i].local[1], 0);
        if (i == 0) assert_near(at.par[2], 0.28081272, 1e-8);
        assert_near(at.par[4] / par[4], 1.0, 1e-12);
    }
    hg_detector_destroy(ctx, detector);
}

/* The published widths take r for the arc and ignore the tilt of the module planes: good to a per cent. */
static void covariance_has_the_published_widths(void **state)
{
    (void)state;
    hg_measurement m[POINTS];
    hg_detector *detector = three_modules(points, m, 0.015);
    hg_material_surface surface[2] = {{true, 32.1, -500, 500, 0.0075, 0.0}, {true, 72.1, -500, 500, 0.0075, 0.0}};
    hg_material material = {2, surface};
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    double par[5], cov[15], per_qop = 0.299792458e-3 * 2.0 / sin(1.2);
    assert_int_equal(hg_seed_perigee(&kalman, m, par, cov), 0);
    assert_near(sqrt(cov[0]) / 0.049785, 1.0, 0.01);
    assert_near(sqrt(cov[5]) / 1.57277e-3, 1.0, 0.01);
    assert_near(sqrt(cov[14]) * per_qop / 2.0874e-5, 1.0, 0.01);
    double measured = cov[14];
    kalman.material = &material;
    assert_int_equal(hg_seed_perigee(&kalman, m, par, cov), 0);
    /* at the second point: 2 theta0 / ((l12 + l23) sin theta); at the first a common turn of both chords changes no curvature */
    assert_near(sqrt(cov[14] - measured) * per_qop / 2.3936e-5, 1.0, 0.015);
    hg_detector_destroy(ctx, detector);
}

/* Smeared points: the spread of the parameters is what the covariance says. */
static void pulls_of_smeared_seeds(void **state)
{
    (void)state;
    hg_measurement exact[POINTS];
    hg_detector *detector = three_modules(points, exact, 0.02);
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    hg_track_state truth;
    assert_int_equal(hg_seed_state(&kalman, exact, 1, &truth), 0);
    double sum2[5] = {0};
    enum { TRIALS = 4000 };
    for (int trial = 0; trial < TRIALS; ++trial) {
        hg_random random = hg_random_stream(7, 1, 0, (uint64_t)trial);
        hg_measurement m[POINTS];
        hg_track_state found;
        for (int i = 0; i < POINTS; ++i) {
            m[i] = exact[i];
            for (int k = 0; k < 2; ++k) m[i].local[k] += 0.02 * hg_random_normal(&random);
        }
        assert_int_equal(hg_seed_state(&kalman, m, 1, &found), 0);
        for (int p = 0; p < 5; ++p) sum2[p] += pow(found.par[p] - truth.par[p], 2) / found.cov[p * (p + 3) / 2];
    }
    for (int p = 0; p < 5; ++p) assert_near(sqrt(sum2[p] / TRIALS), 1.0, 0.05);
    hg_detector_destroy(ctx, detector);
}

/* The helix and its perigee as numbers, with one coordinate moved. */
enum { NUMBERS = 11 };

static void helix_numbers(const double x[POINTS][3], const double weight[POINTS], int moved, double by, double out[NUMBERS])
{
    double y[POINTS][3];
    hg_seed_helix h;
    for (int c = 0; c < 3 * POINTS; ++c) y[c / 3][c % 3] = x[c / 3][c % 3] + (c == moved ? by : 0.0);
    assert_true(hg_seed_circle(y, &h) && hg_seed_line(y, weight, &h));
    const hg_seed_perigee_point p = hg_seed_helix_perigee(&h, y[0]);
    const double numbers[NUMBERS] = {h.kappa, h.phi[0], h.phi[1], h.phi[2], h.s[1], h.s[2], h.cot, h.z_first, p.d0, p.phi, p.s};
    for (int i = 0; i < NUMBERS; ++i) out[i] = numbers[i];
}

/* From all but straight to a third of a turn, either way round. */
static void derivatives_are_those_of_differences(void **state)
{
    (void)state;
    static const double kappas[] = {1e-10, -3e-7, 2e-5, -4e-4, 2e-3, -9e-3}, arcs[POINTS] = {0.0, 60.0, 150.0}, weight[POINTS] = {3, 1, 7};
    const double step = 1e-3;
    for (size_t k = 0; k < sizeof kappas / sizeof *kappas; ++k) {
        double x[POINTS][3], weighted[POINTS];
        for (int i = 0; i < POINTS; ++i) {
            const double half = kappas[k] * arcs[i] / 2, chord = arcs[i] * (half == 0 ? 1.0 : sin(half) / half);
            const double at[3] = {30 + chord * cos(0.4 + half), 8 + chord * sin(0.4 + half), 20 + 0.7 * arcs[i] + 0.1 * i * i};
            for (int c = 0; c < 3; ++c) x[i][c] = at[c];
            weighted[i] = weight[i];
        }
        hg_seed_helix h, all[3 * POINTS];
        hg_seed_perigee_point perigees[3 * POINTS];
        assert_true(hg_seed_circle(x, &h) && hg_seed_line(x, weighted, &h));
        hg_seed_helix_derivatives(x, weighted, &h, all);
        const hg_seed_perigee_point perigee = hg_seed_helix_perigee(&h, x[0]);
        hg_seed_perigee_derivatives(&h, x[0], &perigee, all, perigees);
        for (int c = 0; c < 3 * POINTS; ++c) {
            const hg_seed_helix dh = all[c];
            const hg_seed_perigee_point dp = perigees[c];
            const double got[NUMBERS] = {dh.kappa, dh.phi[0],  dh.phi[1], dh.phi[2], dh.s[1], dh.s[2],
                                         dh.cot,   dh.z_first, dp.d0,     dp.phi,    dp.s};
            double high[NUMBERS], low[NUMBERS];
            helix_numbers(x, weighted, c, step, high);
            helix_numbers(x, weighted, c, -step, low);
            for (int i = 0; i < NUMBERS; ++i) {
                const double difference = (high[i] - low[i]) / (2 * step);
                assert_near(got[i], difference, 1e-9 + 1e-6 * fabs(difference));
            }
        }
    }
}

static void impossible_triplets_have_a_status(void **state)
{
    (void)state;
    hg_measurement m[POINTS], bad[POINTS];
    hg_detector *detector = three_modules(points, m, 0.015);
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    hg_track_state out = {.module = 77};
    for (int i = 0; i < POINTS; ++i) bad[i] = m[0]; /* three times the same hit */
    assert_true(hg_seed_state(&kalman, bad, 0, &out) & HG_TRACK_SEED_BAD);
    bad[1] = m[1];
    bad[2] = m[2];
    bad[1].local[0] = NAN;
    assert_true(hg_seed_state(&kalman, bad, 0, &out) & HG_TRACK_SEED_BAD);
    bad[1] = m[1];
    bad[1].module = 99;
    assert_true(hg_seed_state(&kalman, bad, 0, &out) & HG_TRACK_SEED_BAD);
    assert_true(hg_seed_state(&kalman, m, 3, &out) & HG_TRACK_SEED_BAD);
    kalman.field = none;
    assert_true(hg_seed_state(&kalman, m, 0, &out) & HG_TRACK_SEED_BAD);
    assert_int_equal(out.module, 77);
    hg_detector_destroy(ctx, detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_on_a_helix),
        cmocka_unit_test(covariance_has_the_published_widths),
        cmocka_unit_test(pulls_of_smeared_seeds),
        cmocka_unit_test(derivatives_are_those_of_differences),
        cmocka_unit_test(impossible_triplets_have_a_status),
    };
    if (hg_context_create(&ctx) != HG_OK || hg_field_create_constant(ctx, 2.0, &uniform) != HG_OK ||
        hg_field_create_constant(ctx, 0.0, &none) != HG_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_field_destroy(ctx, uniform);
    hg_field_destroy(ctx, none);
    return failed + close_without_leaks(ctx);
}
