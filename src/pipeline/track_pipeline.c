/* pipeline/track_pipeline.c — the stages of the main job in order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_pipeline.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "pipeline/classical_seeding.h"
#include "pipeline/network_scores.h"
#include "pipeline/plain_scores.h"
#include "pipeline/track_graphs.h"

hg_status hg_stage_tracks(hg_context *ctx, const hg_setup *setup, hg_track_result *result)
{
    hg_status status = HG_OK;
    hg_stage stage = HG_STAGE_SEEDS;
    double start = hg_seconds();
    const hg_finder_options options = hg_track_config_finder(&setup->config);
    const hg_finder_input input = {.hits = &result->prepared->event->hits,
                                   .hit_module = result->prepared->module,
                                   .measurements = result->prepared->measurement,
                                   .detector = setup->detector,
                                   .kalman = &setup->kalman,
                                   .graph = result->doublets->graph,
                                   .doublet_score = result->doublet_score,
                                   .same_layer = result->doublets->same_layer,
                                   .line = result->line,
                                   .line_doublet = result->line_doublet,
                                   .triplet_score = result->triplet_score};

    hg_finder *finder = NULL;

    HG_TRY(hg_finder_create(ctx, &input, &options, &finder));
    HG_TRY(hg_finder_seeds(ctx, finder, &result->seeds));
    hg_end_stage(result, stage, start);
    stage = HG_STAGE_TRACKS;
    start = hg_seconds();
    HG_TRY(hg_finder_tracks(ctx, finder, &result->tracks));
    hg_finder_destroy(ctx, finder);
    finder = NULL;
    hg_end_stage(result, stage, start);
    stage = HG_STAGE_FIT;
    start = hg_seconds();
    HG_TRY(hg_fit_tracks(ctx, &setup->kalman, result->prepared->measurement, result->tracks));
done:
    hg_finder_destroy(ctx, finder);
    hg_end_stage(result, stage, start);
    return status;
}

static hg_status score_by_networks(hg_context *ctx, const hg_setup *setup, const hg_track_models *models, hg_track_result *result)
{
    hg_status status = HG_OK;
    hg_real *nodes = NULL, *edges = NULL;

    HG_TRY(hg_stage_doublet_network(ctx, setup, models->doublet, result));
    HG_TRY(hg_stage_triplet_graph(ctx, setup, result, &nodes, &edges));
    HG_TRY(hg_stage_triplet_network(ctx, setup, models->triplet, nodes, edges, result));
done:
    hg_free(ctx, nodes);
    hg_free(ctx, edges);
    return status;
}

hg_status hg_track_event(hg_context *ctx, const hg_setup *setup, const hg_track_models *models, const hg_event *event,
                         hg_track_result *result)
{
    hg_status status = HG_OK;

    if (setup->config.seeds == HG_SEEDS_CLASSICAL) {
        HG_TRY(hg_stage_classical(ctx, setup, event, result));
    } else {
        HG_TRY(hg_stage_graph(ctx, setup, event, result));
        HG_TRY(setup->config.seeds == HG_SEEDS_GNN ? score_by_networks(ctx, setup, models, result)
                                                   : hg_stage_plain_scores(ctx, setup, result));
    }
    HG_TRY(hg_stage_tracks(ctx, setup, result));
    HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted in event %" PRIu64, event->event_id);
done:
    return status;
}
