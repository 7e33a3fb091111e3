/* kalman_targets.c — the Kalman filter on arbitrary measurements and states: what leaves it is sound, or has a status that says why not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "hitgraph/kalman.h"
#include "hitgraph/material.h"
#include "tests/fuzz/fuzz.h"
#include "tracking/transport.h"

enum { PLANES = 10, DISCS = 4, MODULES = PLANES + DISCS, FIELDS = 3, TRACKS = 3, SEED_HITS = 8, MOST_HITS = 64 };

/* ---- the world ---- */

/* Planes across the x axis, then discs. */
static hg_detector *small_detector(void)
{
    static const double plane_x[PLANES] = {32, 72, 116, 172, 260, 360, 500, 660, 820, 1020}, disc_z[DISCS] = {600, 700, 820, 960};
    hg_module module[MODULES];
    hg_detector *detector = NULL;
    for (int m = 0; m < MODULES; ++m) {
        const bool plane = m < PLANES;
        module[m] = (hg_module){.volume_id = plane ? 8 : 9,
                                .layer_id = m + 1,
                                .module_id = 1,
                                .half_u_min = 500,
                                .half_u_max = 500,
                                .half_v = 1100,
                                .pitch_u = 0.05,
                                .pitch_v = 0.056};
        memcpy(module[m].rotation, plane ? (const double[9]){0, 0, 1, 1, 0, 0, 0, 1, 0} : (const double[9]){1, 0, 0, 0, 1, 0, 0, 0, 1},
               sizeof module[m].rotation);
        module[m].center[plane ? 0 : 2] = plane ? plane_x[m] : disc_z[m - PLANES];
    }
    fuzz_must(hg_detector_create(fuzz_ctx, module, MODULES, &detector));
    return detector;
}

/* A map that ends inside the detector, with one point that no magnet has. */
static hg_field *small_map(void)
{
    enum { POINTS = 3 };
    double b[POINTS * POINTS * POINTS * 3] = {0};
    hg_field *field = NULL;
    for (int i = 0; i < POINTS * POINTS * POINTS; ++i) b[3 * i + 2] = 2;
    b[1] = -40;
    fuzz_must(hg_field_create_map(fuzz_ctx, (const int64_t[]){POINTS, POINTS, POINTS}, (const double[]){-300, -300, -500},
                                  (const double[]){300, 300, 500}, b, &field));
    return field;
}

typedef struct world {
    hg_kalman kalman[FIELDS];
    hg_material *material;
} world;

/* Made once, by the first run: no later one may fail in it. */
static const world *the_world(void)
{
    static const hg_material_surface surface[] = {
        {true, 19, -3000, 3000, 0.0014, 0.12}, {true, 80, -1100, 1100, 0.015, 0.5}, {false, 610, 20, 1100, 0.015, 0.5}};
    static world w;
    if (w.material) return &w;
    hg_field *field[FIELDS] = {NULL};
    hg_detector *detector = small_detector();
    fuzz_must(hg_material_create(fuzz_ctx, surface, sizeof surface / sizeof *surface, &w.material));
    fuzz_must(hg_field_create_constant(fuzz_ctx, 2, &field[0]));
    fuzz_must(hg_field_create_constant(fuzz_ctx, 0, &field[1]));
    field[2] = small_map();
    for (int f = 0; f < FIELDS; ++f) {
        w.kalman[f] = (hg_kalman){.detector = detector, .field = field[f], .material = w.material, .options = hg_kalman_default_options()};
        hg_kalman_tables *tables = NULL;
        fuzz_must(hg_kalman_tables_create(fuzz_ctx, &w.kalman[f], &tables));
        w.kalman[f].tables = tables;
    }
    return &w;
}

/* The first number of an input: bits for the options, then the field. */
static hg_kalman kalman_of(uint64_t choice)
{
    hg_kalman kalman = the_world()->kalman[(choice >> 8) % FIELDS];
    kalman.options.rts = choice & 1;
    kalman.options.daf = choice >> 1 & 1;
    kalman.options.scattering = !(choice >> 2 & 1);
    kalman.options.energy_loss = !(choice >> 3 & 1);
    if (choice >> 4 & 1) kalman.material = NULL;
    return kalman;
}

static bool all_finite(const double *x, int n)
{
    for (int i = 0; i < n; ++i)
        if (!isfinite(x[i])) return false;
    return true;
}

static bool all_zero(const double *x, int n)
{
    for (int i = 0; i < n; ++i)
        if (x[i] != 0) return false;
    return true;
}

static void is_sound(const double par[5], const double cov[15])
{
    fuzz_require(all_finite(par, 5) && all_finite(cov, 15));
    fuzz_require(par[3] > 0 && par[3] < M_PI);
    fuzz_require(hg_cov_is_positive(cov));
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j < i; ++j)
            fuzz_require(fabs(cov[HG_PACKED(i, j)]) < 1.001 * sqrt(cov[HG_PACKED(i, i)]) * sqrt(cov[HG_PACKED(j, j)]));
}

/* ---- the fit of tracks ---- */

/* Hit on plane `module` of a track from the origin in 2 T, of radius 1667 mm: pT = 1 GeV. */
static hg_measurement on_circle(double slope, int64_t module)
{
    const double radius = 1667, x = the_world()->kalman[0].detector->modules[module].center[0];
    return (hg_measurement){
        .module = module, .local = {radius - sqrt(radius * radius - x * x), slope * radius * asin(x / radius)}, .variance = {2e-4, 3e-4}};
}

/* How a hit differs from one of a good track: all zero = not at all. */
typedef struct hit_input {
    int8_t module;          /* added */
    uint8_t odd;            /* 1 + what is odd, 0 = nothing; see odd_measurement */
    int16_t shift[2];       /* of u, v; some 1e-3 mm to 1e6 mm, see distance_of */
    int8_t log_variance[2]; /* in eighths of a power of ten */
} hit_input;

typedef struct tracks_input {
    uint64_t choice;
    hit_input hit[MOST_HITS]; /* as many as the input has; a third of them for each track */
} tracks_input;

static double distance_of(int16_t shift)
{
    return copysign(1e-3 * (exp2(fabs((double)shift) / 1024) - 1), shift);
}

/* One number becomes what no detector gives. */
static void odd_measurement(unsigned odd, hg_measurement *m)
{
    static const double values[] = {NAN, INFINITY, -1, 1e300, 1e-300, 0};
    enum { VALUES = sizeof values / sizeof *values };
    const double value = values[odd / 5 % VALUES];
    if (odd % 5 == 4)
        m->module = odd % 2 ? -1 : INT64_MAX;
    else
        (odd % 5 < 2 ? m->local : m->variance)[odd % 2] = value;
}

static hg_measurement measurement_of(const hit_input *in, int track, int64_t place)
{
    const double slope[TRACKS] = {-0.3, 0.1, 0.5};
    hg_measurement m = on_circle(slope[track], place % PLANES);
    m.module = (m.module + in->module + 2 * MODULES * 128) % MODULES;
    for (int i = 0; i < 2; ++i) {
        m.local[i] += distance_of(in->shift[i]);
        m.variance[i] *= pow(10, in->log_variance[i] / 8.0);
    }
    if (in->odd > 0) odd_measurement(in->odd - 1u, &m);
    return m;
}

static bool seed_tracks(int number)
{
    tracks_input in = {.choice = (uint64_t)(number & 3) | (uint64_t)(number % FIELDS) << 8};
    if (number > 5) return false;
    for (int k = 0; number > 3 && k < TRACKS * SEED_HITS; ++k) in.hit[k].log_variance[1] = 48; /* strips */
    fuzz_write(FUZZ_INPUT, &in, offsetof(tracks_input, hit) + TRACKS * SEED_HITS * sizeof *in.hit);
    return true;
}

static void look_at_track(const hg_tracks *tracks, int64_t t)
{
    const double *par = tracks->params + 5 * t, *cov = tracks->cov + 15 * t;
    if (tracks->status[t] >= HG_TRACK_FAILED)
        fuzz_require(all_zero(par, 5) && all_zero(cov, 15));
    else
        is_sound(par, cov);
    fuzz_require(isfinite(tracks->chi2[t]) && tracks->chi2[t] >= 0);
    for (int64_t k = tracks->hit_offset[t]; k < tracks->hit_offset[t + 1]; ++k)
        fuzz_require(tracks->outlier[k] <= 1 && tracks->weight[k] >= 0 && tracks->weight[k] <= 1);
}

static hg_status read_tracks(void)
{
    size_t length;
    tracks_input in = {0};
    hg_tracks *tracks = NULL;
    uint8_t *bytes = fuzz_read(FUZZ_INPUT, &length);
    memcpy(&in, bytes, length < sizeof in ? length : sizeof in);
    free(bytes);
    const size_t given = length < sizeof in.choice ? 0 : (length - sizeof in.choice) / sizeof *in.hit;
    const int64_t n = given < MOST_HITS ? (int64_t)given : MOST_HITS;
    const hg_kalman kalman = kalman_of(in.choice);
    hg_measurement measurements[MOST_HITS];
    hg_status status = hg_tracks_create(fuzz_ctx, TRACKS, n, &tracks);
    if (status < 0) return status;
    for (int t = 0; t < TRACKS; ++t) {
        tracks->hit_offset[t + 1] = n * (t + 1) / TRACKS;
        for (int64_t k = tracks->hit_offset[t]; k < tracks->hit_offset[t + 1]; ++k) {
            tracks->hit[k] = (int32_t)k;
            measurements[k] = measurement_of(&in.hit[k], t, k - tracks->hit_offset[t]);
        }
    }
    status = hg_fit_tracks(fuzz_ctx, &kalman, measurements, tracks);
    fuzz_require(status == HG_OK || status == HG_INFO_PARTIAL || status == HG_ERR_NOMEM);
    for (int t = 0; status >= 0 && t < TRACKS; ++t) look_at_track(tracks, t);
    hg_tracks_destroy(fuzz_ctx, tracks);
    return status;
}

/* ---- single steps ---- */

typedef struct step_input {
    uint64_t choice;
    int64_t target;
    hg_track_state state;
    hg_measurement points[3];
} step_input;

static bool seed_step(int number)
{
    if (number >= FIELDS) return false;
    step_input in = {.choice = (uint64_t)number << 8, .target = number == 2 ? PLANES : 3, .state = {.module = 0}};
    for (int k = 0; k < 3; ++k) in.points[k] = on_circle(0.3, k);
    fuzz_require(hg_seed_state(&the_world()->kalman[0], in.points, 0, &in.state) == 0);
    fuzz_write(FUZZ_INPUT, &in, sizeof in);
    return true;
}

/* A state is carried on, then takes in a measurement: it stays sound, or as it was. */
static void carry_and_update(const hg_kalman *kalman, const step_input *in)
{
    hg_track_state state, before;
    memset(&state, 1, sizeof state);
    before = state;
    if (in->state.module >= 0 && in->state.module < MODULES) {
        if (hg_kalman_predict(kalman, &in->state, in->target, &state) == 0)
            is_sound(state.par, state.cov);
        else
            fuzz_require(memcmp(&state, &before, sizeof state) == 0);
    }
    state = before = in->state;
    const double chi2 = hg_kalman_update(&state, &in->points[0]);
    if (chi2 >= 0)
        is_sound(state.par, state.cov);
    else
        fuzz_require(memcmp(&state, &before, sizeof state) == 0);
    fuzz_require(!isnan(chi2));
}

static void seed_from_points(const hg_kalman *kalman, const step_input *in)
{
    hg_track_state state;
    double par[5], cov[15];
    for (int i = 0; i < 3; ++i)
        if (in->points[i].module < 0 || in->points[i].module >= MODULES) return;
    for (int at = 0; at < 3; ++at)
        if (hg_seed_state(kalman, in->points, at, &state) == 0) is_sound(state.par, state.cov);
    if (hg_seed_perigee(kalman, in->points, par, cov) == 0) is_sound(par, cov);
}

static hg_status read_step(void)
{
    size_t length;
    step_input in = {0};
    uint8_t *bytes = fuzz_read(FUZZ_INPUT, &length);
    memcpy(&in, bytes, length < sizeof in ? length : sizeof in);
    free(bytes);
    const hg_kalman kalman = kalman_of(in.choice);
    carry_and_update(&kalman, &in);
    seed_from_points(&kalman, &in);
    return HG_OK;
}

const fuzz_target fuzz_kalman_targets[] = {
    {"kf_tracks", FUZZ_INPUT, seed_tracks, read_tracks, HG_OK, NULL, NULL},
    {"kf_steps", FUZZ_INPUT, seed_step, read_step, HG_OK, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
