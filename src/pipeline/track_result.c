/* pipeline/track_result.c — see track_result.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_result.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"

const char *const hg_stage_names[HG_N_STAGES] = {"read",  "graph",  "doublet_gnn", "triplet_graph", "triplet_gnn",
                                                 "seeds", "tracks", "fit",         "write"};

void hg_end_stage(hg_track_result *result, hg_stage stage, double start)
{
    result->seconds[stage] += hg_seconds() - start;
    result->peak_rss[stage] = hg_peak_rss();
}

void hg_track_result_clear(hg_context *ctx, hg_track_result *result)
{
    hg_tracks_destroy(ctx, result->tracks);
    hg_seeds_destroy(ctx, result->seeds);
    hg_free(ctx, result->triplet_score);
    hg_free(ctx, result->line_doublet);
    hg_graph_destroy(ctx, result->line);
    hg_free(ctx, result->keep);
    hg_free(ctx, result->doublet_logit);
    hg_free(ctx, result->doublet_score);
    hg_doublet_graph_destroy(ctx, result->doublets);
    hg_prepared_destroy(ctx, result->prepared);
    memset(result, 0, sizeof *result);
}
