/* nn/inference/forward.c — evaluates a model: by the fused path, large batches in parts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/reference.h"
#include "nn/fused/fused.h"
#include "nn/inference/parts.h"

hg_status hg_model_forward(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out)
{
    hg_status status = hg_forward_check(ctx, model, batch, out);
    if (status < 0) return status;
    if (hg_parts_are_possible(model, batch)) {
        status = hg_forward_in_parts(ctx, model, batch, out);
        /* messages of a part count its rows: those of the whole batch are of more use */
        if (status != HG_ERR_NUMERIC && status != HG_ERR_ARG && status != HG_ERR_MODEL) return status;
    }
    return hg_fused_forward(ctx, model, batch, NULL, out);
}
