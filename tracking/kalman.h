/* tracking/kalman.h — the pieces of the Kalman filter that the fit and its smoother share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_KALMAN_H
#define HG_TRACKING_KALMAN_H

#include "tracking/transport.h"

/* One scalar update as the smoother needs it: which coordinate, w = column of the covariance before it, residual and its variance s. */
typedef struct hg_gain {
    int coordinate;
    double w[5], residual, s;
} hg_gain;

/* A coordinate counts as measured if its variance is positive and finite. */
bool hg_measurement_has(const hg_measurement *measurement, int coordinate);

/* Updates and estimates leave the angles where they find them: here phi returns to [-pi, pi]. False if a parameter is not finite or theta
 * outside (0, pi). */
bool hg_angles_are_sound(double par[5]);

/* chi2 of a residual with covariance c = (uu, uv, vv) over the coordinates that are there; HUGE_VAL if c is not positive, 0 if none is
 * there. */
double hg_residual_chi2(const double residual[2], const double c[3], bool has_u, bool has_v);

/* x += w r/s, P -= w w^T/s; returns r^2/s. */
double hg_scalar_update(double par[5], double cov[15], int coordinate, double value, double variance, hg_gain *gain);

/* hg_kalman_update that also hands out its one or two gains, in order. Returns chi2, or -1 with everything untouched. */
double hg_update_with_gains(double par[5], double cov[15], const hg_measurement *measurement, hg_gain gain[2], int *n_gains);

#endif
