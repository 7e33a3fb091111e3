/* pipeline/telescope_features.h — hand-made numbers of telescope events: what cuts and boosted trees work with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TELESCOPE_FEATURES_H
#define HG_PIPELINE_TELESCOPE_FEATURES_H

#include "datasets/score_table.h"
#include "hitgraph/pulses.h"

/* One row per event: pulses, charge, hit sensors, early charge of the outer layer, centre, LineFit and Pandel directions with speed and
 * likelihood, and how charge and times lie about the Pandel track. Pulses in coincidence only, or all where none is.
 * @param out cleared by the caller; untouched on error. Threads: the context's; the same bits for any number. */
hg_status hg_hand_features(hg_context *ctx, const hg_pulse_events *events, hg_score_table *out);

#endif
