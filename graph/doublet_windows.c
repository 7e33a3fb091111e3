/* doublet_windows.c — which layer pairs there are, and the windows and bins of each, from the quantiles of true doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_learn.h"

#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_map.h"

enum { BEND_TAIL = 4 }; /* curvature has one end, and what lies beyond it comes from displaced vertices */
enum { FEWEST_OVERLAPS = 20, FEWEST_TRIPLETS = 20, FEWEST_IN_BIN = 100 };

/* Shares of true doublets below the edges of the z0 bins, lower half: fine in the tails, where most background lies. */
static const double z0_level[HG_DOUBLET_Z0_BINS / 2] = {0, .001, .0025, .005, .01, .02, .04, .07, .12, .2, .3, .4};

static int compare_values(const void *a, const void *b)
{
    const hg_weighted *p = a, *q = b;
    if (p->value != q->value) return p->value < q->value ? -1 : 1;
    return (p->weight > q->weight) - (p->weight < q->weight);
}

void hg_weighted_sort(hg_weighted *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, compare_values);
}

float hg_weighted_quantile(const hg_weighted *values, int64_t n, double q)
{
    double total = 0, sum = 0;
    for (int64_t i = 0; i < n; ++i) total += (double)values[i].weight;
    for (int64_t i = 0; i < n; ++i) {
        sum += (double)values[i].weight;
        if (sum >= q * total) return values[i].value;
    }
    return n > 0 ? values[n - 1].value : 0;
}

/* The doublets of one pair of layers: a run of the sorted list. */
typedef struct group {
    int64_t first, n;
    int32_t inner, outer;
    double weight;
} group;

static int compare_doublets(const void *a, const void *b)
{
    const hg_true_doublet *p = *(const hg_true_doublet *const *)a, *q = *(const hg_true_doublet *const *)b;
    if (p->layer[0] != q->layer[0]) return p->layer[0] < q->layer[0] ? -1 : 1;
    if (p->layer[1] != q->layer[1]) return p->layer[1] < q->layer[1] ? -1 : 1;
    return p < q ? -1 : p > q;
}

static int compare_groups(const void *a, const void *b)
{
    const group *p = a, *q = b;
    bool overlap_p = p->inner == p->outer, overlap_q = q->inner == q->outer;
    if (overlap_p != overlap_q) return overlap_p ? 1 : -1;
    if (p->weight != q->weight) return p->weight > q->weight ? -1 : 1;
    return p->first < q->first ? -1 : 1;
}

static int64_t list_groups(const hg_true_doublet **sorted, int64_t n, group *groups)
{
    int64_t n_groups = 0;
    for (int64_t i = 0; i < n; ++i) {
        const hg_true_doublet *d = sorted[i];
        bool same = n_groups > 0 && groups[n_groups - 1].inner == d->layer[0] && groups[n_groups - 1].outer == d->layer[1];
        if (!same) groups[n_groups++] = (group){.first = i, .inner = d->layer[0], .outer = d->layer[1]};
        groups[n_groups - 1].n++;
        groups[n_groups - 1].weight += (double)d->weight;
    }
    return n_groups;
}

/* Takes the heaviest pairs that close no circle until the coverage is reached, then overlaps. reach: [L, L] zeroed. Returns how many. */
static int32_t choose_pairs(const hg_doublet_learn_options *options, const hg_truth_sample *sample, group *groups, int64_t n_groups,
                            uint8_t *reach)
{
    int32_t n = 0, layers = sample->n_layers;
    double covered = 0;
    for (int64_t k = 0; k < n_groups; ++k) {
        group g = groups[k];
        if (g.inner == g.outer) {
            if (g.n >= FEWEST_OVERLAPS) groups[n++] = g;
            continue;
        }
        if (covered >= options->coverage * sample->weight_across || n >= options->max_pairs) continue;
        if (reach[g.outer * layers + g.inner]) continue;
        for (int32_t a = 0; a < layers; ++a) {
            if (a != g.inner && !reach[a * layers + g.inner]) continue;
            for (int32_t b = 0; b < layers; ++b) {
                if (b == g.outer || reach[g.outer * layers + b]) reach[a * layers + b] = 1;
            }
        }
        covered += g.weight;
        groups[n++] = g;
    }
    return n;
}

/* Quantile window [q, 1 - q] of sorted values, wider where few values define it. */
static void window_of(const hg_weighted *values, int64_t n, double q, float window[2])
{
    window[0] = hg_weighted_quantile(values, n, q);
    window[1] = hg_weighted_quantile(values, n, 1 - q);
    float margin = 3 * (window[1] - window[0]) / (float)(n > 3 ? n : 3);
    window[0] -= margin;
    window[1] += margin;
}

static void learn_reach(const hg_doublet_map *map, const hg_doublet_learn_options *options, const hg_true_doublet **d, int64_t n,
                        hg_weighted *scratch, hg_doublet_pair *p)
{
    bool overlap = p->inner == p->outer, barrel1 = map->layer_barrel[p->inner], barrel2 = map->layer_barrel[p->outer];
    for (int b = 0; b < HG_DOUBLET_C_BINS; ++b) {
        int64_t found = 0;
        for (int widen = 0; widen <= HG_DOUBLET_C_BINS && found < FEWEST_IN_BIN; ++widen) {
            found = 0;
            for (int64_t i = 0; i < n; ++i) {
                float c1 = barrel1 ? d[i]->p1.z : d[i]->p1.r, c2 = barrel2 ? d[i]->p2.z : d[i]->p2.r;
                float at = (c1 - p->c_low[0]) / (p->c_high[0] - p->c_low[0]) * (float)HG_DOUBLET_C_BINS;
                float straight = hg_doublet_straight(overlap, barrel1, barrel2, &d[i]->p1, map->layer_r[p->outer], map->layer_z[p->outer]);
                /* bins at the ends take what lies beyond, as in the search */
                at = fmaxf(0.5f, fminf((float)HG_DOUBLET_C_BINS - 0.5f, at));
                if (!isfinite(straight) || fabsf(at - (float)b - 0.5f) > 0.5f + (float)widen) continue;
                scratch[found++] = (hg_weighted){c2 - straight, d[i]->weight};
            }
        }
        hg_weighted_sort(scratch, found);
        window_of(scratch, found, 0.5 * (1 - options->search_quantile), p->reach[b]);
    }
}

static void learn_pair(const hg_doublet_map *map, const hg_doublet_learn_options *options, const hg_true_doublet **d, int64_t n,
                       hg_weighted *scratch, hg_doublet_pair *p)
{
    bool overlap = p->inner == p->outer, barrel1 = map->layer_barrel[p->inner], barrel2 = map->layer_barrel[p->outer];
    /* a looper's second visit can pass for an overlap: a few of those must not set the windows */
    double tail = 1 - options->search_quantile + (overlap ? 0.005 + 1.5 / (double)n : 0);
    float window[2];
    enum { BEND, Z0, C1, C2, SLOPE, STRAIGHT_Z0, N_AXES };
    for (int axis = 0; axis < N_AXES; ++axis) {
        for (int64_t i = 0; i < n; ++i) {
            hg_doublet_values v;
            float box[2];
            hg_doublet_measure(overlap, barrel1, barrel2, &d[i]->p1, &d[i]->p2, &v);
            hg_doublet_box(overlap, &d[i]->p1, &d[i]->p2, &v, box);
            const float value[N_AXES] = {v.bend, v.z0, v.c[0], v.c[1], box[0], box[1]};
            scratch[i] = (hg_weighted){value[axis], d[i]->weight};
        }
        hg_weighted_sort(scratch, n);
        window_of(scratch, n, 0.5 * tail, window);
        if (axis == BEND)
            p->bend_max = fmaxf(hg_weighted_quantile(scratch, n, 1 - (overlap ? 1 : BEND_TAIL) * tail) * (1 + 3 / (float)n), 1e-6f);
        if (axis == SLOPE) p->phi_slope_max = fmaxf(hg_weighted_quantile(scratch, n, options->box_quantile) * (1 + 1 / (float)n), 1e-9f);
        if (axis == STRAIGHT_Z0) p->z0_max = fmaxf(hg_weighted_quantile(scratch, n, options->box_quantile) * (1 + 1 / (float)n), 1e-3f);
        if (axis == C1 || axis == C2) {
            p->c_low[axis - C1] = overlap && axis == C2 ? 0 : window[0];
            p->c_high[axis - C1] = fmaxf(window[1], p->c_low[axis - C1] + 1e-3f);
        }
        if (axis != Z0) continue;
        for (int b = 0; b < HG_DOUBLET_Z0_BINS / 2; ++b) {
            p->z0_edge[b] = hg_weighted_quantile(scratch, n, z0_level[b]);
            p->z0_edge[HG_DOUBLET_Z0_BINS - b] = hg_weighted_quantile(scratch, n, 1 - z0_level[b]);
        }
        p->z0_edge[HG_DOUBLET_Z0_BINS / 2] = hg_weighted_quantile(scratch, n, 0.5);
        for (int b = 0; b <= HG_DOUBLET_Z0_BINS; ++b) p->z0_edge[b] = fmaxf(window[0], fminf(window[1], p->z0_edge[b]));
        p->z0_edge[0] = window[0];
        p->z0_edge[HG_DOUBLET_Z0_BINS] = window[1];
    }
    learn_reach(map, options, d, n, scratch, p);
}

static int compare_triplets(const void *a, const void *b)
{
    const hg_true_triplet *p = a, *q = b;
    for (int k = 0; k < 3; ++k) {
        if (p->layer[k] != q->layer[k]) return p->layer[k] < q->layer[k] ? -1 : 1;
    }
    return 0;
}

static int32_t find_pair(const hg_doublet_map *map, int32_t inner, int32_t outer)
{
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        if (map->pair[p].inner == inner && map->pair[p].outer == outer) return p;
    }
    return -1;
}

static void triplet_quantiles(const hg_true_triplet *t, int64_t n, double q, hg_weighted *scratch, float window[2])
{
    for (int part = 0; part < 2; ++part) {
        for (int64_t i = 0; i < n; ++i) scratch[i] = (hg_weighted){part == 0 ? t[i].dkappa : t[i].dcot, t[i].weight};
        hg_weighted_sort(scratch, n);
        window[part] = fmaxf(hg_weighted_quantile(scratch, n, q), 1e-3f);
    }
}

/* Windows per pair of pairs; rare ones take the window of all triplets together. */
static hg_status learn_triplets(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                hg_doublet_map *map)
{
    hg_status status = HG_OK;
    hg_weighted *scratch = NULL;
    hg_true_triplet *sorted = NULL;
    int64_t n = sample->n_triplets, n_pairs = map->n_pairs;
    float window[2] = {1, 1};
    HG_TRY(hg_alloc(ctx, &scratch, n));
    HG_TRY(hg_alloc(ctx, &sorted, n));
    for (int64_t i = 0; i < n; ++i) sorted[i] = sample->triplet[i];
    if (n > 0) triplet_quantiles(sorted, n, options->triplet_quantile, scratch, window);
    for (int64_t k = 0; k < n_pairs * n_pairs; ++k) {
        map->triplet_kappa[k] = window[0];
        map->triplet_cot[k] = window[1];
    }
    /* ties may come in any order: quantiles do not depend on it */
    qsort(sorted, (size_t)n, sizeof *sorted, compare_triplets);
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && compare_triplets(&sorted[first], &sorted[end]) == 0;) ++end;
        int32_t a = find_pair(map, sorted[first].layer[0], sorted[first].layer[1]);
        int32_t b = find_pair(map, sorted[first].layer[1], sorted[first].layer[2]);
        if (a < 0 || b < 0 || end - first < FEWEST_TRIPLETS) continue;
        triplet_quantiles(sorted + first, end - first, options->triplet_quantile, scratch, window);
        map->triplet_kappa[a * n_pairs + b] = window[0];
        map->triplet_cot[a * n_pairs + b] = window[1];
    }
done:
    hg_free(ctx, scratch);
    hg_free(ctx, sorted);
    return status;
}

static void copy_layers(const hg_truth_sample *sample, hg_doublet_map *map)
{
    for (int32_t l = 0; l < map->n_layers; ++l) {
        double n = fmax(sample->n_sum[l], 1);
        map->layer_r[l] = (float)(sample->r_sum[l] / n);
        map->layer_z[l] = (float)(sample->z_sum[l] / n);
        map->layer_hits[l] = (float)(sample->n_sum[l] / fmax((double)sample->n_events, 1));
        map->layer_barrel[l] = sample->barrel[l];
    }
}

hg_status hg_doublet_windows_learn(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                   hg_doublet_map **out)
{
    hg_status status = HG_OK;
    const hg_true_doublet **sorted = NULL;
    hg_weighted *scratch = NULL;
    group *groups = NULL;
    uint8_t *reach = NULL;
    hg_doublet_map *map = NULL;
    int64_t n = sample->n_doublets;

    HG_CHECK(n > 0, HG_ERR_DATA, "no true doublets of target particles to learn from");
    HG_TRY(hg_alloc_array(ctx, (void **)&sorted, n, sizeof *sorted));
    HG_TRY(hg_alloc(ctx, &scratch, n));
    HG_TRY(hg_alloc(ctx, &groups, (int64_t)sample->n_layers * sample->n_layers));
    HG_TRY(hg_alloc(ctx, &reach, (int64_t)sample->n_layers * sample->n_layers));
    for (int64_t i = 0; i < n; ++i) sorted[i] = &sample->doublet[i];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doublets);
    int64_t n_groups = list_groups(sorted, n, groups);
    qsort(groups, (size_t)n_groups, sizeof *groups, compare_groups);
    int32_t n_pairs = choose_pairs(options, sample, groups, n_groups, reach);
    HG_CHECK(n_pairs > 0, HG_ERR_DATA, "no layer pair with true doublets to learn from");

    HG_TRY(hg_doublet_map_create(ctx, sample->n_layers, n_pairs, &map));
    copy_layers(sample, map);
    for (int32_t p = 0; p < n_pairs; ++p) {
        map->pair[p].inner = groups[p].inner;
        map->pair[p].outer = groups[p].outer;
        learn_pair(map, options, sorted + groups[p].first, groups[p].n, scratch, &map->pair[p]);
    }
    HG_TRY(learn_triplets(ctx, options, sample, map));
    *out = map;
    map = NULL;
done:
    hg_free(ctx, sorted);
    hg_free(ctx, scratch);
    hg_free(ctx, groups);
    hg_free(ctx, reach);
    hg_doublet_map_destroy(ctx, map);
    return status;
}
