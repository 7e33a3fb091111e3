/* bench/network_passes.h — passes of a network in their precisions: run, and their memory; another program's modes beside them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_NETWORK_PASSES_H
#define HG_BENCH_NETWORK_PASSES_H

#include "base/log.h"
#include "bench/rounds.h"
#include "hitgraph/loss.h"
#include "nn/model/work.h"

/* One pass in one precision. */
typedef struct variant {
    const char *name, *precision_name;
    int pass; /* HG_WORK_FORWARD or HG_WORK_TRAINING */
    hg_precision precision;
} variant;

/* One mode of the other program. */
typedef struct other_mode {
    const char *name;
    int variant;
    double difference, peak_rss, seconds[BENCH_ROUNDS_MAX];
} other_mode;

/* What a pass works on; all borrowed. */
typedef struct network_pass {
    const hg_model *model;
    hg_batch batch;
    hg_outputs out; /* of inference */
    hg_loss_fn *loss;
    void *user;
    hg_real *gradient;
    hg_workspace *workspace;
} network_pass;

/* Flops and bytes of a pass. */
static hg_work pass_work(const hg_model *model, const hg_graph *graph, const variant *v)
{
    const double number_bytes = v->precision == HG_PRECISION_BF16 ? 2 : 4;
    const hg_work_size size = {graph->n_nodes, graph->n_edges, graph->n_graphs, (double)hg_last_cache_bytes(), number_bytes};
    hg_work work[HG_WORK_PASSES] = {{0}};
    hg_work_count(model, &size, work);
    return work[v->pass];
}

/* Training keeps every step's tables of edges and computes the rest again. */
static hg_status pass_run(hg_context *ctx, const network_pass *p, const variant *v, int threads, double *seconds)
{
    hg_status status = HG_OK;
    const hg_gradient_options options = {.checkpoint_every = 1, .workspace = p->workspace};
    double loss = 0;
    HG_TRY(hg_context_set_threads(ctx, threads));
    HG_TRY(hg_context_set_precision(ctx, v->precision));
    const double start = hg_seconds();
    if (v->pass == HG_WORK_FORWARD) {
        HG_TRY(hg_model_forward(ctx, p->model, &p->batch, &p->out));
    } else {
        HG_TRY(hg_model_gradient_with(ctx, p->model, &p->batch, &options, p->loss, p->user, &loss, p->gradient, NULL, NULL));
    }
    *seconds = hg_seconds() - start;
done:
    return status;
}

/* One run with a context of its own: the peak of the resident set without what other runs keep. */
static hg_status pass_memory(hg_context *ctx, network_pass p, const variant *v, int threads, double *peak)
{
    hg_status status = HG_OK;
    hg_context *own = NULL;
    double seconds = 0;
    HG_TRY(hg_context_create(&own));
    HG_TRY(hg_workspace_create(own, &p.workspace));
    bench_reset_peak();
    status = pass_run(own, &p, v, threads, &seconds);
    *peak = (double)hg_peak_rss();
    hg_workspace_destroy(own, p.workspace);
    HG_CHECK(status >= 0, status, "%s", hg_context_message(own));
done:
    hg_context_destroy(own);
    return status;
}

#endif
