/* nn/inference/parts.c — batches of many graphs: threads take parts of whole graphs, whose tables then stay in the caches. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/inference/parts.h"

#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/helpers.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/slice.h"
#include "nn/fused/fused.h"

/* Measured: smaller parts do not fill their tiles, the tables of larger ones leave the second cache. A larger graph is worth a team. */
enum { PART_NODES = 1024, PART_EDGES = 16 * PART_NODES, TEAM_NODES = 8 * PART_NODES, TEAM_EDGES = 16 * TEAM_NODES };

typedef struct parts {
    hg_context *ctx;
    const hg_model *model;
    const hg_batch *batch;
    hg_model_widths widths;
    int64_t n, *first;        /* graphs first[p] .. first[p + 1]; owned */
    hg_fused_weights weights; /* owned */
    hg_outputs out;           /* owned arrays of the whole batch: the caller's stay untouched where a part fails */
} parts;

static bool is_for_a_team(const hg_graph *g, int64_t first, int64_t end)
{
    return g->node_ptr[end] - g->node_ptr[first] > TEAM_NODES || g->edge_ptr[end] - g->edge_ptr[first] > TEAM_EDGES;
}

/* As few graphs as fill a part; large ones are parts by themselves. Depends on the batch alone. */
static int64_t cut(const hg_graph *g, int64_t *first)
{
    int64_t n = 0;
    for (int64_t graph = 0; graph < g->n_graphs; ++graph) {
        const int64_t start = n > 0 ? first[n - 1] : 0;
        const int64_t nodes = g->node_ptr[graph] - g->node_ptr[start], edges = g->edge_ptr[graph] - g->edge_ptr[start];
        if (n == 0 || nodes >= PART_NODES || edges >= PART_EDGES || is_for_a_team(g, graph, graph + 1) || is_for_a_team(g, start, graph))
            first[n++] = graph;
    }
    first[n] = g->n_graphs;
    return n;
}

/* Types and levels would have to be cut too, and edges that are searched are not counted before. */
bool hg_parts_are_possible(const hg_model *model, const hg_batch *batch)
{
    const hg_description *d = &model->description;
    const int edges = d->output[d->n_outputs - 1].value[HG_EDGES];
    const hg_graph *g = batch->graph;
    return g->n_graphs > 1 && g->n_senders == g->n_nodes && d->n_types == 0 && d->n_levels == 0 &&
           (edges < 0 || d->value[edges].set == 0) && (g->n_nodes > PART_NODES || g->n_edges > PART_EDGES);
}

static const hg_real *rows_from(const hg_real *rows, int64_t row, int64_t width)
{
    return rows ? rows + row * width : NULL;
}

static hg_status run_part(const parts *p, int64_t part, hg_context *ctx)
{
    hg_status status = HG_OK;
    hg_graph *graph = NULL;
    const hg_graph *all = p->batch->graph;
    const int64_t g = p->first[part], node = all->node_ptr[g], edge = all->edge_ptr[g];
    const hg_model_widths *w = &p->widths;
    HG_TRY(hg_graph_slice(ctx, all, g, p->first[part + 1], &graph));
    const hg_batch batch = {.graph = graph,
                            .nodes = rows_from(p->batch->nodes, node, w->node_in),
                            .edges = rows_from(p->batch->edges, edge, w->edge_in),
                            .globals = rows_from(p->batch->globals, g, w->global_in)};
    const hg_outputs out = {.nodes = p->out.nodes ? p->out.nodes + node * w->node_out : NULL,
                            .edges = p->out.edges ? p->out.edges + edge * w->edge_out : NULL,
                            .globals = p->out.globals ? p->out.globals + g * w->global_out : NULL};
    HG_TRY(hg_fused_forward(ctx, p->model, &batch, &p->weights, &out));
done:
    hg_graph_destroy(ctx, graph);
    return status;
}

/* The first part that fails ends its thread's work; its message becomes that of the whole. */
static hg_status run_in_parallel(const parts *p)
{
    hg_status status = HG_OK;
    hg_context *ctx = p->ctx, *const *helper = NULL;
    int64_t *failed = NULL, first_failed = INT64_MAX;
    hg_status *outcome = NULL;
    const int threads = (int)(p->n < hg_context_threads(ctx) ? p->n : hg_context_threads(ctx));
    HG_TRY(hg_context_helpers(ctx, threads, &helper));
    HG_TRY(hg_alloc(ctx, &outcome, threads));
    HG_TRY(hg_alloc(ctx, &failed, threads));
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t part = 0; part < p->n; ++part) {
        const int t = omp_get_thread_num();
        if (outcome[t] < 0 || is_for_a_team(p->batch->graph, p->first[part], p->first[part + 1])) continue;
        outcome[t] = run_part(p, part, helper[t]);
        failed[t] = part;
    }
    for (int t = 0; t < threads; ++t) {
        if (outcome[t] >= 0 || failed[t] > first_failed) continue;
        first_failed = failed[t];
        status = hg_fail(ctx, outcome[t], "%s", hg_context_message(helper[t]));
    }
done:
    hg_free(ctx, outcome);
    hg_free(ctx, failed);
    return status;
}

static hg_status run_parts(const parts *p)
{
    hg_status status = HG_OK;
    for (int64_t part = 0; part < p->n; ++part) {
        if (is_for_a_team(p->batch->graph, p->first[part], p->first[part + 1])) HG_TRY(run_part(p, part, p->ctx));
    }
    HG_TRY(run_in_parallel(p));
done:
    return status;
}

static void copy_numbers(const hg_real *from, int64_t n, hg_real *to)
{
    if (from && n > 0) memcpy(to, from, (size_t)n * sizeof *to);
}

static hg_status forward_parts(parts *p, const hg_outputs *out)
{
    hg_status status = HG_OK;
    hg_context *ctx = p->ctx;
    const hg_graph *g = p->batch->graph;
    const int64_t nodes = g->n_nodes * p->widths.node_out, edges = g->n_edges * p->widths.edge_out,
                  globals = g->n_graphs * p->widths.global_out;
    HG_TRY(hg_alloc(ctx, &p->first, g->n_graphs + 1));
    p->n = cut(g, p->first);
    HG_TRY(hg_fused_weights_of(ctx, p->model, &p->weights));
    if (out->nodes) HG_TRY(hg_alloc_unset(ctx, &p->out.nodes, nodes));
    if (out->edges) HG_TRY(hg_alloc_unset(ctx, &p->out.edges, edges));
    if (out->globals) HG_TRY(hg_alloc_unset(ctx, &p->out.globals, globals));
    HG_TRY(run_parts(p));
    copy_numbers(p->out.nodes, nodes, out->nodes);
    copy_numbers(p->out.edges, edges, out->edges);
    copy_numbers(p->out.globals, globals, out->globals);
done:
    hg_fused_weights_clear(ctx, &p->model->description, &p->weights);
    hg_free(ctx, p->first);
    hg_free(ctx, p->out.nodes);
    hg_free(ctx, p->out.edges);
    hg_free(ctx, p->out.globals);
    return status;
}

hg_status hg_forward_in_parts(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out)
{
    parts p = {.ctx = ctx, .model = model, .batch = batch, .widths = hg_model_get_widths(model)};
    return forward_parts(&p, out);
}
