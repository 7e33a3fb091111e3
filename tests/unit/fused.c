/* tests/unit/fused.c — the fused forward pass against the reference path, on every instruction set; its memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <glob.h>
#include "../near.h"
#include "../random_batch.h"
#include "base/memory.h"
#include "nn/forward/reference.h"
#include "nn/fused/fused.h"
#include "tests/isa.h"
#include "tests/leaks.h"

static void assert_close(const char *name, const hg_real *found, const hg_real *expected, int64_t n)
{
    double scale = 1;
    for (int64_t i = 0; i < n; ++i) scale = fmax(scale, fabs((double)expected[i]));
    for (int64_t i = 0; i < n; ++i) {
        if (!(fabs((double)found[i] - (double)expected[i]) <= 1e-5 * scale))
            fail_msg("%s: number %" PRId64 " is %g, the reference path gives %g", name, i, (double)found[i], (double)expected[i]);
    }
}

/* Neighbours searched in a table of the network itself: where two are equally near but for rounding, either is right. */
static bool searches_anew(const hg_description *d)
{
    for (int set = 0; set < d->n_edge_sets; ++set) {
        const hg_edge_set *edges = &d->edge_set[set];
        if (edges->from == HG_EDGES_NEAREST && !d->value[edges->value].input) return true;
    }
    return false;
}

static void compare_on(const char *name, const hg_model *model, const sample *s)
{
    const hg_model_widths w = hg_model_get_widths(model);
    results expected = results_for(s->graph, w), found = results_for(s->graph, w);
    must(hg_model_forward_reference(ctx, model, &s->batch, &expected.out));
    must(hg_model_forward(ctx, model, &s->batch, &found.out));
    assert_close(name, found.edges, expected.edges, s->graph->n_edges * w.edge_out);
    assert_close(name, found.nodes, expected.nodes, s->graph->n_nodes * w.node_out);
    assert_close(name, found.globals, expected.globals, s->graph->n_graphs * w.global_out);
    results_clear(&expected);
    results_clear(&found);
}

/* Many rows on the best instruction set, a few on every one. */
static void compare(const char *name, const hg_model *model)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
    sample large = random_batch(hg_model_get_widths(model)), awkward = awkward_sample(hg_model_get_widths(model));
    compare_on(name, model, &large);
    char *before = isa_keep();
    for (int i = 0; i < hg_kernels_list(table); ++i) {
        setenv("HG_ISA", table[i]->name, 1);
        compare_on(name, model, &awkward);
    }
    isa_restore(before);
    sample_clear(&large);
    sample_clear(&awkward);
}

static void architectures_as_reference(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("datasets/models/architectures/*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 10);
    for (size_t i = 0; i < files.gl_pathc; ++i) {
        char name[64];
        const char *start = strrchr(files.gl_pathv[i], '/') + 1;
        snprintf(name, sizeof name, "%.*s", (int)(strrchr(start, '.') - start), start);
        hg_model *filled = architecture(name, NULL), *model = NULL;
        /* initial weights: those of the other tests make deep networks that multiply rounding errors; with those of seed 6 no two
         * neighbours are equally near */
        must(hg_model_create(ctx, name, hg_model_yaml(filled), searches_anew(&filled->description) ? 6 : 1, &model));
        /* networks with types and levels need batches of their own; tests/unit/variants.c has numbers for them */
        if (model->description.n_types == 0 && model->description.n_levels == 0) compare(name, model);
        hg_model_destroy(ctx, filled);
        hg_model_destroy(ctx, model);
    }
    globfree(&files);
}

/* What no published architecture has: every kind of input, norms after activations, widths of all sorts, residuals on tables of other
 * strides, single layers, two activations, concatenations. */
static void odd_models_as_reference(void **state)
{
    (void)state;
    static const char *const yaml[] = {
        "inputs: {nodes: 3, edges: 5, globals: 2}\n"
        "networks:\n"
        "  - {name: a, widths: [7, 5], activation: gelu, norm: layer affine, output_activation: sigmoid, final_norm: layer}\n"
        "  - {name: b, widths: [20, 17], activation: silu, final_norm: layer affine}\n"
        "  - {name: c, widths: [33], output_activation: leaky_relu, output_norm: layer}\n"
        "  - {name: d, widths: [17]}\n"
        "  - {name: f, widths: [1], output_activation: tanh}\n"
        "  - {name: g, widths: [9, 4], activation: softplus, norm: layer}\n"
        "updates:\n"
        "  - {edges: e, network: a, inputs: [e, difference x, u, sender x], residual: add}\n"
        "  - {nodes: y, network: b, inputs: [in max e, u, x, out std e, in mean sender x, out min receiver x]}\n"
        "  - {edges: k, network: c, inputs: [difference y, u, receiver x, e], activation: tanh, scale: 0.5, shift: 0.25}\n"
        "  - {nodes: y, network: d, inputs: [y, in sum k, out mean k], residual: {alpha: 0.3}}\n"
        "  - {edges: w, network: f, inputs: [sender y]}\n"
        "  - {nodes: z, inputs: [y, in sum w * sender y, x, u]}\n"
        "  - {globals: u, network: g, inputs: [mean z, sum w, u]}\n"
        "  - {edges: k, inputs: [k, difference z, w], activation: sigmoid}\n"
        "  - outputs: {nodes: z, edges: k, globals: u}\n",
        "inputs: {nodes: 16}\n"
        "networks:\n"
        "  - {name: a, widths: [16]}\n"
        "  - {name: b, widths: [16, 16], activation: relu, output_norm: layer}\n"
        "updates:\n"
        "  - {nodes: x, network: a, inputs: [x], residual: add}\n"
        "  - {nodes: x, network: a, inputs: [x], residual: add}\n"
        "  - {edges: e, network: b, inputs: [sender x]}\n"
        "  - {edges: e, network: b, inputs: [e], residual: add}\n"
        "  - {nodes: x, network: b, inputs: [in sum sender x], residual: add}\n"
        "  - {edges: e, network: b, inputs: [e], residual: add}\n"
        "  - outputs: {nodes: x, edges: e}\n",
        /* differences beside what the receivers read: of the same table, twice of it, of another one of the same width, centred or not */
        "inputs: {nodes: 40}\n"
        "networks:\n"
        "  - {name: a, widths: [40, 40], activation: relu, norm: layer}\n"
        "  - {name: b, widths: [40, 40], activation: relu}\n"
        "updates:\n"
        "  - {edges: e, network: a, inputs: [receiver x, difference x]}\n"
        "  - {nodes: y, inputs: [in sum e]}\n"
        "  - {edges: e, network: a, inputs: [receiver x, difference y]}\n"
        "  - {nodes: z, inputs: [in sum e]}\n"
        "  - {edges: e, network: a, inputs: [receiver z, difference z]}\n"
        "  - {nodes: w, inputs: [in sum e]}\n"
        "  - {edges: f, network: b, inputs: [difference w, receiver w, difference w]}\n"
        "  - outputs: {nodes: w, edges: f}\n",
        /* rows in lanes: all ways to gather, what the last layer leaves to the update, wide tables in front of and behind them */
        "inputs: {nodes: 3, edges: 5, globals: 2}\n"
        "networks:\n"
        "  - {name: a, widths: [7, 64, 5], activation: gelu, output_activation: sigmoid}\n"
        "  - {name: b, widths: [20, 12], activation: silu}\n"
        "  - {name: c, widths: [13, 12], activation: relu}\n"
        "  - {name: d, widths: [70]}\n"
        "  - {name: f, widths: [1]}\n"
        "updates:\n"
        "  - {edges: e, network: a, inputs: [e, difference x, u, sender x, receiver x], residual: add}\n"
        "  - {nodes: y, network: b, inputs: [in max e, u, x, out mean e]}\n"
        "  - {edges: k, network: c, inputs: [difference y, receiver x, e], activation: tanh, scale: 0.5, shift: 0.25}\n"
        "  - {nodes: y, network: c, inputs: [y, in sum e, x], residual: {alpha: 0.3}}\n"
        "  - {nodes: z, network: d, inputs: [y, in sum k]}\n"
        "  - {edges: k, network: f, inputs: [k, difference y, e], activation: sigmoid}\n"
        "  - outputs: {nodes: z, edges: k}\n"};
    static const char *const names[] = {"every input", "in place", "differences", "in lanes"};
    for (size_t i = 0; i < sizeof yaml / sizeof *yaml; ++i) {
        hg_model *model = model_of(yaml[i]);
        compare(names[i], model);
        hg_model_destroy(ctx, model);
    }
}

static void memory_is_planned_and_flat(void **state)
{
    (void)state;
    enum { N = 800, E = 5000 };
    static int32_t end[2 * E];
    hg_random r = hg_random_stream(11, 2, 0, 0);
    for (int e = 0; e < 2 * E; ++e) end[e] = (int32_t)hg_random_below(&r, N);
    const char *const names[] = {"acorn_ignn", "interaction_network", "exatrkx_doublet", "graph_nets_tracking"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        hg_context *own = NULL, *shared = ctx;
        assert_int_equal(hg_context_create(&own), HG_OK);
        ctx = own;
        must(hg_context_set_threads(ctx, 1));
        hg_model *model = architecture(names[i], NULL);
        hg_model_widths w = hg_model_get_widths(model);
        sample s = {0};
        must(hg_graph_create(ctx, N, E, end, end + E, 1, NULL, &s.graph));
        sample_attach(&s, w);
        results out = results_for(s.graph, w);
        int64_t planned;
        must(hg_plan_bytes(ctx, model, N, E, 1, &planned));
        const size_t before = hg_memory_used(ctx);
        must(hg_model_forward(ctx, model, &s.batch, &out.out));
        const size_t peak = hg_memory_peak(ctx), rss = (size_t)hg_peak_rss();
        assert_near((double)planned / (double)(peak - before), 1, 0.05);
        for (int repeat = 0; repeat < 5; ++repeat) must(hg_model_forward(ctx, model, &s.batch, &out.out));
        assert_int_equal(hg_memory_used(ctx), before);
        assert_int_equal(hg_memory_peak(ctx), peak);
        assert_true((size_t)hg_peak_rss() < rss + (1 << 20));
        /* a limit below the plan is refused with a message, not exceeded */
        hg_context_set_memory_limit(ctx, before + (size_t)planned / 2);
        assert_int_equal(hg_model_forward(ctx, model, &s.batch, &out.out), HG_ERR_LIMIT);
        results_clear(&out);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
        hg_context_destroy(own);
        ctx = shared;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(architectures_as_reference), cmocka_unit_test(odd_models_as_reference),
                                       cmocka_unit_test(memory_is_planned_and_flat)};
    if (hg_context_create(&ctx) < 0 || hg_context_set_threads(ctx, 1) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
