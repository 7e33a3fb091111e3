/* doublet_cluster_fit.c — the tables of cluster shapes by back-fitting, on top of the tables of positions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_clusters.h"
#include "graph/doublet_learn.h"
#include "graph/doublet_map.h"
#include "graph/doublet_search.h"

hg_status hg_cluster_sample_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                                hg_cluster_sample *sample)
{
    hg_status status = HG_OK;
    hg_hit_grid *grid = NULL;
    hg_cluster_hit *cluster = NULL;
    hg_candidates list = {0};
    hg_doublet_map loose = *map;
    const hg_doublet_options options = {.mode = HG_DOUBLETS_TABLES};

    loose.threshold = map->first_threshold;
    HG_TRY(hg_hit_grid_create(ctx, hits, &grid));
    HG_TRY(hg_candidates_create(ctx, hits, grid, &loose, &options, &list));
    HG_TRY(hg_cluster_hits_create(ctx, hits, map->layer_volume, &cluster));
    HG_TRY(hg_grow(ctx, &sample->candidate, sample->n, sample->n + list.n));
    for (int64_t k = 0; k < list.n; ++k) {
        const hg_scored_doublet *d = &list.doublet[k];
        int kind = hg_doublet_kind(truth, false, d->sender, d->receiver);
        if (kind < 0) continue;
        int32_t u[2], v[2];
        hg_cluster_cells(&cluster[d->sender], &cluster[d->receiver], d->kappa, d->cot, u, v);
        sample->candidate[sample->n++] = (hg_cluster_candidate){.u = {(uint16_t)u[0], (uint16_t)u[1]},
                                                                .v = {(uint16_t)v[0], (uint16_t)v[1]},
                                                                .score = d->score + map->first_threshold,
                                                                .weight = kind > 0 ? truth->weight[truth->particle[d->sender]] : 0};
    }
done:
    hg_hit_grid_destroy(ctx, grid);
    hg_free(ctx, cluster);
    hg_candidates_release(ctx, &list);
    return status;
}

void hg_cluster_sample_release(hg_context *ctx, hg_cluster_sample *sample)
{
    hg_free(ctx, sample->candidate);
    *sample = (hg_cluster_sample){0};
}

/* Tables while they are fitted, and sums over their cells: [cells of u, then of v]. */
typedef struct fit {
    int64_t n_u, n_v;
    double *table, *target, *expected;
} fit;

static double score_of(const fit *f, const hg_cluster_candidate *c)
{
    const double *u = f->table, *v = f->table + f->n_u;
    return (double)c->score + u[c->u[0]] + u[c->u[1]] + v[c->v[0]] + v[c->v[1]];
}

/* One table's cells: a doublet has its weight in two of them, so that steps are halved. */
static void correct_table(const fit *f, const hg_cluster_sample *sample, bool of_v)
{
    const int64_t first = of_v ? f->n_u : 0, end = first + (of_v ? f->n_v : f->n_u);
    for (int64_t k = first; k < end; ++k) f->target[k] = f->expected[k] = 0;
    for (int64_t k = 0; k < sample->n; ++k) {
        const hg_cluster_candidate *c = &sample->candidate[k];
        const uint16_t *cell = of_v ? c->v : c->u;
        double expected = (c->weight > 0 ? (double)c->weight : 1) / (1 + exp(-score_of(f, c)));
        for (int side = 0; side < 2; ++side) {
            f->target[first + cell[side]] += (double)c->weight;
            f->expected[first + cell[side]] += expected;
        }
    }
    for (int64_t k = first; k < end; ++k) f->table[k] += 0.5 * hg_table_correction(f->target[k], f->expected[k]);
}

/* From the tables as the map holds them. */
static float find_threshold(const hg_cluster_sample *sample, const hg_doublet_map *map, double wanted, double *histogram)
{
    for (int64_t k = 0; k < sample->n; ++k) {
        const hg_cluster_candidate *c = &sample->candidate[k];
        int32_t sum = map->cluster_u[c->u[0]] + map->cluster_u[c->u[1]] + map->cluster_v[c->v[0]] + map->cluster_v[c->v[1]];
        if (c->weight > 0) hg_score_histogram_add(histogram, c->score + map->table_step * (float)sum, (double)c->weight);
    }
    return hg_score_histogram_threshold(histogram, wanted);
}

hg_status hg_cluster_tables_fit(hg_context *ctx, int rounds, double wanted, const hg_cluster_sample *sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    fit f = {.n_u = (int64_t)map->n_volumes * HG_CLUSTER_U_CELLS, .n_v = (int64_t)map->n_volumes * HG_CLUSTER_V_CELLS};
    double *histogram = NULL;
    HG_TRY(hg_alloc(ctx, &f.table, f.n_u + f.n_v));
    HG_TRY(hg_alloc(ctx, &f.target, f.n_u + f.n_v));
    HG_TRY(hg_alloc(ctx, &f.expected, f.n_u + f.n_v));
    HG_TRY(hg_alloc(ctx, &histogram, HG_SCORE_BINS));
    for (int round = 0; round < 2 * rounds; ++round) {
        for (int table = 0; table < 2; ++table) correct_table(&f, sample, table == 1);
    }
    for (int64_t k = 0; k < f.n_u; ++k) map->cluster_u[k] = hg_table_quantised(f.table[k]);
    for (int64_t k = 0; k < f.n_v; ++k) map->cluster_v[k] = hg_table_quantised(f.table[f.n_u + k]);
    map->cluster_threshold = find_threshold(sample, map, wanted, histogram);
done:
    hg_free(ctx, f.table);
    hg_free(ctx, f.target);
    hg_free(ctx, f.expected);
    hg_free(ctx, histogram);
    return status;
}
