/* pipeline/plain_scores.c — doublets and triplets scored without networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plain_scores.h"

#include <math.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "hitgraph/triplets.h"
#include "pipeline/track_graphs.h"

/* The tables' log odds are relative to the map's threshold; those of windows and module pairs know no odds. */
static void score_doublets(const hg_track_result *result, const hg_track_config *config)
{
    const hg_doublet_graph *doublets = result->doublets;
    const bool by_tables = config->seeds == HG_SEEDS_TABLES && config->graph_mode == HG_DOUBLETS_TABLES;
    for (int64_t e = 0; e < doublets->graph->n_edges; ++e) {
        const float threshold = doublets->same_layer[e] ? result->map->overlap_threshold : result->map->threshold;
        result->doublet_score[e] = by_tables ? 1.0f / (1.0f + expf(-doublets->table_score[e] - threshold)) : 0.5f;
    }
}

hg_status hg_stage_plain_scores(hg_context *ctx, const hg_setup *setup, hg_track_result *result)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();

    HG_TRY(hg_alloc(ctx, &result->doublet_score, result->doublets->graph->n_edges));
    score_doublets(result, &setup->config);
    HG_TRY(hg_join_doublets(ctx, setup, result));
    HG_TRY(hg_alloc(ctx, &result->triplet_score, result->line->n_edges));
    HG_TRY(hg_triplet_agreement(ctx, result->doublets, result->map, result->line, result->line_doublet, result->triplet_score));
    for (int64_t t = 0; t < result->line->n_edges; ++t)
        result->triplet_score[t] = exp2f(-result->triplet_score[t] * result->triplet_score[t]);
done:
    hg_end_stage(result, HG_STAGE_TRIPLET_GRAPH, start);
    return status;
}
