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
static const double pull_pt_min_gev = 1.0; /* of the tracks whose pulls are to be right */

/* Material by steps between true hits, then by the pulls of tracks whose hits have the errors just learned. */
static hg_status learn_material(hg_context *ctx, const hg_setup *setup, const hg_calibration *calibration, const hg_calibration_event *item,
                                int64_t n, hg_material **out)
{
    hg_kalman kalman = setup->kalman;
    hg_material *by_steps = NULL;
    hg_status status = hg_material_learn(ctx, &kalman, item, n, pt_min_gev, &by_steps);
    kalman.material = by_steps;
    kalman.calibration = calibration;
    if (status >= 0) status = hg_material_learn_pulls(ctx, &kalman, item, n, pull_pt_min_gev, out);
    hg_material_destroy(ctx, by_steps);
    return status;
}

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
    HG_TRY(learn_material(ctx, setup, calibration, item, events.n, &material));
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
