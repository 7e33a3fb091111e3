/* neighbour_tables.c — the tables of neighbours and rivals against sums over all pairs of doublets, and what learning makes of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "graph/doublet_learn.h"
#include "graph/triplet_match.h"
#include "kernels/kernels.h"
#include "tests/leaks.h"
#include "tests/toy_hits.h"

static hg_context *ctx;
static hg_doublet_map *map; /* with the tables; learned once */
static toy_event toy;

static hg_doublet_map *learn(int n_events)
{
    hg_doublet_map *learned = NULL;
    hg_doublet_learn_options options = hg_doublet_default_learn_options();
    options.neighbour_efficiency = 0.97;
    assert_int_equal(hg_doublet_map_learn(ctx, &options, toy_next, &toy, n_events, 5, &learned), HG_OK);
    return learned;
}

static int learn_map(void **state)
{
    (void)state;
    map = learn(12);
    return 0;
}

static int destroy_map(void **state)
{
    (void)state;
    hg_doublet_map_destroy(ctx, map);
    return 0;
}

static hg_doublet_graph *build(const hg_doublet_options *options)
{
    hg_doublet_graph *d = NULL;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, options, &d), HG_OK);
    return d;
}

/* ---- the rule written down once more ---- */

static float *numbers(int64_t n, float value)
{
    float *list = test_malloc((size_t)n * sizeof *list + 1);
    for (int64_t k = 0; k < n; ++k) list[k] = value;
    return list;
}

static int bin(const float range[2], float value)
{
    float at = floorf((value - range[0]) / (range[1] - range[0]) * 16);
    return at < 0 ? 0 : at > 15 ? 15 : (int)at;
}

/* Log likelihood ratio of two doublets that share a hit; false if they have nothing to do with each other. */
static bool link_between(const hg_doublet_graph *d, int64_t a, int64_t b, float *link)
{
    float unit[2], reach = map->neighbours->link_reach;
    hg_triplet_match(map, d->pair[a], d->pair[b], d->kappa[a], d->kappa[b], d->cot[a], d->cot[b], unit);
    int cell[2];
    for (int k = 0; k < 2; ++k) {
        if (!(fabsf(unit[k]) < reach)) return false;
        cell[k] = (int)(16 * sqrtf(fabsf(unit[k]) / reach));
        cell[k] = cell[k] > 15 ? 15 : cell[k];
    }
    *link = map->table_step * (float)map->neighbours->link[16 * cell[0] + cell[1]];
    return true;
}

static void refine(const hg_doublet_graph *d, float offset, float *refined)
{
    const hg_neighbour_tables *t = map->neighbours;
    const int64_t n = d->graph->n_edges;
    float *before = numbers(n, -INFINITY), *after = numbers(n, -INFINITY), link;
    for (int64_t a = 0; a < n; ++a) {
        for (int64_t b = 0; b < n; ++b) {
            if (d->graph->receiver[a] != d->graph->sender[b] || !link_between(d, a, b, &link)) continue;
            after[a] = fmaxf(after[a], d->table_score[b] + link);
            before[b] = fmaxf(before[b], d->table_score[a] + link);
        }
    }
    for (int64_t e = 0; e < n; ++e) {
        const float score = d->table_score[e] + offset;
        const int cell =
            (16 * bin(t->axes.score, score) + bin(t->axes.support, before[e] + offset)) * 16 + bin(t->axes.support, after[e] + offset);
        refined[e] = score + map->table_step * (float)t->neighbours[cell];
    }
    test_free(before);
    test_free(after);
}

/* Lead of e over the best other edge with the same end. */
static float lead(const hg_doublet_graph *d, const int32_t *end, const float *refined, int64_t e)
{
    float best = -INFINITY;
    for (int64_t k = 0; k < d->graph->n_edges; ++k) {
        if (k != e && end[k] == end[e]) best = fmaxf(best, refined[k]);
    }
    return refined[e] - best;
}

static float final_score(const hg_doublet_graph *d, const float *refined, int64_t e)
{
    const hg_neighbour_axes *axes = &map->neighbours->axes;
    const int at_sender = bin(axes->lead, lead(d, d->graph->sender, refined, e));
    const int at_receiver = bin(axes->lead, lead(d, d->graph->receiver, refined, e));
    const int cell = (16 * bin(axes->refined, refined[e]) + at_sender) * 16 + at_receiver;
    return refined[e] + map->table_step * (float)map->neighbours->rivals[cell];
}

/* score_shift lets false doublets in, neighbour_shift leaves out more of them. */
static void edges_are_those_of_brute_force(void **state)
{
    (void)state;
    for (int trial = 0; trial < 3; ++trial) {
        hg_doublet_options all = hg_doublet_default_options(), some;
        all.overlaps = all.neighbour_tables = false;
        all.triplet_window = 0;
        all.score_shift = -4 * trial;
        some = all;
        some.neighbour_tables = true;
        some.neighbour_shift = trial;
        toy_make(&toy, 60 + (uint64_t)trial, 60, 60, 5);
        hg_doublet_graph *d = build(&all), *kept = build(&some);
        const float threshold = map->neighbours->threshold + (float)some.neighbour_shift;
        float *refined = numbers(d->graph->n_edges, 0);
        int64_t at = 0;
        refine(d, map->threshold + (float)all.score_shift, refined);
        for (int64_t e = 0; e < d->graph->n_edges; ++e) {
            const float score = final_score(d, refined, e) - threshold;
            if (!(score >= 0)) continue;
            assert_true(at < kept->graph->n_edges);
            assert_int_equal(kept->graph->sender[at], d->graph->sender[e]);
            assert_int_equal(kept->graph->receiver[at], d->graph->receiver[e]);
            assert_float_equal(kept->kappa[at], d->kappa[e], 0);
            assert_float_equal(kept->table_score[at++], score, 0);
        }
        assert_int_equal(at, kept->graph->n_edges);
        assert_true(at > 50 && at < d->graph->n_edges);
        test_free(refined);
        hg_doublet_graph_destroy(ctx, d);
        hg_doublet_graph_destroy(ctx, kept);
    }
}

/* ---- what they bring ---- */

static int64_t count_targets(const hg_doublet_graph *d)
{
    int64_t n = 0;
    for (int64_t e = 0; e < d->graph->n_edges; ++e)
        n += hg_doublet_kind(&toy.truth, d->same_layer[e], d->graph->sender[e], d->graph->receiver[e]) > 0;
    return n;
}

/* On an event that was not learned from: as many true doublets as the window of compatible neighbours keeps, and fewer edges. */
static void tables_judge_better_than_the_window(void **state)
{
    (void)state;
    hg_doublet_options window = hg_doublet_default_options(), tables = window;
    toy_make(&toy, 99, 800, 800, 5);
    window.score_shift = tables.score_shift = -6; /* lets false doublets in */
    window.neighbour_tables = false;
    hg_doublet_graph *by_window = build(&window), *by_tables = build(&tables);
    assert_true(count_targets(by_tables) >= count_targets(by_window));
    assert_true(by_tables->graph->n_edges < by_window->graph->n_edges);
    hg_doublet_graph_destroy(ctx, by_window);
    hg_doublet_graph_destroy(ctx, by_tables);
}

/* The other modes and a map without tables do not ask for them. */
static void tables_are_an_option(void **state)
{
    (void)state;
    toy_make(&toy, 61, 200, 200, 5);
    hg_doublet_options options = hg_doublet_default_options(), without = options;
    without.neighbour_tables = false;
    hg_neighbour_tables *tables = map->neighbours;
    map->neighbours = NULL;
    hg_doublet_graph *d = build(&options);
    map->neighbours = tables;
    hg_doublet_graph *again = build(&without);
    toy_assert_same_graphs(d, again);
    hg_doublet_graph_destroy(ctx, d);
    hg_doublet_graph_destroy(ctx, again);
    options.mode = without.mode = HG_DOUBLETS_WINDOWS;
    d = build(&options);
    again = build(&without);
    toy_assert_same_graphs(d, again);
    hg_doublet_graph_destroy(ctx, d);
    hg_doublet_graph_destroy(ctx, again);
}

/* Doublets that differ little are more likely of one particle; one with better neighbours and no rivals is more likely true. */
static void learned_tables_follow_sense(void **state)
{
    (void)state;
    const hg_neighbour_tables *t = map->neighbours;
    assert_true(t->link[0] > 10 && t->link[0] > t->link[16 * 8 + 8] && t->link[16 * 8 + 8] > t->link[16 * 15 + 15]);
    const int middle = 8 * 256;
    assert_true(t->neighbours[middle + 15 * 16 + 15] > t->neighbours[middle]);
    assert_true(t->rivals[middle + 15 * 16 + 15] > t->rivals[middle + 4 * 16 + 4]);
    hg_doublet_learn_options options = hg_doublet_default_learn_options();
    hg_doublet_map *none = NULL;
    options.neighbour_efficiency = 1.5;
    assert_int_equal(hg_doublet_map_learn(ctx, &options, toy_next, &toy, 1, 5, &none), HG_ERR_ARG);
    assert_null(none);
}

static void threads_and_instruction_sets_change_nothing(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    const hg_doublet_options options = hg_doublet_default_options();
    hg_doublet_graph *first = NULL;
    hg_doublet_map *learned = NULL;
    for (int threads = 1; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        hg_doublet_map *again = learn(2);
        if (!learned) learned = again;
        assert_memory_equal(again->neighbours, learned->neighbours, sizeof *learned->neighbours);
        if (again != learned) hg_doublet_map_destroy(ctx, again);
        toy_make(&toy, 62, 800, 800, 5);
        for (int k = 0; k < n_tables; ++k) {
            setenv("HG_ISA", table[k]->name, 1);
            hg_doublet_graph *d = build(&options);
            if (first) toy_assert_same_graphs(first, d);
            if (first) hg_doublet_graph_destroy(ctx, d);
            first = first ? first : d;
        }
        unsetenv("HG_ISA");
    }
    assert_true(first->graph->n_edges > 1000);
    hg_doublet_graph_destroy(ctx, first);
    hg_doublet_map_destroy(ctx, learned);
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
}

static void corners(void **state)
{
    (void)state;
    toy_make(&toy, 63, 0, 0, 5);
    hg_doublet_graph *d = build(NULL);
    assert_int_equal(d->graph->n_edges, 0);
    hg_doublet_graph_destroy(ctx, d);
    toy_make(&toy, 64, 30, 30, 5);
    toy_fail_at_each_allocation(ctx, &toy.hits, map, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_those_of_brute_force),
        cmocka_unit_test(tables_judge_better_than_the_window),
        cmocka_unit_test(tables_are_an_option),
        cmocka_unit_test(learned_tables_follow_sense),
        cmocka_unit_test(threads_and_instruction_sets_change_nothing),
        cmocka_unit_test(corners),
    };
    hg_context_create(&ctx);
    hg_context_set_threads(ctx, 2);
    int failed = cmocka_run_group_tests(tests, learn_map, destroy_map);
    return failed + close_without_leaks(ctx);
}
