/* field.c — the fields against published numbers, against each other and against Maxwell's equations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hitgraph/field.h"
#include "tests/near.h"
#include "tests/leaks.h"

static hg_context *ctx;

static const double challenge_center[3] = {-149.0, -152.0, -150.0};

static hg_field *solenoid(const double *center)
{
    hg_field *field = NULL;
    assert_int_equal(hg_field_create_solenoid(ctx, 1247.0, 2612.0, 1.991, center, &field), HG_OK);
    return field;
}

static void assert_field(const hg_field *field, double x, double y, double z, double bx, double by, double bz)
{
    double b[3], position[3] = {x, y, z};
    hg_field_at(field, position, b);
    assert_near(b[0], bx, 6e-6);
    assert_near(b[1], by, 6e-6);
    assert_near(b[2], bz, 6e-6);
}

static void displaced_solenoid_has_the_published_values(void **state)
{
    (void)state;
    hg_field *field = solenoid(challenge_center);
    assert_field(field, 0, 0, 0, 0.00147, 0.00150, 1.99103);
    assert_field(field, 500, 0, 1000, 0.06315, 0.01479, 1.91908);
    assert_field(field, 900, 0, -2000, -0.23395, -0.03390, 1.82307);
    assert_field(field, 300, 0, 2700, 0.19463, 0.06589, 0.84523);
    hg_field_destroy(ctx, field);
    field = solenoid(NULL);
    assert_field(field, 0, 0, 0, 0, 0, 1.991);
    assert_field(field, 500, 0, 1000, 0.04073, 0, 1.93103);
    hg_field_destroy(ctx, field);
}

/* On the axis the field is elementary: B/2 norm (z+L)/sqrt((z+L)^2+a^2) - ... */
static void solenoid_on_axis(void **state)
{
    (void)state;
    hg_field *field = solenoid(NULL);
    double norm = 1.991 * sqrt(2612.0 * 2612.0 + 1247.0 * 1247.0) / 2612.0 / 2.0;
    for (double z = -5000; z <= 5000; z += 37.0) {
        double up = z + 2612.0, down = z - 2612.0;
        double expected = norm * (up / hypot(up, 1247.0) - down / hypot(down, 1247.0));
        double b[3], position[3] = {0, 0, z};
        hg_field_at(field, position, b);
        assert_near(b[2], expected, 2e-7);
        assert_near(b[0], 0.0, 1e-12);
    }
    hg_field_destroy(ctx, field);
}

/* Divergence and curl vanish inside the coil; checked with differences over 2 mm, so an error of the table's slope shows. */
static void solenoid_obeys_maxwell(void **state)
{
    (void)state;
    hg_field *field = solenoid(challenge_center);
    for (int trial = 0; trial < 400; ++trial) {
        double r = 1000.0 * sqrt((trial % 20) / 20.0), phi = 0.7 * trial, z = -2900.0 + 14.5 * trial;
        double center[3] = {r * cos(phi), r * sin(phi), z}, gradient[3][3];
        for (int i = 0; i < 3; ++i) {
            double high[3], low[3], p[3] = {center[0], center[1], center[2]};
            p[i] += 1.0;
            hg_field_at(field, p, high);
            p[i] -= 2.0;
            hg_field_at(field, p, low);
            for (int j = 0; j < 3; ++j) gradient[j][i] = (high[j] - low[j]) / 2.0;
        }
        double from_end = hypot(hypot(center[0] + 149, center[1] + 152) - 1247, fabs(z + 150) - 2612);
        double tolerance = from_end > 400 ? 1e-7 : 2e-5; /* the ends of the winding are singular */
        assert_near(gradient[0][0] + gradient[1][1] + gradient[2][2], 0.0, tolerance);
        assert_near(gradient[0][2], gradient[2][0], tolerance);
        assert_near(gradient[1][2], gradient[2][1], tolerance);
        assert_near(gradient[0][1], gradient[1][0], tolerance);
    }
    hg_field_destroy(ctx, field);
}

/* Trilinear interpolation reproduces functions linear in each coordinate exactly, and is zero outside. */
static void map_is_trilinear_and_zero_outside(void **state)
{
    (void)state;
    enum { NX = 4, NY = 3, NZ = 5 };
    const int64_t n[3] = {NX, NY, NZ};
    const double origin[3] = {-100, -50, 20}, step[3] = {50, 40, 30};
    double b[NX * NY * NZ * 3];
    for (int i = 0; i < NX * NY * NZ; ++i) {
        double x = origin[0] + step[0] * (i / (NY * NZ)), y = origin[1] + step[1] * (i / NZ % NY), z = origin[2] + step[2] * (i % NZ);
        b[3 * i] = x * y;
        b[3 * i + 1] = y * z - x;
        b[3 * i + 2] = x * y * z + 2;
    }
    hg_field *field = NULL;
    assert_int_equal(hg_field_create_map(ctx, n, origin, step, b, &field), HG_OK);
    const double inside[4][3] = {{-100, -50, 20}, {50, 30, 140}, {-3, 7, 55}, {49.9, -49.9, 100}};
    for (int i = 0; i < 4; ++i) {
        const double *p = inside[i];
        double found[3];
        hg_field_at(field, p, found);
        assert_near(found[0], p[0] * p[1], 1e-9);
        assert_near(found[1], p[1] * p[2] - p[0], 1e-9);
        assert_near(found[2], p[0] * p[1] * p[2] + 2, 1e-7);
    }
    const double outside[4][3] = {{-101, 0, 50}, {0, 31, 50}, {0, 0, 141}, {NAN, 0, 50}};
    for (int i = 0; i < 4; ++i) {
        double found[3];
        hg_field_at(field, outside[i], found);
        for (int c = 0; c < 3; ++c) assert_true(found[c] == 0.0);
    }
    hg_field_destroy(ctx, field);
}

static void impossible_fields_are_refused(void **state)
{
    (void)state;
    hg_field *field = NULL;
    const int64_t n[3] = {2, 1, 2};
    const double ones[3] = {1, 1, 1}, b[24] = {0};
    const double nowhere[3] = {0, NAN, 0};
    assert_int_equal(hg_field_create_constant(ctx, NAN, &field), HG_ERR_ARG);
    assert_int_equal(hg_field_create_solenoid(ctx, -1, 10, 2, NULL, &field), HG_ERR_ARG);
    assert_int_equal(hg_field_create_solenoid(ctx, 10, INFINITY, 2, NULL, &field), HG_ERR_ARG);
    assert_int_equal(hg_field_create_solenoid(ctx, 10, 10, 2, nowhere, &field), HG_ERR_ARG);
    assert_int_equal(hg_field_create_map(ctx, n, ones, ones, b, &field), HG_ERR_ARG);
    assert_null(field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(displaced_solenoid_has_the_published_values),
        cmocka_unit_test(solenoid_on_axis),
        cmocka_unit_test(solenoid_obeys_maxwell),
        cmocka_unit_test(map_is_trilinear_and_zero_outside),
        cmocka_unit_test(impossible_fields_are_refused),
    };
    if (hg_context_create(&ctx) != HG_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
