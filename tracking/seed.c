/* seed.c — track parameters and covariance from three points (PHYSICS 6.1). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/energy_loss.h"
#include "tracking/fit.h"
#include "tracking/kalman.h"

enum { POINTS = 3, PERIGEE = -1 };

/* Everything about three points that is the same for the estimate and for its derivatives. */
typedef struct triplet {
    const hg_kalman *kalman;
    const hg_module *module[POINTS];
    double point[POINTS][3];
    double variance[POINTS][2]; /* local, with the strip's length where v is not measured */
    double weight[POINTS];      /* of the points in the straight line z(s) */
    double curvature_per_qop;   /* kappa sin(theta) / (q/p) = -K B, with B the effective field at the middle point */
    int at;                     /* where the state is wanted: 0, 1, 2 or PERIGEE */
} triplet;

/* The helix through three points; s is counted from the first one. */
typedef struct helix {
    double kappa, phi[POINTS], s[POINTS], cot, z_first;
} helix;

static double arc_over_chord(double kappa, double chord)
{
    double sin_beta = kappa * chord / 2.0;
    return fabs(sin_beta) < 1e-6 ? chord : chord * asin(fmax(-1.0, fmin(1.0, sin_beta))) / sin_beta;
}

static bool helix_through(const double x[POINTS][3], const double weight[POINTS], helix *h)
{
    double v12[2] = {x[1][0] - x[0][0], x[1][1] - x[0][1]}, v23[2] = {x[2][0] - x[1][0], x[2][1] - x[1][1]};
    double v13[2] = {x[2][0] - x[0][0], x[2][1] - x[0][1]};
    double l12 = hypot(v12[0], v12[1]), l23 = hypot(v23[0], v23[1]), l13 = hypot(v13[0], v13[1]);
    if (!(l12 > 1e-3 && l23 > 1e-3 && l13 > 1e-3)) return false;
    h->kappa = 2.0 * (v12[0] * v23[1] - v12[1] * v23[0]) / (l12 * l23 * l13);
    h->s[0] = 0.0;
    h->s[1] = arc_over_chord(h->kappa, l12);
    h->s[2] = arc_over_chord(h->kappa, l13);
    h->phi[0] = atan2(v13[1], v13[0]) - h->kappa * h->s[2] / 2.0;
    for (int i = 1; i < POINTS; ++i) h->phi[i] = h->phi[0] + h->kappa * h->s[i];

    double sum = 0.0, mean_s = 0.0, mean_z = 0.0, ss = 0.0, sz = 0.0;
    for (int i = 0; i < POINTS; ++i) {
        sum += weight[i];
        mean_s += weight[i] * h->s[i];
        mean_z += weight[i] * x[i][2];
    }
    mean_s /= sum;
    mean_z /= sum;
    for (int i = 0; i < POINTS; ++i) {
        ss += weight[i] * (h->s[i] - mean_s) * (h->s[i] - mean_s);
        sz += weight[i] * (h->s[i] - mean_s) * (x[i][2] - mean_z);
    }
    if (!(ss > 0.0)) return false;
    h->cot = sz / ss;
    h->z_first = mean_z - mean_s * h->cot;
    return isfinite(h->kappa + h->phi[0] + h->cot);
}

/* Perigee to the z axis of a helix given at its first point: d0, phi, and the arc from the first point (PHYSICS 1.5). */
static void helix_perigee(const helix *h, const double first[3], double *d0, double *phi, double *s)
{
    double cos_phi = cos(h->phi[0]), sin_phi = sin(h->phi[0]);
    double a = first[0] * cos_phi + first[1] * sin_phi, d = first[1] * cos_phi - first[0] * sin_phi;
    double g = 1.0 + h->kappa * d, w = h->kappa * a, alpha = atan2(-w, g);
    *d0 = (2.0 * d + h->kappa * (a * a + d * d)) / (1.0 + hypot(g, w));
    *phi = h->phi[0] + alpha;
    if (fabs(w) < 1e-4 && g > 0.5) {
        double ratio = w / g;
        *s = -a / g * (1.0 - ratio * ratio / 3.0);
    } else {
        *s = alpha / h->kappa;
    }
}

/* Parameters from points; loc0 and loc1 of a state on a module are the measurement itself and left alone. */
static bool parameters(const triplet *t, const double x[POINTS][3], double par[5], helix *h)
{
    if (!helix_through(x, t->weight, h)) return false;
    double sin_theta = 1.0 / sqrt(1.0 + h->cot * h->cot);
    if (t->at == PERIGEE) {
        double s;
        helix_perigee(h, x[0], &par[0], &par[2], &s);
        par[1] = h->z_first + s * h->cot;
    } else {
        par[2] = h->phi[t->at];
    }
    par[3] = atan2(1.0, h->cot);
    par[4] = h->kappa * sin_theta / t->curvature_per_qop;
    return true;
}

/* What a local error of point i does to z(s): along the module axis, less what the shift in s is worth. */
static double z_sensitivity(const triplet *t, const helix *h, int i, int axis)
{
    const double *r = t->module[i]->rotation;
    double along = r[axis] * cos(h->phi[i]) + r[3 + axis] * sin(h->phi[i]);
    return r[6 + axis] - h->cot * along;
}

static int prepare(const hg_kalman *kalman, const hg_measurement points[POINTS], int at, triplet *t, helix *h)
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
    if (!helix_through(t->point, equal, h)) return HG_TRACK_SEED_BAD;
    for (int i = 0; i < POINTS; ++i) {
        double u = z_sensitivity(t, h, i, 0), v = z_sensitivity(t, h, i, 1);
        t->weight[i] = 1.0 / (1e-6 + u * u * t->variance[i][0] + v * v * t->variance[i][1]);
    }
    if (!helix_through(t->point, t->weight, h)) return HG_TRACK_SEED_BAD;
    double b[3];
    hg_field_at(kalman->field, t->point[1], b);
    double effective = b[2] - h->cot * (b[0] * cos(h->phi[1]) + b[1] * sin(h->phi[1]));
    if (!(fabs(effective) > 1e-3)) return HG_TRACK_SEED_BAD; /* no curvature, no momentum */
    t->curvature_per_qop = -HG_CURVATURE_CONSTANT * effective;
    return 0;
}

/* Derivatives of the parameters with respect to the nine coordinates, by central differences of a function that is exact. */
static bool derivatives(const triplet *t, double jacobian[5][9])
{
    const double step = 1e-3;
    for (int i = 0; i < POINTS; ++i) {
        for (int k = 0; k < 3; ++k) {
            double x[POINTS][3], high[5] = {0}, low[5] = {0};
            helix h;
            for (int j = 0; j < POINTS; ++j)
                for (int c = 0; c < 3; ++c) x[j][c] = t->point[j][c];
            x[i][k] += step;
            if (!parameters(t, x, high, &h)) return false;
            x[i][k] -= 2.0 * step;
            if (!parameters(t, x, low, &h)) return false;
            high[2] = low[2] + remainder(high[2] - low[2], 6.283185307179586);
            for (int p = 0; p < 5; ++p) jacobian[p][3 * i + k] = (high[p] - low[p]) / (2.0 * step);
            for (int p = 0; p < 2 && t->at != PERIGEE; ++p) jacobian[p][3 * i + k] = i == t->at ? t->module[i]->rotation[3 * k + p] : 0.0;
        }
    }
    return true;
}

/* Adds variance * (J d)(J d)^T for a common displacement d of the points. */
static void add_source(const double jacobian[5][9], const double displacement[9], double variance, double cov[15])
{
    double effect[5];
    for (int p = 0; p < 5; ++p) {
        effect[p] = 0.0;
        for (int i = 0; i < 9; ++i) effect[p] += jacobian[p][i] * displacement[i];
    }
    for (int p = 0; p < 5; ++p)
        for (int q = 0; q <= p; ++q) cov[HG_PACKED(p, q)] += variance * effect[p] * effect[q];
}

/* A kick at arc s displaces the points that lie beyond it, as seen from the arc where the state is wanted. */
static void add_kick(const helix *h, const double jacobian[5][9], double s, double s_wanted, double theta0, double cov[15])
{
    double across[9] = {0}, polar[9] = {0}, sin_theta = 1.0 / sqrt(1.0 + h->cot * h->cot), cos_theta = h->cot * sin_theta;
    for (int i = 0; i < POINTS; ++i) {
        if ((s > s_wanted) != (h->s[i] > s)) continue;
        double cos_phi = cos(h->phi[i]), sin_phi = sin(h->phi[i]), length = (h->s[i] - s) / sin_theta;
        across[3 * i] = -sin_phi * length;
        across[3 * i + 1] = cos_phi * length;
        polar[3 * i] = cos_theta * cos_phi * length;
        polar[3 * i + 1] = cos_theta * sin_phi * length;
        polar[3 * i + 2] = -sin_theta * length;
    }
    add_source(jacobian, across, theta0 * theta0, cov);
    add_source(jacobian, polar, theta0 * theta0, cov);
}

/* Scattering in the surfaces between the points (and the perigee), each where the chord crosses it. */
static void add_scattering(const triplet *t, const helix *h, const double jacobian[5][9], double qop, double cov[15])
{
    const hg_material *material = t->kalman->material;
    if (!material || !t->kalman->options.scattering || qop == 0.0) return;
    double stop[POINTS + 1][3], d0, phi, sin_theta = 1.0 / sqrt(1.0 + h->cot * h->cot); /* r, z, s of the perigee and the points */
    helix_perigee(h, t->point[0], &d0, &phi, &stop[0][2]);
    stop[0][0] = fabs(d0);
    stop[0][1] = h->z_first + stop[0][2] * h->cot;
    for (int i = 0; i < POINTS; ++i) {
        stop[i + 1][0] = hypot(t->point[i][0], t->point[i][1]);
        stop[i + 1][1] = t->point[i][2];
        stop[i + 1][2] = h->s[i];
    }
    double s_wanted = t->at == PERIGEE ? stop[0][2] : h->s[t->at];
    for (int i = t->at == PERIGEE ? 0 : 1; i < POINTS; ++i) {
        for (int64_t m = 0; m < material->n; ++m) {
            const hg_material_surface *surface = &material->surface[m];
            int along = surface->cylinder ? 0 : 1;
            double from = stop[i][along], to = stop[i + 1][along], part = (surface->position - from) / (to - from);
            if (!(part > 0.0 && part < 1.0)) continue;
            double other = stop[i][1 - along] + part * (stop[i + 1][1 - along] - stop[i][1 - along]);
            if (other < surface->low || other > surface->high) continue;
            double length = hypot(stop[i + 1][0] - stop[i][0], stop[i + 1][1] - stop[i][1]);
            double cos_incidence = fmax(0.05, surface->cylinder ? sin_theta : fabs(to - from) / length);
            double theta0 = hg_scattering_angle(1.0 / fabs(qop), t->kalman->options.mass_gev, surface->x_over_x0 / cos_incidence);
            add_kick(h, jacobian, stop[i][2] + part * (stop[i + 1][2] - stop[i][2]), s_wanted, theta0, cov);
        }
    }
}

static int estimate(const hg_kalman *kalman, const hg_measurement points[POINTS], int at, double par[5], double cov[15])
{
    triplet t;
    helix h;
    double jacobian[5][9], sum[15] = {0}, found[5] = {0};
    int status = prepare(kalman, points, at, &t, &h);
    if (status != 0) return HG_TRACK_FAILED | status;
    if (!parameters(&t, t.point, found, &h) || !derivatives(&t, jacobian)) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD;
    for (int i = 0; i < POINTS; ++i) {
        for (int axis = 0; axis < 2; ++axis) {
            double displacement[9] = {0};
            for (int k = 0; k < 3; ++k) displacement[3 * i + k] = t.module[i]->rotation[3 * k + axis];
            add_source(jacobian, displacement, t.variance[i][axis], sum);
        }
    }
    add_scattering(&t, &h, jacobian, found[4], sum);
    if (at != PERIGEE) {
        for (int i = 0; i < 2; ++i) found[i] = hg_measurement_has(&points[at], i) ? points[at].local[i] : 0.0;
    }
    found[2] = remainder(found[2], 6.283185307179586);
    for (int i = 0; i < 5; ++i) {
        if (!isfinite(found[i])) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD | HG_TRACK_NONFINITE;
    }
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
    helix h;
    double found[5] = {0};
    int status = prepare(kalman, points, at, &t, &h);
    if (status != 0) return HG_TRACK_FAILED | status;
    if (!parameters(&t, t.point, found, &h)) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD;
    for (int i = 0; i < 2; ++i) found[i] = hg_measurement_has(&points[at], i) ? points[at].local[i] : 0.0;
    found[2] = remainder(found[2], 6.283185307179586);
    if (!isfinite(found[2] + found[3] + found[4])) return HG_TRACK_FAILED | HG_TRACK_SEED_BAD | HG_TRACK_NONFINITE;
    for (int i = 0; i < 5; ++i) par[i] = found[i];
    return 0;
}
