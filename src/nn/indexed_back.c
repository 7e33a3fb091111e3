/* nn/indexed_back.c — inputs reached through an index: first sum the first layer's gradient per node or graph, then one product there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/reduction.h"
#include "nn/update_back.h"

/* out[rows, width] = sums of columns of d_first over the outgoing (or incoming) edges of each node. */
static void sum_edges(const hg_back *b, bool outgoing, int64_t row, int64_t rows, int64_t column, int64_t width, hg_real *out)
{
    const hg_graph *g = b->run->graph;
    const int64_t *ptr = outgoing ? g->out_ptr : g->in_ptr;
    for (int64_t i = 0; i < rows; ++i) {
        hg_rows list = {.edge = outgoing ? g->out_edge : NULL, .first = ptr[row + i], .count = ptr[row + i + 1] - ptr[row + i]};
        b->run->k->sum_rows(out + i * width, b->d_first + column, b->first_stride, &list, width);
    }
}

static void add_rows(hg_real *to, const hg_real *from, hg_real sign, int64_t count)
{
    for (int64_t i = 0; i < count; ++i) to[i] += sign * from[i];
}

/* How many of the rows from `row` on a table of n rows has: of a bipartite graph one end has fewer than the other. */
static int64_t rows_of(int64_t n, int64_t row, int64_t rows)
{
    return n - row < rows ? (n > row ? n - row : 0) : rows;
}

/* Networks: d of the products at the senders, at the receivers and their difference, each computed once per tile. */
static void node_tile(const hg_back *b, int64_t row, int64_t rows, hg_real *group, hg_real *const d[3], const hg_weight_sums *sums,
                      hg_back_scratch *s)
{
    const hg_run *run = b->run;
    int64_t stride = b->first_stride;
    int64_t senders = rows_of(run->graph->n_senders, row, rows), receivers = rows_of(run->graph->n_nodes, row, rows);
    sum_edges(b, true, row, senders, 0, stride, d[0]);
    sum_edges(b, false, row, receivers, 0, stride, d[1]);
    for (int64_t i = 0; i < rows * stride; ++i) d[2][i] = d[0][i] - d[1][i];
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        if (!hg_term_indexed(term) || term->access == HG_GRAPH) continue;
        const hg_real *from = run->table[term->value] + row * term->width;
        hg_real *target = run->wanted[term->value] ? run->gradient[term->value] + row * term->width : NULL;
        hg_term_back(b, t, d[term->access - HG_SENDER], from, term->access == HG_SENDER ? senders : receivers, group + sums->term[t],
                     target, s);
    }
}

static hg_status nodes_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *memory = NULL;
    hg_weight_sums sums = {0};
    hg_back_scratch counted;
    const hg_graph *g = run->graph;
    int64_t n = g->n_nodes > g->n_senders ? g->n_nodes : g->n_senders, tile = HG_TILE_ROWS * b->first_stride;
    int64_t size = hg_back_scratch_layout(b, false, NULL, &counted) + 3 * tile;
    HG_TRY(hg_weight_sums_begin(run, b->u, n, true, &sums));
    HG_TRY(hg_alloc(run->ctx, &memory, size * run->threads));
#pragma omp parallel num_threads(hg_team(run, run->graph->n_edges))
    {
        hg_back_scratch s;
        hg_real *own = memory + size * omp_get_thread_num();
        hg_real *const d[3] = {own, own + tile, own + 2 * tile};
        hg_back_scratch_layout(b, false, own + 3 * tile, &s);
#pragma omp for schedule(dynamic)
        for (int64_t group = 0; group < sums.n_groups; ++group) {
            int64_t end = (group + 1) * sums.tiles_per_group * HG_TILE_ROWS;
            if (end > n) end = n;
            for (int64_t row = group * sums.tiles_per_group * HG_TILE_ROWS; row < end; row += HG_TILE_ROWS) {
                int64_t rows = end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS;
                node_tile(b, row, rows, sums.memory + group * sums.size, d, &sums, &s);
            }
        }
    }
    hg_weight_sums_add(run, b->u, &sums);
done:
    hg_free(run->ctx, memory);
    hg_free(run->ctx, sums.memory);
    return status;
}

static hg_status graphs_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *memory = NULL, *d = NULL;
    hg_weight_sums sums = {0};
    hg_back_scratch s;
    int64_t n = run->batch->graph->n_graphs;
    HG_TRY(hg_weight_sums_begin(run, b->u, n, true, &sums));
    HG_TRY(hg_alloc(run->ctx, &memory, hg_back_scratch_layout(b, false, NULL, &s)));
    hg_back_scratch_layout(b, false, memory, &s);
    HG_TRY(hg_sum_by_graph(run, b->u->entity, b->d_first, b->first_stride, &d));
    for (int64_t row = 0; row < n; row += HG_TILE_ROWS) {
        int64_t rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
        for (int t = 0; t < b->u->n_terms; ++t) {
            const hg_term *term = &b->u->term[t];
            if (term->access != HG_GRAPH) continue;
            hg_real *target = run->wanted[term->value] ? run->gradient[term->value] + row * term->width : NULL;
            hg_term_back(b, t, d + row * b->first_stride, run->table[term->value] + row * term->width, rows, sums.memory + sums.term[t],
                         target, &s);
        }
    }
    hg_weight_sums_add(run, b->u, &sums);
done:
    hg_free(run->ctx, memory);
    hg_free(run->ctx, d);
    hg_free(run->ctx, sums.memory);
    return status;
}

/* Inputs side by side: each column's gradient goes straight to the table it came from. */
static hg_status copies_back(hg_back *b, const hg_term *term)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *sums = NULL, *target = run->gradient[term->value];
    int64_t n = hg_value_rows(run, term->value), width = term->width;
    if (term->access == HG_GRAPH) {
        HG_TRY(hg_sum_by_graph(run, b->u->entity, b->d_first, b->first_stride, &sums));
        for (int64_t g = 0; g < n; ++g) {
            add_rows(target + g * width, sums + g * b->first_stride + term->column, 1, width);
        }
        goto done;
    }
    HG_TRY(hg_alloc(run->ctx, &sums, n * width));
#pragma omp parallel for schedule(dynamic, 64) num_threads(hg_team(run, run->graph->n_edges))
    for (int64_t i = 0; i < n; ++i) {
        hg_real *row = sums + i * width;
        if (term->access != HG_RECEIVER) {
            sum_edges(b, true, i, 1, term->column, width, row);
            add_rows(target + i * width, row, 1, width);
        }
        if (term->access != HG_SENDER) {
            sum_edges(b, false, i, 1, term->column, width, row);
            add_rows(target + i * width, row, term->access == HG_DIFFERENCE ? -1 : 1, width);
        }
    }
done:
    hg_free(run->ctx, sums);
    return status;
}

hg_status hg_indexed_back(hg_back *b)
{
    hg_status status = HG_OK;
    bool nodes = false, graphs = false;
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        hg_real *made;
        if (!hg_term_indexed(term)) continue;
        graphs = graphs || term->access == HG_GRAPH;
        nodes = nodes || term->access != HG_GRAPH;
        if (b->run->wanted[term->value]) HG_TRY(hg_gradient_of(b->run, term->value, &made));
        if ((!b->net || hg_network_concatenates(b->net)) && b->run->wanted[term->value]) HG_TRY(copies_back(b, term));
    }
    bool products = b->net && !hg_network_concatenates(b->net);
    if (products && nodes) HG_TRY(nodes_back(b));
    if (products && graphs) HG_TRY(graphs_back(b));
done:
    return status;
}
