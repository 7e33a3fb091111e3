/* batch.c — the batch kernels against the plain double filter: predictions, fits, status of every lane. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "bench/toy_planes.h"
#include "datasets/calibration_file.h"
#include "hitgraph/calibration.h"
#include "hitgraph/measurement.h"
#include "kernels/kernels.h"
#include "tests/isa.h"
#include "tests/near.h"
#include "tests/simulated.h"
#include "tracking/batch.h"
#include "tracking/fit.h"
#include "tracking/slope_errors.h"

enum { PAIRS_MAX = 40000, HITS_MAX = 40000 };

/* A true state on a module and the module of the particle's next hit, or of the one before. */
typedef struct pair {
    hg_track_state from;
    int64_t to;
} pair;

typedef struct place {
    int32_t row;
    uint64_t particle;
    double distance;
} place;

static pair pairs[PAIRS_MAX];
static place places[HITS_MAX]; /* hits of particles, ordered along them */
static int64_t n_pairs, n_places;
static hg_measurement *measurements;
static hg_kalman kalman;
static hg_calibration *calibration;

static int by_particle_then_distance(const void *left, const void *right)
{
    const place *a = left, *b = right;
    if (a->particle != b->particle) return a->particle < b->particle ? -1 : 1;
    return (a->distance > b->distance) - (a->distance < b->distance);
}

static hg_track_state true_state(const hg_event *event, int32_t row, int64_t module, double charge)
{
    const hg_truth *t = &event->truth;
    const hg_module *m = &detector->modules[module];
    const double r[3] = {t->tx[row] - m->center[0], t->ty[row] - m->center[1], t->tz[row] - m->center[2]};
    const double pt = hypot(t->tpx[row], t->tpy[row]), p = hypot(pt, t->tpz[row]);
    hg_track_state s = {.module = module, .par = {0, 0, atan2(t->tpy[row], t->tpx[row]), atan2(pt, t->tpz[row]), charge / p}};
    for (int a = 0; a < 2; ++a)
        for (int i = 0; i < 3; ++i) s.par[a] += m->rotation[3 * i + a] * r[i];
    const double sigma[5] = {0.02, 0.1, 2e-3, 3e-3, 0.03 * fabs(s.par[4])};
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j) s.cov[HG_PACKED(i, j)] = sigma[i] * sigma[j] * (i == j ? 1 : 0.3);
    return s;
}

static void measure(const hg_event *event)
{
    const hg_hits *h = &event->hits;
    int64_t *module = NULL;
    assert_int_equal(hg_alloc(ctx, &module, h->n), HG_OK);
    assert_int_equal(hg_alloc(ctx, &measurements, h->n), HG_OK);
    for (int64_t i = 0; i < h->n; ++i) module[i] = hg_detector_find(detector, h->volume_id[i], h->layer_id[i], h->module_id[i]);
    assert_int_equal(hg_measure_hits(ctx, detector, h, module, &event->cells, calibration, measurements), HG_OK);
    hg_free(ctx, module);
}

/* Neighbouring hits of simulated particles, both ways. */
static void collect_pairs(void)
{
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 12;
    hg_event *event = simulated(&options, 5, 1);
    assert_non_null(event);
    const hg_hits *h = &event->hits;
    assert_true(h->n < HITS_MAX);
    for (int64_t i = 0; i < h->n; ++i) {
        const hg_truth *t = &event->truth;
        if (t->particle_id[i] == 0) continue;
        places[n_places++] =
            (place){.row = (int32_t)i, .particle = t->particle_id[i], .distance = hypot(hypot(t->tx[i], t->ty[i]), t->tz[i])};
    }
    qsort(places, (size_t)n_places, sizeof *places, by_particle_then_distance);
    for (int64_t k = 0; k + 1 < n_places && n_pairs + 2 <= PAIRS_MAX; ++k) {
        if (places[k].particle != places[k + 1].particle) continue;
        double charge = 0;
        for (int64_t p = 0; p < event->particles.n; ++p)
            if (event->particles.particle_id[p] == places[k].particle) charge = event->particles.q[p];
        int64_t module[2];
        for (int e = 0; e < 2; ++e) {
            int32_t row = places[k + e].row;
            module[e] = hg_detector_find(detector, h->volume_id[row], h->layer_id[row], h->module_id[row]);
            assert_true(module[e] >= 0);
        }
        for (int e = 0; e < 2; ++e) {
            int32_t row = places[k + e].row;
            pairs[n_pairs++] = (pair){.from = true_state(event, row, module[e], charge), .to = module[1 - e]};
        }
    }
    measure(event);
    hg_event_destroy(ctx, event);
}

static void put_number(void *to, bool of_double, int64_t at, double value)
{
    if (of_double)
        ((double *)to)[at] = value;
    else
        ((float *)to)[at] = (float)value;
}

static double get_number(const void *from, bool of_double, int64_t at)
{
    return of_double ? ((const double *)from)[at] : (double)((const float *)from)[at];
}

/* How far predictions are from those of the scalar code. */
typedef struct difference {
    int64_t n, hard, disagree, far; /* far: a parameter off by more than a tenth of a sigma, or a variance by more than a fifth */
    double rms[5];                  /* in sigma */
} difference;

static void add_difference(difference *d, const hg_track_state *expected, const void *found, bool of_double, int64_t at)
{
    bool far = false;
    for (int i = 0; i < 5; ++i) {
        double off = get_number(found, of_double, at + i) - expected->par[i], variance = expected->cov[HG_PACKED(i, i)];
        double ratio = get_number(found, of_double, at + HG_BATCH_COV + HG_PACKED(i, i)) / variance;
        if (i == 2) off = remainder(off, 2 * M_PI);
        off /= sqrt(variance);
        assert_true(isfinite(off) && isfinite(ratio));
        if (fabs(off) > 0.1 || ratio < 0.8 || ratio > 1.2)
            far = true;
        else
            d->rms[i] += off * off;
    }
    d->far += far;
    ++d->n;
}

/* From the first of a pair to its second, or to the beam line, one by one in double. Returns 0 or why not. */
static int predict_one(const pair *p, bool to_beam, hg_track_state *out)
{
    *out = p->from;
    return to_beam ? hg_transport_state(&kalman, p->from.module, -1, NULL, out->par, out->cov, NULL)
                   : hg_kalman_predict(&kalman, &p->from, p->to, out);
}

/* Every pair through hg_batch_kernels.predict or predict_perigee. */
static difference compare_predictions(bool of_double, bool to_beam)
{
    const hg_batch_kernels *kernels = NULL;
    hg_batch_world *world = NULL;
    void *from = NULL, *to = NULL;
    int32_t *index = NULL, *module[2] = {NULL, NULL}, *status = NULL;
    difference d = {0};
    assert_int_equal(hg_batch_select(ctx, of_double, &kernels), HG_OK);
    assert_int_equal(hg_batch_world_create(ctx, &kalman, of_double, &world), HG_OK);
    assert_int_equal(hg_alloc_array(ctx, &from, n_pairs * HG_BATCH_STATE, kernels->real_size), HG_OK);
    assert_int_equal(hg_alloc_array(ctx, &to, n_pairs * HG_BATCH_STATE, kernels->real_size), HG_OK);
    assert_int_equal(hg_alloc(ctx, &index, n_pairs), HG_OK);
    assert_int_equal(hg_alloc(ctx, &status, n_pairs), HG_OK);
    for (int e = 0; e < 2; ++e) assert_int_equal(hg_alloc(ctx, &module[e], n_pairs), HG_OK);
    for (int64_t k = 0; k < n_pairs; ++k) {
        index[k] = (int32_t)k;
        module[0][k] = (int32_t)pairs[k].from.module;
        module[1][k] = (int32_t)pairs[k].to;
        for (int i = 0; i < 5; ++i) put_number(from, of_double, k * HG_BATCH_STATE + i, pairs[k].from.par[i]);
        for (int i = 0; i < 15; ++i) put_number(from, of_double, k * HG_BATCH_STATE + HG_BATCH_COV + i, pairs[k].from.cov[i]);
    }
    const hg_batch_jobs jobs = {.n = n_pairs, .from_index = index, .from_module = module[0], .to_module = module[1], .status = status};
    (to_beam ? kernels->predict_perigee : kernels->predict)(world, from, &jobs, to);
    for (int64_t k = 0; k < n_pairs; ++k) {
        hg_track_state expected;
        bool failed = predict_one(&pairs[k], to_beam, &expected) != 0;
        d.hard += (status[k] & HG_BATCH_HARD) != 0;
        if (status[k] & HG_BATCH_HARD) continue;
        d.disagree += failed != (status[k] != 0);
        if (!failed && status[k] == 0) add_difference(&d, &expected, to, of_double, k * HG_BATCH_STATE);
    }
    for (int i = 0; i < 5; ++i) d.rms[i] = sqrt(d.rms[i] / (double)d.n);
    hg_free(ctx, from);
    hg_free(ctx, to);
    hg_free(ctx, index);
    hg_free(ctx, status);
    for (int e = 0; e < 2; ++e) hg_free(ctx, module[e]);
    hg_batch_world_destroy(ctx, world);
    return d;
}

/* hard: the largest share of lanes that the batch may leave to the scalar code; rms: in sigma. */
static void check_predictions(bool to_beam, double hard, double far, double rms)
{
    for (int of_double = 0; of_double < 2; ++of_double) {
        difference d = compare_predictions(of_double, to_beam);
        printf("    %s: %d predictions, %d too hard, %d disagree, %d far; rms %.1e %.1e %.1e %.1e %.1e sigma\n",
               of_double ? "double" : "float", (int)d.n, (int)d.hard, (int)d.disagree, (int)d.far, d.rms[0], d.rms[1], d.rms[2], d.rms[3],
               d.rms[4]);
        assert_true(d.n > 10000);
        assert_true((double)d.hard < hard * (double)d.n);
        assert_true((double)d.far < far * (double)d.n);
        assert_true(d.disagree < 5);
        for (int i = 0; i < 5; ++i) assert_true(d.rms[i] < rms);
    }
}

static void predictions_agree_with_the_scalar_code(void **state)
{
    (void)state;
    check_predictions(false, 0.02, 0.005, 5e-3);
}

/* Half a turn is not too far: slow particles come back to the beam line from the outermost layers. */
static void so_do_those_of_the_beam_line(void **state)
{
    (void)state;
    check_predictions(true, 0.02, 0.1, 0.02);
}

/* Tracks of the particles with five hits or more; hits are the simulated ones. */
static hg_tracks *true_tracks(void)
{
    hg_tracks *tracks = NULL;
    int64_t n = 0, n_hits = 0, first = 0;
    assert_int_equal(hg_tracks_create(ctx, n_places, n_places, &tracks), HG_OK);
    for (int64_t k = 1; k <= n_places; ++k) {
        if (k < n_places && places[k].particle == places[first].particle) continue;
        for (int64_t i = first; k - first >= 5 && i < k; ++i) tracks->hit[n_hits++] = places[i].row;
        if (k - first >= 5) tracks->hit_offset[++n] = n_hits;
        first = k;
    }
    tracks->n = n;
    return tracks;
}

/* slope_errors: of kalman.calibration, or NULL. */
static void compare_fits(const float *slope_errors)
{
    hg_tracks *batch = true_tracks(), *plain = true_tracks();
    hg_filter_step *steps = NULL;
    double rms[5] = {0}, ratio[5] = {0};
    int64_t n = 0, disagree = 0;
    assert_int_equal(hg_alloc(ctx, &steps, batch->n_hits), HG_OK);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, batch) >= HG_OK);
    for (int64_t t = 0; t < plain->n; ++t) {
        hg_fit_one(&kalman, measurements, slope_errors, steps, plain, t);
        bool failed = plain->status[t] >= HG_TRACK_FAILED;
        disagree += failed != (batch->status[t] >= HG_TRACK_FAILED);
        if (failed || batch->status[t] >= HG_TRACK_FAILED) continue;
        /* filters inward and outward linearise about different states: near the beam, on curling tracks and bad ones that shows */
        int64_t first = plain->hit_offset[t], n_hits = plain->hit_offset[t + 1] - first;
        bool alike = memcmp(&batch->outlier[first], &plain->outlier[first], (size_t)n_hits) == 0 &&
                     !(plain->status[t] & HG_TRACK_CHI2_LARGE) && batch->ndf[t] == plain->ndf[t] &&
                     fabs(plain->params[5 * t + 4]) * sin(plain->params[5 * t + 3]) < 1 / 0.5 && fabs(plain->params[5 * t]) < 2 &&
                     sin(plain->params[5 * t + 3]) > 0.16;
        for (int i = 0; i < 15; ++i) assert_true(isfinite(batch->cov[15 * t + i]));
        assert_true(hg_cov_is_positive(&batch->cov[15 * t]));
        for (int i = 0; i < 5 && alike; ++i) {
            double variance = plain->cov[15 * t + HG_PACKED(i, i)], off = batch->params[5 * t + i] - plain->params[5 * t + i];
            rms[i] += (i == 2 ? pow(remainder(off, 2 * M_PI), 2) : off * off) / variance;
            ratio[i] += batch->cov[15 * t + HG_PACKED(i, i)] / variance;
        }
        n += alike;
    }
    printf("    %d tracks, %d alike, %d disagree\n", (int)plain->n, (int)n, (int)disagree);
    assert_true(plain->n > 300 && n > plain->n / 4);
    assert_true(disagree <= plain->n / 100);
    for (int i = 0; i < 5; ++i) {
        printf("    parameter %d: rms %.1e sigma, mean ratio of the variances %.4f\n", i, sqrt(rms[i] / (double)n), ratio[i] / (double)n);
        assert_true(sqrt(rms[i] / (double)n) < 0.2);
        assert_near(ratio[i] / (double)n, 1.0, 0.02);
    }
    hg_free(ctx, steps);
    hg_tracks_destroy(ctx, batch);
    hg_tracks_destroy(ctx, plain);
}

static void fits_agree_with_the_plain_one(void **state)
{
    (void)state;
    compare_fits(NULL);
}

/* Errors that grow with the slope, twofold from none to the steepest. */
static void so_they_do_with_errors_by_slope(void **state)
{
    (void)state;
    hg_resolution volume[9];
    const hg_calibration sloping = {9, volume}, *given = calibration;
    float *slope_errors = NULL;
    assert_int_equal(given->n, 9);
    for (int i = 0; i < 9; ++i) {
        volume[i] = given->volume[i];
        for (int axis = 0; axis < 2; ++axis)
            for (int c = 0; c < HG_SLOPE_CELLS; ++c) volume[i].sigma_at_slope[axis][c] = volume[i].sigma[axis][0] * (1 + c / 31.0);
    }
    kalman.calibration = &sloping;
    assert_int_equal(hg_slope_errors_create(ctx, &kalman, &slope_errors), HG_OK);
    assert_non_null(slope_errors);
    compare_fits(slope_errors);
    kalman.calibration = NULL;
    hg_free(ctx, slope_errors);
}

/* pT 0.3 to 100 GeV through ten planes and their material: whatever goes wrong has a status. chi2 is that of its degrees of freedom. */
static void no_lane_goes_wrong_silently(void **state)
{
    (void)state;
    toy planes = {0};
    hg_batch_world *world = NULL;
    int64_t n = 0, bad = 0, flagged = 0;
    double chi2 = 0;
    toy_tracks t = {0};
    assert_int_equal(toy_open(ctx, &planes), HG_OK);
    assert_int_equal(tracks_open(ctx, false, 6300, &t), HG_OK);
    assert_int_equal(hg_batch_world_create(ctx, &planes.matter, false, &world), HG_OK);
    for (int64_t g = 0; g < t.n_groups; ++g) {
        const hg_batch_fit fit = group_of(&t, g, false);
        t.kernels->fit(world, &fit);
        count_lanes(&t, &bad, &flagged);
        n += t.kernels->lanes;
        for (int lane = 0; lane < t.kernels->lanes; ++lane) chi2 += get(&t, t.chi2, lane);
    }
    printf("    %d tracks, %d with a status, %d bad without; chi2 / ndf %.4f\n", (int)n, (int)flagged, (int)bad, chi2 / (double)n / 15);
    assert_int_equal(bad, 0);
    assert_true(flagged < n / 1000);
    assert_true(chi2 / (double)n / 15 < 1.0 && chi2 / (double)n / 15 > 0.2); /* the toy has no scattering of its own */
    hg_batch_world_destroy(ctx, world);
    tracks_close(ctx, &t);
    toy_close(ctx, &planes);
}

static int open_world(void **state)
{
    if (set_up(state)) return 1;
    if (hg_calibration_file_read(ctx, "datasets/models/simulated/calibration.yaml", &calibration) != HG_OK) return 1;
    kalman = (hg_kalman){.detector = detector, .field = field, .material = material, .options = hg_kalman_default_options()};
    collect_pairs();
    return 0;
}

static int close_world(void **state)
{
    hg_free(ctx, measurements);
    hg_calibration_destroy(ctx, calibration);
    return tear_down(state);
}

/* Each table of the networks runs with the batch kernels of its vectors; tables that only add arithmetic of networks do not fall back. */
static void every_instruction_set_has_its_kernels(void **state)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n = hg_kernels_list(table);
    char *before = isa_keep();
    (void)state;
    for (int t = 0; t < n; ++t) {
        const bool narrow = strcmp(table[t]->name, "generic") == 0 || strcmp(table[t]->name, "avx2") == 0;
        setenv("HG_ISA", table[t]->name, 1);
        for (int of_double = 0; of_double < 2; ++of_double) {
            const hg_batch_kernels *kernels = NULL;
            assert_int_equal(hg_batch_select(ctx, of_double, &kernels), HG_OK);
            assert_string_equal(kernels->name, narrow ? table[t]->name : "avx512");
            assert_int_equal(kernels->real_size, of_double ? sizeof(double) : sizeof(float));
        }
    }
    isa_restore(before);
}

static bool shares_tables(const hg_kalman *asked, float *thickness)
{
    hg_batch_world *world = NULL;
    assert_int_equal(hg_batch_world_create(ctx, asked, false, &world), HG_OK);
    const bool shares = world->shares;
    *thickness = ((const float *)world->tables.surface)[4];
    hg_batch_world_destroy(ctx, world);
    return shares;
}

/* Thicker material needs no new tables; material elsewhere, another field, and doubles do. */
static void tables_serve_filters_of_the_same_places(void **state)
{
    hg_kalman_tables *tables = NULL;
    hg_material *other = NULL;
    hg_field *constant = NULL;
    hg_batch_world *world = NULL;
    float first, second;
    (void)state;
    assert_int_equal(hg_kalman_tables_create(ctx, &kalman, &tables), HG_OK);
    assert_int_equal(hg_material_create(ctx, kalman.material->surface, kalman.material->n, &other), HG_OK);
    assert_int_equal(hg_field_create_constant(ctx, 2.0, &constant), HG_OK);
    hg_kalman asked = kalman;
    asked.tables = tables;
    assert_true(shares_tables(&asked, &first));
    asked.material = other;
    other->surface[0].x_over_x0 *= 2.0;
    assert_true(shares_tables(&asked, &second));
    assert_true(second == 2.0f * first);
    other->surface[0].position += 1.0;
    assert_false(shares_tables(&asked, &second));
    asked.material = kalman.material;
    asked.field = constant;
    assert_false(shares_tables(&asked, &second));
    asked.field = kalman.field;
    assert_int_equal(hg_batch_world_create(ctx, &asked, true, &world), HG_OK);
    assert_false(world->shares);
    hg_batch_world_destroy(ctx, world);
    hg_field_destroy(ctx, constant);
    hg_material_destroy(ctx, other);
    hg_kalman_tables_destroy(ctx, tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_has_its_kernels),
        cmocka_unit_test(tables_serve_filters_of_the_same_places),
        cmocka_unit_test(predictions_agree_with_the_scalar_code),
        cmocka_unit_test(so_do_those_of_the_beam_line),
        cmocka_unit_test(fits_agree_with_the_plain_one),
        cmocka_unit_test(so_they_do_with_errors_by_slope),
        cmocka_unit_test(no_lane_goes_wrong_silently),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
