/* tracking/pulls.c — pulls of fitted tracks at the perigee, and what their distributions look like. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/metrics.h"
#include "hitgraph/pulls.h"

static const double curvature_constant = 0.299792458e-3; /* GeV / (T mm) */
static const double vertex_radius_max_mm = 2;

void hg_true_perigee(const double vertex_mm[3], const double momentum_gev[3], double charge, double b_tesla, double params[HG_PULLS])
{
    const double x = vertex_mm[0], y = vertex_mm[1];
    const double pt = hypot(momentum_gev[0], momentum_gev[1]), p = hypot(pt, momentum_gev[2]);
    const double cos_phi = momentum_gev[0] / pt, sin_phi = momentum_gev[1] / pt;
    const double kappa = -curvature_constant * b_tesla * charge / pt; /* dphi / ds */
    const double along = x * cos_phi + y * sin_phi, across = y * cos_phi - x * sin_phi;

    /* the circle's centre times kappa, in the frame (direction, normal): nothing here divides by kappa, so that straight tracks are no
     * special case */
    const double w_along = kappa * along, w_across = 1 + kappa * across, w = hypot(w_along, w_across);
    const double turn = atan2(-w_along, w_across);
    const double slope = -w_along / w_across; /* tan of the turn */
    const double arc = -along / w_across * (w_across > 0 && slope != 0 ? turn / slope : 1);

    params[0] = (kappa * (x * x + y * y) + 2 * across) / (1 + w);
    params[1] = vertex_mm[2] + arc * momentum_gev[2] / pt;
    params[2] = remainder(atan2(sin_phi, cos_phi) + turn, 2 * M_PI);
    params[3] = atan2(pt, momentum_gev[2]);
    params[4] = charge / p;
}

/* Diagonal of the lower triangle by rows. */
static double sigma_of(const double *cov, int k)
{
    return sqrt(cov[k * (k + 1) / 2 + k]);
}

static bool pulls_of_track(const double *fitted, const double *cov, const double *expected, double *pull)
{
    for (int k = 0; k < HG_PULLS; ++k) {
        double difference = fitted[k] - expected[k];
        if (k == 2) difference = remainder(difference, 2 * M_PI);
        const double value = difference / sigma_of(cov, k);
        if (!isfinite(value)) return false;
        pull[k] = value;
    }
    return true;
}

hg_status hg_pulls_collect(hg_context *ctx, const hg_event *event, const hg_truth_order *order, const hg_target *target,
                           const hg_field *field, const hg_tracks *tracks, double *pull, int64_t *track_of, int64_t *n)
{
    hg_status status = HG_OK;
    const hg_particles *particles = &event->particles;
    hg_track_match *match = NULL;
    int64_t rows = 0;

    HG_CHECK(event->has_particles && particles->n == order->n_particles, HG_ERR_ARG, "event %" PRIu64 ": pulls need its particles",
             event->event_id);
    HG_TRY(hg_alloc(ctx, &match, tracks->n));
    HG_TRY(hg_match_tracks(ctx, order, &(hg_hit_lists){tracks->n, tracks->hit_offset, tracks->hit}, match));
    for (int64_t t = 0; t < tracks->n; ++t) {
        const int32_t p = match[t].majority;
        if (tracks->status[t] >= HG_TRACK_FAILED || !hg_track_is_matched(&match[t], HG_MATCH_DOUBLE_MAJORITY)) continue;
        if (!hg_truth_is_target(order, target, p) || order->vertex_r_mm[p] >= vertex_radius_max_mm) continue;
        const double vertex[3] = {particles->vx[p], particles->vy[p], particles->vz[p]};
        const double momentum[3] = {particles->px[p], particles->py[p], particles->pz[p]};
        double b[3], expected[HG_PULLS];
        hg_field_at(field, vertex, b);
        hg_true_perigee(vertex, momentum, particles->q[p], b[2], expected);
        if (!pulls_of_track(tracks->params + HG_PULLS * t, tracks->cov + 15 * t, expected, pull + HG_PULLS * rows)) continue;
        if (track_of != NULL) track_of[rows] = t;
        ++rows;
    }
    *n = rows;
done:
    hg_free(ctx, match);
    return status;
}

const char *hg_pull_name(int parameter)
{
    static const char *const names[HG_PULLS] = {"d0", "z0", "phi", "theta", "q/p"};
    return parameter >= 0 && parameter < HG_PULLS ? names[parameter] : "unknown";
}

static int compare_doubles(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static double median_of_sorted(const double *values, int64_t n)
{
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static void mean_and_rms(const double *values, int64_t n, double low, double high, double *mean, double *rms)
{
    double sum = 0, sum2 = 0;
    int64_t inside = 0;
    for (int64_t i = 0; i < n; ++i) {
        if (!(values[i] >= low && values[i] <= high)) continue;
        sum += values[i];
        ++inside;
    }
    if (inside == 0) return;
    *mean = sum / (double)inside;
    for (int64_t i = 0; i < n; ++i)
        if (values[i] >= low && values[i] <= high) sum2 += (values[i] - *mean) * (values[i] - *mean);
    *rms = sqrt(sum2 / (double)inside);
}

/* A Gaussian cut at +-2 sigma has this rms in units of sigma; the window follows the width until both agree. */
static void fit_core(const double *values, int64_t n, hg_pull_summary *s)
{
    const double window = 2, rms_in_window = 0.879625661034;
    s->core_mean = s->median;
    s->core_width = s->mad_width > 0 ? s->mad_width : s->rms;
    for (int pass = 0; pass < 50; ++pass) {
        const double before = s->core_width;
        double rms = 0;
        mean_and_rms(values, n, s->core_mean - window * before, s->core_mean + window * before, &s->core_mean, &rms);
        s->core_width = rms / rms_in_window;
        if (fabs(s->core_width - before) <= 1e-9 * before) return;
    }
}

hg_status hg_pulls_summarise(hg_context *ctx, int64_t n, const double *pull, hg_pull_summary *summary)
{
    hg_status status = HG_OK;
    hg_pull_summary result[HG_PULLS] = {0};
    double *values = NULL, *distance = NULL;

    HG_TRY(hg_alloc(ctx, &values, n));
    HG_TRY(hg_alloc(ctx, &distance, n));
    for (int k = 0; k < HG_PULLS && n > 0; ++k) {
        hg_pull_summary *s = &result[k];
        int64_t beyond = 0;
        for (int64_t i = 0; i < n; ++i) {
            values[i] = pull[HG_PULLS * i + k];
            beyond += fabs(values[i]) > 3;
        }
        qsort(values, (size_t)n, sizeof *values, compare_doubles);
        s->n = n;
        s->beyond_3 = (double)beyond / (double)n;
        mean_and_rms(values, n, -HUGE_VAL, HUGE_VAL, &s->mean, &s->rms);
        s->median = median_of_sorted(values, n);
        for (int64_t i = 0; i < n; ++i) distance[i] = fabs(values[i] - s->median);
        qsort(distance, (size_t)n, sizeof *distance, compare_doubles);
        s->mad_width = 1.4826 * median_of_sorted(distance, n);
        fit_core(values, n, s);
    }
    memcpy(summary, result, sizeof result);
done:
    hg_free(ctx, values);
    hg_free(ctx, distance);
    return status;
}
