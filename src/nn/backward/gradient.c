/* nn/backward/gradient.c — forward with all tables kept, the caller's loss, and the updates in reverse. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/backward/stored_tables.h"
#include "nn/backward/table_gradient.h"
#include "nn/backward/update_back.h"
#include "nn/forward/outputs.h"
#include "nn/forward/training_weights.h"
#include "nn/forward/update.h"
#include "nn/run/preparation.h"

/* The loss of one output; its gradients are added to those of the tables. */
static hg_status call_loss(hg_run *run, const hg_output_mark *mark, double share, hg_loss_fn *loss_fn, void *user, double *loss)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    hg_real *made[HG_ENTITIES] = {NULL}, *table[HG_ENTITIES] = {NULL};
    double value = 0;
    if (!run->dry) HG_TRY(hg_check_output(run, mark));
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        if (mark->value[entity] < 0) continue;
        const hg_value *v = &run->d->value[mark->value[entity]];
        int64_t size = hg_value_rows(run, mark->value[entity]) * v->width;
        HG_TRY(hg_run_take(run, &made[entity], size));
        HG_TRY(hg_run_take(run, &table[entity], size));
        hg_zero(run, made[entity], size);
        if (!run->dry && size > 0) memcpy(table[entity], run->table[mark->value[entity]], (size_t)size * sizeof(hg_real));
    }
    hg_outputs out = {table[HG_NODES], table[HG_EDGES], table[HG_GLOBALS]}, gradient = {made[HG_NODES], made[HG_EDGES], made[HG_GLOBALS]};
    if (!run->dry) HG_TRY(loss_fn(ctx, user, run->batch, &out, &gradient, &value));
    HG_CHECK(isfinite(value), HG_ERR_NUMERIC, "loss is %g, expected a finite number", value);
    *loss += share * value;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        int v = mark->value[entity];
        hg_real *sum;
        if (v < 0 || !run->wanted[v]) continue;
        HG_TRY(hg_gradient_of(run, v, &sum));
        int64_t size = run->dry ? 0 : hg_value_rows(run, v) * run->d->value[v].width;
        for (int64_t i = 0; i < size; ++i) sum[i] += (hg_real)share * made[entity][i];
    }
done:
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_run_give(run, made[entity]);
        hg_run_give(run, table[entity]);
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
        hg_stored_drop(run, i);
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
        hg_run_drop(run, u->value);
        HG_TRY(hg_stored_need(run, i));
        HG_TRY(hg_update_backward(run, i));
        hg_gradient_clear(run, u->value);
        hg_run_drop_reduced(run, i);
        for (int v = 0; v < run->d->n_values; ++v) {
            if (run->first_reader[v] == i) hg_run_drop(run, v);
        }
    }
done:
    return status;
}

static hg_status give_input_gradients(hg_run *run, const hg_outputs *out)
{
    hg_status status = HG_OK;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_real *to = out ? hg_output_array(out, entity) : NULL;
        int value = run->d->input[entity];
        if (!to || value < 0) continue;
        size_t bytes = (size_t)(hg_value_rows(run, value) * run->d->value[value].width) * sizeof *to;
        if (bytes == 0) continue;
        HG_TRY(hg_gradient_flatten(run, value));
        if (run->gradient[value].dense) {
            memcpy(to, run->gradient[value].dense, bytes);
        } else {
            memset(to, 0, bytes);
        }
    }
done:
    return status;
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

static const hg_gradient_options everything = {0};

static hg_status begin(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options, hg_pool *pool,
                       hg_run *run)
{
    hg_status status = HG_OK;
    HG_CHECK(options->checkpoint_every >= HG_CHECKPOINT_NONE, HG_ERR_ARG, "gradient: checkpoint_every is %" PRId64 ", expected -1 or more",
             options->checkpoint_every);
    HG_TRY(hg_run_begin(ctx, model, batch, true, pool, run));
    run->checkpoint_every = options->checkpoint_every;
    run->keep_sums = options->checkpoint_every == 0;
    HG_TRY(hg_alloc(ctx, &run->gradient, run->d->n_values));
    HG_TRY(hg_alloc(ctx, &run->wanted, run->d->n_values));
    HG_TRY(hg_alloc(ctx, &run->panels, run->d->n_updates));
    for (int v = 0; v < run->d->n_values; ++v) run->wanted[v] = !run->d->value[v].input;
    for (int i = 0; i < run->d->n_updates; ++i) {
        if (run->d->update[i].live) HG_TRY(hg_panels_need(run, i));
    }
    HG_TRY(hg_stored_choose(run));
done:
    return status;
}

/* After begin, also after its error. */
static void end(hg_run *run)
{
    if (!run->d) return;
    for (int v = 0; run->gradient && v < run->d->n_values; ++v) hg_gradient_clear(run, v);
    hg_panels_clear(run);
    hg_free(run->ctx, run->gradient);
    hg_free(run->ctx, run->wanted);
    hg_free(run->ctx, run->stored);
    hg_run_clear(run);
}

static hg_status passes(hg_run *run, hg_loss_fn *loss_fn, void *user, double *loss)
{
    hg_status status = HG_OK;
    run->statistics = run->weight_gradient;
    HG_TRY(forward(run));
    run->statistics = NULL;
    HG_TRY(losses(run, loss_fn, user, loss));
    HG_TRY(backward(run));
done:
    return status;
}

hg_status hg_model_gradient_bytes(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options,
                                  size_t *bytes)
{
    hg_status status = HG_OK;
    hg_run run = {.ctx = ctx};
    hg_pool *pool = NULL;
    double loss = 0;
    if (!model || !batch || !batch->graph || !bytes)
        return hg_fail(ctx, HG_ERR_ARG, "gradient: model, batch, its graph and bytes must not be NULL");
    size_t before = hg_memory_used(ctx);
    HG_TRY(hg_pool_create(ctx, true, &pool));
    HG_TRY(begin(ctx, model, batch, options ? options : &everything, pool, &run));
    size_t small = hg_memory_used(ctx) - before + (size_t)model->n_parameters * sizeof(hg_real);
    HG_TRY(passes(&run, NULL, NULL, &loss));
    *bytes = small + hg_pool_peak(pool);
done:
    end(&run);
    hg_pool_destroy(ctx, pool);
    return status;
}

/* Refuses before any work what the memory limit does not allow. Blocks that wait in the workspace count as needed, not as used. */
static hg_status check_memory(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options)
{
    hg_status status = HG_OK;
    size_t limit = hg_memory_limit(ctx), needed;
    if (limit == 0) return HG_OK;
    for (int s = 0; s < model->description.n_edge_sets; ++s) {
        /* unknown beforehand: then it is the allocation that hits the limit which fails */
        if (model->description.edge_set[s].from == HG_EDGES_WITHIN) return HG_OK;
    }
    size_t used = hg_memory_used(ctx) - (options->workspace ? hg_pool_held(options->workspace) : 0);
    HG_TRY(hg_model_gradient_bytes(ctx, model, batch, options, &needed));
    HG_CHECK(needed <= limit && used <= limit - needed, HG_ERR_LIMIT,
             "gradient of %" PRId64 " nodes and %" PRId64 " edges needs %zu bytes (checkpoint_every %" PRId64
             ") on top of %zu in use; the memory limit is %zu bytes",
             batch->graph->n_nodes, batch->graph->n_edges, needed, options->checkpoint_every, used, limit);
done:
    return status;
}

hg_status hg_model_gradient_with(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options,
                                 hg_loss_fn *loss_fn, void *user, double *loss, hg_real *gradient, const hg_outputs *input_gradient,
                                 uint8_t *used)
{
    hg_status status = HG_OK;
    hg_run run = {.ctx = ctx};
    double sum = 0;
    hg_real *weights = NULL;
    if (!options) options = &everything;
    if (!model || !batch || !batch->graph || !loss_fn || !loss || !gradient)
        return hg_fail(ctx, HG_ERR_ARG, "gradient: model, batch, its graph, loss function, loss and gradient must not be NULL");
    HG_TRY(check_memory(ctx, model, batch, options));
    HG_TRY(hg_alloc(ctx, &weights, model->n_parameters));
    HG_TRY(begin(ctx, model, batch, options, options->workspace, &run));
    run.weight_gradient = weights;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        bool asked = input_gradient && hg_output_array(input_gradient, entity);
        if (asked && run.d->input[entity] >= 0) run.wanted[run.d->input[entity]] = true;
    }
    HG_TRY(passes(&run, loss_fn, user, &sum));
    HG_TRY(check_weights(ctx, model, weights));
    HG_TRY(give_input_gradients(&run, input_gradient));
    memcpy(gradient, weights, (size_t)model->n_parameters * sizeof *gradient);
    *loss = sum;
    if (used) mark_used(model, used);
done:
    end(&run);
    hg_free(ctx, weights);
    return status;
}

hg_status hg_model_gradient(hg_context *ctx, const hg_model *model, const hg_batch *batch, hg_loss_fn *loss_fn, void *user, double *loss,
                            hg_real *gradient, const hg_outputs *input_gradient, uint8_t *used)
{
    return hg_model_gradient_with(ctx, model, batch, NULL, loss_fn, user, loss, gradient, input_gradient, used);
}
