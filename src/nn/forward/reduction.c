/* nn/forward/reduction.c — reductions of edges to nodes and of edges or nodes to graphs. Formulas: MODELS 2.5; empty segments give 0. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/reduction.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/functions.h"

/* What one sweep over the items of a segment accumulates; `aux` is a row that an earlier sweep made. */
typedef enum sweep {
    SWEEP_SUM,        /* M */
    SWEEP_MAX,        /* M */
    SWEEP_MIN,        /* M */
    SWEEP_SQUARES,    /* (M - aux)^2 */
    SWEEP_TIES,       /* 1 where M == aux */
    SWEEP_EXP,        /* exp(M - aux) */
    SWEEP_EXP_VALUE,  /* exp(M - aux) M */
    SWEEP_SCORE_MAX,  /* score, per group */
    SWEEP_SCORE_EXP,  /* exp(score - aux), per group */
    SWEEP_SCORE_VALUE /* exp(score - aux) m */
} sweep;

static const hg_real variance_floor = (hg_real)1e-5; /* as PyTorch Geometric: below it the deviation is 0 */

hg_items hg_items_of(const hg_run *run, hg_entity entity, const hg_term *term)
{
    const hg_graph *g = run->graph;
    hg_items it = {.message = run->table[term->value], .width = term->width, .groups = 1};
    if (term->weight >= 0) {
        it.factor = run->table[term->weight];
        it.groups = term->groups;
    }
    if (entity == HG_NODES) {
        it.n_segments = term->outgoing ? g->n_senders : g->n_nodes;
        it.n_items = g->n_edges;
        it.ptr = term->outgoing ? g->out_ptr : g->in_ptr;
        it.edge = term->outgoing ? g->out_edge : NULL;
        it.segment = term->outgoing ? g->sender : g->receiver;
        it.end = term->message == HG_OWN ? NULL : term->message == HG_SENDER ? g->sender : g->receiver;
    } else {
        const hg_value *v = &run->d->value[term->value];
        bool edges = v->entity == HG_EDGES;
        const hg_graph *nodes = edges ? NULL : hg_level_graph(run, v->set);
        it.n_segments = run->batch->graph->n_graphs;
        it.n_items = edges ? g->n_edges : nodes->n_nodes;
        it.ptr = edges ? g->edge_ptr : nodes->node_ptr;
        it.segment = edges ? run->edge_graph : nodes->node_graph;
        it.blocked = true;
    }
    return it;
}

static void sweep_item(const hg_items *it, sweep kind, int64_t item, bool first, const hg_real *aux, hg_real *out)
{
    const hg_real *m = it->message + (it->end ? it->end[item] : item) * it->width;
    int64_t size = it->width / it->groups;
    for (int64_t group = 0; group < it->groups; ++group) {
        hg_real w = it->factor ? it->factor[item * it->groups + group] : 1;
        int64_t begin = group * size, end = begin + size;
        hg_real e;
        switch (kind) {
        case SWEEP_SUM:
            for (int64_t c = begin; c < end; ++c) out[c] += w * m[c];
            break;
        case SWEEP_MAX:
            for (int64_t c = begin; c < end; ++c) out[c] = first || w * m[c] > out[c] ? w * m[c] : out[c];
            break;
        case SWEEP_MIN:
            for (int64_t c = begin; c < end; ++c) out[c] = first || w * m[c] < out[c] ? w * m[c] : out[c];
            break;
        case SWEEP_SQUARES:
            for (int64_t c = begin; c < end; ++c) out[c] += (w * m[c] - aux[c]) * (w * m[c] - aux[c]);
            break;
        case SWEEP_TIES:
            for (int64_t c = begin; c < end; ++c) out[c] += w * m[c] == aux[c] ? (hg_real)1 : (hg_real)0;
            break;
        case SWEEP_EXP:
            for (int64_t c = begin; c < end; ++c) out[c] += hg_exp_negative(w * m[c] - aux[c]);
            break;
        case SWEEP_EXP_VALUE:
            for (int64_t c = begin; c < end; ++c) out[c] += hg_exp_negative(w * m[c] - aux[c]) * (w * m[c]);
            break;
        case SWEEP_SCORE_MAX:
            out[group] = first || w > out[group] ? w : out[group];
            break;
        case SWEEP_SCORE_EXP:
            out[group] += hg_exp_negative(w - aux[group]);
            break;
        case SWEEP_SCORE_VALUE:
            e = hg_exp_negative(w - aux[group]);
            for (int64_t c = begin; c < end; ++c) out[c] += e * m[c];
            break;
        }
    }
}

/* Sweeps places first .. first + count of one segment into out[0 .. columns), zero before. */
static void sweep_places(const hg_run *run, const hg_items *it, sweep kind, int64_t first, int64_t count, const hg_real *aux, hg_real *out)
{
    if (kind == SWEEP_SUM && it->groups == 1) {
        hg_rows rows = {.edge = it->edge, .end = it->end, .weight = it->factor, .first = first, .count = count};
        run->k->sum_rows(out, it->message, it->width, &rows, it->width);
        return;
    }
    for (int64_t t = first; t < first + count; ++t) sweep_item(it, kind, it->edge ? it->edge[t] : t, t == first, aux, out);
}

static void combine(sweep kind, const hg_real *part, bool first, int64_t columns, hg_real *out)
{
    bool is_max = kind == SWEEP_MAX || kind == SWEEP_SCORE_MAX;
    for (int64_t c = 0; c < columns; ++c) {
        if (first) {
            out[c] = part[c];
        } else if (is_max || kind == SWEEP_MIN) {
            bool better = is_max ? part[c] > out[c] : part[c] < out[c];
            out[c] = better ? part[c] : out[c];
        } else {
            out[c] += part[c];
        }
    }
}

/* Whole graphs: fixed blocks counted from the start of each graph, so that a batch gives the bits of its graphs one by one. */
static hg_status sweep_graphs(hg_run *run, const hg_items *it, sweep kind, int64_t columns, const hg_real *aux, int64_t aux_columns,
                              hg_real *out)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    hg_real *part = NULL;
    int64_t *first_block = NULL;
    HG_TRY(hg_alloc(ctx, &first_block, it->n_segments + 1));
    for (int64_t s = 0; s < it->n_segments; ++s) first_block[s] = hg_block_count(it->ptr[s + 1] - it->ptr[s], HG_SUM_BLOCK);
    int64_t n_blocks = hg_prefix_sum(first_block, it->n_segments);
    HG_TRY(hg_alloc(ctx, &part, n_blocks * columns));
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, it->n_items))
    for (int64_t b = 0; b < n_blocks; ++b) {
        const int64_t graph = hg_prefix_owner(first_block, it->n_segments, b);
        int64_t first = it->ptr[graph] + (b - first_block[graph]) * HG_SUM_BLOCK, end = it->ptr[graph + 1];
        int64_t count = end - first < HG_SUM_BLOCK ? end - first : HG_SUM_BLOCK;
        sweep_places(run, it, kind, first, count, aux ? aux + graph * aux_columns : NULL, part + b * columns);
    }
    for (int64_t s = 0; s < it->n_segments; ++s) {
        for (int64_t b = first_block[s]; b < first_block[s + 1]; ++b)
            combine(kind, part + b * columns, b == first_block[s], columns, out + s * columns);
    }
done:
    hg_free(ctx, part);
    hg_free(ctx, first_block);
    return status;
}

/* Sums of rows that are whole vectors: a tile of segments at a time. */
static void sum_tiles(const hg_run *run, const hg_items *it, hg_real *out)
{
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, it->n_items))
    for (int64_t tile = 0; tile < hg_block_count(it->n_segments, HG_TILE_ROWS); ++tile) {
        int64_t first = tile * HG_TILE_ROWS, left = it->n_segments - first;
        const hg_fold_rows rows = {.rows = left < HG_TILE_ROWS ? left : HG_TILE_ROWS,
                                   .n = it->width,
                                   .table = it->message,
                                   .ld = it->width,
                                   .weight = it->factor,
                                   .ld_weight = 1,
                                   .ptr = it->ptr + first,
                                   .edge = it->edge,
                                   .end = it->end,
                                   .out = out + first * it->width,
                                   .ldo = it->width};
        run->k->fold(HG_FOLD_SUM, &rows);
    }
}

/* *out: [n_segments, columns], made by this call; aux has `columns` too, except for SWEEP_SCORE_VALUE, where it has `groups`. */
static hg_status run_sweep(hg_run *run, const hg_items *it, sweep kind, const hg_real *aux, hg_real **out)
{
    hg_status status = HG_OK;
    bool per_group = kind == SWEEP_SCORE_MAX || kind == SWEEP_SCORE_EXP;
    int64_t columns = per_group ? it->groups : it->width;
    HG_TRY(hg_run_take(run, out, it->n_segments * columns));
    if (run->dry) goto done;
    int64_t aux_columns = kind == SWEEP_SCORE_VALUE ? it->groups : columns;
    if (it->blocked) {
        memset(*out, 0, (size_t)(it->n_segments * columns) * sizeof **out);
        HG_TRY(sweep_graphs(run, it, kind, columns, aux, aux_columns, *out));
        goto done;
    }
    if (kind == SWEEP_SUM && it->groups == 1 && it->width % HG_LANES == 0 && run->training) {
        sum_tiles(run, it, *out);
        goto done;
    }
#pragma omp parallel for schedule(dynamic, 256) num_threads(hg_team(run, it->n_items))
    for (int64_t s = 0; s < it->n_segments; ++s) {
        int64_t count = it->ptr[s + 1] - it->ptr[s];
        memset(*out + s * columns, 0, (size_t)columns * sizeof **out);
        if (count > 0) sweep_places(run, it, kind, it->ptr[s], count, aux ? aux + s * aux_columns : NULL, *out + s * columns);
    }
done:
    return status;
}

/* value /= what the reduction divides by. */
static void divide(const hg_run *run, const hg_items *it, hg_reduction reduction, const hg_reduced *r)
{
    int64_t size = it->width / it->groups;
    if (run->dry) return;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, it->n_segments))
    for (int64_t s = 0; s < it->n_segments; ++s) {
        hg_real n = (hg_real)(it->ptr[s + 1] - it->ptr[s]);
        if (n == 0) continue;
        hg_real *row = r->value + s * it->width;
        for (int64_t c = 0; c < it->width; ++c) {
            if (reduction == HG_REDUCE_MEAN) {
                row[c] /= n;
            } else if (reduction == HG_REDUCE_STD) {
                hg_real variance = row[c] / n;
                row[c] = variance > variance_floor ? HG_SQRT(variance) : 0;
            } else if (reduction == HG_REDUCE_SOFTMAX) {
                row[c] /= r->second[s * it->width + c];
            } else {
                row[c] /= r->second[s * it->groups + c / size];
            }
        }
    }
}

static hg_status reduce_by_mean(hg_run *run, const hg_items *it, hg_reduction reduction, hg_reduced *r)
{
    hg_status status = HG_OK;
    HG_TRY(run_sweep(run, it, SWEEP_SUM, NULL, &r->value));
    divide(run, it, HG_REDUCE_MEAN, r);
    if (reduction == HG_REDUCE_STD) {
        r->first = r->value;
        r->value = NULL;
        HG_TRY(run_sweep(run, it, SWEEP_SQUARES, r->first, &r->value));
        divide(run, it, HG_REDUCE_STD, r);
    }
done:
    return status;
}

hg_status hg_reduce_forward(hg_run *run, hg_entity entity, const hg_term *term, bool statistics, hg_reduced *out)
{
    hg_status status = HG_OK;
    hg_items it = hg_items_of(run, entity, term);
    hg_reduced r = {0};
    bool attention = term->reduction == HG_REDUCE_ATTENTION;

    switch (term->reduction) {
    case HG_REDUCE_SUM:
        HG_TRY(run_sweep(run, &it, SWEEP_SUM, NULL, &r.value));
        break;
    case HG_REDUCE_MEAN:
    case HG_REDUCE_STD:
        HG_TRY(reduce_by_mean(run, &it, term->reduction, &r));
        break;
    case HG_REDUCE_MAX:
    case HG_REDUCE_MIN:
        HG_TRY(run_sweep(run, &it, term->reduction == HG_REDUCE_MAX ? SWEEP_MAX : SWEEP_MIN, NULL, &r.value));
        if (statistics) HG_TRY(run_sweep(run, &it, SWEEP_TIES, r.value, &r.second));
        break;
    case HG_REDUCE_SOFTMAX:
    case HG_REDUCE_ATTENTION:
        HG_TRY(run_sweep(run, &it, attention ? SWEEP_SCORE_MAX : SWEEP_MAX, NULL, &r.first));
        HG_TRY(run_sweep(run, &it, attention ? SWEEP_SCORE_EXP : SWEEP_EXP, r.first, &r.second));
        HG_TRY(run_sweep(run, &it, attention ? SWEEP_SCORE_VALUE : SWEEP_EXP_VALUE, r.first, &r.value));
        divide(run, &it, term->reduction, &r);
        break;
    }
    *out = r;
    r = (hg_reduced){0};
done:
    hg_reduced_clear(run, &r);
    return status;
}

hg_status hg_sum_by_graph(hg_run *run, hg_entity entity, const hg_real *rows, int64_t width, hg_real **out)
{
    const hg_graph *g = run->graph;
    hg_items it = {.message = rows,
                   .width = width,
                   .groups = 1,
                   .n_segments = run->batch->graph->n_graphs,
                   .blocked = true,
                   .n_items = hg_run_rows(run, entity)};
    it.ptr = entity == HG_EDGES ? g->edge_ptr : run->nodes->node_ptr;
    return run_sweep(run, &it, SWEEP_SUM, NULL, out);
}
