/* tests/gradients/variants.c — searched graphs, levels, types, computed inputs, grouped weights, dropout and running norms against
 * central differences in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../variant_tools.h"
#include "tests/leaks.h"

static const double step = 1e-5;

/* The loss as the gradient sees it: with the masks and the batch statistics of training. */
static double training_loss(const hg_model *model, const hg_batch *batch, hg_real *gradient, const hg_outputs *inputs)
{
    double loss;
    must(hg_model_gradient(ctx, model, batch, mixed_loss, (void *)(uintptr_t)model, &loss, gradient, inputs, NULL));
    return loss;
}

static void compare(const char *what, const hg_model *model, const hg_batch *batch, hg_real *x, const hg_real *gradient, int64_t n)
{
    hg_real *ignored = calloc((size_t)hg_model_n_parameters(model) + 1, sizeof *ignored);
    for (int64_t i = 0; i < n; ++i) {
        hg_real kept = x[i];
        x[i] = kept + step;
        double above = training_loss(model, batch, ignored, NULL);
        x[i] = kept - step;
        double below = training_loss(model, batch, ignored, NULL), expected = (above - below) / (2 * step);
        x[i] = kept;
        if (!(fabs(gradient[i] - expected) <= 1e-6 * fmax(fabs(expected), 1e-1)))
            fail_msg("%s %d: found %.12g, expected %.12g in\n%s", what, (int)i, gradient[i], expected, hg_model_yaml(model));
    }
    free(ignored);
}

static void check(const char *yaml)
{
    hg_model *model = model_of(yaml);
    fill_parameters(model);
    hg_model_widths w = hg_model_get_widths(model);
    layered s = layered_sample(w);
    layered_attach(&s);
    int64_t n = hg_model_n_parameters(model);
    hg_real *gradient = calloc((size_t)n + 1, sizeof *gradient), *nodes = calloc(400, sizeof *nodes), *edges = calloc(400, sizeof *edges),
            *globals = calloc(400, sizeof *globals);
    hg_outputs inputs = {w.node_in ? nodes : NULL, w.edge_in ? edges : NULL, w.global_in ? globals : NULL};
    training_loss(model, &s.base.batch, gradient, &inputs);
    for (int64_t t = 0; t < hg_model_n_tensors(model); ++t) {
        hg_tensor tensor = hg_model_tensor(model, t);
        if (tensor.statistic) continue;
        compare(tensor.name, model, &s.base.batch, hg_model_parameters(model) + tensor.offset, gradient + tensor.offset, tensor.size);
    }
    compare("node attribute", model, &s.base.batch, s.base.nodes, nodes, s.base.graph->n_nodes * w.node_in);
    compare("edge attribute", model, &s.base.batch, s.base.edges, edges, s.base.graph->n_edges * w.edge_in);
    compare("global attribute", model, &s.base.batch, s.base.globals, globals, s.base.graph->n_graphs * w.global_in);
    free(gradient);
    free(nodes);
    free(edges);
    free(globals);
    layered_clear(&s);
    hg_model_destroy(ctx, model);
}

static void searched_graphs(void **state)
{
    (void)state;
    const char *const graph[] = {"knn, k: 2, nodes: y, columns: [1, 0]", "radius, radius: 1.2, nodes: y, columns: [2]",
                                 "complete, nodes: y, loops: true", "knn, k: 3, nodes: y, loops: true, light_speed: 0.7"};
    for (int i = 0; i < 4; ++i) {
        char yaml[1000];
        snprintf(yaml, sizeof yaml,
                 "inputs: {nodes: 3, globals: 1}\n"
                 "networks: [{name: a, widths: [4, 3], activation: tanh}, {name: b, widths: [5, 2], activation: silu}]\n"
                 "updates:\n"
                 "  - {edges: m, network: a, inputs: [sender x, difference x]}\n"
                 "  - {nodes: y, inputs: [in sum m, x], activation: tanh}\n"
                 "  - {edges: old, inputs: [m]}\n"
                 "  - {nodes: z, inputs: [in mean m]}\n"
                 "  - {graph: %s}\n"
                 "  - {edges: m, network: b, inputs: [receiver z, difference y, u]}\n"
                 "  - {nodes: x, inputs: [in max m, out sum m, z]}\n"
                 "  - {globals: u, inputs: [mean m, std x]}\n"
                 "  - outputs: {nodes: x, edges: old, globals: u}\n",
                 graph[i]);
        check(yaml);
    }
}

static void computed_inputs(void **state)
{
    (void)state;
    check("inputs: {nodes: 4, edges: 4, globals: 2}\n"
          "networks: [{name: q, widths: [6]}, {name: k, widths: [6]}, {name: h, widths: [3]}]\n"
          "updates:\n"
          "  - {nodes: q, network: q, inputs: [x]}\n"
          "  - {nodes: k, network: k, inputs: [x]}\n"
          "  - {edges: s, inputs: [dot 3 receiver q * sender k, distance q, dot e * e, dot 4 e * receiver x], scale: 0.3}\n"
          "  - {edges: t, network: h, inputs: [dot 6 sender q * sender k, columns 1..2 e, u]}\n"
          "  - {edges: w, inputs: [columns 0..2 s], activation: exp}\n"
          "  - {nodes: y, inputs: [in attention w * t, columns 3 x, dot 2 q * k]}\n"
          "  - {globals: g, inputs: [homophily x, count x, log10_count s, columns 1 u, dot u * u]}\n"
          "  - outputs: {nodes: y, edges: s, globals: g}\n");
}

static void types_of_edges(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, edges: 2, globals: 1, types: 3}\n"
          "networks:\n"
          "  - {name: w, widths: [5], bias: false, typed: true}\n"
          "  - {name: v, widths: [4, 3], activation: tanh, norm: layer affine, typed: true}\n"
          "  - {name: self, widths: [5]}\n"
          "updates:\n"
          "  - {edges: m, network: w, inputs: [sender x]}\n"
          "  - {nodes: y, network: self, inputs: [x]}\n"
          "  - {nodes: y, inputs: [in sum m], residual: add}\n"
          "  - {edges: m, network: v, inputs: [difference y, e, u, dot sender x * receiver x, receiver y]}\n"
          "  - {nodes: y, inputs: [in max m, out mean m]}\n"
          "  - outputs: {nodes: y, edges: m}\n");
}

static void levels_of_nodes(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, globals: 1, levels: 2, types: 3, pool_types: 2}\n"
          "networks:\n"
          "  - {name: down1, widths: [4], typed: true, output_activation: tanh}\n"
          "  - {name: mix, widths: [5], output_activation: silu}\n"
          "  - {name: level1, widths: [4], typed: true}\n"
          "  - {name: up2, widths: [3], output_activation: tanh}\n"
          "  - {name: up1, widths: [3], typed: true}\n"
          "updates:\n"
          "  - {graph: pool, level: 1}\n"
          "  - {edges: m, network: down1, inputs: [sender x, u]}\n"
          "  - {nodes: x1, inputs: [in max m]}\n"
          "  - {graph: level, level: 1}\n"
          "  - {edges: m, network: level1, inputs: [sender x1, receiver x1]}\n"
          "  - {nodes: y1, inputs: [in sum m, x1, u]}\n"
          "  - {graph: pool, level: 2}\n"
          "  - {nodes: x2, network: mix, inputs: [in mean sender y1, in sum sender x1, u]}\n"
          "  - {edges: m, network: up2, inputs: [receiver x2, sender y1]}\n"
          "  - {nodes: z1, inputs: [out sum m, x1, out sum receiver x2]}\n"
          "  - {graph: pool, level: 1}\n"
          "  - {edges: m, network: up1, inputs: [receiver z1]}\n"
          "  - {nodes: z, inputs: [out sum m, x]}\n"
          "  - {globals: g, inputs: [mean z, max x2, sum z1, sum m]}\n"
          "  - {graph: input}\n"
          "  - {edges: e, inputs: [sender z, receiver x]}\n"
          "  - outputs: {nodes: z, globals: g, edges: e}\n");
}

static void grouped_weights(void **state)
{
    (void)state;
    check(
        "inputs: {nodes: 6, edges: 2}\n"
        "networks: [{name: a, widths: [4, 2], groups: 2, activation: tanh}, {name: b, widths: [3], groups: 3, bias: false, index: false}]\n"
        "updates:\n"
        "  - {nodes: y, network: a, inputs: [x]}\n"
        "  - {edges: m, network: b, inputs: [sender y, receiver y, e]}\n"
        "  - {nodes: y, inputs: [in sum m, y]}\n"
        "  - outputs: {nodes: y}\n");
}

static void layers_without_weights(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, edges: 2, globals: 1}\n"
          "networks:\n"
          "  - {name: a, widths: [9], linear: false, output_norm: layer affine, output_activation: silu, index: false}\n"
          "  - {name: b, widths: [12], linear: false, output_norm: batch, norm_eps: 0.01, output_dropout: 0.3}\n"
          "updates:\n"
          "  - {edges: m, network: a, inputs: [sender x, e, u, difference x]}\n"
          "  - {nodes: x, network: b, inputs: [in sum m, x]}\n"
          "  - outputs: {nodes: x, edges: m}\n");
}

static void dropped_elements(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, edges: 2}\n"
          "networks:\n"
          "  - {name: a, widths: [7, 5, 4], activation: silu, norm: layer, dropout: 0.4, output_dropout: 0.2}\n"
          "  - {name: b, widths: [6, 3], activation: sigmoid, norm: batch, norm_eps: 0.01, dropout: 0.5, output_activation: tanh}\n"
          "updates:\n"
          "  - repeat: 2\n"
          "    updates:\n"
          "      - {edges: m, network: a, inputs: [sender x, e, receiver x]}\n"
          "      - {nodes: x, network: b, inputs: [in sum m, x]}\n"
          "      - {nodes: x, inputs: [x], activation: tanh}\n"
          "      - {edges: e, inputs: [columns 0..1 m]}\n"
          "  - outputs: {nodes: x, edges: m}\n");
}

static void running_norms(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, edges: 2}\n"
          "networks:\n"
          "  - {name: a, widths: [4, 3], activation: silu, norm: batch running, norm_eps: 0.01, output_norm: batch running}\n"
          "  - {name: g, widths: [3, 2], activation: tanh, norm: batch running, norm_eps: 0.1}\n"
          "updates:\n"
          "  - {edges: m, network: a, inputs: [sender x, e]}\n"
          "  - {nodes: x, inputs: [in sum m]}\n"
          "  - {globals: g, network: g, inputs: [sum x, max m]}\n"
          "  - outputs: {nodes: x, globals: g}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(searched_graphs),        cmocka_unit_test(computed_inputs),
                                       cmocka_unit_test(types_of_edges),         cmocka_unit_test(levels_of_nodes),
                                       cmocka_unit_test(grouped_weights),        cmocka_unit_test(dropped_elements),
                                       cmocka_unit_test(layers_without_weights), cmocka_unit_test(running_norms)};
    if (hg_context_create(&ctx) < 0) return 1;
    if (hg_context_set_threads(ctx, 1) < 0) return 1; /* many tiny evaluations */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
