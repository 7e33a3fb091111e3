/* doublet_fit.c — additive log-likelihood tables by back-fitting, and the thresholds that keep a given share of true doublets. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Score = base[pair] + T1[pair][bend, z0] + T2[pair][c1, c2]. Each round corrects each cell by
 * log((sum of target weights + 1) / (sum of weights times sigmoid(score) + 1)): the additive logistic fit. */
#include "graph/doublet_learn.h"

#include <math.h>
#include <omp.h>
#include "base/check.h"
#include "base/memory.h"

static const double largest_delta = 4;
static const float table_step = 0.1f, score_low = -20, score_high = 20;
static const double first_loss = 0.75;     /* share of the loss left to the first tables when clusters are judged too */
static const float highest_threshold = -1; /* what is true one time in four is kept, however rare that is among true doublets */

int hg_doublet_kind(const hg_doublet_truth *t, bool overlap, int32_t i, int32_t j)
{
    int32_t particle = t->particle[i];
    if (particle < 0 || t->particle[j] != particle) return 0;
    int32_t step = t->layer_rank[j] - t->layer_rank[i];
    bool is_true = overlap ? step == 0 && t->module_rank[i] != t->module_rank[j] : step == 1;
    if (!is_true) return 0;
    return t->weight[particle] > 0 ? 1 : -1;
}

static void count_pair(const hg_doublet_map *map, const hg_hit_grid *g, const hg_doublet_truth *truth, int32_t pair, int32_t *found,
                       hg_candidate_counts *counts)
{
    const hg_doublet_pair *p = &map->pair[pair];
    bool overlap = p->inner == p->outer;
    int64_t base = (int64_t)pair * HG_BEND_Z0_CELLS * HG_C_C_CELLS;
    for (int32_t i = g->layer_first[p->inner]; i < g->layer_first[p->inner + 1]; ++i) {
        int32_t n = hg_doublet_search(map, g, pair, i, found);
        hg_point p1 = hg_grid_point(g, i);
        for (int32_t k = 0; k < n; ++k) {
            int32_t j = found[k], bend_z0, c_c;
            if (overlap && g->module[i] == g->module[j]) continue;
            hg_point p2 = hg_grid_point(g, j);
            hg_doublet_values v;
            if (!hg_doublet_measure(overlap, g->barrel[p->inner], g->barrel[p->outer], &p1, &p2, &v)) continue;
            if (overlap && v.c[1] <= 0 && g->hit[i] >= g->hit[j]) continue;
            if (!hg_doublet_cells(p, &v, &bend_z0, &c_c)) continue;
            int kind = hg_doublet_kind(truth, overlap, g->hit[i], g->hit[j]);
            int64_t cell = base + (int64_t)bend_z0 * HG_C_C_CELLS + c_c;
            if (kind == 0) counts->background[cell] += 1;
            if (kind > 0) counts->target[cell] += (uint32_t)lrintf(HG_WEIGHT_UNIT * truth->weight[truth->particle[g->hit[i]]]);
        }
    }
}

hg_status hg_candidates_count(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                              hg_candidate_counts *counts)
{
    hg_status status = HG_OK;
    int threads = hg_context_threads(ctx);
    hg_hit_grid *grid = NULL;
    int32_t *found = NULL;
    HG_TRY(hg_hit_grid_create(ctx, hits, &grid));
    int64_t room = (int64_t)grid->largest + HG_GRID_LANES;
    HG_TRY(hg_alloc(ctx, &found, room * threads));
    /* each pair has its own counters */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int32_t p = 0; p < map->n_pairs; ++p) count_pair(map, grid, truth, p, found + omp_get_thread_num() * room, counts);
done:
    hg_hit_grid_destroy(ctx, grid);
    hg_free(ctx, found);
    return status;
}

/* One pair's tables while they are fitted, and the counts they are fitted to. */
typedef struct fit {
    const uint32_t *background, *target;
    double base, bend_z0[HG_BEND_Z0_CELLS], c_c[HG_C_C_CELLS];
} fit;

double hg_table_correction(double target, double expected)
{
    return fmax(-largest_delta, fmin(largest_delta, log((target + 1) / (expected + 1))));
}

/* Sums target weight and expectation over the cells of a table (0: base, 1: bend_z0, 2: c_c) and corrects it. */
static void correct_table(fit *f, int table)
{
    double target[HG_BEND_Z0_CELLS] = {0}, expected[HG_BEND_Z0_CELLS] = {0};
    for (int a = 0; a < HG_BEND_Z0_CELLS; ++a) {
        for (int b = 0; b < HG_C_C_CELLS; ++b) {
            uint32_t background = f->background[a * HG_C_C_CELLS + b], signal = f->target[a * HG_C_C_CELLS + b];
            if (background == 0 && signal == 0) continue;
            double weight = (double)signal / HG_WEIGHT_UNIT, score = f->base + f->bend_z0[a] + f->c_c[b];
            int cell = table == 0 ? 0 : table == 1 ? a : b;
            target[cell] += weight;
            expected[cell] += (weight + background) / (1 + exp(-score));
        }
    }
    if (table == 0) f->base += hg_table_correction(target[0], expected[0]);
    for (int k = 0; table == 1 && k < HG_BEND_Z0_CELLS; ++k) f->bend_z0[k] += hg_table_correction(target[k], expected[k]);
    for (int k = 0; table == 2 && k < HG_C_C_CELLS; ++k) f->c_c[k] += hg_table_correction(target[k], expected[k]);
}

int8_t hg_table_quantised(double value)
{
    return (int8_t)lrint(fmax(-127, fmin(127, value / (double)table_step)));
}

static void fit_pair(const hg_candidate_counts *counts, int rounds, int32_t pair, hg_doublet_map *map)
{
    int64_t at = (int64_t)pair * HG_BEND_Z0_CELLS * HG_C_C_CELLS;
    fit f = {.background = counts->background + at, .target = counts->target + at};
    for (int round = 0; round < rounds; ++round) {
        for (int table = 0; table < 3; ++table) correct_table(&f, table);
    }
    map->pair[pair].base = (float)f.base;
    for (int k = 0; k < HG_BEND_Z0_CELLS; ++k) map->bend_z0[(int64_t)pair * HG_BEND_Z0_CELLS + k] = hg_table_quantised(f.bend_z0[k]);
    for (int k = 0; k < HG_C_C_CELLS; ++k) map->c_c[(int64_t)pair * HG_C_C_CELLS + k] = hg_table_quantised(f.c_c[k]);
}

void hg_score_histogram_add(double histogram[HG_SCORE_BINS], float score, double weight)
{
    float at = (score - score_low) / (score_high - score_low) * (float)HG_SCORE_BINS;
    histogram[(int)fmaxf(0, fminf((float)HG_SCORE_BINS - 1, at))] += weight;
}

float hg_score_histogram_threshold(const double histogram[HG_SCORE_BINS], double wanted)
{
    double kept = 0;
    for (int k = HG_SCORE_BINS - 1; k >= 0; --k) {
        kept += histogram[k];
        if (kept >= wanted) return fminf(highest_threshold, score_low + (float)k * (score_high - score_low) / (float)HG_SCORE_BINS);
    }
    return score_low;
}

/* Scores of the true doublets of targets, across layers or inside them. */
static void fill_histogram(const hg_doublet_map *map, const hg_candidate_counts *counts, bool overlap, double *histogram)
{
    for (int k = 0; k < HG_SCORE_BINS; ++k) histogram[k] = 0;
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        if ((map->pair[p].inner == map->pair[p].outer) != overlap) continue;
        for (int32_t a = 0; a < HG_BEND_Z0_CELLS; ++a) {
            for (int32_t b = 0; b < HG_C_C_CELLS; ++b) {
                uint32_t target = counts->target[((int64_t)p * HG_BEND_Z0_CELLS + a) * HG_C_C_CELLS + b];
                if (target > 0) hg_score_histogram_add(histogram, hg_doublet_score(map, p, a, b), (double)target / HG_WEIGHT_UNIT);
            }
        }
    }
}

hg_status hg_doublet_tables_fit(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                const hg_candidate_counts *counts, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    int threads = hg_context_threads(ctx);
    double *histogram = NULL;
    HG_TRY(hg_alloc(ctx, &histogram, HG_SCORE_BINS));
    map->table_step = table_step;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int32_t p = 0; p < map->n_pairs; ++p) fit_pair(counts, options->rounds, p, map);
    fill_histogram(map, counts, true, histogram);
    map->overlap_threshold = hg_score_histogram_threshold(histogram, options->overlap_efficiency * sample->weight_overlap);
    fill_histogram(map, counts, false, histogram);
    map->threshold = hg_score_histogram_threshold(histogram, options->efficiency * sample->weight_across);
    map->first_threshold = hg_score_histogram_threshold(histogram, (1 - first_loss * (1 - options->efficiency)) * sample->weight_across);
done:
    hg_free(ctx, histogram);
    return status;
}
