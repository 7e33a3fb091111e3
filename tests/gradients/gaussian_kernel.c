/* tests/gradients/gaussian_kernel.c — the dense Gaussian kernel of learned widths on active sensors, against the formula. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../model_tools.h"
#include "tests/leaks.h"

/* Events of no, one, two and more sensors; the last two of the largest stand at the same place. */
enum { EVENTS = 5, SENSORS = 12, WIDTH = 4, NUMBERS = SENSORS * WIDTH, DIRECTIONS = 3, UNKNOWNS = NUMBERS + DIRECTIONS };
static const int64_t node_ptr[EVENTS + 1] = {0, 0, 1, 3, 5, 12};

static const char yaml[] = "inputs: {nodes: 4}\n"
                           "networks:\n"
                           "  - {name: width, widths: [3], groups: 3, bias: false, index: false}\n"
                           "updates:\n"
                           "  - {nodes: place, inputs: [columns 0..2 x]}\n"
                           "  - {nodes: place, network: width, inputs: [place]}\n"
                           "  - {graph: complete, nodes: place, loops: true}\n"
                           "  - {edges: d, inputs: [distance place], scale: -0.5}\n"
                           "  - {edges: d, inputs: [d], activation: exp}\n"
                           "  - {nodes: a, inputs: [in attention d * sender x]}\n"
                           "  - outputs: {nodes: a}\n";

/* exp(-|w (x_i - x_j)|^2 / 2) */
static double kernel(const double *x, const double *w, int64_t i, int64_t j)
{
    double squared = 0;
    for (int c = 0; c < DIRECTIONS; ++c) {
        const double d = w[c] * (x[i * WIDTH + c] - x[j * WIDTH + c]);
        squared += d * d;
    }
    return exp(-squared / 2);
}

/* a_i = sum over j of softmax_j(kernel_ij) x_j, in each event. unknown: x, then w. */
static void formula(const double *unknown, double *a)
{
    const double *x = unknown, *w = unknown + NUMBERS;
    memset(a, 0, NUMBERS * sizeof *a);
    for (int event = 0; event < EVENTS; ++event) {
        for (int64_t i = node_ptr[event]; i < node_ptr[event + 1]; ++i) {
            double sum = 0;
            for (int64_t j = node_ptr[event]; j < node_ptr[event + 1]; ++j) sum += exp(kernel(x, w, i, j));
            for (int64_t j = node_ptr[event]; j < node_ptr[event + 1]; ++j) {
                for (int c = 0; c < WIDTH; ++c) a[i * WIDTH + c] += exp(kernel(x, w, i, j)) / sum * x[j * WIDTH + c];
            }
        }
    }
}

/* loss = sum of factors times a */
static double factor_of(int64_t i)
{
    return hashed((uint32_t)(i + 1000));
}

static hg_status weighed_sum(hg_context *context, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient,
                             double *loss)
{
    (void)context;
    (void)user;
    (void)batch;
    *loss = 0;
    for (int64_t i = 0; i < NUMBERS; ++i) {
        *loss += factor_of(i) * out->nodes[i];
        gradient->nodes[i] = factor_of(i);
    }
    return HG_OK;
}

static double formula_loss(const double *unknown)
{
    double a[NUMBERS], loss = 0;
    formula(unknown, a);
    for (int64_t i = 0; i < NUMBERS; ++i) loss += factor_of(i) * a[i];
    return loss;
}

static void assert_close(const char *what, int64_t i, double found, double expected, double limit)
{
    if (!(fabs(found - expected) <= limit)) fail_msg("%s %d is %.12g, expected %.12g", what, (int)i, found, expected);
}

static void as_the_formula(void **state)
{
    (void)state;
    const double step = 1e-5;
    double unknown[UNKNOWNS], a[NUMBERS], found[NUMBERS], gradient[UNKNOWNS], loss;
    hg_model *model = NULL;
    hg_graph *graph = NULL;
    for (int i = 0; i < UNKNOWNS; ++i) unknown[i] = 3 * hashed((uint32_t)(i + 1));
    memcpy(unknown + (SENSORS - 1) * WIDTH, unknown + (SENSORS - 2) * WIDTH, DIRECTIONS * sizeof *unknown);
    must(hg_model_create(ctx, "kernel", yaml, 1, &model));
    assert_int_equal(hg_model_n_parameters(model), DIRECTIONS);
    memcpy(hg_model_parameters(model), unknown + NUMBERS, DIRECTIONS * sizeof *unknown);
    must(hg_graph_create(ctx, SENSORS, 0, NULL, NULL, EVENTS, node_ptr, &graph));
    const hg_batch batch = {.graph = graph, .nodes = unknown};
    must(hg_model_forward(ctx, model, &batch, &(hg_outputs){.nodes = found}));
    formula(unknown, a);
    for (int i = 0; i < NUMBERS; ++i) assert_close("number", i, found[i], a[i], 1e-12);
    const hg_outputs inputs = {.nodes = gradient};
    must(hg_model_gradient(ctx, model, &batch, weighed_sum, NULL, &loss, gradient + NUMBERS, &inputs, NULL));
    assert_close("loss", 0, loss, formula_loss(unknown), 1e-12);
    for (int i = 0; i < UNKNOWNS; ++i) {
        const double at = unknown[i];
        unknown[i] = at + step;
        const double above = formula_loss(unknown);
        unknown[i] = at - step;
        const double below = formula_loss(unknown);
        unknown[i] = at;
        assert_close("gradient", i, gradient[i], (above - below) / (2 * step), 1e-8);
    }
    hg_graph_destroy(ctx, graph);
    hg_model_destroy(ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_formula)};
    if (hg_context_create(&ctx) < 0) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
