/* nn/forward/mlp.h — the layers of one network on rows: packed weights, the tape of a forward pass, and the way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_MLP_H
#define HG_NN_MLP_H

#include "nn/model/model.h"

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

/* What a forward pass leaves behind for one layer: h after the norm (before gamma), a before the activation, y after it; all
 * [rows, padded out]. They are one and the same array where nothing lies between them. rstd: [rows] of layer norms. */
typedef struct hg_layer_tape {
    hg_real *h, *a, *y, *rstd;
    int64_t stride;
} hg_layer_tape;

typedef struct hg_tape {
    hg_layer_tape layer[HG_MAX_LAYERS];
} hg_tape;

/* The most outputs of one layer. */
int64_t hg_widest(const hg_network *network);

/* Lays a tape for `rows` rows out in memory (NULL: only counts); keep = false lets layers share two buffers. Returns the numbers needed. */
int64_t hg_tape_layout(const hg_network *network, int64_t rows, bool keep, hg_real *memory, hg_tape *tape);
/* The tape of the rows from `row` on. */
hg_tape hg_tape_at(const hg_network *network, const hg_tape *tape, int64_t row);

/* h = bias + x W^T, or h = x where the layer has no weights. x: [rows, >= in], stride ldx. */
void hg_layer_linear(const hg_kernels *k, const hg_mlp_layer *layer, const hg_packed_layer *packed, const hg_real *x, int64_t ldx,
                     int64_t rows, const hg_layer_tape *tape);
/* h = bias in every row: the start of a first layer whose inputs come in parts. */
void hg_layer_start(const hg_mlp_layer *layer, const hg_packed_layer *packed, int64_t rows, const hg_layer_tape *tape);
/* From h: layer norm in place (a batch norm has been done before), a = gamma h + beta, y = activation(a). */
void hg_layer_finish(const hg_kernels *k, const hg_mlp_layer *layer, const hg_packed_layer *packed, int64_t rows,
                     const hg_layer_tape *tape);

#endif
