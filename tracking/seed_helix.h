/* tracking/seed_helix.h — the helix through three points, its perigee, and what moving a point does to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_SEED_HELIX_H
#define HG_TRACKING_SEED_HELIX_H

#include <stdbool.h>

enum { HG_SEED_POINTS = 3, HG_SEED_COORDINATES = 3 * HG_SEED_POINTS };

/* A circle across the z axis through all points and a straight line z(s); s is counted from the first point. */
typedef struct hg_seed_helix {
    double kappa, phi[HG_SEED_POINTS], s[HG_SEED_POINTS], cot, z_first;
} hg_seed_helix;

typedef struct hg_seed_perigee_point {
    double d0, phi, s;
} hg_seed_perigee_point;

/* The circle: kappa, phi, s. Returns false if two points lie above each other. */
bool hg_seed_circle(const double x[HG_SEED_POINTS][3], hg_seed_helix *h);

/* The line through the points with these weights: cot, z_first. Needs the circle; returns false where it has no direction. */
bool hg_seed_line(const double x[HG_SEED_POINTS][3], const double weight[HG_SEED_POINTS], hg_seed_helix *h);

/* Perigee to the z axis: d0, phi, and the arc from the first point (PHYSICS 1.5). */
hg_seed_perigee_point hg_seed_helix_perigee(const hg_seed_helix *h, const double first[3]);

/* Derivatives of the helix with respect to the coordinates (3 * point + axis), the weights as they are. */
void hg_seed_helix_derivatives(const double x[HG_SEED_POINTS][3], const double weight[HG_SEED_POINTS], const hg_seed_helix *h,
                               hg_seed_helix dh[HG_SEED_COORDINATES]);

/* The same of the perigee, from itself and the derivatives of the helix. */
void hg_seed_perigee_derivatives(const hg_seed_helix *h, const double first[3], const hg_seed_perigee_point *at,
                                 const hg_seed_helix dh[HG_SEED_COORDINATES], hg_seed_perigee_point dp[HG_SEED_COORDINATES]);

#endif
