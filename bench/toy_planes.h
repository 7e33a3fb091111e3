/* bench/toy_planes.h — random tracks through ten planes across the beam in 2 T, laid out for the batch kernels: for the benchmark and for
 * the test of lanes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_TOY_PLANES_H
#define HG_BENCH_TOY_PLANES_H

#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/material.h"
#include "tracking/batch.h"
#include "tracking/transport.h"

enum { PLANES = 10 };
static const double plane_step = 100.0, sigma_hit = 0.015, tesla = 2.0;

typedef struct toy {
    hg_detector *detector;
    hg_field *field;
    hg_material *material;
    hg_kalman vacuum, matter;
} toy;

static void toy_close(hg_context *ctx, toy *t)
{
    hg_detector_destroy(ctx, t->detector);
    hg_field_destroy(ctx, t->field);
    hg_material_destroy(ctx, t->material);
}

static hg_status toy_open(hg_context *ctx, toy *t)
{
    hg_status status = HG_OK;
    hg_module module[PLANES];
    hg_material_surface disc[PLANES];
    for (int k = 0; k < PLANES; ++k) {
        const double z = plane_step * (k + 1);
        module[k] = (hg_module){.volume_id = 1,
                                .layer_id = k + 1,
                                .module_id = 1,
                                .center = {0, 0, z},
                                .rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                .half_u_min = 3000,
                                .half_u_max = 3000,
                                .half_v = 3000};
        disc[k] = (hg_material_surface){.position = z + 1, .high = 1e4, .x_over_x0 = 0.01, .loss_mev = 0.3};
    }
    HG_TRY(hg_detector_create(ctx, module, PLANES, &t->detector));
    HG_TRY(hg_field_create_constant(ctx, tesla, &t->field));
    HG_TRY(hg_material_create(ctx, disc, PLANES, &t->material));
    t->vacuum = (hg_kalman){.detector = t->detector, .field = t->field, .options = hg_kalman_default_options()};
    t->matter = t->vacuum;
    t->matter.material = t->material;
done:
    return status;
}

/* Groups of tracks ready for hg_batch_kernels.fit, in float or double. */
typedef struct toy_tracks {
    const hg_batch_kernels *kernels;
    int64_t n_groups;
    int32_t *module, *status, *last_step;
    void *local, *variance, *start, *loose, *work, *last, *chi2, *parameters, *hit_chi2, *covariance;
} toy_tracks;

static void put(const toy_tracks *t, void *to, int64_t at, double value)
{
    if (t->kernels->real_size == sizeof(double))
        ((double *)to)[at] = value;
    else
        ((float *)to)[at] = (float)value;
}

static double get(const toy_tracks *t, const void *from, int64_t at)
{
    return t->kernels->real_size == sizeof(double) ? ((const double *)from)[at] : (double)((const float *)from)[at];
}

/* A helix from the origin, its hits with Gaussian errors, and the true state on the first plane with loose errors. */
static void fill_lane(const toy_tracks *t, int64_t group, int lane, hg_random *random)
{
    const int lanes = t->kernels->lanes;
    const double pt = 0.3 * pow(100.0 / 0.3, hg_random_uniform(random)), theta = hg_random_range(random, 0.15, 0.6);
    const double phi = hg_random_range(random, -M_PI, M_PI), sign = hg_random_uniform(random) < 0.5 ? -1.0 : 1.0;
    const double kappa = -HG_CURVATURE_CONSTANT * tesla * sign / pt, p = pt / sin(theta), step = plane_step * tan(theta);
    const double first[5] = {0, 0, remainder(phi + kappa * step, 2 * M_PI), theta, sign / p};
    const double loose[5] = {25, 25, 2.5e-3, 2.5e-3 * sin(theta), 1e-4 + 0.1 / (p * p)};
    for (int k = 0; k < PLANES; ++k) {
        const double s = step * (k + 1), half = kappa * s / 2, chord = s * sin(half) / half;
        const double x[2] = {chord * cos(phi + half), chord * sin(phi + half)};
        const int64_t at = group * PLANES + k;
        t->module[at * lanes + lane] = k;
        for (int c = 0; c < 2; ++c) {
            put(t, t->local, (2 * at + c) * lanes + lane, x[c] + sigma_hit * hg_random_normal(random));
            put(t, t->variance, (2 * at + c) * lanes + lane, sigma_hit * sigma_hit);
            if (k == 0) put(t, t->start, (5 * group + c) * lanes + lane, x[c]);
        }
    }
    for (int i = 0; i < 5; ++i) {
        if (i >= 2) put(t, t->start, (5 * group + i) * lanes + lane, first[i]);
        put(t, t->loose, (5 * group + i) * lanes + lane, loose[i]);
    }
}

static inline void fill_tracks(const toy_tracks *t, uint64_t seed)
{
    hg_random random = hg_random_stream(seed, 1, 0, 0);
    for (int64_t g = 0; g < t->n_groups; ++g)
        for (int lane = 0; lane < t->kernels->lanes; ++lane) fill_lane(t, g, lane, &random);
}

static void tracks_close(hg_context *ctx, toy_tracks *t)
{
    void *const all[] = {t->module, t->status, t->last_step, t->local,      t->variance, t->start,     t->loose,
                         t->work,   t->last,   t->chi2,      t->parameters, t->hit_chi2, t->covariance};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) hg_free(ctx, all[i]);
}

static hg_status tracks_open(hg_context *ctx, bool of_double, int64_t n_groups, toy_tracks *t)
{
    hg_status status = HG_OK;
    HG_TRY(hg_batch_select(ctx, of_double, &t->kernels));
    const int64_t lanes = t->kernels->lanes, steps = PLANES * lanes, all = n_groups * steps;
    const size_t size = t->kernels->real_size;
    t->n_groups = n_groups;
    HG_TRY(hg_alloc(ctx, &t->module, all));
    HG_TRY(hg_alloc(ctx, &t->status, steps));
    HG_TRY(hg_alloc(ctx, &t->last_step, lanes));
    HG_TRY(hg_alloc_array(ctx, &t->local, 2 * all, size));
    HG_TRY(hg_alloc_array(ctx, &t->variance, 2 * all, size));
    HG_TRY(hg_alloc_array(ctx, &t->start, 5 * n_groups * lanes, size));
    HG_TRY(hg_alloc_array(ctx, &t->loose, 5 * n_groups * lanes, size));
    HG_TRY(hg_alloc_array(ctx, &t->work, steps * HG_BATCH_WORK, size));
    HG_TRY(hg_alloc_array(ctx, &t->last, 20 * lanes, size));
    HG_TRY(hg_alloc_array(ctx, &t->chi2, lanes, size));
    HG_TRY(hg_alloc_array(ctx, &t->parameters, 5 * steps, size));
    HG_TRY(hg_alloc_array(ctx, &t->hit_chi2, steps, size));
    HG_TRY(hg_alloc_array(ctx, &t->covariance, 15 * steps, size));
    fill_tracks(t, 7);
done:
    return status;
}

static hg_batch_fit group_of(const toy_tracks *t, int64_t g, bool smooth)
{
    const int64_t lanes = t->kernels->lanes;
    const size_t size = t->kernels->real_size;
    return (hg_batch_fit){.n_steps = PLANES,
                          .module = t->module + g * PLANES * lanes,
                          .local = (char *)t->local + (size_t)(2 * g * PLANES * lanes) * size,
                          .variance = (char *)t->variance + (size_t)(2 * g * PLANES * lanes) * size,
                          .start = (char *)t->start + (size_t)(5 * g * lanes) * size,
                          .start_variance = (char *)t->loose + (size_t)(5 * g * lanes) * size,
                          .smooth = smooth,
                          .full = smooth,
                          .work = t->work,
                          .status = t->status,
                          .last = t->last,
                          .last_step = t->last_step,
                          .chi2 = t->chi2,
                          .parameters = t->parameters,
                          .hit_chi2 = t->hit_chi2,
                          .covariance = t->covariance};
}

/* A lane is bad if no status says so but its state is not finite or its covariance not positive. */
static void count_lanes(const toy_tracks *t, int64_t *bad, int64_t *flagged)
{
    const int lanes = t->kernels->lanes;
    for (int lane = 0; lane < lanes; ++lane) {
        double cov[15], sum = get(t, t->chi2, lane);
        int32_t bits = 0;
        for (int k = 0; k < PLANES; ++k) bits |= t->status[k * lanes + lane];
        for (int i = 0; i < 5; ++i) sum += get(t, t->last, i * lanes + lane);
        for (int i = 0; i < 15; ++i) cov[i] = get(t, t->last, (5 + i) * lanes + lane);
        *flagged += bits != 0;
        *bad += bits == 0 && (!isfinite(sum) || !hg_cov_is_positive(cov));
    }
}

#endif
