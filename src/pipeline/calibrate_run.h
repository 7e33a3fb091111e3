/* pipeline/calibrate_run.h — a calibration file from events with truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CALIBRATE_RUN_H
#define HG_PIPELINE_CALIBRATE_RUN_H

#include "pipeline/setup.h"

typedef struct hg_calibrate_result {
    int64_t n_events, n_volumes, n_surfaces;
} hg_calibrate_result;

/* Learns hit errors and, on the surfaces of the setup's material, thickness from the events of the inputs, and writes both to path.
 * Errors: those of reading; HG_ERR_DATA an event without truth or particles. */
hg_status hg_calibrate_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path,
                           hg_calibrate_result *result);

#endif
