/* nn/forward/first_layer.c — see first_layer.h: products at the nodes are gathered, so no concatenated edge array exists. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/first_layer.h"

#include <string.h>
#include "base/check.h"
#include "base/parallel.h"
#include "nn/forward/concatenate.h"
#include "nn/forward/training_weights.h"
#include "nn/forward/typed.h"

void hg_products_clear(hg_run *run, hg_products *p)
{
    hg_run_give(run, p->sender);
    hg_run_give(run, p->receiver);
    hg_run_give(run, p->global);
    hg_run_give(run, p->typed);
    *p = (hg_products){0};
}

/* What making the products of one update needs. */
typedef struct maker {
    const hg_run *run;
    const hg_update *u;
    const hg_panels *panels; /* NULL = the plain way */
    int64_t stride;
    hg_real *scratch; /* [threads, HG_TILE_ROWS, stride] */
} maker;

/* out[row ..] += table W^T over all terms of one access; rows <= HG_TILE_ROWS. */
static void add_products(const maker *m, hg_access access, int64_t row, int64_t rows, hg_real *out)
{
    const hg_run *run = m->run;
    const hg_packed_layer *packed = &run->packed[m->u->network].layer[0];
    hg_real *to = out + row * m->stride;
    hg_dense_part part[HG_MAX_TERMS];
    hg_dense sum = {.rows = rows, .n = run->d->network[m->u->network].layer[0].out, .part = part, .out = to, .ldo = m->stride};
    for (int t = 0; t < m->u->n_terms && rows > 0; ++t) {
        const hg_term *term = &m->u->term[t];
        const hg_real *from = run->table[term->value] + row * term->width;
        if (term->access != access) continue;
        if (m->panels) {
            part[sum.n_parts++] = (hg_dense_part){from, term->width, term->width, m->panels->term_forward[t]};
        } else {
            run->k->multiply(to, m->stride, from, term->width, 1, rows, term->width, packed->forward + term->column * m->stride, m->stride,
                             m->stride);
        }
    }
    if (sum.n_parts == 0) return;
    sum.old = to;
    sum.keep = sum.change = 1;
    sum.scratch = m->scratch + hg_thread() * HG_TILE_ROWS * m->stride;
    run->k->dense[HG_STORE_REAL].run(&sum);
}

/* Rows row .. row + rows of a table with n. */
static int64_t rows_of(int64_t n, int64_t row)
{
    int64_t left = n - row;
    return left < 0 ? 0 : left < HG_TILE_ROWS ? left : HG_TILE_ROWS;
}

/* A difference is its product at the sender minus the same at the receiver; it goes first, so that it is computed once. */
static void node_tile(const maker *m, const hg_products *p, bool differences, int64_t row)
{
    int64_t stride = m->stride, senders = rows_of(m->run->graph->n_senders, row), receivers = rows_of(m->run->graph->n_nodes, row);
    if (p->sender && senders > 0) memset(p->sender + row * stride, 0, (size_t)(senders * stride) * sizeof *p->sender);
    if (p->receiver && receivers > 0) memset(p->receiver + row * stride, 0, (size_t)(receivers * stride) * sizeof *p->receiver);
    if (differences) {
        hg_real *from = p->sender + row * stride, *to = p->receiver + row * stride;
        add_products(m, HG_DIFFERENCE, row, senders, p->sender);
        for (int64_t i = 0; i < senders * stride; ++i) to[i] = -from[i];
    }
    if (p->sender) add_products(m, HG_SENDER, row, senders, p->sender);
    if (p->receiver) add_products(m, HG_RECEIVER, row, receivers, p->receiver);
}

hg_status hg_products_make(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_products *out)
{
    hg_status status = HG_OK;
    hg_products p = {0};
    bool used[HG_COMPUTED + 1] = {false};
    int64_t n_nodes = run->graph->n_nodes, n_senders = run->graph->n_senders, n_graphs = run->batch->graph->n_graphs;
    int64_t stride = hg_padded(run->d->network[u->network].layer[0].out);
    maker m = {.run = run, .u = u, .panels = hg_panels_of(run, (int)(u - run->d->update)), .stride = stride};

    if (!run->d->network[u->network].layer[0].linear) return HG_OK;
    if (run->d->network[u->network].typed) return hg_typed_products(run, u, reduced, &out->typed);
    for (int t = 0; t < u->n_terms; ++t) used[u->term[t].access] = true;
    if (used[HG_SENDER] || used[HG_DIFFERENCE]) HG_TRY(hg_run_take(run, &p.sender, n_senders * stride));
    if (used[HG_RECEIVER] || used[HG_DIFFERENCE]) HG_TRY(hg_run_take(run, &p.receiver, n_nodes * stride));
    if (m.panels) HG_TRY(hg_run_take(run, &m.scratch, HG_TILE_ROWS * stride * run->threads));
    if (!run->dry && (p.sender || p.receiver)) {
        int64_t most = n_nodes > n_senders ? n_nodes : n_senders, n_tiles = hg_block_count(most, HG_TILE_ROWS);
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, most))
        for (int64_t tile = 0; tile < n_tiles; ++tile) node_tile(&m, &p, used[HG_DIFFERENCE], tile * HG_TILE_ROWS);
    }
    if (used[HG_GRAPH]) {
        HG_TRY(hg_run_take(run, &p.global, n_graphs * stride));
        if (!run->dry) memset(p.global, 0, (size_t)(n_graphs * stride) * sizeof *p.global);
        for (int64_t row = 0; !run->dry && row < n_graphs; row += HG_TILE_ROWS)
            add_products(&m, HG_GRAPH, row, rows_of(n_graphs, row), p.global);
    }
    *out = p;
    p = (hg_products){0};
done:
    hg_run_give(run, m.scratch);
    hg_products_clear(run, &p);
    return status;
}

void hg_first_layer(const hg_run *run, const hg_update *u, const hg_packed *packed, const hg_products *products, const hg_reduced *reduced,
                    int64_t row, int64_t rows, const hg_layer_tape *tape)
{
    int64_t stride = tape->stride;
    const hg_graph *g = run->graph;
    if (products->typed) {
        memcpy(tape->h, products->typed + row * stride, (size_t)(rows * stride) * sizeof *tape->h);
        return;
    }
    if (!run->d->network[u->network].layer[0].linear) {
        memset(tape->h, 0, (size_t)(rows * stride) * sizeof *tape->h);
        hg_concatenate(run, u, reduced, row, rows, tape->h, stride);
        return;
    }
    hg_layer_start(&run->d->network[u->network].layer[0], &packed->layer[0], rows, tape);
    if (products->sender) run->k->gather_add(tape->h, stride, products->sender, stride, g->sender + row, rows, stride);
    if (products->receiver) run->k->gather_add(tape->h, stride, products->receiver, stride, g->receiver + row, rows, stride);
    if (products->global) run->k->gather_add(tape->h, stride, products->global, stride, hg_graph_index(run, u->entity) + row, rows, stride);
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (hg_term_indexed(term)) continue;
        const hg_real *from = hg_term_rows(run, term, &reduced[t]) + row * term->width;
        run->k->multiply(tape->h, stride, from, term->width, 1, rows, term->width, packed->layer[0].forward + term->column * stride, stride,
                         stride);
    }
}
