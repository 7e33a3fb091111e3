/* nn/forward.c — evaluates a model: every update that the last output depends on, tables freed after their last use. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "nn/forward.h"

hg_status hg_check_finite(hg_run *run, int value, const char *what)
{
    const hg_value *v = &run->d->value[value];
    const hg_real *x = run->table[value];
    int64_t n = hg_value_rows(run, value) * v->width;
    hg_real zero = 0;
    /* x * 0 is 0 for every finite x and NaN otherwise: one cheap sweep, and a second one only when something is wrong */
    for (int64_t i = 0; i < n; ++i) zero += x[i] * 0;
    if (zero == 0) return HG_OK;
    for (int64_t i = 0; i < n; ++i) {
        if (!isfinite(x[i]))
            return hg_fail(run->ctx, HG_ERR_NUMERIC, "%s of %s: row %" PRId64 ", column %" PRId64 " is %g, expected a finite number", what,
                           hg_entity_names[v->entity], i / v->width, i % v->width, (double)x[i]);
    }
    return HG_OK;
}

hg_status hg_check_output(hg_run *run, const hg_output_mark *mark)
{
    hg_status status = HG_OK;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        if (mark->value[entity] < 0 || hg_check_finite(run, mark->value[entity], "output") == HG_OK) continue;
        /* inputs that are not finite are the more useful message */
        for (int i = 0; i < HG_ENTITIES; ++i) {
            if (run->d->input[i] >= 0) HG_TRY(hg_check_finite(run, run->d->input[i], "attributes"));
        }
        status = hg_check_finite(run, mark->value[entity], "output");
        goto done;
    }
done:
    return status;
}

hg_real *hg_output_array(const hg_outputs *out, int entity)
{
    return entity == HG_NODES ? out->nodes : entity == HG_EDGES ? out->edges : out->globals;
}

static hg_status forward(hg_run *run, const hg_outputs *out)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    hg_context *ctx = run->ctx;
    for (int i = 0; i < d->n_updates; ++i) {
        if (!d->update[i].live_last) continue;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "model evaluation was interrupted");
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

hg_status hg_model_forward(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out)
{
    hg_status status = HG_OK;
    hg_run run = {.ctx = ctx};
    if (!model || !batch || !batch->graph || !out)
        return hg_fail(ctx, HG_ERR_ARG, "forward: model, batch, its graph and out must not be NULL");
    HG_TRY(hg_run_begin(ctx, model, batch, false, &run));
    HG_TRY(forward(&run, out));
done:
    hg_run_clear(&run);
    return status;
}
