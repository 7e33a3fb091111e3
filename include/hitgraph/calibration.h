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
/** Frees a calibration; NULL is fine. */
HG_API void hg_calibration_destroy(hg_context *ctx, hg_calibration *calibration);

/** One event to learn from; all borrowed. */
typedef struct hg_calibration_event {
    const hg_event *event;       /* with truth; with cells for errors by cluster width; material needs particles too */
    const int64_t *hit_module;   /* [n hits] module of each hit */
    const hg_truth_order *order; /* of this event */
} hg_calibration_event;

/** Hit errors per volume and axis from the hits of particles above pt_min_gev: rms of measured minus true by cluster width, of all hits,
 * and by the slope of the true direction, without the outer 1 %; and the shifts, the means without them (none within four standard errors
 * of 0). A width or slope with fewer than 50 hits is left to the narrower or nearest ones, a volume with fewer to the pitch.
 *  @param out owned by the caller; untouched on error. @return HG_OK; HG_ERR_ARG an event without truth; HG_ERR_NOMEM. */
HG_API hg_status hg_calibration_learn(hg_context *ctx, const hg_detector *detector, const hg_calibration_event *events, int64_t n,
                                      double pt_min_gev, hg_calibration **out);

/** Thickness and loss of the surfaces of kalman->material, from how far true directions turn between a particle's hits beyond what the
 *  field does, and how much energy is lost there. Places stay as they are; so does a surface that few particles cross, and one without loss
 *  gets none. Thickness by multiplicative iterations: each surface is scaled by the mean of (angle / Highland's width)^2 of the steps
 * across it, weighted with its share of the width and without tails (PHYSICS 2.4, 7.3); loss so that half of the steps across a surface
 * lose more.
 *  @param kalman borrowed; with material. @param out owned by the caller (hg_material_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG no material, or an event without truth or particles; HG_ERR_NOMEM. */
HG_API hg_status hg_material_learn(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n,
                                   double pt_min_gev, hg_material **out);

/** Thickness of the surfaces of kalman->material such that pulls at the perigee have unit width: tracks are fitted to the true hits of
 *  primary particles above pt_min_gev with at least 6 hits on 5 layers, once as it is and once for each group of surfaces of one shape and
 *  extent (low, high) with that group thicker; each group is then scaled by the mean square of the pulls without tails, weighted with the
 *  group's share in their variance (variance components by expectation and maximisation). Starts best from what hg_material_learn found.
 *  Losses and places stay as they are.
 *  @param kalman borrowed; with material; the hits' errors are those of its calibration. @param out owned by the caller; untouched on
 * error.
 *  @return HG_OK; HG_ERR_ARG no material, or an event without truth or particles; HG_ERR_INTERRUPTED; HG_ERR_NOMEM; those of
 *  hg_measure_hits. Cost: a fit of all tracks per group. Threads: the context's; same bits for any number. */
HG_API hg_status hg_material_learn_pulls(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n,
                                         double pt_min_gev, hg_material **out);

#ifdef __cplusplus
}
#endif
#endif
