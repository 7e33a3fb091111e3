/* nn/backward/layer_back.c — layers of one tile in reverse: output, activation, norm, weights, inputs (MODELS 2.1, 2.2). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "nn/backward/back.h"
#include "nn/forward/dropout.h"

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
    if (b->net && hg_widest(b->net) > widest) widest = hg_widest(b->net);
    for (int t = 0; t < b->u->n_terms; ++t) term = b->u->term[t].width > term ? b->u->term[t].width : term;
    if (with_tape) used = hg_tape_layout(b->net, HG_TILE_ROWS, true, memory, &s.tape);
    s.d[0] = take(memory, &used, widest);
    s.d[1] = take(memory, &used, widest);
    s.y = take(memory, &used, widest);
    s.rows = take(memory, &used, term);
    s.d_rows = take(memory, &used, term);
    s.dense = take(memory, &used, widest > term ? widest : term);
    *out = s;
    return used;
}

void hg_finish_back(const hg_back *b, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_back_scratch *s, hg_real *d)
{
    const hg_update *u = b->u;
    const hg_kernels *k = b->run->k;
    int64_t width = b->run->d->value[u->value].width, n = rows * stride;
    hg_real factor = (hg_real)((u->old >= 0 ? u->change : 1) * u->scale), keep = (hg_real)u->keep;
    hg_gradient_rows(b->run, u->value, row, rows, d, stride, s->dense);
    for (int64_t i = 0; b->d_old && i < rows; ++i) {
        for (int64_t c = 0; c < width; ++c) b->d_old[(row + i) * width + c] += keep * d[i * stride + c];
    }
    if (factor != 1) {
        for (int64_t i = 0; i < n; ++i) d[i] *= factor;
    }
    if (u->activation != HG_ACTIVATION_NONE) {
        k->activate(u->activation, y, s->y, n);
        k->activate_back(u->activation, y, s->y, d, n);
    }
}

void hg_layer_back_rows(const hg_back *b, int l, hg_layer_half half, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d,
                        hg_real *group)
{
    const hg_mlp_layer *layer = &b->net->layer[l];
    const hg_weight_sums *sums = &b->sums;
    const hg_layer_tape *t = &tape->layer[l];
    hg_layer_back back = {.rows = rows, .n = layer->out, .ld = t->stride, .a = t->a, .y = t->y, .h = t->h, .d = d};
    if (half & HG_LAYER_UPPER) {
        if (layer->dropout > 0) hg_dropout(b->run, b->u, l, row, rows, d, t->stride);
        back.activation = layer->activation;
        if (layer->gamma >= 0) {
            back.gamma = b->packed->layer[l].gamma;
            back.d_gamma = group + sums->gamma[l];
            back.d_beta = group + sums->beta[l];
        }
    }
    if (half & HG_LAYER_LOWER) {
        if (layer->norm == HG_NORM_LAYER || layer->norm == HG_NORM_LAYER_AFFINE) back.rstd = t->rstd;
        if (sums->bias[l] >= 0) back.d_bias = group + sums->bias[l];
    }
    b->run->k->layer_back(&back);
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

void hg_term_back(const hg_back *b, int term, const hg_real *d, const hg_real *from, int64_t rows, hg_real *block,
                  const hg_term_target *target, hg_back_scratch *s)
{
    const hg_term *t = &b->u->term[term];
    const hg_kernels *k = b->run->k;
    const hg_packed_layer *packed = &b->packed->layer[0];
    int64_t stride = b->first_stride, width = t->width, wide = hg_padded(width), out = b->net->layer[0].out;
    k->wgrad(block, wide, d, stride, out, padded_rows(from, rows, width, s->rows), wide, wide, rows);
    if (!target || !target->rows) return;
    if (b->panels) {
        const hg_dense_part part = {d, stride, out, b->panels->term_back[term]};
        hg_dense product = {.rows = rows, .n = width, .part = &part, .n_parts = 1, .out = target->rows, .ldo = target->ld};
        product.scratch = s->dense;
        product.old = target->owned ? NULL : target->rows;
        product.keep = product.change = 1;
        k->dense[HG_STORE_REAL].run(&product);
        return;
    }
    bool direct = wide <= target->ld;
    hg_real *to = direct ? target->rows : s->d_rows;
    int64_t ld = direct ? target->ld : wide;
    if (!direct || target->owned) {
        for (int64_t i = 0; i < rows; ++i) memset(to + i * ld, 0, (size_t)wide * sizeof *to);
    }
    k->multiply(to, ld, d, stride, 1, rows, out, packed->backward + t->column, packed->backward_stride, wide);
    for (int64_t i = 0; !direct && i < rows; ++i) {
        hg_real *row = target->rows + i * target->ld;
        for (int64_t c = 0; c < width; ++c) row[c] = target->owned ? to[i * ld + c] : row[c] + to[i * ld + c];
    }
}

static void inputs_back(const hg_back *b, int64_t row, int64_t rows, const hg_real *d, hg_real *group, hg_back_scratch *s)
{
    const hg_update *u = b->u;
    int64_t stride = b->first_stride;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (hg_term_indexed(term) || hg_network_concatenates(b->net)) continue;
        hg_term_target target = b->target[t];
        if (target.rows) target.rows += row * target.ld;
        hg_term_back(b, t, d, hg_term_rows(b->run, term, &b->reduced[t]) + row * term->width, rows, group + b->sums.term[t], &target, s);
    }
    if (b->d_receiver) b->run->k->segment_add(b->d_receiver, stride, d, stride, b->run->graph->receiver + row, rows, stride);
    if (b->first) memcpy(b->first->data + row * stride, d, (size_t)(rows * stride) * sizeof *d);
}

void hg_layer_back_below(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, const hg_real *d, hg_real *below,
                         hg_real *group, hg_back_scratch *s)
{
    const hg_kernels *k = b->run->k;
    const hg_mlp_layer *layer = &b->net->layer[l];
    const hg_packed_layer *packed = &b->packed->layer[l];
    int64_t stride = tape->layer[l].stride;
    if (!layer->linear && l > 0) return;
    if (l == 0) {
        inputs_back(b, row, rows, d, group, s);
        return;
    }
    const hg_layer_tape *under = &tape->layer[l - 1];
    k->wgrad(group + b->sums.weight[l], under->stride, d, stride, layer->out, under->y, under->stride, under->stride, rows);
    if (b->panels) {
        const hg_dense_part part = {d, stride, layer->out, b->panels->back[l]};
        hg_dense product = {.rows = rows, .n = layer->in, .part = &part, .n_parts = 1, .out = below, .ldo = under->stride};
        product.scratch = s->dense;
        k->dense[HG_STORE_REAL].run(&product);
        return;
    }
    memset(below, 0, (size_t)(rows * under->stride) * sizeof *below);
    k->multiply(below, under->stride, d, stride, 1, rows, layer->out, packed->backward, packed->backward_stride, under->stride);
}
