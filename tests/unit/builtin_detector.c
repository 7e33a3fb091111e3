/* builtin_detector.c — the generated detector against the published numbers of the TrackML geometry. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "datasets/builtin_detector.h"
#include "hitgraph/trackml.h"
#include "tests/near.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_detector *detector;

static int set_up(void **state)
{
    (void)state;
    return hg_context_create(&ctx) != HG_OK || hg_builtin_detector_create(ctx, &detector) != HG_OK;
}

static int tear_down(void **state)
{
    (void)state;
    hg_detector_destroy(ctx, detector);
    return close_without_leaks(ctx);
}

static void every_volume_has_its_modules(void **state)
{
    (void)state;
    static const int expected[19] = {
        [7] = 756, [8] = 2492, [9] = 756, [12] = 1020, [13] = 5796, [14] = 1020, [16] = 588, [17] = 5712, [18] = 588};
    int found[19] = {0};
    for (int64_t i = 0; i < detector->n_modules; ++i) ++found[detector->modules[i].volume_id];
    assert_memory_equal(found, expected, sizeof found);
    assert_int_equal(detector->n_layers, 48);
}

static void layers_lie_where_they_should(void **state)
{
    (void)state;
    static const struct {
        int volume, layer, n;
        double position;
    } expected[] = {{7, 2, 108, -1500},  {7, 14, 108, -600},    {8, 2, 224, 32.0},     {8, 8, 1092, 172.0},
                    {9, 6, 108, 820},    {12, 2, 170, -2949},   {13, 2, 840, 260.1},   {13, 8, 2142, 660.1},
                    {14, 12, 170, 2949}, {16, 12, 98, -1220.1}, {17, 4, 3192, 1020.1}, {18, 2, 98, 1220.1}};
    for (size_t k = 0; k < sizeof expected / sizeof *expected; ++k) {
        const int64_t first = hg_detector_find(detector, expected[k].volume, expected[k].layer, 1);
        assert_true(first >= 0);
        const hg_layer *layer = &detector->layers[detector->module_layer[first]];
        assert_int_equal(layer->n_modules, expected[k].n);
        assert_true(fabs((layer->barrel ? layer->r : layer->z) - expected[k].position) < 0.08);
        for (int id = 1; id <= expected[k].n; ++id)
            assert_int_equal(hg_detector_find(detector, expected[k].volume, expected[k].layer, id), first + id - 1);
    }
}

/* Rows of the challenge's detectors.csv: centre, axes u (x), v (x), w (z), half widths. */
static void modules_are_those_of_the_challenge(void **state)
{
    (void)state;
    static const struct {
        int volume, layer, module;
        double center[3], xu, xv, zw;
    } expected[] = {
        {7, 2, 1, {-65.7965, -5.1783, -1502.5}, 0.0784591, -0.996917, -1},
        {7, 2, 3, {-138.657, -19.3419, -1498}, 0.138156, -0.99041, -1},
    };
    for (size_t k = 0; k < sizeof expected / sizeof *expected; ++k) {
        const int64_t i = hg_detector_find(detector, expected[k].volume, expected[k].layer, expected[k].module);
        assert_true(i >= 0);
        const hg_module *module = &detector->modules[i];
        for (int a = 0; a < 3; ++a) assert_true(fabs(module->center[a] - expected[k].center[a]) < 1e-3);
        assert_true(fabs(module->rotation[0] - expected[k].xu) < 1e-6);
        assert_true(fabs(module->rotation[1] - expected[k].xv) < 1e-6);
        assert_true(fabs(module->rotation[8] - expected[k].zw) < 1e-6);
    }
}

/* All numbers against the challenge's file, which has six significant digits. */
static void every_number_is_that_of_the_file(void **state)
{
    (void)state;
    static const char file[] = "../shared/data/trackml/detector/detectors.csv.gz";
    if (access(file, F_OK) != 0) {
        puts("SKIP every_number_is_that_of_the_file: ../shared/data is missing");
        skip();
    }
    hg_detector *other = NULL;
    assert_int_equal(hg_detector_read(ctx, file, &other), HG_OK);
    assert_int_equal(other->n_modules, detector->n_modules);
    for (int64_t i = 0; i < detector->n_modules; ++i) {
        const hg_module *a = &detector->modules[i], *b = &other->modules[i];
        assert_int_equal(a->volume_id, b->volume_id);
        assert_int_equal(a->layer_id, b->layer_id);
        assert_int_equal(a->module_id, b->module_id);
        for (int k = 0; k < 3; ++k) assert_near(a->center[k], b->center[k], 0.005);
        for (int k = 0; k < 9; ++k) assert_near(a->rotation[k], b->rotation[k], 1e-6);
        assert_near(a->half_u_min, b->half_u_min, 1e-9);
        assert_near(a->half_u_max, b->half_u_max, 1e-9);
        assert_near(a->half_v, b->half_v, 1e-9);
        assert_near(a->thickness, b->thickness, 1e-9);
        assert_near(a->pitch_u, b->pitch_u, 1e-9);
        assert_near(a->pitch_v, b->pitch_v, 1e-9);
    }
    hg_detector_destroy(ctx, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_volume_has_its_modules),
        cmocka_unit_test(layers_lie_where_they_should),
        cmocka_unit_test(every_number_is_that_of_the_file),
        cmocka_unit_test(modules_are_those_of_the_challenge),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
