/* tracking/fit.h — what the batch fit and the plain one share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FIT_H
#define HG_TRACKING_FIT_H

#include "tracking/smoother.h"

enum { HG_FIT_HITS_MIN = 3, HG_FIT_SCALARS_MIN = 5, HG_FIT_PASSES_MIN = 2, HG_FIT_PASSES_MAX = 8 };

/* Whether a track of n hits can be fitted at all: 0 or status bits. */
int hg_fit_check(const hg_kalman *kalman, const hg_measurement *measurements, const int32_t *hit, int64_t n);

/* The informing bits of a fit that worked. */
int hg_fit_quality(bool outliers, double chi2, int32_t ndf);

/* Fits track t in double, without vectors: fills its row of all columns. slope_errors: of hg_slope_errors_create, or NULL. steps:
 * room for its hits. */
void hg_fit_one(const hg_kalman *kalman, const hg_measurement *measurements, const float *slope_errors, hg_filter_step *steps,
                hg_tracks *tracks, int64_t t);

/* Parameters at point `at` of the helix through three measurements, without covariance; otherwise hg_seed_state. */
int hg_seed_parameters(const hg_kalman *kalman, const hg_measurement points[3], int at, double par[5]);

#endif
