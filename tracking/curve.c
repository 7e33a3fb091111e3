/* tracking/curve.c — tracks as curves in space, for the eye. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "tracking/curve.h"

static const double curvature_constant = 0.299792458e-3; /* GeV / (T mm) */

static bool is_fitted(const hg_tracks *tracks, int64_t t)
{
    return tracks->status[t] < HG_TRACK_FAILED && tracks->params[5 * t + 4] != 0;
}

static double distance(const double a[3], const double b[3])
{
    return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
}

static void hit_position(const hg_hits *hits, int32_t hit, double position[3])
{
    position[0] = hits->x[hit];
    position[1] = hits->y[hit];
    position[2] = hits->z[hit];
}

/* state: position, direction; slope: their change per mm of path, dir' = K q/p dir x B. */
static void slope_at(const hg_field *field, double qop, const double state[6], double slope[6])
{
    double b[3];
    hg_field_at(field, state, b);
    const double k = curvature_constant * qop, *d = state + 3;
    memcpy(slope, d, 3 * sizeof *d);
    slope[3] = k * (d[1] * b[2] - d[2] * b[1]);
    slope[4] = k * (d[2] * b[0] - d[0] * b[2]);
    slope[5] = k * (d[0] * b[1] - d[1] * b[0]);
}

static void runge_kutta_step(const hg_field *field, double qop, double h, double state[6])
{
    const double part[4] = {0, 0.5, 0.5, 1}, share[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    double slope[6] = {0}, sum[6] = {0}, middle[6];
    for (int stage = 0; stage < 4; ++stage) {
        for (int k = 0; k < 6; ++k) middle[k] = state[k] + part[stage] * h * slope[k];
        slope_at(field, qop, middle, slope);
        for (int k = 0; k < 6; ++k) sum[k] += share[stage] * slope[k];
    }
    for (int k = 0; k < 6; ++k) state[k] += h * sum[k];
}

static double path_along_hits(const hg_hits *hits, const hg_tracks *tracks, int64_t t, const double start[3])
{
    double path = 0, before[3], here[3];
    memcpy(before, start, sizeof before);
    for (int64_t k = tracks->hit_offset[t]; k < tracks->hit_offset[t + 1]; ++k) {
        hit_position(hits, tracks->hit[k], here);
        path += distance(before, here);
        memcpy(before, here, sizeof before);
    }
    return path;
}

static int fitted_curve(const hg_hits *hits, const hg_field *field, const hg_tracks *tracks, int64_t t, double point[HG_CURVE_POINTS][3])
{
    const double *a = tracks->params + 5 * t;
    const double sin_phi = sin(a[2]), cos_phi = cos(a[2]), sin_theta = sin(a[3]);
    double state[6] = {-a[0] * sin_phi, a[0] * cos_phi, a[1], cos_phi * sin_theta, sin_phi * sin_theta, cos(a[3])};
    const double path = path_along_hits(hits, tracks, t, state);
    double b[3];
    hg_field_at(field, state, b);
    /* three degrees of turn, or 60 mm, per piece: no corner shows at the size of a page */
    const double curvature = curvature_constant * fabs(a[4] * b[2]);
    const double wanted = ceil(path / fmin(60, 0.05 / fmax(curvature, 1e-9)));
    const int pieces = (int)fmin(fmax(wanted, 1), HG_CURVE_POINTS - 1);
    for (int k = 0; k <= pieces; ++k) {
        if (k > 0) runge_kutta_step(field, a[4], path / pieces, state);
        memcpy(point[k], state, 3 * sizeof state[0]);
    }
    return pieces + 1;
}

/* Catmull-Rom spline through the hits; of hits closer than 20 mm (overlapping modules) one is enough. */
static int curve_through_hits(const hg_hits *hits, const hg_tracks *tracks, int64_t t, double point[HG_CURVE_POINTS][3])
{
    enum { MAX_KNOTS = 40, PIECES = 5 };
    double knot[MAX_KNOTS][3];
    int n = 0, count = 0;
    for (int64_t k = tracks->hit_offset[t]; k < tracks->hit_offset[t + 1] && n < MAX_KNOTS; ++k) {
        hit_position(hits, tracks->hit[k], knot[n]);
        if (n == 0 || distance(knot[n - 1], knot[n]) > 20) ++n;
    }
    for (int i = 0; i + 1 < n; ++i) {
        const double *p0 = knot[i > 0 ? i - 1 : 0], *p1 = knot[i], *p2 = knot[i + 1], *p3 = knot[i + 2 < n ? i + 2 : n - 1];
        for (int piece = 0; piece < PIECES; ++piece, ++count) {
            const double u = (double)piece / PIECES;
            for (int k = 0; k < 3; ++k)
                point[count][k] =
                    p1[k] +
                    0.5 * u * (p2[k] - p0[k] + u * (2 * p0[k] - 5 * p1[k] + 4 * p2[k] - p3[k] + u * (3 * (p1[k] - p2[k]) + p3[k] - p0[k])));
        }
    }
    if (n > 1) memcpy(point[count++], knot[n - 1], sizeof knot[0]);
    return count;
}

int hg_track_curve(const hg_hits *hits, const hg_field *field, const hg_tracks *tracks, int64_t t, double point[HG_CURVE_POINTS][3])
{
    if (field != NULL && is_fitted(tracks, t) && tracks->hit_offset[t + 1] > tracks->hit_offset[t])
        return fitted_curve(hits, field, tracks, t, point);
    return curve_through_hits(hits, tracks, t, point);
}

double hg_track_pt(const hg_hits *hits, const hg_field *field, const hg_tracks *tracks, int64_t t)
{
    if (is_fitted(tracks, t)) return sin(tracks->params[5 * t + 3]) / fabs(tracks->params[5 * t + 4]);
    const int64_t first = tracks->hit_offset[t], last = tracks->hit_offset[t + 1] - 1;
    if (last - first < 2) return 0;
    double p[3][3], b[3] = {0, 0, 2};
    hit_position(hits, tracks->hit[first], p[0]);
    hit_position(hits, tracks->hit[first + (last - first) / 2], p[1]);
    hit_position(hits, tracks->hit[last], p[2]);
    if (field != NULL) hg_field_at(field, p[1], b);
    /* radius of the circle through three points: product of the sides over four times the area */
    const double twice_area = (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[2][0] - p[0][0]) * (p[1][1] - p[0][1]);
    const double sides = hypot(p[1][0] - p[0][0], p[1][1] - p[0][1]) * hypot(p[2][0] - p[1][0], p[2][1] - p[1][1]) *
                         hypot(p[2][0] - p[0][0], p[2][1] - p[0][1]);
    return curvature_constant * fabs(b[2]) * sides / fmax(2 * fabs(twice_area), 1e-9);
}
