/* doublet_graph.c — from hits to the doublet graph: search, consistency, features, labels. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_graph.h"

#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_features.h"
#include "graph/doublet_prune.h"
#include "graph/doublet_search.h"

static hg_status check_map(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map)
{
    hg_status status = HG_OK;
    HG_CHECK(hits->n_layers == map->n_layers, HG_ERR_MODEL,
             "the doublet map is of a detector with %" PRId32 " layers, this one has %" PRId32, map->n_layers, hits->n_layers);
    for (int32_t l = 0; l < map->n_layers; ++l) {
        HG_CHECK(!hits->layer_barrel[l] == !map->layer_barrel[l], HG_ERR_MODEL,
                 "the doublet map is of another detector: there layer %" PRId32 " is a %s", l, map->layer_barrel[l] ? "barrel" : "disc");
    }
done:
    return status;
}

/* The graph of all candidates, without features. */
static hg_status create_from(hg_context *ctx, int64_t n_hits, const hg_candidates *c, const hg_doublet_map *map, hg_doublet_graph **out)
{
    hg_status status = HG_OK;
    hg_doublet_graph *d = NULL;
    int32_t *sender = NULL, *receiver = NULL;
    int threads = hg_context_threads(ctx);
    HG_TRY(hg_alloc_unset(ctx, &sender, c->n));
    HG_TRY(hg_alloc_unset(ctx, &receiver, c->n));
#pragma omp parallel for num_threads(threads)
    for (int64_t k = 0; k < c->n; ++k) {
        sender[k] = c->doublet[k].sender;
        receiver[k] = c->doublet[k].receiver;
    }
    HG_TRY(hg_alloc(ctx, &d, 1));
    HG_TRY(hg_graph_create(ctx, n_hits, c->n, sender, receiver, 1, NULL, &d->graph));
    HG_TRY(hg_alloc_unset(ctx, &d->table_score, c->n));
    HG_TRY(hg_alloc_unset(ctx, &d->same_layer, c->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &d->pair, c->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &d->kappa, c->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &d->cot, c->n + HG_GRID_LANES));
#pragma omp parallel for num_threads(threads)
    for (int64_t e = 0; e < c->n; ++e) {
        const hg_scored_doublet *from = &c->doublet[d->graph->caller_edge[e]];
        d->pair[e] = from->pair;
        d->table_score[e] = from->score;
        d->same_layer[e] = map->pair[from->pair].inner == map->pair[from->pair].outer;
        d->kappa[e] = from->kappa;
        d->cot[e] = from->cot;
    }
    for (int64_t e = c->n; e < c->n + HG_GRID_LANES; ++e) {
        d->pair[e] = 0;
        d->same_layer[e] = 0;
        d->kappa[e] = d->cot[e] = 0;
    }
    *out = d;
    d = NULL;
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_doublet_graph_destroy(ctx, d);
    return status;
}

hg_status hg_grid_doublet_graph_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                       const hg_doublet_options *options, hg_doublet_graph **out)
{
    hg_status status = HG_OK;
    hg_doublet_options defaults = hg_doublet_default_options();
    hg_candidates candidates = {0};
    hg_doublet_graph *d = NULL;
    if (!options) options = &defaults;

    HG_TRY(check_map(ctx, hits, map));
    HG_TRY(hg_candidates_create(ctx, hits, grid, map, options, &candidates));
    HG_TRY(hg_candidates_prune(ctx, hits, map, options, &candidates));
    HG_TRY(create_from(ctx, hits->n, &candidates, map, &d));

    HG_TRY(hg_alloc_unset(ctx, &d->node_features, d->graph->n_nodes * HG_DOUBLET_NODE_FEATURES));
    HG_TRY(hg_alloc_unset(ctx, &d->edge_features, d->graph->n_edges * HG_DOUBLET_EDGE_FEATURES));
    HG_TRY(hg_doublets_fill_features(ctx, hits, grid, map, d));
    *out = d;
    d = NULL;
done:
    hg_candidates_release(ctx, &candidates);
    hg_doublet_graph_destroy(ctx, d);
    return status;
}

hg_status hg_doublet_graph_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map,
                                  const hg_doublet_options *options, hg_doublet_graph **out)
{
    hg_status status = HG_OK;
    hg_hit_grid *grid = NULL;
    HG_TRY(check_map(ctx, hits, map));
    HG_TRY(hg_hit_grid_create(ctx, hits, &grid));
    HG_TRY(hg_grid_doublet_graph_create(ctx, hits, grid, map, options, out));
done:
    hg_hit_grid_destroy(ctx, grid);
    return status;
}

void hg_doublet_graph_destroy(hg_context *ctx, hg_doublet_graph *d)
{
    if (!d) return;
    hg_graph_destroy(ctx, d->graph);
    hg_free(ctx, d->node_features);
    hg_free(ctx, d->edge_features);
    hg_free(ctx, d->table_score);
    hg_free(ctx, d->same_layer);
    hg_free(ctx, d->pair);
    hg_free(ctx, d->kappa);
    hg_free(ctx, d->cot);
    hg_free(ctx, d);
}

void hg_doublet_labels(const hg_doublet_graph *d, const hg_doublet_truth *truth, uint8_t *label, float *weight)
{
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        int32_t i = d->graph->sender[e], j = d->graph->receiver[e];
        int32_t particle = truth->particle[i];
        bool together = particle >= 0 && truth->particle[j] == particle;
        int32_t step = truth->layer_rank[j] - truth->layer_rank[i];
        bool overlap = step == 0 && truth->module_rank[j] != truth->module_rank[i];
        label[e] = together && (d->same_layer[e] ? overlap : step == 1);
        if (weight) weight[e] = label[e] ? truth->weight[particle] : 0;
    }
}
