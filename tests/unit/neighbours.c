/* neighbours.c — neighbour graphs against brute force: lattices full of ties, clouds large enough for the tree, intervals, radii. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/random.h"
#include "graph/point_scan.h"
#include "hitgraph/neighbours.h"
#include "../near.h"
#include "tests/leaks.h"

static hg_context *ctx;

enum { POINTS_MAX = 2000, STRIDE = 7 };

typedef struct trial {
    hg_real x[POINTS_MAX * STRIDE];
    int64_t node_ptr[6], column[5];
    hg_points points;
} trial;

static void must(hg_status status)
{
    if (status < 0) fail_msg("%s", hg_context_message(ctx));
}

/* Coarse lattices give many equal distances and equal points; every third trial is spread out instead. */
static void make_trial(int number, trial *t)
{
    hg_random rng = hg_random_stream(3, 1, 0, (uint64_t)number);
    bool large = number % 4 == 3;
    t->points = (hg_points){.x = t->x, .stride = STRIDE, .column = t->column, .node_ptr = t->node_ptr, .n_graphs = 5};
    t->points.n_columns = 1 + number % 5;
    for (int64_t c = 0; c < 5; ++c) t->column[c] = (3 * c + number) % STRIDE;
    t->node_ptr[0] = 0;
    for (int g = 0; g < 5; ++g) {
        int64_t n = g == 1 ? 0 : g == 3 ? 1 : hg_random_below(&rng, 60);
        if (large && g == 2) n = 950 + hg_random_below(&rng, 200);
        t->node_ptr[g + 1] = t->node_ptr[g] + n;
    }
    t->points.n = t->node_ptr[5];
    double scale = number % 3 == 2 ? 1e-3 : 1;
    for (int64_t i = 0; i < t->points.n * STRIDE; ++i)
        t->x[i] = (hg_real)(number % 3 == 2 ? hg_random_normal(&rng) * scale : (double)hg_random_below(&rng, 8));
    t->points.loops = number % 7 == 0;
    if (t->points.n_columns >= 2 && number % 5 == 1) {
        t->points.light_speed = 0.5;
        t->points.time_weight = number % 2 ? 1 : 3;
    }
}

static double nearness(const trial *t, int64_t i, int64_t j)
{
    const hg_points *p = &t->points;
    double sum = 0;
    for (int64_t c = 0; c < p->n_columns; ++c) {
        double d = (double)t->x[j * STRIDE + t->column[c]] - (double)t->x[i * STRIDE + t->column[c]];
        bool time = p->light_speed > 0 && c == p->n_columns - 1;
        sum += time ? -(p->light_speed * d) * (p->light_speed * d) : d * d;
    }
    return sum >= 0 ? sum : -p->time_weight * sum;
}

typedef struct candidate {
    double nearness;
    int32_t point;
} candidate;

static int nearer(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->nearness != y->nearness) return x->nearness < y->nearness ? -1 : 1;
    return x->point < y->point ? -1 : 1;
}

/* What the receiver's edges must be, near to far. */
static int64_t brute_force(const trial *t, int64_t g, int64_t i, candidate *list)
{
    int64_t n = 0;
    for (int64_t j = t->node_ptr[g]; j < t->node_ptr[g + 1]; ++j) {
        if (j == i && !t->points.loops) continue;
        list[n++] = (candidate){nearness(t, i, j), (int32_t)j};
    }
    qsort(list, (size_t)n, sizeof *list, nearer);
    return n;
}

static void nearest_against_brute_force(void **state)
{
    (void)state;
    trial *t = malloc(sizeof *t);
    candidate *list = malloc(POINTS_MAX * sizeof *list);
    for (int number = 0; number < 60; ++number) {
        make_trial(number, t);
        int64_t k = 1 + (number * 5) % 13, n_edges = 0;
        hg_graph *graph = NULL;
        must(hg_graph_nearest(ctx, &t->points, k, &graph));
        assert_int_equal(graph->n_graphs, 5);
        for (int64_t g = 0; g < 5; ++g) {
            for (int64_t i = t->node_ptr[g]; i < t->node_ptr[g + 1]; ++i) {
                int64_t n = brute_force(t, g, i, list);
                if (n > k) n = k;
                assert_int_equal(graph->in_ptr[i + 1] - graph->in_ptr[i], n);
                for (int64_t e = 0; e < n; ++e) {
                    assert_int_equal(graph->sender[graph->in_ptr[i] + e], list[e].point);
                    assert_int_equal(graph->receiver[graph->in_ptr[i] + e], i);
                }
                n_edges += n;
            }
        }
        assert_int_equal(graph->n_edges, n_edges);
        hg_graph_destroy(ctx, graph);
    }
    free(list);
    free(t);
}

static void radius_against_brute_force(void **state)
{
    (void)state;
    trial *t = malloc(sizeof *t);
    for (int number = 0; number < 40; ++number) {
        make_trial(number, t);
        t->points.light_speed = 0;
        double radius = number % 3 == 2 ? 5e-4 : 2;
        hg_graph *graph = NULL;
        must(hg_graph_within(ctx, &t->points, radius, &graph));
        int64_t e = 0;
        for (int64_t g = 0; g < 5; ++g) {
            for (int64_t i = t->node_ptr[g]; i < t->node_ptr[g + 1]; ++i) {
                for (int64_t j = t->node_ptr[g]; j < t->node_ptr[g + 1]; ++j) {
                    if ((j == i && !t->points.loops) || nearness(t, i, j) > radius * radius) continue;
                    assert_true(e < graph->n_edges);
                    assert_int_equal(graph->sender[e], j);
                    assert_int_equal(graph->receiver[e++], i);
                }
            }
        }
        assert_int_equal(graph->n_edges, e);
        hg_graph_destroy(ctx, graph);
    }
    free(t);
}

static void all_pairs(void **state)
{
    (void)state;
    const int64_t node_ptr[] = {0, 3, 3, 4};
    const int32_t sender[] = {1, 2, 0, 2, 0, 1}, receiver[] = {0, 0, 1, 1, 2, 2};
    hg_graph *graph = NULL;
    must(hg_graph_complete(ctx, 3, node_ptr, false, &graph));
    assert_int_equal(graph->n_edges, 6);
    assert_memory_equal(graph->sender, sender, sizeof sender);
    assert_memory_equal(graph->receiver, receiver, sizeof receiver);
    hg_graph_destroy(ctx, graph);
    must(hg_graph_complete(ctx, 3, node_ptr, true, &graph));
    assert_int_equal(graph->n_edges, 10);
    assert_int_equal(graph->sender[9], 3);
    hg_graph_destroy(ctx, graph);
}

/* All instruction sets give the same bits, and no point beyond the limit is needed: at least k are within it. */
static void scans_agree(void **state)
{
    (void)state;
    enum { COUNT = 150, COLUMNS = 4 };
    static double x[COUNT * COLUMNS], squared[HG_POINT_SCANS][COUNT];
    static uint8_t near[HG_POINT_SCANS][COUNT + 8];
    hg_point_scan_fn *all[HG_POINT_SCANS];
    hg_random rng = hg_random_stream(3, 2, 0, 0);
    const int n = hg_point_scan_list(all);
    assert_ptr_equal(all[n - 1], hg_point_scan_best());
    for (int i = 0; i < COUNT * COLUMNS; ++i) x[i] = i % 3 ? hg_random_normal(&rng) : (double)hg_random_below(&rng, 3);
    for (int count = 1; count <= COUNT; count += count < 40 ? 1 : 11) {
        double limit[HG_POINT_SCANS];
        int64_t within = 0;
        hg_point_scan s = {
            .x = x, .stride = COUNT, .count = count, .n_columns = COLUMNS, .at = count / 2, .left_out = count % 2 ? count / 2 : -1};
        s.k = count % 5 ? (count < 8 ? 1 : 8) : 0;
        s.within = 2;
        s.light_speed = count % 7 ? 0 : 0.6;
        s.time_weight = 2;
        for (int i = 0; i < n; ++i) {
            memset(near[i], 7, sizeof near[i]);
            s.squared = squared[i];
            s.near = near[i];
            limit[i] = all[i](&s);
            assert_memory_equal(squared[i], squared[0], (size_t)count * sizeof(double));
            assert_memory_equal(near[i], near[0], (size_t)(count + 7) / 8 * 8);
            assert_memory_equal(&limit[i], &limit[0], sizeof(double));
        }
        for (int j = 0; j < count; ++j) {
            assert_int_equal(near[0][j], squared[0][j] <= limit[0]);
            within += near[0][j];
        }
        if (s.k > 0 && count - (s.left_out >= 0) >= s.k) assert_true(within >= s.k);
        for (int j = count; j % 8 != 0; ++j) assert_int_equal(near[0][j], 0);
    }
}

static void any_number_of_threads(void **state)
{
    (void)state;
    trial *t = malloc(sizeof *t);
    make_trial(7, t);
    hg_graph *one = NULL, *other = NULL;
    must(hg_context_set_threads(ctx, 1));
    must(hg_graph_nearest(ctx, &t->points, 8, &one));
    for (int threads = 2; threads <= 8; ++threads) {
        must(hg_context_set_threads(ctx, threads));
        must(hg_graph_nearest(ctx, &t->points, 8, &other));
        assert_int_equal(one->n_edges, other->n_edges);
        assert_memory_equal(one->sender, other->sender, (size_t)one->n_edges * sizeof *one->sender);
        hg_graph_destroy(ctx, other);
    }
    hg_graph_destroy(ctx, one);
    must(hg_context_set_threads(ctx, 2));
    free(t);
}

static void refused(hg_status expected, const char *words, const hg_points *points, int64_t k)
{
    hg_graph *graph = (hg_graph *)(uintptr_t)8;
    hg_status status = hg_graph_nearest(ctx, points, k, &graph);
    if (status != expected || !strstr(hg_context_message(ctx), words))
        fail_msg("status %d, message \"%s\"", status, hg_context_message(ctx));
    assert_ptr_equal(graph, (void *)(uintptr_t)8);
}

static void bad_points(void **state)
{
    (void)state;
    hg_real x[] = {1, 2, 3, 4};
    const int64_t far[] = {5}, ptr[] = {0, 3};
    hg_points p = {.x = x, .n = 2, .stride = 2, .n_columns = 2};
    refused(HG_ERR_ARG, "k is 0", &p, 0);
    refused(HG_ERR_ARG, "k is 1025", &p, 1025);
    p.n_columns = 3;
    refused(HG_ERR_ARG, "column 2", &p, 1);
    p.n_columns = 1;
    p.column = far;
    refused(HG_ERR_ARG, "column 5", &p, 1);
    p.column = NULL;
    p.light_speed = 1;
    refused(HG_ERR_ARG, "intervals", &p, 1);
    p.light_speed = 0;
    p.n_graphs = 1;
    p.node_ptr = ptr;
    refused(HG_ERR_ARG, "0 .. 3", &p, 1);
    p.node_ptr = NULL;
    x[2] = (hg_real)NAN;
    refused(HG_ERR_NUMERIC, "row 1, column 0", &p, 1);
    hg_graph *graph = NULL;
    x[2] = 1;
    assert_int_equal(hg_graph_within(ctx, &p, -1, &graph), HG_ERR_ARG);
    for (int64_t n = 0;; ++n) {
        size_t used = hg_memory_used(ctx);
        hg_memory_fail_after(ctx, n);
        hg_status status = hg_graph_nearest(ctx, &p, 1, &graph);
        hg_memory_fail_after(ctx, -1);
        if (status == HG_OK) break;
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_int_equal(hg_memory_used(ctx), used);
    }
    hg_graph_destroy(ctx, graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nearest_against_brute_force),
                                       cmocka_unit_test(radius_against_brute_force),
                                       cmocka_unit_test(all_pairs),
                                       cmocka_unit_test(scans_agree),
                                       cmocka_unit_test(any_number_of_threads),
                                       cmocka_unit_test(bad_points)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
