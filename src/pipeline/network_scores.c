/* pipeline/network_scores.c — see network_scores.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/network_scores.h"

#include <math.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "hitgraph/ordered_forward.h"
#include "hitgraph/triplets.h"
#include "nn/model/work.h"
#include "pipeline/node_order.h"
#include "pipeline/track_graphs.h"

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

    HG_TRY(hg_alloc_unset(ctx, &raw, n));
    HG_TRY(hg_model_forward_ordered(ctx, model, batch, order, &(hg_outputs){.edges = raw}));
    for (int64_t e = 0; e < n; ++e) {
        score[e] = probability((float)raw[e]);
        if (logit) logit[e] = (float)raw[e];
    }
done:
    hg_free(ctx, raw);
    return status;
}

static hg_network_flops flops_of(const hg_model *model, const hg_graph *graph)
{
    hg_work pass[HG_WORK_PASSES];
    const hg_work_size size = {.n_nodes = graph->n_nodes, .n_edges = graph->n_edges, .n_graphs = 1, .number_bytes = sizeof(float)};
    hg_work_count(model, &size, pass);
    return (hg_network_flops){pass[HG_WORK_FORWARD].nominal_flops, pass[HG_WORK_FORWARD].flops};
}

hg_status hg_stage_doublet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, hg_track_result *result)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    const hg_doublet_graph *doublets = result->doublets;
    const hg_batch batch = {.graph = doublets->graph, .nodes = doublets->node_features, .edges = doublets->edge_features};
    hg_order *order = NULL;

    HG_TRY(hg_hit_order(ctx, &setup->config, result, &order));
    HG_TRY(hg_alloc_unset(ctx, &result->doublet_score, doublets->graph->n_edges));
    HG_TRY(hg_alloc_unset(ctx, &result->doublet_logit, doublets->graph->n_edges));
    HG_TRY(score_edges(ctx, model, &batch, order, result->doublet_logit, result->doublet_score));
    result->work.doublet = flops_of(model, doublets->graph);
done:
    hg_order_destroy(ctx, order);
    hg_end_stage(result, HG_STAGE_DOUBLET_GNN, start);
    return status;
}

hg_status hg_stage_triplet_graph(hg_context *ctx, const hg_setup *setup, hg_track_result *result, hg_real **nodes, hg_real **edges)
{
    hg_status status = HG_OK;
    const double start = hg_seconds();
    const hg_doublet_graph *doublets = result->doublets;
    hg_real *node_features = NULL, *edge_features = NULL;

    HG_TRY(hg_join_doublets(ctx, setup, result));
    HG_TRY(hg_alloc_unset(ctx, &node_features, result->line->n_nodes * HG_TRIPLET_NODE_FEATURES));
    HG_TRY(hg_alloc_unset(ctx, &edge_features, result->line->n_edges * HG_TRIPLET_EDGE_FEATURES));
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
    HG_TRY(hg_alloc_unset(ctx, &result->triplet_score, result->line->n_edges));
    HG_TRY(score_edges(ctx, model, &batch, order, NULL, result->triplet_score));
    result->work.triplet = flops_of(model, result->line);
done:
    hg_order_destroy(ctx, order);
    hg_end_stage(result, HG_STAGE_TRIPLET_GNN, start);
    return status;
}
