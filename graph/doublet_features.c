/* doublet_features.c — the columns that networks see: the doublet itself, its neighbours, the best chain through it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_features.h"

#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_score.h"
#include "graph/triplet_match.h"

const char *const hg_doublet_node_feature_names[HG_DOUBLET_NODE_FEATURES] = {
    "r", "z", "abs_z", "inner_barrel", "inner_disc", "middle_barrel", "middle_disc", "outer_barrel", "outer_disc"};

const char *const hg_doublet_edge_feature_names[HG_DOUBLET_EDGE_FEATURES] = {"kappa",
                                                                             "abs_kappa",
                                                                             "z0",
                                                                             "abs_z0",
                                                                             "cot",
                                                                             "abs_cot",
                                                                             "dr",
                                                                             "dz",
                                                                             "dphi",
                                                                             "table_score",
                                                                             "r1",
                                                                             "z1",
                                                                             "r2",
                                                                             "z2",
                                                                             "abs_z1",
                                                                             "match_in",
                                                                             "match_out",
                                                                             "match_in_tight",
                                                                             "match_out_tight",
                                                                             "n_in",
                                                                             "n_out",
                                                                             "chain_in",
                                                                             "chain_in_length",
                                                                             "chain_out",
                                                                             "chain_out_length",
                                                                             "same_layer"};

enum { COLUMN_NEIGHBOURS = 15, COLUMN_CHAINS = 21, COLUMN_SAME_LAYER = 25 };
enum { FEW_HITS = 128 }; /* waking a thread costs more than so many hits */
static const float chain_window = 1.5f;

static void fill_node(const hg_doublet_hits *hits, const hg_doublet_map *map, int64_t i, hg_real *out)
{
    int32_t layer = hits->layer[i];
    float r = map->layer_r[layer];
    /* pixels, short and long strips of the common layout; elsewhere simply three shells */
    int shell = r < 200 ? 0 : r < 720 ? 1 : 2;
    out[0] = (hg_real)(hypot(hits->x[i], hits->y[i]) / 500);
    out[1] = (hg_real)(hits->z[i] / 1500);
    out[2] = (hg_real)(fabs(hits->z[i]) / 1500);
    for (int k = 0; k < 6; ++k) out[3 + k] = (hg_real)(k == 2 * shell + (map->layer_barrel[layer] ? 0 : 1));
}

static float clip(float value, float limit)
{
    return fmaxf(-limit, fminf(limit, value));
}

static void fill_own(const hg_point *point, const hg_doublet_graph *d, int64_t e, hg_real *out)
{
    hg_point p1 = point[d->graph->sender[e]], p2 = point[d->graph->receiver[e]];
    float z0 = 0;
    if (!d->same_layer[e]) {
        float half = 0.5f * fabsf(d->kappa[e]);
        float arc = half > 1e-9f ? asinf(fminf(1, half * p1.r)) / half : p1.r;
        z0 = p1.z - arc * d->cot[e];
    }
    float kappa = asinhf(d->kappa[e] / 3e-4f), z = asinhf(z0 / 8) / 1.5f, cot = asinhf(d->cot[e]) / 2;
    float values[COLUMN_NEIGHBOURS] = {kappa,
                                       fabsf(kappa),
                                       z,
                                       fabsf(z),
                                       cot,
                                       fabsf(cot),
                                       (p2.r - p1.r) / 200,
                                       (p2.z - p1.z) / 500,
                                       clip(20 * hg_wrap_phi(p2.phi - p1.phi), 4),
                                       clip(d->table_score[e], 9) / 3,
                                       p1.r / 500,
                                       p1.z / 1500,
                                       p2.r / 500,
                                       p2.z / 1500,
                                       fabsf(p1.z) / 1500};
    for (int k = 0; k < COLUMN_NEIGHBOURS; ++k) out[k] = (hg_real)values[k];
    out[COLUMN_SAME_LAYER] = d->same_layer[e];
}

static void fill_neighbours(const hg_doublet_graph *d, const hg_doublet_neighbours *neighbours, int64_t e, hg_real *out)
{
    const float in = neighbours->best[0][e], after = neighbours->best[1][e];
    int32_t count[2] = {neighbours->count[0][e], neighbours->count[1][e]};
    if (d->same_layer[e]) hg_overlap_neighbours(d, e, count);
    out[0] = (hg_real)expf(-in);
    out[1] = (hg_real)expf(-after);
    out[2] = (hg_real)expf(-4 * in * in);
    out[3] = (hg_real)expf(-4 * after * after);
    out[4] = (hg_real)log1pf((float)count[0]);
    out[5] = (hg_real)log1pf((float)count[1]);
}

/* Value and length of the best chain that ends (or starts) with an edge, without the edge itself. */
typedef struct chain {
    float value, length;
} chain;

static float link_value(const hg_doublet_graph *d, int64_t next, float m)
{
    /* scores count from the threshold: the middle of what passes is neutral */
    return 1 + clip(d->table_score[next] - 3, 4) / 4 - m * m;
}

/* Extends chains through one hit: outward from its incoming to its outgoing edges, or inward the other way round. */
static void extend(const hg_doublet_graph *d, const hg_doublet_neighbours *neighbours, int64_t hit, bool outward, chain *chains)
{
    for (int64_t k = neighbours->link_ptr[hit]; k < neighbours->link_ptr[hit + 1]; ++k) {
        const hg_doublet_link *link = &neighbours->link[k];
        int32_t from = outward ? link->first : link->second, to = outward ? link->second : link->first;
        float value = chains[from].value + link_value(d, from, link->match);
        if (value > chains[to].value) chains[to] = (chain){value, chains[from].length + 1};
    }
}

static hg_status fill_chains(hg_context *ctx, const hg_hit_grid *grid, const hg_doublet_map *map, const hg_doublet_neighbours *neighbours,
                             hg_doublet_graph *d, bool outward)
{
    hg_status status = HG_OK;
    int threads = hg_context_threads(ctx);
    chain *chains = NULL;
    int32_t *order = NULL;
    HG_TRY(hg_alloc(ctx, &chains, d->graph->n_edges));
    HG_TRY(hg_alloc(ctx, &order, map->n_layers));
    hg_doublet_layer_order(map, order);
    for (int32_t k = 0; k < map->n_layers; ++k) {
        int32_t layer = order[outward ? k : map->n_layers - 1 - k];
        int32_t first = grid->layer_first[layer], end = grid->layer_first[layer + 1];
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads) if (end - first > FEW_HITS)
        for (int32_t i = first; i < end; ++i) extend(d, neighbours, grid->hit[i], outward, chains);
    }
    int column = COLUMN_CHAINS + (outward ? 0 : 2);
#pragma omp parallel for num_threads(threads)
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        d->edge_features[e * HG_DOUBLET_EDGE_FEATURES + column] = (hg_real)(chains[e].value / 4);
        d->edge_features[e * HG_DOUBLET_EDGE_FEATURES + column + 1] = (hg_real)(chains[e].length / 4);
    }
done:
    hg_free(ctx, chains);
    hg_free(ctx, order);
    return status;
}

hg_status hg_doublets_fill_features(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                    hg_doublet_graph *d)
{
    hg_status status = HG_OK;
    int threads = hg_context_threads(ctx);
    hg_point *point = NULL; /* [N] by hit row */
    hg_doublet_neighbours neighbours = {0};
    HG_TRY(hg_doublet_neighbours_find(ctx, d, map, chain_window, &neighbours));
    HG_TRY(hg_alloc(ctx, &point, d->graph->n_nodes));
    for (int32_t i = 0; i < grid->n; ++i) point[grid->hit[i]] = hg_grid_point(grid, i);
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < d->graph->n_nodes; ++i) fill_node(hits, map, i, d->node_features + i * HG_DOUBLET_NODE_FEATURES);
#pragma omp parallel for schedule(dynamic, 1024) num_threads(threads)
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        hg_real *out = d->edge_features + e * HG_DOUBLET_EDGE_FEATURES;
        fill_own(point, d, e, out);
        fill_neighbours(d, &neighbours, e, out + COLUMN_NEIGHBOURS);
    }
    HG_TRY(fill_chains(ctx, grid, map, &neighbours, d, true));
    HG_TRY(fill_chains(ctx, grid, map, &neighbours, d, false));
done:
    hg_free(ctx, point);
    hg_doublet_neighbours_clear(ctx, &neighbours);
    return status;
}
