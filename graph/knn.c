/* graph/knn.c — graphs from distances: k nearest neighbours, radius, all pairs; exact, ties by index, per graph of a batch. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/kd_tree.h"
#include "graph/point_scan.h"
#include "hitgraph/neighbours.h"

/* Below this many points a plain scan is faster than a tree; in many columns a tree prunes little. */
enum { TREE_POINTS = 1000, TREE_COLUMNS = 8, CHUNK = 32 };

typedef struct cloud {
    const hg_points *points;
    int64_t n_graphs;
    int64_t *node_ptr; /* [n_graphs + 1] owned */
    double *x;         /* [n_columns][n] owned */
    int32_t *graph;    /* [n] owned; graph of each point */
    hg_kd_tree *tree;  /* [n_graphs] owned; without points where the graph is scanned */
    int64_t widest;    /* points of the largest graph */
    double radius;     /* of a radius graph; 0 = nearest neighbours */
    int64_t k;         /* of them; each receiver has as many, or all others */
    hg_point_scan_fn *scan;
} cloud;

static hg_status check_points(hg_context *ctx, const hg_points *p)
{
    hg_status status = HG_OK;
    HG_CHECK(p && (p->x || p->n == 0), HG_ERR_ARG, "neighbours: no points");
    HG_CHECK(p->n >= 0 && p->n <= INT32_MAX, HG_ERR_ARG, "neighbours: %" PRId64 " points, expected 0 .. %d", p->n, INT32_MAX);
    HG_CHECK(p->n_columns >= 1 && p->n_columns <= HG_NEIGHBOUR_COLUMNS, HG_ERR_ARG, "neighbours: %" PRId64 " columns, expected 1 .. %d",
             p->n_columns, HG_NEIGHBOUR_COLUMNS);
    for (int64_t c = 0; c < p->n_columns; ++c) {
        int64_t column = p->column ? p->column[c] : c;
        HG_CHECK(column >= 0 && column < p->stride, HG_ERR_ARG, "neighbours: column %" PRId64 ", expected 0 .. %" PRId64, column,
                 p->stride - 1);
    }
    HG_CHECK(p->light_speed >= 0 && isfinite(p->light_speed), HG_ERR_ARG, "neighbours: speed of light %g, expected 0 or more",
             p->light_speed);
    HG_CHECK(p->light_speed == 0 || (p->n_columns >= 2 && p->time_weight > 0 && isfinite(p->time_weight)), HG_ERR_ARG,
             "neighbours: intervals need a place and a time and a weight above 0, found %" PRId64 " columns and weight %g", p->n_columns,
             p->time_weight);
    HG_CHECK(!p->node_ptr || p->n_graphs >= 0, HG_ERR_ARG, "neighbours: %" PRId64 " graphs", p->n_graphs);
    if (!p->node_ptr) goto done;
    HG_CHECK(p->node_ptr[0] == 0 && p->node_ptr[p->n_graphs] == p->n, HG_ERR_ARG,
             "neighbours: graphs cover the points %" PRId64 " .. %" PRId64 ", expected 0 .. %" PRId64, p->node_ptr[0],
             p->node_ptr[p->n_graphs], p->n);
    for (int64_t g = 0; g < p->n_graphs; ++g)
        HG_CHECK(p->node_ptr[g] <= p->node_ptr[g + 1], HG_ERR_ARG, "neighbours: graph %" PRId64 " ends before it starts", g);
done:
    return status;
}

static hg_status copy_coordinates(hg_context *ctx, cloud *c)
{
    hg_status status = HG_OK;
    const hg_points *p = c->points;
    HG_TRY(hg_alloc(ctx, &c->x, p->n * p->n_columns));
    for (int64_t k = 0; k < p->n_columns; ++k) {
        int64_t column = p->column ? p->column[k] : k;
        for (int64_t i = 0; i < p->n; ++i) {
            double x = (double)p->x[i * p->stride + column];
            HG_CHECK(isfinite(x), HG_ERR_NUMERIC, "neighbours: row %" PRId64 ", column %" PRId64 " is %g, expected a finite number", i,
                     column, x);
            c->x[k * p->n + i] = x;
        }
    }
done:
    return status;
}

static void clear_cloud(hg_context *ctx, cloud *c)
{
    for (int64_t g = 0; c->tree && g < c->n_graphs; ++g) hg_kd_tree_clear(ctx, &c->tree[g]);
    hg_free(ctx, c->tree);
    hg_free(ctx, c->node_ptr);
    hg_free(ctx, c->x);
    hg_free(ctx, c->graph);
}

static hg_status fill_cloud(hg_context *ctx, const hg_points *p, cloud *c)
{
    hg_status status = HG_OK;
    *c = (cloud){.points = p, .scan = hg_point_scan_best()};
    HG_TRY(check_points(ctx, p));
    int64_t n_graphs = p->node_ptr ? p->n_graphs : 1;
    HG_TRY(hg_alloc(ctx, &c->node_ptr, n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &c->tree, n_graphs));
    c->n_graphs = n_graphs;
    HG_TRY(hg_alloc(ctx, &c->graph, p->n));
    HG_TRY(copy_coordinates(ctx, c));
    c->node_ptr[n_graphs] = p->n;
    for (int64_t g = 0; p->node_ptr && g < n_graphs; ++g) c->node_ptr[g] = p->node_ptr[g];
    for (int64_t g = 0; g < n_graphs; ++g) {
        int64_t first = c->node_ptr[g], size = c->node_ptr[g + 1] - first;
        for (int64_t i = first; i < first + size; ++i) c->graph[i] = (int32_t)g;
        if (size > c->widest) c->widest = size;
        if (size >= TREE_POINTS && p->n_columns <= TREE_COLUMNS && p->light_speed == 0)
            HG_TRY(hg_kd_tree_build(ctx, c->x, p->n, first, size, (int)p->n_columns, &c->tree[g]));
    }
done:
    return status;
}

/* The best so far, near to far, by index where equal. */
typedef struct shortlist {
    double *squared;
    int32_t *point;
    int64_t n, room; /* room 0: all within a radius */
    int32_t self;    /* left out; -1 = nobody */
} shortlist;

static void enlist(hg_kd_search *s, double squared, int32_t point)
{
    shortlist *l = s->user;
    if (squared > s->worst || point == l->self) return;
    if (l->n == l->room && squared == l->squared[l->n - 1] && point > l->point[l->n - 1]) return;
    int64_t at = l->n < l->room ? l->n++ : l->n - 1;
    while (at > 0 && (l->squared[at - 1] > squared || (l->squared[at - 1] == squared && l->point[at - 1] > point))) {
        l->squared[at] = l->squared[at - 1];
        l->point[at] = l->point[at - 1];
        --at;
    }
    l->squared[at] = squared;
    l->point[at] = point;
    if (l->n == l->room) s->worst = l->squared[l->n - 1];
}

/* Lists the points of one graph within a fixed distance, or counts them where there is no room for the list. */
static void take_note(hg_kd_search *s, double squared, int32_t point)
{
    shortlist *l = s->user;
    if (squared > s->worst || point == l->self) return;
    if (l->point) l->point[l->n] = point;
    ++l->n;
}

/* One search around `receiver`, by tree or by scan. room: [room_of(c)]. */
static void search_around(const cloud *c, int64_t receiver, hg_kd_search *s, double *room)
{
    const hg_points *p = c->points;
    int64_t g = c->graph[receiver], first = c->node_ptr[g], count = c->node_ptr[g + 1] - first;
    if (c->tree[g].n > 0) {
        double at[HG_NEIGHBOUR_COLUMNS];
        for (int64_t k = 0; k < p->n_columns; ++k) at[k] = c->x[k * p->n + receiver];
        s->at = at;
        hg_kd_tree_visit(&c->tree[g], s);
        return;
    }
    const shortlist *list = s->user;
    const hg_point_scan all = {.x = c->x + first,
                               .stride = p->n,
                               .count = count,
                               .n_columns = p->n_columns,
                               .at = receiver - first,
                               .left_out = list->self,
                               .light_speed = p->light_speed,
                               .time_weight = p->time_weight,
                               .k = list->room,
                               .within = s->worst,
                               .squared = room,
                               .near = (uint8_t *)(room + c->widest)};
    s->worst = c->scan(&all);
    for (int64_t word = 0; word < count; word += (int64_t)sizeof(uint64_t)) {
        uint64_t near;
        memcpy(&near, all.near + word, sizeof near);
        for (int64_t j = word; near && j < count && j < word + (int64_t)sizeof near; ++j) {
            if (all.near[j]) s->offer(s, room[j], (int32_t)j);
        }
    }
}

static int64_t room_of(const cloud *c)
{
    return c->widest + c->widest / (int64_t)sizeof(double) + 1;
}

static int32_t self_of(const cloud *c, int64_t receiver)
{
    return c->points->loops ? -1 : (int32_t)(receiver - c->node_ptr[c->graph[receiver]]);
}

static int team(hg_context *ctx, int64_t n)
{
    int64_t most = n / (2 * CHUNK) + 1, threads = hg_context_threads(ctx);
    return (int)(most < threads ? most : threads);
}

/* Fills the edges of every receiver: edge_ptr[i] .. edge_ptr[i + 1]. */
static hg_status list_nearest(hg_context *ctx, const cloud *c, const int64_t *edge_ptr, int32_t *sender, int32_t *receiver)
{
    hg_status status = HG_OK;
    double *memory = NULL;
    int64_t n = c->points->n, own = room_of(c) + c->k;
    int threads = team(ctx, n);
    HG_TRY(hg_alloc(ctx, &memory, own * threads));
#pragma omp parallel for schedule(dynamic, CHUNK) num_threads(threads)
    for (int64_t i = 0; i < n; ++i) {
        double *room = memory + own * omp_get_thread_num();
        int64_t first = c->node_ptr[c->graph[i]];
        shortlist list = {.squared = room + room_of(c), .point = sender + edge_ptr[i], .room = edge_ptr[i + 1] - edge_ptr[i]};
        if (list.room == 0) continue;
        list.self = self_of(c, i);
        hg_kd_search search = {.worst = DBL_MAX, .offer = enlist, .user = &list};
        search_around(c, i, &search, room);
        for (int64_t e = edge_ptr[i]; e < edge_ptr[i + 1]; ++e) {
            sender[e] += (int32_t)first;
            receiver[e] = (int32_t)i;
        }
    }
done:
    hg_free(ctx, memory);
    return status;
}

static int by_index(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* sender NULL: only counts into edge_ptr. */
static hg_status list_within(hg_context *ctx, const cloud *c, int64_t *edge_ptr, int32_t *sender, int32_t *receiver)
{
    hg_status status = HG_OK;
    double *memory = NULL;
    int64_t n = c->points->n;
    int threads = team(ctx, n);
    HG_TRY(hg_alloc(ctx, &memory, room_of(c) * threads));
#pragma omp parallel for schedule(dynamic, CHUNK) num_threads(threads)
    for (int64_t i = 0; i < n; ++i) {
        int64_t first = c->node_ptr[c->graph[i]];
        shortlist list = {.point = sender ? sender + edge_ptr[i] : NULL, .self = self_of(c, i)};
        hg_kd_search search = {.worst = c->radius * c->radius, .offer = take_note, .user = &list};
        search_around(c, i, &search, memory + room_of(c) * omp_get_thread_num());
        if (!sender) {
            edge_ptr[i] = list.n;
            continue;
        }
        qsort(list.point, (size_t)list.n, sizeof *list.point, by_index);
        for (int64_t e = 0; e < list.n; ++e) {
            list.point[e] += (int32_t)first;
            receiver[edge_ptr[i] + e] = (int32_t)i;
        }
    }
done:
    hg_free(ctx, memory);
    return status;
}

static void count_nearest(const cloud *c, int64_t *edge_ptr)
{
    for (int64_t i = 0; i < c->points->n; ++i) {
        const int64_t g = c->graph[i], others = c->node_ptr[g + 1] - c->node_ptr[g] - !c->points->loops;
        edge_ptr[i] = others < c->k ? others : c->k;
    }
}

/* Two rounds over the receivers: count, then list. */
static hg_status make_graph(hg_context *ctx, const cloud *c, hg_graph **out)
{
    hg_status status = HG_OK;
    const int64_t n = c->points->n;
    int64_t *edge_ptr = NULL;
    int32_t *sender = NULL, *receiver = NULL;
    HG_TRY(hg_alloc(ctx, &edge_ptr, n + 1));
    if (c->radius > 0) {
        HG_TRY(list_within(ctx, c, edge_ptr, NULL, NULL));
    } else {
        count_nearest(c, edge_ptr);
    }
    const int64_t n_edges = hg_prefix_sum(edge_ptr, n);
    HG_TRY(hg_alloc(ctx, &sender, n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, n_edges));
    HG_TRY(c->radius > 0 ? list_within(ctx, c, edge_ptr, sender, receiver) : list_nearest(ctx, c, edge_ptr, sender, receiver));
    HG_TRY(hg_graph_create(ctx, n, n_edges, sender, receiver, c->n_graphs, c->node_ptr, out));
done:
    hg_free(ctx, edge_ptr);
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    return status;
}

hg_status hg_graph_nearest(hg_context *ctx, const hg_points *points, int64_t k, hg_graph **out)
{
    hg_status status = HG_OK;
    cloud c = {0};
    HG_TRY(fill_cloud(ctx, points, &c));
    HG_CHECK(k >= 1 && k <= HG_NEIGHBOURS_MAX, HG_ERR_ARG, "neighbours: k is %" PRId64 ", expected 1 .. %d", k, HG_NEIGHBOURS_MAX);
    c.k = k;
    HG_TRY(make_graph(ctx, &c, out));
done:
    clear_cloud(ctx, &c);
    return status;
}

hg_status hg_graph_within(hg_context *ctx, const hg_points *points, double radius, hg_graph **out)
{
    hg_status status = HG_OK;
    cloud c = {0};
    HG_TRY(fill_cloud(ctx, points, &c));
    HG_CHECK(radius > 0 && isfinite(radius) && points->light_speed == 0, HG_ERR_ARG,
             "neighbours: radius %g%s, expected a finite number above 0", radius, points->light_speed > 0 ? " of an interval" : "");
    c.radius = radius;
    HG_TRY(make_graph(ctx, &c, out));
done:
    clear_cloud(ctx, &c);
    return status;
}

hg_status hg_graph_complete(hg_context *ctx, int64_t n_graphs, const int64_t *node_ptr, bool loops, hg_graph **out)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t n_edges = 0, used = 0;
    HG_CHECK(n_graphs >= 0 && node_ptr && node_ptr[0] == 0, HG_ERR_ARG, "neighbours: no graphs, or the first does not start at 0");
    for (int64_t g = 0; g < n_graphs; ++g) {
        int64_t n = node_ptr[g + 1] - node_ptr[g];
        HG_CHECK(n >= 0 && n <= INT32_MAX, HG_ERR_ARG, "neighbours: graph %" PRId64 " has %" PRId64 " points", g, n);
        HG_CHECK(n_edges <= INT64_MAX / 2 - n * n, HG_ERR_LIMIT, "neighbours: too many pairs of points");
        n_edges += n * (n - !loops);
    }
    HG_TRY(hg_alloc(ctx, &sender, n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, n_edges));
    for (int64_t g = 0; g < n_graphs; ++g) {
        for (int64_t i = node_ptr[g]; i < node_ptr[g + 1]; ++i) {
            for (int64_t j = node_ptr[g]; j < node_ptr[g + 1]; ++j) {
                if (j == i && !loops) continue;
                sender[used] = (int32_t)j;
                receiver[used++] = (int32_t)i;
            }
        }
    }
    HG_TRY(hg_graph_create(ctx, node_ptr[n_graphs], n_edges, sender, receiver, n_graphs, node_ptr, out));
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    return status;
}
