/* pipeline/calibrate_run.c — a calibration file from events with truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/calibrate_run.h"

#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "datasets/calibration_file.h"
#include "hitgraph/material.h"
#include "pipeline/labelled_event.h"

/* Slower particles lose more on the way than a thin surface stands for. */
static const double pt_min_gev = 0.3;

hg_status hg_calibrate_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path,
                           hg_calibrate_result *result)
{
    hg_status status = HG_OK;
    hg_labelled_events events = {0};
    hg_calibration_event *item = NULL;
    hg_calibration *calibration = NULL;
    hg_material *material = NULL;
    char comment[128];

    HG_TRY(hg_labelled_events_read(ctx, setup, input, n_inputs, &events));
    HG_TRY(hg_alloc(ctx, &item, events.n));
    for (int64_t e = 0; e < events.n; ++e) {
        const hg_labelled_event *from = &events.event[e];
        item[e] = (hg_calibration_event){from->event, from->prepared->module, from->truth->order};
    }
    HG_TRY(hg_calibration_learn(ctx, setup->detector, item, events.n, pt_min_gev, &calibration));
    HG_TRY(hg_material_learn(ctx, &setup->kalman, item, events.n, pt_min_gev, &material));
    snprintf(comment, sizeof comment, "Learned from %" PRId64 " events with truth, pT > %g GeV.", events.n, pt_min_gev);
    HG_TRY(hg_calibration_file_write(ctx, calibration, material, comment, path));
    *result = (hg_calibrate_result){events.n, calibration->n, material->n};
done:
    hg_calibration_destroy(ctx, calibration);
    hg_material_destroy(ctx, material);
    hg_free(ctx, item);
    hg_labelled_events_clear(ctx, &events);
    return status;
}
