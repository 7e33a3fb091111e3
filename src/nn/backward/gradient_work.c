/* nn/backward/gradient_work.c — see gradient_work.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/gradient_work.h"

#include "base/check.h"
#include "base/memory.h"

/* A graph of that size in which every node has about as many edges; node_ptr cuts it evenly. */
static hg_status even_graph(hg_context *ctx, const hg_work_size *size, hg_graph **out)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t *node_ptr = NULL;
    const int64_t n_edges = size->n_nodes > 0 ? size->n_edges : 0;
    HG_TRY(hg_alloc(ctx, &sender, n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, n_edges));
    HG_TRY(hg_alloc(ctx, &node_ptr, size->n_graphs + 1));
    for (int64_t g = 0; g <= size->n_graphs; ++g) node_ptr[g] = (int64_t)((double)size->n_nodes * (double)g / (double)size->n_graphs);
    for (int64_t e = 0; e < n_edges; ++e) sender[e] = receiver[e] = (int32_t)(e % size->n_nodes); /* loops stay inside their graph */
    HG_TRY(hg_graph_create(ctx, size->n_nodes, n_edges, sender, receiver, size->n_graphs, node_ptr, out));
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, node_ptr);
    return status;
}

hg_status hg_work_gradient_bytes(hg_context *ctx, const hg_model *model, const hg_work_size *size, int64_t checkpoint_every, size_t *bytes)
{
    hg_status status = HG_OK;
    hg_graph *graph = NULL;
    int32_t *edge_type = NULL;
    const hg_gradient_options options = {.checkpoint_every = checkpoint_every};
    HG_CHECK(size->n_nodes <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " nodes, at most %d fit", size->n_nodes, INT32_MAX);
    HG_TRY(even_graph(ctx, size, &graph));
    if (model->description.n_types > 0) HG_TRY(hg_alloc(ctx, &edge_type, graph->n_edges));
    const hg_batch batch = {.graph = graph, .edge_type = edge_type};
    HG_TRY(hg_model_gradient_bytes(ctx, model, &batch, &options, bytes));
done:
    hg_free(ctx, edge_type);
    hg_graph_destroy(ctx, graph);
    return status;
}
