/* neighbour_fit.c — the tables of neighbours and rivals, learned from the candidates that all other tables accept. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_learn.h"
#include "graph/neighbour_tables.h"

/* The candidates of one event. All owned. */
typedef struct event_candidates {
    hg_hit_grid *grid;
    hg_candidates list;
    hg_incoming_index in;
    hg_neighbour_scores scores;
    float offset;
} event_candidates;

static hg_status find_candidates(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, event_candidates *e)
{
    hg_status status = HG_OK;
    const hg_doublet_options options = {.mode = HG_DOUBLETS_TABLES, .clusters = true};
    e->offset = hg_candidate_offset(map, hits, &options);
    HG_TRY(hg_hit_grid_create(ctx, hits, &e->grid));
    HG_TRY(hg_candidates_create(ctx, hits, e->grid, map, &options, &e->list));
    HG_TRY(hg_incoming_create(ctx, map, &e->list, &e->in));
done:
    return status;
}

static void release_candidates(hg_context *ctx, event_candidates *e)
{
    hg_hit_grid_destroy(ctx, e->grid);
    hg_candidates_release(ctx, &e->list);
    hg_incoming_release(ctx, &e->in);
    hg_neighbour_scores_release(ctx, &e->scores);
}

hg_status hg_neighbour_tables_create(hg_context *ctx, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &map->neighbours, 1));
    map->neighbours->axes = (hg_neighbour_axes){.score = {-6, 6}, .support = {-8, 8}, .refined = {-6, 6}, .lead = {-8, 8}};
    map->neighbours->link_reach = 6;
done:
    return status;
}

/* ---- links ---- */

/* Counts the links at hit i. kind: [n candidates]. Links of true doublets of other particles are left out. */
static void count_links(const hg_doublet_map *map, const hg_doublet_truth *truth, const event_candidates *e, const int8_t *kind, int64_t i,
                        hg_link_counts *counts)
{
    const float reach = map->neighbours->link_reach;
    for (int64_t a = e->in.first[i]; a < e->in.first[i + 1]; ++a) {
        const hg_incoming *first = &e->in.doublet[a];
        for (int64_t b = e->list.first[i]; b < e->list.first[i + 1]; ++b) {
            const hg_scored_doublet *second = &e->list.doublet[b];
            const int32_t at = first->pair * map->n_pairs + second->pair;
            const float bend = fabsf(hg_kappa_units(first->kappa, second->kappa, map->triplet_kappa[at]));
            const float slope = fabsf(hg_cot_units(first->cot, second->cot, map->triplet_cot[at]));
            if (!(bend < reach && slope < reach)) continue;
            const int32_t cell = hg_link_cell(bend, slope, reach);
            const int both = kind[first->candidate] * kind[b];
            if (both == 0) ++counts->background[cell];
            if (both > 0 && kind[b] > 0)
                counts->target[cell] += (uint64_t)lrintf((float)HG_WEIGHT_UNIT * truth->weight[truth->particle[i]]);
        }
    }
}

hg_status hg_link_counts_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                             hg_link_counts *counts)
{
    hg_status status = HG_OK;
    event_candidates e = {0};
    int8_t *kind = NULL;
    HG_TRY(find_candidates(ctx, map, hits, &e));
    HG_TRY(hg_alloc_unset(ctx, &kind, e.list.n));
    for (int64_t k = 0; k < e.list.n; ++k)
        kind[k] = (int8_t)hg_doublet_kind(truth, false, e.list.doublet[k].sender, e.list.doublet[k].receiver);
#pragma omp parallel num_threads(hg_context_threads(ctx))
    {
        hg_link_counts own = {{0}, {0}};
#pragma omp for schedule(dynamic, 256)
        for (int64_t i = 0; i < e.list.n_hits; ++i) count_links(map, truth, &e, kind, i, &own);
#pragma omp critical /* whole numbers: their sum does not depend on the order */
        for (int k = 0; k < HG_LINK_CELLS; ++k) {
            counts->background[k] += own.background[k];
            counts->target[k] += own.target[k];
        }
    }
done:
    release_candidates(ctx, &e);
    hg_free(ctx, kind);
    return status;
}

void hg_links_fit(const hg_link_counts *counts, hg_doublet_map *map)
{
    double background = 0, target = 0;
    for (int k = 0; k < HG_LINK_CELLS; ++k) {
        background += (double)counts->background[k] + 0.5;
        target += (double)counts->target[k] / HG_WEIGHT_UNIT + 0.5;
    }
    for (int k = 0; k < HG_LINK_CELLS; ++k) {
        const double of_target = ((double)counts->target[k] / HG_WEIGHT_UNIT + 0.5) / target;
        const double of_background = ((double)counts->background[k] + 0.5) / background;
        map->neighbours->link[k] = hg_table_quantised(log(of_target / of_background));
    }
}

/* ---- neighbours and rivals ---- */

hg_status hg_neighbour_sample_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                                  bool rivals, hg_neighbour_sample *sample)
{
    hg_status status = HG_OK;
    const hg_neighbour_axes *axes = &map->neighbours->axes;
    event_candidates e = {0};
    HG_TRY(find_candidates(ctx, map, hits, &e));
    HG_TRY(hg_neighbours_support(ctx, map, e.offset, &e.list, &e.in, &e.scores));
    if (rivals) HG_TRY(hg_neighbours_refine(ctx, map, e.offset, &e.list, &e.in, &e.scores));
    HG_TRY(hg_grow(ctx, &sample->candidate, sample->n, sample->n + e.list.n));
    for (int64_t k = 0; k < e.list.n; ++k) {
        const hg_scored_doublet *d = &e.list.doublet[k];
        const int kind = hg_doublet_kind(truth, false, d->sender, d->receiver);
        if (kind < 0) continue;
        const float score = rivals ? e.scores.refined[k] : d->score + e.offset;
        const int32_t cell = rivals ? hg_rival_cell(axes, &e.scores, k) : hg_neighbour_cell(axes, &e.scores, score, k);
        sample->candidate[sample->n++] =
            (hg_neighbour_candidate){.cell = cell, .score = score, .weight = kind > 0 ? truth->weight[truth->particle[d->sender]] : 0};
    }
done:
    release_candidates(ctx, &e);
    return status;
}

void hg_neighbour_sample_release(hg_context *ctx, hg_neighbour_sample *sample)
{
    hg_free(ctx, sample->candidate);
    *sample = (hg_neighbour_sample){0};
}

/* Sums over the cells while a table is fitted. */
typedef struct fit {
    double table[HG_NEIGHBOUR_CELLS], target[HG_NEIGHBOUR_CELLS], expected[HG_NEIGHBOUR_CELLS];
} fit;

static void correct_table(fit *f, const hg_neighbour_sample *sample)
{
    for (int k = 0; k < HG_NEIGHBOUR_CELLS; ++k) f->target[k] = f->expected[k] = 0;
    for (int64_t k = 0; k < sample->n; ++k) {
        const hg_neighbour_candidate *c = &sample->candidate[k];
        f->target[c->cell] += (double)c->weight;
        f->expected[c->cell] += (c->weight > 0 ? (double)c->weight : 1) / (1 + exp(-(double)c->score - f->table[c->cell]));
    }
    for (int k = 0; k < HG_NEIGHBOUR_CELLS; ++k) f->table[k] += hg_table_correction(f->target[k], f->expected[k]);
}

hg_status hg_neighbour_table_fit(hg_context *ctx, int rounds, const hg_neighbour_sample *sample, int8_t *table)
{
    hg_status status = HG_OK;
    fit *f = NULL;
    HG_TRY(hg_alloc(ctx, &f, 1));
    for (int round = 0; round < rounds; ++round) correct_table(f, sample);
    for (int k = 0; k < HG_NEIGHBOUR_CELLS; ++k) table[k] = hg_table_quantised(f->table[k]);
done:
    hg_free(ctx, f);
    return status;
}

hg_status hg_neighbour_threshold_find(hg_context *ctx, double wanted, const hg_neighbour_sample *sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    double *histogram = NULL;
    HG_TRY(hg_alloc(ctx, &histogram, HG_SCORE_BINS));
    for (int64_t k = 0; k < sample->n; ++k) {
        const hg_neighbour_candidate *c = &sample->candidate[k];
        const float final = c->score + map->table_step * (float)map->neighbours->rivals[c->cell];
        if (c->weight > 0) hg_score_histogram_add(histogram, final, (double)c->weight);
    }
    map->neighbours->threshold = hg_score_histogram_threshold(histogram, wanted);
done:
    hg_free(ctx, histogram);
    return status;
}
