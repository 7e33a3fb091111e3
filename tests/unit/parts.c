/* parts.c — batches that are evaluated in parts: the bits of their graphs one by one, for any threads; errors; slices of batches. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../leaks.h"
#include "../model_tools.h"
#include "base/memory.h"
#include "base/random.h"
#include "graph/slice.h"

enum { GRAPHS = 40, LARGE = 5, LARGE_NODES = 9000 };

/* All kinds of attributes and outputs; edges of the batch and searched ones, reduced in two ways and in one. */
static const char *const model_yaml = "inputs: {nodes: 5, edges: 3, globals: 2}\n"
                                      "networks:\n"
                                      "  - {name: a, widths: [20, 17], activation: relu, output_activation: relu}\n"
                                      "  - {name: b, widths: [9, 6], activation: silu, norm: layer}\n"
                                      "  - {name: c, widths: [24, 16], activation: relu, output_activation: tanh}\n"
                                      "  - {name: d, widths: [4]}\n"
                                      "  - {name: f, widths: [4]}\n"
                                      "updates:\n"
                                      "  - {edges: e, network: b, inputs: [e, difference x, sender x]}\n"
                                      "  - {nodes: x, inputs: [x, in sum e]}\n"
                                      "  - {graph: knn, k: 7, nodes: x, columns: [0, 1, 2]}\n"
                                      "  - {edges: m, network: a, inputs: [receiver x, difference x, u]}\n"
                                      "  - {nodes: y, inputs: [in mean m, in max m]}\n"
                                      "  - {graph: knn, k: 120, nodes: y, columns: [0, 1]}\n"
                                      "  - {edges: m, network: c, inputs: [receiver y, difference y]}\n"
                                      "  - {nodes: y, network: d, inputs: [y, in sum m, in std m]}\n"
                                      "  - {globals: u, network: f, inputs: [mean y, max y, u]}\n"
                                      "  - outputs: {nodes: y, edges: e, globals: u}\n";

/* Empty graphs, single nodes, graphs of fewer nodes than neighbours, and one that is worth a team. */
static sample many_graphs(hg_model_widths w, bool large)
{
    hg_random r = hg_random_stream(5, 1, 0, 0);
    int64_t node_ptr[GRAPHS + 1] = {0}, n_edges = 0;
    for (int g = 0; g < GRAPHS; ++g) {
        int64_t n = g % 9 == 1 ? 0 : g % 9 == 2 ? 1 : 1 + hg_random_below(&r, g % 2 ? 8 : 300);
        node_ptr[g + 1] = node_ptr[g] + (large && g == LARGE ? LARGE_NODES : n);
    }
    int32_t *sender = calloc((size_t)(3 * node_ptr[GRAPHS]), sizeof *sender),
            *receiver = calloc((size_t)(3 * node_ptr[GRAPHS]), sizeof *sender);
    for (int g = 0; g < GRAPHS; ++g) {
        const int64_t n = node_ptr[g + 1] - node_ptr[g];
        for (int64_t e = 0; e < 3 * n; ++e) {
            sender[n_edges] = (int32_t)(node_ptr[g] + hg_random_below(&r, n));
            receiver[n_edges++] = (int32_t)(node_ptr[g] + hg_random_below(&r, n));
        }
    }
    sample s = {0};
    must(hg_graph_create(ctx, node_ptr[GRAPHS], n_edges, sender, receiver, GRAPHS, node_ptr, &s.graph));
    free(sender);
    free(receiver);
    sample_attach(&s, w);
    return s;
}

static void assert_same(const char *what, const hg_real *found, const hg_real *expected, int64_t n)
{
    if (n > 0 && memcmp(found, expected, (size_t)n * sizeof *found) != 0) fail_msg("%s: other bits", what);
}

static void assert_same_results(const results *found, const results *expected, const hg_graph *g, hg_model_widths w)
{
    assert_same("nodes", found->nodes, expected->nodes, g->n_nodes * w.node_out);
    assert_same("edges", found->edges, expected->edges, g->n_edges * w.edge_out);
    assert_same("globals", found->globals, expected->globals, g->n_graphs * w.global_out);
}

/* Each graph evaluated alone. */
static void one_by_one(const hg_model *model, const sample *s, hg_model_widths w, results *out)
{
    const hg_graph *all = s->graph;
    for (int64_t g = 0; g < all->n_graphs; ++g) {
        hg_graph *graph = NULL;
        const int64_t node = all->node_ptr[g], edge = all->edge_ptr[g];
        must(hg_graph_slice(ctx, all, g, g + 1, &graph));
        const hg_batch batch = {.graph = graph,
                                .nodes = s->nodes + node * w.node_in,
                                .edges = w.edge_in ? s->edges + edge * w.edge_in : NULL,
                                .globals = w.global_in ? s->globals + g * w.global_in : NULL};
        must(hg_model_forward(
            ctx, model, &batch,
            &(hg_outputs){out->nodes + node * w.node_out, out->edges + edge * w.edge_out, out->globals + g * w.global_out}));
        hg_graph_destroy(ctx, graph);
    }
}

static void bits_of_graphs_alone(hg_model *model, bool large)
{
    const hg_model_widths w = hg_model_get_widths(model);
    sample s = many_graphs(w, large);
    results expected = results_for(s.graph, w), found = results_for(s.graph, w);
    one_by_one(model, &s, w, &expected);
    for (int threads = 1; threads <= 8; threads = threads < 3 ? threads + 1 : threads + 5) {
        must(hg_context_set_threads(ctx, threads));
        memset(found.nodes, 0, (size_t)(s.graph->n_nodes * w.node_out) * sizeof(hg_real));
        memset(found.globals, 0, (size_t)(s.graph->n_graphs * w.global_out) * sizeof(hg_real));
        must(hg_model_forward(ctx, model, &s.batch, &found.out));
        assert_same_results(&found, &expected, s.graph, w);
    }
    must(hg_context_set_threads(ctx, 2));
    results_clear(&expected);
    results_clear(&found);
    sample_clear(&s);
}

static void as_graphs_one_by_one(void **state)
{
    (void)state;
    hg_model *model = model_of(model_yaml), *dynedge = architecture("dynedge_small", NULL);
    for (int precision = HG_PRECISION_FLOAT32; precision <= HG_PRECISION_BF16; ++precision) {
        must(hg_context_set_precision(ctx, (hg_precision)precision));
        bits_of_graphs_alone(model, false);
        bits_of_graphs_alone(dynedge, true);
    }
    must(hg_context_set_precision(ctx, HG_PRECISION_FLOAT32));
    hg_model_destroy(ctx, model);
    hg_model_destroy(ctx, dynedge);
}

/* Attributes of a late graph are no numbers: the row is counted in the whole batch, and the outputs stay as they were. */
static void errors_speak_of_the_whole(void **state)
{
    (void)state;
    hg_model *model = model_of(model_yaml);
    const hg_model_widths w = hg_model_get_widths(model);
    sample s = many_graphs(w, false);
    results r = results_for(s.graph, w);
    char expected[64];
    const int64_t row = s.graph->n_nodes - 1;
    s.nodes[row * w.node_in + 3] = (hg_real)NAN;
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_NUMERIC);
    snprintf(expected, sizeof expected, "row %lld, column 3", (long long)row);
    if (!strstr(hg_context_message(ctx), expected)) fail_msg("message \"%s\", expected \"%s\"", hg_context_message(ctx), expected);
    for (int64_t i = 0; i < s.graph->n_graphs * w.global_out; ++i) assert_true(r.globals[i] == 0);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void memory_errors(void **state)
{
    (void)state;
    hg_model *model = architecture("dynedge_small", NULL);
    const hg_model_widths w = hg_model_get_widths(model);
    sample s = many_graphs(w, false);
    results r = results_for(s.graph, w);
    for (int64_t n = 0;; n += 1 + n / 8) {
        const size_t used = hg_memory_used(ctx);
        hg_memory_fail_after(ctx, n);
        const hg_status status = hg_model_forward(ctx, model, &s.batch, &r.out);
        hg_memory_fail_after(ctx, -1);
        assert_int_equal(hg_memory_used(ctx), used);
        if (status == HG_OK) break;
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_non_null(strstr(hg_context_message(ctx), "out of memory"));
    }
    hg_context_set_memory_limit(ctx, hg_memory_used(ctx) + 100000);
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_LIMIT);
    hg_context_set_memory_limit(ctx, 0);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* A slice is the batch that those graphs would have been made into. */
static void slices(void **state)
{
    (void)state;
    sample s = many_graphs((hg_model_widths){0}, false);
    const hg_graph *all = s.graph;
    const int64_t cuts[] = {0, 1, 2, 11, GRAPHS, GRAPHS};
    for (int c = 0; c < 5; ++c) {
        hg_graph *slice = NULL, *made = NULL;
        const int64_t first = cuts[c], end = cuts[c + 1], node = all->node_ptr[first], edge = all->edge_ptr[first];
        must(hg_graph_slice(ctx, all, first, end, &slice));
        int32_t *list = calloc((size_t)(2 * slice->n_edges + 1), sizeof *list);
        int64_t node_ptr[GRAPHS + 1];
        for (int64_t g = first; g <= end; ++g) node_ptr[g - first] = all->node_ptr[g] - node;
        for (int64_t e = 0; e < slice->n_edges; ++e) {
            list[e] = all->sender[edge + e] - (int32_t)node;
            list[slice->n_edges + e] = all->receiver[edge + e] - (int32_t)node;
        }
        must(hg_graph_create(ctx, slice->n_nodes, slice->n_edges, list, list + slice->n_edges, end - first, node_ptr, &made));
        assert_int_equal(slice->n_graphs, made->n_graphs);
        assert_int_equal(slice->n_senders, made->n_senders);
        assert_memory_equal(slice->node_ptr, made->node_ptr, (size_t)(made->n_graphs + 1) * sizeof(int64_t));
        assert_memory_equal(slice->edge_ptr, made->edge_ptr, (size_t)(made->n_graphs + 1) * sizeof(int64_t));
        assert_memory_equal(slice->in_ptr, made->in_ptr, (size_t)(made->n_nodes + 1) * sizeof(int64_t));
        assert_memory_equal(slice->out_ptr, made->out_ptr, (size_t)(made->n_nodes + 1) * sizeof(int64_t));
        assert_memory_equal(slice->out_edge, made->out_edge, (size_t)made->n_edges * sizeof(int64_t));
        assert_memory_equal(slice->caller_edge, made->caller_edge, (size_t)made->n_edges * sizeof(int64_t));
        assert_memory_equal(slice->sender, made->sender, (size_t)made->n_edges * sizeof(int32_t));
        assert_memory_equal(slice->receiver, made->receiver, (size_t)made->n_edges * sizeof(int32_t));
        assert_memory_equal(slice->node_graph, made->node_graph, (size_t)made->n_nodes * sizeof(int32_t));
        hg_graph_destroy(ctx, slice);
        hg_graph_destroy(ctx, made);
        free(list);
    }
    sample_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_graphs_one_by_one), cmocka_unit_test(errors_speak_of_the_whole),
                                       cmocka_unit_test(memory_errors), cmocka_unit_test(slices)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
