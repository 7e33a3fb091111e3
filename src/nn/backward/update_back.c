/* nn/backward/update_back.c — one update on its way back: tiles are computed again, then walked through in reverse (MODELS 2.7). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/update_back.h"

#include "base/check.h"
#include "base/parallel.h"
#include "nn/backward/back.h"
#include "nn/backward/compute_back.h"
#include "nn/backward/reduction_back.h"
#include "nn/forward/concatenate.h"
#include "nn/forward/signs.h"
#include "nn/forward/tile.h"
#include "nn/forward/update.h"
#include "nn/run/run_edges.h"

/* Layers whose rows the way back looks at: a bare last layer is not computed again, nor one whose signs are known. */
static int layers_needed(const hg_back *b)
{
    const hg_mlp_layer *last = &b->net->layer[b->net->n_layers - 1];
    bool bare = last->norm == HG_NORM_NONE && last->activation == HG_ACTIVATION_NONE && b->u->activation == HG_ACTIVATION_NONE;
    return b->net->n_layers - (bare || b->run->signs[b->index] ? 1 : 0);
}

static void prefetch_rows(const hg_real *rows, int64_t numbers)
{
    for (int64_t i = 0; i < numbers; i += 64 / (int64_t)sizeof *rows) __builtin_prefetch(rows + i, 0, 2);
}

/* What the next tile reads row by row is on its way from memory while this one is worked on. */
static void prefetch_tile(const hg_back *b, int64_t row, int64_t rows)
{
    const hg_table_gradient *g = &b->run->gradient[b->u->value];
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        if (!hg_term_indexed(term)) prefetch_rows(hg_term_rows(b->run, term, &b->reduced[t]) + row * term->width, rows * term->width);
    }
    for (int i = 0; i < g->n_parts; ++i) {
        const hg_shared_rows *part = g->part[i].rows;
        if (!g->part[i].index) prefetch_rows(part->data + row * part->stride, rows * part->stride);
    }
}

static void run_tile(const hg_back *b, int n_layers, int64_t row, int64_t rows, hg_real *group, hg_back_scratch *s)
{
    const hg_network *net = b->net;
    const hg_layer_tape *last = &s->tape.layer[net->n_layers - 1];
    hg_real *d = s->d[0], *below = s->d[1];
    if (b->panels) {
        const hg_tile_job job = {.run = b->run,
                                 .u = b->u,
                                 .panels = b->panels,
                                 .products = &b->products,
                                 .reduced = b->reduced,
                                 .n_layers = n_layers,
                                 .tape = &s->tape,
                                 .scratch = s->dense};
        hg_tile_run(&job, row, rows);
    } else {
        hg_tile_forward(b->run, b->u, &b->products, b->reduced, row, rows, n_layers, &s->tape);
    }
    if (b->run->signs[b->index]) hg_signs_read(b->run, b->index, row, rows, last->y, last->stride);
    hg_finish_back(b, last->y, last->stride, row, rows, s, d);
    for (int l = net->n_layers - 1; l >= 0; --l) {
        hg_layer_back_rows(b, l, HG_LAYER_BOTH, &s->tape, row, rows, d, group);
        hg_layer_back_below(b, l, &s->tape, row, rows, d, below, group, s);
        if (!net->layer[l].linear) continue;
        hg_real *swap = d;
        d = below;
        below = swap;
    }
}

static hg_status backward_in_tiles(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *memory = NULL;
    hg_back_scratch counted;
    int n_layers = layers_needed(b);
    int64_t size = hg_back_scratch_layout(b, true, NULL, &counted);
    HG_TRY(hg_run_take(run, &memory, size * run->threads));
    if (run->dry) goto done;
#pragma omp parallel num_threads(hg_team(run, b->sums.n_rows))
    {
        hg_back_scratch s;
        hg_back_scratch_layout(b, true, memory + size * hg_thread(), &s);
#pragma omp for schedule(dynamic)
        for (int64_t group = 0; group < b->sums.n_groups; ++group) {
            int64_t end = hg_weight_sums_row(&b->sums, group + 1);
            hg_real *sums = hg_weight_sums_open(&b->sums, group);
            for (int64_t row = hg_weight_sums_row(&b->sums, group); row < end; row += HG_TILE_ROWS) {
                int64_t next = row + HG_TILE_ROWS, left = end - next;
                if (left > 0) prefetch_tile(b, next, left < HG_TILE_ROWS ? left : HG_TILE_ROWS);
                run_tile(b, n_layers, row, end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS, sums, &s);
            }
        }
    }
done:
    hg_run_give(run, memory);
    return status;
}

/* The gradient of the concatenated inputs is cut into the terms that are read without index. */
static void cut_inputs(const hg_back *b, int64_t row, int64_t rows)
{
    const hg_update *u = b->u;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term_target *target = &b->target[t];
        if (hg_term_indexed(&u->term[t]) || !target->rows) continue;
        for (int64_t i = row; i < row + rows; ++i) {
            hg_real *to = target->rows + i * target->ld;
            const hg_real *from = b->first->data + i * b->first_stride + u->term[t].column;
            for (int64_t c = 0; c < u->term[t].width; ++c) to[c] = target->owned ? from[c] : to[c] + from[c];
            for (int64_t c = u->term[t].width; target->owned && c < target->ld; ++c) to[c] = 0;
        }
    }
}

/* Without network: the way back is that of the concatenation. */
static hg_status concatenation_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *memory = NULL;
    hg_back_scratch counted;
    int64_t size = hg_back_scratch_layout(b, false, NULL, &counted), n = hg_run_rows(run, b->u->entity);
    HG_TRY(hg_run_take(run, &memory, size * run->threads));
    if (run->dry) goto done;
#pragma omp parallel num_threads(hg_team(run, n))
    {
        hg_back_scratch s;
        hg_back_scratch_layout(b, false, memory + size * hg_thread(), &s);
#pragma omp for schedule(dynamic, 8)
        for (int64_t tile = 0; tile < hg_block_count(n, HG_TILE_ROWS); ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS, stride = b->first_stride;
            if (!hg_update_is_linear(b->u)) hg_concatenate(run, b->u, b->reduced, row, rows, s.d[0], stride);
            hg_finish_back(b, s.d[0], stride, row, rows, &s, b->first->data + row * stride);
            cut_inputs(b, row, rows);
        }
    }
done:
    hg_run_give(run, memory);
    return status;
}

/* Each tile reads its rows of a plain sum, then writes their gradient: over them where the strides are the same. */
static hg_real *sum_to_overwrite(const hg_back *b, int t)
{
    const hg_term *term = &b->u->term[t];
    const bool in_tiles = b->net && !hg_network_concatenates(b->net);
    return in_tiles && hg_term_is_plain_sum(term) && hg_padded(term->width) == term->width ? b->run->reduced[b->index][t].value : NULL;
}

/* products: the gradients of tables that are read row by row stay products with `first`. */
static hg_status find_target(hg_back *b, int t, bool products)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    const hg_term *term = &b->u->term[t];
    hg_term_target *target = &b->target[t];
    if (hg_term_made(term)) {
        target->owned = true;
        target->ld = hg_term_is_plain_sum(term) ? hg_padded(term->width) : term->width;
        target->rows = sum_to_overwrite(b, t);
        if (!target->rows) HG_TRY(hg_run_take(run, &target->rows, hg_run_rows(run, b->u->entity) * target->ld));
    } else if (term->access == HG_OWN && run->wanted[term->value] && !products) {
        target->ld = term->width;
        HG_TRY(hg_gradient_of(run, term->value, &target->rows));
    }
done:
    return status;
}

/* Finds or makes the arrays that gradients of inputs go to. */
static hg_status prepare(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    const hg_update *u = b->u;
    bool indexed = false, receiver = false, products = b->net && !hg_network_concatenates(b->net);
    for (int t = 0; t < u->n_terms; ++t) {
        indexed = indexed || hg_term_indexed(&u->term[t]);
        receiver = receiver || u->term[t].access == HG_RECEIVER || u->term[t].access == HG_DIFFERENCE;
    }
    for (int t = 0; t < u->n_terms; ++t) HG_TRY(find_target(b, t, products && indexed));
    if (u->old >= 0 && run->wanted[u->old]) HG_TRY(hg_gradient_of(run, u->old, &b->d_old));
    b->first_stride = hg_padded(b->net ? b->net->layer[0].out : run->d->value[u->value].width);
    if (indexed || !products) HG_TRY(hg_first_rows_find(b));
    if (!b->net) goto done;
    if (receiver && products) {
        int64_t size = run->graph->n_nodes * b->first_stride;
        HG_TRY(hg_run_take(run, &b->d_receiver, size));
        hg_zero(run, b->d_receiver, size);
    }
    HG_TRY(hg_products_make(run, u, b->reduced, &b->products));
    HG_TRY(hg_weight_sums_begin(run, u, hg_run_rows(run, u->entity), false, &b->sums));
done:
    return status;
}

/* The gradients of tables that were read row by row are products with `first`: no array of their own is made for them. */
static hg_status leave_products(hg_back *b)
{
    hg_status status = HG_OK;
    const hg_update *u = b->u;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (term->access != HG_OWN || !b->run->wanted[term->value] || b->target[t].rows) continue;
        hg_gradient_part part = {.rows = b->first, .packed = &b->packed->layer[0], .column = term->column, .out = b->net->layer[0].out};
        if (b->panels) part.panel = b->panels->term_back[t];
        ++b->first->users;
        HG_TRY(hg_gradient_add_part(b->run, term->value, &part));
    }
done:
    return status;
}

static hg_status made_terms_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        hg_term_target *target = &b->target[t];
        if (!hg_term_made(term)) continue;
        if (sum_to_overwrite(b, t)) run->reduced[b->index][t].value = NULL;
        if (term->access == HG_COMPUTED) {
            HG_TRY(hg_compute_backward(run, b->u, term, target->rows));
        } else if (!hg_term_is_plain_sum(term)) {
            HG_TRY(hg_reduce_backward(run, b->u->entity, term, &b->reduced[t], target->rows));
        } else if (run->wanted[term->value]) {
            hg_gradient_part part = {0};
            hg_items it = hg_items_of(run, b->u->entity, term);
            if (term->reduction == HG_REDUCE_MEAN) hg_mean_back(run, &it, target->rows, target->ld);
            hg_real *rows = target->rows;
            target->rows = NULL;
            HG_TRY(hg_shared_rows_make(run, rows, target->ld, &part.rows));
            part.index = it.segment;
            HG_TRY(hg_gradient_add_part(run, term->value, &part));
        }
    }
done:
    return status;
}

static void release(hg_back *b)
{
    hg_run *run = b->run;
    for (int t = 0; t < b->u->n_terms; ++t) {
        if (b->target[t].owned && !sum_to_overwrite(b, t)) hg_run_give(run, b->target[t].rows);
    }
    hg_shared_rows_release(run, b->first);
    hg_run_give(run, b->d_receiver);
    hg_run_give(run, b->sums.memory);
    hg_products_clear(run, &b->products);
}

hg_status hg_update_backward(hg_run *run, int index)
{
    hg_status status = HG_OK;
    const hg_update *u = &run->d->update[index];
    hg_back b = {.run = run, .u = u, .index = index};
    if (!hg_gradient_exists(&run->gradient[u->value])) return HG_OK;
    HG_TRY(hg_run_enter(run, u));
    if (!run->reduced[index] && !hg_update_is_linear(u)) HG_TRY(hg_update_reduce(run, index, true));
    b.reduced = run->reduced[index];
    if (u->network >= 0) {
        b.net = &run->d->network[u->network];
        b.packed = &run->packed[u->network];
        b.panels = hg_panels_of(run, index);
    }
    HG_TRY(prepare(&b));
    if (!b.net) {
        HG_TRY(concatenation_back(&b));
    } else if (b.net->batch_norm) {
        HG_TRY(hg_whole_backward(&b));
    } else {
        HG_TRY(backward_in_tiles(&b));
    }
    hg_gradient_clear(run, u->value);
    if (b.net) {
        hg_weight_sums_add(run, u, &b.sums);
        hg_run_give(run, b.sums.memory);
        b.sums.memory = NULL;
        hg_products_clear(run, &b.products);
    }
    hg_signs_drop(run, index);
    if (b.net && b.net->typed) HG_TRY(hg_typed_back(&b));
    if (!b.net) {
        /* cut tile by tile */
    } else if (hg_network_concatenates(b.net)) {
        if (!run->dry) cut_inputs(&b, 0, hg_run_rows(run, u->entity));
    } else {
        HG_TRY(leave_products(&b));
    }
    HG_TRY(hg_indexed_back(&b));
    HG_TRY(made_terms_back(&b));
done:
    release(&b);
    return status;
}
