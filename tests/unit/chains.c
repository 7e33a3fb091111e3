/* chains.c — hits and doublets in order, and the best chains through them, on random doublets between layers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/line_graph.h"
#include "tests/leaks.h"
#include "tracking/finder.h"

static hg_context *ctx;

enum { LAYERS = 9, HITS = 400, EDGES = 1500 };

/* In the order in which particles cross them. */
static const int32_t way[LAYERS] = {4, 1, 7, 0, 8, 3, 2, 6, 5};

typedef struct toy {
    hg_module modules[LAYERS];
    hg_layer layers[LAYERS];
    int32_t module_layer[LAYERS];
    hg_detector detector;
    hg_hits hits;
    int64_t module[HITS];
    int32_t place[HITS]; /* of the hit's layer on the way */
    hg_graph *graph, *line;
    int64_t *line_doublet;
    float *doublet_score, *triplet_score;
    hg_finder_input input;
} toy;

/* n_back: so many doublets more that lead back; their scores are 0. */
static void make_toy(toy *t, uint64_t seed, int n_back)
{
    hg_random r = hg_random_stream(seed, 1, 0, 0);
    int32_t sender[EDGES + 1], receiver[EDGES + 1];
    int n = 0;
    *t = (toy){.hits = {.n = HITS}};
    t->detector =
        (hg_detector){.n_modules = LAYERS, .n_layers = LAYERS, .modules = t->modules, .module_layer = t->module_layer, .layers = t->layers};
    for (int l = 0; l < LAYERS; ++l) t->module_layer[l] = l;
    for (int i = 0; i < HITS; ++i) {
        t->place[i] = (int32_t)hg_random_below(&r, LAYERS);
        t->module[i] = way[t->place[i]];
    }
    while (n < EDGES) {
        const int32_t from = (int32_t)hg_random_below(&r, HITS), to = (int32_t)hg_random_below(&r, HITS);
        if (t->place[to] <= t->place[from] || t->place[to] > t->place[from] + 2) continue;
        sender[n] = from;
        receiver[n++] = to;
    }
    for (int k = 0; k < n_back; ++k, ++n) {
        sender[n] = receiver[k];
        receiver[n] = sender[k];
    }
    assert_int_equal(hg_graph_create(ctx, HITS, n, sender, receiver, 1, NULL, &t->graph), HG_OK);
    assert_int_equal(hg_alloc(ctx, &t->doublet_score, n), HG_OK);
    for (int64_t e = 0; e < n; ++e) {
        /* the same score for a doublet, wherever it is in the list */
        hg_random own = hg_random_stream(seed, 2, (uint64_t)t->graph->sender[e], (uint64_t)t->graph->receiver[e]);
        const bool back = t->place[t->graph->sender[e]] > t->place[t->graph->receiver[e]];
        t->doublet_score[e] = back ? 0.0f : (float)hg_random_range(&own, 0.05, 1.0);
    }
    assert_int_equal(hg_line_graph_build(ctx, t->graph, NULL, &t->line_doublet, &t->line), HG_OK);
    assert_int_equal(hg_alloc(ctx, &t->triplet_score, t->line->n_edges), HG_OK);
    t->input = (hg_finder_input){
        .hits = &t->hits, .hit_module = t->module, .detector = &t->detector, .graph = t->graph, .doublet_score = t->doublet_score};
}

static void clear_toy(toy *t)
{
    hg_graph_destroy(ctx, t->graph);
    hg_graph_destroy(ctx, t->line);
    hg_free(ctx, t->line_doublet);
    hg_free(ctx, t->doublet_score);
    hg_free(ctx, t->triplet_score);
}

static hg_finder *make_finder(const toy *t, bool with_line)
{
    hg_finder_options options = hg_finder_default_options();
    hg_finder_input input = t->input;
    hg_finder *finder = NULL;
    options.builder = HG_FINDER_CHAINS;
    if (with_line) {
        input.line = t->line;
        input.line_doublet = t->line_doublet;
        input.triplet_score = t->triplet_score;
    }
    assert_int_equal(hg_finder_create(ctx, &input, &options, &finder), HG_OK);
    return finder;
}

static void every_node_comes_after_those_before_it(void **state)
{
    (void)state;
    toy t;
    make_toy(&t, 1, 0);
    hg_finder *finder = make_finder(&t, true);
    assert_int_equal(hg_finder_order_hits(ctx, finder), HG_OK);
    assert_int_equal(hg_finder_order_doublets(ctx, finder), HG_OK);
    assert_non_null(finder->hit_order);
    assert_non_null(finder->doublet_order);
    const struct {
        const hg_graph *graph;
        const int32_t *order;
    } both[] = {{t.graph, finder->hit_order}, {t.line, finder->doublet_order}};
    for (int k = 0; k < 2; ++k) {
        int64_t *place = NULL;
        assert_int_equal(hg_alloc(ctx, &place, both[k].graph->n_nodes), HG_OK);
        for (int64_t i = 0; i < both[k].graph->n_nodes; ++i) place[both[k].order[i]] += i + 1; /* each node once */
        for (int64_t i = 0; i < both[k].graph->n_nodes; ++i) assert_in_range(place[i], 1, both[k].graph->n_nodes);
        for (int64_t e = 0; e < both[k].graph->n_edges; ++e)
            assert_true(place[both[k].graph->sender[e]] < place[both[k].graph->receiver[e]]);
        hg_free(ctx, place);
    }
    hg_finder_destroy(ctx, finder);
    clear_toy(&t);
}

static void assert_same_paths(const hg_paths *a, const hg_paths *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->offset, b->offset, (size_t)(a->n + 1) * sizeof *a->offset);
    assert_memory_equal(a->node, b->node, (size_t)a->offset[a->n] * sizeof *a->node);
    assert_memory_equal(a->link, b->link, (size_t)a->offset[a->n] * sizeof *a->link);
}

/* A doublet that leads back to a layer takes the order by layers away, but not the chains. */
static void ways_back_change_no_chain(void **state)
{
    (void)state;
    toy straight, round;
    make_toy(&straight, 2, 0);
    make_toy(&round, 2, 1);
    hg_finder *a = make_finder(&straight, false), *b = make_finder(&round, false);
    assert_int_equal(hg_finder_first_chains(ctx, a), HG_OK);
    assert_int_equal(hg_finder_first_chains(ctx, b), HG_OK);
    assert_non_null(a->hit_order);
    assert_null(b->hit_order);
    assert_true(a->first_chains.n > 20);
    assert_same_paths(&a->first_chains, &b->first_chains);
    hg_finder_destroy(ctx, a);
    hg_finder_destroy(ctx, b);
    clear_toy(&straight);
    clear_toy(&round);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_comes_after_those_before_it),
        cmocka_unit_test(ways_back_change_no_chain),
    };
    if (hg_context_create(&ctx) != HG_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return close_without_leaks(ctx) || failed;
}
