/* doublet_clusters.c — cluster shapes in the doublet graph: against brute force in double, learned from toys with known clusters. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/memory.h"
#include "graph/doublet_clusters.h"
#include "graph/doublet_map.h"
#include "kernels/kernels.h"
#include "tests/leaks.h"
#include "tests/toy_clusters.h"

static hg_context *ctx;
static hg_doublet_map *map; /* learned once */
static toy_clusters toy;

static int learn_map(void **state)
{
    (void)state;
    return hg_doublet_map_learn(ctx, NULL, toy_clusters_next, &toy, 6, 5, &map) != HG_OK;
}

static int destroy_map(void **state)
{
    (void)state;
    hg_doublet_map_destroy(ctx, map);
    return 0;
}

static hg_doublet_graph *build(const hg_doublet_hits *hits, const hg_doublet_map *with, bool clusters, double triplet_window)
{
    hg_doublet_options options = hg_doublet_default_options();
    hg_doublet_graph *d = NULL;
    options.clusters = clusters;
    options.triplet_window = triplet_window;
    assert_int_equal(hg_doublet_graph_create(ctx, hits, with, &options, &d), HG_OK);
    return d;
}

static void assert_same_graphs(const hg_doublet_graph *a, const hg_doublet_graph *b)
{
    const size_t n = (size_t)a->graph->n_edges;
    assert_int_equal(n, b->graph->n_edges);
    assert_memory_equal(a->graph->sender, b->graph->sender, n * sizeof *a->graph->sender);
    assert_memory_equal(a->graph->receiver, b->graph->receiver, n * sizeof *a->graph->receiver);
    assert_memory_equal(a->table_score, b->table_score, n * sizeof *a->table_score);
}

/* The cell of a value in HG_CLUSTER_BINS bins up to `largest`; -1 where rounding decides. */
static int cell_of(double value, double largest)
{
    double at = value / largest * HG_CLUSTER_BINS;
    if (at >= HG_CLUSTER_BINS) return HG_CLUSTER_BINS - 1;
    return fabs(at - rint(at)) < 1e-3 && at > 0.5 ? -1 : (int)at;
}

/* What both tables say of a hit of a doublet. The tangent is perpendicular to the radius of the circle through beam line and hits, whose
 * centre lies on the perpendicular bisectors of both hits. False where rounding decides. */
static bool hit_score(const hg_doublet_graph *d, int64_t e, int64_t hit, double *score)
{
    const toy_event *t = &toy.event;
    const int32_t a = d->graph->sender[e], b = d->graph->receiver[e], volume = toy_volume[t->layer[hit]];
    double det = 2 * (t->x[a] * t->y[b] - t->x[b] * t->y[a]), ra = t->x[a] * t->x[a] + t->y[a] * t->y[a],
           rb = t->x[b] * t->x[b] + t->y[b] * t->y[b];
    double cx = (t->y[b] * ra - t->y[a] * rb) / det, cy = (t->x[a] * rb - t->x[b] * ra) / det;
    double tx = -(t->y[hit] - cy), ty = t->x[hit] - cx, norm = hypot(tx, ty);
    if (tx * (t->x[b] - t->x[a]) + ty * (t->y[b] - t->y[a]) < 0) norm = -norm;
    const double tangent[3] = {tx / norm, ty / norm, (double)d->cot[e]};
    double along[3] = {0};
    for (int k = 0; k < 9; ++k) along[k / 3] += tangent[k % 3] * (double)toy.frame[t->module[hit]][k];
    int u = cell_of(fabs(along[0] / along[2]), 0.6), v = cell_of(sqrt(fabs(along[1] / along[2])), sqrt(8));
    if (u < 0 || v < 0) return false;
    *score += (double)map->table_step * map->cluster_u[(volume * HG_CLUSTER_U_SIZES + toy.nu[hit]) * HG_CLUSTER_BINS + u];
    *score += (double)map->table_step * map->cluster_v[(volume * HG_CLUSTER_V_SIZES + toy.nv[hit]) * HG_CLUSTER_BINS + v];
    return true;
}

static void edges_are_those_of_brute_force(void **state)
{
    (void)state;
    toy_clusters_make(&toy, 40, 300, 300);
    hg_doublet_map first = *map;
    first.threshold = map->first_threshold;
    hg_doublet_graph *all = build(&toy.event.hits, &first, false, 0), *some = build(&toy.event.hits, map, true, 0);
    int64_t at = 0, judged = 0, kept = 0;
    for (int64_t e = 0; e < all->graph->n_edges; ++e) {
        const bool same = at < some->graph->n_edges && some->graph->sender[at] == all->graph->sender[e] &&
                          some->graph->receiver[at] == all->graph->receiver[e];
        double score = (double)all->table_score[e] + (double)map->first_threshold - (double)map->cluster_threshold;
        const bool certain = !all->same_layer[e] && hit_score(all, e, all->graph->sender[e], &score) &&
                             hit_score(all, e, all->graph->receiver[e], &score) && fabs(score) > 1e-3;
        if (all->same_layer[e]) {
            assert_true(same);
            assert_float_equal(some->table_score[at], all->table_score[e], 0);
        }
        if (certain) {
            assert_int_equal(same, score >= 0);
            if (same) assert_float_equal(some->table_score[at], score, 1e-3);
        }
        judged += certain;
        kept += certain && same;
        at += same;
    }
    assert_int_equal(at, some->graph->n_edges);
    assert_true(judged > 1000 && kept > 300 && kept < judged);
    hg_doublet_graph_destroy(ctx, all);
    hg_doublet_graph_destroy(ctx, some);
}

/* Clusters along v have 1 + 4 s_v cells: of each inclination that is common, the table likes that size best. */
static void learning_finds_the_inclination(void **state)
{
    (void)state;
    for (int bin = 9; bin <= 19; ++bin) {
        double s = 8 * pow((bin + 0.5) / HG_CLUSTER_BINS, 2);
        int best = 1, expected = 1 + (int)(TOY_CELLS_PER_SLOPE * s);
        for (int size = 1; size < HG_CLUSTER_V_SIZES; ++size) {
            if (map->cluster_v[size * HG_CLUSTER_BINS + bin] > map->cluster_v[best * HG_CLUSTER_BINS + bin]) best = size;
        }
        assert_true(abs(best - (expected < 20 ? expected : 20)) <= 1);
    }
}

static void count(const hg_doublet_graph *d, int64_t *targets, int64_t *edges)
{
    uint8_t *label = test_calloc((size_t)d->graph->n_edges, 1);
    float *weight = test_calloc((size_t)d->graph->n_edges, sizeof *weight);
    hg_doublet_labels(d, &toy.event.truth, label, weight);
    *targets = *edges = 0;
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        *targets += weight[e] > 0 && !d->same_layer[e];
        *edges += !d->same_layer[e];
    }
    test_free(label);
    test_free(weight);
}

static void clusters_save_false_edges(void **state)
{
    (void)state;
    toy_clusters_make(&toy, 41, 800, 800);
    int64_t targets[2], edges[2];
    for (int k = 0; k < 2; ++k) {
        hg_doublet_graph *d = build(&toy.event.hits, map, k == 1, 0);
        count(d, &targets[k], &edges[k]);
        hg_doublet_graph_destroy(ctx, d);
    }
    assert_true((double)targets[1] > 0.99 * (double)targets[0]);
    assert_true((double)(edges[1] - targets[1]) < 0.8 * (double)(edges[0] - targets[0]));
}

/* Hits without clusters, maps without tables and clusters switched off give one and the same graph. */
static void without_clusters_nothing_changes(void **state)
{
    (void)state;
    toy_clusters_make(&toy, 42, 300, 300);
    hg_doublet_hits bare = toy.event.hits;
    bare.nu = bare.nv = NULL;
    hg_doublet_map plain = *map;
    plain.n_volumes = 0;
    hg_doublet_graph *off = build(&toy.event.hits, map, false, 1.5), *no_cells = build(&bare, map, true, 1.5),
                     *no_tables = build(&toy.event.hits, &plain, true, 1.5);
    assert_same_graphs(off, no_cells);
    assert_same_graphs(off, no_tables);
    hg_doublet_graph_destroy(ctx, off);
    hg_doublet_graph_destroy(ctx, no_cells);
    hg_doublet_graph_destroy(ctx, no_tables);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    hg_doublet_graph *first = NULL;
    hg_doublet_map *learned = NULL;
    for (int threads = 1; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        hg_doublet_map *again = NULL;
        assert_int_equal(hg_doublet_map_learn(ctx, NULL, toy_clusters_next, &toy, 1, 5, &again), HG_OK);
        if (!learned) learned = again;
        assert_memory_equal(again->cluster_u, learned->cluster_u, (size_t)learned->n_volumes * HG_CLUSTER_U_CELLS);
        assert_memory_equal(again->cluster_v, learned->cluster_v, (size_t)learned->n_volumes * HG_CLUSTER_V_CELLS);
        assert_float_equal(again->cluster_threshold, learned->cluster_threshold, 0);
        if (again != learned) hg_doublet_map_destroy(ctx, again);
        toy_clusters_make(&toy, 43, 800, 800);
        hg_doublet_graph *d = build(&toy.event.hits, map, true, 1.5);
        if (first) assert_same_graphs(first, d);
        if (first) hg_doublet_graph_destroy(ctx, d);
        first = first ? first : d;
    }
    hg_doublet_graph_destroy(ctx, first);
    hg_doublet_map_destroy(ctx, learned);
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
}

/* The batch kernels give what the plain functions do, with every instruction set. */
static void instruction_sets_change_nothing(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    hg_doublet_map first = *map;
    hg_cluster_hit *cluster = NULL;
    toy_clusters_make(&toy, 45, 400, 400);
    first.threshold = map->first_threshold;
    hg_doublet_graph *all = build(&toy.event.hits, &first, false, 0);
    assert_int_equal(hg_cluster_hits_create(ctx, &toy.event.hits, map->layer_volume, &cluster), HG_OK);
    for (int t = 0; t < n_tables; ++t) {
        setenv("HG_ISA", table[t]->name, 1);
        hg_doublet_graph *some = build(&toy.event.hits, map, true, 0);
        int64_t at = 0;
        for (int64_t e = 0; e < all->graph->n_edges; ++e) {
            const int32_t i = all->graph->sender[e], j = all->graph->receiver[e];
            int32_t u[2], v[2];
            hg_cluster_cells(&cluster[i], &cluster[j], all->kappa[e], all->cot[e], u, v);
            const int32_t sum = map->cluster_u[u[0]] + map->cluster_u[u[1]] + map->cluster_v[v[0]] + map->cluster_v[v[1]];
            const float score = all->table_score[e] + (map->first_threshold - map->cluster_threshold + map->table_step * (float)sum);
            if (!all->same_layer[e] && !(score >= 0)) continue;
            assert_true(at < some->graph->n_edges && some->graph->sender[at] == i && some->graph->receiver[at] == j);
            if (!all->same_layer[e]) assert_memory_equal(&some->table_score[at], &score, sizeof score);
            ++at;
        }
        assert_int_equal(at, some->graph->n_edges);
        hg_doublet_graph_destroy(ctx, some);
    }
    unsetenv("HG_ISA");
    hg_free(ctx, cluster);
    hg_doublet_graph_destroy(ctx, all);
}

static void learning_leaves_clusters_out_when_asked(void **state)
{
    (void)state;
    hg_doublet_learn_options options = hg_doublet_default_learn_options();
    hg_doublet_map *plain = NULL;
    options.clusters = false;
    assert_int_equal(hg_doublet_map_learn(ctx, &options, toy_clusters_next, &toy, 1, 5, &plain), HG_OK);
    assert_int_equal(plain->n_volumes, 0);
    hg_doublet_map_destroy(ctx, plain);
    assert_int_equal(hg_doublet_map_learn(ctx, NULL, toy_next, &toy.event, 1, 5, &plain), HG_OK); /* hits without clusters */
    assert_int_equal(plain->n_volumes, 0);
    hg_doublet_map_destroy(ctx, plain);
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    toy_clusters_make(&toy, 44, 30, 30);
    toy_fail_at_each_allocation(ctx, &toy.event.hits, map, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_those_of_brute_force),  cmocka_unit_test(learning_finds_the_inclination),
        cmocka_unit_test(clusters_save_false_edges),       cmocka_unit_test(without_clusters_nothing_changes),
        cmocka_unit_test(threads_change_nothing),          cmocka_unit_test(learning_leaves_clusters_out_when_asked),
        cmocka_unit_test(instruction_sets_change_nothing), cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    hg_context_create(&ctx);
    hg_context_set_threads(ctx, 2);
    int failed = cmocka_run_group_tests(tests, learn_map, destroy_map);
    return failed + close_without_leaks(ctx);
}
