/* nn/run/packer.h — hands out room for the packed weights of networks, and packs what all ways to pack have in common. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_PACKER_H
#define HG_NN_PACKER_H

#include "nn/model/description.h"

/* Room is counted in a first round with memory NULL and handed out in a second one. */
typedef struct hg_packer {
    char *memory; /* borrowed */
    int64_t used;
} hg_packer;

/* The next bytes, 64-byte aligned where the memory is; NULL while counting. */
void *hg_packer_take(hg_packer *p, int64_t bytes);
/* parameters[offset .. offset + n), zero padded; offset -1: NULL, nothing is there. centred: less their mean. */
const hg_real *hg_packer_vector(hg_packer *p, const hg_real *parameters, int64_t offset, int64_t n, bool centred);

/* In exact arithmetic a layer norm does not see what all outputs have in common: norm(x W^T + b) = norm(x (W - mean of W over its
 * outputs)^T + b - mean of b). True where a layer's weights are packed so. */
bool hg_layer_is_centred(const hg_mlp_layer *layer);
/* mean[i] of w[o * step + i] over the n outputs o, for k columns. Means are taken in double. */
void hg_column_means(const hg_real *w, int64_t step, int64_t n, int64_t k, hg_real *mean);

#endif
