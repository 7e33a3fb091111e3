/* nn/forward/reference.c — see reference.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/reference.h"

#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "nn/forward/outputs.h"
#include "nn/forward/update.h"
#include "nn/run/preparation.h"

static hg_status forward_reference(hg_run *run, const hg_outputs *out)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    hg_context *ctx = run->ctx;
    for (int i = 0; i < d->n_updates; ++i) {
        if (!d->update[i].live_last) continue;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "model evaluation was interrupted");
        HG_TRY(hg_run_pack(run, d->update[i].network));
        HG_TRY(hg_update_forward(run, i));
        for (int v = 0; v < d->n_values; ++v) {
            if (run->owned[v] && d->value[v].last_use <= i) hg_run_drop(run, v);
        }
    }
    const hg_output_mark *mark = &d->output[d->n_outputs - 1];
    HG_TRY(hg_check_output(run, mark));
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_real *to = hg_output_array(out, entity);
        int value = mark->value[entity];
        size_t bytes = value < 0 ? 0 : (size_t)(hg_value_rows(run, value) * d->value[value].width) * sizeof *to;
        if (to && bytes > 0) memcpy(to, run->table[value], bytes);
    }
done:
    return status;
}

hg_status hg_forward_check(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out)
{
    if (!model || !batch || !batch->graph || !out)
        return hg_fail(ctx, HG_ERR_ARG, "forward: model, batch, its graph and out must not be NULL");
    return HG_OK;
}

hg_status hg_model_forward_reference(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out)
{
    hg_status status = hg_forward_check(ctx, model, batch, out);
    hg_run run = {.ctx = ctx};
    if (status < 0) return status;
    HG_TRY(hg_run_begin(ctx, model, batch, false, NULL, &run));
    HG_TRY(forward_reference(&run, out));
done:
    hg_run_clear(&run);
    return status;
}
