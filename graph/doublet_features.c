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

enum { MANY_EDGES = 16384 }; /* threads that wait for each other at every layer take longer with fewer */
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

static float link_value(const hg_doublet_graph *d, int64_t next, float m)
{
    /* scores count from the threshold: the middle of what passes is neutral */
    return 1 + fmaxf(-4, fminf(4, d->table_score[next] - 3)) / 4 - m * m;
}

/* Extends chains through one hit: outward from its incoming to its outgoing edges, or inward the other way round. */
static void extend(const hg_doublet_graph *d, const hg_doublet_neighbours *neighbours, int64_t hit, bool outward, hg_chain *chains)
{
    const hg_doublet_link *links = neighbours->link[hit];
    for (int64_t k = 0; k < neighbours->n_links[hit]; ++k) {
        int32_t from = outward ? links[k].first : links[k].second, to = outward ? links[k].second : links[k].first;
        float value = chains[from].value + link_value(d, from, links[k].match);
        if (value > chains[to].value) chains[to] = (hg_chain){value, chains[from].length + 1};
    }
}

/* Layer after layer, outward with the first ones and inward with the last ones at the same time. chain: [E] each, zeroed. */
static void find_chains(const hg_hit_grid *grid, const int32_t *order, const hg_doublet_neighbours *neighbours, const hg_doublet_graph *d,
                        int threads, hg_chain *const chain[2])
{
#pragma omp parallel num_threads(threads) if (d->graph->n_edges > MANY_EDGES)
    for (int32_t k = 0; k < grid->n_layers; ++k) {
        const int32_t outer = order[k], inner = order[grid->n_layers - 1 - k];
#pragma omp for schedule(dynamic, 128) nowait
        for (int32_t i = grid->layer_first[outer]; i < grid->layer_first[outer + 1]; ++i)
            extend(d, neighbours, grid->hit[i], true, chain[0]);
#pragma omp for schedule(dynamic, 128)
        for (int32_t i = grid->layer_first[inner]; i < grid->layer_first[inner + 1]; ++i)
            extend(d, neighbours, grid->hit[i], false, chain[1]);
    }
}

/* All columns, of nodes and of edges. */
static void fill_columns(const hg_doublet_hits *hits, const hg_doublet_map *map, const hg_feature_inputs *in,
                         const hg_doublet_kernels *kernels, int threads, hg_doublet_graph *d)
{
    const int64_t n_nodes = d->graph->n_nodes, n_edges = d->graph->n_edges;
#pragma omp parallel num_threads(threads) if (n_edges > HG_FEW_EDGES)
    {
#pragma omp for nowait
        for (int64_t i = 0; i < n_nodes; ++i) fill_node(hits, map, i, d->node_features + i * HG_DOUBLET_NODE_FEATURES);
#pragma omp for
        for (int64_t first = 0; first < n_edges; first += HG_GRID_LANES) {
            const int64_t left = n_edges - first;
            kernels->features(in, first, left < HG_GRID_LANES ? (int32_t)left : HG_GRID_LANES,
                              d->edge_features + first * HG_DOUBLET_EDGE_FEATURES);
        }
    }
}

hg_status hg_doublets_fill_features(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                    hg_doublet_graph *d)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    hg_feature_point *point = NULL;
    hg_doublet_neighbours neighbours = {0};
    hg_chain *chain[2] = {NULL, NULL};
    int32_t *order = NULL;
    HG_TRY(hg_doublet_neighbours_find(ctx, d, map, chain_window, &neighbours));
    HG_TRY(hg_alloc_unset(ctx, &point, d->graph->n_nodes));
#pragma omp parallel for num_threads(threads) if (d->graph->n_edges > HG_FEW_EDGES)
    for (int64_t i = 0; i < grid->n; ++i) point[grid->hit[i]] = (hg_feature_point){grid->r[i], grid->z[i], grid->phi[i]};
    HG_TRY(hg_alloc(ctx, &order, map->n_layers));
    hg_doublet_layer_order(map, order);
    for (int side = 0; side < 2; ++side) HG_TRY(hg_alloc(ctx, &chain[side], d->graph->n_edges));
    find_chains(grid, order, &neighbours, d, threads, chain);
    hg_feature_inputs in = {.doublets = d,
                            .point = point,
                            .best = {neighbours.best[0], neighbours.best[1]},
                            .count = {neighbours.count[0], neighbours.count[1]},
                            .chain = {chain[0], chain[1]}};
    for (int k = 0; k < HG_LOGS; ++k) in.log_1_plus[k] = log1pf((float)k);
    fill_columns(hits, map, &in, grid->kernels, threads, d);
done:
    hg_free(ctx, point);
    hg_free(ctx, order);
    for (int side = 0; side < 2; ++side) hg_free(ctx, chain[side]);
    hg_doublet_neighbours_clear(ctx, &neighbours);
    return status;
}
