/* tracking/smoother.h — two smoothers: modified Bryson-Frazier, which needs no matrix inverse, and Rauch-Tung-Striebel. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_SMOOTHER_H
#define HG_TRACKING_SMOOTHER_H

#include "tracking/kalman.h"

/* One stop of the filter: filtered state, Jacobian from the stop before (unused at the first), the updates made here in order. */
typedef struct hg_filter_step {
    int64_t hit;                                /* number of the hit within its track */
    double predicted_par[5], predicted_cov[15]; /* before the updates made here; only hg_smooth_rts looks at them */
    double par[5], cov[15], jacobian[25];
    hg_gain gain[2];
    int n_gains;
    double smooth_par[5], smooth_cov[15]; /* filled by hg_smooth */
    /* of the track's hit whose number is this step's: */
    float hit_variance[2]; /* at the slope of the pass before */
    float kept_weight;     /* in the annealing filter's first choice */
} hg_filter_step;

/* Fills the smoothed states of steps 0 .. n - 1 (PHYSICS 7.5, MBF). They are not checked for positivity. */
void hg_smooth(hg_filter_step *steps, int64_t n);

/* The same by gains P+ F^T (P-)^-1 (PHYSICS 7.5, RTS); equal but for rounding. False, with nothing filled, if a predicted covariance is not
 * positive. */
bool hg_smooth_rts(hg_filter_step *steps, int64_t n);

#endif
