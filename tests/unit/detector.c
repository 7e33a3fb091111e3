/* detector.c — modules into layers, look-up, refusals; tracks' tables; measurements; material lists. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "hitgraph/material.h"
#include "hitgraph/measurement.h"
#include "tests/near.h"
#include "tests/leaks.h"

static hg_context *ctx;

enum { MODULES = 6 };

/* Two barrel layers with two modules each and a disc with two, given out of order. */
static void six_modules(hg_module m[MODULES])
{
    const int32_t order[MODULES][3] = {{8, 4, 2}, {8, 2, 1}, {9, 2, 2}, {8, 4, 1}, {8, 2, 2}, {9, 2, 1}};
    for (int i = 0; i < MODULES; ++i) {
        bool barrel = order[i][0] == 8;
        double r = barrel ? 16.0 * order[i][1] : 100.0, phi = 0.2 + 2.0 * order[i][2], c = cos(phi), s = sin(phi);
        m[i] = (hg_module){.volume_id = order[i][0],
                           .layer_id = order[i][1],
                           .module_id = order[i][2],
                           .center = {r * c, r * s, barrel ? 10.0 * order[i][2] : 600.0},
                           .half_u_min = 8,
                           .half_u_max = 8,
                           .half_v = 36,
                           .thickness = 0.15,
                           .pitch_u = 0.05,
                           .pitch_v = 0.06};
        const double facing[9] = {-s, 0, c, c, 0, s, 0, 1, 0}, lying[9] = {s, c, 0, -c, s, 0, 0, 0, 1};
        memcpy(m[i].rotation, barrel ? facing : lying, sizeof facing);
    }
}

static hg_detector *six(void)
{
    hg_module m[MODULES];
    hg_detector *detector = NULL;
    six_modules(m);
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &detector), HG_OK);
    return detector;
}

static void modules_are_sorted_into_layers(void **state)
{
    (void)state;
    hg_detector *d = six();
    assert_int_equal(d->n_layers, 3);
    for (int i = 0; i < MODULES; ++i) {
        assert_int_equal(d->module_layer[i], i / 2);
        assert_int_equal(hg_detector_find(d, d->modules[i].volume_id, d->modules[i].layer_id, d->modules[i].module_id), i);
    }
    assert_int_equal(hg_detector_find(d, 8, 3, 1), -1);
    assert_int_equal(hg_detector_find(d, 9, 2, 3), -1);
    const hg_layer *inner = &d->layers[0], *disc = &d->layers[2];
    assert_true(inner->barrel && d->layers[1].barrel && !disc->barrel);
    assert_near(inner->r, 32.0, 1e-12);
    assert_near(inner->z, 15.0, 1e-12);
    assert_near(inner->r_min, 32.0, 1e-12); /* the middle of a flat module is nearer than its corners */
    assert_near(inner->r_max, hypot(32, 8), 1e-12);
    assert_near(inner->z_min, -26.0, 1e-12);
    assert_near(inner->z_max, 56.0, 1e-12);
    assert_near(disc->z, 600.0, 0);
    assert_near(disc->r_min, 64.0, 1e-9);
    assert_near(disc->r_max, hypot(136, 8), 1e-9);
    hg_detector_destroy(ctx, d);
}

static void impossible_detectors_are_refused(void **state)
{
    (void)state;
    hg_module m[MODULES];
    hg_detector *d = NULL;
    six_modules(m);
    assert_int_equal(hg_detector_create(ctx, m, 0, &d), HG_ERR_ARG);
    m[3].module_id = 2; /* (8, 4, 2) twice */
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "(8, 4, 2)"));
    six_modules(m);
    m[2].rotation[4] += 0.01;
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_DATA);
    six_modules(m);
    for (int i = 0; i < 3; ++i) m[2].rotation[3 * i] *= -1; /* left-handed */
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_DATA);
    six_modules(m);
    m[5].center[1] = NAN;
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_DATA);
    six_modules(m);
    m[5].pitch_v = -1;
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_DATA);
    assert_null(d);
    six_modules(m);
    for (int n = 0; n < 4; ++n) { /* every allocation */
        hg_memory_fail_after(ctx, n);
        assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_ERR_NOMEM);
    }
    hg_memory_fail_after(ctx, -1);
    assert_null(d);
}

/* Hits at given local positions; hit 1 has a cluster of 2 x 3 cells, hit 2 one that is not in a row. */
static void hits_become_measurements(void **state)
{
    (void)state;
    enum { HITS = 3 };
    hg_detector *d = six();
    double x[HITS], y[HITS], z[HITS];
    const double u[HITS] = {1.5, -7.0, 0.0}, v[HITS] = {20.0, -35.0, 1.0};
    const int64_t module[HITS] = {0, 2, 5};
    uint64_t id[HITS] = {10, 20, 30};
    for (int i = 0; i < HITS; ++i) {
        const hg_module *m = &d->modules[module[i]];
        x[i] = m->center[0] + m->rotation[0] * u[i] + m->rotation[1] * v[i];
        y[i] = m->center[1] + m->rotation[3] * u[i] + m->rotation[4] * v[i];
        z[i] = m->center[2] + m->rotation[6] * u[i] + m->rotation[7] * v[i];
    }
    hg_hits hits = {.n = HITS, .hit_id = id, .x = x, .y = y, .z = z};
    int64_t offset[HITS + 1] = {0, 0, 3, 5};
    int32_t ch0[5] = {7, 8, 7, 100, 120}, ch1[5] = {4, 5, 6, 9, 9};
    hg_cells cells = {.n = 5, .offset = offset, .ch0 = ch0, .ch1 = ch1};
    hg_measurement m[HITS];
    const hg_resolution known = {.volume_id = 8, .sigma = {{0.010, 0.011, 0.007, 0.004}, {0, 0.02}}, .shift = {0.003, 0}};
    const hg_calibration calibration = {1, &known};

    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, m), HG_OK);
    for (int i = 0; i < HITS; ++i) {
        assert_int_equal(m[i].module, module[i]);
        assert_near(m[i].local[0], u[i], 1e-12);
        assert_near(m[i].local[1], v[i], 1e-12);
        assert_near(m[i].variance[0], 0.05 * 0.05 / 12, 1e-15);
        assert_near(m[i].variance[1], 0.06 * 0.06 / 12, 1e-15);
    }
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, &cells, &calibration, m), HG_OK);
    assert_near(m[0].local[0], u[0] - 0.003, 1e-12);
    assert_near(sqrt(m[0].variance[0]), 0.010, 1e-12); /* no cells: the width is not known */
    assert_near(sqrt(m[0].variance[1]), 0.06 / sqrt(12), 1e-12);
    assert_near(sqrt(m[1].variance[0]), 0.007, 1e-12);           /* two cells wide */
    assert_near(sqrt(m[1].variance[1]), 0.02, 1e-12);            /* three: as the widest that is known */
    assert_near(sqrt(m[2].variance[0]), 0.05 / sqrt(12), 1e-12); /* a volume that is not calibrated */
    assert_near(m[2].local[0], u[2], 1e-12);

    hg_measurement before = m[0];
    z[2] += 2.0; /* off the disc */
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, m), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit_id 30"));
    z[2] = NAN;
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, m), HG_ERR_DATA);
    assert_memory_equal(&before, &m[0], sizeof before);
    d->modules[5].pitch_u = 0;
    z[2] = 600;
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, m), HG_ERR_DATA);
    hg_detector_destroy(ctx, d);
}

/* Numbers with gaps, and those that a guess from the first one would put outside. */
static void modules_need_not_be_numbered_in_a_row(void **state)
{
    (void)state;
    const int32_t number[MODULES] = {INT32_MAX, 3, 4, -7, 900, 8};
    hg_module m[MODULES];
    hg_detector *d = NULL;
    six_modules(m);
    for (int i = 0; i < MODULES; ++i) {
        m[i].volume_id = m[i].layer_id = i < 5 ? 1 : 2;
        m[i].module_id = number[i];
    }
    assert_int_equal(hg_detector_create(ctx, m, MODULES, &d), HG_OK);
    for (int i = 0; i < MODULES; ++i)
        assert_int_equal(hg_detector_find(d, d->modules[i].volume_id, d->modules[i].layer_id, d->modules[i].module_id), i);
    const int32_t absent[] = {INT32_MIN, -8, -6, 5, 899, 901};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; ++i) assert_int_equal(hg_detector_find(d, 1, 1, absent[i]), -1);
    hg_detector_destroy(ctx, d);
}

/* The first hit in the order of the rows is named, whichever thread finds one. */
static void the_first_bad_hit_is_named(void **state)
{
    (void)state;
    enum { HITS = 64 };
    hg_detector *d = six();
    double x[HITS], y[HITS], z[HITS];
    int64_t module[HITS];
    uint64_t id[HITS];
    hg_measurement measured[HITS];
    const hg_hits hits = {.n = HITS, .hit_id = id, .x = x, .y = y, .z = z};
    for (int i = 0; i < HITS; ++i) {
        const hg_module *m = &d->modules[module[i] = i % MODULES];
        x[i] = m->center[0];
        y[i] = m->center[1];
        z[i] = m->center[2];
        id[i] = (uint64_t)(100 + i);
    }
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, measured), HG_OK);
    const struct {
        int row;
        double *where, value;
        hg_status status;
        const char *text;
    } bad[] = {{50, &z[50], 700, HG_ERR_DATA, "hit_id 150): found 654 mm beyond"},
               {40, &z[40], INFINITY, HG_ERR_DATA, "hit_id 140): position is not finite"},
               {5, &z[5], 603, HG_ERR_DATA, "hit_id 105): found 3 mm off the plane of module (9, 2, 2)"},
               {3, &z[3], 100, HG_ERR_DATA, "hit_id 103): found 44 mm beyond the edge of module (8, 4, 2)"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; ++k) {
        *bad[k].where = bad[k].value;
        assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, measured), bad[k].status);
        assert_non_null(strstr(hg_context_message(ctx), bad[k].text));
    }
    module[1] = MODULES;
    assert_int_equal(hg_measure_hits(ctx, d, &hits, module, NULL, NULL, measured), HG_ERR_ARG);
    hg_detector_destroy(ctx, d);
}

static void material_lists(void **state)
{
    (void)state;
    hg_material *material = NULL;
    assert_int_equal(hg_material_create_trackml(ctx, 1.0, &material), HG_OK);
    assert_int_equal(material->n, 4 + 10 + 2 * (7 + 6 + 6));
    double central = 0, loss = 0; /* straight out at z = 0 */
    for (int64_t i = 0; i < material->n; ++i) {
        if (material->surface[i].cylinder) central += material->surface[i].x_over_x0;
        if (material->surface[i].cylinder) loss += material->surface[i].loss_mev;
    }
    assert_true(central > 0.14 && central < 0.24);
    assert_true(loss > 4.0 && loss < 8.0);
    hg_material_destroy(ctx, material);
    material = NULL;
    hg_material_surface s = {true, -1.0, 0, 1, 0.01, 0.1};
    assert_int_equal(hg_material_create(ctx, &s, 1, &material), HG_ERR_DATA);
    s = (hg_material_surface){false, -1.0, 2, 1, 0.01, 0.1};
    assert_int_equal(hg_material_create(ctx, &s, 1, &material), HG_ERR_DATA);
    s = (hg_material_surface){false, -1.0, 0, 1, NAN, 0.1};
    assert_int_equal(hg_material_create(ctx, &s, 1, &material), HG_ERR_DATA);
    assert_int_equal(hg_material_create_trackml(ctx, -1.0, &material), HG_ERR_ARG);
    assert_null(material);
}

static void track_tables(void **state)
{
    (void)state;
    hg_tracks *tracks = NULL;
    assert_int_equal(hg_tracks_create(ctx, -1, 0, &tracks), HG_ERR_ARG);
    assert_int_equal(hg_tracks_create(ctx, 0, 0, &tracks), HG_OK);
    assert_int_equal(tracks->hit_offset[0], 0);
    hg_tracks_destroy(ctx, tracks);
    assert_int_equal(hg_tracks_create(ctx, 3, 20, &tracks), HG_OK);
    for (int i = 0; i < 20; ++i) assert_int_equal(tracks->hit[i] + tracks->outlier[i], 0);
    for (int i = 0; i < 45; ++i) assert_true(tracks->cov[i] == 0.0);
    hg_tracks_destroy(ctx, tracks);
    hg_tracks_destroy(ctx, NULL);
    hg_detector_destroy(ctx, NULL);
    hg_material_destroy(ctx, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_sorted_into_layers),
        cmocka_unit_test(impossible_detectors_are_refused),
        cmocka_unit_test(hits_become_measurements),
        cmocka_unit_test(modules_need_not_be_numbered_in_a_row),
        cmocka_unit_test(the_first_bad_hit_is_named),
        cmocka_unit_test(material_lists),
        cmocka_unit_test(track_tables),
    };
    if (hg_context_create(&ctx) != HG_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
