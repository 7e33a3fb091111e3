/* graph/adjacency.c — symmetrises a graph: directions, loops and repeats dropped. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/adjacency.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

typedef struct filler {
    const hg_graph *graph;
    const int32_t *edge_weight;
    hg_adjacency *a;
    int64_t *end; /* [N] where each row ends so far */
} filler;

/* Rows are filled in the order of the neighbours' numbers: a repeat can only be the last entry. */
static void add_neighbour(filler *f, int32_t row, int32_t neighbour, int64_t edge)
{
    hg_adjacency *a = f->a;
    const int64_t at = f->end[row], weight = f->edge_weight ? f->edge_weight[edge] : 1;
    if (at > a->ptr[row] && a->neighbour[at - 1] == neighbour) {
        if (f->edge_weight) a->weight[at - 1] += weight;
        a->merged += row < neighbour; /* seen from both ends, counted once */
        return;
    }
    a->neighbour[at] = neighbour;
    a->weight[at] = weight;
    f->end[row] = at + 1;
}

static void fill_rows(filler *f)
{
    const hg_graph *g = f->graph;
    for (int32_t j = 0; j < g->n_nodes; ++j) {
        for (int64_t e = g->in_ptr[j]; e < g->in_ptr[j + 1]; ++e) {
            if (g->sender[e] == j)
                f->a->loops++;
            else
                add_neighbour(f, g->sender[e], j, e);
        }
        for (int64_t k = g->out_ptr[j]; k < g->out_ptr[j + 1]; ++k) {
            const int64_t e = g->out_edge[k];
            if (g->receiver[e] != j) add_neighbour(f, g->receiver[e], j, e);
        }
    }
}

/* Moves the rows together. */
static void close_gaps(hg_adjacency *a, const int64_t *end)
{
    int64_t at = 0;
    for (int64_t i = 0; i < a->n_nodes; ++i) {
        const int64_t first = a->ptr[i];
        a->ptr[i] = at;
        for (int64_t k = first; k < end[i]; ++k, ++at) {
            a->neighbour[at] = a->neighbour[k];
            a->weight[at] = a->weight[k];
        }
    }
    a->ptr[a->n_nodes] = at;
}

hg_status hg_adjacency_create(hg_context *ctx, const hg_graph *graph, const int32_t *edge_weight, hg_adjacency *out)
{
    hg_status status = HG_OK;
    int64_t *end = NULL;
    *out = (hg_adjacency){.n_nodes = graph->n_nodes};
    HG_TRY(hg_alloc(ctx, &out->ptr, graph->n_nodes + 1));
    HG_TRY(hg_alloc(ctx, &end, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i)
        out->ptr[i] = graph->in_ptr[i + 1] - graph->in_ptr[i] + graph->out_ptr[i + 1] - graph->out_ptr[i];
    hg_prefix_sum(out->ptr, graph->n_nodes);
    HG_TRY(hg_alloc(ctx, &out->neighbour, out->ptr[graph->n_nodes]));
    HG_TRY(hg_alloc(ctx, &out->weight, out->ptr[graph->n_nodes]));
    for (int64_t i = 0; i < graph->n_nodes; ++i) end[i] = out->ptr[i];
    fill_rows(&(filler){graph, edge_weight, out, end});
    close_gaps(out, end);
done:
    hg_free(ctx, end);
    return status;
}

void hg_adjacency_clear(hg_context *ctx, hg_adjacency *adjacency)
{
    hg_free(ctx, adjacency->ptr);
    hg_free(ctx, adjacency->neighbour);
    hg_free(ctx, adjacency->weight);
    *adjacency = (hg_adjacency){0};
}
