/* module_search.c — candidate doublets by pairs of modules, and those that a triplet of modules holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/module_search.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/module_box.h"

enum { MODULES_PER_TASK = 64, PAIR = HG_MODULE_PAIR_VALUES };

typedef struct search {
    const hg_doublet_hits *hits;
    const hg_doublet_map *map;
    const hg_module_map *modules;
    bool overlaps;
    float scale, pair_scale;
    int threads;
    hg_module_hit *hit; /* [n hits] by row */
    int64_t *hit_first; /* [n_modules + 1] first of the module's hits in `row` */
    int32_t *row;       /* [n hits] by module, ascending */
    int32_t *pair_of;   /* [n_layers, n_layers] row of the map's layer pair, or -1 */
    int64_t *first;     /* [n_pairs + 1] first candidate of each pair of modules */
    hg_scored_doublet *doublet;
    float *values;   /* [n candidates, PAIR] */
    uint8_t *use[2]; /* [n candidates] 1 = the inner, the outer doublet of a triplet */
} search;

static hg_status sort_hits(hg_context *ctx, const hg_hit_grid *grid, search *s)
{
    hg_status status = HG_OK;
    const hg_doublet_hits *hits = s->hits;
    const int32_t n_modules = s->modules->n_modules;
    int64_t *next = NULL;
    HG_TRY(hg_alloc_unset(ctx, &s->hit, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &s->row, hits->n));
    HG_TRY(hg_alloc(ctx, &s->hit_first, (int64_t)n_modules + 1));
    HG_TRY(hg_alloc_unset(ctx, &next, n_modules));
#pragma omp parallel for num_threads(s->threads)
    for (int64_t i = 0; i < grid->n; ++i) {
        const hg_point point = hg_grid_point(grid, (int32_t)i);
        s->hit[grid->hit[i]] = hg_module_hit_at(&point);
    }
    for (int64_t i = 0; i < hits->n; ++i) {
        const int32_t m = hits->module[i];
        HG_CHECK(m >= 0 && m < n_modules, HG_ERR_MODEL,
                 "a module map of another detector: hit row %" PRId64 " is on module %" PRId32 ", the map has %" PRId32 " modules", i, m,
                 n_modules);
        ++s->hit_first[m];
    }
    hg_prefix_sum(s->hit_first, n_modules);
    for (int32_t m = 0; m < n_modules; ++m) next[m] = s->hit_first[m];
    for (int64_t i = 0; i < hits->n; ++i) s->row[next[hits->module[i]]++] = (int32_t)i;
done:
    hg_free(ctx, next);
    return status;
}

static hg_status index_layer_pairs(hg_context *ctx, search *s)
{
    hg_status status = HG_OK;
    const int64_t layers = s->map->n_layers;
    HG_TRY(hg_alloc_unset(ctx, &s->pair_of, layers * layers));
    for (int64_t k = 0; k < layers * layers; ++k) s->pair_of[k] = -1;
    for (int32_t p = 0; p < s->map->n_pairs; ++p) {
        const hg_doublet_pair *pair = &s->map->pair[p];
        if (pair->inner != pair->outer || s->overlaps) s->pair_of[pair->inner * layers + pair->outer] = p;
    }
done:
    return status;
}

/* Position inside a box: 1 = at the centre, 0 = at an edge. */
static float position(const float *window, const float *values)
{
    float worst = 0;
    for (int v = 0; v < PAIR; ++v) {
        const float half = 0.5f * (window[2 * v] - window[2 * v + 1]);
        worst = fmaxf(worst, fabsf(values[v] - window[2 * v + 1] - half) / half);
    }
    return 1 - worst;
}

/* Whether hits i -> j make a doublet of the layer pair inside the box; values: [PAIR]. */
static bool judge(const search *s, int32_t pair, const float *window, int32_t i, int32_t j, float *values, hg_doublet_values *measured)
{
    const hg_module_hit *a = &s->hit[i], *b = &s->hit[j];
    const hg_doublet_pair *p = &s->map->pair[pair];
    const float dphi = hg_wrap_phi(b->at.phi - a->at.phi);
    if (!(dphi < window[2] && dphi > window[3])) return false; /* most fail here, before anything is divided */
    hg_module_pair_values(a, b, values);
    if (!hg_module_box_holds(window, PAIR, values)) return false;
    const bool overlap = p->inner == p->outer;
    if (!hg_doublet_measure(overlap, s->map->layer_barrel[p->inner], s->map->layer_barrel[p->outer], &a->at, &b->at, measured))
        return false;
    /* of two hits equally far out, the earlier row is the sender, so that the pair is not met twice */
    return !overlap || measured->c[1] > 0 || i < j;
}

/* The candidates of one pair of modules: written from `at` on, or only counted where at < 0. Returns how many. */
static int64_t search_pair(const search *s, int32_t inner, int64_t k, int64_t at)
{
    const int32_t outer = s->modules->pair_outer[k];
    const int64_t first = s->hit_first[inner], last = s->hit_first[inner + 1], start = s->hit_first[outer], end = s->hit_first[outer + 1];
    float window[HG_MODULE_PAIR_WINDOW], values[PAIR];
    int64_t n = 0;
    if (first == last || start == end) return 0;
    const int32_t pair = s->pair_of[s->hits->layer[s->row[first]] * s->map->n_layers + s->hits->layer[s->row[start]]];
    if (pair < 0) return 0;
    hg_module_box_scale(s->modules->pair_window + k * HG_MODULE_PAIR_WINDOW, PAIR, s->pair_scale, window);
    for (int64_t a = first; a < last; ++a) {
        for (int64_t b = start; b < end; ++b) {
            hg_doublet_values measured;
            if (!judge(s, pair, window, s->row[a], s->row[b], values, &measured)) continue;
            if (at >= 0) {
                s->doublet[at + n] =
                    (hg_scored_doublet){s->row[a], s->row[b], pair, position(window, values), measured.kappa, measured.cot};
                for (int v = 0; v < PAIR; ++v) s->values[(at + n) * PAIR + v] = values[v];
            }
            ++n;
        }
    }
    return n;
}

/* Counted, then filled: the order is that of the map for any number of threads. */
static hg_status search_pairs(hg_context *ctx, search *s)
{
    hg_status status = HG_OK;
    const hg_module_map *m = s->modules;
    HG_TRY(hg_alloc(ctx, &s->first, m->n_pairs + 1));
#pragma omp parallel for schedule(dynamic, MODULES_PER_TASK) num_threads(s->threads)
    for (int32_t inner = 0; inner < m->n_modules; ++inner)
        for (int64_t k = m->pair_first[inner]; k < m->pair_first[inner + 1]; ++k) s->first[k] = search_pair(s, inner, k, -1);
    const int64_t n = hg_prefix_sum(s->first, m->n_pairs);
    HG_CHECK(n <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " candidate doublets, at most %d fit", n, INT32_MAX);
    HG_TRY(hg_alloc_unset(ctx, &s->doublet, n));
    HG_TRY(hg_alloc_unset(ctx, &s->values, n * PAIR));
#pragma omp parallel for schedule(dynamic, MODULES_PER_TASK) num_threads(s->threads)
    for (int32_t inner = 0; inner < m->n_modules; ++inner)
        for (int64_t k = m->pair_first[inner]; k < m->pair_first[inner + 1]; ++k)
            if (s->first[k + 1] > s->first[k]) search_pair(s, inner, k, s->first[k]);
done:
    return status;
}

/* Marks the doublets of one triplet of modules that make a triplet of hits. */
static void match(const search *s, int64_t triplet)
{
    const int32_t *pair = s->modules->triplet_pair + 2 * triplet;
    const int64_t first = s->first[pair[0]], last = s->first[pair[0] + 1], start = s->first[pair[1]], end = s->first[pair[1] + 1];
    float window[HG_MODULE_TRIPLET_WINDOW], values[2];
    if (first == last || start == end) return;
    hg_module_box_scale(s->modules->window + triplet * HG_MODULE_TRIPLET_WINDOW, HG_MODULE_TRIPLET_VALUES, s->scale, window);
    for (int64_t a = first; a < last; ++a) {
        if (!hg_module_box_holds(window, PAIR, s->values + a * PAIR)) continue;
        const hg_scored_doublet *d = &s->doublet[a];
        for (int64_t b = start; b < end; ++b) {
            if (s->doublet[b].sender != d->receiver) continue;
            if (!hg_module_box_holds(window + HG_MODULE_PAIR_WINDOW, PAIR, s->values + b * PAIR)) continue;
            hg_module_triplet_values(&s->hit[d->sender].at, &s->hit[d->receiver].at, &s->hit[s->doublet[b].receiver].at, values);
            if (hg_module_box_holds(window + 2 * HG_MODULE_PAIR_WINDOW, 2, values)) s->use[0][a] = s->use[1][b] = 1;
        }
    }
}

static hg_status match_triplets(hg_context *ctx, search *s)
{
    hg_status status = HG_OK;
    const hg_module_map *m = s->modules;
    const int64_t n = s->first[m->n_pairs];
    for (int side = 0; side < 2; ++side) HG_TRY(hg_alloc(ctx, &s->use[side], n));
        /* a doublet is the inner one only at the module of its outer hit, and the other way round: no two threads meet in a mark */
#pragma omp parallel for schedule(dynamic, MODULES_PER_TASK) num_threads(s->threads)
    for (int32_t middle = 0; middle < m->n_modules; ++middle)
        for (int64_t k = m->triplet_first[middle]; k < m->triplet_first[middle + 1]; ++k) match(s, k);
    int64_t kept = 0;
    for (int64_t k = 0; k < n; ++k)
        if (s->use[0][k] || s->use[1][k]) s->doublet[kept++] = s->doublet[k];
    s->first[m->n_pairs] = kept;
done:
    return status;
}

/* Candidates by sender, in the order of the map. */
static hg_status collect(hg_context *ctx, const search *s, hg_candidates *out)
{
    hg_status status = HG_OK;
    const int64_t n = s->first[s->modules->n_pairs];
    hg_candidates c = {.n = n, .n_hits = s->hits->n};
    HG_TRY(hg_alloc(ctx, &c.first, c.n_hits + 2));
    HG_TRY(hg_alloc_unset(ctx, &c.doublet, n));
    int64_t *next = c.first + 1; /* filling moves each start to the next one's place */
    for (int64_t k = 0; k < n; ++k) ++next[s->doublet[k].sender];
    hg_prefix_sum(next, s->hits->n);
    for (int64_t k = 0; k < n; ++k) c.doublet[next[s->doublet[k].sender]++] = s->doublet[k];
    *out = c;
    c = (hg_candidates){0};
done:
    hg_candidates_release(ctx, &c);
    return status;
}

hg_status hg_module_candidates_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                      const hg_doublet_options *options, hg_candidates *out)
{
    hg_status status = HG_OK;
    search s = {.hits = hits,
                .map = map,
                .modules = options->modules,
                .overlaps = options->overlaps,
                .scale = (float)options->window_scale,
                .threads = hg_context_threads(ctx)};
    /* the box of a pair is that of all its triplets: narrower ones are cut triplet by triplet */
    s.pair_scale = options->module_triplets ? fmaxf(s.scale, 1) : s.scale;
    HG_CHECK(s.modules, HG_ERR_ARG, "module-map mode without a module map");
    HG_TRY(sort_hits(ctx, grid, &s));
    HG_TRY(index_layer_pairs(ctx, &s));
    HG_TRY(search_pairs(ctx, &s));
    if (options->module_triplets) HG_TRY(match_triplets(ctx, &s));
    HG_TRY(collect(ctx, &s, out));
done:
    hg_free(ctx, s.hit);
    hg_free(ctx, s.hit_first);
    hg_free(ctx, s.row);
    hg_free(ctx, s.pair_of);
    hg_free(ctx, s.first);
    hg_free(ctx, s.doublet);
    hg_free(ctx, s.values);
    for (int side = 0; side < 2; ++side) hg_free(ctx, s.use[side]);
    return status;
}
