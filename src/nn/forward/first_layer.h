/* nn/forward/first_layer.h — the first layer of an update, split by its inputs (MODELS 2.1). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FIRST_LAYER_H
#define HG_NN_FIRST_LAYER_H

#include "nn/forward/mlp.h"
#include "nn/run/run.h"

/* Per-row products of the tables that an update reaches through an index: sums over its terms of table W^T. NULL = no such term. */
typedef struct hg_products {
    hg_real *sender, *receiver, *global; /* owned, of the pool; [nodes or graphs, padded out] */
    hg_real *typed;                      /* likewise; [edges, padded out] whole first layer of a typed network, bias included */
} hg_products;
hg_status hg_products_make(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_products *out);
void hg_products_clear(hg_run *run, hg_products *products);

/* One tile: the sum of all inputs of an update's first layer into tape layer 0, or its concatenated inputs where it has no network. */
void hg_first_layer(const hg_run *run, const hg_update *u, const hg_packed *packed, const hg_products *products, const hg_reduced *reduced,
                    int64_t row, int64_t rows, const hg_layer_tape *tape);

#endif
