/* tracking/seed_helix.c — the helix through three points, its perigee, and what moving a point does to them (PHYSICS 6.1). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/seed_helix.h"

#include <math.h>

/* Where the perigee's arc is taken from a series: alpha / kappa would be 0 / 0. */
static bool is_straight(double w, double g)
{
    return fabs(w) < 1e-4 && g > 0.5;
}

static double length_of(const double v[2])
{
    return sqrt(v[0] * v[0] + v[1] * v[1]);
}

static double arc_over_chord(double kappa, double chord)
{
    double sin_beta = kappa * chord / 2.0;
    return fabs(sin_beta) < 1e-6 ? chord : chord * asin(fmax(-1.0, fmin(1.0, sin_beta))) / sin_beta;
}

/* Vectors between the points across the z axis: 12, 23, 13. */
static void sides_of(const double x[HG_SEED_POINTS][3], double v[3][2])
{
    for (int k = 0; k < 2; ++k) {
        v[0][k] = x[1][k] - x[0][k];
        v[1][k] = x[2][k] - x[1][k];
        v[2][k] = x[2][k] - x[0][k];
    }
}

bool hg_seed_circle(const double x[HG_SEED_POINTS][3], hg_seed_helix *h)
{
    double v[3][2];
    sides_of(x, v);
    const double l12 = length_of(v[0]), l23 = length_of(v[1]), l13 = length_of(v[2]);
    if (!(l12 > 1e-3 && l23 > 1e-3 && l13 > 1e-3)) return false;
    h->kappa = 2.0 * (v[0][0] * v[1][1] - v[0][1] * v[1][0]) / (l12 * l23 * l13);
    h->s[0] = 0.0;
    h->s[1] = arc_over_chord(h->kappa, l12);
    h->s[2] = arc_over_chord(h->kappa, l13);
    h->phi[0] = atan2(v[2][1], v[2][0]) - h->kappa * h->s[2] / 2.0;
    for (int i = 1; i < HG_SEED_POINTS; ++i) h->phi[i] = h->phi[0] + h->kappa * h->s[i];
    return isfinite(h->kappa + h->phi[0]);
}

/* Weighted sums of the line z(s). */
typedef struct line_sums {
    double weight, mean_s, mean_z, ss;
} line_sums;

static line_sums sum_line(const double x[HG_SEED_POINTS][3], const double weight[HG_SEED_POINTS], const double s[HG_SEED_POINTS])
{
    line_sums sum = {0};
    for (int i = 0; i < HG_SEED_POINTS; ++i) {
        sum.weight += weight[i];
        sum.mean_s += weight[i] * s[i];
        sum.mean_z += weight[i] * x[i][2];
    }
    sum.mean_s /= sum.weight;
    sum.mean_z /= sum.weight;
    for (int i = 0; i < HG_SEED_POINTS; ++i) sum.ss += weight[i] * (s[i] - sum.mean_s) * (s[i] - sum.mean_s);
    return sum;
}

bool hg_seed_line(const double x[HG_SEED_POINTS][3], const double weight[HG_SEED_POINTS], hg_seed_helix *h)
{
    const line_sums sum = sum_line(x, weight, h->s);
    double sz = 0.0;
    for (int i = 0; i < HG_SEED_POINTS; ++i) sz += weight[i] * (h->s[i] - sum.mean_s) * (x[i][2] - sum.mean_z);
    if (!(sum.ss > 0.0)) return false;
    h->cot = sz / sum.ss;
    h->z_first = sum.mean_z - sum.mean_s * h->cot;
    return isfinite(h->cot);
}

hg_seed_perigee_point hg_seed_helix_perigee(const hg_seed_helix *h, const double first[3])
{
    const double cos_phi = cos(h->phi[0]), sin_phi = sin(h->phi[0]);
    const double a = first[0] * cos_phi + first[1] * sin_phi, d = first[1] * cos_phi - first[0] * sin_phi;
    const double g = 1.0 + h->kappa * d, w = h->kappa * a, alpha = atan2(-w, g);
    hg_seed_perigee_point p = {.d0 = (2.0 * d + h->kappa * (a * a + d * d)) / (1.0 + sqrt(g * g + w * w)), .phi = h->phi[0] + alpha};
    if (is_straight(w, g)) {
        const double ratio = w / g;
        p.s = -a / g * (1.0 - ratio * ratio / 3.0);
    } else {
        p.s = alpha / h->kappa;
    }
    return p;
}

/* What a change of a chord, and of kappa, does to its arc. */
static double arc_derivative(double kappa, double chord, double arc, double d_chord, double d_kappa)
{
    const double sin_beta = kappa * chord / 2.0;
    if (fabs(sin_beta) < 1e-4) return d_chord + chord * chord * sin_beta * d_kappa / 6.0;
    const double cos_beta = sqrt(fmax(1e-6, 1.0 - sin_beta * sin_beta));
    return d_chord / cos_beta + (chord / cos_beta - arc) * d_kappa / kappa;
}

/* What does not depend on the coordinate that moves. */
typedef struct triangle {
    double side[3][2], length[3], per_product;
} triangle;

static void circle_derivative(const triangle *t, const hg_seed_helix *h, int c, hg_seed_helix *dh)
{
    static const double sign[HG_SEED_POINTS][3] = {{-1, 0, -1}, {1, -1, 0}, {0, 1, 1}}; /* of the point in 12, 23, 13 */
    const double(*v)[2] = t->side;
    const int i = c / 3, k = c % 3;
    double d_length[3], d_product = 0.0;
    *dh = (hg_seed_helix){0};
    if (k == 2) return;
    for (int side = 0; side < 3; ++side) {
        d_length[side] = sign[i][side] * v[side][k] / t->length[side];
        d_product += d_length[side] / t->length[side];
    }
    const double d_cross = (k == 0 ? 1.0 : -1.0) * (sign[i][0] * v[1][1 - k] - sign[i][1] * v[0][1 - k]);
    dh->kappa = 2.0 * d_cross * t->per_product - h->kappa * d_product;
    dh->s[1] = arc_derivative(h->kappa, t->length[0], h->s[1], d_length[0], dh->kappa);
    dh->s[2] = arc_derivative(h->kappa, t->length[2], h->s[2], d_length[2], dh->kappa);
    const double d_chord_phi = sign[i][2] * (k == 0 ? -v[2][1] : v[2][0]) / (t->length[2] * t->length[2]);
    dh->phi[0] = d_chord_phi - (dh->kappa * h->s[2] + h->kappa * dh->s[2]) / 2.0;
    for (int j = 1; j < HG_SEED_POINTS; ++j) dh->phi[j] = dh->phi[0] + dh->kappa * h->s[j] + h->kappa * dh->s[j];
}

void hg_seed_helix_derivatives(const double x[HG_SEED_POINTS][3], const double weight[HG_SEED_POINTS], const hg_seed_helix *h,
                               hg_seed_helix dh[HG_SEED_COORDINATES])
{
    const line_sums sum = sum_line(x, weight, h->s);
    const double per_weight = 1.0 / sum.weight, per_ss = 1.0 / sum.ss;
    triangle t;
    sides_of(x, t.side);
    for (int side = 0; side < 3; ++side) t.length[side] = length_of(t.side[side]);
    t.per_product = 1.0 / (t.length[0] * t.length[1] * t.length[2]);
    for (int c = 0; c < HG_SEED_COORDINATES; ++c) {
        double d_sz = 0.0, d_ss = 0.0, d_mean_s = 0.0, d_mean_z = 0.0;
        circle_derivative(&t, h, c, &dh[c]);
        for (int i = 0; i < HG_SEED_POINTS; ++i) {
            const double d_z = c == 3 * i + 2 ? 1.0 : 0.0, from_mean = h->s[i] - sum.mean_s;
            d_sz += weight[i] * (dh[c].s[i] * (x[i][2] - sum.mean_z) + from_mean * d_z);
            d_ss += 2.0 * weight[i] * from_mean * dh[c].s[i];
            d_mean_s += weight[i] * dh[c].s[i] * per_weight;
            d_mean_z += weight[i] * d_z * per_weight;
        }
        dh[c].cot = (d_sz - h->cot * d_ss) * per_ss;
        dh[c].z_first = d_mean_z - d_mean_s * h->cot - sum.mean_s * dh[c].cot;
    }
}

void hg_seed_perigee_derivatives(const hg_seed_helix *h, const double first[3], const hg_seed_perigee_point *at,
                                 const hg_seed_helix dh[HG_SEED_COORDINATES], hg_seed_perigee_point dp[HG_SEED_COORDINATES])
{
    const double cos_phi = cos(h->phi[0]), sin_phi = sin(h->phi[0]), kappa = h->kappa;
    const double a = first[0] * cos_phi + first[1] * sin_phi, d = first[1] * cos_phi - first[0] * sin_phi;
    const double g = 1.0 + kappa * d, w = kappa * a, norm2 = g * g + w * w, norm = sqrt(norm2), ratio = w / g;
    const bool straight = is_straight(w, g);
    for (int c = 0; c < HG_SEED_COORDINATES; ++c) {
        const double da = (c == 0 ? cos_phi : c == 1 ? sin_phi : 0.0) + d * dh[c].phi[0];
        const double dd = (c == 0 ? -sin_phi : c == 1 ? cos_phi : 0.0) - a * dh[c].phi[0];
        const double dg = dh[c].kappa * d + kappa * dd, dw = dh[c].kappa * a + kappa * da;
        const double d_alpha = (w * dg - g * dw) / norm2, d_norm = (g * dg + w * dw) / norm;
        const double d_numerator = 2.0 * dd + dh[c].kappa * (a * a + d * d) + 2.0 * kappa * (a * da + d * dd);
        dp[c].d0 = (d_numerator - at->d0 * d_norm) / (1.0 + norm);
        dp[c].phi = dh[c].phi[0] + d_alpha;
        if (straight)
            dp[c].s = (a * dg / g - da) / g * (1.0 - ratio * ratio / 3.0) + a / g * 2.0 / 3.0 * ratio * (dw - ratio * dg) / g;
        else
            dp[c].s = (d_alpha - at->s * dh[c].kappa) / kappa;
    }
}
