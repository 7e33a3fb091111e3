/* nn/layer_back.c — layers of one tile in reverse: output, activation, norm, weights, inputs (MODELS 2.1, 2.2). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "nn/update_back.h"

static hg_real *take(hg_real *memory, int64_t *used, int64_t width)
{
    hg_real *at = memory ? memory + *used : NULL;
    *used += HG_TILE_ROWS * hg_padded(width);
    return at;
}

int64_t hg_back_scratch_layout(const hg_back *b, bool with_tape, hg_real *memory, hg_back_scratch *out)
{
    int64_t used = 0, widest = b->run->d->value[b->u->value].width, term = 1;
    hg_back_scratch s = {0};
    for (int l = 0; b->net && l < b->net->n_layers; ++l) widest = b->net->layer[l].out > widest ? b->net->layer[l].out : widest;
    for (int t = 0; t < b->u->n_terms; ++t) term = b->u->term[t].width > term ? b->u->term[t].width : term;
    if (with_tape) used = hg_tape_layout(b->net, HG_TILE_ROWS, true, memory, &s.tape);
    s.d[0] = take(memory, &used, widest);
    s.d[1] = take(memory, &used, widest);
    s.x = take(memory, &used, widest);
    s.y = take(memory, &used, widest);
    s.compact = take(memory, &used, widest);
    s.rows = take(memory, &used, term);
    s.d_rows = take(memory, &used, term);
    *out = s;
    return used;
}

void hg_finish_back(const hg_back *b, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_back_scratch *s, hg_real *d)
{
    const hg_update *u = b->u;
    const hg_kernels *k = b->run->k;
    int64_t width = b->run->d->value[u->value].width, n = rows * width;
    const hg_real *d_out = b->d_out + row * width;
    hg_real factor = (hg_real)((u->old >= 0 ? u->change : 1) * u->scale), keep = (hg_real)u->keep;
    if (b->d_old) {
        for (int64_t i = 0; i < n; ++i) b->d_old[row * width + i] += keep * d_out[i];
    }
    hg_real *compact = s->compact;
    for (int64_t i = 0; i < n; ++i) compact[i] = factor * d_out[i];
    if (u->activation != HG_ACTIVATION_NONE) {
        for (int64_t i = 0; i < rows; ++i) memcpy(s->x + i * width, y + i * stride, (size_t)width * sizeof *y);
        k->activate(u->activation, s->x, s->y, n);
        k->activate_back(u->activation, s->x, s->y, compact, n);
    }
    for (int64_t i = 0; i < rows; ++i) {
        memcpy(d + i * stride, compact + i * width, (size_t)width * sizeof *d);
        for (int64_t c = width; c < stride; ++c) d[i * stride + c] = 0;
    }
}

void hg_layer_back_upper(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d, hg_real *group)
{
    const hg_weight_sums *sums = &b->sums;
    if (b->net->layer[l].dropout > 0) hg_dropout(b->run, b->u, l, row, rows, d, tape->layer[l].stride);
    hg_real *gamma = sums->gamma[l] >= 0 ? group + sums->gamma[l] : NULL, *beta = sums->beta[l] >= 0 ? group + sums->beta[l] : NULL;
    hg_layer_finish_back(b->run->k, &b->net->layer[l], &b->packed->layer[l], rows, &tape->layer[l], d, gamma, beta);
}

/* Rows of any width as the kernels want their right factor: padded. Rows that already are stay where they are. */
static const hg_real *padded_rows(const hg_real *from, int64_t rows, int64_t width, hg_real *room)
{
    int64_t stride = hg_padded(width);
    if (stride == width) return from;
    for (int64_t i = 0; i < rows; ++i) {
        memcpy(room + i * stride, from + i * width, (size_t)width * sizeof *from);
        for (int64_t c = width; c < stride; ++c) room[i * stride + c] = 0;
    }
    return room;
}

void hg_term_back(const hg_back *b, int term, const hg_real *d, const hg_real *from, int64_t rows, hg_real *block, hg_real *target,
                  hg_back_scratch *s)
{
    const hg_term *t = &b->u->term[term];
    const hg_kernels *k = b->run->k;
    const hg_packed_layer *packed = &b->packed->layer[0];
    int64_t stride = b->first_stride, width = t->width, wide = hg_padded(width), out = b->net->layer[0].out;
    k->multiply(block, wide, d, 1, stride, out, rows, padded_rows(from, rows, width, s->rows), wide, wide);
    if (!target) return;
    if (wide == width) {
        k->multiply(target, width, d, stride, 1, rows, out, packed->backward + t->column, packed->backward_stride, wide);
        return;
    }
    memset(s->d_rows, 0, (size_t)(rows * wide) * sizeof *s->d_rows);
    k->multiply(s->d_rows, wide, d, stride, 1, rows, out, packed->backward + t->column, packed->backward_stride, wide);
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t c = 0; c < width; ++c) target[i * width + c] += s->d_rows[i * wide + c];
    }
}

static void inputs_back(const hg_back *b, int64_t row, int64_t rows, const hg_real *d, hg_real *group, hg_back_scratch *s)
{
    const hg_update *u = b->u;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (hg_term_indexed(term) || hg_network_concatenates(b->net)) continue;
        const hg_real *from = hg_term_rows(b->run, term, &b->reduced[t]) + row * term->width;
        hg_term_back(b, t, d, from, rows, group + b->sums.term[t], b->d_term[t] ? b->d_term[t] + row * term->width : NULL, s);
    }
    if (b->d_first) memcpy(b->d_first + row * b->first_stride, d, (size_t)(rows * b->first_stride) * sizeof *d);
}

void hg_layer_back_lower(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d, hg_real *below,
                         hg_real *group, hg_back_scratch *s)
{
    const hg_kernels *k = b->run->k;
    const hg_mlp_layer *layer = &b->net->layer[l];
    const hg_packed_layer *packed = &b->packed->layer[l];
    int64_t stride = tape->layer[l].stride;
    hg_layer_norm_back(k, layer, rows, &tape->layer[l], d);
    if (!layer->linear && l > 0) return;
    if (b->sums.bias[l] >= 0) k->column_sums(group + b->sums.bias[l], d, stride, rows, stride);
    if (l == 0) {
        inputs_back(b, row, rows, d, group, s);
        return;
    }
    const hg_layer_tape *under = &tape->layer[l - 1];
    k->multiply(group + b->sums.weight[l], under->stride, d, 1, stride, layer->out, rows, under->y, under->stride, under->stride);
    memset(below, 0, (size_t)(rows * under->stride) * sizeof *below);
    k->multiply(below, under->stride, d, stride, 1, rows, layer->out, packed->backward, packed->backward_stride, under->stride);
}
