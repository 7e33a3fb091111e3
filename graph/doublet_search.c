/* doublet_search.c — all candidate doublets of an event that a map accepts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_search.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/doublet_bounds.h"
#include "graph/doublet_clusters.h"
#include "graph/doublet_measure.h"
#include "graph/module_search.h"

enum { HITS_PER_TASK = 64, JUDGED_TOGETHER = 1024, DOUBLETS_PER_HIT = 8 /* first guess of the room; it grows */ };

/* One task: some hits of one layer, as inner hits of all its pairs. Its edges lie in the buffer of the thread that ran it. */
typedef struct task {
    int32_t layer, first, last;
    int32_t thread;
    int64_t at, n;
    hg_status status;
} task;

typedef struct buffer {
    hg_scored_doublet *edges;
    int64_t n, room;
    int32_t *inner, *found; /* doublets to be judged: room for JUDGED_TOGETHER, one hit's and HG_GRID_LANES more */
} buffer;

typedef struct search {
    hg_context *ctx;
    const hg_hit_grid *grid;
    const hg_doublet_map *map;
    const hg_doublet_options *options;
    float *shift;              /* [n_pairs] added to the scores of this event: they are relative to its threshold then */
    int32_t *least;            /* [n_pairs] smallest sum of both tables' cells with a relative score >= 0 */
    hg_doublet_bounds *bounds; /* [n_pairs, HG_DOUBLET_C_BINS] of pairs across layers; NULL = only tables have them */
    hg_cluster_hit *cluster;   /* [n hits] NULL = cluster shapes are not looked at */
    int8_t *cluster_cells;
    hg_cluster_tables cluster_tables; /* in cluster_cells */
} search;

/* How good the doublet i -> j (grid places) is: negative = refused. */
static float judge(const search *s, int32_t pair, int32_t i, int32_t j, hg_doublet_values *values)
{
    const hg_hit_grid *g = s->grid;
    const hg_doublet_pair *p = &s->map->pair[pair];
    bool overlap = p->inner == p->outer;
    if (overlap && g->module[i] == g->module[j]) return -1;
    hg_point p1 = hg_grid_point(g, i), p2 = hg_grid_point(g, j);
    int32_t bend_z0, c_c;
    if (!hg_doublet_measure(overlap, g->barrel[p->inner], g->barrel[p->outer], &p1, &p2, values)) return -1;
    /* of two hits equally far out, the earlier row is the sender, so that the pair is not met twice */
    if (overlap && values->c[1] <= 0 && g->hit[i] >= g->hit[j]) return -1;
    if (!hg_doublet_cells(p, values, &bend_z0, &c_c)) return -1;
    if (s->options->mode == HG_DOUBLETS_WINDOWS) {
        float box[2], scale = (float)s->options->window_scale;
        hg_doublet_box(overlap, &p1, &p2, values, box);
        return 1 - fmaxf(box[0] / (p->phi_slope_max * scale), box[1] / (p->z0_max * scale));
    }
    return hg_doublet_score(s->map, pair, bend_z0, c_c) + s->shift[pair];
}

static int32_t judge_each(const search *s, int32_t pair, int32_t i, const int32_t *found, int32_t n, hg_scored_doublet *out)
{
    int32_t n_out = 0;
    for (int32_t k = 0; k < n; ++k) {
        hg_doublet_values values = {0};
        float score = judge(s, pair, i, found[k], &values);
        if (!(score >= 0)) continue;
        out[n_out++] = (hg_scored_doublet){s->grid->hit[i], s->grid->hit[found[k]], pair, score, values.kappa, values.cot};
    }
    return n_out;
}

static void copy_tables(const search *s, int32_t pair, hg_doublet_tables *t)
{
    const hg_doublet_map *map = s->map;
    memcpy(t->bend_z0, map->bend_z0 + (int64_t)pair * HG_BEND_Z0_CELLS, sizeof t->bend_z0);
    memcpy(t->c_c, map->c_c + (int64_t)pair * HG_C_C_CELLS, sizeof t->c_c);
    t->pair = &map->pair[pair];
    t->step = map->table_step;
    t->base = map->pair[pair].base + s->shift[pair];
    t->least = s->least[pair];
    t->number = pair;
}

static hg_status make_room(const search *s, buffer *b, int32_t n)
{
    hg_status status = HG_OK;
    if (b->n + n <= b->room) return HG_OK;
    int64_t room = 2 * b->room + n;
#pragma omp critical
    status = hg_grow(s->ctx, &b->edges, b->n, room);
    if (status >= 0) b->room = room;
    return status;
}

static const hg_doublet_bounds *bounds_of(const search *s, int32_t pair, int32_t i)
{
    const hg_doublet_pair *p = &s->map->pair[pair];
    return &s->bounds[pair * HG_DOUBLET_C_BINS + hg_doublet_c_bin(s->grid->c[i], p->c_low[0], p->c_high[0])];
}

static hg_status judge_found(const search *s, const hg_doublet_tables *tables, int32_t n, buffer *b)
{
    const hg_status status = make_room(s, b, n);
    if (status >= 0) b->n += s->grid->kernels->judge(s->grid, tables, b->inner, b->found, n, b->edges + b->n);
    return status;
}

/* The doublets of one pair that start at the hits of a task. What is found for many of them is judged together. */
static hg_status search_in_batches(const search *s, const task *t, int32_t pair, buffer *b)
{
    hg_status status = HG_OK;
    const int64_t before = b->n;
    int32_t n = 0;
    hg_doublet_tables tables;
    copy_tables(s, pair, &tables);
    for (int32_t i = t->first; i < t->last && status >= 0; ++i) {
        const int32_t more = hg_doublet_search_inside(s->map, s->grid, pair, i, bounds_of(s, pair, i), b->found + n);
        for (int32_t k = 0; k < more + HG_GRID_LANES; ++k) b->inner[n + k] = i;
        n += more;
        if (n < JUDGED_TOGETHER && i + 1 < t->last) continue;
        status = judge_found(s, &tables, n, b);
        n = 0;
    }
    if (s->cluster && status >= 0)
        b->n = before + s->grid->kernels->clusters(&s->cluster_tables, s->cluster, b->edges + before, (int32_t)(b->n - before));
    return status;
}

static hg_status search_each(const search *s, const task *t, int32_t pair, buffer *b)
{
    hg_status status = HG_OK;
    for (int32_t i = t->first; i < t->last && status >= 0; ++i) {
        const int32_t n = hg_doublet_search(s->map, s->grid, pair, i, b->found);
        status = make_room(s, b, n);
        if (status >= 0) b->n += judge_each(s, pair, i, b->found, n, b->edges + b->n);
    }
    return status;
}

static hg_status run_task(const search *s, task *t, buffer *b)
{
    hg_status status = HG_OK;
    t->at = b->n;
    for (int32_t p = 0; p < s->map->n_pairs && status >= 0; ++p) {
        const hg_doublet_pair *pair = &s->map->pair[p];
        if (pair->inner != t->layer || (pair->outer == t->layer && !s->options->overlaps)) continue;
        status = s->bounds && pair->outer != t->layer ? search_in_batches(s, t, p, b) : search_each(s, t, p, b);
    }
    t->n = b->n - t->at;
    return status;
}

/* With tasks == NULL they are counted. */
static int64_t list_tasks(const hg_hit_grid *grid, task *tasks)
{
    int64_t n = 0;
    for (int32_t layer = 0; layer < grid->n_layers; ++layer) {
        int32_t end = grid->layer_first[layer + 1];
        for (int32_t first = grid->layer_first[layer]; first < end; first += HITS_PER_TASK) {
            int32_t last = first + HITS_PER_TASK < end ? first + HITS_PER_TASK : end;
            if (tasks) tasks[n] = (task){.layer = layer, .first = first, .last = last};
            ++n;
        }
    }
    return n;
}

static hg_status run_tasks(const search *s, task *tasks, int64_t n_tasks, buffer *buffers, int threads)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t k = 0; k < n_tasks; ++k) {
        tasks[k].thread = omp_get_thread_num();
        tasks[k].status = run_task(s, &tasks[k], &buffers[tasks[k].thread]);
    }
    for (int64_t k = 0; k < n_tasks; ++k) {
        if (tasks[k].status < 0) return tasks[k].status;
    }
    return HG_OK;
}

/* Sorts the edges by sender; those of one sender are all in one task, and stay in the order in which it found them. */
static hg_status collect(hg_context *ctx, const hg_hit_grid *grid, const task *tasks, int64_t n_tasks, const buffer *buffers,
                         hg_candidates *out)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    hg_candidates c = {.n_hits = grid->n};
    for (int64_t k = 0; k < n_tasks; ++k) c.n += tasks[k].n;
    HG_CHECK(c.n <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " candidate doublets, at most %d fit", c.n, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &c.first, c.n_hits + 2));
    HG_TRY(hg_alloc_unset(ctx, &c.doublet, c.n));
    int64_t *next = c.first + 1; /* filling moves each start to the next one's place */
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < n_tasks; ++k) {
        const hg_scored_doublet *e = buffers[tasks[k].thread].edges + tasks[k].at;
        for (int64_t i = 0; i < tasks[k].n; ++i) ++next[e[i].sender];
    }
    hg_prefix_sum(next, c.n_hits);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < n_tasks; ++k) {
        const hg_scored_doublet *e = buffers[tasks[k].thread].edges + tasks[k].at;
        for (int64_t i = 0; i < tasks[k].n; ++i) c.doublet[next[e[i].sender]++] = e[i];
    }
    *out = c;
    c = (hg_candidates){0};
done:
    hg_candidates_release(ctx, &c);
    return status;
}

/* Odds of a doublet fall with the number of wrong hits to choose from: half as many hits, twice the odds. */
static hg_status shift_scores(search *s)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(s->ctx, &s->shift, s->map->n_pairs));
    for (int32_t p = 0; p < s->map->n_pairs; ++p) {
        int32_t layer = s->map->pair[p].outer;
        float hits = (float)(s->grid->layer_first[layer + 1] - s->grid->layer_first[layer]);
        float threshold = s->map->pair[p].inner == layer ? s->map->overlap_threshold
                          : s->cluster                   ? s->map->first_threshold
                                                         : s->map->threshold;
        s->shift[p] = logf(fmaxf(s->map->layer_hits[layer], 1) / fmaxf(hits, 1)) - (float)s->options->score_shift - threshold;
    }
done:
    return status;
}

/* Sums of the cells are integers: the smallest that passes, as the scores are rounded. */
static int32_t least_sum(float base, float step)
{
    const int32_t lowest = 2 * INT8_MIN, highest = 2 * INT8_MAX + 1;
    const float about = fmaxf((float)lowest, fminf((float)highest, -base / step));
    int32_t sum = (int32_t)about;
    while (sum > lowest && base + step * (float)(sum - 1) >= 0) --sum;
    while (sum < highest && !(base + step * (float)sum >= 0)) ++sum;
    return sum;
}

static hg_status bound_windows(search *s)
{
    hg_status status = HG_OK;
    const hg_doublet_map *map = s->map;
    HG_TRY(hg_alloc_unset(s->ctx, &s->least, map->n_pairs));
    HG_TRY(hg_alloc_unset(s->ctx, &s->bounds, (int64_t)map->n_pairs * HG_DOUBLET_C_BINS));
#pragma omp parallel for schedule(dynamic, 1) num_threads(hg_context_threads(s->ctx))
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        if (map->pair[p].inner == map->pair[p].outer) continue;
        s->least[p] = least_sum(map->pair[p].base + s->shift[p], map->table_step);
        hg_doublet_bounds_find(map, s->grid, p, s->least[p], s->bounds + (int64_t)p * HG_DOUBLET_C_BINS);
    }
done:
    return status;
}

hg_status hg_candidates_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                               const hg_doublet_options *options, hg_candidates *out)
{
    hg_status status = HG_OK;
    search s = {.ctx = ctx, .grid = grid, .map = map, .options = options};
    int threads = hg_context_threads(ctx);
    task *tasks = NULL;
    buffer *buffers = NULL;
    if (options->mode == HG_DOUBLETS_MODULE_MAP) return hg_module_candidates_create(ctx, hits, grid, map, options, out);
    if (options->clusters && options->mode == HG_DOUBLETS_TABLES && map->n_volumes > 0 && hits->nu) {
        HG_TRY(hg_cluster_hits_create(ctx, hits, map->layer_volume, &s.cluster));
        HG_TRY(hg_cluster_tables_create(ctx, map, &s.cluster_cells, &s.cluster_tables));
    }
    HG_TRY(shift_scores(&s));
    if (options->mode == HG_DOUBLETS_TABLES) HG_TRY(bound_windows(&s));
    int64_t n_tasks = list_tasks(grid, NULL);
    HG_TRY(hg_alloc(ctx, &tasks, n_tasks));
    HG_TRY(hg_alloc(ctx, &buffers, threads));
    list_tasks(grid, tasks);
    for (int t = 0; t < threads; ++t) {
        buffers[t].room = DOUBLETS_PER_HIT * grid->n;
        HG_TRY(hg_alloc_unset(ctx, &buffers[t].edges, buffers[t].room));
        HG_TRY(hg_alloc_unset(ctx, &buffers[t].inner, JUDGED_TOGETHER + grid->largest + HG_GRID_LANES));
        HG_TRY(hg_alloc_unset(ctx, &buffers[t].found, JUDGED_TOGETHER + grid->largest + HG_GRID_LANES));
    }
    HG_TRY(run_tasks(&s, tasks, n_tasks, buffers, threads));
    HG_TRY(collect(ctx, grid, tasks, n_tasks, buffers, out));
done:
    for (int t = 0; buffers && t < threads; ++t) {
        hg_free(ctx, buffers[t].edges);
        hg_free(ctx, buffers[t].inner);
        hg_free(ctx, buffers[t].found);
    }
    hg_free(ctx, buffers);
    hg_free(ctx, tasks);
    hg_free(ctx, s.shift);
    hg_free(ctx, s.least);
    hg_free(ctx, s.bounds);
    hg_free(ctx, s.cluster);
    hg_free(ctx, s.cluster_cells);
    return status;
}

void hg_candidates_release(hg_context *ctx, hg_candidates *c)
{
    hg_free(ctx, c->first);
    hg_free(ctx, c->doublet);
    *c = (hg_candidates){0};
}
