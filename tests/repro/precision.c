/* tests/repro/precision.c — networks in bf16: close to float32, the same bits for any number of threads on each instruction set; AUC. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>
#include "../random_batch.h"
#include "hitgraph/classification.h"
#include "kernels/kernels.h"
#include "pipeline/training_sets.h"
#include "tests/isa.h"
#include "tests/leaks.h"

/* Root mean square of the differences to float32, as a share of the root mean square of the outputs: rounding to 8 bits is worth 2e-3 per
 * layer, and norms keep it from growing. */
static const double tolerance = 0.05;
static const double auc_tolerance = 1e-4;

static const struct {
    const char *name, *edits[4];
    bool narrow; /* no table is wide enough to be stored in bf16, and no hidden tile: the bits of float32 are expected */
} cases[] = {{.name = "interaction_network", .narrow = true},
             {.name = "exatrkx_doublet", .edits = {"repeat: 8", "repeat: 2"}},
             {.name = "heptrkx", .edits = {"repeat: 6", "repeat: 2"}},
             {.name = "acorn_ignn", .edits = {"repeat: 8", "repeat: 2"}},
             {.name = "acorn_ignn_wide", .edits = {"repeat: 8", "repeat: 1"}},
             {.name = "graph_nets"},
             {.name = "resin", .narrow = true},
             {.name = "edge_conv"},
             {.name = "graph_attention"},
             {.name = "message_passing"},
             {.name = "graph_network"},
             {.name = "deep_sets"}};
enum { CASES = sizeof cases / sizeof *cases };

static void evaluate(const hg_model *model, const sample *s, hg_precision precision, int threads, results *r)
{
    *r = results_for(s->graph, hg_model_get_widths(model));
    must(hg_context_set_threads(ctx, threads));
    must(hg_context_set_precision(ctx, precision));
    must(hg_model_forward(ctx, model, &s->batch, &r->out));
    must(hg_context_set_precision(ctx, HG_PRECISION_FLOAT32));
}

static void assert_close(const char *name, bool narrow, const char *isa, const hg_real *plain, const hg_real *half, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; ++i) {
        difference += pow((double)half[i] - (double)plain[i], 2);
        size += pow((double)plain[i], 2);
    }
    if (!(difference <= tolerance * tolerance * size))
        fail_msg("%s on %s: bf16 differs from float32 by %.2g of the outputs", name, isa, sqrt(difference / size));
    if (n > 0 && (difference == 0) != narrow)
        fail_msg("%s on %s: bf16 %s the bits of float32", name, isa, narrow ? "does not give" : "gives");
}

static void assert_same(const char *name, const char *isa, int threads, const hg_real *a, const hg_real *b, int64_t n)
{
    if (n > 0 && memcmp(a, b, (size_t)n * sizeof *a) != 0) fail_msg("%s on %s: bits of %d threads differ", name, isa, threads);
}

static void check_network(const hg_model *model, const sample *s, const char *name, bool narrow, const char *isa)
{
    static const int threads[] = {2, 3, 4, 7, 8};
    const hg_model_widths w = hg_model_get_widths(model);
    const int64_t nodes = s->graph->n_nodes * w.node_out, edges = s->graph->n_edges * w.edge_out, all = s->graph->n_graphs * w.global_out;
    results plain, half;
    evaluate(model, s, HG_PRECISION_FLOAT32, 1, &plain);
    evaluate(model, s, HG_PRECISION_BF16, 1, &half);
    assert_close(name, narrow, isa, plain.nodes, half.nodes, nodes);
    assert_close(name, narrow, isa, plain.edges, half.edges, edges);
    assert_close(name, narrow, isa, plain.globals, half.globals, all);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; ++t) {
        results other;
        evaluate(model, s, HG_PRECISION_BF16, threads[t], &other);
        assert_same(name, isa, threads[t], half.nodes, other.nodes, nodes);
        assert_same(name, isa, threads[t], half.edges, other.edges, edges);
        assert_same(name, isa, threads[t], half.globals, other.globals, all);
        results_clear(&other);
    }
    results_clear(&plain);
    results_clear(&half);
    must(hg_context_set_threads(ctx, 0));
}

static void networks(void **state)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    char *before = isa_keep();
    (void)state;
    for (int i = 0; i < CASES; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        sample s = random_batch(hg_model_get_widths(model));
        for (int t = 0; t < n_tables; ++t) {
            setenv("HG_ISA", table[t]->name, 1);
            check_network(model, &s, cases[i].name, cases[i].narrow, table[t]->name);
        }
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
    isa_restore(before);
}

static double area(const hg_model *model, const hg_stored_sample *s, hg_precision precision)
{
    const int64_t n = s->graph->n_edges;
    hg_real *logit = calloc((size_t)n, sizeof *logit);
    double auc = 0;
    must(hg_context_set_precision(ctx, precision));
    must(hg_model_forward(ctx, model, &(hg_batch){.graph = s->graph, .nodes = s->nodes, .edges = s->edges}, &(hg_outputs){.edges = logit}));
    must(hg_context_set_precision(ctx, HG_PRECISION_FLOAT32));
    must(hg_metric_auc(ctx, n, logit, s->label, s->weight, &auc));
    free(logit);
    return auc;
}

/* The doublet network that ships, on a whole event that it was not trained on. */
static void auc_of_the_doublet_network(void **state)
{
    (void)state;
    char path[] = "../shared/data/trackml-like/event000021007", *input[] = {path};
    if (access("../shared/data/trackml-like", R_OK) != 0) {
        print_message("SKIP auc_of_the_doublet_network: ../shared/data is missing\n");
        skip();
    }
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_model *model = NULL;
    hg_labelled_events events = {0};
    hg_stored_set set = {0};
    must(hg_track_config_read(ctx, "trackml", NULL, NULL, 0, &config));
    must(hg_setup_create(ctx, &config, true, &setup));
    must(hg_doublet_model_load(ctx, &config, &model));
    must(hg_labelled_events_read(ctx, setup, input, 1, &events));
    must(hg_training_set_make(ctx, setup, HG_TASK_DOUBLETS, NULL, &events, 1, &set));
    const double plain = area(model, set.sample, HG_PRECISION_FLOAT32), half = area(model, set.sample, HG_PRECISION_BF16);
    print_message("AUC of %lld doublets: float32 %.6f, bf16 %.6f\n", (long long)set.sample->graph->n_edges, plain, half);
    assert_true(plain > 0.9);
    if (!(fabs(plain - half) <= auc_tolerance)) fail_msg("AUC changes by %.2g, at most %.2g is allowed", half - plain, auc_tolerance);
    hg_stored_set_clear(ctx, &set);
    hg_labelled_events_clear(ctx, &events);
    hg_model_destroy(ctx, model);
    hg_setup_destroy(ctx, setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks), cmocka_unit_test(auc_of_the_doublet_network)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
