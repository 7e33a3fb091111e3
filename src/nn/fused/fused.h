/* nn/fused/fused.h — the fused forward pass: what its passes share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FUSED_H
#define HG_NN_FUSED_H

#include "nn/fused/fused_weights.h"
#include "nn/run/run.h"

typedef struct hg_fused {
    hg_run *run; /* borrowed; tables of the reference path */
    const hg_outputs *out;
    hg_plan plan;
    const hg_fused_weights *weights;
    char *arena;   /* lent by the context */
    hg_view *view; /* [n_values] owned: every table that exists now */
    void **own;    /* [n_values] owned: tables that have no place in the arena */
} hg_fused;

/* One update, tile by tile; made[t]: rows of the inputs that the reference path has reduced or computed; message[t]: padded rows of those
 * that are reduced here. */
void hg_fused_pass(const hg_fused *f, int update, const hg_view *made, const hg_view *message);
/* The products of one update that no earlier pass has made. */
void hg_fused_products(const hg_fused *f, int update);

/* Evaluates the model by the plan; the context's arena must not be lent. weights: NULL, or those of hg_fused_weights_of. */
hg_status hg_fused_forward(hg_run *run, const hg_fused_weights *weights, const hg_outputs *out);
/* Weights for several evaluations of a model with contexts of the same precision; hg_fused_weights_clear by the caller. */
hg_status hg_fused_weights_of(hg_context *ctx, const hg_model *model, hg_fused_weights *out);

#endif
