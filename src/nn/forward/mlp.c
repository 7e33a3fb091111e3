/* nn/forward/mlp.c — the layers of one network on rows. Formulas: MODELS 2.1, 2.2, 2.4. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/mlp.h"

#include <string.h>

static hg_real *take(hg_real *memory, int64_t *used, int64_t count)
{
    hg_real *at = memory ? memory + *used : NULL;
    *used += hg_padded(count);
    return at;
}

int64_t hg_widest(const hg_network *net)
{
    int64_t widest = 0;
    for (int l = 0; l < net->n_layers; ++l) widest = net->layer[l].out > widest ? net->layer[l].out : widest;
    return widest;
}

int64_t hg_tape_layout(const hg_network *net, int64_t rows, bool keep, hg_real *memory, hg_tape *tape)
{
    int64_t used = 0, widest = hg_widest(net);
    hg_real *shared[2] = {NULL, NULL}, *shared_rstd = NULL;
    if (!keep) {
        shared[0] = take(memory, &used, rows * hg_padded(widest));
        shared[1] = take(memory, &used, rows * hg_padded(widest));
        shared_rstd = take(memory, &used, rows);
    }
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        int64_t size = rows * hg_padded(layer->out);
        hg_layer_tape t = {.stride = hg_padded(layer->out)};
        if (!keep) {
            t.h = t.a = t.y = shared[l % 2];
            t.rstd = shared_rstd;
        } else {
            bool affine = layer->gamma >= 0, normed = layer->norm != HG_NORM_NONE;
            t.h = take(memory, &used, size);
            t.a = affine ? take(memory, &used, size) : t.h;
            /* the way back needs h of a norm, and a of some activations; y may overwrite them only where it does not */
            bool in_place =
                layer->activation == HG_ACTIVATION_NONE || (hg_activation_from_output(layer->activation) && (affine || !normed));
            t.y = in_place ? t.a : take(memory, &used, size);
            t.rstd = normed ? take(memory, &used, rows) : NULL;
        }
        tape->layer[l] = t;
    }
    return used;
}

hg_tape hg_tape_at(const hg_network *net, const hg_tape *tape, int64_t row)
{
    hg_tape at = *tape;
    for (int l = 0; l < net->n_layers; ++l) {
        hg_layer_tape *t = &at.layer[l];
        t->h += row * t->stride;
        t->a += row * t->stride;
        t->y += row * t->stride;
        if (t->rstd) t->rstd += row;
    }
    return at;
}

void hg_layer_start(const hg_mlp_layer *layer, const hg_packed_layer *packed, int64_t rows, const hg_layer_tape *tape)
{
    size_t bytes = (size_t)hg_padded(layer->out) * sizeof(hg_real);
    for (int64_t i = 0; i < rows; ++i) memcpy(tape->h + i * tape->stride, packed->bias, bytes);
}

void hg_layer_linear(const hg_kernels *k, const hg_mlp_layer *layer, const hg_packed_layer *packed, const hg_real *x, int64_t ldx,
                     int64_t rows, const hg_layer_tape *tape)
{
    if (layer->linear) {
        hg_layer_start(layer, packed, rows, tape);
        k->multiply(tape->h, tape->stride, x, ldx, 1, rows, layer->in, packed->forward, tape->stride, tape->stride);
    } else {
        for (int64_t i = 0; i < rows; ++i) memcpy(tape->h + i * tape->stride, x + i * ldx, (size_t)tape->stride * sizeof *x);
    }
}

void hg_layer_finish(const hg_kernels *k, const hg_mlp_layer *layer, const hg_packed_layer *packed, int64_t rows, const hg_layer_tape *tape)
{
    int64_t stride = tape->stride;
    if (layer->norm == HG_NORM_LAYER || layer->norm == HG_NORM_LAYER_AFFINE)
        k->layer_norm(tape->h, stride, rows, layer->out, (hg_real)layer->eps, tape->rstd);
    if (layer->gamma >= 0) {
        for (int64_t i = 0; i < rows; ++i) {
            const hg_real *h = tape->h + i * stride;
            hg_real *a = tape->a + i * stride;
            for (int64_t c = 0; c < stride; ++c) a[c] = packed->gamma[c] * h[c] + packed->beta[c];
        }
    }
    k->activate(layer->activation, tape->a, tape->y, rows * stride);
}
