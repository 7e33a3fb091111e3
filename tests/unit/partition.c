/* partition.c — parts, lists, halos and figures against brute force; METIS called from many threads, and never with what breaks it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <omp.h>
#include "graph/partition.h"
#include "tests/layered_graphs.h"

static bool neighbours(const hg_graph *g, int32_t a, int32_t b)
{
    for (int64_t e = 0; e < g->n_edges; ++e) {
        if ((g->sender[e] == a && g->receiver[e] == b) || (g->sender[e] == b && g->receiver[e] == a)) return true;
    }
    return false;
}

static void adjacency_is_simple_and_symmetric(void **state)
{
    (void)state;
    for (int trial = 0; trial < 100; ++trial) {
        hg_graph *g = corner_graph(ctx, trial);
        hg_adjacency a;
        int64_t loops = 0;
        must(hg_adjacency_create(ctx, g, NULL, &a));
        for (int64_t e = 0; e < g->n_edges; ++e) loops += g->sender[e] == g->receiver[e];
        assert_int_equal(a.loops, loops);
        assert_int_equal(a.merged, g->n_edges - loops - a.ptr[g->n_nodes] / 2);
        for (int32_t i = 0; i < g->n_nodes; ++i) {
            int64_t k = a.ptr[i];
            for (int32_t j = 0; j < g->n_nodes; ++j) {
                if (i == j || !neighbours(g, i, j)) continue;
                assert_true(k < a.ptr[i + 1]);
                assert_int_equal(a.weight[k], 1);
                assert_int_equal(a.neighbour[k++], j);
            }
            assert_int_equal(k, a.ptr[i + 1]);
        }
        hg_adjacency_clear(ctx, &a);
        hg_graph_destroy(ctx, g);
    }
}

static void weights_of_merged_edges_add_up(void **state)
{
    (void)state;
    const int32_t sender[] = {0, 1, 0, 2}, receiver[] = {1, 0, 1, 1}, weight[] = {5, 7, 11, 13};
    hg_graph *g = NULL;
    hg_adjacency a;
    int32_t sorted[4];
    must(hg_graph_create(ctx, 3, 4, sender, receiver, 1, NULL, &g));
    for (int64_t e = 0; e < 4; ++e) sorted[e] = weight[g->caller_edge[e]];
    must(hg_adjacency_create(ctx, g, sorted, &a));
    assert_int_equal(a.merged, 2);
    assert_int_equal(a.weight[a.ptr[0]], 23);
    assert_int_equal(a.weight[a.ptr[1]], 23);
    assert_int_equal(a.weight[a.ptr[1] + 1], 13);
    hg_adjacency_clear(ctx, &a);
    hg_graph_destroy(ctx, g);
}

/* Every list and figure of a partition, counted again. */
static void expect_partition(const hg_graph *g, const hg_partition *p)
{
    int64_t cut = 0, node_at = 0, edge_at = 0, halo_at = 0, empty = 0;
    for (int32_t part = 0; part < p->n_parts; ++part) {
        for (int boundary = 0; boundary < 2; ++boundary) {
            for (int32_t i = 0; i < g->n_nodes; ++i) {
                bool foreign = false;
                for (int32_t j = 0; j < g->n_nodes; ++j) foreign = foreign || (p->part[j] != p->part[i] && neighbours(g, i, j));
                if (p->part[i] == part && foreign == (boundary == 1)) assert_int_equal(p->node[node_at++], i);
            }
            if (boundary == 0) assert_int_equal(p->interior_nodes[part], node_at - p->node_ptr[part]);
            for (int64_t e = 0; e < g->n_edges; ++e) {
                const bool foreign = p->part[g->sender[e]] != part;
                if (p->part[g->receiver[e]] == part && foreign == (boundary == 1)) {
                    assert_int_equal(p->edge[edge_at++], e);
                    cut += foreign;
                }
            }
            if (boundary == 0) assert_int_equal(p->interior_edges[part], edge_at - p->edge_ptr[part]);
        }
        for (int32_t j = 0; j < g->n_nodes; ++j) {
            bool close = false;
            for (int32_t i = 0; i < g->n_nodes; ++i) close = close || (p->part[i] == part && neighbours(g, i, j));
            if (close && p->part[j] != part) assert_int_equal(p->halo[halo_at++], j);
        }
        empty += node_at == p->node_ptr[part];
        assert_int_equal(p->node_ptr[part + 1], node_at);
        assert_int_equal(p->edge_ptr[part + 1], edge_at);
        assert_int_equal(p->halo_ptr[part + 1], halo_at);
    }
    assert_int_equal(p->cut_edges, cut);
    assert_int_equal(p->cut_weight, cut);
    assert_int_equal(p->empty_parts, empty);
}

static void parts_are_complete_on_corner_graphs(void **state)
{
    (void)state;
    for (int trial = 0; trial < 120; ++trial) {
        hg_graph *g = corner_graph(ctx, trial);
        hg_partition *p = NULL;
        hg_partition_options options = hg_partition_default_options();
        options.n_parts = 1 + trial % (g->n_nodes > 0 ? (int)g->n_nodes : 1);
        options.balance = trial % 2 ? HG_BALANCE_EDGES : HG_BALANCE_NODES;
        must(hg_partition_create(ctx, g, &options, &p));
        expect_partition(g, p);
        assert_int_equal(p->empty_parts, g->n_nodes > 0 ? 0 : p->n_parts);
        hg_partition_destroy(ctx, p);
        hg_graph_destroy(ctx, g);
    }
}

/* The graphs are cut where they are thin, and evenly. */
static void metis_cuts_little_and_evenly(void **state)
{
    (void)state;
    layered l = layered_graph(ctx, 5000, 3);
    hg_partition *p = NULL, *again = NULL;
    hg_partition_options options = hg_partition_default_options();
    options.n_parts = 16;
    must(hg_partition_create(ctx, l.graph, &options, &p));
    assert_true(p->by_metis);
    assert_int_equal(p->empty_parts, 0);
    assert_true(p->node_imbalance < 1.06);
    assert_true((double)p->cut_edges < 0.15 * (double)l.graph->n_edges);
    must(hg_partition_from_parts(ctx, l.graph, &options, p->part, &again));
    assert_false(again->by_metis);
    assert_int_equal(again->cut_edges, p->cut_edges);
    assert_int_equal(again->halo_ptr[16], p->halo_ptr[16]);
    hg_partition_destroy(ctx, p);
    hg_partition_destroy(ctx, again);
    clear_layered(ctx, &l);
}

/* A ring with loops on a tenth of its nodes: equal shares of nodes are unequal shares of edges. */
static void balance_of_edges(void **state)
{
    (void)state;
    enum { NODES = 1000, BUSY = 100, LOOPS = 20 };
    int32_t sender[NODES + BUSY * LOOPS], receiver[NODES + BUSY * LOOPS], weight[NODES];
    hg_graph *g = NULL;
    hg_partition *p = NULL;
    hg_partition_options options = hg_partition_default_options();
    for (int32_t i = 0; i < NODES; ++i) {
        sender[i] = i;
        receiver[i] = (i + 1) % NODES;
        weight[i] = i < BUSY ? LOOPS : 1;
    }
    for (int32_t k = 0; k < BUSY * LOOPS; ++k) sender[NODES + k] = receiver[NODES + k] = k / LOOPS;
    must(hg_graph_create(ctx, NODES, NODES + BUSY * LOOPS, sender, receiver, 1, NULL, &g));
    options.n_parts = 4;
    must(hg_partition_create(ctx, g, &options, &p));
    assert_true(p->node_imbalance < 1.05 && p->edge_imbalance > 1.5);
    hg_partition_destroy(ctx, p);
    options.balance = HG_BALANCE_EDGES;
    must(hg_partition_create(ctx, g, &options, &p));
    assert_true(p->edge_imbalance < 1.35 && p->node_imbalance > 1.2);
    hg_partition_destroy(ctx, p);
    options.node_weight = weight;
    must(hg_partition_create(ctx, g, &options, &p));
    assert_true(p->edge_imbalance < 1.35 && p->node_imbalance < 1.1);
    hg_partition_destroy(ctx, p);
    hg_graph_destroy(ctx, g);
}

/* Without the lock nearly all of these calls differ from the first. */
static void concurrent_calls_agree(void **state)
{
    (void)state;
    enum { CALLS = 64 };
    layered l = layered_graph(ctx, 2000, 5);
    hg_partition *first = NULL;
    hg_partition_options options = hg_partition_default_options();
    int differ = 0, failed = 0;
    options.n_parts = 12;
    must(hg_partition_create(ctx, l.graph, &options, &first));
    for (int threads = 1; threads <= 8; ++threads) {
#pragma omp parallel for num_threads(threads) reduction(+ : differ, failed) schedule(dynamic, 1)
        for (int call = 0; call < CALLS / 4; ++call) {
            hg_context *own = NULL;
            hg_partition *p = NULL;
            failed += hg_context_create(&own) < 0 || hg_partition_create(own, l.graph, &options, &p) < 0;
            differ += !p || memcmp(p->part, first->part, (size_t)l.graph->n_nodes * sizeof *p->part) != 0;
            hg_partition_destroy(own, p);
            hg_context_destroy(own);
        }
    }
    assert_int_equal(failed, 0);
    assert_int_equal(differ, 0);
    hg_partition_destroy(ctx, first);
    options.seed = 2;
    must(hg_partition_create(ctx, l.graph, &options, &first));
    hg_partition_destroy(ctx, first);
    clear_layered(ctx, &l);
}

/* What METIS crashes on, prints about or answers wrongly must not reach it; nothing is printed. */
static void nothing_breaks_metis(void **state)
{
    (void)state;
    enum { NODES = 1000 };
    int32_t sender[3 * NODES], receiver[3 * NODES];
    hg_graph *g = NULL;
    const int64_t parts[] = {1, 2, 3, 7, 64, 124, 125, 126, 500, 999, 1000};
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_non_null(freopen(in_folder("printed"), "w", stdout));
    for (int32_t i = 0; i < NODES; ++i) { /* a ring with every loop, and every edge twice and in both directions */
        sender[i] = receiver[i] = i;
        sender[NODES + i] = receiver[2 * NODES + i] = i;
        receiver[NODES + i] = sender[2 * NODES + i] = (i + 1) % NODES;
    }
    int bad = 0;
    must(hg_graph_create(ctx, NODES, 3 * NODES, sender, receiver, 1, NULL, &g));
    for (size_t k = 0; k < sizeof parts / sizeof *parts; ++k) {
        hg_partition *p = NULL;
        hg_partition_options options = hg_partition_default_options();
        options.n_parts = parts[k];
        bad += hg_partition_create(ctx, g, &options, &p) < 0 || p->empty_parts > 0 || p->loops != NODES || p->merged != NODES;
        hg_partition_destroy(ctx, p);
    }
    hg_graph_destroy(ctx, g);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(bad, 0);
    shell("test ! -s %s/printed", folder);
}

static void bad_arguments(void **state)
{
    (void)state;
    const int32_t sender[] = {0, 1, 2}, receiver[] = {1, 2, 0}, zero[] = {1, 0, 1}, heavy[] = {1 << 30, 1 << 30, 1}, wrong[] = {0, 2, 1},
                  negative[] = {0, 1, -1};
    hg_graph *g = NULL;
    hg_partition *p = NULL;
    hg_part *part = NULL;
    must(hg_graph_create(ctx, 3, 3, sender, receiver, 1, NULL, &g));
#define EXPECT(code, text, ...)                                                                                                            \
    do {                                                                                                                                   \
        hg_partition_options o_ = {.n_parts = 2, .seed = 1};                                                                               \
        __VA_ARGS__;                                                                                                                       \
        expect_failure(hg_partition_create(ctx, g, &o_, &p), code, text);                                                                  \
        assert_null(p);                                                                                                                    \
    } while (0)
    EXPECT(HG_ERR_ARG, "0 parts", o_.n_parts = 0);
    EXPECT(HG_ERR_ARG, "-3 parts", o_.n_parts = -3);
    EXPECT(HG_ERR_ARG, "4 parts of 3 nodes", o_.n_parts = 4);
    EXPECT(HG_ERR_LIMIT, "65537 parts", o_.n_parts = 65537);
    EXPECT(HG_ERR_ARG, "seed -1", o_.seed = -1);
    EXPECT(HG_ERR_ARG, "seed 2147483648", o_.seed = INT64_C(1) << 31);
    EXPECT(HG_ERR_ARG, "weight of node 1: found 0", o_.node_weight = zero);
    EXPECT(HG_ERR_ARG, "weight of edge 1: found 0", o_.edge_weight = zero);
    EXPECT(HG_ERR_LIMIT, "weights of all nodes: their sum is 2147483649", o_.node_weight = heavy);
    EXPECT(HG_ERR_LIMIT, "weights of all edges", o_.edge_weight = heavy);
    EXPECT(HG_ERR_ARG, "balance 9", o_.balance = (hg_balance)9);
#undef EXPECT
    const hg_partition_options two = {.n_parts = 2, .seed = 1};
    expect_failure(hg_partition_from_parts(ctx, g, &two, wrong, &p), HG_ERR_ARG, "node 1 is in part 2, expected 0 .. 1");
    expect_failure(hg_partition_from_parts(ctx, g, &two, negative, &p), HG_ERR_ARG, "node 2 is in part -1");
    must(hg_partition_create(ctx, g, &two, &p));
    expect_failure(hg_part_create(ctx, g, p, 2, 0, &part), HG_ERR_ARG, "part 2, expected 0 .. 1");
    expect_failure(hg_part_create(ctx, g, p, 0, -1, &part), HG_ERR_ARG, "-1 layers");
    hg_partition_destroy(ctx, p);
    hg_graph_destroy(ctx, g);
    assert_true(hg_metis_fits(1000, INT32_MAX) && !hg_metis_fits(1000, INT64_MAX) && !hg_metis_fits(INT64_MAX, 10));
}

/* Nodes of a part and those within k edges, edges among them, in the whole's order. */
static void part_with_layers_of_halo(void **state)
{
    (void)state;
    for (int trial = 0; trial < 60; ++trial) {
        hg_graph *g = corner_graph(ctx, trial);
        hg_partition *p = NULL;
        hg_part *part = NULL;
        hg_partition_options options = hg_partition_default_options();
        options.n_parts = g->n_nodes > 3 ? 3 : 1;
        must(hg_partition_create(ctx, g, &options, &p));
        const int64_t number = trial % options.n_parts, layers = trial % 4;
        int64_t distance[128], at = 0, edge_at = 0;
        for (int64_t i = 0; i < g->n_nodes; ++i) distance[i] = p->part[i] == number ? 0 : 1000;
        for (int64_t round = 0; round < layers; ++round) {
            for (int64_t e = 0; e < g->n_edges; ++e) {
                const int32_t s = g->sender[e], r = g->receiver[e];
                if (distance[s] == round && distance[r] > round) distance[r] = round + 1;
                if (distance[r] == round && distance[s] > round) distance[s] = round + 1;
            }
        }
        must(hg_part_create(ctx, g, p, number, layers, &part));
        for (int32_t i = 0; i < g->n_nodes; ++i) {
            if (distance[i] > layers) continue;
            assert_int_equal(part->node[at], i);
            assert_int_equal(part->graph->node_graph[at], g->node_graph[i]);
            assert_int_equal(part->own[at++], distance[i] == 0);
        }
        assert_int_equal(part->graph->n_nodes, at);
        assert_int_equal(part->graph->n_graphs, g->n_graphs);
        for (int64_t e = 0; e < g->n_edges; ++e) {
            if (distance[g->sender[e]] > layers || distance[g->receiver[e]] > layers) continue;
            assert_int_equal(part->edge[edge_at], e);
            assert_int_equal(part->node[part->graph->sender[edge_at]], g->sender[e]);
            assert_int_equal(part->node[part->graph->receiver[edge_at++]], g->receiver[e]);
        }
        assert_int_equal(part->graph->n_edges, edge_at);
        assert_int_equal(part->own_nodes, p->node_ptr[number + 1] - p->node_ptr[number]);
        hg_part_destroy(ctx, part);
        hg_partition_destroy(ctx, p);
        hg_graph_destroy(ctx, g);
    }
}

/* METIS's own memory counts against the limit too. */
static void memory_limit(void **state)
{
    (void)state;
    layered l = layered_graph(ctx, 5000, 3);
    hg_partition *p = NULL;
    hg_partition_options options = hg_partition_default_options();
    const size_t before = hg_memory_used(ctx);
    options.n_parts = 16;
    hg_context_set_memory_limit(ctx, before + 1300000);
    expect_failure(hg_partition_create(ctx, l.graph, &options, &p), HG_ERR_LIMIT, "memory limit");
    assert_int_equal(hg_memory_used(ctx), before);
    hg_context_set_memory_limit(ctx, before + 8000000);
    must(hg_partition_create(ctx, l.graph, &options, &p));
    hg_context_set_memory_limit(ctx, 0);
    hg_partition_destroy(ctx, p);
    clear_layered(ctx, &l);
}

/* Every allocation may fail: the error is reported and nothing is left behind. */
static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    layered l = layered_graph(ctx, 100, 1);
    const size_t before = hg_memory_used(ctx);
    hg_partition_options options = hg_partition_default_options();
    hg_status status = HG_ERR_NOMEM;
    for (int64_t n = 0; status != HG_OK; ++n) {
        hg_partition *p = NULL;
        hg_part *part = NULL;
        options.n_parts = n % 2 ? 4 : 50;
        options.edge_weight = NULL;
        hg_memory_fail_after(ctx, n / 2);
        status = hg_partition_create(ctx, l.graph, &options, &p);
        if (status == HG_OK) status = hg_part_create(ctx, l.graph, p, 1, 2, &part);
        hg_memory_fail_after(ctx, -1);
        assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !part));
        hg_part_destroy(ctx, part);
        hg_partition_destroy(ctx, p);
        assert_int_equal(hg_memory_used(ctx), before);
        assert_true(n < 200);
    }
    clear_layered(ctx, &l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adjacency_is_simple_and_symmetric),
        cmocka_unit_test(weights_of_merged_edges_add_up),
        cmocka_unit_test(parts_are_complete_on_corner_graphs),
        cmocka_unit_test(metis_cuts_little_and_evenly),
        cmocka_unit_test(balance_of_edges),
        cmocka_unit_test(concurrent_calls_agree),
        cmocka_unit_test(nothing_breaks_metis),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(part_with_layers_of_halo),
        cmocka_unit_test(memory_limit),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
