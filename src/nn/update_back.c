/* nn/update_back.c — one update on its way back: tiles are computed again, then walked through in reverse (MODELS 2.7). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/update_back.h"

#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

static void run_tile(const hg_back *b, int64_t row, int64_t rows, hg_real *group, hg_back_scratch *s)
{
    const hg_network *net = b->net;
    const hg_real *y = hg_tile_forward(b->run, b->u, &b->products, b->reduced, row, rows, &s->tape);
    hg_real *d = s->d[0], *below = s->d[1];
    hg_finish_back(b, y, s->tape.layer[net->n_layers - 1].stride, row, rows, s, d);
    for (int l = net->n_layers - 1; l >= 0; --l) {
        hg_layer_back_upper(b, l, &s->tape, row, rows, d, group);
        hg_layer_back_lower(b, l, &s->tape, row, rows, d, below, group, s);
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
    int64_t size = hg_back_scratch_layout(b, true, NULL, &counted), n = b->sums.n_rows;
    HG_TRY(hg_alloc(run->ctx, &memory, size * run->threads));
#pragma omp parallel num_threads(hg_team(run, n))
    {
        hg_back_scratch s;
        hg_back_scratch_layout(b, true, memory + size * omp_get_thread_num(), &s);
#pragma omp for schedule(dynamic)
        for (int64_t group = 0; group < b->sums.n_groups; ++group) {
            int64_t end = (group + 1) * b->sums.tiles_per_group * HG_TILE_ROWS;
            if (end > n) end = n;
            for (int64_t row = group * b->sums.tiles_per_group * HG_TILE_ROWS; row < end; row += HG_TILE_ROWS) {
                run_tile(b, row, end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS, b->sums.memory + group * b->sums.size, &s);
            }
        }
    }
done:
    hg_free(run->ctx, memory);
    return status;
}

/* The gradient of the concatenated inputs is cut into the terms that are read without index. */
static void cut_inputs(const hg_back *b, int64_t row, int64_t rows)
{
    for (int t = 0; t < b->u->n_terms; ++t) {
        const hg_term *term = &b->u->term[t];
        if (hg_term_indexed(term) || !b->d_term[t]) continue;
        for (int64_t i = row; i < row + rows; ++i) {
            for (int64_t c = 0; c < term->width; ++c)
                b->d_term[t][i * term->width + c] += b->d_first[i * b->first_stride + term->column + c];
        }
    }
}

/* Without network: the way back is that of the concatenation. */
static hg_status concatenation_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    const hg_update *u = b->u;
    hg_real *memory = NULL;
    hg_back_scratch counted;
    int64_t size = hg_back_scratch_layout(b, false, NULL, &counted), n = hg_run_rows(run, u->entity), stride = b->first_stride;
    HG_TRY(hg_alloc(run->ctx, &memory, size * run->threads));
#pragma omp parallel num_threads(hg_team(run, n))
    {
        hg_back_scratch s;
        hg_back_scratch_layout(b, false, memory + size * omp_get_thread_num(), &s);
#pragma omp for schedule(dynamic, 8)
        for (int64_t tile = 0; tile < hg_block_count(n, HG_TILE_ROWS); ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
            hg_real *d = b->d_first + row * stride;
            hg_concatenate(run, u, b->reduced, row, rows, s.d[0], stride);
            hg_finish_back(b, s.d[0], stride, row, rows, &s, d);
            cut_inputs(b, row, rows);
        }
    }
done:
    hg_free(run->ctx, memory);
    return status;
}

/* Finds or makes the arrays that the gradients of inputs are added to. */
static hg_status prepare(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    const hg_update *u = b->u;
    bool indexed = false;
    int64_t n = hg_run_rows(run, u->entity);
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        indexed = indexed || hg_term_indexed(term);
        if (term->access == HG_OWN && run->wanted[term->value]) HG_TRY(hg_gradient_of(run, term->value, &b->d_term[t]));
        if (hg_term_made(term)) HG_TRY(hg_alloc(run->ctx, &b->d_term[t], n * term->width));
    }
    if (u->old >= 0 && run->wanted[u->old]) HG_TRY(hg_gradient_of(run, u->old, &b->d_old));
    b->first_stride = hg_padded(b->net ? b->net->layer[0].out : run->d->value[u->value].width);
    if (indexed || !b->net || hg_network_concatenates(b->net)) HG_TRY(hg_alloc(run->ctx, &b->d_first, n * b->first_stride));
    if (!b->net) goto done;
    HG_TRY(hg_products_make(run, u, b->reduced, &b->products));
    HG_TRY(hg_weight_sums_begin(run, u, n, false, &b->sums));
done:
    return status;
}

hg_status hg_update_backward(hg_run *run, int index)
{
    hg_status status = HG_OK;
    const hg_update *u = &run->d->update[index];
    hg_back b = {.run = run, .u = u, .reduced = run->reduced[index], .d_out = run->gradient[u->value]};
    if (!b.d_out) return HG_OK;
    if (u->network >= 0) {
        b.net = &run->d->network[u->network];
        b.packed = &run->packed[u->network];
    }
    HG_TRY(hg_run_enter(run, u));
    HG_TRY(prepare(&b));
    if (!b.net) {
        HG_TRY(concatenation_back(&b));
    } else if (b.net->batch_norm) {
        HG_TRY(hg_whole_backward(&b));
    } else {
        HG_TRY(backward_in_tiles(&b));
    }
    if (b.net) hg_weight_sums_add(run, u, &b.sums);
    if (b.net && b.net->typed) HG_TRY(hg_typed_back(&b));
    if (b.net && hg_network_concatenates(b.net)) cut_inputs(&b, 0, hg_run_rows(run, u->entity));
    HG_TRY(hg_indexed_back(&b));
    for (int t = 0; t < u->n_terms; ++t) {
        if (u->term[t].access == HG_REDUCED) HG_TRY(hg_reduce_backward(run, u->entity, &u->term[t], &b.reduced[t], b.d_term[t]));
        if (u->term[t].access == HG_COMPUTED) HG_TRY(hg_compute_backward(run, u, &u->term[t], b.d_term[t]));
    }
done:
    for (int t = 0; t < u->n_terms; ++t) {
        if (hg_term_made(&u->term[t])) hg_free(run->ctx, b.d_term[t]);
    }
    hg_free(run->ctx, b.d_first);
    hg_free(run->ctx, b.sums.memory);
    hg_products_clear(run->ctx, &b.products);
    return status;
}
