/* tracking/material_steps.h — how true particles turn and slow down between their hits, and what they cross there. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_MATERIAL_STEPS_H
#define HG_TRACKING_MATERIAL_STEPS_H

#include "hitgraph/calibration.h"

enum { HG_STEP_CROSSED_MAX = 8 };

/* A particle's way from one hit (or its vertex) to the next. */
typedef struct hg_material_step {
    double angle2, p,
        loss_mev; /* square of the angle that the field does not explain; momentum before; energy lost, of the mass hypothesis */
    int n;
    int32_t surface[HG_STEP_CROSSED_MAX];
    double per_cosine[HG_STEP_CROSSED_MAX];
} hg_material_step;

typedef struct hg_material_steps {
    int64_t n, room;
    hg_material_step *item; /* owned: hg_free */
} hg_material_steps;

/* Adds the steps of one event that cross surfaces of kalman->material: vertex to first hit for particles from the beam line, hit to hit of
 * the next layer for all above pt_min. Errors: HG_ERR_ARG an event without truth or particles; HG_ERR_NOMEM. */
hg_status hg_material_steps_add(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *event, double pt_min_gev,
                                hg_material_steps *steps);

#endif
