/* pipeline/classical_seeding.h — seeds by cuts on helices in place of graph and networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSICAL_SEEDING_H
#define HG_PIPELINE_CLASSICAL_SEEDING_H

#include "pipeline/setup.h"
#include "pipeline/track_result.h"

/* The first stages for tracking.seeds classical: the event is prepared, its precise space points are joined to triplets (time of the stage
 * triplet_graph), and these and their doublets stand where the scored graphs of the networks would. */
hg_status hg_stage_classical(hg_context *ctx, const hg_setup *setup, const hg_event *event, hg_track_result *result);

#endif
