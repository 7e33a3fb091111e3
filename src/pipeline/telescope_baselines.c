/* pipeline/telescope_baselines.c — LineFit, charge and hit counts, outer-layer veto, and the likelihood's start. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/telescope_baselines.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"

enum { SEED_BLOCK = 4096 /* events between two reports of progress */ };

double hg_linefit(const hg_pulses *pulses, const int64_t *row, int64_t n, double place[3], double dir[3], double *mean_time)
{
    double r[3] = {0}, t = 0, tt = 0, rt[3] = {0}, speed = 0;
    for (int64_t i = 0; i < n; ++i) t += (double)pulses->t[row[i]] / (double)n;
    for (int64_t i = 0; i < n; ++i) {
        const double x[3] = {(double)pulses->x[row[i]], (double)pulses->y[row[i]], (double)pulses->z[row[i]]};
        const double dt = (double)pulses->t[row[i]] - t; /* about the mean: no digits are lost in <t^2> - <t>^2 */
        tt += dt * dt;
        for (int k = 0; k < 3; ++k) {
            r[k] += x[k] / (double)n;
            rt[k] += x[k] * dt;
        }
    }
    if (n < 2 || tt <= 0) return 0;
    for (int k = 0; k < 3; ++k) speed += rt[k] / tt * (rt[k] / tt);
    speed = sqrt(speed);
    if (!(speed > 0)) return 0;
    for (int k = 0; k < 3; ++k) {
        dir[k] = rt[k] / tt / speed;
        place[k] = r[k];
    }
    *mean_time = t;
    return speed;
}

/* ---- the outer layer ---- */

typedef struct ring {
    double x, y;
    bool outer;
} ring;

static const double same_string_m = 5, neighbour_m = 200, end_m = 40, gap_rad = 2.6;

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A string is an outer one if no others stand near it over a wide angle. angle: room for n numbers. */
static bool stands_outside(const ring *string, int64_t n, int64_t i, double *angle)
{
    int64_t m = 0;
    double widest = 0;
    for (int64_t k = 0; k < n; ++k) {
        const double dx = string[k].x - string[i].x, dy = string[k].y - string[i].y;
        if (k != i && hypot(dx, dy) < neighbour_m) angle[m++] = atan2(dy, dx);
    }
    if (m == 0) return true;
    qsort(angle, (size_t)m, sizeof *angle, by_value);
    for (int64_t k = 0; k < m; ++k) widest = fmax(widest, k + 1 < m ? angle[k + 1] - angle[k] : angle[0] + 2 * acos(-1.0) - angle[k]);
    return widest > gap_rad;
}

/* [sensors->n] 1 for sensors of outer strings and of the array's upper end. */
static hg_status find_outer(hg_context *ctx, const hg_sensors *sensors, uint8_t *outer)
{
    hg_status status = HG_OK;
    ring *string = NULL;
    int64_t *of = NULL, n = 0;
    double *angle = NULL, top = -INFINITY;
    HG_TRY(hg_alloc(ctx, &string, sensors->n));
    HG_TRY(hg_alloc(ctx, &of, sensors->n));
    HG_TRY(hg_alloc(ctx, &angle, sensors->n));
    for (int64_t i = 0; i < sensors->n; ++i) {
        const double x = (double)sensors->x[i], y = (double)sensors->y[i];
        int64_t k = n;
        while (k > 0 && hypot(string[k - 1].x - x, string[k - 1].y - y) > same_string_m) --k;
        if (k == 0) string[n++] = (ring){.x = x, .y = y};
        of[i] = k == 0 ? n - 1 : k - 1;
        top = fmax(top, (double)sensors->z[i]);
    }
    for (int64_t k = 0; k < n; ++k) string[k].outer = stands_outside(string, n, k, angle);
    for (int64_t i = 0; i < sensors->n; ++i) outer[i] = string[of[i]].outer || (double)sensors->z[i] > top - end_m;
done:
    hg_free(ctx, string);
    hg_free(ctx, of);
    hg_free(ctx, angle);
    return status;
}

/* ---- events ---- */

/* One thread's room, for the largest event. */
typedef struct room {
    int64_t *row;
    hg_first_hit *hit;
    double *time;
    const hg_pandel_table *pandel; /* borrowed; NULL = there are no likelihood fits */
} room;

/* The pulses that count, and how many they are. */
static int64_t choose(const hg_pulse_events *events, int64_t e, int64_t *row)
{
    const int64_t first = events->offset[e], last = events->offset[e + 1];
    int64_t n = 0;
    for (int64_t i = first; events->pulses.hlc && i < last; ++i)
        if (events->pulses.hlc[i]) row[n++] = i;
    if (n > 0) return n;
    for (int64_t i = first; i < last; ++i) row[n++] = i;
    return n;
}

static int by_place(const void *a, const void *b)
{
    const hg_first_hit *p = a, *q = b;
    for (int k = 0; k < 3; ++k)
        if (p->x[k] != q->x[k]) return p->x[k] < q->x[k] ? -1 : 1;
    return (p->t > q->t) - (p->t < q->t);
}

/* First pulse of each sensor (a sensor is its place). */
static int64_t first_hits(const hg_pulses *p, const room *r, int64_t n)
{
    int64_t m = 0;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t k = r->row[i];
        r->hit[i] = (hg_first_hit){{(double)p->x[k], (double)p->y[k], (double)p->z[k]}, (double)p->t[k]};
    }
    qsort(r->hit, (size_t)n, sizeof *r->hit, by_place);
    for (int64_t i = 0; i < n; ++i)
        if (m == 0 || memcmp(r->hit[m - 1].x, r->hit[i].x, sizeof r->hit[i].x) != 0) r->hit[m++] = r->hit[i];
    return m;
}

/* The charge, and its mean place; the array's centre where there is none. */
static double centre_of_charge(const hg_pulses *p, const int64_t *row, int64_t n, double centre[3])
{
    double charge = 0, sum[3] = {0};
    for (int64_t i = 0; i < n; ++i) {
        const double q = (double)p->q[row[i]];
        charge += q;
        sum[0] += q * (double)p->x[row[i]];
        sum[1] += q * (double)p->y[row[i]];
        sum[2] += q * (double)p->z[row[i]];
    }
    for (int k = 0; k < 3; ++k) centre[k] = charge > 0 ? sum[k] / charge : 0;
    return charge;
}

static double early_outer_charge(const hg_pulse_events *events, const uint8_t *outer, const room *r, int64_t n)
{
    const hg_pulses *p = &events->pulses;
    double sum = 0;
    if (!outer || !p->sensor || n == 0) return 0;
    for (int64_t i = 0; i < n; ++i) r->time[i] = (double)p->t[r->row[i]];
    qsort(r->time, (size_t)n, sizeof *r->time, by_value);
    for (int64_t i = 0; i < n; ++i)
        if (outer[p->sensor[r->row[i]]] && (double)p->t[r->row[i]] < r->time[n / 2]) sum += (double)p->q[r->row[i]];
    return sum;
}

/* n pulses and n_hits first hits are in the room. */
static void find_seed(const hg_pulses *pulses, const room *r, int64_t n, int64_t n_hits, hg_seed_kind kind, hg_track_seed *seed)
{
    double centre[3] = {0}, linefit[3], *dir = seed->axis[HG_ALONG];
    *seed = (hg_track_seed){.axis[HG_ALONG] = {0, 0, -1}};
    const bool line = hg_linefit(pulses, r->row, n, seed->place, dir, &seed->time) > 0;
    memcpy(centre, seed->place, sizeof centre);
    memcpy(linefit, dir, sizeof linefit);
    if (line && kind == HG_SEED_PANDEL) seed->likelihood = hg_pandel_fit(r->pandel, r->hit, n_hits, seed->place, dir, &seed->time);
    hg_track_seed_complete(seed, centre);
    for (int a = 0; a < 3; ++a)
        for (int k = 0; k < 3; ++k) seed->linefit[a] += seed->axis[a][k] * linefit[k];
}

static void do_event(const hg_pulse_events *events, int64_t e, const uint8_t *outer, room *r, hg_baselines *out)
{
    double place[3] = {0}, dir[3] = {0, 0, -1}, time = 0, centre[3];
    const int64_t n = choose(events, e, r->row), n_hits = first_hits(&events->pulses, r, n);
    const double charge = centre_of_charge(&events->pulses, r->row, n, centre);
    out->charge[e] = (float)charge;
    for (int k = 0; k < 3; ++k) out->centre[3 * e + k] = (float)centre[k];
    out->hits[e] = (float)n_hits;
    out->outer[e] = (float)early_outer_charge(events, outer, r, n);
    const bool line = hg_linefit(&events->pulses, r->row, n, place, dir, &time) > 0;
    for (int k = 0; k < 3; ++k) out->linefit[3 * e + k] = (float)dir[k];
    if (!out->pandel) return;
    if (line) out->likelihood[e] = (float)hg_pandel_fit(r->pandel, r->hit, n_hits, place, dir, &time);
    for (int k = 0; k < 3; ++k) out->pandel[3 * e + k] = (float)dir[k];
}

static void summarise(const hg_pulse_events *events, int64_t e, const uint8_t *outer, room *r, hg_real *out)
{
    static const double light_speed = 0.299792458, fastest = 2;
    double place[3], dir[3] = {0}, time;
    const int64_t n = choose(events, e, r->row), n_hits = first_hits(&events->pulses, r, n);
    const double speed = hg_linefit(&events->pulses, r->row, n, place, dir, &time);
    const double charge = centre_of_charge(&events->pulses, r->row, n, place);
    for (int k = 0; k < 3; ++k) out[k] = (hg_real)dir[k];
    out[3] = (hg_real)fmin(speed / light_speed, fastest);
    out[4] = (hg_real)log10(1 + charge);
    out[5] = (hg_real)log10(1 + (double)n_hits);
    out[6] = (hg_real)log10(1 + early_outer_charge(events, outer, r, n));
}

/* What all events share: a room for each thread, which sensors are outer ones, and the tables of the likelihood. */
typedef struct shared {
    int n_threads;
    room *rooms;             /* [n_threads] owned */
    uint8_t *outer;          /* [sensors] owned; NULL = no table */
    hg_pandel_table *pandel; /* owned; NULL = not needed */
} shared;

static void shared_clear(hg_context *ctx, shared *s)
{
    for (int t = 0; s->rooms && t < s->n_threads; ++t) {
        hg_free(ctx, s->rooms[t].row);
        hg_free(ctx, s->rooms[t].hit);
        hg_free(ctx, s->rooms[t].time);
    }
    hg_free(ctx, s->rooms);
    hg_free(ctx, s->outer);
    hg_free(ctx, s->pandel);
}

static hg_status shared_make(hg_context *ctx, const hg_pulse_events *events, bool with_pandel, shared *s)
{
    hg_status status = HG_OK;
    int64_t most = 0;
    s->n_threads = hg_context_threads(ctx);
    for (int64_t e = 0; e < events->n_events; ++e) {
        const int64_t pulses = events->offset[e + 1] - events->offset[e];
        if (pulses > most) most = pulses;
    }
    if (with_pandel) HG_TRY(hg_pandel_tables_make(ctx, &s->pandel));
    HG_TRY(hg_alloc(ctx, &s->rooms, s->n_threads));
    for (int t = 0; t < s->n_threads; ++t) {
        s->rooms[t].pandel = s->pandel;
        HG_TRY(hg_alloc(ctx, &s->rooms[t].row, most));
        HG_TRY(hg_alloc(ctx, &s->rooms[t].hit, most));
        HG_TRY(hg_alloc(ctx, &s->rooms[t].time, most));
    }
    if (events->sensors.n > 0) HG_TRY(hg_alloc(ctx, &s->outer, events->sensors.n));
    if (s->outer) HG_TRY(find_outer(ctx, &events->sensors, s->outer));
done:
    return status;
}

void hg_baselines_clear(hg_context *ctx, hg_baselines *baselines)
{
    hg_free(ctx, baselines->charge);
    hg_free(ctx, baselines->hits);
    hg_free(ctx, baselines->outer);
    hg_free(ctx, baselines->centre);
    hg_free(ctx, baselines->linefit);
    hg_free(ctx, baselines->pandel);
    hg_free(ctx, baselines->likelihood);
    *baselines = (hg_baselines){0};
}

hg_status hg_baselines_make(hg_context *ctx, const hg_pulse_events *events, bool with_pandel, hg_baselines *out)
{
    hg_status status = HG_OK;
    const int64_t n = events->n_events;
    hg_baselines b = {.n = n};
    shared s = {0};
    HG_TRY(hg_alloc(ctx, &b.charge, n));
    HG_TRY(hg_alloc(ctx, &b.hits, n));
    HG_TRY(hg_alloc(ctx, &b.outer, n));
    HG_TRY(hg_alloc(ctx, &b.centre, 3 * n));
    HG_TRY(hg_alloc(ctx, &b.linefit, 3 * n));
    if (with_pandel) HG_TRY(hg_alloc(ctx, &b.pandel, 3 * n));
    if (with_pandel) HG_TRY(hg_alloc(ctx, &b.likelihood, n));
    HG_TRY(shared_make(ctx, events, with_pandel, &s));
#pragma omp parallel for schedule(dynamic, 16) num_threads(s.n_threads)
    for (int64_t e = 0; e < n; ++e) do_event(events, e, s.outer, &s.rooms[omp_get_thread_num()], &b);
    *out = b;
    b = (hg_baselines){0};
done:
    hg_baselines_clear(ctx, &b);
    shared_clear(ctx, &s);
    return status;
}

hg_status hg_event_summaries(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n, hg_real *out)
{
    hg_status status = HG_OK;
    shared s = {0};
    HG_TRY(shared_make(ctx, events, false, &s));
#pragma omp parallel for schedule(static) num_threads(s.n_threads)
    for (int64_t i = 0; i < n; ++i) summarise(events, chosen[i], s.outer, &s.rooms[omp_get_thread_num()], out + i * HG_SUMMARY_COLUMNS);
done:
    shared_clear(ctx, &s);
    return status;
}

hg_status hg_track_seeds(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n, hg_seed_kind kind,
                         hg_track_seed *out)
{
    hg_status status = HG_OK;
    shared s = {0};
    HG_TRY(shared_make(ctx, events, kind == HG_SEED_PANDEL, &s));
    for (int64_t first = 0; first < n; first += SEED_BLOCK) {
        const int64_t end = n - first < SEED_BLOCK ? n : first + SEED_BLOCK;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted after the tracks of %" PRId64 " of %" PRId64 " events", first, n);
#pragma omp parallel for schedule(dynamic, 16) num_threads(s.n_threads)
        for (int64_t i = first; i < end; ++i) {
            room *r = &s.rooms[omp_get_thread_num()];
            const int64_t row = chosen ? chosen[i] : i, n_pulses = choose(events, row, r->row);
            find_seed(&events->pulses, r, n_pulses, first_hits(&events->pulses, r, n_pulses), kind, &out[i]);
        }
        if (n > SEED_BLOCK) hg_progress(ctx, "tracks", end, n, "");
    }
done:
    shared_clear(ctx, &s);
    return status;
}
