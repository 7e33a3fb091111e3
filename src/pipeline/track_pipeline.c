/* pipeline/track_pipeline.c — the stages of the main job in order, with seconds and memory of each. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_pipeline.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/doublet_graph.h"
#include "hitgraph/ordered_forward.h"
#include "hitgraph/triplets.h"
#include "pipeline/classical_seeding.h"
#include "pipeline/node_order.h"
#include "pipeline/plain_scores.h"

const char *const hg_stage_names[HG_N_STAGES] = {"read",  "graph",  "doublet_gnn", "triplet_graph", "triplet_gnn",
                                                 "seeds", "tracks", "fit",         "write"};

void hg_end_stage(hg_track_result *result, hg_stage stage, double start)
{
    result->seconds[stage] += hg_seconds() - start;
    result->peak_rss[stage] = hg_peak_rss();
}

hg_status hg_find_luminous_length(hg_context *ctx, const hg_setup *setup, const hg_hit_grid *grid, hg_track_result *result)
{
    result->sigma_z_mm = setup->config.sigma_z_mm;
    if (result->sigma_z_mm > 0) return HG_OK;
    return grid ? hg_grid_luminous_sigma_z(ctx, grid, &result->sigma_z_mm)
                : hg_luminous_sigma_z(ctx, &result->prepared->hits, &result->sigma_z_mm);
}

static hg_status choose_map(hg_context *ctx, const hg_setup *setup, const hg_hit_grid *grid, hg_track_result *result)
{
    hg_status status = HG_OK;
    HG_TRY(hg_find_luminous_length(ctx, setup, grid, result));
    result->map = hg_doublet_map_select(setup->map, setup->n_maps, result->sigma_z_mm);
    HG_CHECK(result->map, HG_ERR_MODEL, "%s: holds no map", setup->config.map);
    hg_log(ctx, HG_LOG_INFO, "event %" PRIu64 ": luminous length %.1f mm%s, map for %.1f mm", result->event_id, result->sigma_z_mm,
           setup->config.sigma_z_mm > 0 ? "" : " by its hits", result->map->sigma_z_mm);
done:
    return status;
}

hg_doublet_options hg_setup_doublets(const hg_setup *setup, double sigma_z_mm)
{
    hg_doublet_options options = hg_track_config_doublets(&setup->config);
    options.modules = hg_module_maps_select(&setup->modules, sigma_z_mm);
    return options;
}

hg_status hg_stage_graph(hg_context *ctx, const hg_setup *setup, const hg_event *event, hg_track_result *result)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    hg_hit_grid *grid = NULL;

    result->event_id = event->event_id;
    HG_TRY(hg_prepare_event(ctx, event, setup->detector, setup->calibration, &result->prepared));
    HG_TRY(hg_hit_grid_create(ctx, &result->prepared->hits, &grid));
    HG_TRY(choose_map(ctx, setup, grid, result));
    const hg_doublet_options options = hg_setup_doublets(setup, result->sigma_z_mm);
    HG_TRY(hg_grid_doublet_graph_create(ctx, &result->prepared->hits, grid, result->map, &options, &result->doublets));
done:
    hg_hit_grid_destroy(ctx, grid);
    hg_end_stage(result, HG_STAGE_GRAPH, start);
    return status;
}

static float probability(float logit)
{
    return 1.0f / (1.0f + expf(-logit));
}

static hg_status score_edges(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_order *order, float *logit,
                             float *score)
{
    hg_status status = HG_OK;
    const int64_t n = batch->graph->n_edges;
    hg_real *raw = NULL;

    HG_TRY(hg_alloc(ctx, &raw, n));
    HG_TRY(hg_model_forward_ordered(ctx, model, batch, order, &(hg_outputs){.edges = raw}));
    for (int64_t e = 0; e < n; ++e) {
        score[e] = probability((float)raw[e]);
        if (logit) logit[e] = (float)raw[e];
    }
done:
    hg_free(ctx, raw);
    return status;
}

hg_status hg_stage_doublet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, hg_track_result *result)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    const hg_doublet_graph *doublets = result->doublets;
    const hg_batch batch = {.graph = doublets->graph, .nodes = doublets->node_features, .edges = doublets->edge_features};
    hg_order *order = NULL;

    HG_TRY(hg_hit_order(ctx, &setup->config, result, &order));
    HG_TRY(hg_alloc(ctx, &result->doublet_score, doublets->graph->n_edges));
    HG_TRY(hg_alloc(ctx, &result->doublet_logit, doublets->graph->n_edges));
    HG_TRY(score_edges(ctx, model, &batch, order, result->doublet_logit, result->doublet_score));
done:
    hg_order_destroy(ctx, order);
    hg_end_stage(result, HG_STAGE_DOUBLET_GNN, start);
    return status;
}

hg_status hg_join_doublets(hg_context *ctx, const hg_setup *setup, hg_track_result *result)
{
    hg_status status = HG_OK;
    const hg_doublet_graph *doublets = result->doublets;

    HG_TRY(hg_alloc(ctx, &result->keep, doublets->graph->n_edges));
    for (int64_t e = 0; e < doublets->graph->n_edges; ++e) {
        /* two hits of one layer are too close together to tell a direction: they are no part of a triplet */
        result->keep[e] = !doublets->same_layer[e] && result->doublet_score[e] >= (float)setup->config.doublet_min;
    }
    HG_TRY(hg_line_graph_build(ctx, doublets->graph, result->keep, &result->line_doublet, &result->line));
done:
    return status;
}

hg_status hg_stage_triplet_graph(hg_context *ctx, const hg_setup *setup, hg_track_result *result, hg_real **nodes, hg_real **edges)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    const hg_doublet_graph *doublets = result->doublets;
    hg_real *node_features = NULL, *edge_features = NULL;

    HG_TRY(hg_join_doublets(ctx, setup, result));
    HG_TRY(hg_alloc(ctx, &node_features, result->line->n_nodes * HG_TRIPLET_NODE_FEATURES));
    HG_TRY(hg_alloc(ctx, &edge_features, result->line->n_edges * HG_TRIPLET_EDGE_FEATURES));
    HG_TRY(hg_triplet_features(ctx, &result->prepared->hits, doublets, result->map, result->doublet_logit, result->line,
                               result->line_doublet, node_features, edge_features));
    *nodes = node_features;
    *edges = edge_features;
    node_features = edge_features = NULL;
done:
    hg_free(ctx, node_features);
    hg_free(ctx, edge_features);
    hg_end_stage(result, HG_STAGE_TRIPLET_GRAPH, start);
    return status;
}

hg_status hg_stage_triplet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, const hg_real *nodes,
                                   const hg_real *edges, hg_track_result *result)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    const hg_batch batch = {.graph = result->line, .nodes = nodes, .edges = edges};
    hg_order *order = NULL;

    HG_TRY(hg_doublet_order(ctx, &setup->config, result, &order));
    HG_TRY(hg_alloc(ctx, &result->triplet_score, result->line->n_edges));
    HG_TRY(score_edges(ctx, model, &batch, order, NULL, result->triplet_score));
done:
    hg_order_destroy(ctx, order);
    hg_end_stage(result, HG_STAGE_TRIPLET_GNN, start);
    return status;
}

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
