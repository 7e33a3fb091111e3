/* tests/repro/variants.c — searched graphs, types, dropout and running norms: the same bits for any number of threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../random_batch.h"
#include "tests/leaks.h"

typedef struct answers {
    results out;
    hg_real *gradient;
    double loss;
} answers;

static answers answers_of(const hg_model *model, const sample *s, int threads)
{
    answers a = {.out = results_for(s->graph, hg_model_get_widths(model))};
    a.gradient = calloc((size_t)hg_model_n_parameters(model) + 1, sizeof *a.gradient);
    must(hg_context_set_threads(ctx, threads));
    must(hg_model_forward(ctx, model, &s->batch, &a.out.out));
    must(hg_model_gradient(ctx, model, &s->batch, mixed_loss, (void *)(uintptr_t)model, &a.loss, a.gradient, NULL, NULL));
    return a;
}

static void answers_clear(answers *a)
{
    results_clear(&a->out);
    free(a->gradient);
}

static void compare_threads(hg_model *model)
{
    hg_model_widths w = hg_model_get_widths(model);
    sample s = random_batch(w);
    int32_t *type = calloc((size_t)s.graph->n_edges, sizeof *type);
    for (int64_t e = 0; e < s.graph->n_edges; ++e) type[e] = (int32_t)(e * 7 % 3);
    s.batch.edge_type = type;
    s.batch.draw = 99;
    answers one = answers_of(model, &s, 1);
    for (int threads = 2; threads <= 7; threads += 5) {
        answers other = answers_of(model, &s, threads);
        assert_memory_equal(one.out.nodes, other.out.nodes, (size_t)(s.graph->n_nodes * w.node_out) * sizeof(hg_real));
        assert_memory_equal(one.out.edges, other.out.edges, (size_t)(s.graph->n_edges * w.edge_out) * sizeof(hg_real));
        assert_memory_equal(one.out.globals, other.out.globals, (size_t)(s.graph->n_graphs * w.global_out) * sizeof(hg_real));
        assert_memory_equal(one.gradient, other.gradient, (size_t)hg_model_n_parameters(model) * sizeof(hg_real));
        assert_memory_equal(&one.loss, &other.loss, sizeof one.loss);
        answers_clear(&other);
    }
    answers_clear(&one);
    free(type);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void architectures(void **state)
{
    (void)state;
    static const struct {
        const char *name, *edits[8];
    } cases[] = {{"gravnet", {"k: 40", "k: 8", "copies: 4", "copies: 1", "repeat: 4", "repeat: 1", "[x0, x1, x2, x3]", "[x0]"}},

                 {"relation_network", {"64", "8"}},
                 {"relational_gcn", {NULL}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const char *edits[9] = {NULL};
        memcpy(edits, cases[i].edits, sizeof cases[i].edits);
        compare_threads(architecture(cases[i].name, edits));
    }
}

static void dropout_and_running_norms(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 4, edges: 2, types: 3}\n"
                               "networks:\n"
                               "  - {name: a, widths: [12, 9], typed: true, activation: silu, dropout: 0.3, output_norm: batch running}\n"
                               "  - {name: b, widths: [8, 6], activation: tanh, norm: batch running, output_dropout: 0.2}\n"
                               "  - {name: g, widths: [3], groups: 3}\n"
                               "updates:\n"
                               "  - {edges: m, network: a, inputs: [sender x, e, distance x, dot sender x * receiver x]}\n"
                               "  - {nodes: y, network: b, inputs: [in sum m, out max m, x]}\n"
                               "  - {graph: radius, radius: 0.05, nodes: x, columns: [0, 2]}\n"
                               "  - {edges: n, network: g, inputs: [difference y]}\n"
                               "  - {nodes: y, inputs: [in mean n, y]}\n"
                               "  - {globals: h, inputs: [homophily x, log10_count n, std y]}\n"
                               "  - outputs: {nodes: y, globals: h}\n");
    fill_parameters(model);
    compare_threads(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(architectures), cmocka_unit_test(dropout_and_running_norms)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
