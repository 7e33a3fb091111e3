/* measurement.c — local positions of hits and their variances by volume and cluster width. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "hitgraph/measurement.h"
#include "base/check.h"
#include "base/memory.h"
#include "tracking/calibrate.h"

static const double off_plane_max = 0.5, off_edge_max = 1.0; /* mm */
static const double off_edge_deviations = 5.0;               /* of the hit's error: smeared hits leave their module */

static const hg_resolution *resolution_of(const hg_calibration *calibration, int32_t volume_id)
{
    for (int64_t i = 0; calibration && i < calibration->n; ++i) {
        if (calibration->volume[i].volume_id == volume_id) return &calibration->volume[i];
    }
    return NULL;
}

static double sigma_of(const hg_resolution *resolution, int axis, int width, double pitch)
{
    if (resolution) {
        for (int w = width < HG_WIDTH_MAX ? width : HG_WIDTH_MAX; w >= 0; --w) {
            if (resolution->sigma[axis][w] > 0.0) return resolution->sigma[axis][w];
        }
    }
    return pitch / 3.4641016151377544;
}

void hg_cluster_size(const hg_cells *cells, int64_t hit, int64_t size[2])
{
    size[0] = size[1] = 0;
    if (!cells || cells->offset[hit + 1] <= cells->offset[hit]) return;
    int32_t low[2] = {INT32_MAX, INT32_MAX}, high[2] = {INT32_MIN, INT32_MIN};
    for (int64_t c = cells->offset[hit]; c < cells->offset[hit + 1]; ++c) {
        const int32_t channel[2] = {cells->ch0[c], cells->ch1[c]};
        for (int k = 0; k < 2; ++k) {
            if (channel[k] < low[k]) low[k] = channel[k];
            if (channel[k] > high[k]) high[k] = channel[k];
        }
    }
    for (int k = 0; k < 2; ++k) size[k] = (int64_t)high[k] - low[k] + 1;
}

void hg_cluster_widths(const hg_cells *cells, int64_t hit, int width[2])
{
    int64_t size[2];
    hg_cluster_size(cells, hit, size);
    for (int k = 0; k < 2; ++k) width[k] = size[k] < HG_WIDTH_MAX ? (int)size[k] : HG_WIDTH_MAX;
}

/* How far a place on the module's plane lies beyond its edges along u and v, mm; <= 0 inside, and where the size is unknown. */
static void beyond_edges(const hg_module *m, const double local[2], double beyond[2])
{
    beyond[0] = beyond[1] = 0.0;
    if (!(m->half_v > 0.0)) return;
    const double along = fmax(-1.0, fmin(1.0, local[1] / m->half_v));
    beyond[0] = fabs(local[0]) - 0.5 * (m->half_u_max + m->half_u_min + (m->half_u_max - m->half_u_min) * along);
    beyond[1] = fabs(local[1]) - m->half_v;
}

/* A hit in its module's frame, with its errors; sigma is 0 where neither calibration nor pitch gives one. */
typedef struct placed {
    double local[3], sigma[2], shift[2];
} placed;

static placed place_hit(const hg_module *m, const hg_hits *hits, const hg_cells *cells, const hg_calibration *calibration, int64_t i)
{
    const double away[3] = {hits->x[i] - m->center[0], hits->y[i] - m->center[1], hits->z[i] - m->center[2]};
    const hg_resolution *resolution = resolution_of(calibration, m->volume_id);
    int width[2];
    hg_cluster_widths(cells, i, width);
    placed p = {.sigma = {sigma_of(resolution, 0, width[0], m->pitch_u), sigma_of(resolution, 1, width[1], m->pitch_v)},
                .shift = {resolution ? resolution->shift[0] : 0.0, resolution ? resolution->shift[1] : 0.0}};
    for (int k = 0; k < 3; ++k) p.local[k] = m->rotation[k] * away[0] + m->rotation[3 + k] * away[1] + m->rotation[6 + k] * away[2];
    return p;
}

/* Largest distances that a hit may have from its module's plane, and beyond its edges. */
static double plane_limit(const hg_module *m)
{
    return fmax(off_plane_max, m->thickness);
}

static double edge_limit(double sigma)
{
    return off_edge_max + off_edge_deviations * sigma;
}

double hg_hit_misplaced(const hg_detector *detector, const hg_hits *hits, int64_t module, const hg_cells *cells,
                        const hg_calibration *calibration, int64_t hit)
{
    if (module < 0 || module >= detector->n_modules) return HUGE_VAL;
    const hg_module *m = &detector->modules[module];
    const placed p = place_hit(m, hits, cells, calibration, hit);
    double beyond[2], off = 0.0;
    if (!isfinite(p.local[0] + p.local[1] + p.local[2])) return HUGE_VAL;
    if (fabs(p.local[2]) > plane_limit(m)) off = fabs(p.local[2]);
    beyond_edges(m, p.local, beyond);
    for (int k = 0; k < 2; ++k)
        if (beyond[k] > edge_limit(p.sigma[k])) off = fmax(off, beyond[k]);
    return off;
}

/* Why a hit cannot be measured. */
typedef enum fault { FAULT_NONE, FAULT_MODULE, FAULT_NOT_FINITE, FAULT_OFF_PLANE, FAULT_NO_ERROR, FAULT_BEYOND_EDGE } fault;

static fault fault_of(const hg_module *m, const placed *p)
{
    double beyond[2];
    if (!isfinite(p->local[0] + p->local[1] + p->local[2])) return FAULT_NOT_FINITE;
    if (!(fabs(p->local[2]) <= plane_limit(m))) return FAULT_OFF_PLANE;
    if (!(p->sigma[0] > 0.0 && p->sigma[1] > 0.0)) return FAULT_NO_ERROR;
    beyond_edges(m, p->local, beyond);
    for (int k = 0; k < 2; ++k)
        if (!(beyond[k] <= edge_limit(p->sigma[k]))) return FAULT_BEYOND_EDGE;
    return FAULT_NONE;
}

/* What a measurement is made of. */
typedef struct sources {
    const hg_detector *detector;
    const hg_hits *hits;
    const int64_t *hit_module;
    const hg_cells *cells;
    const hg_calibration *calibration;
} sources;

/* Fills *out, *place and returns FAULT_NONE, or the fault. */
static fault measure(const sources *from, int64_t i, placed *place, hg_measurement *out)
{
    const int64_t module = from->hit_module[i];
    if (module < 0 || module >= from->detector->n_modules) return FAULT_MODULE;
    *place = place_hit(&from->detector->modules[module], from->hits, from->cells, from->calibration, i);
    const fault found = fault_of(&from->detector->modules[module], place);
    if (found == FAULT_NONE)
        *out = (hg_measurement){.module = module,
                                .local = {place->local[0] - place->shift[0], place->local[1] - place->shift[1]},
                                .variance = {place->sigma[0] * place->sigma[0], place->sigma[1] * place->sigma[1]}};
    return found;
}

static hg_status fail_measuring(hg_context *ctx, const sources *from, int64_t i)
{
    const uint64_t id = from->hits->hit_id[i];
    hg_measurement unused;
    placed p;
    double beyond[2];
    const fault found = measure(from, i, &p, &unused);
    const hg_module *m = found == FAULT_MODULE ? NULL : &from->detector->modules[from->hit_module[i]];
    switch (found) {
    case FAULT_MODULE:
        return hg_fail(ctx, HG_ERR_ARG, "hit row %" PRId64 ": there is no module %" PRId64, i, from->hit_module[i]);
    case FAULT_NOT_FINITE:
        return hg_fail(ctx, HG_ERR_DATA, "hit row %" PRId64 " (hit_id %" PRIu64 "): position is not finite", i, id);
    case FAULT_OFF_PLANE:
        return hg_fail(ctx, HG_ERR_DATA,
                       "hit row %" PRId64 " (hit_id %" PRIu64 "): found %g mm off the plane of module (%d, %d, %d), expected at most %g", i,
                       id, p.local[2], m->volume_id, m->layer_id, m->module_id, plane_limit(m));
    case FAULT_NO_ERROR:
        return hg_fail(ctx, HG_ERR_DATA, "module (%d, %d, %d): expected a pitch or a calibration of volume %d, found neither", m->volume_id,
                       m->layer_id, m->module_id, m->volume_id);
    default:
        break;
    }
    beyond_edges(m, p.local, beyond);
    const int k = beyond[0] <= edge_limit(p.sigma[0]);
    return hg_fail(ctx, HG_ERR_DATA,
                   "hit row %" PRId64 " (hit_id %" PRIu64 "): found %g mm beyond the edge of module (%d, %d, %d), expected at most %g", i,
                   id, beyond[k], m->volume_id, m->layer_id, m->module_id, edge_limit(p.sigma[k]));
}

hg_status hg_measure_hits(hg_context *ctx, const hg_detector *detector, const hg_hits *hits, const int64_t *hit_module,
                          const hg_cells *cells, const hg_calibration *calibration, hg_measurement *out)
{
    hg_status status = HG_OK;
    const sources from = {.detector = detector, .hits = hits, .hit_module = hit_module, .cells = cells, .calibration = calibration};
    hg_measurement *made = NULL;
    int64_t first_bad = hits->n;
    HG_TRY(hg_alloc_unset(ctx, &made, hits->n));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) reduction(min : first_bad)
    for (int64_t i = 0; i < hits->n; ++i) {
        placed place;
        if (measure(&from, i, &place, &made[i]) != FAULT_NONE && i < first_bad) first_bad = i;
    }
    if (first_bad < hits->n) HG_TRY(fail_measuring(ctx, &from, first_bad));
    memcpy(out, made, (size_t)hits->n * sizeof *made);
done:
    hg_free(ctx, made);
    return status;
}
