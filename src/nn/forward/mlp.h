/* nn/forward/mlp.h — the layers of one network on rows, and the tape that a forward pass leaves behind. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_MLP_H
#define HG_NN_MLP_H

#include "nn/run/packed_weights.h"

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
