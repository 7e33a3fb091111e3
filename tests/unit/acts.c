/* acts.c — files of ACTS: identifiers, surfaces and simulated hits from hand-written files, and the sample from hits to tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "base/random.h"
#include "datasets/geometry_id.h"
#include "hitgraph/measurement.h"
#include "hitgraph/module_map_file.h"
#include "hitgraph/trackml.h"
#include "tests/program.h"

#define SAMPLE "../shared/data/acts/odd-1000-muons/"

static void identifiers_come_apart_and_together(void **state)
{
    (void)state;
    /* from the sample: volume 16, layer 4, sensitive 2, extra 1 */
    const uint64_t known = 1152921779484754433;
    assert_true(hg_id_is_module(known));
    assert_int_equal(hg_id_volume(known), 16);
    assert_int_equal(hg_id_layer(known), 4);
    assert_int_equal(hg_id_module(known), 1 << 20 | 2);
    assert_false(hg_id_is_module(144115256795332608)); /* a cylinder of volume 2, layer 1 */
    hg_random random = hg_random_stream(3, 1, 0, 0);
    for (int trial = 0; trial < 1000; ++trial) {
        const hg_module m = {.volume_id = (int32_t)hg_random_below(&random, HG_ID_VOLUMES),
                             .layer_id = (int32_t)hg_random_below(&random, HG_ID_LAYERS),
                             .module_id = (int32_t)hg_random_below(&random, trial % 2 ? HG_ID_MODULES : 1 << 20)};
        const uint64_t id = hg_module_geometry_id(&m);
        assert_int_equal(hg_id_volume(id), m.volume_id);
        assert_int_equal(hg_id_layer(id), m.layer_id);
        assert_int_equal(hg_id_module(id), m.module_id);
        if (trial % 2 == 0) /* without extra bits */
            assert_true(id == ((uint64_t)m.volume_id << 56 | (uint64_t)m.layer_id << 36 | (uint64_t)m.module_id << 8));
    }
}

/* A rectangle, one that is not centred, a trapezoid, an annulus; the cylinder is no module. Axes: u = y, v = z, w = x. */
static void surfaces_become_modules(void **state)
{
    (void)state;
    static const char header[] = "geometry_id,volume_id,boundary_id,layer_id,module_id,cx,cy,cz,rot_xu,rot_xv,rot_xw,rot_yu,rot_yv,rot_yw,"
                                 "rot_zu,rot_zv,rot_zw,bounds_type,bound_param0,bound_param1,bound_param2,bound_param3,bound_param4,"
                                 "bound_param5,bound_param6,module_t,pitch_u,pitch_v\n";
    char text[4096];
    const uint64_t id[5] = {hg_id_of(16, 2, 1), hg_id_of(16, 2, 2), hg_id_of(16, 4, 1), hg_id_of(16, 4, 1 << 20 | 1), (uint64_t)16 << 56};
    snprintf(text, sizeof text,
             "%s%" PRIu64 ",16,0,2,1,30,0,0,0,0,1,1,0,0,0,1,0,6,-8,-36,8,36,0,0,0,0.3,0.05,-1\n"
             "%" PRIu64 ",16,0,2,2,30,0,80,0,0,1,1,0,0,0,1,0,6,-8,-36,12,38,0,0,0,-1,-1,-1\n"
             "%" PRIu64 ",16,0,4,1,70,0,0,0,0,1,1,0,0,0,1,0,7,5,9,36,0,0,0,0,-1,-1,-1\n"
             "%" PRIu64 ",16,0,4,1,71,0,0,0,0,1,1,0,0,0,1,0,11,5,9,36,0,0,0,0,-1,-1,-1\n"
             "%" PRIu64 ",16,0,0,0,0,0,0,1,0,0,0,1,0,0,0,1,1,11,4001,3.14,0,0,0,0,-1,-1,-1\n",
             header, id[0], id[1], id[2], id[3], id[4]);
    write_text("detectors.csv", text);
    hg_detector *d = NULL;
    must(hg_detector_read(ctx, in_folder("detectors.csv"), &d));
    assert_int_equal(d->n_modules, 4);
    assert_int_equal(d->n_layers, 2);
    const hg_module *m = d->modules;
    assert_true(m[0].half_u_min == 8 && m[0].half_u_max == 8 && m[0].half_v == 36 && m[0].thickness == 0.3);
    assert_true(m[0].pitch_u == 0.05 && m[0].pitch_v == 0);
    assert_true(m[1].half_u_min == 10 && m[1].half_v == 37 && m[1].center[1] == 2 && m[1].center[2] == 81 && m[1].thickness == 0);
    assert_true(m[2].half_u_min == 5 && m[2].half_u_max == 9 && m[2].half_v == 36);
    assert_true(m[3].module_id == (1 << 20 | 1) && m[3].half_v == 0 && m[3].center[0] == 71);
    hg_detector_destroy(ctx, d);
}

static hg_event *read_event(const char *prefix)
{
    hg_event *event = NULL;
    const hg_event_source source = {3, (char *)(uintptr_t)in_folder(prefix), -1};
    must(hg_event_read(ctx, &source, HG_PART_ALL, &event));
    return event;
}

/* The same particles and hits in old and in new files: vertex 5, secondary vertex 0, particle 7, generation 2, sub-particle 3. */
static void old_and_new_files_say_the_same(void **state)
{
    (void)state;
    const uint64_t packed = (uint64_t)5 << 52 | (uint64_t)7 << 36 | (uint64_t)2 << 24 | 3,
                   old_id = (uint64_t)5 << 52 | 7 << 24 | 2 << 16 | 3;
    char text[1024];
    snprintf(text, sizeof text,
             "particle_id,geometry_id,tx,ty,tz,tt,tpx,tpy,tpz,te,deltapx,deltapy,deltapz,deltae,index\n"
             "%" PRIu64 ",%" PRIu64 ",30,1,2,0.1,3,0,4,5,0,0,0,0,0\n%" PRIu64 ",%" PRIu64 ",70,2,4.5,0.3,3,0.25,4,5,0,0,0,0,1\n",
             old_id, hg_id_of(16, 2, 1), old_id, hg_id_of(16, 4, 1 << 20 | 9));
    write_text("event000000003-hits.csv", text);
    snprintf(text, sizeof text, "particle_id,particle_type,process,vx,vy,vz,vt,px,py,pz,m,q\n%" PRIu64 ",-13,0,0.5,0,-3,0,3,0,4,0.105,1\n",
             old_id);
    write_text("event000000003-particles_initial.csv", text);
    snprintf(
        text, sizeof text,
        "hit_id,particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart,geometry_id,tx,ty,tz,tt,tpx,tpy,tpz,"
        "te,deltapx,deltapy,deltapz,deltae,index\n20,5,0,7,2,3,%" PRIu64 ",30,1,2,0.1,3,0,4,5,0,0,0,0,0\n"
        "10,5,0,7,2,3,%" PRIu64 ",70,2,4.5,0.3,3,0.25,4,5,0,0,0,0,1\n",
        hg_id_of(16, 2, 1), hg_id_of(16, 4, 1 << 20 | 9));
    write_text("event000000004-hits.csv", text);
    write_text("event000000004-particles.csv",
               "particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart,particle_type,process,vx,vy,vz,vt,px,py,"
               "pz,m,q\n5,0,7,2,3,-13,0,0.5,0,-3,0,3,0,4,0.105,1\n");
    hg_event *old = read_event("event000000003"), *new = read_event("event000000004");
    const hg_event *both[] = {old, new};
    for (int k = 0; k < 2; ++k) {
        const hg_event *e = both[k];
        assert_int_equal(e->event_id, 3);
        assert_int_equal(e->hits.n, 2);
        assert_true(e->has_truth && e->has_particles && !e->has_cells);
        assert_true(e->hits.hit_id[0] == (k ? 20 : 0) && e->hits.hit_id[1] == (k ? 10 : 1));
        assert_true(e->hits.x[1] == 70 && e->hits.y[1] == 2 && e->hits.z[1] == 4.5);
        assert_true(e->hits.volume_id[1] == 16 && e->hits.layer_id[1] == 4 && e->hits.module_id[1] == (1 << 20 | 9));
        assert_true(e->truth.particle_id[1] == packed && e->truth.tx[1] == 70 && e->truth.tpy[1] == 0.25 && e->truth.weight[1] == 0);
        assert_true(e->particles.n == 1 && e->particles.particle_id[0] == packed && e->particles.vz[0] == -3 && e->particles.pz[0] == 4);
        assert_true(e->particles.q[0] == 1 && e->particles.pdg[0] == -13 && e->particles.nhits[0] == 2);
    }
    hg_event_destroy(ctx, old);
    hg_event_destroy(ctx, new);
}

/* The counts that come with the sample; every hit lies on its sensor. */
static void the_sample_is_read(void **state)
{
    (void)state;
    if (!has_sample(SAMPLE "detectors.csv.gz")) skip();
    hg_detector *detector = NULL;
    hg_event *event = NULL;
    const hg_event_source source = {0, (char *)(uintptr_t)SAMPLE "exact/event000000000", -1};
    must(hg_detector_read(ctx, SAMPLE "detectors.csv.gz", &detector));
    must(hg_event_read(ctx, &source, HG_PART_ALL, &event));
    assert_int_equal(event->hits.n, 11862);
    assert_int_equal(event->particles.n, 1000);
    int64_t off = 0;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const int64_t module = hg_detector_find(detector, event->hits.volume_id[i], event->hits.layer_id[i], event->hits.module_id[i]);
        off += hg_hit_misplaced(detector, &event->hits, module, NULL, NULL, i) != 0;
    }
    assert_int_equal(off, 0);
    hg_event_destroy(ctx, event);
    hg_detector_destroy(ctx, detector);
}

/* From files of ACTS to tracks, by the program: errors of hits from a file, maps and windows learned from the event itself. */
static void the_sample_is_tracked(void **state)
{
    (void)state;
    if (!has_sample(SAMPLE "detectors.csv.gz")) skip();
    char here[512], settings[256];
    assert_non_null(getcwd(here, sizeof here - 64));
    strcat(here, "/" SAMPLE);
    static const int volumes[] = {16, 17, 18, 23, 24, 25, 28, 29, 30};
    hg_text text = {0};
    must(hg_text_append(ctx, &text, "volumes:\n"));
    for (size_t k = 0; k < sizeof volumes / sizeof *volumes; ++k)
        must(hg_text_append(ctx, &text, "  - {volume: %d, bias_u: 0, sigma_u: [%g], sigma_v: [%g]}\n", volumes[k],
                            volumes[k] < 20 ? 0.015 : 0.03, volumes[k] < 20 ? 0.015 : 1.2));
    write_text("errors.yaml", text.data);
    hg_free(ctx, text.data);
    snprintf(settings, sizeof settings, "--quiet --json -s fit.calibration=errors.yaml -s field.spec=constant:2");
    answer a = run("build %s --learn --detector %sdetectors.csv.gz --out map.h5 %sexact", settings, here, here);
    expect_answer("learn", &a, 0, (const char *const[]){NULL});
    forget(&a);
    a = run("track %s -s graph.map=map.h5 --seeds tables --detector %sdetectors.csv.gz --out out %sexact", settings, here, here);
    expect_answer("track", &a, 0, (const char *const[]){NULL});
    forget(&a);
    a = run("evaluate --json --quiet --detector %sdetectors.csv.gz out/tracks.h5 %sexact", here, here);
    expect_answer("evaluate", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *target = json_array_get(json_object_get(json_array_get(lines, 0), "targets"), 1);
    const double efficiency = json_real_value(
        json_object_get(json_object_get(json_object_get(json_object_get(target, "tracks"), "double majority"), "efficiency"), "value"));
    print_message("efficiency, pT > 0.9 GeV: %.4f\n", efficiency);
    assert_true(efficiency > 0.99);
    json_decref(lines);
    forget(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_come_apart_and_together),
        cmocka_unit_test(surfaces_become_modules),
        cmocka_unit_test(old_and_new_files_say_the_same),
        cmocka_unit_test(the_sample_is_read),
        cmocka_unit_test(the_sample_is_tracked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
