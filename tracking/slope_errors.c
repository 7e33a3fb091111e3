/* slope_errors.c — hit errors by the slope at which a track crosses the sensor. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/slope_errors.h"
#include "tracking/kalman.h"
#include "base/check.h"
#include "base/memory.h"

int hg_slope_cell(double slope)
{
    const double x = fabs(slope) / (1.0 + fabs(slope));
    return x < 1.0 ? (int)(x * HG_SLOPE_CELLS) : HG_SLOPE_CELLS - 1;
}

static bool knows_slopes(const hg_calibration *calibration)
{
    for (int64_t i = 0; calibration && i < calibration->n; ++i)
        for (int axis = 0; axis < 2; ++axis)
            for (int c = 0; c < HG_SLOPE_CELLS; ++c)
                if (calibration->volume[i].sigma_at_slope[axis][c] > 0.0) return true;
    return false;
}

hg_status hg_slope_errors_create(hg_context *ctx, const hg_kalman *kalman, float **out)
{
    hg_status status = HG_OK;
    const hg_calibration *calibration = kalman->calibration;
    float *errors = NULL;
    if (knows_slopes(calibration)) {
        HG_TRY(hg_alloc(ctx, &errors, kalman->detector->n_layers * 2 * HG_SLOPE_CELLS));
        for (int64_t l = 0; l < kalman->detector->n_layers; ++l) {
            for (int64_t i = 0; i < calibration->n; ++i) {
                const hg_resolution *r = &calibration->volume[i];
                if (r->volume_id != kalman->detector->layers[l].volume_id) continue;
                for (int k = 0; k < 2 * HG_SLOPE_CELLS; ++k) {
                    const double sigma = r->sigma_at_slope[k / HG_SLOPE_CELLS][k % HG_SLOPE_CELLS];
                    errors[l * 2 * HG_SLOPE_CELLS + k] = (float)(sigma * sigma);
                }
            }
        }
    }
    *out = errors;
done:
    return status;
}

void hg_slope_variance(const hg_detector *detector, const float *errors, const hg_measurement *measurement, double phi, double theta,
                       float variance[2])
{
    const double *r = detector->modules[measurement->module].rotation;
    const float *of_layer = errors + (int64_t)detector->module_layer[measurement->module] * 2 * HG_SLOPE_CELLS;
    const double t[3] = {cos(phi) * sin(theta), sin(phi) * sin(theta), cos(theta)};
    const double across = r[2] * t[0] + r[5] * t[1] + r[8] * t[2];
    for (int axis = 0; axis < 2; ++axis) {
        const double along = r[axis] * t[0] + r[3 + axis] * t[1] + r[6 + axis] * t[2];
        const float known = across != 0.0 ? of_layer[axis * HG_SLOPE_CELLS + hg_slope_cell(along / across)] : 0.0f;
        variance[axis] = hg_measurement_has(measurement, axis) && known > 0.0f ? known : (float)measurement->variance[axis];
    }
}
