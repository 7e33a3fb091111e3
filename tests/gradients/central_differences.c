/* tests/gradients/central_differences.c — every kind of parameter and input against central differences, on graphs biased to corners. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../model_tools.h"
#include "tests/leaks.h"

static const double step = 1e-5;

static double loss_at(const hg_model *model, const sample *s, const results *r)
{
    double loss;
    results d = results_for(s->graph, hg_model_get_widths(model));
    must(hg_model_forward(ctx, model, &s->batch, &r->out));
    must(mixed_loss(ctx, (void *)(uintptr_t)model, &s->batch, &r->out, &d.out, &loss));
    results_clear(&d);
    return loss;
}

static void compare(const char *what, const hg_model *model, const sample *s, const results *r, hg_real *x, const hg_real *gradient,
                    int64_t n)
{
    for (int64_t i = 0; i < n; ++i) {
        hg_real kept = x[i];
        x[i] = kept + step;
        double above = loss_at(model, s, r);
        x[i] = kept - step;
        double below = loss_at(model, s, r), expected = (above - below) / (2 * step);
        x[i] = kept;
        if (!(fabs(gradient[i] - expected) <= 1e-6 * fmax(fabs(expected), 1e-1)))
            fail_msg("%s %d: found %.12g, expected %.12g in\n%s", what, (int)i, gradient[i], expected, hg_model_yaml(model));
    }
}

/* A model with one supervised output: loss of the last output is what hg_model_forward gives. */
static void check(const char *yaml, bool every_parameter)
{
    hg_model *model = model_of(yaml);
    fill_parameters(model);
    hg_model_widths w = hg_model_get_widths(model);
    sample s = awkward_sample(w);
    results r = results_for(s.graph, w),
            d = {.nodes = calloc(400, sizeof(hg_real)), calloc(400, sizeof(hg_real)), calloc(400, sizeof(hg_real)), {0}};
    hg_outputs inputs = {w.node_in ? d.nodes : NULL, w.edge_in ? d.edges : NULL, w.global_in ? d.globals : NULL};
    int64_t n = hg_model_n_parameters(model);
    hg_real *gradient = calloc((size_t)n + 1, sizeof *gradient);
    double loss;
    must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, &inputs, NULL));
    assert_true(fabs(loss - loss_at(model, &s, &r)) <= 1e-12 * fmax(1, fabs(loss)));
    if (every_parameter) compare("parameter", model, &s, &r, hg_model_parameters(model), gradient, n);
    compare("node attribute", model, &s, &r, s.nodes, d.nodes, s.graph->n_nodes * w.node_in);
    compare("edge attribute", model, &s, &r, s.edges, d.edges, s.graph->n_edges * w.edge_in);
    compare("global attribute", model, &s, &r, s.globals, d.globals, s.graph->n_graphs * w.global_in);
    free(gradient);
    results_clear(&d);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void activations_norms_and_widths(void **state)
{
    (void)state;
    const char *const activation[] = {"none", "relu", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh", "softplus"};
    const char *const norm[] = {"none", "layer", "layer affine"};
    for (int a = 0; a < 9; ++a) {
        char yaml[1200];
        snprintf(yaml, sizeof yaml,
                 "inputs: {nodes: 3, edges: 2, globals: 1}\n"
                 "networks:\n"
                 "  - {name: e, widths: [8, %d], activation: %s, norm: %s, output_activation: %s, output_norm: %s, bias: %s}\n"
                 "  - {name: v, widths: [11, 5], activation: %s, output_activation: %s, final_norm: %s}\n"
                 "  - {name: u, widths: [4, 3], activation: %s, norm: %s}\n"
                 "updates:\n"
                 "  - {edges: e, network: e, inputs: [sender x, e, receiver x, u]}\n"
                 "  - {nodes: x, network: v, inputs: [in sum e, x, u, out mean e]}\n"
                 "  - {globals: u, network: u, inputs: [sum e, u, mean x], activation: %s, scale: 0.7, shift: 0.1}\n"
                 "  - outputs: {nodes: x, edges: e, globals: u}\n",
                 5 + 3 * (a % 2), activation[a], norm[a % 3], activation[(a + 4) % 9], norm[(a + 1) % 3], a % 2 ? "true" : "false",
                 activation[a], activation[(a + 1) % 9], norm[(a + 2) % 3], activation[a], norm[a % 3], activation[a]);
        check(yaml, true);
    }
}

static void every_reduction(void **state)
{
    (void)state;
    const char *const reduction[] = {"sum", "mean", "max", "min", "std", "softmax", "attention"};
    const char *const message[] = {"w * m", "w * sender y", "w * receiver y", "m", "sender y", "v * m", "v * sender y", "receiver y"};
    for (int k = 0; k < 7; ++k) {
        for (int m = 0; m < 8; ++m) {
            char yaml[1200];
            bool weighted = message[m][1] == ' ';
            if (k == 6 && !weighted) continue;
            snprintf(yaml, sizeof yaml,
                     "inputs: {nodes: 3, edges: 2}\n"
                     "networks: [{name: m, widths: [8]}, {name: w, widths: [1]}, {name: v, widths: [4]}, {name: y, widths: [8]}, {name: h, "
                     "widths: [3]}]\n"
                     "updates:\n"
                     "  - {edges: m, network: m, inputs: [e]}\n"
                     "  - {edges: w, network: w, inputs: [e, sender x], activation: sigmoid}\n"
                     "  - {edges: v, network: v, inputs: [receiver x], activation: tanh}\n"
                     "  - {nodes: y, network: y, inputs: [x]}\n"
                     "  - {nodes: a, network: h, inputs: [in %s %s, out %s %s]}\n"
                     "  - {globals: g, inputs: [%s %s, %s x]}\n"
                     "  - {edges: all, inputs: [m, w, v]}\n"
                     "  - outputs: {nodes: a, globals: g, edges: all}\n",
                     reduction[k], message[m], reduction[k], message[m], reduction[k], weighted ? (m % 2 ? "v * m" : "w * m") : "m",
                     k == 6 ? "sum" : reduction[k]);
            check(yaml, false);
        }
    }
}

static void copies_and_residuals(void **state)
{
    (void)state;
    check("inputs: {nodes: 2, edges: 3, globals: 2}\n"
          "updates:\n"
          "  - {edges: c, inputs: [sender x, difference x, e, u, receiver x], activation: silu, scale: -0.4}\n"
          "  - {nodes: d, inputs: [x, u, in max c, x]}\n"
          "  - {globals: g, inputs: [u, std c, softmax d]}\n"
          "  - {edges: c, inputs: [c], activation: tanh, residual: {alpha: 0.3}}\n"
          "  - outputs: {edges: c, nodes: d, globals: g}\n",
          true);
    check("inputs: {nodes: 3}\n"
          "networks: [{name: a, widths: [8, 3], activation: tanh}, {name: b, widths: [3], output_norm: layer affine}]\n"
          "updates:\n"
          "  - repeat: 3\n"
          "    updates:\n"
          "      - {edges: w, network: a, inputs: [difference x]}\n"
          "      - {nodes: x, network: b, inputs: [in mean w * sender x, out sum w], residual: add, activation: tanh}\n"
          "  - {edges: w, network: a, inputs: [difference x]}\n"
          "  - outputs: {edges: w, nodes: x}\n",
          true);
}

static void batch_norms(void **state)
{
    (void)state;
    check("inputs: {nodes: 3, edges: 2}\n"
          "networks:\n"
          "  - {name: e, widths: [8, 5], activation: tanh, norm: batch, norm_eps: 0.01, output_norm: batch, output_activation: silu}\n"
          "  - {name: v, widths: [6, 6, 2], activation: softplus, norm: batch, final_norm: layer affine}\n"
          "updates:\n"
          "  - {edges: e, network: e, inputs: [sender x, e, difference x]}\n"
          "  - {nodes: x, network: v, inputs: [in sum e, x]}\n"
          "  - {edges: z, inputs: [sender x, e]}\n"
          "  - outputs: {nodes: x, edges: z}\n",
          true);
}

/* The mean over all outputs: its gradient is the mean of the gradients of models that stop at each output. */
static void deep_supervision(void **state)
{
    (void)state;
    const char *const text = "inputs: {nodes: 3}\n"
                             "networks: [{name: e, widths: [4]}, {name: v, widths: [3], output_activation: tanh}]\n"
                             "updates:\n"
                             "  - repeat: STEPS\n"
                             "    updates:\n"
                             "      - {edges: e, network: e, inputs: [sender x, receiver x], activation: tanh}\n"
                             "      - {nodes: x, network: v, inputs: [in sum e, x]}\n"
                             "      - outputs: {nodes: x, edges: e}\n"
                             "loss: RULE\n";
    hg_real gradient[4][64] = {{0}};
    double loss[4];
    for (int i = 0; i < 4; ++i) {
        char steps[8];
        snprintf(steps, sizeof steps, "%d", i < 3 ? i + 1 : 3);
        char *yaml = replaced(replaced(strdup(text), "STEPS", steps), "RULE", i < 3 ? "last" : "mean");
        hg_model *model = model_of(yaml);
        fill_parameters(model);
        sample s = awkward_sample(hg_model_get_widths(model));
        must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss[i], gradient[i], NULL, NULL));
        sample_clear(&s);
        hg_model_destroy(ctx, model);
        free(yaml);
    }
    assert_true(fabs(loss[3] - (loss[0] + loss[1] + loss[2]) / 3) <= 1e-12 * fabs(loss[3]));
    for (int i = 0; i < 64; ++i) {
        hg_real mean = (gradient[0][i] + gradient[1][i] + gradient[2][i]) / 3;
        assert_true(fabs(gradient[3][i] - mean) <= 1e-12 * fmax(1, fabs(mean)));
    }
}

/* The last node update of IGNN2 is never read: its tensors take no part. */
static void unused_tensors(void **state)
{
    (void)state;
    const char *const edits[] = {"128", "16", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL};
    hg_model *model = architecture("acorn_ignn2", edits);
    sample s = small_sample(hg_model_get_widths(model));
    uint8_t *used = calloc((size_t)hg_model_n_tensors(model), 1);
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
    double loss;
    must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, used));
    for (int64_t t = 0; t < hg_model_n_tensors(model); ++t) {
        bool last_node = strncmp(hg_model_tensor(model, t).name, "node_network.1.", 15) == 0;
        assert_int_equal(used[t], last_node ? 0 : 1);
    }
    free(used);
    free(gradient);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(activations_norms_and_widths),
                                       cmocka_unit_test(every_reduction),
                                       cmocka_unit_test(copies_and_residuals),
                                       cmocka_unit_test(batch_norms),
                                       cmocka_unit_test(deep_supervision),
                                       cmocka_unit_test(unused_tensors)};
    if (hg_context_create(&ctx) < 0) return 1;
    if (hg_context_set_threads(ctx, 1) < 0) return 1; /* many tiny evaluations */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
