/* nn/gradient.c — forward with all tables kept, the caller's loss, and the updates in reverse. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/forward.h"

/* The loss of one output; its gradients are added to those of the tables. */
static hg_status call_loss(hg_run *run, const hg_output_mark *mark, double share, hg_loss_fn *loss_fn, void *user, double *loss)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    hg_real *made[HG_ENTITIES] = {NULL}, *table[HG_ENTITIES] = {NULL};
    double value = 0;
    HG_TRY(hg_check_output(run, mark));
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        if (mark->value[entity] < 0) continue;
        const hg_value *v = &run->d->value[mark->value[entity]];
        int64_t size = hg_value_rows(run, mark->value[entity]) * v->width;
        HG_TRY(hg_alloc(ctx, &made[entity], size));
        HG_TRY(hg_alloc(ctx, &table[entity], size));
        if (size > 0) memcpy(table[entity], run->table[mark->value[entity]], (size_t)size * sizeof(hg_real));
    }
    hg_outputs out = {table[HG_NODES], table[HG_EDGES], table[HG_GLOBALS]}, gradient = {made[HG_NODES], made[HG_EDGES], made[HG_GLOBALS]};
    HG_TRY(loss_fn(ctx, user, run->batch, &out, &gradient, &value));
    HG_CHECK(isfinite(value), HG_ERR_NUMERIC, "loss is %g, expected a finite number", value);
    *loss += share * value;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        int v = mark->value[entity];
        hg_real *sum;
        if (v < 0 || !run->wanted[v]) continue;
        HG_TRY(hg_gradient_of(run, v, &sum));
        int64_t size = hg_value_rows(run, v) * run->d->value[v].width;
        for (int64_t i = 0; i < size; ++i) sum[i] += (hg_real)share * made[entity][i];
    }
done:
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_free(ctx, made[entity]);
        hg_free(ctx, table[entity]);
    }
    return status;
}

static hg_status forward(hg_run *run)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    for (int i = 0; i < run->d->n_updates; ++i) {
        if (!run->d->update[i].live) continue;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "gradient was interrupted");
        HG_TRY(hg_update_forward(run, i));
    }
done:
    return status;
}

static hg_status losses(hg_run *run, hg_loss_fn *loss_fn, void *user, double *loss)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    bool last_only = d->supervision == HG_SUPERVISE_LAST;
    double share = d->supervision == HG_SUPERVISE_MEAN ? 1.0 / d->n_outputs : 1;
    for (int i = last_only ? d->n_outputs - 1 : 0; i < d->n_outputs; ++i) HG_TRY(call_loss(run, &d->output[i], share, loss_fn, user, loss));
done:
    return status;
}

static hg_status backward(hg_run *run)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    for (int i = run->d->n_updates - 1; i >= 0; --i) {
        const hg_update *u = &run->d->update[i];
        if (!u->live) continue;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "gradient was interrupted");
        HG_TRY(hg_update_backward(run, i));
        hg_run_drop(run, u->value);
        hg_run_drop_reduced(run, i);
        hg_free(ctx, run->gradient[u->value]);
        run->gradient[u->value] = NULL;
    }
done:
    return status;
}

static void give_input_gradients(const hg_run *run, const hg_outputs *out)
{
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_real *to = out ? hg_output_array(out, entity) : NULL;
        int value = run->d->input[entity];
        if (!to || value < 0) continue;
        size_t bytes = (size_t)(hg_value_rows(run, value) * run->d->value[value].width) * sizeof *to;
        if (bytes == 0) continue;
        if (run->gradient[value]) {
            memcpy(to, run->gradient[value], bytes);
        } else {
            memset(to, 0, bytes);
        }
    }
}

static void mark_used(const hg_model *model, uint8_t *used)
{
    const hg_description *d = &model->description;
    for (int64_t t = 0; t < model->n_tensors; ++t) {
        used[t] = 0;
        if (model->tensor[t].statistic) continue;
        for (int i = 0; i < d->n_updates; ++i) {
            if (d->update[i].live && d->update[i].network == model->tensor_network[t]) used[t] = 1;
        }
    }
}

static hg_status check_weights(hg_context *ctx, const hg_model *model, const hg_real *gradient)
{
    for (int64_t t = 0; t < model->n_tensors; ++t) {
        const hg_tensor *tensor = &model->tensor[t];
        for (int64_t i = 0; i < tensor->size; ++i) {
            if (!isfinite(gradient[tensor->offset + i]))
                return hg_fail(ctx, HG_ERR_NUMERIC, "gradient of %s, element %" PRId64 " is %g, expected a finite number", tensor->name, i,
                               (double)gradient[tensor->offset + i]);
        }
    }
    return HG_OK;
}

hg_status hg_model_gradient(hg_context *ctx, const hg_model *model, const hg_batch *batch, hg_loss_fn *loss_fn, void *user, double *loss,
                            hg_real *gradient, const hg_outputs *input_gradient, uint8_t *used)
{
    hg_status status = HG_OK;
    hg_run run = {.ctx = ctx};
    double sum = 0;
    hg_real *weights = NULL;
    if (!model || !batch || !batch->graph || !loss_fn || !loss || !gradient)
        return hg_fail(ctx, HG_ERR_ARG, "gradient: model, batch, its graph, loss function, loss and gradient must not be NULL");
    run.d = &model->description;
    HG_TRY(hg_alloc(ctx, &weights, model->n_parameters));
    HG_TRY(hg_run_begin(ctx, model, batch, true, &run));
    run.weight_gradient = weights;
    for (int v = 0; v < run.d->n_values; ++v) run.wanted[v] = !run.d->value[v].input;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        bool asked = input_gradient && hg_output_array(input_gradient, entity);
        if (asked && run.d->input[entity] >= 0) run.wanted[run.d->input[entity]] = true;
    }
    run.statistics = weights;
    HG_TRY(forward(&run));
    run.statistics = NULL;
    HG_TRY(losses(&run, loss_fn, user, &sum));
    HG_TRY(backward(&run));
    HG_TRY(check_weights(ctx, model, weights));
    memcpy(gradient, weights, (size_t)model->n_parameters * sizeof *gradient);
    give_input_gradients(&run, input_gradient);
    *loss = sum;
    if (used) mark_used(model, used);
done:
    if (run.d) hg_run_clear(&run);
    hg_free(ctx, weights);
    return status;
}
