/* nn/forward/reference.h — a model evaluated by the reference path: update by update, tables freed after their last use. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_REFERENCE_H
#define HG_NN_REFERENCE_H

#include "nn/model/model.h"

/* As hg_model_forward, by the plain path that knows every configuration and that the fused path is tested against. */
hg_status hg_model_forward_reference(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out);

/* HG_ERR_ARG where anything that an evaluation needs is NULL. */
hg_status hg_forward_check(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out);

#endif
