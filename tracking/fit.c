/* fit.c — all tracks of an event in batches: seed at the outer end, filter inward, smooth, drop outliers, perigee. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/batch.h"
#include "tracking/fit.h"
#include "tracking/slope_errors.h"

/* The filter runs inward, so that the state at the innermost hit knows all hits without a smoother: in float the difference of a loose
 * start and what the smoother takes away from it would be noise. The smoother serves the outliers and the start of the next pass.
 * A pass takes all tracks that need it, by falling number of hits; whatever a lane cannot do goes to the plain fit. */

/* A track between two passes. */
typedef struct track {
    int64_t index;
    int32_t n_used, start; /* hits in use; the hit whose module the next pass starts on */
    float par[5], variance[5];
    float state[20], chi2; /* filtered, on the module of hit `last` */
    int32_t last, n_scalars;
    bool done, plain;
} track;

/* What all threads read, and each one's room. */
typedef struct fitter {
    const hg_kalman *kalman;
    const hg_measurement *measurements;
    const hg_batch_world *world;
    const hg_batch_kernels *kernels;
    hg_tracks *tracks;
    const float *slope_errors; /* NULL = the measurements' errors stand */
    float *variance;           /* [n_hits of all tracks][2] errors at the slopes of the pass before */
    track *item;
    int64_t longest;
    int pass;
} fitter;

typedef struct room {
    hg_batch_fit fit;
    int32_t *module, *hit; /* [longest][lanes]; hit = place in the track */
    float *local, *variance, *start, *start_variance;
} room;

/* Numbers of float per step and lane besides the work area: local 2, variance 2, hit_chi2 1, parameters 5, module 1, hit 1, status 1. */
enum { PER_STEP = 13, PER_LANE = 10 + 20 + 1 + 1 };

static hg_status open_room(hg_context *ctx, int64_t longest, int lanes, float **memory, room *r)
{
    hg_status status = HG_OK;
    float *at = NULL;
    HG_TRY(hg_alloc(ctx, &at, (longest * (PER_STEP + HG_BATCH_WORK) + PER_LANE) * lanes));
    *memory = at;
    const int64_t step = longest * lanes;
    r->fit.work = at;
    at += step * HG_BATCH_WORK;
    r->local = at;
    r->variance = at += 2 * step;
    r->fit.hit_chi2 = at += 2 * step;
    r->fit.parameters = at += step;
    r->module = (int32_t *)(at += 5 * step);
    r->hit = (int32_t *)(at += step);
    r->fit.status = (int32_t *)(at += step);
    r->start = at += step;
    r->start_variance = at += 5 * lanes;
    r->fit.last = at += 5 * lanes;
    r->fit.chi2 = at += 20 * lanes;
    r->fit.last_step = (int32_t *)(at + lanes);
    r->fit.module = r->module;
    r->fit.local = r->local;
    r->fit.variance = r->variance;
    r->fit.start = r->start;
    r->fit.start_variance = r->start_variance;
    r->fit.smooth = true;
done:
    return status;
}

static const hg_measurement *measurement_of(const fitter *f, const track *t, int64_t place)
{
    return &f->measurements[f->tracks->hit[f->tracks->hit_offset[t->index] + place]];
}

static uint8_t *outliers_of(const fitter *f, const track *t)
{
    return &f->tracks->outlier[f->tracks->hit_offset[t->index]];
}

static void position_of(const fitter *f, const track *t, int64_t place, double x[2])
{
    const hg_measurement *m = measurement_of(f, t, place);
    const double *r = f->kalman->detector->modules[m->module].rotation, *c = f->kalman->detector->modules[m->module].center;
    for (int i = 0; i < 2; ++i) x[i] = c[i] + r[3 * i] * m->local[0] + r[3 * i + 1] * m->local[1];
}

static double apart(const fitter *f, const track *t, int64_t a, int64_t b)
{
    double x[2], y[2];
    position_of(f, t, a, x);
    position_of(f, t, b, y);
    return sqrt((x[0] - y[0]) * (x[0] - y[0]) + (x[1] - y[1]) * (x[1] - y[1]));
}

static double error_of(const hg_kalman *kalman, const hg_measurement *m, int coordinate)
{
    if (hg_measurement_has(m, coordinate)) return m->variance[coordinate];
    double length = fmax(coordinate ? kalman->detector->modules[m->module].half_v : kalman->detector->modules[m->module].half_u_max, 1.0);
    return length * length;
}

/* Through the last hit, one about seven further in, and the one nearest to half way; loose, as those hits are fitted again. */
static bool start_track(const fitter *f, track *t)
{
    enum { SPAN = 6 };
    const int64_t n = f->tracks->hit_offset[t->index + 1] - f->tracks->hit_offset[t->index], last = n - 1;
    const int64_t inner = last > SPAN ? last - SPAN : 0;
    const double length = apart(f, t, inner, last);
    int64_t middle = inner + 1;
    double par[5], nearest = HUGE_VAL;
    for (int64_t i = inner + 1; i < last; ++i) {
        double off = fabs(apart(f, t, inner, i) - length / 2.0);
        if (off >= nearest) continue;
        nearest = off;
        middle = i;
    }
    const hg_measurement points[3] = {*measurement_of(f, t, inner), *measurement_of(f, t, middle), *measurement_of(f, t, last)};
    if (hg_seed_parameters(f->kalman, points, 2, par) != 0) return false;
    const double u2 = error_of(f->kalman, &points[2], 0) + error_of(f->kalman, &points[0], 0);
    const double v2 = error_of(f->kalman, &points[2], 1) + error_of(f->kalman, &points[0], 1);
    const double sin2 = sin(par[3]) * sin(par[3]), l2 = length * length, qop2 = par[4] * par[4],
                 inflation = f->kalman->options.start_inflation;
    const double guess[5] = {u2, v2, 8.0 * u2 / l2, v2 * sin2 / l2, 1e8 * u2 / (l2 * l2)};
    /* near the beam theta must not be free to change sign; in float no start may be looser than it must */
    const double largest[5] = {1e4, 1e4, 0.02, 0.04 * sin2, 1.0 + qop2}, smallest[5] = {25.0, 25.0, 2.5e-3, 2.5e-3, 1e-4 + 0.1 * qop2};
    for (int i = 0; i < 5; ++i) {
        t->par[i] = (float)par[i];
        t->variance[i] = (float)fmin(largest[i], fmax(smallest[i], inflation * guess[i]));
    }
    t->start = (int32_t)last;
    return true;
}

/* Hits in use from outside in. */
static void lay_out(const fitter *f, track *t, int lane, room *r)
{
    const int lanes = f->kernels->lanes;
    const uint8_t *outlier = outliers_of(f, t);
    const float *refined = f->slope_errors && f->pass > 1 ? f->variance + 2 * f->tracks->hit_offset[t->index] : NULL;
    int32_t n = 0;
    t->n_scalars = 0;
    for (int32_t place = t->start; place >= 0; --place) {
        if (outlier[place]) continue;
        const hg_measurement *m = measurement_of(f, t, place);
        r->module[n * lanes + lane] = (int32_t)m->module;
        r->hit[n * lanes + lane] = place;
        for (int c = 0; c < 2; ++c) {
            bool has = hg_measurement_has(m, c);
            r->local[(2 * n + c) * lanes + lane] = has ? (float)m->local[c] : 0.0f;
            r->variance[(2 * n + c) * lanes + lane] = !has ? 0.0f : refined ? refined[2 * place + c] : (float)m->variance[c];
            t->n_scalars += has;
        }
        ++n;
    }
    t->n_used = n;
    for (int i = 0; i < 5; ++i) {
        r->start[i * lanes + lane] = t->par[i];
        r->start_variance[i * lanes + lane] = t->variance[i];
    }
    if (n > r->fit.n_steps) r->fit.n_steps = n;
}

/* The place of the hit that exceeds its cut most, or -1 (tie: the innermost). */
static int32_t worst_hit(const fitter *f, const track *t, int lane, const room *r)
{
    const int lanes = f->kernels->lanes;
    float excess = 0.0f;
    int32_t worst = -1;
    if (t->n_used <= HG_FIT_HITS_MIN) return -1;
    for (int32_t n = t->n_used - 1; n >= 0; --n) {
        const float *variance = &r->variance[2 * n * lanes + lane];
        bool both = variance[0] > 0.0f && variance[lanes] > 0.0f;
        float cut = (float)(both ? f->kalman->options.outlier_chi2_2d : f->kalman->options.outlier_chi2_1d);
        float e = ((const float *)r->fit.hit_chi2)[n * lanes + lane] - cut;
        if (!(e > excess)) continue;
        excess = e;
        worst = n;
    }
    return worst;
}

/* Errors at the slopes that the first pass has found: they hardly change after that. */
static void refine_errors(const fitter *f, const track *t, int lane, const room *r)
{
    const int lanes = f->kernels->lanes;
    const float *parameters = r->fit.parameters;
    float *variance = f->variance + 2 * f->tracks->hit_offset[t->index];
    for (int32_t n = 0; n < t->n_used; ++n) {
        const int32_t place = r->hit[n * lanes + lane];
        hg_slope_variance(f->kalman->detector, f->slope_errors, measurement_of(f, t, place), (double)parameters[(5 * n + 2) * lanes + lane],
                          (double)parameters[(5 * n + 3) * lanes + lane], variance + 2 * place);
    }
}

/* After a pass: is the track finished, given up, or where does it start again? */
static void conclude(const fitter *f, track *t, int lane, const room *r)
{
    const int lanes = f->kernels->lanes;
    const float *parameters = r->fit.parameters;
    for (int32_t n = 0; n < t->n_used; ++n) t->plain |= r->fit.status[n * lanes + lane] != 0;
    t->plain |= t->n_used < HG_FIT_HITS_MIN || t->n_scalars < HG_FIT_SCALARS_MIN;
    if (t->plain) return;
    const bool refines = f->slope_errors && f->pass == 1; /* no hit is judged by an error that is not its own */
    if (refines) refine_errors(f, t, lane, r);
    int32_t worst = !refines && f->pass < HG_FIT_PASSES_MAX ? worst_hit(f, t, lane, r) : -1;
    t->done = f->pass >= HG_FIT_PASSES_MIN && worst < 0;
    if (t->done) {
        for (int i = 0; i < 20; ++i) t->state[i] = ((const float *)r->fit.last)[i * lanes + lane];
        t->chi2 = ((const float *)r->fit.chi2)[lane];
        t->last = r->hit[(t->n_used - 1) * lanes + lane];
        return;
    }
    if (worst >= 0) outliers_of(f, t)[r->hit[worst * lanes + lane]] = 1;
    const int32_t from = worst == 0;
    t->start = r->hit[from * lanes + lane];
    for (int i = 0; i < 5; ++i) t->par[i] = parameters[(5 * from + i) * lanes + lane];
}

static void run_group(const fitter *f, const int64_t *members, int n, room *r)
{
    const int lanes = f->kernels->lanes;
    memset(r->module, -1, (size_t)(f->longest * lanes) * sizeof *r->module);
    r->fit.n_steps = 0;
    for (int lane = 0; lane < lanes; ++lane) lay_out(f, &f->item[members[lane < n ? lane : 0]], lane, r);
    r->fit.refit = f->pass > 1;
    f->kernels->fit(f->world, &r->fit);
    for (int lane = 0; lane < n; ++lane) conclude(f, &f->item[members[lane]], lane, r);
}

/* What is just positive in float need not be so for who reads it in double. */
static bool is_positive_in_double(const float cov[15])
{
    double wide[15];
    for (int i = 0; i < 15; ++i) wide[i] = (double)cov[i];
    return hg_cov_is_positive(wide);
}

/* Perigee of a group of finished tracks. A lane that fails goes to the plain fit. */
static void finish_group(const fitter *f, const int64_t *members, int n)
{
    _Alignas(64) float from[HG_BATCH_LANES_MAX * HG_BATCH_STATE] = {0}, to[HG_BATCH_LANES_MAX * HG_BATCH_STATE];
    int32_t index[HG_BATCH_LANES_MAX], module[HG_BATCH_LANES_MAX], status[HG_BATCH_LANES_MAX];
    for (int k = 0; k < n; ++k) {
        track *t = &f->item[members[k]];
        memcpy(from + k * HG_BATCH_STATE, t->state, sizeof t->state);
        index[k] = k;
        module[k] = (int32_t)measurement_of(f, t, t->last)->module;
    }
    const hg_batch_jobs jobs = {.n = n, .from_index = index, .from_module = module, .to_module = module, .status = status};
    f->kernels->predict_perigee(f->world, from, &jobs, to);
    for (int k = 0; k < n; ++k) {
        track *t = &f->item[members[k]];
        for (int i = 0; i < 20 && status[k] == 0; ++i) t->state[i] = to[k * HG_BATCH_STATE + i];
        t->plain |= status[k] != 0 || !is_positive_in_double(t->state + 5);
    }
}

static void write_track(const fitter *f, const track *t)
{
    hg_tracks *tracks = f->tracks;
    const int64_t at = t->index, n = tracks->hit_offset[at + 1] - tracks->hit_offset[at];
    for (int i = 0; i < 5; ++i) tracks->params[5 * at + i] = (double)t->state[i];
    for (int i = 0; i < 15; ++i) tracks->cov[15 * at + i] = (double)t->state[5 + i];
    for (int64_t i = tracks->hit_offset[at]; i < tracks->hit_offset[at + 1]; ++i) tracks->weight[i] = tracks->outlier[i] ? 0.0f : 1.0f;
    tracks->chi2[at] = (double)t->chi2;
    tracks->ndf[at] = t->n_scalars - 5;
    tracks->status[at] = hg_fit_quality(t->n_used < n, tracks->chi2[at], tracks->ndf[at]);
}

/* Tracks by falling number of hits, so that the lanes of a group end together; a counting sort, stable. */
static hg_status order_tracks(hg_context *ctx, const fitter *f, int64_t *members)
{
    hg_status status = HG_OK;
    int64_t *first = NULL;
    const int64_t *offset = f->tracks->hit_offset;
    HG_TRY(hg_alloc(ctx, &first, f->longest + 2));
    for (int64_t t = 0; t < f->tracks->n; ++t) ++first[f->longest - (offset[t + 1] - offset[t]) + 1];
    for (int64_t k = 0; k <= f->longest; ++k) first[k + 1] += first[k];
    for (int64_t t = 0; t < f->tracks->n; ++t) members[first[f->longest - (offset[t + 1] - offset[t])]++] = t;
done:
    hg_free(ctx, first);
    return status;
}

/* Keeps the members with (or without) the wanted flag, in order. */
static int64_t keep_pending(const fitter *f, int64_t *members, int64_t n)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < n; ++k)
        if (!f->item[members[k]].done && !f->item[members[k]].plain) members[kept++] = members[k];
    return kept;
}

static void start_all(const fitter *f, int threads)
{
    hg_tracks *tracks = f->tracks;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t t = 0; t < tracks->n; ++t) {
        const int64_t first = tracks->hit_offset[t], n = tracks->hit_offset[t + 1] - first;
        track *item = &f->item[t];
        *item = (track){.index = t};
        for (int64_t i = 0; i < n; ++i) tracks->outlier[first + i] = 0;
        item->plain = f->kalman->options.daf || f->kalman->options.rts ||
                      hg_fit_check(f->kalman, f->measurements, &tracks->hit[first], n) != 0 || !start_track(f, item);
    }
}

static hg_status run_passes(hg_context *ctx, fitter *f, int64_t *members, room *rooms, int threads)
{
    hg_status status = HG_OK;
    const int lanes = f->kernels->lanes;
    HG_TRY(order_tracks(ctx, f, members));
    int64_t n = keep_pending(f, members, f->tracks->n);
    for (f->pass = 1; n > 0; ++f->pass) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int64_t first = 0; first < n; first += lanes)
            run_group(f, members + first, (int)(n - first < lanes ? n - first : lanes), &rooms[omp_get_thread_num()]);
        n = keep_pending(f, members, n);
    }
    for (int64_t t = 0; t < f->tracks->n; ++t)
        if (f->item[t].done) members[n++] = t;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t first = 0; first < n; first += lanes) finish_group(f, members + first, (int)(n - first < lanes ? n - first : lanes));
done:
    return status;
}

static hg_status run_plain(hg_context *ctx, const fitter *f, int threads)
{
    hg_status status = HG_OK;
    hg_filter_step *steps = NULL;
    HG_TRY(hg_alloc(ctx, &steps, f->longest * threads));
#pragma omp parallel for num_threads(threads) schedule(dynamic, 16)
    for (int64_t t = 0; t < f->tracks->n; ++t) {
        if (f->item[t].plain)
            hg_fit_one(f->kalman, f->measurements, f->slope_errors, steps + f->longest * omp_get_thread_num(), f->tracks, t);
        else
            write_track(f, &f->item[t]);
    }
done:
    hg_free(ctx, steps);
    return status;
}

hg_status hg_fit_tracks(hg_context *ctx, const hg_kalman *kalman, const hg_measurement *measurements, hg_tracks *tracks)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    fitter f = {.kalman = kalman, .measurements = measurements, .tracks = tracks, .longest = 1};
    hg_batch_world *world = NULL;
    room *rooms = NULL;
    float **memory = NULL, *slope_errors = NULL;
    int64_t *members = NULL, failed = 0;

    for (int64_t t = 0; t < tracks->n; ++t) {
        int64_t n = tracks->hit_offset[t + 1] - tracks->hit_offset[t];
        HG_CHECK(n >= 0, HG_ERR_ARG, "track %" PRId64 ": expected hit_offset to grow, found a step of %" PRId64, t, n);
        if (n > f.longest) f.longest = n;
    }
    HG_TRY(hg_batch_select(ctx, false, &f.kernels));
    HG_TRY(hg_batch_world_create(ctx, kalman, false, &world));
    f.world = world;
    HG_TRY(hg_slope_errors_create(ctx, kalman, &slope_errors));
    f.slope_errors = slope_errors;
    if (slope_errors) HG_TRY(hg_alloc(ctx, &f.variance, 2 * tracks->hit_offset[tracks->n]));
    HG_TRY(hg_alloc(ctx, &f.item, tracks->n));
    HG_TRY(hg_alloc(ctx, &members, tracks->n));
    HG_TRY(hg_alloc(ctx, &rooms, threads));
    HG_TRY(hg_alloc(ctx, &memory, threads));
    for (int k = 0; k < threads; ++k) HG_TRY(open_room(ctx, f.longest, f.kernels->lanes, &memory[k], &rooms[k]));
    start_all(&f, threads);
    HG_TRY(run_passes(ctx, &f, members, rooms, threads));
    HG_TRY(run_plain(ctx, &f, threads));
    for (int64_t t = 0; t < tracks->n; ++t) failed += tracks->status[t] >= HG_TRACK_FAILED;
    if (failed > 0) status = HG_INFO_PARTIAL;
done:
    for (int k = 0; memory && k < threads; ++k) hg_free(ctx, memory[k]);
    hg_free(ctx, memory);
    hg_free(ctx, rooms);
    hg_free(ctx, members);
    hg_free(ctx, f.item);
    hg_free(ctx, f.variance);
    hg_free(ctx, slope_errors);
    hg_batch_world_destroy(ctx, world);
    return status;
}
