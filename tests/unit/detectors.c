/* tests/unit/detectors.c — detectors.csv in its variants, and the geometry in HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "hitgraph/hdf5_files.h"
#include "hitgraph/trackml.h"

static void assert_same_detector(const hg_detector *a, const hg_detector *b)
{
    assert_int_equal(a->n_modules, b->n_modules);
    for (int64_t i = 0; i < a->n_modules; ++i) {
        const hg_module *m = &a->modules[i], *n = &b->modules[i];
        assert_true(m->volume_id == n->volume_id && m->layer_id == n->layer_id && m->module_id == n->module_id);
        assert_memory_equal(m->center, n->center, sizeof m->center);
        assert_memory_equal(m->rotation, n->rotation, sizeof m->rotation);
        assert_true(m->half_u_min == n->half_u_min && m->half_u_max == n->half_u_max && m->half_v == n->half_v);
        assert_true(m->thickness == n->thickness && m->pitch_u == n->pitch_u && m->pitch_v == n->pitch_v);
    }
}

/* Leading index column, another order of columns, no sizes; then a repeated trip through CSV, CSV.gz and HDF5. */
static void variants_and_round_trip(void **state)
{
    (void)state;
    hg_detector *detector = NULL, *other = NULL;
    hg_events_h5 *file = NULL;
    write_text("small.csv",
               ",module_id,layer_id,volume_id,cx,cy,cz,rot_xu,rot_xv,rot_xw,rot_yu,rot_yv,rot_yw,rot_zu,rot_zv,rot_zw,pitch_u,more\n"
               "0,2,4,8,30.1,0,1.5,0,0,1,1,0,0,0,1,0,-1,?\n"
               "1,1,4,8,30.1,0,-1.5,0,0,1,1,0,0,0,1,0,0.05,?\n");
    must(hg_detector_read(ctx, in_folder("small.csv"), &detector));
    assert_int_equal(detector->n_modules, 2);
    assert_true(detector->modules[0].module_id == 1 && detector->modules[0].center[2] == -1.5);
    assert_true(detector->modules[0].pitch_u == 0.05 && detector->modules[1].pitch_u == 0 && detector->modules[0].half_v == 0);
    assert_true(detector->modules[0].rotation[2] == 1 && detector->modules[0].rotation[3] == 1 && detector->modules[0].rotation[7] == 1);
    must(hg_events_h5_begin(ctx, in_folder("geometry.h5"), NULL, detector, &file));
    must(hg_events_h5_commit(ctx, file));
    must(hg_detector_write(ctx, detector, in_folder("out.csv.gz")));
    must(hg_detector_write(ctx, detector, in_folder("out.csv")));
    static const char *const names[] = {"geometry.h5", "out.csv.gz", "out.csv"};
    for (int i = 0; i < 3; ++i) {
        must(hg_detector_read(ctx, in_folder(names[i]), &other));
        assert_same_detector(detector, other);
        hg_detector_destroy(ctx, other);
    }
    hg_detector_destroy(ctx, detector);
}

static void bad_geometry(void **state)
{
    (void)state;
    hg_detector *detector = NULL;
    const char *head = "volume_id,layer_id,module_id,cx,cy,cz,rot_xu,rot_xv,rot_xw,rot_yu,rot_yv,rot_yw,rot_zu,rot_zv,rot_zw\n";
    static const struct {
        const char *rows, *message;
        hg_status status;
    } bad[] = {
        {"", "has no modules", HG_ERR_DATA},
        {"8,2,1,0,0,0,0,0,0,0,0,0,0,0,0\n", "bad.csv", HG_ERR_DATA},
        {"8,2,1,0,0,0,1,0,0,0,1,0,0,0,1\n8,2,1,9,0,0,1,0,0,0,1,0,0,0,1\n", "bad.csv", HG_ERR_DATA},
        {"8,2,1.5,0,0,0,1,0,0,0,1,0,0,0,1\n", "bad.csv:2: column 'module_id': found \"1.5\", expected an integer", HG_ERR_FORMAT},
        {"8,2,3000000000,0,0,0,1,0,0,0,1,0,0,0,1\n", "the number is too large", HG_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", head, bad[i].rows);
        write_text("bad.csv", text);
        expect_failure(hg_detector_read(ctx, in_folder("bad.csv"), &detector), bad[i].status, bad[i].message);
    }
    write_text("bad.csv", "volume_id,layer_id\n");
    expect_failure(hg_detector_read(ctx, in_folder("bad.csv"), &detector), HG_ERR_FORMAT, "bad.csv:1: column 'module_id' is missing");
}

static void samples(void **state)
{
    (void)state;
    static const char *const sample[] = {"../shared/data/trackml/detector/detectors.csv.gz",
                                         "../shared/data/trackml/sample5pct/detectors.csv.gz"};
    hg_detector *detector[2] = {NULL, NULL}, *other = NULL;
    if (!has_sample(sample[0])) skip();
    for (int i = 0; i < 2; ++i) {
        must(hg_detector_read(ctx, sample[i], &detector[i]));
        assert_int_equal(detector[i]->n_modules, 18728);
    }
    assert_same_detector(detector[0], detector[1]);
    must(hg_detector_write(ctx, detector[0], in_folder("sample.csv.gz")));
    must(hg_detector_read(ctx, in_folder("sample.csv.gz"), &other));
    assert_same_detector(detector[0], other);
    hg_detector_destroy(ctx, other);
    for (int i = 0; i < 2; ++i) hg_detector_destroy(ctx, detector[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_and_round_trip),
        cmocka_unit_test(bad_geometry),
        cmocka_unit_test(samples),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
