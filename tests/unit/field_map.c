/* tests/unit/field_map.c — field texts and maps: the grid is found whatever the order of the rows. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>
#include "hitgraph/field_map.h"
#include "tests/near.h"

static hg_field *field;

static void at(double x, double y, double z, double b[3])
{
    const double position[3] = {x, y, z};
    hg_field_at(field, position, b);
}

static void texts_name_fields(void **state)
{
    (void)state;
    double b[3], other[3];
    must(hg_field_create_spec(ctx, "constant:1.5", &field));
    at(10, 20, 30, b);
    assert_near(b[2], 1.5, 1e-15);
    hg_field_destroy(ctx, field);
    must(hg_field_create_spec(ctx, "solenoid:1247,5224,1.991,-149,-152,-150", &field)); /* the length is twice the half length */
    at(100, 50, -900, b);
    hg_field_destroy(ctx, field);
    must(hg_field_create_solenoid(ctx, 1247, 2612, 1.991, (const double[]){-149, -152, -150}, &field));
    at(100, 50, -900, other);
    hg_field_destroy(ctx, field);
    assert_memory_equal(b, other, sizeof b);
    static const char *const bad[] = {"",
                                      "constant",
                                      "constant:",
                                      "constant:1,2",
                                      "constant:nan",
                                      "solenoid:1,2",
                                      "solenoid:0,2,3",
                                      "solenoid:1,2,3,4",
                                      "solenoid:1,2,3,4,5,6,7",
                                      "solenoid:1,,3",
                                      "map:",
                                      "dipole:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        expect_failure(hg_field_create_spec(ctx, bad[i], &field), HG_ERR_CONFIG, "field \"");
    expect_failure(hg_field_create_spec(ctx, "map:/nowhere/b.csv", &field), HG_ERR_IO, "/nowhere/b.csv");
}

/* A field linear in x, y, z is reproduced exactly by a trilinear map. Rows are written with z slowest, backwards. */
static void cartesian_map(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("xyz.csv"), "w");
    fputs("z,x,y,bz,by,bx\n", file);
    for (int k = 4; k >= 0; --k)
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 4; ++j) {
                const double x = -10 + 10 * i, y = 5 * j, z = 100 * k;
                fprintf(file, "%g,%g,%g,%g,%g,%g\n", z, x, y, 2 + z / 1000, y / 10, x / 100);
            }
    fclose(file);
    char spec[300];
    double b[3];
    snprintf(spec, sizeof spec, "map:%s", in_folder("xyz.csv"));
    must(hg_field_create_spec(ctx, spec, &field));
    at(3, 7, 250, b);
    assert_near(b[0], 0.03, 1e-6);
    assert_near(b[1], 0.7, 1e-6);
    assert_near(b[2], 2.25, 1e-6);
    hg_field_destroy(ctx, field);
}

static void cylindrical_map(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("rz.csv"), "w");
    fputs("r,z,br,bz\n", file);
    for (int i = 0; i <= 20; ++i)
        for (int k = -5; k <= 5; ++k) fprintf(file, "%d,%d,%.9g,%.9g\n", 10 * i, 20 * k, i * 0.01, 2 - 0.001 * k);
    fclose(file);
    double b[3];
    must(hg_field_map_read(ctx, in_folder("rz.csv"), &field));
    at(60, 80, 30, b); /* r = 100 on a grid point of x and y */
    assert_near(b[0], 0.06, 1e-6);
    assert_near(b[1], 0.08, 1e-6);
    assert_near(b[2], 1.9985, 1e-6);
    at(33, -47, 30, b);
    assert_near(hypot(b[0], b[1]), 0.001 * hypot(33, 47), 2e-4);
    at(150, 150, 0, b); /* beyond the largest r */
    assert_near(b[2], 0, 1e-12);
    hg_field_destroy(ctx, field);
}

static void bad_maps(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        hg_status status;
    } bad[] = {
        {"x,y,z,bx,by\n", "column 'bz' is missing", HG_ERR_FORMAT},
        {"x,z,bx,bz\n1,2,3,4\n", "expected the columns", HG_ERR_FORMAT},
        {"r,z,br,bz\n", "0 rows", HG_ERR_DATA},
        {"r,z,br,bz\n0,0,1,1\n0,1,1,1\n1,0,1,1\n1,1,1,1\n1,1,1,1\n", ":6: this grid point appeared before", HG_ERR_DATA},
        {"r,z,br,bz\n0,0,1,1\n0,1,1,1\n1,0,1,1\n1,1,1,1\n2,1,1,1\n", "5 rows, expected 6 for a full grid; the first gap is at r = 2, z = 0",
         HG_ERR_DATA},
        {"r,z,br,bz\n0,0,1,1\n0,1,1,1\n1,0,1,1\n1,1,1,1\n3,1,1,1\n", "column 'r': grid plane 1 is at 1, expected 1.5", HG_ERR_DATA},
        {"r,z,br,bz\n1,0,1,1\n1,1,1,1\n2,0,1,1\n2,1,1,1\n", "'r' starts at 1", HG_ERR_DATA},
        {"r,z,br,bz\n0,0,1,1\n0,0,1,1\n1,0,1,1\n1,0,1,1\n", "'z' has one value", HG_ERR_DATA},
        {"r,z,br,bz\n0,0,1,1\n0,1,1,nan\n", ":3: column 'bz': found \"nan\"", HG_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        write_text("bad.csv", bad[i].text);
        expect_failure(hg_field_map_read(ctx, in_folder("bad.csv"), &field), bad[i].status, bad[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_name_fields),
        cmocka_unit_test(cartesian_map),
        cmocka_unit_test(cylindrical_map),
        cmocka_unit_test(bad_maps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
