/* bench/engine_case.h — one network on one random graph: made ready, run, and handed over to another program as files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_ENGINE_CASE_H
#define HG_BENCH_ENGINE_CASE_H

#include <unistd.h>
#include "base/roofline.h"
#include "bench/case_files.h"
#include "bench/network_passes.h"
#include "bench/random_input.h"
#include "hitgraph/loss.h"
#include "nn/model/work.h"

typedef struct bench_case {
    const char *name, *path;
    int64_t n_nodes, n_edges;
    bool quick;          /* small enough for a short run */
    bool large;          /* training: only checkpointed modes of the other program fit */
    bool inference_only; /* measured for the growth of its time */
    const char *other;   /* the other program's name of the model, NULL = not compared */
    hg_model *model;
    hg_graph *graph;
    hg_real *nodes, *edges, *target, *logit, *gradient;
    hg_workspace *workspace;
    double graph_s; /* seconds that sorting and indexing the edges took */
} bench_case;

static hg_status case_prepare(hg_context *ctx, bench_case *c)
{
    hg_status status = HG_OK;
    HG_TRY(bench_model(ctx, c->path, &c->model));
    HG_TRY(bench_random_graph(ctx, c->n_nodes, c->n_edges, &c->graph, &c->graph_s));
    const hg_model_widths widths = hg_model_get_widths(c->model);
    HG_TRY(bench_random_numbers(ctx, c->n_nodes * widths.node_in, 0, &c->nodes));
    HG_TRY(bench_random_numbers(ctx, c->n_edges * widths.edge_in, 1, &c->edges));
    HG_TRY(hg_alloc(ctx, &c->target, c->n_edges));
    HG_TRY(hg_alloc(ctx, &c->logit, c->n_edges));
    HG_TRY(hg_alloc(ctx, &c->gradient, hg_model_n_parameters(c->model)));
    for (int64_t e = 0; e < c->n_edges; e += 2) c->target[e] = 1;
    HG_TRY(hg_workspace_create(ctx, &c->workspace));
done:
    return status;
}

static void case_release(hg_context *ctx, bench_case *c)
{
    hg_workspace_destroy(ctx, c->workspace);
    hg_model_destroy(ctx, c->model);
    hg_graph_destroy(ctx, c->graph);
    hg_free(ctx, c->nodes);
    hg_free(ctx, c->edges);
    hg_free(ctx, c->target);
    hg_free(ctx, c->logit);
    hg_free(ctx, c->gradient);
}

static hg_status case_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    const bench_case *c = user;
    return hg_loss_bce(ctx, batch->graph->n_edges, out->edges, c->target, NULL, 1, HG_LOSS_MEAN, loss, gradient->edges);
}

/* Inference fills c->logit, training c->gradient. */
static network_pass case_pass(bench_case *c)
{
    const bool edges = hg_model_get_widths(c->model).edge_in > 0;
    return (network_pass){.model = c->model,
                          .batch = {.graph = c->graph, .nodes = c->nodes, .edges = edges ? c->edges : NULL},
                          .out = {.edges = c->logit},
                          .loss = case_loss,
                          .user = c,
                          .gradient = c->gradient,
                          .workspace = c->workspace};
}

/* The graph, its attributes, the weights and our results, for bench/engine_torch.py. */
static hg_status case_write(hg_context *ctx, const bench_case *c, const char *directory)
{
    const hg_model_widths w = hg_model_get_widths(c->model);
    const int64_t n = c->n_nodes, e = c->n_edges, ptr[2] = {0, n};
    const hg_stored_tensor batch[] = {{"sender", HG_DTYPE_I32, 1, {e}, e, c->graph->sender},
                                      {"receiver", HG_DTYPE_I32, 1, {e}, e, c->graph->receiver},
                                      {"node_ptr", HG_DTYPE_I64, 1, {2}, 2, ptr},
                                      {"nodes", HG_DTYPE_REAL, 2, {n, w.node_in}, n * w.node_in, c->nodes},
                                      {"target", HG_DTYPE_REAL, 1, {e}, e, c->target},
                                      {"edges", HG_DTYPE_REAL, 2, {e, w.edge_in}, e * w.edge_in, c->edges}};
    const hg_stored_tensor output = {"logits", HG_DTYPE_REAL, 1, {e}, e, c->logit};
    return bench_write_case(ctx, directory, c->model, w.edge_in > 0 ? 6 : 5, batch, c->gradient, &output);
}

#endif
