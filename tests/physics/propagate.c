/* propagate.c — stepping against the exact helix, published numbers and finite differences. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hitgraph/tracks.h"
#include "tests/near.h"
#include "tracking/propagate.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_field *uniform, *coil;

static hg_free_state state_of(double x, double y, double z, double phi, double theta, double qop)
{
    return (hg_free_state){.r = {x, y, z}, .t = {sin(theta) * cos(phi), sin(theta) * sin(phi), cos(theta)}, .qop = qop};
}

/* The perigee state of the published numbers: d0 .02, z0 5, phi .7, theta 1.1, p 1.2 GeV. */
static hg_free_state start_state(void)
{
    return state_of(-0.02 * sin(0.7), 0.02 * cos(0.7), 5.0, 0.7, 1.1, 1.0 / 1.2);
}

static double phi_of(const hg_free_state *s)
{
    return atan2(s->t[1], s->t[0]);
}

static void reaches_cylinders_discs_and_perigee(void **state)
{
    (void)state;
    hg_free_state s = start_state();
    double path;
    hg_surface surface = hg_surface_cylinder(116.0);
    assert_near(s.r[0], -0.012884354, 1e-9);
    assert_int_equal(hg_propagate(uniform, 1e-7, &surface, 1, 5000, &s, &path), 0);
    assert_near(path * sin(1.1), 116.021101686, 2e-9);
    assert_near(s.r[0], 91.092429525, 2e-9);
    assert_near(s.r[1], 71.820396011, 2e-9);
    assert_near(s.r[2], 64.051040293, 2e-9);
    assert_near(phi_of(&s), 0.634952940, 1e-9);

    s = start_state();
    surface = hg_surface_cylinder(1020.0);
    assert_int_equal(hg_propagate(uniform, 1e-7, &surface, 1, 5000, &s, &path), 0);
    assert_near(path * sin(1.1), 1034.4422462, 2e-7);
    assert_near(s.r[0], 935.447168, 1e-6);
    assert_near(s.r[1], 406.618490, 1e-6);
    assert_near(s.r[2], 531.498110, 1e-6);
    assert_near(phi_of(&s), 0.120041475, 1e-9);

    s = start_state();
    surface = hg_surface_disc(600.0);
    assert_int_equal(hg_propagate(uniform, 1e-7, &surface, 1, 5000, &s, &path), 0);
    assert_near(path * sin(1.1), 1169.031996063, 1e-8);

    hg_surface line = hg_surface_line(0, 0);
    assert_int_equal(hg_propagate(uniform, 1e-7, &line, 0, 5000, &s, &path), 0);
    assert_near(path * sin(1.1), -1169.031996063, 1e-7);
    assert_near(-s.r[0] * sin(0.7) + s.r[1] * cos(0.7), 0.02, 1e-8);
    assert_near(phi_of(&s), 0.7, 1e-9);

    s = state_of(100, 20, 0, 3.0, 1.2, -0.8);
    surface = hg_surface_cylinder(300.0);
    assert_int_equal(hg_propagate(uniform, 1e-7, &surface, 1, 5000, &s, &path), 0);
    assert_near(path * sin(1.2), 398.8936275, 1e-7);
}

static void single_steps_have_the_published_errors(void **state)
{
    (void)state;
    hg_free_state start = start_state();
    hg_stepper s = hg_stepper_start(uniform, 1e9, &start, NULL);
    assert_near(hg_stepper_step(&s, 300.0), 300.0, 0);
    assert_near(s.state.r[0], 216.59608723, 1e-8);
    assert_near(s.state.r[1], 156.31232014, 1e-8);
    assert_near(s.state.r[2], 141.07883643, 1e-8);
    const double length[3] = {100, 300, 1000}, error[3] = {4.63e-6, 1.12e-3, 0.46};
    for (int i = 0; i < 3; ++i) {
        hg_stepper coarse = hg_stepper_start(uniform, 1e9, &start, NULL), fine = hg_stepper_start(uniform, 1e-12, &start, NULL);
        assert_near(hg_stepper_step(&coarse, length[i]), length[i], 0);
        for (double left = length[i]; left > 1e-9;) left -= hg_stepper_step(&fine, fmin(left, 5.0));
        double distance = 0;
        for (int c = 0; c < 3; ++c) distance += pow(coarse.state.r[c] - fine.state.r[c], 2);
        assert_near(sqrt(distance) / error[i], 1.0, 0.02);
    }
    /* eps 3.90e-3 at h = 100: with that tolerance the next step is as long as this one */
    s = hg_stepper_start(uniform, 3.90e-3, &start, NULL);
    hg_stepper_step(&s, 100.0);
    assert_near(s.step, 100.0, 0.1);
}

/* Columns against central differences, over steps that are forced to be the same for all. */
static void columns_agree_with_differences(void **state)
{
    (void)state;
    const double delta[3] = {1e-6, 1e-6, 1e-6};
    for (int trial = 0; trial < 12; ++trial) {
        double par[3] = {0.3 + 0.5 * trial, 0.5 + 0.18 * trial, (trial & 1 ? -1 : 1) * (0.2 + 0.3 * trial)};
        const hg_field *field = uniform;
        hg_transport columns;
        hg_free_state s = state_of(3, 4, 5, par[0], par[1], par[2]);
        hg_transport_start(&s, &columns);
        hg_stepper stepper = hg_stepper_start(field, 1e9, &s, &columns);
        for (int n = 0; n < 4; ++n) hg_stepper_step(&stepper, 60.0);
        hg_stepper_step(&stepper, 0.04);
        for (int c = 0; c < 3; ++c) {
            hg_stepper moved[2];
            for (int side = 0; side < 2; ++side) {
                double p[3] = {par[0], par[1], par[2]};
                p[c] += side ? delta[c] : -delta[c];
                s = state_of(3, 4, 5, p[0], p[1], p[2]);
                moved[side] = hg_stepper_start(field, 1e9, &s, NULL);
                for (int n = 0; n < 4; ++n) hg_stepper_step(&moved[side], 60.0);
                hg_stepper_step(&moved[side], 0.04);
            }
            for (int i = 0; i < 3; ++i) {
                assert_near(columns.r[i][c], (moved[1].state.r[i] - moved[0].state.r[i]) / (2 * delta[c]), 2e-5);
                assert_near(columns.t[i][c], (moved[1].state.t[i] - moved[0].state.t[i]) / (2 * delta[c]), 2e-6);
            }
        }
    }
}

/* Forth and back through the real field returns to the start; two tolerances agree. */
static void solenoid_is_reversible(void **state)
{
    (void)state;
    for (int trial = 0; trial < 40; ++trial) {
        double theta = 0.1 + 0.073 * trial, qop = (trial & 1 ? -1 : 1) / (0.4 + 0.3 * (trial % 7));
        hg_free_state begin = state_of(0.01, -0.02, 3, 0.37 * trial, theta, qop), s = begin, fine = begin;
        hg_surface far = theta > 0.6 && theta < 2.5 ? hg_surface_cylinder(400) : hg_surface_disc(theta < 1.5 ? 1500 : -1500);
        double path, back;
        assert_int_equal(hg_propagate(coil, 1e-3, &far, 1, 6000, &s, &path), 0);
        assert_int_equal(hg_propagate(coil, 1e-8, &far, 1, 6000, &fine, NULL), 0);
        for (int i = 0; i < 3; ++i) assert_near(s.r[i], fine.r[i], 2e-4);
        hg_surface line = hg_surface_line(0, 0);
        assert_int_equal(hg_propagate(coil, 1e-3, &line, 0, 6000, &s, &back), 0);
        /* the start is not itself the closest approach, so compare along the track's straight end */
        hg_free_state nearest = begin;
        assert_int_equal(hg_propagate(coil, 1e-8, &line, 0, 100, &nearest, NULL), 0);
        for (int i = 0; i < 3; ++i) assert_near(s.r[i], nearest.r[i], 2e-3);
    }
}

static void missed_surfaces_have_a_status(void **state)
{
    (void)state;
    hg_free_state s = state_of(0, 0, 0, 0.1, 1.5, 10.0); /* 0.1 GeV: turns back at r = 333 mm */
    hg_surface far = hg_surface_cylinder(500), disc = hg_surface_disc(-10), plane = hg_surface_disc(1e5);
    assert_int_equal(hg_propagate(uniform, 1e-3, &far, 1, 5000, &s, NULL), HG_TRACK_NOT_REACHED);
    assert_int_equal(hg_propagate(uniform, 1e-3, &disc, 1, 5000, &s, NULL), HG_TRACK_NOT_REACHED);
    assert_int_equal(hg_propagate(uniform, 1e-3, &plane, 1, 5000, &s, NULL), HG_TRACK_NOT_REACHED);
    s.t[2] = 0.0;
    assert_int_equal(hg_propagate(uniform, 1e-3, &disc, 0, 5000, &s, NULL), HG_TRACK_TANGENT);
    s.r[0] = NAN;
    assert_int_equal(hg_propagate(uniform, 1e-3, &far, 1, 5000, &s, NULL), HG_TRACK_NONFINITE);
    s = state_of(0, 0, 0, 0.1, 1.5, 0.0); /* no charge: a straight line */
    assert_int_equal(hg_propagate(coil, 1e-3, &far, 1, 5000, &s, NULL), 0);
    assert_near(hypot(s.r[0], s.r[1]), 500.0, 1e-9);
    assert_near(phi_of(&s), 0.1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_cylinders_discs_and_perigee), cmocka_unit_test(single_steps_have_the_published_errors),
        cmocka_unit_test(columns_agree_with_differences),      cmocka_unit_test(solenoid_is_reversible),
        cmocka_unit_test(missed_surfaces_have_a_status),
    };
    const double center[3] = {-149.0, -152.0, -150.0};
    if (hg_context_create(&ctx) != HG_OK || hg_field_create_constant(ctx, 2.0, &uniform) != HG_OK ||
        hg_field_create_solenoid(ctx, 1247.0, 2612.0, 1.991, center, &coil) != HG_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_field_destroy(ctx, uniform);
    hg_field_destroy(ctx, coil);
    return failed + close_without_leaks(ctx);
}
