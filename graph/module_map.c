/* module_map.c — module maps: sorting and indexing, check, end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map.h"

#include <stdlib.h>
#include "base/check.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/module_box.h"

enum { ALIGNMENT = 64, MODULES = 3, MOST_TRIPLETS = 1 << 30 };

void hg_module_map_offsets(int32_t n_modules, int64_t n_pairs, int64_t n_triplets, size_t offset[HG_MODULE_MAP_ARRAYS + 1])
{
    const size_t modules = (size_t)n_modules + 1, pairs = (size_t)n_pairs, triplets = (size_t)n_triplets;
    const size_t bytes[HG_MODULE_MAP_ARRAYS] = {modules * sizeof(int64_t),
                                                pairs * sizeof(int32_t),
                                                pairs * HG_MODULE_PAIR_WINDOW * sizeof(float),
                                                modules * sizeof(int64_t),
                                                triplets * 2 * sizeof(int32_t),
                                                triplets * sizeof(int64_t),
                                                triplets * HG_MODULE_TRIPLET_WINDOW * sizeof(float)};
    offset[0] = 0;
    for (int k = 0; k < HG_MODULE_MAP_ARRAYS; ++k) offset[k + 1] = (offset[k] + bytes[k] + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void hg_module_map_view(hg_module_map *map, const void *block)
{
    const char *base = block;
    size_t offset[HG_MODULE_MAP_ARRAYS + 1];
    hg_module_map_offsets(map->n_modules, map->n_pairs, map->n_triplets, offset);
    map->pair_first = (const void *)(base + offset[0]);
    map->pair_outer = (const void *)(base + offset[1]);
    map->pair_window = (const void *)(base + offset[2]);
    map->triplet_first = (const void *)(base + offset[3]);
    map->triplet_pair = (const void *)(base + offset[4]);
    map->occurrence = (const void *)(base + offset[5]);
    map->window = (const void *)(base + offset[6]);
}

void hg_module_map_destroy(hg_context *ctx, hg_module_map *map)
{
    if (!map) return;
    hg_free(ctx, map->block);
    hg_free(ctx, map);
}

void hg_module_triplets_clear(hg_context *ctx, hg_module_triplets *triplets)
{
    hg_free(ctx, triplets->module);
    hg_free(ctx, triplets->occurrence);
    hg_free(ctx, triplets->window);
    *triplets = (hg_module_triplets){0};
}

int64_t hg_module_map_find(const hg_module_map *map, int32_t inner, int32_t outer)
{
    if (inner < 0 || inner >= map->n_modules) return -1;
    int64_t low = map->pair_first[inner], end = map->pair_first[inner + 1], high = end;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (map->pair_outer[middle] < outer)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && map->pair_outer[low] == outer ? low : -1;
}

/* ---- making one from triplets ---- */

typedef struct pair_key {
    int32_t inner, outer;
} pair_key;

typedef struct triplet_key {
    int32_t middle, pair[2];
    int64_t row;
} triplet_key;

static int compare_pairs(const void *a, const void *b)
{
    const pair_key *p = a, *q = b;
    if (p->inner != q->inner) return p->inner < q->inner ? -1 : 1;
    return (p->outer > q->outer) - (p->outer < q->outer);
}

static int compare_triplets(const void *a, const void *b)
{
    const triplet_key *p = a, *q = b;
    if (p->middle != q->middle) return p->middle < q->middle ? -1 : 1;
    for (int k = 0; k < 2; ++k)
        if (p->pair[k] != q->pair[k]) return p->pair[k] < q->pair[k] ? -1 : 1;
    return 0;
}

static hg_status check_row(hg_context *ctx, const hg_module_triplets *t, int64_t row, int32_t n_modules)
{
    const uint64_t *m = t->module + row * MODULES;
    const float *window = t->window + row * HG_MODULE_TRIPLET_WINDOW;
    for (int k = 0; k < MODULES; ++k) {
        if (m[k] >= (uint64_t)n_modules || m[k] == m[(k + 1) % MODULES])
            return hg_fail(ctx, HG_ERR_DATA,
                           "triplet %" PRId64 ": modules %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", expected three of 0 .. %" PRId32, row, m[0],
                           m[1], m[2], n_modules - 1);
    }
    for (int k = 0; k < HG_MODULE_TRIPLET_WINDOW; k += 2) {
        if (!(window[k + 1] <= window[k]))
            return hg_fail(ctx, HG_ERR_DATA, "triplet %" PRId64 ": box from %g to %g", row, (double)window[k + 1], (double)window[k]);
    }
    return HG_OK;
}

/* The pairs of all triplets, each once, ascending. */
static hg_status list_pairs(hg_context *ctx, const hg_module_triplets *t, pair_key **out, int64_t *n)
{
    hg_status status = HG_OK;
    pair_key *pair = NULL;
    int64_t kept = 0;
    HG_TRY(hg_alloc_unset(ctx, &pair, 2 * t->n));
    for (int64_t k = 0; k < t->n; ++k) {
        const uint64_t *m = t->module + k * MODULES;
        for (int side = 0; side < 2; ++side) pair[2 * k + side] = (pair_key){(int32_t)m[side], (int32_t)m[side + 1]};
    }
    qsort(pair, 2 * (size_t)t->n, sizeof *pair, compare_pairs);
    for (int64_t k = 0; k < 2 * t->n; ++k)
        if (kept == 0 || compare_pairs(&pair[kept - 1], &pair[k]) != 0) pair[kept++] = pair[k];
    *out = pair;
    *n = kept;
done:
    return status;
}

static int32_t row_of(const pair_key *pair, int64_t n, uint64_t inner, uint64_t outer)
{
    const pair_key key = {(int32_t)inner, (int32_t)outer};
    return (int32_t)((const pair_key *)bsearch(&key, pair, (size_t)n, sizeof key, compare_pairs) - pair);
}

/* Triplets by middle module and pairs; none twice. */
static hg_status sort_triplets(hg_context *ctx, const hg_module_triplets *t, const pair_key *pair, int64_t n_pairs, triplet_key **out)
{
    hg_status status = HG_OK;
    triplet_key *key = NULL;
    HG_TRY(hg_alloc_unset(ctx, &key, t->n));
    for (int64_t k = 0; k < t->n; ++k) {
        const uint64_t *m = t->module + k * MODULES;
        key[k] = (triplet_key){(int32_t)m[1], {row_of(pair, n_pairs, m[0], m[1]), row_of(pair, n_pairs, m[1], m[2])}, k};
    }
    qsort(key, (size_t)t->n, sizeof *key, compare_triplets);
    for (int64_t k = 1; k < t->n; ++k) {
        const uint64_t *m = t->module + key[k].row * MODULES;
        HG_CHECK(compare_triplets(&key[k - 1], &key[k]) != 0, HG_ERR_DATA,
                 "triplet of the modules %" PRIu64 ", %" PRIu64 ", %" PRIu64 " is listed twice", m[0], m[1], m[2]);
    }
    *out = key;
    key = NULL;
done:
    hg_free(ctx, key);
    return status;
}

static void widen(float *box, const float *window)
{
    for (int k = 0; k < HG_MODULE_PAIR_WINDOW; k += 2) {
        box[k] = fmaxf(box[k], window[k]);
        box[k + 1] = fminf(box[k + 1], window[k + 1]);
    }
}

static void fill(const hg_module_triplets *t, const pair_key *pair, const triplet_key *key, hg_module_map *map)
{
    size_t offset[HG_MODULE_MAP_ARRAYS + 1];
    char *base = map->block;
    hg_module_map_offsets(map->n_modules, map->n_pairs, map->n_triplets, offset);
    int64_t *pair_first = (void *)(base + offset[0]), *triplet_first = (void *)(base + offset[3]), *occurrence = (void *)(base + offset[5]);
    int32_t *pair_outer = (void *)(base + offset[1]), *triplet_pair = (void *)(base + offset[4]);
    float *pair_window = (void *)(base + offset[2]), *window = (void *)(base + offset[6]);
    for (int64_t k = 0; k < map->n_pairs; ++k) {
        ++pair_first[pair[k].inner];
        pair_outer[k] = pair[k].outer;
        for (int v = 0; v < HG_MODULE_PAIR_WINDOW; ++v) pair_window[k * HG_MODULE_PAIR_WINDOW + v] = v % 2 ? INFINITY : -INFINITY;
    }
    for (int64_t k = 0; k < map->n_triplets; ++k) {
        const float *from = t->window + key[k].row * HG_MODULE_TRIPLET_WINDOW;
        ++triplet_first[key[k].middle];
        occurrence[k] = t->occurrence[key[k].row];
        for (int v = 0; v < HG_MODULE_TRIPLET_WINDOW; ++v) window[k * HG_MODULE_TRIPLET_WINDOW + v] = from[v];
        for (int side = 0; side < 2; ++side) {
            triplet_pair[2 * k + side] = key[k].pair[side];
            widen(pair_window + key[k].pair[side] * HG_MODULE_PAIR_WINDOW, from + side * HG_MODULE_PAIR_WINDOW);
        }
    }
    hg_prefix_sum(pair_first, map->n_modules);
    hg_prefix_sum(triplet_first, map->n_modules);
}

hg_status hg_module_map_create(hg_context *ctx, const hg_module_triplets *t, int32_t n_modules, double sigma_z_mm, hg_module_map **out)
{
    hg_status status = HG_OK;
    hg_module_map *map = NULL;
    pair_key *pair = NULL;
    triplet_key *key = NULL;
    char *block = NULL;
    size_t offset[HG_MODULE_MAP_ARRAYS + 1];
    int64_t n_pairs = 0;

    HG_CHECK(t->n <= MOST_TRIPLETS, HG_ERR_LIMIT, "%" PRId64 " triplets of modules, at most %d fit", t->n, MOST_TRIPLETS);
    for (int64_t k = 0; k < t->n; ++k) HG_TRY(check_row(ctx, t, k, n_modules));
    HG_TRY(list_pairs(ctx, t, &pair, &n_pairs));
    HG_TRY(sort_triplets(ctx, t, pair, n_pairs, &key));
    hg_module_map_offsets(n_modules, n_pairs, t->n, offset);
    HG_TRY(hg_alloc(ctx, &block, (int64_t)offset[HG_MODULE_MAP_ARRAYS]));
    HG_TRY(hg_alloc(ctx, &map, 1));
    *map = (hg_module_map){.sigma_z_mm = sigma_z_mm, .n_modules = n_modules, .n_pairs = n_pairs, .n_triplets = t->n, .block = block};
    block = NULL;
    fill(t, pair, key, map);
    hg_module_map_view(map, map->block);
    *out = map;
    map = NULL;
done:
    hg_free(ctx, pair);
    hg_free(ctx, key);
    hg_free(ctx, block);
    hg_module_map_destroy(ctx, map);
    return status;
}

static int compare_listed(const void *a, const void *b)
{
    const triplet_key *p = a, *q = b;
    if (p->pair[0] != q->pair[0]) return p->pair[0] < q->pair[0] ? -1 : 1;
    return (p->pair[1] > q->pair[1]) - (p->pair[1] < q->pair[1]);
}

hg_status hg_module_map_list(hg_context *ctx, const hg_module_map *map, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_triplets t = {0};
    triplet_key *key = NULL;
    int32_t *inner = NULL;
    HG_TRY(hg_alloc_unset(ctx, &inner, map->n_pairs));
    HG_TRY(hg_alloc_unset(ctx, &key, map->n_triplets));
    HG_TRY(hg_alloc_unset(ctx, &t.module, map->n_triplets * MODULES));
    HG_TRY(hg_alloc_unset(ctx, &t.occurrence, map->n_triplets));
    HG_TRY(hg_alloc_unset(ctx, &t.window, map->n_triplets * HG_MODULE_TRIPLET_WINDOW));
    for (int32_t m = 0; m < map->n_modules; ++m)
        for (int64_t k = map->pair_first[m]; k < map->pair_first[m + 1]; ++k) inner[k] = m;
    for (int64_t k = 0; k < map->n_triplets; ++k)
        key[k] = (triplet_key){.pair = {map->triplet_pair[2 * k], map->triplet_pair[2 * k + 1]}, .row = k};
    /* pairs ascend by their modules, and so do triplets by their pairs */
    qsort(key, (size_t)map->n_triplets, sizeof *key, compare_listed);
    for (t.n = 0; t.n < map->n_triplets; ++t.n) {
        const triplet_key *from = &key[t.n];
        uint64_t *module = t.module + t.n * MODULES;
        module[0] = (uint64_t)inner[from->pair[0]];
        module[1] = (uint64_t)inner[from->pair[1]];
        module[2] = (uint64_t)map->pair_outer[from->pair[1]];
        t.occurrence[t.n] = map->occurrence[from->row];
        for (int v = 0; v < HG_MODULE_TRIPLET_WINDOW; ++v)
            t.window[t.n * HG_MODULE_TRIPLET_WINDOW + v] = map->window[from->row * HG_MODULE_TRIPLET_WINDOW + v];
    }
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    hg_free(ctx, key);
    hg_free(ctx, inner);
    return status;
}

/* ---- checking one from a file ---- */

static hg_status check_index(hg_context *ctx, const char *what, const int64_t *first, int32_t n_modules, int64_t n)
{
    hg_status status = HG_OK;
    HG_CHECK(first[0] == 0 && first[n_modules] == n, HG_ERR_DATA, "module map: %s from %" PRId64 " to %" PRId64 ", expected 0 to %" PRId64,
             what, first[0], first[n_modules], n);
    for (int32_t m = 0; m < n_modules; ++m) {
        HG_CHECK(first[m] <= first[m + 1], HG_ERR_DATA, "module map: %s of module %" PRId32 " begin at %" PRId64 " and end at %" PRId64,
                 what, m, first[m], first[m + 1]);
    }
done:
    return status;
}

static hg_status check_boxes(hg_context *ctx, const char *what, const float *window, int64_t n)
{
    int64_t bad = n;
#pragma omp parallel for reduction(min : bad) num_threads(hg_context_threads(ctx))
    for (int64_t k = 0; k < n; k += 2)
        if (!(window[k + 1] <= window[k])) bad = k < bad ? k : bad;
    if (bad == n) return HG_OK;
    return hg_fail(ctx, HG_ERR_DATA, "module map: %s, number %" PRId64 ": box from %g to %g", what, bad, (double)window[bad + 1],
                   (double)window[bad]);
}

/* The first pair of a module that no map may have; n_pairs = all are good. */
static int64_t bad_pair(const hg_module_map *map, int32_t inner)
{
    for (int64_t k = map->pair_first[inner]; k < map->pair_first[inner + 1]; ++k) {
        const int32_t outer = map->pair_outer[k];
        const bool ascending = k == map->pair_first[inner] || map->pair_outer[k - 1] < outer;
        if (outer < 0 || outer >= map->n_modules || outer == inner || !ascending) return k;
    }
    return map->n_pairs;
}

/* The same for triplets by their middle module. */
static int64_t bad_triplet(const hg_module_map *map, int32_t middle)
{
    for (int64_t k = map->triplet_first[middle]; k < map->triplet_first[middle + 1]; ++k) {
        const int32_t *pair = map->triplet_pair + 2 * k;
        if (pair[0] < 0 || pair[0] >= map->n_pairs || map->pair_outer[pair[0]] != middle || pair[1] < map->pair_first[middle] ||
            pair[1] >= map->pair_first[middle + 1])
            return k;
    }
    return map->n_triplets;
}

/* The module whose rows, from first[m] on, hold row k. */
static int32_t module_of(const int64_t *first, int64_t k)
{
    int32_t m = 0;
    while (first[m + 1] <= k) ++m;
    return m;
}

hg_status hg_module_map_check(hg_context *ctx, const hg_module_map *map)
{
    hg_status status = HG_OK;
    int64_t pair = map->n_pairs, triplet = map->n_triplets;
    HG_TRY(check_index(ctx, "pairs", map->pair_first, map->n_modules, map->n_pairs));
    HG_TRY(check_index(ctx, "triplets", map->triplet_first, map->n_modules, map->n_triplets));
#pragma omp parallel for reduction(min : pair, triplet) num_threads(hg_context_threads(ctx))
    for (int32_t m = 0; m < map->n_modules; ++m) {
        const int64_t p = bad_pair(map, m), t = bad_triplet(map, m);
        pair = p < pair ? p : pair;
        triplet = t < triplet ? t : triplet;
    }
    HG_CHECK(pair == map->n_pairs, HG_ERR_DATA, "module map: pair %" PRId64 " joins modules %" PRId32 " and %" PRId32, pair,
             module_of(map->pair_first, pair), map->pair_outer[pair]);
    HG_CHECK(triplet == map->n_triplets, HG_ERR_DATA,
             "module map: triplet %" PRId64 " joins pairs %" PRId32 " and %" PRId32 ", not both at module %" PRId32, triplet,
             map->triplet_pair[2 * triplet], map->triplet_pair[2 * triplet + 1], module_of(map->triplet_first, triplet));
    HG_TRY(check_boxes(ctx, "pairs", map->pair_window, map->n_pairs * HG_MODULE_PAIR_WINDOW));
    HG_TRY(check_boxes(ctx, "triplets", map->window, map->n_triplets * HG_MODULE_TRIPLET_WINDOW));
done:
    return status;
}
