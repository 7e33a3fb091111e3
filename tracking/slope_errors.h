/* tracking/slope_errors.h — hit errors by the slope at which a track crosses the sensor. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_SLOPE_ERRORS_H
#define HG_TRACKING_SLOPE_ERRORS_H

#include "hitgraph/measurement.h"

/* The cell of a slope. */
int hg_slope_cell(double slope);

/* Variances [n_layers][2][HG_SLOPE_CELLS] of the calibration's volumes, 0 where it knows none; *out = NULL if it knows none at all. Owned
 * by the caller. */
hg_status hg_slope_errors_create(hg_context *ctx, const hg_kalman *kalman, float **out);

/* Variances of a hit on `module` of a track with these angles; a coordinate that is not measured, or of unknown error, keeps the
 * measurement's. */
void hg_slope_variance(const hg_detector *detector, const float *errors, const hg_measurement *measurement, double phi, double theta,
                       float variance[2]);

#endif
