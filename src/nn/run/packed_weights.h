/* nn/run/packed_weights.h — the weights of one network as the kernels of the reference path read them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_PACKED_WEIGHTS_H
#define HG_NN_PACKED_WEIGHTS_H

#include "nn/model/description.h"

/* Weights of one layer as the kernels want them, padded with zeros. */
typedef struct hg_packed_layer {
    const hg_real *forward;  /* [in, padded out]; of a typed layer one after the other for each type */
    const hg_real *backward; /* [out, padded in + HG_LANES]; NULL in inference; likewise */
    int64_t backward_stride;
    const hg_real *bias, *gamma, *beta; /* [padded out]; bias zero where the layer has none; likewise per type */
} hg_packed_layer;

typedef struct hg_packed {
    hg_real *memory; /* owned; NULL until packed */
    hg_packed_layer layer[HG_MAX_LAYERS];
} hg_packed;

/* *out is filled; free memory with hg_free. */
hg_status hg_mlp_pack(hg_context *ctx, const hg_network *network, const hg_real *parameters, bool backward, hg_packed *out);

#endif
