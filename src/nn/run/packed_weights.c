/* nn/run/packed_weights.c — see packed_weights.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/packed_weights.h"

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
