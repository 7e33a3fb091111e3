/* seed.c — track parameters and covariance from three points (PHYSICS 6.1). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/energy_loss.h"
#include "tracking/fit.h"
#include "tracking/kalman.h"
#include "tracking/seed_helix.h"

enum { POINTS = HG_SEED_POINTS, PERIGEE = -1 };

/* Everything about three points that is the same for the estimate and for its derivatives. */
typedef struct triplet {
    const hg_kalman *kalman;
    const hg_module *module[POINTS];
    double point[POINTS][3];
    double variance[POINTS][2]; /* local, with the strip's length where v is not measured */
    double weight[POINTS];      /* of the points in the straight line z(s) */
    double curvature_per_qop;   /* kappa sin(theta) / (q/p) = -K B, with B the effective field at the middle point */
    double cos_phi[POINTS], sin_phi[POINTS], sin_theta;
    int at;                        /* where the state is wanted: 0, 1, 2 or PERIGEE */
    hg_seed_perigee_point perigee; /* if it is wanted there */
} triplet;

/* Parameters of the helix; loc0 and loc1 of a state on a module are the measurement itself and left alone. */
static void parameters(const triplet *t, const hg_seed_helix *h, double par[5])
{
    if (t->at == PERIGEE) {
        par[0] = t->perigee.d0;
        par[1] = h->z_first + t->perigee.s * h->cot;
        par[2] = t->perigee.phi;
    } else {
        par[2] = h->phi[t->at];
    }
    par[3] = atan2(1.0, h->cot);
    par[4] = h->kappa * t->sin_theta / t->curvature_per_qop;
}

/* What a local error of point i does to z(s): along the module axis, less what the shift in s is worth. */
static double z_sensitivity(const triplet *t, const hg_seed_helix *h, int i, int axis)
{
    const double *r = t->module[i]->rotation;
    double along = r[axis] * t->cos_phi[i] + r[3 + axis] * t->sin_phi[i];
    return r[6 + axis] - h->cot * along;
}

static int prepare(const hg_kalman *kalman, const hg_measurement points[POINTS], int at, triplet *t, hg_seed_helix *h)
{
    static const double equal[POINTS] = {1.0, 1.0, 1.0};
    *t = (triplet){.kalman = kalman, .at = at};
    for (int i = 0; i < POINTS; ++i) {
        if (points[i].module < 0 || points[i].module >= kalman->detector->n_modules) return HG_TRACK_SEED_BAD;
        const hg_module *m = &kalman->detector->modules[points[i].module];
        double u = points[i].local[0], v = hg_measurement_has(&points[i], 1) ? points[i].local[1] : 0.0;
        if (!isfinite(u + v)) return HG_TRACK_SEED_BAD | HG_TRACK_NONFINITE;
        if (!hg_measurement_has(&points[i], 0)) return HG_TRACK_SEED_BAD;
        t->module[i] = m;
        for (int k = 0; k < 3; ++k) t->point[i][k] = m->center[k] + m->rotation[3 * k] * u + m->rotation[3 * k + 1] * v;
        double length = m->half_v > 0.0 ? m->half_v : 50.0;
        t->variance[i][0] = points[i].variance[0];
        t->variance[i][1] = hg_measurement_has(&points[i], 1) ? points[i].variance[1] : length * length / 3.0;
    }
    if (!hg_seed_circle(t->point, h) || !hg_seed_line(t->point, equal, h)) return HG_TRACK_SEED_BAD;
    for (int i = 0; i < POINTS; ++i) {
        t->cos_phi[i] = cos(h->phi[i]);
        t->sin_phi[i] = sin(h->phi[i]);
        double u = z_sensitivity(t, h, i, 0), v = z_sensitivity(t, h, i, 1);
        t->weight[i] = 1.0 / (1e-6 + u * u * t->variance[i][0] + v * v * t->variance[i][1]);
    }
    if (!hg_seed_line(t->point, t->weight, h)) return HG_TRACK_SEED_BAD;
    double b[3];
    hg_field_at(kalman->field, t->point[1], b);
    double effective = b[2] - h->cot * (b[0] * t->cos_phi[1] + b[1] * t->sin_phi[1]);
    if (!(fabs(effective) > 1e-3)) return HG_TRACK_SEED_BAD; /* no curvature, no momentum */
    t->curvature_per_qop = -HG_CURVATURE_CONSTANT * effective;
    t->sin_theta = 1.0 / sqrt(1.0 + h->cot * h->cot);
    if (at == PERIGEE) t->perigee = hg_seed_helix_perigee(h, t->point[0]);
    return 0;
}

/* Derivatives of the parameters with respect to the nine coordinates. */
static void derivatives(const triplet *t, const hg_seed_helix *h, double jacobian[5][HG_SEED_COORDINATES])
{
    const double sin_theta = t->sin_theta;
    hg_seed_helix dh[HG_SEED_COORDINATES];
    hg_seed_perigee_point dp[HG_SEED_COORDINATES];
    hg_seed_helix_derivatives(t->point, t->weight, h, dh);
    if (t->at == PERIGEE) hg_seed_perigee_derivatives(h, t->point[0], &t->perigee, dh, dp);
    for (int c = 0; c < HG_SEED_COORDINATES; ++c) {
        if (t->at == PERIGEE) {
            jacobian[0][c] = dp[c].d0;
            jacobian[1][c] = dh[c].z_first + dp[c].s * h->cot + t->perigee.s * dh[c].cot;
            jacobian[2][c] = dp[c].phi;
        } else {
            for (int p = 0; p < 2; ++p) jacobian[p][c] = c / 3 == t->at ? t->module[t->at]->rotation[3 * (c % 3) + p] : 0.0;
            jacobian[2][c] = dh[c].phi[t->at];
        }
        jacobian[3][c] = -dh[c].cot * sin_theta * sin_theta;
        jacobian[4][c] = (dh[c].kappa - h->kappa * h->cot * sin_theta * sin_theta * dh[c].cot) * sin_theta / t->curvature_per_qop;
    }
}

/* What moving one point by `displacement` does to the parameters. */
static void effect_of(const double jacobian[5][HG_SEED_COORDINATES], int point, const double displacement[3], double effect[5])
{
    for (int p = 0; p < 5; ++p) {
        effect[p] = 0.0;
        for (int k = 0; k < 3; ++k) effect[p] += jacobian[p][3 * point + k] * displacement[k];
    }
}

static void add_measurements(const triplet *t, const double jacobian[5][HG_SEED_COORDINATES], double cov[15])
{
    for (int i = 0; i < POINTS; ++i) {
        for (int axis = 0; axis < 2; ++axis) {
            const double *r = t->module[i]->rotation, along[3] = {r[axis], r[3 + axis], r[6 + axis]};
            double effect[5];
            effect_of(jacobian, i, along, effect);
            for (int p = 0; p < 5; ++p)
                for (int q = 0; q <= p; ++q) cov[HG_PACKED(p, q)] += t->variance[i][axis] * effect[p] * effect[q];
        }
    }
}

/* A stop of the track: the perigee or a point. */
typedef struct stop {
    double along[2]; /* r, z */
    double s;
} stop;

/* Scattering between two stops: sums of the variances of the kicks times their arc to the power 0, 1, 2. */
typedef struct kicks {
    double sum[3];
} kicks;

/* Of the stops, each seen as a chord from one to the next. */
static void sum_kicks(const triplet *t, const stop stops[POINTS + 1], double qop, kicks between[POINTS])
{
    const hg_material *material = t->kalman->material;
    const int first = t->at == PERIGEE ? 0 : 1;
    double low[2] = {HUGE_VAL, HUGE_VAL}, high[2] = {-HUGE_VAL, -HUGE_VAL}; /* of the stops along either axis: most surfaces lie beyond */
    for (int i = first; i <= POINTS; ++i) {
        for (int axis = 0; axis < 2; ++axis) {
            if (stops[i].along[axis] < low[axis]) low[axis] = stops[i].along[axis];
            if (stops[i].along[axis] > high[axis]) high[axis] = stops[i].along[axis];
        }
    }
    for (int64_t m = 0; m < material->n; ++m) {
        const hg_material_surface *surface = &material->surface[m];
        const int axis = surface->cylinder ? 0 : 1;
        if (!(surface->position > low[axis] && surface->position < high[axis])) continue;
        for (int i = first; i < POINTS; ++i) {
            const stop *a = &stops[i], *b = &stops[i + 1];
            const double before = surface->position - a->along[axis], after = b->along[axis] - surface->position;
            if (!(before * after > 0.0)) continue;
            const double step = before + after, part = before / step, across = b->along[1 - axis] - a->along[1 - axis];
            const double other = a->along[1 - axis] + part * across, s = a->s + part * (b->s - a->s);
            if (other < surface->low || other > surface->high) continue;
            const double incidence = fmax(0.05, axis == 0 ? t->sin_theta : fabs(step) / sqrt(step * step + across * across));
            const double theta0 = hg_scattering_angle(1.0 / fabs(qop), t->kalman->options.mass_gev, surface->x_over_x0 / incidence);
            between[i].sum[0] += theta0 * theta0;
            between[i].sum[1] += theta0 * theta0 * s;
            between[i].sum[2] += theta0 * theta0 * s * s;
        }
    }
}

/* A kick at arc s displaces the points that lie beyond it, as seen from the arc where the state is wanted, by their distance from it: the
 * effect on the parameters is linear in s, constant - s slope, and the sums of the kicks suffice. */
static void add_kicks(const triplet *t, const hg_seed_helix *h, const double jacobian[5][HG_SEED_COORDINATES], const bool beyond[POINTS],
                      const kicks *k, double cov[15])
{
    for (int axis = 0; axis < 2; ++axis) { /* across the track: in phi, and in theta */
        double constant[5] = {0}, slope[5] = {0};
        for (int i = 0; i < POINTS; ++i) {
            if (!beyond[i]) continue;
            const double per_sin = 1.0 / t->sin_theta, cot = h->cot;
            const double turn[2][3] = {{-t->sin_phi[i] * per_sin, t->cos_phi[i] * per_sin, 0.0},
                                       {cot * t->cos_phi[i], cot * t->sin_phi[i], -1.0}};
            double effect[5];
            effect_of(jacobian, i, turn[axis], effect);
            for (int p = 0; p < 5; ++p) {
                constant[p] += effect[p] * h->s[i];
                slope[p] += effect[p];
            }
        }
        for (int p = 0; p < 5; ++p)
            for (int q = 0; q <= p; ++q)
                cov[HG_PACKED(p, q)] += k->sum[0] * constant[p] * constant[q] + k->sum[2] * slope[p] * slope[q] -
                                        k->sum[1] * (constant[p] * slope[q] + slope[p] * constant[q]);
    }
}

/* Scattering in the surfaces between the points (and the perigee), each where the chord crosses it. */
static void add_scattering(const triplet *t, const hg_seed_helix *h, const double jacobian[5][HG_SEED_COORDINATES], double qop,
                           double cov[15])
{
    if (!t->kalman->material || !t->kalman->options.scattering || qop == 0.0) return;
    stop stops[POINTS + 1] = {{{fabs(t->perigee.d0), h->z_first + t->perigee.s * h->cot}, t->perigee.s}};
    kicks between[POINTS] = {{{0}}};
    for (int i = 0; i < POINTS; ++i)
        stops[i + 1] = (stop){{sqrt(t->point[i][0] * t->point[i][0] + t->point[i][1] * t->point[i][1]), t->point[i][2]}, h->s[i]};
    sum_kicks(t, stops, qop, between);
    const double s_wanted = t->at == PERIGEE ? t->perigee.s : h->s[t->at];
    for (int i = 0; i < POINTS; ++i) {
        const double middle = (stops[i].s + stops[i + 1].s) / 2.0;
        bool beyond[POINTS];
        for (int j = 0; j < POINTS; ++j) beyond[j] = (middle > s_wanted) == (h->s[j] > middle);
        if (between[i].sum[0] > 0.0) add_kicks(t, h, jacobian, beyond, &between[i], cov);
    }
}

static int estimate(const hg_kalman *kalman, const hg_measurement points[POINTS], int at, double par[5], double cov[15])
{
    triplet t;
    hg_seed_helix h;
    double jacobian[5][HG_SEED_COORDINATES], sum[15] = {0}, found[5] = {0};
    int status = prepare(kalman, points, at, &t, &h);
    if (status != 0) return HG_TRACK_FAILED | status;
    parameters(&t, &h, found);
    derivatives(&t, &h, jacobian);
    add_measurements(&t, jacobian, sum);
    add_scattering(&t, &h, jacobian, found[4], sum);
    if (at != PERIGEE) {
        for (int i = 0; i < 2; ++i) found[i] = hg_measurement_has(&points[at], i) ? points[at].local[i] : 0.0;
    }
    if (!hg_angles_are_sound(found)) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD | HG_TRACK_NONFINITE;
    if (!hg_cov_is_positive(sum)) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD | HG_TRACK_COV_NOT_POSITIVE;
    for (int i = 0; i < 5; ++i) par[i] = found[i];
    for (int i = 0; i < 15; ++i) cov[i] = sum[i];
    return 0;
}

int hg_seed_state(const hg_kalman *kalman, const hg_measurement points[3], int at, hg_track_state *out)
{
    if (at < 0 || at >= POINTS) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD;
    int status = estimate(kalman, points, at, out->par, out->cov);
    if (status == 0) out->module = points[at].module;
    return status;
}

int hg_seed_perigee(const hg_kalman *kalman, const hg_measurement points[3], double params[5], double cov[15])
{
    return estimate(kalman, points, PERIGEE, params, cov);
}

int hg_seed_parameters(const hg_kalman *kalman, const hg_measurement points[3], int at, double par[5])
{
    triplet t;
    hg_seed_helix h;
    double found[5] = {0};
    int status = prepare(kalman, points, at, &t, &h);
    if (status != 0) return HG_TRACK_FAILED | status;
    parameters(&t, &h, found);
    for (int i = 0; i < 2; ++i) found[i] = hg_measurement_has(&points[at], i) ? points[at].local[i] : 0.0;
    if (!hg_angles_are_sound(found)) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD | HG_TRACK_NONFINITE;
    for (int i = 0; i < 5; ++i) par[i] = found[i];
    return 0;
}
