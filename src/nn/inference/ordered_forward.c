/* nn/inference/ordered_forward.c — carries a batch into another order or into parts, evaluates there, and carries the outputs back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/ordered_forward.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "nn/model/model.h"

/* ---- another order ---- */

static hg_status ordered_copy(hg_context *ctx, const hg_order *order, bool edges, const hg_real *from, int64_t width, hg_real **out)
{
    const int64_t rows = edges ? order->graph->n_edges : order->graph->n_nodes;
    if (!from || width == 0) return HG_OK;
    const hg_status status = hg_alloc(ctx, out, rows * width);
    if (status < 0) return status;
    (edges ? hg_order_edges : hg_order_nodes)(ctx, order, (size_t)width * sizeof *from, from, *out);
    return HG_OK;
}

hg_status hg_model_forward_ordered(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_order *order,
                                   const hg_outputs *out)
{
    hg_status status = HG_OK;
    hg_real *nodes = NULL, *edges = NULL, *node_out = NULL, *edge_out = NULL;
    int32_t *edge_type = NULL;
    if (!order || !model || !batch || !batch->graph || !out) return hg_model_forward(ctx, model, batch, out);
    const hg_graph *g = order->graph;
    const hg_model_widths w = hg_model_get_widths(model);
    HG_CHECK(g->n_nodes == batch->graph->n_nodes && g->n_edges == batch->graph->n_edges, HG_ERR_ARG,
             "order of %" PRId64 " nodes and %" PRId64 " edges, the batch has %" PRId64 " and %" PRId64, g->n_nodes, g->n_edges,
             batch->graph->n_nodes, batch->graph->n_edges);
    HG_CHECK(batch->n_levels == 0, HG_ERR_ARG, "batch has %" PRId64 " levels above its nodes, expected none in another order",
             batch->n_levels);
    HG_TRY(ordered_copy(ctx, order, false, batch->nodes, w.node_in, &nodes));
    HG_TRY(ordered_copy(ctx, order, true, batch->edges, w.edge_in, &edges));
    if (out->nodes) HG_TRY(hg_alloc(ctx, &node_out, g->n_nodes * w.node_out));
    if (out->edges) HG_TRY(hg_alloc(ctx, &edge_out, g->n_edges * w.edge_out));
    if (batch->edge_type) {
        HG_TRY(hg_alloc(ctx, &edge_type, g->n_edges));
        hg_order_edges(ctx, order, sizeof *edge_type, batch->edge_type, edge_type);
    }
    const hg_batch moved = {.graph = g,
                            .nodes = nodes ? nodes : batch->nodes,
                            .edges = edges ? edges : batch->edges,
                            .globals = batch->globals,
                            .edge_type = edge_type};
    HG_TRY(hg_model_forward(ctx, model, &moved, &(hg_outputs){node_out, edge_out, out->globals}));
    if (node_out) hg_order_nodes_back(ctx, order, (size_t)w.node_out * sizeof *node_out, node_out, out->nodes);
    if (edge_out) hg_order_edges_back(ctx, order, (size_t)w.edge_out * sizeof *edge_out, edge_out, out->edges);
done:
    hg_free(ctx, nodes);
    hg_free(ctx, edges);
    hg_free(ctx, node_out);
    hg_free(ctx, edge_out);
    hg_free(ctx, edge_type);
    return status;
}

/* ---- how far the outputs look ---- */

enum { WHOLE_GRAPH = 1 << 20 }; /* more layers than any model has updates */

static bool normalises_batches(const hg_network *net)
{
    bool found = false;
    for (int l = 0; l < net->n_layers; ++l) found = found || net->layer[l].norm == HG_NORM_BATCH;
    return found;
}

/* Edges away from a node (an edge: from either of its ends) up to which the table of an update looks. reach: of all earlier tables. */
static int64_t reach_of_update(const hg_description *d, const hg_update *u, const int64_t *reach)
{
    /* searched edges and coarser levels may come from anywhere in the graph */
    const bool whole = (u->network >= 0 && normalises_batches(&d->network[u->network])) || u->edges > 0 || d->value[u->value].set > 0;
    int64_t farthest = whole ? WHOLE_GRAPH : u->old >= 0 ? reach[u->old] : 0;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        int64_t this = reach[term->value];
        if ((term->access == HG_REDUCED || term->access == HG_COMPUTED) && term->weight >= 0 && reach[term->weight] > this)
            this = reach[term->weight];
        if (term->access == HG_REDUCED) this = this + 1;
        if (u->entity == HG_GLOBALS && term->access != HG_OWN) this = WHOLE_GRAPH;
        farthest = this > farthest ? this : farthest;
    }
    return farthest < WHOLE_GRAPH ? farthest : WHOLE_GRAPH;
}

hg_status hg_model_halo_layers(hg_context *ctx, const hg_model *model, int64_t *layers)
{
    hg_status status = HG_OK;
    const hg_description *d = &model->description;
    const hg_output_mark *mark = &d->output[d->n_outputs - 1];
    int64_t *reach = NULL, most = 0;
    HG_TRY(hg_alloc(ctx, &reach, d->n_values));
    for (int i = 0; i < d->n_updates; ++i) {
        if (d->update[i].live_last) reach[d->update[i].value] = reach_of_update(d, &d->update[i], reach);
    }
    if (mark->value[HG_NODES] >= 0) most = reach[mark->value[HG_NODES]];
    /* an edge is computed in the part of its receiver; its sender may be foreign */
    if (mark->value[HG_EDGES] >= 0 && reach[mark->value[HG_EDGES]] + 1 > most) most = reach[mark->value[HG_EDGES]] + 1;
    HG_CHECK(mark->value[HG_GLOBALS] < 0 && most < WHOLE_GRAPH, HG_ERR_ARG,
             "the outputs depend on whole graphs (batch norm, reduced globals, global outputs, searched edges or levels): no halo makes a "
             "part exact");
    *layers = most;
done:
    hg_free(ctx, reach);
    return status;
}

/* ---- part by part ---- */

static void copy_rows(hg_real *to, int64_t to_row, const hg_real *from, int64_t from_row, int64_t width)
{
    memcpy(to + to_row * width, from + from_row * width, (size_t)width * sizeof *to);
}

/* Buffers of one part. */
typedef struct part_rows {
    hg_real *nodes, *edges, *node_out, *edge_out; /* owned */
    int32_t *edge_type;                           /* owned */
} part_rows;

static hg_status gather_part(hg_context *ctx, const hg_model_widths *w, const hg_batch *batch, const hg_part *part, const hg_outputs *out,
                             part_rows *rows)
{
    hg_status status = HG_OK;
    const hg_graph *g = part->graph;
    if (batch->nodes) HG_TRY(hg_alloc(ctx, &rows->nodes, g->n_nodes * w->node_in));
    if (batch->edges) HG_TRY(hg_alloc(ctx, &rows->edges, g->n_edges * w->edge_in));
    if (batch->edge_type) HG_TRY(hg_alloc(ctx, &rows->edge_type, g->n_edges));
    if (out->nodes) HG_TRY(hg_alloc(ctx, &rows->node_out, g->n_nodes * w->node_out));
    if (out->edges) HG_TRY(hg_alloc(ctx, &rows->edge_out, g->n_edges * w->edge_out));
    for (int64_t i = 0; rows->nodes && i < g->n_nodes; ++i) copy_rows(rows->nodes, i, batch->nodes, part->node[i], w->node_in);
    for (int64_t e = 0; rows->edges && e < g->n_edges; ++e) copy_rows(rows->edges, e, batch->edges, part->edge[e], w->edge_in);
    for (int64_t e = 0; rows->edge_type && e < g->n_edges; ++e) rows->edge_type[e] = batch->edge_type[part->edge[e]];
done:
    return status;
}

static void scatter_part(const hg_model_widths *w, const hg_part *part, const part_rows *rows, const hg_outputs *out)
{
    const hg_graph *g = part->graph;
    for (int64_t i = 0; rows->node_out && i < g->n_nodes; ++i) {
        if (part->own[i]) copy_rows(out->nodes, part->node[i], rows->node_out, i, w->node_out);
    }
    for (int64_t e = 0; rows->edge_out && e < g->n_edges; ++e) {
        if (part->own[g->receiver[e]]) copy_rows(out->edges, part->edge[e], rows->edge_out, e, w->edge_out);
    }
}

static hg_status forward_part(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_partition *partition, int64_t number,
                              int64_t layers, const hg_outputs *out)
{
    hg_status status = HG_OK;
    hg_part *part = NULL;
    part_rows rows = {0};
    const hg_model_widths w = hg_model_get_widths(model);
    HG_TRY(hg_part_create(ctx, batch->graph, partition, number, layers, &part));
    HG_TRY(gather_part(ctx, &w, batch, part, out, &rows));
    const hg_batch inside = {
        .graph = part->graph, .nodes = rows.nodes, .edges = rows.edges, .globals = batch->globals, .edge_type = rows.edge_type};
    status = hg_model_forward(ctx, model, &inside, &(hg_outputs){rows.node_out, rows.edge_out, NULL});
    if (status < 0) hg_fail_prefix(ctx, "part %" PRId64, number);
    HG_TRY(status);
    scatter_part(&w, part, &rows, out);
done:
    hg_free(ctx, rows.nodes);
    hg_free(ctx, rows.edges);
    hg_free(ctx, rows.node_out);
    hg_free(ctx, rows.edge_out);
    hg_free(ctx, rows.edge_type);
    hg_part_destroy(ctx, part);
    return status;
}

hg_status hg_model_forward_parts(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_partition *partition,
                                 const hg_outputs *out)
{
    hg_status status = HG_OK;
    int64_t layers = 0;
    HG_CHECK(model && batch && batch->graph && partition && out, HG_ERR_ARG,
             "forward: model, batch, its graph, partition and out must not be NULL");
    HG_CHECK(!out->globals, HG_ERR_ARG, "forward by parts gives no global outputs");
    HG_TRY(hg_model_halo_layers(ctx, model, &layers));
    for (int64_t p = 0; p < partition->n_parts; ++p) {
        if (partition->node_ptr[p + 1] == partition->node_ptr[p]) continue;
        HG_TRY(forward_part(ctx, model, batch, partition, p, layers, out));
    }
done:
    return status;
}
