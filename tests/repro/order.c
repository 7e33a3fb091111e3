/* tests/repro/order.c — engine.order changes no score beyond rounding, and none at all with the number of threads; nor what is trained on.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/shared_event.h"

#include <math.h>
#include "hitgraph/order.h"
#include "pipeline/network_scores.h"
#include "pipeline/track_graphs.h"
#include "pipeline/training_sets.h"

enum { KINDS = 4 };
static int make_event(void **state)
{
    return make_shared_event(state, 6);
}

static void set_order(int kind)
{
    shared_job.setup->config.engine_order = kind;
    shared_job.setup->config.engine_part_nodes = 300;
}

/* Both networks with one order; hg_track_result_clear the answer. */
static hg_track_result score(int kind, int threads)
{
    hg_track_result r = {0};
    hg_real *nodes = NULL, *edges = NULL;
    set_order(kind);
    must(hg_context_set_threads(ctx, threads));
    must(hg_stage_graph(ctx, shared_job.setup, event, &r));
    must(hg_stage_doublet_network(ctx, shared_job.setup, shared_job.models.doublet, &r));
    must(hg_stage_triplet_graph(ctx, shared_job.setup, &r, &nodes, &edges));
    must(hg_stage_triplet_network(ctx, shared_job.setup, shared_job.models.triplet, nodes, edges, &r));
    hg_free(ctx, nodes);
    hg_free(ctx, edges);
    return r;
}

static void expect_close(const char *what, int kind, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; ++i) {
        if (!(fabsf(a[i] - b[i]) <= 2e-5f))
            fail_msg("order %s: %s %lld is %g, expected %g", hg_order_words[kind], what, (long long)i, a[i], b[i]);
    }
}

static void scores_of_the_main_job(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 5, 8};
    hg_track_result plain = score(HG_ORDER_NONE, 2);
    const int64_t n = plain.doublets->graph->n_edges;
    assert_true(n > 3000 && plain.line->n_edges > 1000);
    for (int kind = 1; kind < KINDS; ++kind) {
        hg_track_result first = score(kind, threads[0]);
        expect_close("doublet", kind, first.doublet_score, plain.doublet_score, n);
        if (first.line->n_edges == plain.line->n_edges)
            expect_close("triplet", kind, first.triplet_score, plain.triplet_score, plain.line->n_edges);
        for (size_t t = 1; t < sizeof threads / sizeof *threads; ++t) {
            hg_track_result other = score(kind, threads[t]);
            assert_int_equal(other.line->n_edges, first.line->n_edges);
            assert_memory_equal(other.doublet_score, first.doublet_score, (size_t)n * sizeof(float));
            assert_memory_equal(other.triplet_score, first.triplet_score, (size_t)first.line->n_edges * sizeof(float));
            hg_track_result_clear(ctx, &other);
        }
        hg_track_result_clear(ctx, &first);
    }
    hg_track_result_clear(ctx, &plain);
}

static int by_value(const void *a, const void *b)
{
    const float l = *(const float *)a, r = *(const float *)b;
    return (l > r) - (l < r);
}

/* Scores of true and of other edges of one sample, sorted; equal sets of edges give close sorted lists. */
static float *sorted_scores(const hg_model *model, const hg_stored_sample *sample, int64_t *n_true)
{
    const int64_t n = sample->graph->n_edges;
    hg_real *logit = NULL;
    float *sorted = NULL;
    int64_t low = 0, high = n;
    must(hg_alloc(ctx, &logit, n));
    must(hg_alloc(ctx, &sorted, n));
    const hg_batch batch = {.graph = sample->graph, .nodes = sample->nodes, .edges = sample->edges};
    must(hg_model_forward(ctx, model, &batch, &(hg_outputs){.edges = logit}));
    for (int64_t e = 0; e < n; ++e) sorted[sample->label[e] ? low++ : --high] = 1 / (1 + expf(-(float)logit[e]));
    qsort(sorted, (size_t)low, sizeof *sorted, by_value);
    qsort(sorted + low, (size_t)(n - low), sizeof *sorted, by_value);
    *n_true = low;
    hg_free(ctx, logit);
    return sorted;
}

static void training_samples(void **state)
{
    (void)state;
    enum { SECTIONS = 3 };
    char input[256];
    char *list[] = {input};
    hg_labelled_events events = {0};
    snprintf(input, sizeof input, "%s", in_folder("events"));
    must(hg_context_set_threads(ctx, 2));
    must(hg_labelled_events_read(ctx, shared_job.setup, list, 1, &events));
    for (int task = HG_TASK_DOUBLETS; task <= HG_TASK_TRIPLETS; ++task) {
        const hg_model *model = task == HG_TASK_DOUBLETS ? shared_job.models.doublet : shared_job.models.triplet;
        hg_stored_set plain = {0};
        set_order(HG_ORDER_NONE);
        must(hg_training_set_make(ctx, shared_job.setup, (hg_training_task)task, shared_job.models.doublet, &events, SECTIONS, &plain));
        for (int kind = 1; kind < KINDS; ++kind) {
            hg_stored_set ordered = {0};
            set_order(kind);
            must(hg_training_set_make(ctx, shared_job.setup, (hg_training_task)task, shared_job.models.doublet, &events, SECTIONS,
                                      &ordered));
            assert_int_equal(ordered.n, plain.n);
            for (int64_t i = 0; i < plain.n; ++i) {
                int64_t n_true[2];
                float *a = sorted_scores(model, &plain.sample[i], &n_true[0]), *b = sorted_scores(model, &ordered.sample[i], &n_true[1]);
                assert_int_equal(ordered.sample[i].graph->n_nodes, plain.sample[i].graph->n_nodes);
                assert_int_equal(ordered.sample[i].graph->n_edges, plain.sample[i].graph->n_edges);
                assert_int_equal(n_true[0], n_true[1]);
                assert_true(n_true[0] > 50);
                expect_close("sorted score", kind, b, a, plain.sample[i].graph->n_edges);
                hg_free(ctx, a);
                hg_free(ctx, b);
            }
            hg_stored_set_clear(ctx, &ordered);
        }
        hg_stored_set_clear(ctx, &plain);
    }
    hg_labelled_events_clear(ctx, &events);
    set_order(HG_ORDER_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_of_the_main_job), cmocka_unit_test(training_samples)};
    return cmocka_run_group_tests(tests, make_event, drop_shared_event);
}
