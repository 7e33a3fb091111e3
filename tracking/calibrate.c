/* calibrate.c — errors and shifts of hits by volume and cluster width, learned from truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "hitgraph/calibration.h"
#include "base/check.h"
#include "base/memory.h"
#include "tracking/calibrate.h"
#include "tracking/slope_errors.h"

enum { ENTRIES_MIN = 50 };
/* A finder must allow for all hits, a fit weighs what most of them are like. */
static const double core_share = 0.99, flat_cosine = 0.1;
static const double shift_errors_min = 4.0; /* standard errors that a shift must exceed to be one */

/* A hit's residuals, measured minus true. */
typedef struct residual {
    int32_t volume;
    int8_t width[2], slope[2]; /* cells of the cluster; cell of the slope, -1 where there is none */
    double d[2];
} residual;

hg_status hg_calibration_create(hg_context *ctx, const hg_resolution *volume, int64_t n, hg_calibration **out)
{
    hg_status status = HG_OK;
    hg_calibration *made = NULL;
    hg_resolution *copy = NULL;
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < i; ++k)
            HG_CHECK(volume[k].volume_id != volume[i].volume_id, HG_ERR_DATA, "calibration: found volume %d twice", volume[i].volume_id);
        HG_CHECK(isfinite(volume[i].shift[0] + volume[i].shift[1]), HG_ERR_DATA, "calibration of volume %d: expected finite shifts",
                 volume[i].volume_id);
        for (int k = 0; k < 2 * HG_SLOPE_CELLS; ++k) {
            const double sigma = volume[i].sigma_at_slope[k / HG_SLOPE_CELLS][k % HG_SLOPE_CELLS];
            HG_CHECK(isfinite(sigma) && sigma >= 0.0, HG_ERR_DATA, "calibration of volume %d: expected errors >= 0, found %g",
                     volume[i].volume_id, sigma);
        }
        for (int axis = 0; axis < 2; ++axis)
            for (int w = 0; w <= HG_WIDTH_MAX; ++w)
                HG_CHECK(isfinite(volume[i].sigma[axis][w]) && volume[i].sigma[axis][w] >= 0.0, HG_ERR_DATA,
                         "calibration of volume %d: expected errors >= 0, found %g", volume[i].volume_id, volume[i].sigma[axis][w]);
    }
    HG_TRY(hg_alloc(ctx, &made, 1));
    HG_TRY(hg_alloc(ctx, &copy, n));
    for (int64_t i = 0; i < n; ++i) copy[i] = volume[i];
    *made = (hg_calibration){.n = n, .volume = copy};
    *out = made;
    made = NULL;
done:
    hg_free(ctx, made);
    return status;
}

void hg_calibration_destroy(hg_context *ctx, hg_calibration *calibration)
{
    if (!calibration) return;
    hg_free(ctx, (void *)calibration->volume);
    hg_free(ctx, calibration);
}

hg_status hg_calibration_check_event(hg_context *ctx, const hg_calibration_event *e, bool with_particles)
{
    hg_status status = HG_OK;
    HG_CHECK(e->event->has_truth && e->hit_module && e->order, HG_ERR_ARG, "event %" PRIu64 ": a calibration needs truth and modules",
             e->event->event_id);
    HG_CHECK(!with_particles || e->event->has_particles, HG_ERR_ARG, "event %" PRIu64 ": material is learned with particles only",
             e->event->event_id);
done:
    return status;
}

/* Along the true direction to the sensor's plane: truth may lie anywhere in the sensor's depth. */
static void residual_of(const hg_module *m, const hg_hits *hits, const hg_truth *truth, int64_t i, residual *out)
{
    const double hit[3] = {hits->x[i], hits->y[i], hits->z[i]}, at[3] = {truth->tx[i], truth->ty[i], truth->tz[i]};
    const double p[3] = {truth->tpx[i], truth->tpy[i], truth->tpz[i]};
    double local[3] = {0, 0, 0}, way[3] = {0, 0, 0}, depth = 0, size = 0;
    for (int axis = 0; axis < 3; ++axis) {
        for (int k = 0; k < 3; ++k) {
            local[axis] += m->rotation[3 * k + axis] * (hit[k] - at[k]);
            way[axis] += m->rotation[3 * k + axis] * p[k];
        }
    }
    for (int k = 0; k < 3; ++k) {
        depth += m->rotation[3 * k + 2] * (at[k] - m->center[k]);
        size += p[k] * p[k];
    }
    const bool steep = fabs(way[2]) > flat_cosine * sqrt(size);
    for (int axis = 0; axis < 2; ++axis) {
        out->d[axis] = local[axis] + (steep ? depth * way[axis] / way[2] : 0.0);
        out->slope[axis] = steep ? (int8_t)hg_slope_cell(way[axis] / way[2]) : -1;
    }
}

static hg_status collect(hg_context *ctx, const hg_detector *detector, const hg_calibration_event *e, double pt_min, residual *all,
                         int64_t *n)
{
    hg_status status = hg_calibration_check_event(ctx, e, false);
    const hg_event *event = e->event;
    for (int64_t i = 0; status >= 0 && i < event->hits.n; ++i) {
        const int32_t particle = e->order->particle[i];
        if (particle < 0 || e->order->pt_gev[particle] < pt_min) continue;
        const hg_module *m = &detector->modules[e->hit_module[i]];
        int width[2];
        residual *r = &all[*n];
        hg_cluster_widths(event->has_cells ? &event->cells : NULL, i, width);
        *r = (residual){.volume = m->volume_id, .width = {(int8_t)width[0], (int8_t)width[1]}};
        residual_of(m, &event->hits, &event->truth, i, r);
        *n += isfinite(r->d[0] + r->d[1]);
    }
    return status;
}

static int by_volume(const void *left, const void *right)
{
    const residual *a = left, *b = right;
    return (a->volume > b->volume) - (a->volume < b->volume);
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* What hits to take: those of one width, or all (0); of one cell of slopes, or all (-1). */
typedef struct choice {
    int width, slope;
    double share; /* of them, about the median */
} choice;

/* One axis of the chosen hits, sorted; returns how many are left without the outer part, from *first on. */
static int64_t core_of(const residual *r, int64_t n, int axis, choice which, double *value, int64_t *first)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i)
        if ((which.width == 0 || r[i].width[axis] == which.width) && (which.slope < 0 || r[i].slope[axis] == which.slope))
            value[count++] = r[i].d[axis];
    qsort(value, (size_t)count, sizeof *value, by_value);
    *first = (int64_t)((double)count * (1.0 - which.share) / 2.0);
    return count < ENTRIES_MIN ? 0 : count - 2 * *first;
}

/* rms about `shift` of the chosen hits without their tails; 0 = too few. */
static double error_of(const residual *r, int64_t n, int axis, choice which, double shift, double *value)
{
    int64_t first = 0;
    const int64_t count = core_of(r, n, axis, which, value, &first);
    double sum = 0;
    for (int64_t i = first; i < first + count; ++i) sum += (value[i] - shift) * (value[i] - shift);
    return count > 0 ? sqrt(sum / (double)count) : 0.0;
}

/* Cells of slopes with too few hits take the error of the nearest cell below that has one, or above. */
static void fill_slopes(double sigma[HG_SLOPE_CELLS])
{
    for (int c = 1; c < HG_SLOPE_CELLS; ++c)
        if (sigma[c] == 0.0) sigma[c] = sigma[c - 1];
    for (int c = HG_SLOPE_CELLS - 2; c >= 0; --c)
        if (sigma[c] == 0.0) sigma[c] = sigma[c + 1];
}

/* Mean of all hits without their tails; 0 where it may as well be chance. */
static double shift_of(const residual *r, int64_t n, int axis, double *value)
{
    int64_t first = 0;
    const int64_t count = core_of(r, n, axis, (choice){0, -1, core_share}, value, &first);
    double mean = 0.0, square = 0.0;
    for (int64_t i = first; i < first + count; ++i) mean += value[i] / (double)count;
    for (int64_t i = first; i < first + count; ++i) square += (value[i] - mean) * (value[i] - mean);
    return fabs(mean) * (double)count > shift_errors_min * sqrt(square) ? mean : 0.0;
}

static hg_resolution resolution_of(const residual *r, int64_t n, double *value)
{
    hg_resolution out = {.volume_id = r->volume};
    for (int axis = 0; axis < 2; ++axis) {
        const double shift = out.shift[axis] = shift_of(r, n, axis, value);
        for (int w = 0; w <= HG_WIDTH_MAX; ++w) out.sigma[axis][w] = error_of(r, n, axis, (choice){w, -1, 1.0}, shift, value);
        for (int c = 0; c < HG_SLOPE_CELLS; ++c)
            out.sigma_at_slope[axis][c] = error_of(r, n, axis, (choice){0, c, core_share}, shift, value);
        fill_slopes(out.sigma_at_slope[axis]);
    }
    return out;
}

hg_status hg_calibration_learn(hg_context *ctx, const hg_detector *detector, const hg_calibration_event *events, int64_t n,
                               double pt_min_gev, hg_calibration **out)
{
    hg_status status = HG_OK;
    residual *all = NULL;
    double *value = NULL;
    hg_resolution *volume = NULL;
    int64_t n_hits = 0, n_all = 0, n_volumes = 0;

    for (int64_t e = 0; e < n; ++e) n_hits += events[e].event->hits.n;
    HG_TRY(hg_alloc(ctx, &all, n_hits + 1));
    HG_TRY(hg_alloc(ctx, &value, n_hits));
    HG_TRY(hg_alloc(ctx, &volume, detector->n_layers));
    for (int64_t e = 0; e < n; ++e) HG_TRY(collect(ctx, detector, &events[e], pt_min_gev, all, &n_all));
    qsort(all, (size_t)n_all, sizeof *all, by_volume);
    for (int64_t first = 0, end; first < n_all; first = end) {
        for (end = first + 1; end < n_all && all[end].volume == all[first].volume;) ++end;
        if (end - first >= ENTRIES_MIN) volume[n_volumes++] = resolution_of(&all[first], end - first, value);
    }
    HG_TRY(hg_calibration_create(ctx, volume, n_volumes, out));
done:
    hg_free(ctx, all);
    hg_free(ctx, value);
    hg_free(ctx, volume);
    return status;
}
