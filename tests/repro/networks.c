/* tests/repro/networks.c — every published network gives the same bits for any number of threads; instruction sets agree closely. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../random_batch.h"
#include "hitgraph/optimiser.h"
#include "kernels/kernels.h"
#include "tests/isa.h"
#include "tests/leaks.h"

enum { STEPS = 2 };
static const double isa_tolerance = 2e-5;

/* Fewer steps than published, widths as they are: the kernels see the shapes that matter. */
static const struct {
    const char *name, *edits[8];
    bool ill_conditioned; /* float scores are rounding where batch norms see a few rows */
} cases[] = {{.name = "interaction_network"},
             {.name = "exatrkx_doublet", .edits = {"repeat: 8", "repeat: 2"}},
             {.name = "exatrkx_triplet", .edits = {"repeat: 4", "repeat: 1"}},
             {.name = "heptrkx", .edits = {"repeat: 6", "repeat: 1"}},
             {.name = "heptrkx_medium", .edits = {"repeat: 4", "repeat: 2"}},
             {.name = "acorn_ignn", .edits = {"repeat: 8", "repeat: 2"}},
             {.name = "acorn_ignn_wide", .edits = {"repeat: 8", "repeat: 1"}},
             {.name = "acorn_ignn_unshared", .edits = {"repeat: 8", "repeat: 2", "copies: 8", "copies: 2"}},
             {.name = "acorn_ignn_example3", .edits = {"repeat: 8", "repeat: 1", "128", "64"}},
             {.name = "acorn_ignn2", .edits = {"repeat: 8", "repeat: 2", "copies: 8", "copies: 2", "128", "32"}, .ill_conditioned = true},
             {.name = "graph_nets"},
             {.name = "graph_nets_tracking", .edits = {"repeat: 8", "repeat: 1"}},
             {.name = "resin"},
             {.name = "edge_conv"},
             {.name = "graph_attention"},
             {.name = "graph_attention2"},
             {.name = "graph_transformer"},
             {.name = "message_passing"},
             {.name = "comm_net"},
             {.name = "graph_network"},
             {.name = "deep_sets"},
             {.name = "dynedge_small"}};
enum { CASES = sizeof cases / sizeof *cases };

/* Everything that must not depend on the number of threads. */
typedef struct answers {
    results out, inputs;
    double loss[STEPS];
    hg_real *gradient, *weights; /* [n_parameters] of the last step; after it */
} answers;

/* Evaluates, then trains for a few steps of AdamW from the start. */
static answers answers_of(const char *name, const char *const *edits, int threads)
{
    answers a = {0};
    must(hg_context_set_threads(ctx, threads));
    hg_model *model = architecture(name, edits);
    const hg_model_widths w = hg_model_get_widths(model), back = {.node_out = w.node_in, .edge_out = w.edge_in, .global_out = w.global_in};
    const int64_t n = hg_model_n_parameters(model), n_tensors = hg_model_n_tensors(model);
    sample s = random_batch(w);
    a.out = results_for(s.graph, w);
    a.inputs = results_for(s.graph, back);
    a.gradient = calloc((size_t)n, sizeof *a.gradient);
    a.weights = calloc((size_t)n, sizeof *a.weights);
    must(hg_model_forward(ctx, model, &s.batch, &a.out.out));
    int64_t *offset = calloc((size_t)n_tensors + 1, sizeof *offset);
    uint8_t *used = calloc((size_t)n_tensors, 1);
    for (int64_t t = 0; t < n_tensors; ++t) offset[t] = hg_model_tensor(model, t).offset;
    offset[n_tensors] = n;
    hg_optimiser_options options = hg_optimiser_default_options();
    options.kind = HG_OPTIMISER_ADAMW;
    hg_optimiser *optimiser = NULL;
    must(hg_optimiser_create(ctx, &options, n_tensors, offset, &optimiser));
    const hg_outputs inputs = {w.node_in ? a.inputs.nodes : NULL, w.edge_in ? a.inputs.edges : NULL, w.global_in ? a.inputs.globals : NULL};
    for (int step = 0; step < STEPS; ++step) {
        must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &a.loss[step], a.gradient, &inputs, used));
        hg_optimiser_step(ctx, optimiser, 1e-3, hg_model_parameters(model), a.gradient, used);
    }
    memcpy(a.weights, hg_model_parameters(model), (size_t)n * sizeof *a.weights);
    hg_optimiser_destroy(ctx, optimiser);
    free(offset);
    free(used);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
    must(hg_context_set_threads(ctx, 0));
    return a;
}

static void answers_clear(answers *a)
{
    results_clear(&a->out);
    results_clear(&a->inputs);
    free(a->gradient);
    free(a->weights);
}

typedef struct sizes {
    hg_model_widths widths;
    int64_t n_nodes, n_edges, n_graphs, n_parameters;
} sizes;

static sizes sizes_of(const char *name, const char *const *edits)
{
    hg_model *model = architecture(name, edits);
    sizes n = {.widths = hg_model_get_widths(model), .n_parameters = hg_model_n_parameters(model)};
    sample s = random_batch(n.widths);
    n.n_nodes = s.graph->n_nodes;
    n.n_edges = s.graph->n_edges;
    n.n_graphs = s.graph->n_graphs;
    sample_clear(&s);
    hg_model_destroy(ctx, model);
    return n;
}

static void assert_same(const char *name, int threads, const char *what, const hg_real *a, const hg_real *b, int64_t n)
{
    if (n > 0 && memcmp(a, b, (size_t)n * sizeof *a) != 0) fail_msg("%s: %s differ between 1 and %d threads", name, what, threads);
}

static void assert_same_answers(const char *name, int threads, const sizes *n, const answers *a, const answers *b)
{
    const hg_model_widths *w = &n->widths;
    assert_same(name, threads, "node outputs", a->out.nodes, b->out.nodes, n->n_nodes * w->node_out);
    assert_same(name, threads, "edge outputs", a->out.edges, b->out.edges, n->n_edges * w->edge_out);
    assert_same(name, threads, "global outputs", a->out.globals, b->out.globals, n->n_graphs * w->global_out);
    assert_same(name, threads, "gradients of nodes", a->inputs.nodes, b->inputs.nodes, n->n_nodes * w->node_in);
    assert_same(name, threads, "gradients of edges", a->inputs.edges, b->inputs.edges, n->n_edges * w->edge_in);
    assert_same(name, threads, "gradients of globals", a->inputs.globals, b->inputs.globals, n->n_graphs * w->global_in);
    assert_same(name, threads, "gradients of weights", a->gradient, b->gradient, n->n_parameters);
    assert_same(name, threads, "trained weights", a->weights, b->weights, n->n_parameters);
    if (memcmp(a->loss, b->loss, sizeof a->loss) != 0) fail_msg("%s: losses differ between 1 and %d threads", name, threads);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    /* 8 comes again: the same bits when repeated, too */
    const int threads[] = {2, 3, 4, 7, 8, 8};
    (void)state;
    for (int i = 0; i < CASES; ++i) {
        const sizes n = sizes_of(cases[i].name, cases[i].edits);
        answers first = answers_of(cases[i].name, cases[i].edits, 1);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; ++t) {
            answers other = answers_of(cases[i].name, cases[i].edits, threads[t]);
            assert_same_answers(cases[i].name, threads[t], &n, &first, &other);
            answers_clear(&other);
        }
        answers_clear(&first);
    }
}

/* What a gradient keeps of its forward pass and what it computes again; memory used before, and by another network. */
static void same_bits_whatever_is_kept(void **state)
{
    const int64_t every[] = {1, 2, 3, HG_CHECKPOINT_NONE};
    hg_workspace *workspace = NULL;
    (void)state;
    must(hg_workspace_create(ctx, &workspace));
    must(hg_context_set_threads(ctx, 2));
    for (int i = 0; i < CASES; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        const int64_t n = hg_model_n_parameters(model);
        sample s = random_batch(hg_model_get_widths(model));
        hg_real *all = calloc((size_t)n, sizeof *all), *some = calloc((size_t)n, sizeof *some);
        double loss, again;
        must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, all, NULL, NULL));
        for (size_t k = 0; k < sizeof every / sizeof *every; ++k) {
            const hg_gradient_options options = {.checkpoint_every = every[k], .workspace = workspace};
            must(hg_model_gradient_with(ctx, model, &s.batch, &options, mixed_loss, model, &again, some, NULL, NULL));
            if (memcmp(all, some, (size_t)n * sizeof *all) != 0 || memcmp(&loss, &again, sizeof loss) != 0)
                fail_msg("%s: gradients differ when %d is kept", cases[i].name, (int)every[k]);
        }
        free(all);
        free(some);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
    must(hg_context_set_threads(ctx, 0));
    hg_workspace_destroy(ctx, workspace);
}

static double largest_difference(const hg_real *a, const hg_real *b, int64_t n)
{
    double largest = 0;
    for (int64_t k = 0; k < n; ++k) {
        const double d = fabs((double)a[k] - (double)b[k]);
        if (!(d <= largest)) largest = d;
    }
    return largest;
}

/* Scores as probabilities: the logits of classifiers pass through a sigmoid. */
static void to_scores(hg_real *logit, int64_t n)
{
    for (int64_t k = 0; k < n; ++k) logit[k] = (hg_real)(1 / (1 + exp(-(double)logit[k])));
}

static void instruction_sets_agree(void **state)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    char *before = isa_keep();
    (void)state;
    for (int i = 0; i < CASES; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        const hg_model_widths w = hg_model_get_widths(model);
        sample s = random_batch(w);
        results first = results_for(s.graph, w);
        const int64_t n = s.graph->n_edges * w.edge_out;
        for (int k = 0; k < n_tables && !cases[i].ill_conditioned; ++k) {
            results r = results_for(s.graph, w);
            setenv("HG_ISA", table[k]->name, 1);
            must(hg_model_forward(ctx, model, &s.batch, k == 0 ? &first.out : &r.out));
            to_scores(k == 0 ? first.edges : r.edges, n);
            const double d = k == 0 ? 0 : largest_difference(first.edges, r.edges, n);
            if (!(d <= isa_tolerance)) fail_msg("%s: scores of %s and %s differ by %.2g", cases[i].name, table[0]->name, table[k]->name, d);
            results_clear(&r);
        }
        results_clear(&first);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
    isa_restore(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_for_any_number_of_threads), cmocka_unit_test(same_bits_whatever_is_kept),
                                       cmocka_unit_test(instruction_sets_agree)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
