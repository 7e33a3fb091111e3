/* pipeline/track_graphs.h — the stages that make the graphs of an event: doublets, and the line graph of those that are kept. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_GRAPHS_H
#define HG_PIPELINE_TRACK_GRAPHS_H

#include "graph/hit_grid.h"
#include "hitgraph/event.h"
#include "pipeline/setup.h"
#include "pipeline/track_result.h"

/* The luminous length of a prepared event: the setting, or the estimate from its hits. grid: theirs; NULL = made for this alone. */
hg_status hg_find_luminous_length(hg_context *ctx, const hg_setup *setup, const hg_hit_grid *grid, hg_track_result *result);

/* Prepares the event, which must outlive the result, and makes its doublets. */
hg_status hg_stage_graph(hg_context *ctx, const hg_setup *setup, const hg_event *event, hg_track_result *result);

/* Makes the line graph of the doublets above the cut from their scores. */
hg_status hg_join_doublets(hg_context *ctx, const hg_setup *setup, hg_track_result *result);

#endif
