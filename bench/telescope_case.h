/* bench/telescope_case.h — DynEdge on a ragged batch of events, and the shipped model on simulated ones: made ready, run, handed over. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_TELESCOPE_CASE_H
#define HG_BENCH_TELESCOPE_CASE_H

#include <math.h>
#include <unistd.h>
#include "bench/case_files.h"
#include "bench/network_passes.h"
#include "bench/random_input.h"
#include "bench/rounds.h"
#include "hitgraph/loss.h"
#include "hitgraph/neighbours.h"
#include "hitgraph/simulate_pulses.h"
#include "nn/model/work.h"
#include "pipeline/classify_run.h"

/* bf16 first, so that the features which are handed over to the other program are those of float32 */
static const variant variants[] = {{"inference", "bf16", HG_WORK_FORWARD, HG_PRECISION_BF16},
                                   {"inference", "fp32", HG_WORK_FORWARD, HG_PRECISION_FLOAT32},
                                   {"training", "fp32", HG_WORK_TRAINING, HG_PRECISION_FLOAT32}};
enum { VARIANTS = sizeof variants / sizeof *variants, INFERENCE_BF16 = 0, INFERENCE, TRAINING };

typedef struct telescope_case {
    hg_model *model;
    hg_graph *graph; /* without edges: the network searches its own */
    hg_real *nodes, *target, *features, *gradient;
    hg_workspace *workspace;
    int64_t longest; /* pulses of the longest event */
} telescope_case;

/* Log-normal pulse counts of that median and mean, at least one pulse an event. */
static hg_status case_prepare(hg_context *ctx, int64_t n_events, double factor, telescope_case *c)
{
    hg_status status = HG_OK;
    const double median = 110 * factor, mean = 194 * factor, width = sqrt(2 * log(mean / median));
    hg_random stream = hg_random_stream(1, 3, 0, 0);
    int64_t *node_ptr = NULL;
    HG_TRY(bench_model(ctx, "models/architectures/dynedge.yaml", &c->model));
    const hg_model_widths widths = hg_model_get_widths(c->model);
    HG_TRY(hg_alloc(ctx, &node_ptr, n_events + 1));
    for (int64_t i = 0; i < n_events; ++i) {
        const int64_t n = (int64_t)fmax(1, round(median * exp(width * hg_random_normal(&stream))));
        node_ptr[i + 1] = node_ptr[i] + n;
        if (n > c->longest) c->longest = n;
    }
    HG_TRY(hg_graph_create(ctx, node_ptr[n_events], 0, NULL, NULL, n_events, node_ptr, &c->graph));
    HG_TRY(bench_random_numbers(ctx, c->graph->n_nodes * widths.node_in, 0, &c->nodes));
    HG_TRY(bench_random_numbers(ctx, n_events * widths.global_out, 1, &c->target));
    HG_TRY(hg_alloc(ctx, &c->features, n_events * widths.global_out));
    HG_TRY(hg_alloc(ctx, &c->gradient, hg_model_n_parameters(c->model)));
    HG_TRY(hg_workspace_create(ctx, &c->workspace));
done:
    hg_free(ctx, node_ptr);
    return status;
}

static void case_release(hg_context *ctx, telescope_case *c)
{
    hg_workspace_destroy(ctx, c->workspace);
    hg_model_destroy(ctx, c->model);
    hg_graph_destroy(ctx, c->graph);
    hg_free(ctx, c->nodes);
    hg_free(ctx, c->target);
    hg_free(ctx, c->features);
    hg_free(ctx, c->gradient);
}

static hg_status case_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    const telescope_case *c = user;
    const int64_t n = batch->graph->n_graphs * hg_model_get_widths(c->model).global_out;
    return hg_loss_regression(ctx, HG_REGRESSION_MSE, 0, n, out->globals, c->target, NULL, HG_LOSS_MEAN, loss, gradient->globals);
}

/* Inference fills c->features, training c->gradient. */
static network_pass case_pass(telescope_case *c)
{
    return (network_pass){.model = c->model,
                          .batch = {.graph = c->graph, .nodes = c->nodes},
                          .out = {.globals = c->features},
                          .loss = case_loss,
                          .user = c,
                          .gradient = c->gradient,
                          .workspace = c->workspace};
}

/* The events, the weights and our results, for bench/telescope_torch.py. */
static hg_status case_write(hg_context *ctx, const telescope_case *c, const char *directory)
{
    const hg_model_widths w = hg_model_get_widths(c->model);
    const int64_t n = c->graph->n_nodes, g = c->graph->n_graphs;
    const hg_stored_tensor batch[] = {{"sender", HG_DTYPE_I32, 1, {0}, 0, c->graph->sender},
                                      {"receiver", HG_DTYPE_I32, 1, {0}, 0, c->graph->receiver},
                                      {"node_ptr", HG_DTYPE_I64, 1, {g + 1}, g + 1, c->graph->node_ptr},
                                      {"nodes", HG_DTYPE_REAL, 2, {n, w.node_in}, n * w.node_in, c->nodes},
                                      {"target", HG_DTYPE_REAL, 2, {g, w.global_out}, g * w.global_out, c->target}};
    const hg_stored_tensor output = {"features", HG_DTYPE_REAL, 2, {g, w.global_out}, g * w.global_out, c->features};
    return bench_write_case(ctx, directory, c->model, (int)(sizeof batch / sizeof *batch), batch, c->gradient, &output);
}

/* x: [points of the batch, HG_NEIGHBOUR_COLUMNS]. */
static hg_status neighbours_run(hg_context *ctx, const hg_graph *batch, const hg_real *x, int64_t columns, double *seconds)
{
    const hg_points points = {.x = x,
                              .n = batch->n_nodes,
                              .stride = HG_NEIGHBOUR_COLUMNS,
                              .n_columns = columns,
                              .n_graphs = batch->n_graphs,
                              .node_ptr = batch->node_ptr};
    hg_graph *found = NULL;
    const double start = hg_seconds();
    const hg_status status = hg_graph_nearest(ctx, &points, 8, &found);
    *seconds = hg_seconds() - start;
    hg_graph_destroy(ctx, found);
    return status;
}

/* Simulated events of level 1 and the model that ships for them. */
static hg_status small_prepare(hg_context *ctx, int64_t n_events, hg_pulse_events **events, hg_classifier **classifier)
{
    hg_status status = HG_OK;
    hg_telescope *telescope = NULL;
    char path[HG_PATH_SIZE];
    uint64_t next = 0;
    HG_TRY(hg_telescope_create(ctx, NULL, NULL, NULL, 0, 1, &telescope));
    HG_TRY(hg_telescope_simulate(ctx, telescope, 1, &next, n_events, NULL, events));
    HG_TRY(hg_data_path(ctx, "models/icecube/level1", path));
    HG_TRY(hg_classifier_load(ctx, path, classifier));
done:
    hg_telescope_destroy(ctx, telescope);
    return status;
}

static hg_status small_run(hg_context *ctx, const hg_classifier *classifier, const hg_pulse_events *events, double *seconds)
{
    hg_classify_failures failures = {0};
    hg_score_table scores = {0};
    const double start = hg_seconds();
    const hg_status status = hg_classifier_apply(ctx, classifier, events, &failures, &scores);
    *seconds = hg_seconds() - start;
    hg_score_table_clear(ctx, &scores);
    return status;
}

#endif
