/* nn/backward/indexed_back.c — inputs reached through an index: first sum the first layer's gradient per node or graph, then one product
 * there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "nn/backward/back.h"
#include "nn/forward/reduction.h"

/* out[rows, width] = sums of columns of `first` over the outgoing (or incoming) edges of each node. */
static void sum_edges(const hg_back *b, bool outgoing, int64_t row, int64_t rows, int64_t column, int64_t width, hg_real *out)
{
    const hg_graph *g = b->run->graph;
    const int64_t *ptr = outgoing ? g->out_ptr : g->in_ptr;
    for (int64_t i = 0; i < rows; ++i) {
        hg_rows list = {.edge = outgoing ? g->out_edge : NULL, .first = ptr[row + i], .count = ptr[row + i + 1] - ptr[row + i]};
        b->run->k->sum_rows(out + i * width, b->first->data + column, b->first_stride, &list, width);
    }
}

/* out[rows, first_stride] = sums of `first` over the outgoing edges of each node. */
static void sum_senders(const hg_back *b, int64_t row, int64_t rows, hg_real *out)
{
    const hg_graph *g = b->run->graph;
    const hg_fold_rows sum = {.rows = rows,
                              .n = b->first_stride,
                              .table = b->first->data,
                              .ld = b->first_stride,
                              .ptr = g->out_ptr + row,
                              .edge = g->out_edge,
                              .out = out,
                              .ldo = b->first_stride};
    if (rows > 0) b->run->k->fold(HG_FOLD_SUM, &sum);
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

typedef struct ends {
    bool sender, difference;
} ends;

/* The dense gradient of a table from a row on; it was made before. */
static hg_term_target table_rows(const hg_run *run, const hg_term *term, int64_t row)
{
    hg_real *dense = run->wanted[term->value] ? run->gradient[term->value].dense : NULL;
    return (hg_term_target){.rows = dense ? dense + row * term->width : NULL, .ld = term->width};
}

/* Networks: d of the products at the senders, at the receivers and their difference, each computed once per tile. */
static void node_tile(const hg_back *b, int64_t row, int64_t rows, hg_real *group, hg_real *const d[2], ends use,
                      const hg_weight_sums *sums, hg_back_scratch *s)
{
    const hg_run *run = b->run;
    int64_t stride = b->first_stride;
    int64_t senders = rows_of(run->graph->n_senders, row, rows), receivers = rows_of(run->graph->n_nodes, row, rows);
    const hg_real *receiver = b->d_receiver ? b->d_receiver + row * stride : NULL;
    if (use.sender) sum_senders(b, row, senders, d[0]);
    for (int64_t i = 0; use.difference && i < rows * stride; ++i) d[1][i] = d[0][i] - receiver[i];
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        if (!hg_term_indexed(term) || term->access == HG_GRAPH) continue;
        const hg_real *from = run->table[term->value] + row * term->width;
        const hg_real *sum = term->access == HG_RECEIVER ? receiver : term->access == HG_SENDER ? d[0] : d[1];
        hg_term_target target = table_rows(run, term, row);
        hg_term_back(b, t, sum, from, term->access == HG_SENDER ? senders : receivers, group + sums->term[t], &target, s);
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
    int64_t size = hg_back_scratch_layout(b, false, NULL, &counted) + 2 * tile;
    ends use = {0};
    for (int t = 0; t < b->u->n_terms; ++t) {
        use.difference = use.difference || b->u->term[t].access == HG_DIFFERENCE;
        use.sender = use.sender || use.difference || b->u->term[t].access == HG_SENDER;
    }
    HG_TRY(hg_weight_sums_begin(run, b->u, n, true, &sums));
    HG_TRY(hg_run_take(run, &memory, size * run->threads));
    if (run->dry) goto done;
#pragma omp parallel num_threads(hg_team(run, run->graph->n_edges))
    {
        hg_back_scratch s;
        hg_real *own = memory + size * hg_thread();
        hg_real *const d[2] = {own, own + tile};
        hg_back_scratch_layout(b, false, own + 2 * tile, &s);
#pragma omp for schedule(dynamic)
        for (int64_t group = 0; group < sums.n_groups; ++group) {
            int64_t end = hg_weight_sums_row(&sums, group + 1);
            hg_real *room = hg_weight_sums_open(&sums, group);
            for (int64_t row = hg_weight_sums_row(&sums, group); row < end; row += HG_TILE_ROWS) {
                node_tile(b, row, end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS, room, d, use, &sums, &s);
            }
        }
    }
    hg_weight_sums_add(run, b->u, &sums);
done:
    hg_run_give(run, memory);
    hg_run_give(run, sums.memory);
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
    if (!run->dry && sums.n_groups > 0) memset(sums.memory, 0, (size_t)(sums.n_groups * sums.size) * sizeof *sums.memory);
    HG_TRY(hg_run_take(run, &memory, hg_back_scratch_layout(b, false, NULL, &s)));
    HG_TRY(hg_sum_by_graph(run, b->u->entity, b->first->data, b->first_stride, &d));
    if (run->dry) goto done;
    hg_back_scratch_layout(b, false, memory, &s);
    for (int64_t row = 0; row < n; row += HG_TILE_ROWS) {
        int64_t rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
        for (int t = 0; t < b->u->n_terms; ++t) {
            const hg_term *term = &b->u->term[t];
            if (term->access != HG_GRAPH) continue;
            hg_term_target target = table_rows(run, term, row);
            hg_term_back(b, t, d + row * b->first_stride, run->table[term->value] + row * term->width, rows, sums.memory + sums.term[t],
                         &target, &s);
        }
    }
    hg_weight_sums_add(run, b->u, &sums);
done:
    hg_run_give(run, memory);
    hg_run_give(run, d);
    hg_run_give(run, sums.memory);
    return status;
}

/* Inputs side by side: each column's gradient goes straight to the table it came from. */
static hg_status copies_back(hg_back *b, const hg_term *term)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *sums = NULL, *target = run->gradient[term->value].dense;
    int64_t n = hg_value_rows(run, term->value), width = term->width;
    if (term->access == HG_GRAPH) {
        HG_TRY(hg_sum_by_graph(run, b->u->entity, b->first->data, b->first_stride, &sums));
        for (int64_t g = 0; !run->dry && g < n; ++g) {
            add_rows(target + g * width, sums + g * b->first_stride + term->column, 1, width);
        }
        goto done;
    }
    HG_TRY(hg_run_take(run, &sums, n * width));
    if (run->dry) goto done;
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
    hg_run_give(run, sums);
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
