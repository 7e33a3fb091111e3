/* nn/forward/mlp.c — the layers of one network on rows. Formulas: MODELS 2.1, 2.2, 2.4. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/mlp.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"

/* Vectors of the model, zero-padded; `memory` moves on. Without parameters (offset < 0) the vector is filled with `preset`. */
static const hg_real *pack_vector(const hg_real *parameters, int64_t offset, int64_t n, hg_real preset, hg_real **memory)
{
    hg_real *v = *memory;
    for (int64_t i = 0; i < n; ++i) v[i] = offset >= 0 ? parameters[offset + i] : preset;
    *memory += hg_padded(n);
    return v;
}

/* One matrix per type, blocks of a grouped layer where they stand in the full matrix. */
static void pack_weights(const hg_mlp_layer *layer, const hg_real *w, bool backward, hg_packed_layer *out, hg_real **memory)
{
    int64_t stride = hg_padded(layer->out), types = layer->types > 0 ? layer->types : 1;
    int64_t in = layer->in / layer->groups, share = layer->out / layer->groups;
    hg_real *forward = *memory, *back = forward + types * layer->in * stride;
    for (int64_t row = 0; row < types * layer->out; ++row) {
        int64_t type = row / layer->out, o = row % layer->out, first = o / share * in;
        for (int64_t i = 0; i < in; ++i) forward[(type * layer->in + first + i) * stride + o] = w[row * in + i];
        if (backward) memcpy(back + row * out->backward_stride + first, w + row * in, (size_t)in * sizeof *w);
    }
    out->forward = forward;
    out->backward = backward ? back : NULL;
    *memory = backward ? back + types * layer->out * out->backward_stride : back;
}

hg_status hg_mlp_pack(hg_context *ctx, const hg_network *net, const hg_real *parameters, bool backward, hg_packed *out)
{
    hg_status status = HG_OK;
    int64_t size = 0;
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        /* a block of input columns may start anywhere, and its last vector reaches beyond the row: hence the extra lanes */
        out->layer[l] = (hg_packed_layer){.backward_stride = hg_padded(layer->in) + HG_LANES};
        int64_t types = layer->types > 0 ? layer->types : 1;
        size += (2 + types) * hg_padded(layer->out);
        if (layer->linear) size += types * (layer->in * hg_padded(layer->out) + layer->out * out->layer[l].backward_stride);
    }
    HG_TRY(hg_alloc(ctx, &out->memory, size));
    hg_real *memory = out->memory;
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        out->layer[l].bias = memory;
        for (int64_t type = 0; type < (layer->types > 0 ? layer->types : 1); ++type)
            pack_vector(parameters, layer->bias < 0 ? -1 : layer->bias + type * layer->out, layer->out, 0, &memory);
        out->layer[l].gamma = pack_vector(parameters, layer->gamma, layer->out, 1, &memory);
        out->layer[l].beta = pack_vector(parameters, layer->beta, layer->out, 0, &memory);
        if (layer->linear) pack_weights(layer, parameters + layer->weight, backward, &out->layer[l], &memory);
    }
done:
    return status;
}

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
