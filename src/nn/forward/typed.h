/* nn/forward/typed.h — first layers with weights per type of edge: edges of one type go through their matrix in tiles (MODELS 2.8). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TYPED_H
#define HG_NN_TYPED_H

#include "nn/run/run.h"

/* *out [edges, padded out], taken by this call from the pool: the whole first layer, bias included. */
hg_status hg_typed_products(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_real **out);

/* Edges of one type in blocks of a fixed size: block b of type t is first_block[t] + b. *first_block [n_types + 1], made by this call. */
hg_status hg_typed_cut(const hg_run *run, int64_t n_types, int64_t block_rows, int64_t **first_block);

#endif
