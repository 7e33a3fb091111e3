/* order.c — renumbered graphs are the same graphs, models give the same scores on them, and on parts with a halo. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>
#include "base/data_path.h"
#include "base/text.h"
#include "hitgraph/ordered_forward.h"
#include "hitgraph/weights.h"
#include "tests/layered_graphs.h"

enum { KINDS = 4 };

static hg_order *order_of(const hg_graph *graph, hg_order_kind kind, const int32_t *layer, const float *phi, int64_t part_nodes)
{
    hg_order *order = NULL;
    hg_order_options options = hg_order_default_options();
    options.kind = kind;
    options.layer = layer;
    options.phi_rad = phi;
    options.part_nodes = part_nodes;
    must(hg_order_create(ctx, graph, &options, &order));
    return order;
}

/* Same graphs, same nodes under new names, same edges, incoming edges of a node in the same order. */
static void expect_same_graph(const hg_graph *g, const hg_order *o)
{
    bool seen[128] = {false};
    assert_int_equal(o->graph->n_graphs, g->n_graphs);
    for (int64_t i = 0; i < g->n_nodes; ++i) {
        const int32_t old = o->old_node[i];
        assert_true(old >= 0 && old < g->n_nodes && !seen[old]);
        seen[old] = true;
        assert_int_equal(o->new_node[old], i);
        assert_int_equal(o->graph->node_graph[i], g->node_graph[old]);
        assert_int_equal(o->graph->in_ptr[i + 1] - o->graph->in_ptr[i], g->in_ptr[old + 1] - g->in_ptr[old]);
        for (int64_t k = 0; k < g->in_ptr[old + 1] - g->in_ptr[old]; ++k) {
            const int64_t e = o->graph->in_ptr[i] + k;
            assert_int_equal(o->graph->caller_edge[e], g->in_ptr[old] + k);
            assert_int_equal(o->graph->sender[e], o->new_node[g->sender[g->in_ptr[old] + k]]);
        }
    }
}

static void renumbered_graphs_are_the_same(void **state)
{
    (void)state;
    for (int trial = 0; trial < 120; ++trial) {
        hg_graph *g = corner_graph(ctx, trial);
        for (int kind = 1; kind < KINDS; ++kind) {
            hg_order *o = order_of(g, (hg_order_kind)kind, NULL, NULL, 1 + trial % 9);
            int32_t rows[128][3], moved[128][3], back[128][3], edge[300], moved_edge[300], edge_back[300];
            expect_same_graph(g, o);
            for (int64_t i = 0; i < g->n_nodes; ++i) rows[i][0] = rows[i][2] = (int32_t)i, rows[i][1] = 7;
            for (int64_t e = 0; e < g->n_edges; ++e) edge[e] = (int32_t)e;
            hg_order_nodes(ctx, o, sizeof *rows, rows, moved);
            hg_order_nodes_back(ctx, o, sizeof *rows, moved, back);
            hg_order_edges(ctx, o, sizeof *edge, edge, moved_edge);
            hg_order_edges_back(ctx, o, sizeof *edge, moved_edge, edge_back);
            for (int64_t i = 0; i < g->n_nodes; ++i) assert_int_equal(moved[i][0], o->old_node[i]);
            for (int64_t e = 0; e < g->n_edges; ++e) assert_int_equal(o->old_node[o->graph->receiver[e]], g->receiver[moved_edge[e]]);
            assert_memory_equal(back, rows, (size_t)g->n_nodes * sizeof *rows);
            assert_memory_equal(edge_back, edge, (size_t)g->n_edges * sizeof *edge);
            hg_order_destroy(ctx, o);
        }
        assert_null(order_of(g, HG_ORDER_NONE, NULL, NULL, 1));
        hg_graph_destroy(ctx, g);
    }
}

/* Mean distance of the numbers of two neighbours. */
static double mean_span(const hg_graph *g)
{
    double sum = 0;
    for (int64_t e = 0; e < g->n_edges; ++e) sum += fabs((double)g->sender[e] - (double)g->receiver[e]);
    return sum / (double)g->n_edges;
}

static void orders_bring_neighbours_together(void **state)
{
    (void)state;
    layered l = layered_graph(ctx, 4000, 9);
    const double before = mean_span(l.graph), most[KINDS] = {0, 0.4, 0.1, 0.25};
    for (int kind = 1; kind < KINDS; ++kind) {
        hg_order *o = order_of(l.graph, (hg_order_kind)kind, l.layer, l.phi, 200);
        const double after = mean_span(o->graph);
        if (!(after < most[kind] * before)) fail_msg("order %s: mean span %g, before %g", hg_order_words[kind], after, before);
        hg_order_destroy(ctx, o);
    }
    hg_order *o = order_of(l.graph, HG_ORDER_INPUT, l.layer, l.phi, 200);
    for (int64_t i = 1; i < l.graph->n_nodes; ++i) {
        const int32_t a = o->old_node[i - 1], b = o->old_node[i];
        assert_true(l.layer[a] < l.layer[b] || (l.layer[a] == l.layer[b] && l.phi[a] <= l.phi[b]));
    }
    hg_order_destroy(ctx, o);
    o = order_of(l.graph, HG_ORDER_INPUT, NULL, NULL, 200);
    for (int64_t i = 0; i < l.graph->n_nodes; ++i) assert_int_equal(o->old_node[i], i);
    hg_order_destroy(ctx, o);
    clear_layered(ctx, &l);
}

/* A path is numbered along itself, whatever its numbers were. */
static void rcm_of_a_path(void **state)
{
    (void)state;
    enum { NODES = 50 };
    int32_t sender[NODES], receiver[NODES];
    int64_t number[NODES];
    hg_graph *g = NULL;
    hg_random rng = hg_random_stream(1, 1, 0, 0);
    hg_random_permutation(&rng, NODES, number);
    for (int i = 0; i + 1 < NODES; ++i) sender[i] = (int32_t)number[i], receiver[i] = (int32_t)number[i + 1];
    must(hg_graph_create(ctx, NODES, NODES - 1, sender, receiver, 1, NULL, &g));
    hg_order *o = order_of(g, HG_ORDER_RCM, NULL, NULL, 1);
    for (int64_t e = 0; e < NODES - 1; ++e) assert_int_equal(abs(o->graph->sender[e] - o->graph->receiver[e]), 1);
    hg_order_destroy(ctx, o);
    hg_graph_destroy(ctx, g);
}

static void bad_options(void **state)
{
    (void)state;
    const int32_t sender[] = {0}, receiver[] = {1};
    const float phi[] = {0, NAN};
    hg_graph *g = NULL;
    hg_order *o = NULL;
    hg_order_options options = hg_order_default_options();
    must(hg_graph_create(ctx, 2, 1, sender, receiver, 1, NULL, &g));
    options.kind = (hg_order_kind)7;
    expect_failure(hg_order_create(ctx, g, &options, &o), HG_ERR_ARG, "order 7");
    options.kind = HG_ORDER_METIS;
    options.part_nodes = 0;
    expect_failure(hg_order_create(ctx, g, &options, &o), HG_ERR_ARG, "0 nodes");
    options.part_nodes = 1;
    options.phi_rad = phi;
    expect_failure(hg_order_create(ctx, g, &options, &o), HG_ERR_DATA, "azimuth of node 1");
    assert_null(o);
    hg_graph_destroy(ctx, g);
}

/* ---- models ---- */

typedef struct job {
    hg_model *model;
    layered l;
    hg_real *nodes, *edges;
    hg_model_widths widths;
    hg_batch batch;
} job;

static hg_real *random_rows(int64_t n, uint64_t index)
{
    hg_random rng = hg_random_stream(4, 4, 0, index);
    hg_real *rows = NULL;
    must(hg_alloc(ctx, &rows, n));
    for (int64_t i = 0; i < n; ++i) rows[i] = (hg_real)hg_random_normal(&rng);
    return rows;
}

static hg_model *named_model(const char *name)
{
    char path[HG_PATH_SIZE], *text = NULL;
    size_t length = 0;
    hg_model *model = NULL;
    must(hg_data_path(ctx, name, path));
    if (strstr(name, ".yaml")) {
        must(hg_read_file(ctx, path, 1 << 20, &text, &length));
        must(hg_model_create(ctx, name, text, 1, &model));
        hg_free(ctx, text);
    } else {
        must(hg_model_load(ctx, path, &model));
    }
    return model;
}

static job open_job(const char *name, int64_t n_nodes)
{
    job j = {.model = named_model(name), .l = layered_graph(ctx, n_nodes, 21)};
    j.widths = hg_model_get_widths(j.model);
    if (j.widths.node_in > 0) j.nodes = random_rows(j.l.graph->n_nodes * j.widths.node_in, 0);
    if (j.widths.edge_in > 0) j.edges = random_rows(j.l.graph->n_edges * j.widths.edge_in, 1);
    j.batch = (hg_batch){.graph = j.l.graph, .nodes = j.nodes, .edges = j.edges};
    return j;
}

static void close_job(job *j)
{
    hg_model_destroy(ctx, j->model);
    clear_layered(ctx, &j->l);
    hg_free(ctx, j->nodes);
    hg_free(ctx, j->edges);
}

static double largest_difference(const hg_real *a, const hg_real *b, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; ++i) {
        const double score_a = 1 / (1 + exp(-(double)a[i])), score_b = 1 / (1 + exp(-(double)b[i]));
        most = fmax(most, fabs(score_a - score_b));
    }
    return most;
}

static const char *const models[] = {"models/trackml/doublet", "models/trackml/triplet", "models/architectures/acorn_ignn.yaml"};

static void scores_do_not_depend_on_the_order(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; ++m) {
        job j = open_job(models[m], 600);
        const int64_t n = j.l.graph->n_edges;
        hg_real *whole = random_rows(n, 2), *ordered = random_rows(n, 3), *again = random_rows(n, 4);
        must(hg_model_forward(ctx, j.model, &j.batch, &(hg_outputs){.edges = whole}));
        for (int kind = 0; kind < KINDS; ++kind) {
            hg_order *o = order_of(j.l.graph, (hg_order_kind)kind, j.l.layer, j.l.phi, 50);
            must(hg_model_forward_ordered(ctx, j.model, &j.batch, o, &(hg_outputs){.edges = ordered}));
            const double difference = largest_difference(whole, ordered, n);
            if (!(difference <= 2e-5)) fail_msg("%s, order %s: scores differ by %g", models[m], hg_order_words[kind], difference);
            hg_order_destroy(ctx, o);
            for (int threads = 1; threads <= 8; ++threads) { /* ordering included: the same bits */
                must(hg_context_set_threads(ctx, threads));
                o = order_of(j.l.graph, (hg_order_kind)kind, j.l.layer, j.l.phi, 50);
                must(hg_model_forward_ordered(ctx, j.model, &j.batch, o, &(hg_outputs){.edges = again}));
                assert_memory_equal(again, ordered, (size_t)n * sizeof *again);
                hg_order_destroy(ctx, o);
            }
            must(hg_context_set_threads(ctx, 0));
        }
        hg_free(ctx, whole);
        hg_free(ctx, ordered);
        hg_free(ctx, again);
        close_job(&j);
    }
}

/* With a layer of halo less, the scores at the rims are wrong: the test would see it. */
static void parts_with_halo_give_the_scores_of_the_whole(void **state)
{
    (void)state;
    const int64_t layers[] = {3, 0, 9};
    for (size_t m = 0; m < sizeof models / sizeof *models; ++m) {
        job j = open_job(models[m], 600);
        const int64_t n = j.l.graph->n_edges;
        int64_t needed = -1;
        hg_real *whole = random_rows(n, 2), *parts = random_rows(n, 3);
        hg_partition *p = NULL;
        hg_partition_options options = hg_partition_default_options();
        options.n_parts = 7;
        must(hg_partition_create(ctx, j.l.graph, &options, &p));
        assert_true(p->cut_edges > 0);
        must(hg_model_halo_layers(ctx, j.model, &needed));
        if (layers[m] > 0) assert_int_equal(needed, layers[m]);
        must(hg_model_forward(ctx, j.model, &j.batch, &(hg_outputs){.edges = whole}));
        must(hg_model_forward_parts(ctx, j.model, &j.batch, p, &(hg_outputs){.edges = parts}));
        const double difference = largest_difference(whole, parts, n);
        if (!(difference <= 1e-6)) fail_msg("%s: scores differ by %g", models[m], difference);
        hg_partition_destroy(ctx, p);
        hg_free(ctx, whole);
        hg_free(ctx, parts);
        close_job(&j);
    }
}

static const char two_steps[] = "inputs: {nodes: 2}\n"
                                "networks:\n"
                                "  - {name: a, widths: [5], activation: tanh, output_activation: tanh}\n"
                                "  - {name: b, widths: [3], activation: tanh}\n"
                                "updates:\n"
                                "  - {nodes: h, network: a, inputs: [x, in mean sender x, out max receiver x]}\n"
                                "  - {nodes: y, network: b, inputs: [h, in sum sender h]}\n"
                                "  - outputs: {nodes: y}\n";

/* Exactly as many layers as needed: one less gives other numbers. */
static void halo_of_node_outputs_is_no_larger_than_needed(void **state)
{
    (void)state;
    layered l = layered_graph(ctx, 300, 2);
    hg_model *model = NULL;
    hg_partition *p = NULL;
    hg_partition_options options = hg_partition_default_options();
    int64_t layers = 0, wrong = 0;
    must(hg_model_create(ctx, "two steps", two_steps, 3, &model));
    must(hg_model_halo_layers(ctx, model, &layers));
    assert_int_equal(layers, 2);
    hg_real *x = random_rows(600, 0), *whole = random_rows(900, 1), *parts = random_rows(900, 2);
    const hg_batch batch = {.graph = l.graph, .nodes = x};
    options.n_parts = 5;
    must(hg_partition_create(ctx, l.graph, &options, &p));
    must(hg_model_forward(ctx, model, &batch, &(hg_outputs){.nodes = whole}));
    must(hg_model_forward_parts(ctx, model, &batch, p, &(hg_outputs){.nodes = parts}));
    for (int64_t i = 0; i < 900; ++i) assert_true(fabs((double)(whole[i] - parts[i])) <= 1e-6);
    for (int64_t number = 0; number < 5; ++number) {
        hg_part *part = NULL;
        must(hg_part_create(ctx, l.graph, p, number, layers - 1, &part));
        const int64_t n = part->graph->n_nodes;
        hg_real *inside = random_rows(2 * n, 3), *out = random_rows(3 * n, 4);
        for (int64_t i = 0; i < n; ++i) memcpy(inside + 2 * i, x + 2 * part->node[i], 2 * sizeof *x);
        must(hg_model_forward(ctx, model, &(hg_batch){.graph = part->graph, .nodes = inside}, &(hg_outputs){.nodes = out}));
        for (int64_t i = 0; i < n; ++i) wrong += part->own[i] && fabs((double)(out[3 * i] - whole[3 * part->node[i]])) > 1e-6;
        hg_free(ctx, inside);
        hg_free(ctx, out);
        hg_part_destroy(ctx, part);
    }
    assert_true(wrong > 0);
    hg_free(ctx, x);
    hg_free(ctx, whole);
    hg_free(ctx, parts);
    hg_partition_destroy(ctx, p);
    hg_model_destroy(ctx, model);
    clear_layered(ctx, &l);
}

/* What looks at whole graphs has no halo, and says so. */
static void whole_graph_models_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "networks:\n  - {name: a, widths: [5, 5], norm: batch}\nupdates:\n  - {nodes: y, network: a, inputs: [x]}\n  - outputs: {nodes: "
        "y}\n",
        "networks:\n  - {name: a, widths: [5]}\nupdates:\n  - {globals: g, network: a, inputs: [mean x]}\n  - outputs: {globals: "
        "g}\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; ++i) {
        char yaml[512];
        hg_model *model = NULL;
        int64_t layers = -1;
        snprintf(yaml, sizeof yaml, "inputs: {nodes: 2}\n%s", bodies[i]);
        must(hg_model_create(ctx, "whole", yaml, 1, &model));
        expect_failure(hg_model_halo_layers(ctx, model, &layers), HG_ERR_ARG, "depend on whole graphs");
        assert_int_equal(layers, -1);
        hg_model_destroy(ctx, model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renumbered_graphs_are_the_same),
        cmocka_unit_test(orders_bring_neighbours_together),
        cmocka_unit_test(rcm_of_a_path),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(scores_do_not_depend_on_the_order),
        cmocka_unit_test(parts_with_halo_give_the_scores_of_the_whole),
        cmocka_unit_test(halo_of_node_outputs_is_no_larger_than_needed),
        cmocka_unit_test(whole_graph_models_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
