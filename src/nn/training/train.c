/* nn/training/train.c — the training loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "nn/training/train_loss.h"
#include "nn/training/train_memory.h"
#include "nn/training/train_options.h"
#include "nn/training/train_state.h"

enum { RANDOM_ORDER = 0x6f726472, NOTE_SIZE = 256 };

typedef struct trainer {
    hg_context *ctx;
    hg_model *model;
    const hg_train_options *options;
    const hg_sample_set *training, *validation; /* validation NULL = none */
    hg_train_state state;
    int64_t n_parameters, n_tensors;
    int64_t *order;    /* [training->n] of the current epoch */
    hg_real *gradient; /* [n_parameters] of one sample */
    hg_real *sum;      /* [n_parameters] of the samples of one step */
    hg_workspace *workspace;
    uint8_t *used;      /* [n_tensors] by one sample */
    uint8_t *used_step; /* [n_tensors] by any sample of the step */
} trainer;

static hg_status create_optimiser(trainer *t)
{
    hg_context *ctx = t->ctx;
    hg_status status = HG_OK;
    hg_optimiser_options options;
    int64_t *offset = NULL;
    HG_TRY(hg_train_optimiser(ctx, t->options, &options));
    HG_TRY(hg_alloc(ctx, &offset, t->n_tensors + 1));
    for (int64_t i = 0; i < t->n_tensors; ++i) offset[i] = hg_model_tensor(t->model, i).offset;
    offset[t->n_tensors] = t->n_parameters;
    HG_TRY(hg_optimiser_create(ctx, &options, t->n_tensors, offset, &t->state.optimiser));
done:
    hg_free(ctx, offset);
    return status;
}

static hg_status prepare(trainer *t)
{
    hg_context *ctx = t->ctx;
    hg_status status = HG_OK;
    const hg_train_options *o = t->options;

    HG_CHECK(o->epochs >= 0 && o->batch_graphs >= 1 && o->seed >= 0, HG_ERR_CONFIG,
             "train: %" PRId64 " epochs of steps of %" PRId64 " graphs with seed %" PRId64 ", expected 0, 1, 0 or more", o->epochs,
             o->batch_graphs, o->seed);
    HG_CHECK(t->training->n >= 1 || o->epochs == 0, HG_ERR_ARG, "train: no training samples");
    HG_TRY(hg_train_check_model(ctx, o, t->model, t->training));
    t->n_parameters = hg_model_n_parameters(t->model);
    t->n_tensors = hg_model_n_tensors(t->model);
    t->state.seed = o->seed;
    t->state.n_samples = t->training->n;
    t->state.dataset_hash = t->training->hash;
    t->state.best_metric = INFINITY;
    HG_TRY(hg_train_schedule(ctx, o, t->training->n, &t->state.schedule));
    HG_TRY(create_optimiser(t));
    HG_TRY(hg_alloc(ctx, &t->state.best_weights, t->n_parameters));
    memcpy(t->state.best_weights, hg_model_parameters(t->model), (size_t)t->n_parameters * sizeof(hg_real));
    HG_TRY(hg_alloc(ctx, &t->order, t->training->n));
    HG_TRY(hg_alloc(ctx, &t->gradient, t->n_parameters));
    HG_TRY(hg_alloc(ctx, &t->sum, t->n_parameters));
    HG_TRY(hg_alloc(ctx, &t->used, t->n_tensors));
    HG_TRY(hg_alloc(ctx, &t->used_step, t->n_tensors));
    HG_TRY(hg_workspace_create(ctx, &t->workspace));
done:
    return status;
}

static void clear(trainer *t)
{
    hg_optimiser_destroy(t->ctx, t->state.optimiser);
    hg_free(t->ctx, t->state.best_weights);
    hg_free(t->ctx, t->order);
    hg_free(t->ctx, t->gradient);
    hg_free(t->ctx, t->sum);
    hg_workspace_destroy(t->ctx, t->workspace);
    hg_free(t->ctx, t->used);
    hg_free(t->ctx, t->used_step);
}

typedef struct loss_user {
    const hg_train_options *options;
    const hg_sample *sample;
} loss_user;

static hg_status model_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    const loss_user *u = user;
    hg_outputs logits = *out;
    return hg_train_sample_loss(ctx, u->options, u->sample, hg_train_elements(u->options, batch), *hg_train_output(u->options, &logits),
                                loss, *hg_train_output(u->options, gradient));
}

/* Every visit of a sample draws its own dropout masks, the same ones after a resume. */
static uint64_t draw_of_visit(const trainer *t, int64_t visit)
{
    static const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15); /* seeds that differ by little, far apart */
    return (uint64_t)t->options->seed * spread + (uint64_t)visit;
}

/* Adds the gradient of one sample, the visit-th of the training, to the sum of the step. */
static hg_status add_sample(trainer *t, int64_t i, int64_t visit, double *loss_sum)
{
    hg_context *ctx = t->ctx;
    hg_status status = HG_OK;
    hg_sample sample = {0};
    loss_user user = {t->options, &sample};
    hg_gradient_options gradient;
    double loss = 0;

    HG_TRY(t->training->get(ctx, t->training->user, i, &sample));
    sample.batch.draw = draw_of_visit(t, visit);
    const bool own = t->training->loss != NULL;
    status = hg_train_checkpoints(ctx, t->model, &sample.batch, t->options, t->workspace, &gradient, NULL);
    if (status >= 0)
        status = hg_model_gradient_with(ctx, t->model, &sample.batch, &gradient, own ? t->training->loss : model_loss,
                                        own ? sample.truth : &user, &loss, t->gradient, NULL, t->used);
    if (status < 0 && status != HG_ERR_INTERRUPTED && sample.name) hg_fail_prefix(ctx, "%s", sample.name);
    if (t->training->release) t->training->release(ctx, t->training->user, i, &sample);
    HG_TRY(status);
    for (int64_t p = 0; p < t->n_parameters; ++p) t->sum[p] += t->gradient[p];
    for (int64_t k = 0; k < t->n_tensors; ++k) t->used_step[k] |= t->used[k];
    *loss_sum += loss;
done:
    return status;
}

/* A step may have thrown a weight out of range; then nothing of it goes into a checkpoint. */
static hg_status check_weights(const trainer *t)
{
    hg_context *ctx = t->ctx;
    hg_status status = HG_OK;
    const hg_real *weight = hg_model_parameters(t->model);
    for (int64_t k = 0; k < t->n_tensors; ++k) {
        const hg_tensor tensor = hg_model_tensor(t->model, k);
        for (int64_t i = 0; i < tensor.size; ++i)
            HG_CHECK(isfinite(weight[tensor.offset + i]), HG_ERR_NUMERIC, "the step made %s, element %" PRId64 " %g", tensor.name, i,
                     (double)weight[tensor.offset + i]);
    }
done:
    return status;
}

/* One optimiser step over `count` samples from the cursor on. The state changes only at its end, so an interruption leaves it whole. */
static hg_status take_step(trainer *t, int64_t count)
{
    hg_context *ctx = t->ctx;
    hg_train_state *s = &t->state;
    hg_status status = HG_OK;
    double loss_sum = s->loss_sum, norm = 0;
    int64_t sample = 0;

    memset(t->sum, 0, (size_t)t->n_parameters * sizeof *t->sum);
    memset(t->used_step, 0, (size_t)t->n_tensors);
    for (int64_t k = 0; k < count; ++k) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        sample = t->order[s->cursor + k];
        HG_TRY(add_sample(t, sample, s->epoch * t->training->n + s->cursor + k, &loss_sum));
    }
    if (count > 1)
        for (int64_t p = 0; p < t->n_parameters; ++p) t->sum[p] /= (hg_real)count;
    hg_model_take_statistics(t->model, t->sum);
    HG_TRY(hg_gradient_clip(ctx, t->n_parameters, t->sum, t->options->clip, &norm));
    HG_CHECK(isfinite(norm), HG_ERR_NUMERIC, "the norm of the gradient is %g", norm);
    double rate = hg_schedule_rate(&s->schedule, t->options->schedule_unit == 1 ? s->step : s->epoch);
    hg_optimiser_step(ctx, s->optimiser, rate, hg_model_parameters(t->model), t->sum, t->used_step);
    HG_TRY(check_weights(t));
    s->loss_sum = loss_sum;
    s->cursor += count;
    ++s->step;
done:
    if (status < 0 && status != HG_ERR_INTERRUPTED)
        hg_fail_prefix(ctx, "epoch %" PRId64 ", training sample %" PRId64 ", step %" PRId64, s->epoch + 1, sample, s->step + 1);
    return status;
}

static int print_figure(char *note, int used, const char *name, int digits, double value)
{
    if (isnan(value) || used >= NOTE_SIZE) return used;
    return used + snprintf(note + used, (size_t)(NOTE_SIZE - used), " %s %.*f", name, digits, value);
}

/* "epoch 3/25 loss 0.123 val_loss 0.130 AUC 0.9912 eff 0.981 pur 0.830 lr 0.001"; figures that do not exist are left out. */
static void print_note(char *note, const trainer *t, const hg_epoch *e)
{
    int used = snprintf(note, NOTE_SIZE, "epoch %" PRId64 "/%" PRId64, e->epoch, t->options->epochs);
    used = print_figure(note, used, "loss", 4, e->loss);
    used = print_figure(note, used, "val_loss", 4, e->validation_loss);
    used = print_figure(note, used, "AUC", 5, e->auc);
    used = print_figure(note, used, "eff", 4, e->efficiency);
    used = print_figure(note, used, "pur", 4, e->purity);
    if (used < NOTE_SIZE) snprintf(note + used, (size_t)(NOTE_SIZE - used), " lr %.3g%s", e->learning_rate, e->best ? " best" : "");
}

static void report(const trainer *t, const hg_epoch *e, int64_t samples_done, bool whole_epoch)
{
    char note[NOTE_SIZE];
    print_note(note, t, e);
    hg_progress(t->ctx, "training", samples_done, t->options->epochs * t->training->n, note);
    if (whole_epoch) hg_log(t->ctx, HG_LOG_INFO, "%s", note);
}

static hg_status run_steps(trainer *t)
{
    hg_train_state *s = &t->state;
    hg_status status = HG_OK;
    hg_random stream = hg_random_stream((uint64_t)t->options->seed, RANDOM_ORDER, (uint64_t)s->epoch, 0);
    hg_random_permutation(&stream, t->training->n, t->order);
    if (t->training->begin_epoch) HG_TRY(t->training->begin_epoch(t->ctx, t->training->user, s->epoch));
    while (s->cursor < t->training->n) {
        int64_t left = t->training->n - s->cursor;
        HG_TRY(take_step(t, left < t->options->batch_graphs ? left : t->options->batch_graphs));
        hg_epoch running = {.epoch = s->epoch + 1,
                            .loss = s->loss_sum / (double)s->cursor,
                            .validation_loss = NAN,
                            .auc = NAN,
                            .efficiency = NAN,
                            .purity = NAN,
                            .learning_rate = hg_schedule_rate(&s->schedule, t->options->schedule_unit == 1 ? s->step - 1 : s->epoch)};
        if (s->cursor < t->training->n) report(t, &running, s->epoch * t->training->n + s->cursor, false);
    }
done:
    return status;
}

/* Figures of the epoch whose steps are done; decides whether it is the best one. */
static hg_status judge(trainer *t, hg_epoch *e)
{
    hg_train_state *s = &t->state;
    hg_status status = HG_OK;
    *e = (hg_epoch){.validation_loss = NAN, .auc = NAN, .efficiency = NAN, .purity = NAN};
    if (t->validation) HG_TRY(hg_train_evaluate(t->ctx, t->model, t->options, t->validation, e));
    e->epoch = s->epoch + 1;
    e->steps = s->step;
    e->loss = s->loss_sum / (double)t->training->n;
    e->learning_rate = hg_schedule_rate(&s->schedule, t->options->schedule_unit == 1 ? s->step - 1 : s->epoch);
    double watched = t->validation ? e->validation_loss : e->loss;
    if (t->options->watch == HG_WATCH_AUC && t->validation) watched = -e->auc;
    if (isnan(watched))
        hg_log(t->ctx, HG_LOG_WARN, "epoch %" PRId64 ": the ROC area is undefined, the validation set has one class only", e->epoch);
    e->best = watched < s->best_metric - t->options->min_delta;
    if (e->best) {
        s->best_metric = watched;
        s->best = *e;
        s->bad_epochs = 0;
        memcpy(s->best_weights, hg_model_parameters(t->model), (size_t)t->n_parameters * sizeof(hg_real));
    } else {
        ++s->bad_epochs;
    }
    hg_schedule_report(&s->schedule, watched);
done:
    if (status < 0 && status != HG_ERR_INTERRUPTED) hg_fail_prefix(t->ctx, "epoch %" PRId64, s->epoch + 1);
    return status;
}

static bool patience_is_over(const trainer *t)
{
    return t->options->patience > 0 && t->state.bad_epochs >= t->options->patience;
}

static hg_status write_checkpoint(trainer *t)
{
    if (!t->options->checkpoint_directory[0]) return HG_OK;
    return hg_checkpoint_write(t->ctx, t->options->checkpoint_directory, t->model, &t->state);
}

static hg_status run_epochs(trainer *t, void (*on_epoch)(void *, const hg_epoch *), void *user)
{
    hg_train_state *s = &t->state;
    hg_status status = HG_OK;
    while (s->epoch < t->options->epochs && !patience_is_over(t)) {
        hg_epoch figures;
        HG_TRY(run_steps(t));
        HG_TRY(judge(t, &figures));
        ++s->epoch;
        s->cursor = 0;
        s->loss_sum = 0;
        HG_TRY(write_checkpoint(t));
        report(t, &figures, s->epoch * t->training->n, true);
        if (on_epoch) on_epoch(user, &figures);
    }
done:
    return status;
}

/* The state is whole here: steps change it only when they are complete. */
static hg_status stop(trainer *t)
{
    hg_status status = write_checkpoint(t);
    if (status < 0) return status;
    return hg_fail(t->ctx, HG_ERR_INTERRUPTED, "training was interrupted in epoch %" PRId64 " after %" PRId64 " of %" PRId64 " samples%s%s",
                   t->state.epoch + 1, t->state.cursor, t->training->n, t->options->checkpoint_directory[0] ? "; checkpoint in " : "",
                   t->options->checkpoint_directory);
}

static void tell_what_is_left(const trainer *t)
{
    if (t->options->checkpoint_directory[0] && t->state.epoch > 0) {
        hg_fail_prefix(t->ctx,
                       "training stopped, the checkpoint after epoch %" PRId64 " in %s is kept (hint: a lower learning rate, or clipping)",
                       t->state.epoch, t->options->checkpoint_directory);
    } else {
        hg_fail_prefix(t->ctx, "training stopped (hint: a lower learning rate, or clipping)");
    }
}

hg_status hg_train(hg_context *ctx, hg_model *model, const hg_train_options *options, const hg_sample_set *training,
                   const hg_sample_set *validation, void (*on_epoch)(void *user, const hg_epoch *epoch), void *user,
                   hg_train_result *result)
{
    hg_status status = HG_OK;
    bool found = false;
    trainer t = {.ctx = ctx, .model = model, .options = options, .training = training};
    if (validation && validation->n > 0) t.validation = validation;

    HG_TRY(prepare(&t));
    if (options->resume && options->checkpoint_directory[0]) {
        HG_TRY(hg_checkpoint_read(ctx, options->checkpoint_directory, model, &t.state, &found));
        if (found)
            hg_log(ctx, HG_LOG_INFO, "continuing after epoch %" PRId64 ", step %" PRId64, t.state.epoch, t.state.step);
        else
            hg_log(ctx, HG_LOG_WARN, "%s: no checkpoint, starting from the beginning", options->checkpoint_directory);
    }
    status = run_epochs(&t, on_epoch, user);
    if (status == HG_ERR_INTERRUPTED) status = stop(&t);
    if (status == HG_ERR_NUMERIC) tell_what_is_left(&t);
    HG_TRY(status);
    if (result)
        *result = (hg_train_result){.epochs = t.state.epoch, .best = t.state.best, .stopped_early = t.state.epoch < options->epochs};
done:
    if (t.state.best_weights && t.n_parameters > 0)
        memcpy(hg_model_parameters(model), t.state.best_weights, (size_t)t.n_parameters * sizeof(hg_real));
    clear(&t);
    return status;
}
