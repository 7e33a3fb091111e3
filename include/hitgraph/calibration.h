/* hitgraph/calibration.h — hit errors, shifts and material learned from events with truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_CALIBRATION_H
#define HITGRAPH_CALIBRATION_H

#include "hitgraph/event.h"
#include "hitgraph/kalman.h"
#include "hitgraph/measurement.h"
#include "hitgraph/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A copy of n volumes. @param out owned by the caller (hg_calibration_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_DATA a volume twice, an error that is negative or not finite (message: which); HG_ERR_NOMEM. */
HG_API hg_status hg_calibration_create(hg_context *ctx, const hg_resolution *volume, int64_t n, hg_calibration **out);
HG_API void hg_calibration_destroy(hg_context *ctx, hg_calibration *calibration);

/** One event to learn from; all borrowed. */
typedef struct hg_calibration_event {
    const hg_event *event;       /* with truth; with cells for errors by cluster width; material needs particles too */
    const int64_t *hit_module;   /* [n hits] module of each hit */
    const hg_truth_order *order; /* of this event */
} hg_calibration_event;

/** Hit errors per volume and axis from the hits of particles above pt_min_gev: rms of measured minus true by cluster width, of all hits,
 * and by the slope of the true direction, without the outer 1 %; and the shift along u, the mean without them. A width or slope with fewer
 * than 50 hits is left to the narrower or nearest ones, a volume with fewer to the pitch.
 *  @param out owned by the caller; untouched on error. @return HG_OK; HG_ERR_ARG an event without truth; HG_ERR_NOMEM. */
HG_API hg_status hg_calibration_learn(hg_context *ctx, const hg_detector *detector, const hg_calibration_event *events, int64_t n,
                                      double pt_min_gev, hg_calibration **out);

/** Thickness of the surfaces of kalman->material, from how far true directions turn between a particle's hits beyond what the field does.
 *  Places and losses stay as they are; so does a surface that few particles cross. Multiplicative iterations: each surface is scaled by the
 *  mean of (angle / Highland's width)^2 of the steps across it, weighted with its share of the width and without tails (PHYSICS 2.4, 7.3).
 *  @param kalman borrowed; with material. @param out owned by the caller (hg_material_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG no material, or an event without truth or particles; HG_ERR_NOMEM. */
HG_API hg_status hg_material_learn(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n,
                                   double pt_min_gev, hg_material **out);

#ifdef __cplusplus
}
#endif
#endif
