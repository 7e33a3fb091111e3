/* graph.c — CSR graphs, line graphs and components against brute force on random graphs biased to corners. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/components.h"
#include "hitgraph/line_graph.h"
#include "tests/leaks.h"

static hg_context *ctx;

typedef struct edge_list {
    int64_t n_nodes, n_edges, n_graphs;
    int64_t node_ptr[8];
    int32_t sender[400], receiver[400];
} edge_list;

/* Sizes 0 .. 40 with empty graphs, stars, self loops and parallel edges. */
static edge_list random_edges(int trial)
{
    edge_list list = {.n_graphs = 1 + trial % 5};
    hg_random rng = hg_random_stream(7, 1, 0, (uint64_t)trial);
    for (int64_t g = 0; g < list.n_graphs; ++g) {
        int64_t n = hg_random_below(&rng, 3) ? hg_random_below(&rng, 12) : hg_random_below(&rng, 2);
        list.node_ptr[g + 1] = list.node_ptr[g] + n;
    }
    list.n_nodes = list.node_ptr[list.n_graphs];
    int64_t wanted = list.n_nodes ? hg_random_below(&rng, trial % 3 ? 60 : 400) : 0;
    for (int64_t e = 0; e < wanted; ++e) {
        int64_t g = hg_random_below(&rng, list.n_graphs), first = list.node_ptr[g], n = list.node_ptr[g + 1] - first;
        if (n == 0) continue;
        list.sender[list.n_edges] = (int32_t)(first + (trial % 4 ? hg_random_below(&rng, n) : 0));
        list.receiver[list.n_edges++] = (int32_t)(first + hg_random_below(&rng, n));
    }
    return list;
}

static hg_graph *create(const edge_list *list)
{
    hg_graph *graph = NULL;
    assert_int_equal(
        hg_graph_create(ctx, list->n_nodes, list->n_edges, list->sender, list->receiver, list->n_graphs, list->node_ptr, &graph), HG_OK);
    return graph;
}

static void graph_is_sorted_stably_and_complete(void **state)
{
    (void)state;
    for (int trial = 0; trial < 200; ++trial) {
        edge_list list = random_edges(trial);
        hg_graph *g = create(&list);
        int64_t at = 0; /* brute force: for each receiver, the caller's edges in order */
        for (int32_t i = 0; i < list.n_nodes; ++i) {
            assert_int_equal(g->in_ptr[i], at);
            for (int64_t e = 0; e < list.n_edges; ++e) {
                if (list.receiver[e] != i) continue;
                assert_int_equal(g->caller_edge[at], e);
                assert_int_equal(g->sender[at], list.sender[e]);
                assert_int_equal(g->receiver[at++], i);
            }
        }
        assert_int_equal(at, g->n_edges);
        assert_int_equal(g->in_ptr[list.n_nodes], at);
        int64_t out = 0;
        for (int32_t i = 0; i < list.n_nodes; ++i) {
            assert_int_equal(g->out_ptr[i], out);
            for (int64_t e = 0; e < g->n_edges; ++e) {
                if (g->sender[e] == i) assert_int_equal(g->out_edge[out++], e);
            }
        }
        assert_int_equal(g->out_ptr[list.n_nodes], out);
        for (int64_t b = 0; b < g->n_graphs; ++b) {
            for (int64_t i = g->node_ptr[b]; i < g->node_ptr[b + 1]; ++i) assert_int_equal(g->node_graph[i], b);
            for (int64_t e = g->edge_ptr[b]; e < g->edge_ptr[b + 1]; ++e) assert_int_equal(g->node_graph[g->receiver[e]], b);
        }
        assert_int_equal(g->edge_ptr[g->n_graphs], g->n_edges);
        hg_graph_destroy(ctx, g);
    }
}

static void assert_same_graphs(const hg_graph *a, const hg_graph *b)
{
    const size_t n = (size_t)a->n_edges;
    assert_int_equal(a->n_edges, b->n_edges);
    assert_memory_equal(a->sender, b->sender, n * sizeof *a->sender);
    assert_memory_equal(a->receiver, b->receiver, n * sizeof *a->receiver);
    assert_memory_equal(a->in_ptr, b->in_ptr, (size_t)(a->n_nodes + 1) * sizeof *a->in_ptr);
    assert_memory_equal(a->out_ptr, b->out_ptr, (size_t)(a->n_nodes + 1) * sizeof *a->out_ptr);
    assert_memory_equal(a->out_edge, b->out_edge, n * sizeof *a->out_edge);
}

/* Enough edges for several threads; edges in their stored order give the same graph again; so do the line graphs. */
static void neither_threads_nor_sorted_edges_change_a_graph(void **state)
{
    (void)state;
    enum { NODES = 5000, EDGES = 40000 };
    int32_t *sender = test_calloc(2 * EDGES, sizeof *sender), *receiver = sender + EDGES;
    hg_random rng = hg_random_stream(7, 3, 0, 0);
    hg_graph *first = NULL, *first_line = NULL;
    for (int64_t e = 0; e < EDGES; ++e) {
        sender[e] = (int32_t)hg_random_below(&rng, NODES);
        receiver[e] = (int32_t)(NODES / 10 + hg_random_below(&rng, NODES / 2));
    }
    for (int threads = 1; threads <= 3; ++threads) {
        hg_graph *g = NULL, *again = NULL, *line = NULL;
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        assert_int_equal(hg_graph_create(ctx, NODES, EDGES, sender, receiver, 1, NULL, &g), HG_OK);
        assert_int_equal(hg_graph_create(ctx, NODES, EDGES, g->sender, g->receiver, 1, NULL, &again), HG_OK);
        assert_int_equal(hg_line_graph_build(ctx, again, NULL, NULL, &line), HG_OK);
        assert_same_graphs(g, again);
        for (int64_t e = 0; e < EDGES; ++e) assert_int_equal(again->caller_edge[e], e);
        if (first) {
            assert_same_graphs(first, g);
            assert_same_graphs(first_line, line);
            hg_graph_destroy(ctx, g);
            hg_graph_destroy(ctx, line);
        }
        first = first ? first : g;
        first_line = first_line ? first_line : line;
        hg_graph_destroy(ctx, again);
    }
    hg_graph_destroy(ctx, first);
    hg_graph_destroy(ctx, first_line);
    test_free(sender);
}

static void line_graph_is_all_pairs_through_a_middle_hit(void **state)
{
    (void)state;
    for (int trial = 0; trial < 200; ++trial) {
        edge_list list = random_edges(trial);
        hg_graph *g = create(&list), *line = NULL;
        hg_random rng = hg_random_stream(7, 2, 0, (uint64_t)trial);
        uint8_t keep[400];
        for (int64_t e = 0; e < g->n_edges; ++e) keep[e] = hg_random_below(&rng, 4) != 0;
        const uint8_t *mask = trial % 2 ? keep : NULL;
        int64_t *doublet = NULL;
        assert_int_equal(hg_line_graph_build(ctx, g, mask, &doublet, &line), HG_OK);

        int64_t nodes = 0, at = 0;
        for (int64_t e = 0; e < g->n_edges; ++e) {
            if (!mask || mask[e]) assert_int_equal(doublet[nodes++], e);
        }
        assert_int_equal(line->n_nodes, nodes);
        assert_int_equal(line->n_graphs, g->n_graphs);
        for (int32_t b = 0; b < nodes; ++b) {
            assert_int_equal(g->node_graph[g->sender[doublet[b]]], line->node_graph[b]);
            for (int32_t a = 0; a < nodes; ++a) {
                if (g->receiver[doublet[a]] != g->sender[doublet[b]]) continue;
                assert_true(at < line->n_edges);
                assert_int_equal(line->sender[at], a);
                assert_int_equal(line->receiver[at++], b);
            }
        }
        assert_int_equal(at, line->n_edges);
        hg_free(ctx, doublet);
        hg_graph_destroy(ctx, line);
        hg_graph_destroy(ctx, g);
    }
}

/* Doublets and their pairs by number in the caller's order. */
static void line_graph_of_six_doublets(void **state)
{
    (void)state;
    const int32_t sender[] = {0, 1, 0, 1, 2, 3}, receiver[] = {1, 2, 2, 3, 3, 4};
    const int64_t pairs[6][2] = {{0, 1}, {0, 3}, {1, 4}, {2, 4}, {3, 5}, {4, 5}};
    hg_graph *g = NULL, *line = NULL;
    int64_t *doublet = NULL;
    bool found[6] = {0};

    assert_int_equal(hg_graph_create(ctx, 5, 6, sender, receiver, 1, NULL, &g), HG_OK);
    assert_int_equal(hg_line_graph_build(ctx, g, NULL, &doublet, &line), HG_OK);
    assert_int_equal(line->n_edges, 6);
    for (int64_t t = 0; t < 6; ++t) {
        const int64_t a = g->caller_edge[doublet[line->sender[t]]], b = g->caller_edge[doublet[line->receiver[t]]];
        for (int k = 0; k < 6; ++k) found[k] = found[k] || (pairs[k][0] == a && pairs[k][1] == b);
    }
    for (int k = 0; k < 6; ++k) assert_true(found[k]);
    hg_free(ctx, doublet);
    hg_graph_destroy(ctx, line);
    hg_graph_destroy(ctx, g);
}

static void components_are_the_closure_of_the_edges(void **state)
{
    (void)state;
    for (int trial = 0; trial < 200; ++trial) {
        edge_list list = random_edges(trial);
        hg_graph *g = create(&list);
        hg_random rng = hg_random_stream(7, 3, 0, (uint64_t)trial);
        uint8_t keep[400];
        for (int64_t e = 0; e < g->n_edges; ++e) keep[e] = hg_random_below(&rng, 8) == 0;
        int32_t label[64], component[64], number[64];
        for (int32_t i = 0; i < g->n_nodes; ++i) label[i] = i;
        for (int64_t round = 0; round < g->n_nodes; ++round) { /* smallest label spreads until nothing changes */
            for (int64_t e = 0; e < g->n_edges; ++e) {
                if (!keep[e]) continue;
                int32_t low = label[g->sender[e]] < label[g->receiver[e]] ? label[g->sender[e]] : label[g->receiver[e]];
                label[g->sender[e]] = label[g->receiver[e]] = low;
            }
        }
        int64_t n = -1;
        assert_int_equal(hg_graph_components(ctx, g, keep, component, &n), HG_OK);
        int32_t found = 0;
        for (int32_t i = 0; i < g->n_nodes; ++i) {
            if (label[i] == i) number[i] = found++;
            assert_int_equal(component[i], number[label[i]]);
        }
        assert_int_equal(n, found);
        hg_graph_destroy(ctx, g);
    }
}

static void bad_edges_are_refused_by_number(void **state)
{
    (void)state;
    int64_t node_ptr[] = {0, 2, 4}, bad_ptr[] = {0, 5, 4};
    int32_t sender[] = {0, 1}, receiver[] = {1, 2};
    hg_graph *graph = NULL;
    assert_int_equal(hg_graph_create(ctx, 4, 2, sender, receiver, 2, node_ptr, &graph), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "edge 1"));
    assert_int_equal(hg_graph_create(ctx, 2, 2, sender, receiver, 1, NULL, &graph), HG_ERR_ARG);
    assert_int_equal(hg_graph_create(ctx, 4, 2, sender, receiver, 2, bad_ptr, &graph), HG_ERR_ARG);
    sender[0] = -1;
    assert_int_equal(hg_graph_create(ctx, 4, 2, sender, receiver, 1, NULL, &graph), HG_ERR_ARG);
    assert_null(graph);
}

/* Every allocation may fail: the error is reported and nothing is left behind. */
static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    edge_list list = random_edges(6);
    size_t before = hg_memory_used(ctx);
    hg_status status = HG_ERR_NOMEM;
    for (int64_t n = 0; status != HG_OK; ++n) {
        hg_graph *graph = NULL, *line = NULL;
        int64_t *doublet = NULL;
        hg_memory_fail_after(ctx, n);
        status = hg_graph_create(ctx, list.n_nodes, list.n_edges, list.sender, list.receiver, list.n_graphs, list.node_ptr, &graph);
        if (status == HG_OK) status = hg_line_graph_build(ctx, graph, NULL, &doublet, &line);
        hg_memory_fail_after(ctx, -1);
        assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !doublet && !line));
        hg_free(ctx, doublet);
        hg_graph_destroy(ctx, line);
        hg_graph_destroy(ctx, graph);
        assert_int_equal(hg_memory_used(ctx), before);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_is_sorted_stably_and_complete),
        cmocka_unit_test(line_graph_is_all_pairs_through_a_middle_hit),
        cmocka_unit_test(neither_threads_nor_sorted_edges_change_a_graph),
        cmocka_unit_test(line_graph_of_six_doublets),
        cmocka_unit_test(components_are_the_closure_of_the_edges),
        cmocka_unit_test(bad_edges_are_refused_by_number),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    hg_context_create(&ctx);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
