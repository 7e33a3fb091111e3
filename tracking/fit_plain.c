/* fit_plain.c — one track in double, step by step: seed, filter outward, smooth, drop outliers, perigee. What the batch cannot treat, and
 * its oracle. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/fit_plain.h"
#include "tracking/slope_errors.h"

int hg_fit_quality(bool outliers, double chi2, int32_t ndf)
{
    int bits = outliers ? HG_TRACK_OUTLIERS : 0;
    if (ndf < 5) bits |= HG_TRACK_FEW_HITS;
    if (chi2 > ndf + 6.0 * sqrt(2.0 * fmax(1.0, ndf))) bits |= HG_TRACK_CHI2_LARGE;
    return bits;
}

static const hg_measurement *measurement_of(const hg_plain_fit *f, int64_t i)
{
    return &f->measurements[f->hit[i]];
}

hg_measurement hg_plain_measurement(const hg_plain_fit *f, int64_t i)
{
    hg_measurement m = *measurement_of(f, i);
    for (int j = 0; f->slope_errors && f->refit && j < 2; ++j) m.variance[j] = (double)f->steps[i].hit_variance[j];
    return m;
}

hg_measurement hg_plain_weighted(const hg_plain_fit *f, int64_t i)
{
    const double weight_min = 1e-6;
    hg_measurement m = hg_plain_measurement(f, i);
    for (int j = 0; j < 2; ++j) m.variance[j] /= fmax((double)f->weight[i], weight_min);
    return m;
}

double hg_plain_cut(const hg_plain_fit *f, const hg_measurement *m)
{
    const bool both = hg_measurement_has(m, 0) && hg_measurement_has(m, 1);
    return both ? f->kalman->options.outlier_chi2_2d : f->kalman->options.outlier_chi2_1d;
}

static int64_t used_hits(const hg_plain_fit *f)
{
    int64_t n = 0;
    for (int64_t i = 0; i < f->n; ++i) n += !f->outlier[i];
    return n;
}

int hg_fit_check(const hg_kalman *kalman, const hg_measurement *measurements, const int32_t *hit, int64_t n)
{
    if (n < HG_FIT_HITS_MIN) return HG_TRACK_TOO_FEW_HITS;
    int scalars = 0;
    for (int64_t i = 0; i < n; ++i) {
        const hg_measurement *m = &measurements[hit[i]];
        if (m->module < 0 || m->module >= kalman->detector->n_modules) return HG_TRACK_SEED_BAD;
        for (int j = 0; j < 2; ++j) {
            if (isnan(m->variance[j])) return HG_TRACK_NONFINITE;
            if (!hg_measurement_has(m, j)) continue;
            if (!isfinite(m->local[j])) return HG_TRACK_NONFINITE;
            ++scalars;
        }
    }
    return scalars < HG_FIT_SCALARS_MIN ? HG_TRACK_TOO_FEW_HITS : 0;
}

void hg_plain_position(const hg_plain_fit *f, int64_t i, double x[3])
{
    const hg_measurement *m = measurement_of(f, i);
    const hg_module *module = &f->kalman->detector->modules[m->module];
    for (int c = 0; c < 3; ++c) {
        x[c] = module->center[c] + module->rotation[3 * c] * m->local[0] + module->rotation[3 * c + 1] * m->local[1];
    }
}

/* Across the beam. */
static double distance(const hg_plain_fit *f, int64_t a, int64_t b)
{
    double x[3], y[3];
    hg_plain_position(f, a, x);
    hg_plain_position(f, b, y);
    return hypot(y[0] - x[0], y[1] - x[1]);
}

/* Three hits for the seed: `first`, `outer`, and the one nearest to half way between them. */
static int seed_from(const hg_plain_fit *f, int64_t first, int64_t outer, hg_track_state *state)
{
    double half = distance(f, first, outer) / 2.0;
    int64_t middle = first + 1;
    for (int64_t i = middle + 1; i < outer; ++i) {
        if (fabs(distance(f, first, i) - half) < fabs(distance(f, first, middle) - half)) middle = i;
    }
    const hg_measurement points[3] = {*measurement_of(f, first), *measurement_of(f, middle), *measurement_of(f, outer)};
    return hg_seed_state(f->kalman, points, 0, state);
}

/* A start from hits that are fitted again must be loose: they count once only, and one of them may be wrong. */
int hg_plain_start(hg_plain_fit *f, int64_t first, int64_t outer, hg_track_state *state)
{
    f->refit = false;
    f->start = first;
    for (int64_t i = 0; i < f->n; ++i) f->outlier[i] = HG_HIT_USED;
    const int status = seed_from(f, first, outer, state);
    if (status != 0) return status;
    double qop2 = state->par[4] * state->par[4], sin_theta = sin(state->par[3]);
    /* near the beam theta must not be free to change sign */
    const double largest[5] = {1e4, 1e4, 0.1, 0.04 * sin_theta * sin_theta, 1.0 + qop2};
    const double smallest[5] = {25.0, 25.0, 2.5e-3, 2.5e-3, 1e-4 + 0.1 * qop2};
    for (int i = 0; i < 5; ++i) {
        double variance = f->kalman->options.start_inflation * state->cov[HG_PACKED(i, i)];
        f->start_sigma2[i] = fmin(largest[i], fmax(smallest[i], variance));
    }
    return 0;
}

static void loosen(const hg_plain_fit *f, hg_track_state *state)
{
    const double factor = f->refit ? 1.0 : f->seed_variance;
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j) state->cov[HG_PACKED(i, j)] = i == j ? factor * f->start_sigma2[i] : 0.0;
}

/* Filters outward from `state`, which lies on the module of hit f->start. A hit that is not reached, or cannot be taken in, is left out.
 * Returns status bits. */
static int filter(hg_plain_fit *f, hg_track_state state)
{
    int64_t n = 0;
    int missed = 0, n_taken = 0;
    f->chi2 = 0.0;
    f->n_scalars = 0;
    for (int64_t i = 0; i < f->n; ++i) {
        if (f->outlier[i]) continue;
        const hg_measurement m = hg_plain_weighted(f, i);
        hg_filter_step *step = &f->steps[n];
        hg_track_state next = state;
        if (n > 0 || i != f->start) {
            int status =
                hg_transport_state(f->kalman, state.module, m.module, f->refit ? &f->matter_qop : NULL, next.par, next.cov, step->jacobian);
            if (status != 0) {
                missed |= status;
                f->outlier[i] = HG_HIT_MISSED;
                continue;
            }
            next.module = m.module;
        }
        for (int k = 0; k < 5; ++k) step->predicted_par[k] = next.par[k];
        for (int k = 0; k < 15; ++k) step->predicted_cov[k] = next.cov[k];
        if (state.par[4] != 0.0) f->matter_qop *= next.par[4] / state.par[4]; /* loses what the track loses */
        double chi2 = hg_update_with_gains(next.par, next.cov, &m, step->gain, &step->n_gains);
        if (chi2 < 0.0) {
            missed |= HG_TRACK_COV_NOT_POSITIVE;
            f->outlier[i] = HG_HIT_MISSED;
            continue;
        }
        f->chi2 += f->weight[i] < HG_HIT_WEIGHT_MIN ? 0.0 : chi2;
        n_taken += step->n_gains;
        f->n_scalars += f->weight[i] < HG_HIT_WEIGHT_MIN ? 0 : step->n_gains;
        step->hit = i;
        for (int k = 0; k < 5; ++k) step->par[k] = next.par[k];
        for (int k = 0; k < 15; ++k) step->cov[k] = next.cov[k];
        state = next;
        ++n;
    }
    f->n_steps = n;
    if (n < HG_FIT_HITS_MIN || n_taken < HG_FIT_SCALARS_MIN) return missed ? missed : HG_TRACK_TOO_FEW_HITS;
    return 0;
}

/* chi2 of the hit against all the others: of the smoothed residual with covariance V - H P H^T. Returns the excess over the cut, or <= 0.
 */
static double outlier_excess(const hg_plain_fit *f, const hg_filter_step *step)
{
    const hg_measurement m = hg_plain_measurement(f, step->hit);
    bool has_u = hg_measurement_has(&m, 0), has_v = hg_measurement_has(&m, 1);
    double residual[2] = {m.local[0] - step->smooth_par[0], m.local[1] - step->smooth_par[1]};
    /* a hit that alone fixes a coordinate has no residual of its own: V - P is then nothing but rounding */
    double floor_u = 1e-6 * m.variance[0], floor_v = 1e-6 * m.variance[1];
    double c[3] = {fmax(floor_u, m.variance[0] - step->smooth_cov[0]), -step->smooth_cov[1],
                   fmax(floor_v, m.variance[1] - step->smooth_cov[2])};
    double chi2 = hg_residual_chi2(residual, c, has_u, has_v);
    if (chi2 == HUGE_VAL) return 0.0;
    return chi2 - hg_plain_cut(f, &m);
}

/* Marks the worst outlier, if there is one and enough hits stay. */
static bool drop_worst(hg_plain_fit *f)
{
    int64_t worst = -1;
    double excess = 0.0;
    if (used_hits(f) <= HG_FIT_HITS_MIN) return false;
    for (int64_t k = 0; k < f->n_steps; ++k) {
        double e = outlier_excess(f, &f->steps[k]);
        if (e > excess) {
            excess = e;
            worst = f->steps[k].hit;
        }
    }
    if (worst >= 0) f->outlier[worst] = HG_HIT_DROPPED;
    return worst >= 0;
}

/* Errors of all hits at the slopes of the smoothed track, that of a hit without a step at those of the step before. */
static void refine_errors(hg_plain_fit *f)
{
    const hg_filter_step *step = f->steps;
    for (int64_t i = 0; i < f->n; ++i) {
        while (step + 1 < f->steps + f->n_steps && step[1].hit <= i) ++step;
        hg_slope_variance(f->kalman->detector, f->slope_errors, measurement_of(f, i), step->smooth_par[2], step->smooth_par[3],
                          f->steps[i].hit_variance);
    }
}

int hg_plain_restart(hg_plain_fit *f, hg_track_state *state)
{
    for (int64_t k = 0; k < f->n_steps; ++k) {
        const hg_filter_step *step = &f->steps[k];
        if (f->outlier[step->hit]) continue;
        if (!hg_cov_is_positive(step->smooth_cov)) return HG_TRACK_COV_NOT_POSITIVE;
        state->module = measurement_of(f, step->hit)->module;
        f->start = step->hit;
        f->refit = true;
        f->matter_qop = step->smooth_par[4];
        for (int i = 0; i < 5; ++i) state->par[i] = step->smooth_par[i];
        for (int i = 0; i < 15; ++i) state->cov[i] = step->smooth_cov[i];
        return 0;
    }
    return HG_TRACK_TOO_FEW_HITS;
}

int hg_plain_pass(hg_plain_fit *f, hg_track_state *state)
{
    loosen(f, state);
    for (int64_t i = f->start; i < f->n; ++i) f->outlier[i] = f->outlier[i] == HG_HIT_MISSED ? HG_HIT_USED : f->outlier[i];
    const int status = filter(f, *state);
    if (status != 0) return status;
    if (!f->kalman->options.rts || !hg_smooth_rts(f->steps, f->n_steps)) hg_smooth(f->steps, f->n_steps);
    if (f->slope_errors && !f->refit) refine_errors(f);
    return 0;
}

/* Passes of filter and smoother until no outlier is left; *state is then the smoothed state on the first hit. */
static int fit_passes(hg_plain_fit *f, hg_track_state *state)
{
    enum { OUTER = 6 };
    const int64_t last = f->n - 1;
    int status = hg_plain_start(f, 0, last < OUTER ? last : OUTER, state);
    if (status != 0 && last > OUTER) status = hg_plain_start(f, 0, last, state);
    for (int pass = 1; status == 0; ++pass) {
        const bool refines = f->slope_errors && !f->refit; /* no hit is judged by an error that is not its own */
        status = hg_plain_pass(f, state);
        if (status != 0) break;
        bool dropped = !refines && pass < HG_FIT_PASSES_MAX && drop_worst(f);
        status = hg_plain_restart(f, state);
        if (pass >= HG_FIT_PASSES_MIN && !dropped) break;
    }
    return status;
}

static int fit_track(hg_plain_fit *f, double params[5], double cov[15], double *chi2, int32_t *ndf)
{
    hg_track_state state;
    int status = hg_fit_check(f->kalman, f->measurements, f->hit, f->n);
    if (status == 0) status = f->kalman->options.daf ? hg_plain_anneal(f, &state) : fit_passes(f, &state);
    if (status == 0) status = hg_transport_state(f->kalman, state.module, -1, NULL, state.par, state.cov, NULL);
    if (status != 0) return HG_TRACK_FAILED | status;
    for (int i = 0; i < 5; ++i) params[i] = state.par[i];
    for (int i = 0; i < 15; ++i) cov[i] = state.cov[i];
    *chi2 = f->chi2;
    *ndf = f->n_scalars - 5;
    return hg_fit_quality(used_hits(f) < f->n, *chi2, *ndf);
}

void hg_fit_one(const hg_kalman *kalman, const hg_measurement *measurements, const float *slope_errors, hg_filter_step *steps,
                hg_tracks *tracks, int64_t t)
{
    int64_t first = tracks->hit_offset[t];
    hg_plain_fit f = {.kalman = kalman,
                      .measurements = measurements,
                      .hit = &tracks->hit[first],
                      .slope_errors = slope_errors,
                      .outlier = &tracks->outlier[first],
                      .weight = &tracks->weight[first],
                      .n = tracks->hit_offset[t + 1] - first,
                      .steps = steps,
                      .seed_variance = 1.0};
    double *params = &tracks->params[5 * t], *cov = &tracks->cov[15 * t];
    for (int64_t i = 0; i < f.n; ++i) {
        f.outlier[i] = HG_HIT_USED;
        f.weight[i] = 1.0f;
    }
    for (int i = 0; i < 5; ++i) params[i] = 0.0;
    for (int i = 0; i < 15; ++i) cov[i] = 0.0;
    tracks->chi2[t] = 0.0;
    tracks->ndf[t] = 0;
    tracks->status[t] = fit_track(&f, params, cov, &tracks->chi2[t], &tracks->ndf[t]);
    for (int64_t i = 0; i < f.n; ++i) {
        if (f.outlier[i] != HG_HIT_USED && (f.outlier[i] == HG_HIT_MISSED || !kalman->options.daf)) f.weight[i] = 0.0f;
        f.outlier[i] = f.outlier[i] != HG_HIT_USED;
    }
}
