/* hitgraph/weights.h — TrackML hit weights, score of a set of tracks, and throughput score. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_WEIGHTS_H
#define HITGRAPH_WEIGHTS_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Phase 1 weighs the hits of all particles, phase 2 only those of generation 0 (bits 24..35 of the particle id). */
typedef enum hg_weight_rule { HG_WEIGHTS_PHASE_1 = 1, HG_WEIGHTS_PHASE_2 = 2 } hg_weight_rule;

/** Share of the i-th hit (from 0, in order of |tz - vz|) of a particle with n hits; 0 for n < 4, i outside 0 .. n - 1, i >= 20.
 *  Source: trackml-library, weights.py. Threads: reentrant. */
HG_API double hg_trackml_order_weight(int64_t n, int64_t i);

/** Factor of a particle with this transverse momentum at production. Source: trackml-library, weights.py. Threads: reentrant. */
HG_API double hg_trackml_pt_weight(double pt_gev);

/** Weights of all hits of an event, normalised to sum 1 (all 0 when no hit has any weight). Noise and hits of unknown particles get 0.
 *  @param event borrowed; needs truth and particles; its truth.weight is neither read nor changed.
 *  @param weights [n_hits], may be event->truth.weight itself; untouched on error.
 *  @param raw_sum sum before the normalisation; NULL = not wanted.
 *  @return HG_OK; HG_ERR_ARG no truth or no particles; HG_ERR_DATA a particle twice; HG_ERR_NOMEM. Cost: O(n log n). Threads: reentrant. */
HG_API hg_status hg_trackml_weights(hg_context *ctx, const hg_event *event, hg_weight_rule rule, double *weights, double *raw_sum);

/** TrackML score: tracks whose majority particle owns more than half of the track and has more than half of its hits there
 *  (both strict, so a tie never counts) earn the weights of its hits in them; divided by the weight of the event.
 *  @param label [n_hits] track of each hit, <= 0 = none. @param particle_id [n_hits], 0 = noise. @param weight [n_hits]. All borrowed.
 *  @param earned,total NULL = not wanted. @param score 0 when the event has no weight.
 *  @return HG_OK or HG_ERR_NOMEM. Cost: O(n log n). Threads: reentrant. Source: trackml-library, score.py. */
HG_API hg_status hg_trackml_score(hg_context *ctx, int64_t n_hits, const int64_t *label, const uint64_t *particle_id, const double *weight,
                                  double *score, double *earned, double *total);

/** Score of the throughput phase: accuracy is the TrackML score, 0 below 0.5; time at most 600 s per event, 0 beyond. Threads: reentrant.
 */
HG_API double hg_throughput_score(double accuracy, double seconds_per_event);

#ifdef __cplusplus
}
#endif
#endif
