/* nn/fused/fused_weights.h — the weights of a model in the panels of the fused kernels, split by the inputs of each first layer. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FUSED_WEIGHTS_H
#define HG_NN_FUSED_WEIGHTS_H

#include "nn/fused/plan.h"

typedef struct hg_fused_layer {
    const void *weights;                /* NULL in first layers, see below, and where the layer is a norm alone */
    const hg_real *bias, *gamma, *beta; /* padded; NULL where there is none */
    hg_dense_norm norm;
} hg_fused_layer;

/* Weights of one input of an update's first layer; `receiver`: of a difference, for the receiver's side; NULL where another input reads the
 * same table at the receivers and its weights hold these too. */
typedef struct hg_fused_term {
    const void *weights, *receiver;
} hg_fused_term;

typedef struct hg_fused_weights {
    char *memory;           /* owned */
    hg_fused_layer **layer; /* [n_networks] owned; [n_layers] of each network in use */
    hg_fused_term **term;   /* [n_updates] owned; [n_terms]; updates that read the same columns of a network share them */
    bool *term_shared;      /* [n_updates] owned */
} hg_fused_weights;

/* Packs what the live, fused updates of a plan need. Errors: HG_ERR_NOMEM. */
hg_status hg_fused_weights_make(hg_context *ctx, const hg_kernels *k, const hg_plan *plan, const hg_real *parameters,
                                hg_fused_weights *out);
/* Bytes that hg_fused_weights_make keeps. Errors: HG_ERR_NOMEM. */
hg_status hg_fused_weights_bytes(hg_context *ctx, const hg_kernels *k, const hg_plan *plan, int64_t *bytes);
void hg_fused_weights_clear(hg_context *ctx, const hg_description *d, hg_fused_weights *weights);

#endif
