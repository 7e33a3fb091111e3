/* pipeline/telescope_features.c — hand-made numbers of telescope events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/telescope_features.h"

#include <math.h>

#include "base/check.h"
#include "base/memory.h"
#include "pipeline/telescope_baselines.h"

/* In the order of `names`. */
typedef enum feature {
    PULSES,
    CENTRE,                  /* x, y, z [m], weighted by charge */
    TIME_WIDTH = CENTRE + 3, /* ns */
    BRIGHTEST,               /* share of the charge in the largest pulse */
    DISTANCE,                /* mean from the track, weighted by charge [m] */
    DISTANCE_WIDTH,          /* and its spread */
    ALONG_WIDTH,             /* spread along the track [m] */
    ALONG_SKEW,              /* and its skewness */
    LATE,                    /* mean of asinh(residual / 25 ns) */
    LATE_WIDTH,              /* and its spread */
    ON_TIME,                 /* share of the pulses within -15 to 75 ns */
    EARLY,                   /* share before that */
    PANDEL,                  /* direction of travel */
    LIKELIHOOD = PANDEL + 3, /* log per hit sensor */
    N_FEATURES
} feature;

static const char *const names[N_FEATURES] = {"pulses",   "centre_x",       "centre_y",    "centre_z",   "time_width", "brightest",
                                              "distance", "distance_width", "along_width", "along_skew", "late",       "late_width",
                                              "on_time",  "early",          "pandel_x",    "pandel_y",   "pandel_z",   "likelihood"};

/* Sums of one quantity, weighted. */
typedef struct moments {
    double weight, sum[3];
} moments;

static void add(moments *m, double weight, double value)
{
    m->weight += weight;
    m->sum[0] += weight * value;
    m->sum[1] += weight * value * value;
    m->sum[2] += weight * value * value * value;
}

static double mean(const moments *m)
{
    return m->weight > 0 ? m->sum[0] / m->weight : 0;
}

static double width(const moments *m)
{
    return m->weight > 0 ? sqrt(fmax(m->sum[1] / m->weight - mean(m) * mean(m), 0)) : 0;
}

static double skewness(const moments *m)
{
    const double a = mean(m), w = width(m);
    return w > 0 ? (m->sum[2] / m->weight - 3 * a * m->sum[1] / m->weight + 2 * a * a * a) / (w * w * w) : 0;
}

static bool any_coincident(const hg_pulse_events *events, int64_t e)
{
    for (int64_t i = events->offset[e]; events->pulses.hlc && i < events->offset[e + 1]; ++i)
        if (events->pulses.hlc[i]) return true;
    return false;
}

static void describe(const hg_pulse_events *events, int64_t e, const hg_track_seed *seed, double out[N_FEATURES])
{
    static const double on_time_from = -15, on_time_to = 75, unit_ns = 25;
    const hg_pulses *p = &events->pulses;
    const bool coincident = any_coincident(events, e);
    moments place[3] = {{0}}, time = {0}, distance = {0}, along = {0}, late = {0};
    double brightest = 0, on_time = 0, early = 0;
    for (int64_t i = events->offset[e]; i < events->offset[e + 1]; ++i) {
        if (coincident && !p->hlc[i]) continue;
        const double x[3] = {(double)p->x[i], (double)p->y[i], (double)p->z[i]}, q = (double)p->q[i];
        double local[3];
        hg_track_seed_place(seed, x, local);
        const double residual = hg_track_seed_residual(seed, local, (double)p->t[i]);
        for (int k = 0; k < 3; ++k) add(&place[k], q, x[k]);
        add(&time, 1, (double)p->t[i] - seed->time);
        add(&distance, q, hypot(local[HG_SIDE], local[HG_UP]));
        add(&along, q, local[HG_ALONG]);
        add(&late, 1, asinh(residual / unit_ns));
        brightest = fmax(brightest, q);
        on_time += residual >= on_time_from && residual <= on_time_to;
        early += residual < on_time_from;
    }
    const double n = fmax(time.weight, 1), charge = fmax(along.weight, 1e-9);
    const double row[N_FEATURES] = {time.weight,
                                    mean(&place[0]),
                                    mean(&place[1]),
                                    mean(&place[2]),
                                    width(&time),
                                    brightest / charge,
                                    mean(&distance),
                                    width(&distance),
                                    width(&along),
                                    skewness(&along),
                                    mean(&late),
                                    width(&late),
                                    on_time / n,
                                    early / n,
                                    seed->axis[HG_ALONG][0],
                                    seed->axis[HG_ALONG][1],
                                    seed->axis[HG_ALONG][2],
                                    seed->likelihood};
    for (int k = 0; k < N_FEATURES; ++k) out[k] = row[k];
}

/* What the cuts of an evaluation are made of. */
static hg_status add_baselines(hg_context *ctx, const hg_pulse_events *events, hg_score_table *table)
{
    static const char *const linefit[] = {"linefit_x", "linefit_y", "linefit_z"};
    hg_status status = HG_OK;
    hg_baselines b = {0};
    float *charge = NULL, *hits = NULL, *outer = NULL, *direction[3] = {0};
    HG_TRY(hg_baselines_make(ctx, events, false, &b));
    HG_TRY(hg_score_table_add(ctx, table, "charge", &charge));
    HG_TRY(hg_score_table_add(ctx, table, "hits", &hits));
    HG_TRY(hg_score_table_add(ctx, table, "outer", &outer));
    for (int k = 0; k < 3; ++k) HG_TRY(hg_score_table_add(ctx, table, linefit[k], &direction[k]));
    for (int64_t e = 0; e < events->n_events; ++e) {
        charge[e] = b.charge[e];
        hits[e] = b.hits[e];
        outer[e] = b.outer[e];
        for (int k = 0; k < 3; ++k) direction[k][e] = b.linefit[3 * e + k];
    }
done:
    hg_baselines_clear(ctx, &b);
    return status;
}

hg_status hg_hand_features(hg_context *ctx, const hg_pulse_events *events, hg_score_table *out)
{
    hg_status status = HG_OK;
    const int64_t n = events->n_events;
    hg_score_table table = {.n = n};
    hg_track_seed *seed = NULL;
    float *column[N_FEATURES] = {0};
    HG_TRY(hg_alloc(ctx, &seed, n));
    HG_TRY(hg_alloc(ctx, &table.event_id, n));
    for (int64_t e = 0; e < n; ++e) table.event_id[e] = events->event_id[e];
    HG_TRY(hg_track_seeds(ctx, events, NULL, n, HG_SEED_PANDEL, seed));
    for (int k = 0; k < N_FEATURES; ++k) HG_TRY(hg_score_table_add(ctx, &table, names[k], &column[k]));
    for (int64_t e = 0; e < n; ++e) {
        double row[N_FEATURES];
        describe(events, e, &seed[e], row);
        for (int k = 0; k < N_FEATURES; ++k) column[k][e] = (float)row[k];
    }
    HG_TRY(add_baselines(ctx, events, &table));
    *out = table;
    table = (hg_score_table){0};
done:
    hg_score_table_clear(ctx, &table);
    hg_free(ctx, seed);
    return status;
}
