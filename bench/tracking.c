/* tracking.c — tracks filtered, smoothed and fitted per second on one core; seeds per second; and whether any lane goes wrong silently. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: tracking [millions of tracks for the check of lanes; default 1]. Toy: ten planes across the beam, 2 T, state and surfaces given,
 * with and without a scatterer behind each plane. Full event: simulated, 200 collisions, hit lists from truth, the challenge's field. */
#include <math.h>
#include "base/data_path.h"
#include "base/log.h"
#include "bench/bench.h"
#include "bench/outliers.h"
#include "bench/toy_planes.h"
#include "datasets/builtin_detector.h"
#include "datasets/calibration_file.h"
#include "hitgraph/calibration.h"
#include "hitgraph/material.h"
#include "hitgraph/measurement.h"
#include "hitgraph/simulate.h"
#include "hitgraph/truth.h"

enum { GROUPS = 256, ROUNDS = 7, REPEATS = 4 };

static void run_tracks(const toy_tracks *t, const hg_batch_world *world, bool smooth)
{
    for (int64_t g = 0; g < t->n_groups; ++g) {
        const hg_batch_fit fit = group_of(t, g, smooth);
        t->kernels->fit(world, &fit);
    }
}

/* Median of tracks per second on this core. */
static hg_status measure_toy(hg_context *ctx, const hg_kalman *kalman, bool of_double, bool smooth, double *rate)
{
    hg_status status = HG_OK;
    hg_batch_world *world = NULL;
    toy_tracks t = {0};
    double rates[ROUNDS];
    HG_TRY(tracks_open(ctx, of_double, GROUPS, &t));
    HG_TRY(hg_batch_world_create(ctx, kalman, of_double, &world));
    run_tracks(&t, world, smooth);
    for (int round = 0; round < ROUNDS; ++round) {
        const double start = hg_seconds();
        for (int k = 0; k < REPEATS; ++k) run_tracks(&t, world, smooth);
        rates[round] = (double)(REPEATS * GROUPS * t.kernels->lanes) / (hg_seconds() - start);
    }
    *rate = bench_median(rates, ROUNDS);
done:
    hg_batch_world_destroy(ctx, world);
    tracks_close(ctx, &t);
    return status;
}

static hg_status check_lanes(hg_context *ctx, const hg_kalman *kalman, double millions, json_t *root)
{
    hg_status status = HG_OK;
    hg_batch_world *world = NULL;
    toy_tracks t = {0};
    int64_t n = 0, bad = 0, flagged = 0;
    HG_TRY(tracks_open(ctx, false, GROUPS, &t));
    HG_TRY(hg_batch_world_create(ctx, kalman, false, &world));
    for (uint64_t seed = 100; (double)n < millions * 1e6; ++seed) {
        fill_tracks(&t, seed);
        for (int64_t g = 0; g < t.n_groups; ++g) {
            const hg_batch_fit fit = group_of(&t, g, false);
            t.kernels->fit(world, &fit);
            count_lanes(&t, &bad, &flagged);
        }
        n += t.n_groups * t.kernels->lanes;
    }
    printf("lanes: %" PRId64 " float tracks, pT 0.3-100 GeV, material: %" PRId64 " with a status, %" PRId64 " bad without one\n", n,
           flagged, bad);
    json_object_set_new(root, "lanes",
                        json_pack("{s:I, s:I, s:I}", "tracks", (json_int_t)n, "flagged", (json_int_t)flagged, "bad", (json_int_t)bad));
done:
    hg_batch_world_destroy(ctx, world);
    tracks_close(ctx, &t);
    return status;
}

typedef struct event_world {
    hg_detector *detector;
    hg_field *field;
    hg_material *material;
    hg_calibration *calibration;
    hg_event *event;
    hg_truth_order *order;
    hg_tracks *tracks; /* hit lists of the particles with five hits or more */
    int64_t *module;
    hg_measurement *measurement;
    hg_kalman kalman;
} event_world;

static void event_close(hg_context *ctx, event_world *w)
{
    hg_free(ctx, w->module);
    hg_free(ctx, w->measurement);
    hg_tracks_destroy(ctx, w->tracks);
    hg_truth_order_destroy(ctx, w->order);
    hg_event_destroy(ctx, w->event);
    hg_calibration_destroy(ctx, w->calibration);
    hg_material_destroy(ctx, w->material);
    hg_field_destroy(ctx, w->field);
    hg_detector_destroy(ctx, w->detector);
}

static hg_status event_open(hg_context *ctx, event_world *w)
{
    hg_status status = HG_OK;
    const double center[3] = {-149, -152, -150};
    const hg_target target = {.eta_max = HUGE_VAL, .hits_min = 5, .layers_min = 1};
    char path[HG_PATH_SIZE];
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 200;
    HG_TRY(hg_builtin_detector_create(ctx, &w->detector));
    HG_TRY(hg_field_create_solenoid(ctx, 1247, 2612, 1.991, center, &w->field));
    HG_TRY(hg_simulate_material(ctx, &w->material));
    HG_TRY(hg_simulate_event(ctx, &options, w->detector, w->field, w->material, 1, 1, &w->event));
    const hg_hits *hits = &w->event->hits;
    HG_TRY(hg_alloc(ctx, &w->module, hits->n));
    HG_TRY(hg_alloc(ctx, &w->measurement, hits->n));
    for (int64_t i = 0; i < hits->n; ++i)
        w->module[i] = hg_detector_find(w->detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
    HG_TRY(hg_data_path(ctx, "models/simulated/calibration.yaml", path));
    HG_TRY(hg_calibration_file_read(ctx, path, &w->calibration));
    HG_TRY(hg_measure_hits(ctx, w->detector, hits, w->module, &w->event->cells, w->calibration, w->measurement));
    HG_TRY(hg_truth_order_create(ctx, w->event, w->detector, w->module, &w->order));
    HG_TRY(hg_truth_tracks(ctx, w->order, &target, HUGE_VAL, &w->tracks));
    w->kalman = (hg_kalman){.detector = w->detector, .field = w->field, .material = w->material, .options = hg_kalman_default_options()};
done:
    return status;
}

/* Fits with outlier rejection and perigee, and seeds of the first three hits, per second on one core; and the table of outliers. */
static hg_status measure_event(hg_context *ctx, double *fits, double *seeds, json_t *root)
{
    hg_status status = HG_OK;
    event_world w = {0};
    double fit_rates[ROUNDS], seed_rates[ROUNDS];
    HG_TRY(hg_context_set_threads(ctx, 1));
    HG_TRY(event_open(ctx, &w));
    for (int round = 0; round < ROUNDS; ++round) {
        double start = hg_seconds();
        HG_TRY(hg_fit_tracks(ctx, &w.kalman, w.measurement, w.tracks));
        fit_rates[round] = (double)w.tracks->n / (hg_seconds() - start);
        start = hg_seconds();
        for (int64_t t = 0; t < w.tracks->n; ++t) {
            const int32_t *hit = &w.tracks->hit[w.tracks->hit_offset[t]];
            double params[5], cov[15];
            hg_seed_perigee(&w.kalman, (hg_measurement[3]){w.measurement[hit[0]], w.measurement[hit[1]], w.measurement[hit[2]]}, params,
                            cov);
        }
        seed_rates[round] = (double)w.tracks->n / (hg_seconds() - start);
    }
    printf("full event: %" PRId64 " hits, %" PRId64 " tracks of %.1f hits\n", w.event->hits.n, w.tracks->n,
           (double)w.tracks->hit_offset[w.tracks->n] / (double)w.tracks->n);
    *fits = bench_median(fit_rates, ROUNDS);
    *seeds = bench_median(seed_rates, ROUNDS);
    HG_TRY(outliers_table(ctx, &w.kalman, w.event, w.order, w.measurement, root));
done:
    event_close(ctx, &w);
    return status < 0 ? status : HG_OK;
}

static hg_status run(hg_context *ctx, double millions, json_t *root)
{
    hg_status status = HG_OK;
    toy t = {0};
    enum { ROWS = 8 };
    static const char *const names[ROWS] = {
        "filter, vacuum, float",         "filter, vacuum, double",           "filter, material, float",
        "filter, material, double",      "filter+smoother, material, float", "filter+smoother, material, double",
        "full event, fit with outliers", "seeds, perigee with errors"};
    double rate[ROWS];
    HG_TRY(bench_machine(ctx, root));
    HG_TRY(toy_open(ctx, &t));
    for (int k = 0; k < 6; ++k) HG_TRY(measure_toy(ctx, k < 2 ? &t.vacuum : &t.matter, k % 2 == 1, k >= 4, &rate[k]));
    HG_TRY(measure_event(ctx, &rate[6], &rate[7], root));
    json_t *rates = json_object();
    for (int k = 0; k < ROWS; ++k) {
        printf("%-36s %10.0f /s/core\n", names[k], rate[k]);
        json_object_set_new(rates, names[k], hg_json_number(rate[k]));
    }
    json_object_set_new(root, "per_second_and_core", rates);
    HG_TRY(check_lanes(ctx, &t.matter, millions, root));
    HG_TRY(bench_write(ctx, "tracking", root));
done:
    toy_close(ctx, &t);
    return status;
}

int main(int argc, char **argv)
{
    hg_context *ctx = NULL;
    json_t *root = json_object();
    hg_status status = hg_context_create(&ctx);
    if (status >= 0) status = run(ctx, argc > 1 ? atof(argv[1]) : 1.0, root);
    if (status < 0) fprintf(stderr, "%s\n", ctx ? hg_context_message(ctx) : "out of memory");
    json_decref(root);
    hg_context_destroy(ctx);
    return status < 0;
}
