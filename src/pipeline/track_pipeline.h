/* pipeline/track_pipeline.h — the main job: events in, fitted tracks out, stage by stage. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_PIPELINE_H
#define HG_PIPELINE_TRACK_PIPELINE_H

#include "hitgraph/event.h"
#include "pipeline/setup.h"
#include "pipeline/track_result.h"

/* Seeds, tracks and their fit from the scored graphs. */
hg_status hg_stage_tracks(hg_context *ctx, const hg_setup *setup, hg_track_result *result);

/* All stages; models may be empty unless the networks score (tracking.seeds). *result must be zero; on error what was made is still there
 * and hg_track_result_clear frees it. */
hg_status hg_track_event(hg_context *ctx, const hg_setup *setup, const hg_track_models *models, const hg_event *event,
                         hg_track_result *result);

#endif
