/* tests/unit/model_bits.c — the same bits for a batch as for its graphs one by one; batches of nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../random_batch.h"
#include "tests/leaks.h"

static const struct {
    const char *name, *edits[9];
} cases[] = {{"interaction_network", {NULL}},
             {"acorn_ignn", {"64, ", "40, ", "64]", "40]", "repeat: 8", "repeat: 2", NULL}},
             {"acorn_ignn_example3", {"128", "24", "repeat: 8", "repeat: 2", NULL}},
             {"acorn_ignn2", {"128", "16", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL}},
             {"exatrkx_doublet", {"repeat: 8", "repeat: 2", NULL}},
             {"graph_nets", {NULL}},
             {"dynedge_small", {NULL}},
             {"gravnet", {"k: 40", "k: 8", "copies: 4", "copies: 1", "repeat: 4", "repeat: 1", "[x0, x1, x2, x3]", "[x0]"}},
             {"relation_network", {"64", "8", NULL}},
             {"graph_transformer", {NULL}}};

/* Graph g alone, with its rows of the batch's attributes. */
static sample one_of(const sample *batch, hg_model_widths w, int g)
{
    const hg_graph *all = batch->graph;
    int64_t node = all->node_ptr[g], edge = all->edge_ptr[g], n_nodes = all->node_ptr[g + 1] - node, n_edges = all->edge_ptr[g + 1] - edge;
    static int32_t sender[4 * EDGES], receiver[4 * EDGES];
    for (int64_t e = 0; e < n_edges; ++e) {
        sender[e] = all->sender[edge + e] - (int32_t)node;
        receiver[e] = all->receiver[edge + e] - (int32_t)node;
    }
    sample s = {0};
    must(hg_graph_create(ctx, n_nodes, n_edges, sender, receiver, 1, NULL, &s.graph));
    sample_attach(&s, w);
    memcpy(s.nodes, batch->nodes + node * w.node_in, (size_t)(n_nodes * w.node_in) * sizeof(hg_real));
    memcpy(s.edges, batch->edges + edge * w.edge_in, (size_t)(n_edges * w.edge_in) * sizeof(hg_real));
    memcpy(s.globals, batch->globals + g * w.global_in, (size_t)w.global_in * sizeof(hg_real));
    return s;
}

static void batch_is_graphs_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        hg_model_widths w = hg_model_get_widths(model);
        sample all = random_batch(w);
        results r = results_for(all.graph, w);
        must(hg_model_forward(ctx, model, &all.batch, &r.out));
        for (int g = 0; g < N_GRAPHS; ++g) {
            sample one = one_of(&all, w, g);
            results q = results_for(one.graph, w);
            must(hg_model_forward(ctx, model, &one.batch, &q.out));
            const hg_real *edges = r.edges + all.graph->edge_ptr[g] * w.edge_out, *nodes = r.nodes + all.graph->node_ptr[g] * w.node_out;
            assert_memory_equal(edges, q.edges, (size_t)(one.graph->n_edges * w.edge_out) * sizeof(hg_real));
            assert_memory_equal(nodes, q.nodes, (size_t)(one.graph->n_nodes * w.node_out) * sizeof(hg_real));
            assert_memory_equal(r.globals + g * w.global_out, q.globals, (size_t)w.global_out * sizeof(hg_real));
            results_clear(&q);
            sample_clear(&one);
        }
        results_clear(&r);
        sample_clear(&all);
        hg_model_destroy(ctx, model);
    }
}

static void nothing_is_a_graph_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        hg_model_widths w = hg_model_get_widths(model);
        const int64_t node_ptr[] = {0};
        sample s = {0};
        must(hg_graph_create(ctx, 0, 0, NULL, NULL, i % 2 ? 0 : 1, i % 2 ? node_ptr : NULL, &s.graph));
        sample_attach(&s, w);
        results r = results_for(s.graph, w);
        hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
        double loss;
        must(hg_model_forward(ctx, model, &s.batch, &r.out));
        must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, NULL));
        free(gradient);
        results_clear(&r);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(batch_is_graphs_one_by_one), cmocka_unit_test(nothing_is_a_graph_too)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
