/* kalman.c — prediction, Jacobian and updates against published numbers, finite differences and block matrices. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/random.h"
#include "tests/near.h"
#include "tracking/energy_loss.h"
#include "tracking/kalman.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_field *uniform, *coil;
static hg_detector *detector;

/* Module 0: the plane of the published Jacobian. 1..3: tilted barrel planes farther out. 4, 5: discs. */
static hg_detector *planes(void)
{
    hg_module m[6];
    const double radius[4] = {72, 116, 260, 500};
    for (int i = 0; i < 4; ++i) {
        double at = i == 0 ? 0.68 : 0.6 - 0.05 * i, normal = i == 0 ? 0.62 : at + 0.14;
        m[i] = (hg_module){.volume_id = 8,
                           .layer_id = 2 * (i + 1),
                           .module_id = 1,
                           .center = {radius[i] * cos(at), radius[i] * sin(at), i * 20.0},
                           .rotation = {-sin(normal), 0, cos(normal), cos(normal), 0, sin(normal), 0, 1, 0}};
    }
    m[0].center[2] = 0.0;
    for (int i = 0; i < 2; ++i) {
        double phi = 0.5, z = i ? 700 : 600;
        m[4 + i] = (hg_module){.volume_id = 9,
                               .layer_id = 2 * (i + 1),
                               .module_id = 1,
                               .center = {140 * cos(phi), 140 * sin(phi), z},
                               .rotation = {-sin(phi), cos(phi), 0, cos(phi), sin(phi), 0, 0, 0, -1}};
    }
    hg_detector *out = NULL;
    assert_int_equal(hg_detector_create(ctx, m, 6, &out), HG_OK);
    return out;
}

static void diagonal(const double sigma[5], double cov[15])
{
    for (int i = 0; i < 15; ++i) cov[i] = 0.0;
    for (int i = 0; i < 5; ++i) cov[HG_PACKED(i, i)] = sigma[i] * sigma[i];
}

static void perigee_to_plane_as_published(void **state)
{
    (void)state;
    static const double expected[25] = {9.99970394e-01,
                                        0,
                                        7.20418932e+01,
                                        7.40230649e-01,
                                        -1.74525038e+00,
                                        4.07059915e-02,
                                        1,
                                        2.20255862e+00,
                                        -9.06386677e+01,
                                        -4.71377709e-02,
                                        -4.48392622e-05,
                                        0,
                                        9.97573794e-01,
                                        2.05249610e-02,
                                        -4.83919383e-02,
                                        0,
                                        0,
                                        0,
                                        1,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        1};
    const double sigma[5] = {0.03, 0.05, 1e-3, 1e-3, 0.02};
    double par[5] = {0.02, 5, 0.7, 1.1, 1.0 / 1.2}, cov[15], by_hand[15], jacobian[25];
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    kalman.options.step_tolerance_mm = 1e-7;
    diagonal(sigma, cov);
    diagonal(sigma, by_hand);
    assert_int_equal(hg_transport_state(&kalman, -1, 0, NULL, par, cov, jacobian), 0);
    assert_near(par[0], 6.69202042e-3, 2e-9);
    assert_near(par[1], 41.6486006, 1e-7);
    assert_near(par[2], 0.659630115, 1e-9);
    assert_near(par[3], 1.1, 1e-12);
    for (int i = 0; i < 25; ++i) assert_near(jacobian[i], expected[i], 6e-9 * fmax(1.0, fabs(expected[i])));
    hg_cov_transform(expected, by_hand);
    for (int i = 0; i < 15; ++i) assert_near(cov[i], by_hand[i], 1e-8 * fmax(1e-3, fabs(by_hand[i])));
}

/* The Jacobian of a whole way against central differences, with losses in material on it, in both fields, for and against the momentum. */
static void jacobian_agrees_with_differences(void **state)
{
    (void)state;
    static const double sigma[5] = {0.03, 0.05, 1e-3, 1e-3, 0.02}, delta[5] = {1e-3, 1e-3, 1e-6, 1e-6, 1e-6};
    static hg_material_surface surface[3] = {
        {true, 100, -3000, 3000, 0.02, 0.8}, {true, 200, -3000, 3000, 0.03, 1.3}, {false, 650, 0, 900, 0.01, 0.5}};
    const hg_material material = {3, surface};
    static const int ways[7][2] = {{-1, 0}, {0, 1}, {0, 3}, {3, 0}, {2, -1}, {4, 5}, {5, -1}};
    for (int trial = 0; trial < 28; ++trial) {
        int from = ways[trial % 7][0], to = ways[trial % 7][1];
        bool disc = from > 3, exact = trial & 1; /* exact: a uniform field without losses */
        hg_kalman kalman = {
            .detector = detector, .field = exact ? uniform : coil, .material = &material, .options = hg_kalman_default_options()};
        kalman.options.step_tolerance_mm = 1e-6;
        kalman.options.energy_loss = !exact;
        double start[5] = {0.3, -2.0, 0.62 - 0.01 * trial, disc ? 0.25 : 1.2, (trial % 3 ? 1 : -1) * (0.2 + 0.04 * trial)};
        double par[5], cov[15], jacobian[25];
        for (int i = 0; i < 5; ++i) par[i] = start[i];
        diagonal(sigma, cov);
        assert_int_equal(hg_transport_state(&kalman, from, to, NULL, par, cov, jacobian), 0);
        assert_true(hg_cov_is_positive(cov));
        /* the gradient of the field and what a changed incidence does to the loss are left out: three per cent of the scale at most */
        static const double scale[5] = {1, 1, 500, 500, 100}, angle_scale[5] = {1e-2, 1e-2, 1, 1, 1};
        double tolerance = exact ? 1e-6 : 0.03;
        for (int c = 0; c < 5; ++c) {
            double side[2][5], unused[15];
            for (int s = 0; s < 2; ++s) {
                for (int i = 0; i < 5; ++i) side[s][i] = start[i];
                side[s][c] += s ? delta[c] : -delta[c];
                diagonal(sigma, unused);
                assert_int_equal(hg_transport_state(&kalman, from, to, NULL, side[s], unused, NULL), 0);
            }
            for (int i = 0; i < 5; ++i) {
                double difference = (side[1][i] - side[0][i]) / (2 * delta[c]);
                assert_near(jacobian[5 * i + c], difference, tolerance * (i < 2 ? scale[c] : angle_scale[c]));
            }
        }
    }
}

static void scattering_and_loss_enter_the_covariance(void **state)
{
    (void)state;
    static const double sigma[5] = {1e-3, 1e-3, 1e-5, 1e-5, 1e-5};
    hg_material_surface surface = {true, 94, -500, 500, 0.02, 0.8};
    const hg_material material = {1, &surface};
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    hg_track_state from = {.module = 0, .par = {0.1, 0.2, 0.66, 1.1, 1.0}}, without, with;
    diagonal(sigma, from.cov);
    assert_int_equal(hg_kalman_predict(&kalman, &from, 1, &without), 0);
    kalman.material = &material;
    assert_int_equal(hg_kalman_predict(&kalman, &from, 1, &with), 0);
    assert_true(with.par[4] > without.par[4]); /* slower */
    double sin_theta = sin(1.1), theta0 = sqrt(with.cov[HG_PACKED(3, 3)] - without.cov[HG_PACKED(3, 3)]);
    assert_near(theta0,
                0.0136 / (1.0 / sqrt(1 + 0.13957039 * 0.13957039)) * sqrt(0.0202 / sin_theta) * (1 + 0.038 * log(0.0202 / sin_theta)),
                5e-5);
    assert_near(sqrt(with.cov[HG_PACKED(2, 2)] - without.cov[HG_PACKED(2, 2)]), theta0 / sin_theta, 4e-6);
    assert_near(sqrt(with.cov[0]) / (theta0 / sin_theta * 23.0), 1.0, 0.1); /* lever arm from r = 94 to 116 */
    /* and back again: the mean returns, the noise does not */
    hg_track_state back;
    assert_int_equal(hg_kalman_predict(&kalman, &with, 0, &back), 0);
    for (int i = 0; i < 5; ++i) assert_near(back.par[i], from.par[i], 2e-5);
    assert_true(back.cov[HG_PACKED(3, 3)] > with.cov[HG_PACKED(3, 3)]);
}

/* Two rings of one disc lie at the same place: the one whose radii fit is crossed, whichever comes first in the list; and touching
 * cylinders both. */
static void rings_of_one_disc(void **state)
{
    (void)state;
    static const double sigma[5] = {1e-3, 1e-3, 1e-5, 1e-5, 1e-5};
    hg_track_state from = {.module = 4, .par = {0.0, 0.0, 0.5, 0.23, 1.0}}, to[2], plain;
    hg_material_surface surface[2] = {{false, 650, 20, 100, 0.02, 0.8}, {false, 650, 100, 300, 0.03, 1.0}};
    const hg_material material = {2, surface};
    hg_kalman kalman = {.detector = detector, .field = uniform, .options = hg_kalman_default_options()};
    diagonal(sigma, from.cov);
    assert_int_equal(hg_kalman_predict(&kalman, &from, 5, &plain), 0);
    kalman.material = &material;
    for (int order = 0; order < 2; ++order) {
        assert_int_equal(hg_kalman_predict(&kalman, &from, 5, &to[order]), 0);
        hg_material_surface first = surface[0];
        surface[0] = surface[1];
        surface[1] = first;
    }
    assert_memory_equal(&to[0], &to[1], sizeof to[0]);
    double theta0 = sqrt(to[0].cov[HG_PACKED(3, 3)] - plain.cov[HG_PACKED(3, 3)]);
    assert_near(theta0, hg_scattering_angle(1.0, kalman.options.mass_gev, 0.03 / cos(0.23)), 1e-5);
}

static void small_update_as_published(void **state)
{
    (void)state;
    hg_track_state s = {.cov = {4, 1, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1}};
    s.par[3] = 1.0;
    const hg_measurement m = {.local = {1.0, 55.0}, .variance = {1.0, 0.0}};
    assert_near(hg_kalman_chi2(&s, &m), 0.2, 1e-15);
    assert_near(hg_kalman_update(&s, &m), 0.2, 1e-15);
    assert_near(s.par[0], 0.8, 1e-15);
    assert_near(s.par[1], 0.2, 1e-15);
    assert_near(s.cov[0], 0.8, 1e-15);
    assert_near(s.cov[1], 0.2, 1e-15);
    assert_near(s.cov[2], 1.8, 1e-15);
    /* the same in the form U D U^T: U12 = 1/9, D = (7/9, 1.8) */
    assert_near(s.cov[1] / s.cov[2], 1.0 / 9.0, 1e-15);
    assert_near(s.cov[0] - s.cov[1] * s.cov[1] / s.cov[2], 7.0 / 9.0, 1e-15);
}

/* x + P H^T S^-1 r and P - P H^T S^-1 H P in long double. */
static void block_update(const hg_track_state *s, const hg_measurement *m, long double par[5], long double cov[5][5], long double *chi2)
{
    long double p[5][5];
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 5; ++j) p[i][j] = (long double)s->cov[i > j ? HG_PACKED(i, j) : HG_PACKED(j, i)];
    long double a = p[0][0] + (long double)m->variance[0], b = p[0][1], c = p[1][1] + (long double)m->variance[1], det = a * c - b * b;
    long double inverse[2][2] = {{c / det, -b / det}, {-b / det, a / det}};
    long double r[2] = {(long double)m->local[0] - (long double)s->par[0], (long double)m->local[1] - (long double)s->par[1]};
    *chi2 = r[0] * (inverse[0][0] * r[0] + 2 * inverse[0][1] * r[1]) + r[1] * r[1] * inverse[1][1];
    for (int i = 0; i < 5; ++i) {
        long double gain[2] = {p[i][0] * inverse[0][0] + p[i][1] * inverse[1][0], p[i][0] * inverse[0][1] + p[i][1] * inverse[1][1]};
        par[i] = (long double)s->par[i] + gain[0] * r[0] + gain[1] * r[1];
        for (int j = 0; j < 5; ++j) cov[i][j] = p[i][j] - gain[0] * p[0][j] - gain[1] * p[1][j];
    }
}

static void sequential_updates_equal_the_block_form(void **state)
{
    (void)state;
    for (int trial = 0; trial < 300; ++trial) {
        hg_random random = hg_random_stream(11, 1, 0, (uint64_t)trial);
        const double scale[5] = {1.0, 1.0, 0.05, 0.05, 0.3};
        double root[25];
        hg_track_state s = {.par = {hg_random_normal(&random), hg_random_normal(&random), 0.3, 1.2, 0.5}};
        for (int i = 0; i < 25; ++i) root[i] = 0.3 * hg_random_normal(&random) * scale[i / 5];
        for (int i = 0; i < 5; ++i) root[6 * i] += scale[i];
        for (int i = 0; i < 5; ++i) s.cov[HG_PACKED(i, i)] = 1.0;
        hg_cov_transform(root, s.cov);
        double sigma = trial % 2 ? 0.3 : 1e-3;
        hg_measurement m = {.local = {hg_random_normal(&random), hg_random_normal(&random)},
                            .variance = {sigma * sigma, 4 * sigma * sigma}};
        long double par[5], cov[5][5], chi2;
        block_update(&s, &m, par, cov, &chi2);
        double before = hg_kalman_chi2(&s, &m), found = hg_kalman_update(&s, &m);
        if (par[3] <= 0 || par[3] >= 3.141592653589793L) {
            assert_true(found < 0); /* an impossible theta is refused */
            continue;
        }
        assert_near(before / (double)chi2, 1.0, 1e-9);
        assert_near(found / (double)chi2, 1.0, 1e-9);
        for (int i = 0; i < 5; ++i) {
            if (i != 2) assert_near(s.par[i], (double)par[i], 1e-9);
            for (int j = 0; j <= i; ++j) assert_near(s.cov[HG_PACKED(i, j)], (double)cov[i][j], 1e-12);
        }
    }
}

static void bad_states_are_refused_untouched(void **state)
{
    (void)state;
    hg_track_state s = {.par = {0, 0, 0.3, 1.2, 0.5}, .cov = {1, 2, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1}}, before = s,
                   to = {.module = 55}; /* not positive */
    hg_measurement m = {.local = {0.1, 0.1}, .variance = {1e-4, 1e-4}};
    assert_true(hg_kalman_update(&s, &m) < 0);
    assert_memory_equal(&s, &before, sizeof s);
    assert_false(hg_cov_is_positive(s.cov));
    s.cov[1] = 0.0;
    m.local[0] = NAN;
    before = s;
    assert_true(hg_kalman_update(&s, &m) < 0);
    assert_memory_equal(&s, &before, sizeof s);

    hg_kalman kalman = {.detector = detector, .field = coil, .options = hg_kalman_default_options()};
    const double wrong[5][5] = {
        {0, 0, NAN, 1.2, 0.5}, {0, 0, 0.3, 0.0, 0.5}, {0, 0, 0.3, 4.0, 0.5}, {0, 0, 0.3, 1.2, INFINITY}, {0, 0, 0.3, 1.2, 40.0}};
    for (int i = 0; i < 5; ++i) {
        for (int k = 0; k < 5; ++k) s.par[k] = wrong[i][k];
        assert_true(hg_kalman_predict(&kalman, &s, 3, &to) & HG_TRACK_FAILED);
    }
    assert_true(hg_kalman_predict(&kalman, &s, 99, &to) & HG_TRACK_FAILED);
    assert_int_equal(to.module, 55);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perigee_to_plane_as_published),
        cmocka_unit_test(jacobian_agrees_with_differences),
        cmocka_unit_test(scattering_and_loss_enter_the_covariance),
        cmocka_unit_test(rings_of_one_disc),
        cmocka_unit_test(small_update_as_published),
        cmocka_unit_test(sequential_updates_equal_the_block_form),
        cmocka_unit_test(bad_states_are_refused_untouched),
    };
    const double center[3] = {-149.0, -152.0, -150.0};
    if (hg_context_create(&ctx) != HG_OK || hg_field_create_constant(ctx, 2.0, &uniform) != HG_OK ||
        hg_field_create_solenoid(ctx, 1247.0, 2612.0, 1.991, center, &coil) != HG_OK)
        return 1;
    detector = planes();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_detector_destroy(ctx, detector);
    hg_field_destroy(ctx, uniform);
    hg_field_destroy(ctx, coil);
    return failed + close_without_leaks(ctx);
}
