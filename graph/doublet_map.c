/* doublet_map.c — the learned map as an object: choice, check, end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_map.h"

#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_clusters.h"
#include "graph/doublet_score.h"

hg_doublet_options hg_doublet_default_options(void)
{
    return (hg_doublet_options){.mode = HG_DOUBLETS_TABLES,
                                .overlaps = true,
                                .clusters = true,
                                .window_scale = 1,
                                .module_triplets = true,
                                .triplet_window = 1.5,
                                .neighbour_tables = true};
}

hg_doublet_learn_options hg_doublet_default_learn_options(void)
{
    return (hg_doublet_learn_options){.coverage = 0.9990,
                                      .max_pairs = 128,
                                      .search_quantile = 0.9995,
                                      .efficiency = 0.99,
                                      .overlap_efficiency = 0.99,
                                      .triplet_quantile = 0.99,
                                      .box_quantile = 0.995,
                                      .rounds = 3,
                                      .clusters = true,
                                      .neighbour_efficiency = 0};
}

float hg_doublet_target_weight(double pt_gev, int32_t generation, int32_t n_hits)
{
    if (generation > 0 || n_hits < 3 || pt_gev < 0.15) return 0;
    return pt_gev < 0.5 ? 0.5f : pt_gev < 1 ? 1 : 2;
}

hg_status hg_doublet_map_create(hg_context *ctx, int32_t n_layers, int32_t n_pairs, hg_doublet_map **out)
{
    hg_status status = HG_OK;
    hg_doublet_map *map = NULL;
    HG_TRY(hg_alloc(ctx, &map, 1));
    map->n_layers = n_layers;
    map->n_pairs = n_pairs;
    HG_TRY(hg_alloc(ctx, &map->layer_r, n_layers));
    HG_TRY(hg_alloc(ctx, &map->layer_z, n_layers));
    HG_TRY(hg_alloc(ctx, &map->layer_barrel, n_layers));
    HG_TRY(hg_alloc(ctx, &map->layer_hits, n_layers));
    HG_TRY(hg_alloc(ctx, &map->pair, n_pairs));
    HG_TRY(hg_alloc(ctx, &map->bend_z0, (int64_t)n_pairs * HG_BEND_Z0_CELLS));
    HG_TRY(hg_alloc(ctx, &map->c_c, (int64_t)n_pairs * HG_C_C_CELLS));
    HG_TRY(hg_alloc(ctx, &map->triplet_kappa, (int64_t)n_pairs * n_pairs));
    HG_TRY(hg_alloc(ctx, &map->triplet_cot, (int64_t)n_pairs * n_pairs));
    *out = map;
    map = NULL;
done:
    hg_doublet_map_destroy(ctx, map);
    return status;
}

hg_status hg_doublet_map_add_clusters(hg_context *ctx, int32_t n_volumes, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &map->layer_volume, map->n_layers));
    HG_TRY(hg_alloc(ctx, &map->cluster_u, (int64_t)n_volumes * HG_CLUSTER_U_CELLS));
    HG_TRY(hg_alloc(ctx, &map->cluster_v, (int64_t)n_volumes * HG_CLUSTER_V_CELLS));
    map->n_volumes = n_volumes;
done:
    return status;
}

void hg_doublet_map_destroy(hg_context *ctx, hg_doublet_map *map)
{
    if (!map) return;
    hg_free(ctx, map->layer_r);
    hg_free(ctx, map->layer_z);
    hg_free(ctx, map->layer_barrel);
    hg_free(ctx, map->layer_hits);
    hg_free(ctx, map->pair);
    hg_free(ctx, map->bend_z0);
    hg_free(ctx, map->c_c);
    hg_free(ctx, map->triplet_kappa);
    hg_free(ctx, map->triplet_cot);
    hg_free(ctx, map->layer_volume);
    hg_free(ctx, map->cluster_u);
    hg_free(ctx, map->cluster_v);
    hg_free(ctx, map->neighbours);
    hg_free(ctx, map);
}

static hg_status check_pair(hg_context *ctx, const hg_doublet_map *map, int32_t i)
{
    hg_status status = HG_OK;
    const hg_doublet_pair *p = &map->pair[i];
    bool layers = p->inner >= 0 && p->inner < map->n_layers && p->outer >= 0 && p->outer < map->n_layers;
    HG_CHECK(layers, HG_ERR_DATA, "layer pair %" PRId32 ": layers %" PRId32 " and %" PRId32 ", expected 0 .. %" PRId32, i, p->inner,
             p->outer, map->n_layers - 1);
    HG_CHECK(isfinite(p->base) && p->bend_max > 0 && isfinite(p->bend_max), HG_ERR_DATA, "layer pair %" PRId32 ": curvature window %g", i,
             (double)p->bend_max);
    for (int b = 0; b < HG_DOUBLET_Z0_BINS; ++b) {
        HG_CHECK(p->z0_edge[b] <= p->z0_edge[b + 1], HG_ERR_DATA, "layer pair %" PRId32 ": z0 edge %d is not ascending", i, b + 1);
    }
    for (int k = 0; k < 2; ++k) {
        HG_CHECK(p->c_low[k] < p->c_high[k], HG_ERR_DATA, "layer pair %" PRId32 ": bins from %g to %g", i, (double)p->c_low[k],
                 (double)p->c_high[k]);
    }
done:
    return status;
}

static hg_status check_clusters(hg_context *ctx, const hg_doublet_map *map)
{
    hg_status status = HG_OK;
    HG_CHECK(isfinite(map->first_threshold) && isfinite(map->cluster_threshold), HG_ERR_DATA,
             "doublet map: thresholds with clusters %g and %g", (double)map->first_threshold, (double)map->cluster_threshold);
    for (int32_t l = 0; l < map->n_layers; ++l) {
        HG_CHECK(map->layer_volume[l] >= 0 && map->layer_volume[l] < map->n_volumes, HG_ERR_DATA,
                 "doublet map: layer %" PRId32 " is of volume %" PRId32 ", expected 0 .. %" PRId32, l, map->layer_volume[l],
                 map->n_volumes - 1);
    }
done:
    return status;
}

static hg_status check_neighbours(hg_context *ctx, const hg_neighbour_tables *t)
{
    hg_status status = HG_OK;
    const struct {
        const char *name;
        const float *range;
    } axes[] = {{"score", t->axes.score}, {"support", t->axes.support}, {"refined", t->axes.refined}, {"lead", t->axes.lead}};
    for (size_t k = 0; k < sizeof axes / sizeof *axes; ++k) {
        const float *range = axes[k].range;
        HG_CHECK(isfinite(range[0]) && isfinite(range[1]) && range[0] < range[1], HG_ERR_DATA,
                 "doublet map: tables of neighbours: the axis of the %s goes from %g to %g", axes[k].name, (double)range[0],
                 (double)range[1]);
    }
    HG_CHECK(t->link_reach > 0 && isfinite(t->link_reach) && isfinite(t->threshold), HG_ERR_DATA,
             "doublet map: tables of neighbours: reach %g, threshold %g", (double)t->link_reach, (double)t->threshold);
done:
    return status;
}

hg_status hg_doublet_map_check(hg_context *ctx, const hg_doublet_map *map)
{
    hg_status status = HG_OK;
    int32_t *order = NULL;
    for (int32_t i = 0; i < map->n_pairs; ++i) HG_TRY(check_pair(ctx, map, i));
    HG_CHECK(map->table_step > 0 && isfinite(map->threshold) && isfinite(map->overlap_threshold), HG_ERR_DATA,
             "doublet map: table step %g, thresholds %g and %g", (double)map->table_step, (double)map->threshold,
             (double)map->overlap_threshold);
    if (map->n_volumes > 0) HG_TRY(check_clusters(ctx, map));
    if (map->neighbours) HG_TRY(check_neighbours(ctx, map->neighbours));
    HG_TRY(hg_alloc(ctx, &order, map->n_layers));
    hg_doublet_layer_order(map, order);
    HG_CHECK(map->n_layers == 0 || order[map->n_layers - 1] >= 0, HG_ERR_DATA, "doublet map: the layer pairs lead in a circle");
done:
    hg_free(ctx, order);
    return status;
}

bool hg_luminous_nearer(double learned_mm, double than_mm, double sigma_z_mm)
{
    if (!(sigma_z_mm > 0)) return learned_mm > than_mm;
    return fabs(log(learned_mm / sigma_z_mm)) < fabs(log(than_mm / sigma_z_mm));
}

const hg_doublet_map *hg_doublet_map_select(hg_doublet_map *const *maps, int64_t n, double sigma_z_mm)
{
    const hg_doublet_map *best = NULL;
    for (int64_t i = 0; i < n; ++i)
        if (!best || hg_luminous_nearer(maps[i]->sigma_z_mm, best->sigma_z_mm, sigma_z_mm)) best = maps[i];
    return best;
}
