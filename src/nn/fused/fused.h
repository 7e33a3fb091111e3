/* nn/fused/fused.h — a model evaluated by the fused kernels: update by update by the plan. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FUSED_H
#define HG_NN_FUSED_H

#include "nn/fused/fused_weights.h"

/* weights: NULL, or those of hg_fused_weights_of; the context's arena must not be lent. */
hg_status hg_fused_forward(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_fused_weights *weights,
                           const hg_outputs *out);
/* Weights for several evaluations of a model with contexts of the same precision; hg_fused_weights_clear by the caller. */
hg_status hg_fused_weights_of(hg_context *ctx, const hg_model *model, hg_fused_weights *out);

/* The most bytes that hg_model_forward will have allocated at one time, beyond the batch and the outputs, on a graph of such size with the
 * context's threads: exact to a few percent for models whose updates all run fused on the edges of the batch; tables of levels and of
 * searched edges are not counted. Errors: HG_ERR_NOMEM, HG_ERR_ARG (kernels). */
hg_status hg_plan_bytes(hg_context *ctx, const hg_model *model, int64_t n_nodes, int64_t n_edges, int64_t n_graphs, int64_t *bytes);

#endif
