/* pipeline/track_graphs.c — see track_graphs.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_graphs.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/doublet_graph.h"

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

hg_status hg_join_doublets(hg_context *ctx, const hg_setup *setup, hg_track_result *result)
{
    hg_status status = HG_OK;
    const hg_doublet_graph *doublets = result->doublets;

    HG_TRY(hg_alloc_unset(ctx, &result->keep, doublets->graph->n_edges));
    for (int64_t e = 0; e < doublets->graph->n_edges; ++e) {
        /* two hits of one layer are too close together to tell a direction: they are no part of a triplet */
        result->keep[e] = !doublets->same_layer[e] && result->doublet_score[e] >= (float)setup->config.doublet_min;
    }
    HG_TRY(hg_line_graph_build(ctx, doublets->graph, result->keep, &result->line_doublet, &result->line));
done:
    return status;
}
