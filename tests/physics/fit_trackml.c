/* fit_trackml.c — the fit on the true hits of a full TrackML-like event: pulls, status, threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "datasets/calibration_file.h"
#include "hitgraph/material.h"
#include "hitgraph/measurement.h"
#include "hitgraph/pulls.h"
#include "hitgraph/trackml.h"
#include "tests/near.h"
#include "tests/leaks.h"

static const char *const event_path = "../shared/data/trackml-like/event000021007";
static const char *const calibration_path = "datasets/models/trackml/calibration.yaml";
static const char *const detector_path = "../shared/data/trackml/detector/detectors.csv.gz";

static hg_context *ctx;

/* Everything that the fit of one event needs. */
typedef struct sample {
    hg_detector *detector;
    hg_event *event;
    int64_t *hit_module;
    hg_truth_order *order;
    hg_field *field;
    hg_material *material;
    hg_calibration *calibration;
    hg_measurement *measurements;
    hg_tracks *tracks;
} sample;

static const hg_target target = {.pt_min_gev = 1.0, .eta_max = 4.0, .hits_min = 6, .layers_min = 3, .primary_only = true};

static void load(sample *s)
{
    static const double center[3] = {-149.0, -152.0, -150.0};
    hg_event_list *list = NULL;
    *s = (sample){.detector = NULL};
    assert_int_equal(hg_detector_read(ctx, detector_path, &s->detector), HG_OK);
    assert_int_equal(hg_event_list_create(ctx, event_path, &list), HG_OK);
    assert_int_equal(list->n, 1);
    assert_int_equal(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &s->event), HG_OK);
    hg_event_list_destroy(ctx, list);
    const hg_hits *hits = &s->event->hits;
    assert_int_equal(hg_alloc(ctx, &s->hit_module, hits->n), HG_OK);
    assert_int_equal(hg_alloc(ctx, &s->measurements, hits->n), HG_OK);
    for (int64_t i = 0; i < hits->n; ++i) {
        s->hit_module[i] = hg_detector_find(s->detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
        assert_true(s->hit_module[i] >= 0);
    }
    assert_int_equal(hg_truth_order_create(ctx, s->event, s->detector, s->hit_module, &s->order), HG_OK);
    assert_int_equal(hg_field_create_solenoid(ctx, 1247.0, 2612.0, 1.991, center, &s->field), HG_OK);
    assert_int_equal(hg_material_file_read(ctx, calibration_path, &s->material), HG_OK);
    assert_int_equal(hg_calibration_file_read(ctx, calibration_path, &s->calibration), HG_OK);
    assert_int_equal(hg_truth_tracks(ctx, s->order, &target, 2.0, &s->tracks), HG_OK);
}

static void unload(sample *s)
{
    hg_tracks_destroy(ctx, s->tracks);
    hg_calibration_destroy(ctx, s->calibration);
    hg_material_destroy(ctx, s->material);
    hg_field_destroy(ctx, s->field);
    hg_truth_order_destroy(ctx, s->order);
    hg_free(ctx, s->measurements);
    hg_free(ctx, s->hit_module);
    hg_event_destroy(ctx, s->event);
    hg_detector_destroy(ctx, s->detector);
}

static void fit_and_check(sample *s, const hg_cells *cells)
{
    hg_kalman kalman = {.detector = s->detector,
                        .field = s->field,
                        .material = s->material,
                        .calibration = s->calibration,
                        .options = hg_kalman_default_options()};
    assert_int_equal(hg_measure_hits(ctx, s->detector, &s->event->hits, s->hit_module, cells, s->calibration, s->measurements), HG_OK);
    assert_int_equal(hg_fit_tracks(ctx, &kalman, s->measurements, s->tracks), HG_OK); /* none fails */
    double *pull = NULL;
    int64_t n = 0;
    hg_pull_summary summary[HG_PULLS];
    assert_int_equal(hg_alloc(ctx, &pull, s->tracks->n * HG_PULLS), HG_OK);
    assert_int_equal(hg_pulls_collect(ctx, s->event, s->order, &target, s->field, s->tracks, pull, NULL, &n), HG_OK);
    assert_int_equal(n, s->tracks->n);
    assert_true(n > 700);
    assert_int_equal(hg_pulls_summarise(ctx, n, pull, summary), HG_OK);
    for (int p = 0; p < HG_PULLS; ++p) {
        print_message("    %-5s pull of %d tracks: mean %+.3f core width %.3f MAD width %.3f rms %.2f beyond 3: %.3f\n", hg_pull_name(p),
                      (int)n, summary[p].core_mean, summary[p].core_width, summary[p].mad_width, summary[p].rms, summary[p].beyond_3);
        assert_near(summary[p].core_width, 1.0, 0.1);
        assert_near(summary[p].mad_width, 1.0, 0.1);
        assert_near(summary[p].core_mean, 0.0, 0.12); /* four standard errors */
        assert_true(summary[p].beyond_3 < 0.04);
    }
    hg_free(ctx, pull);
}

static void pulls_on_a_full_event(void **state)
{
    (void)state;
    sample s;
    if (access("../shared/data/trackml-like", R_OK) != 0) {
        print_message("SKIP pulls_on_a_full_event: ../shared/data is missing\n");
        skip();
    }
    load(&s);
    assert_true(s.event->has_cells);
    fit_and_check(&s, &s.event->cells);
    fit_and_check(&s, NULL);
    unload(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pulls_on_a_full_event)};
    if (hg_context_create(&ctx) != HG_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
