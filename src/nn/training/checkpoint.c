/* nn/training/checkpoint.c — training state on disk: weights, best weights, optimiser slots and counters in one safetensors file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "nn/model/model_files.h"
#include "nn/training/train_state.h"

typedef enum field_type { INTEGER, HASH, NUMBER } field_type;

/* One table for writing and reading. */
static const struct field {
    const char *key;
    field_type type;
    size_t offset;
} fields[] = {
    {"epoch", INTEGER, offsetof(hg_train_state, epoch)},
    {"event_cursor", INTEGER, offsetof(hg_train_state, cursor)},
    {"step", INTEGER, offsetof(hg_train_state, step)},
    {"loss_sum", NUMBER, offsetof(hg_train_state, loss_sum)},
    {"best_metric", NUMBER, offsetof(hg_train_state, best_metric)},
    {"bad_epochs", INTEGER, offsetof(hg_train_state, bad_epochs)},
    {"best_epoch", INTEGER, offsetof(hg_train_state, best.epoch)},
    {"best_steps", INTEGER, offsetof(hg_train_state, best.steps)},
    {"best_loss", NUMBER, offsetof(hg_train_state, best.loss)},
    {"best_validation_loss", NUMBER, offsetof(hg_train_state, best.validation_loss)},
    {"best_auc", NUMBER, offsetof(hg_train_state, best.auc)},
    {"best_efficiency", NUMBER, offsetof(hg_train_state, best.efficiency)},
    {"best_purity", NUMBER, offsetof(hg_train_state, best.purity)},
    {"best_lr", NUMBER, offsetof(hg_train_state, best.learning_rate)},
    {"lr", NUMBER, offsetof(hg_train_state, schedule.base)},
    {"plateau_scale", NUMBER, offsetof(hg_train_state, schedule.scale)},
    {"plateau_best", NUMBER, offsetof(hg_train_state, schedule.best)},
    {"plateau_bad", INTEGER, offsetof(hg_train_state, schedule.bad)},
    {"seed", INTEGER, offsetof(hg_train_state, seed)},
    {"dataset_hash", HASH, offsetof(hg_train_state, dataset_hash)},
    {"n_samples", INTEGER, offsetof(hg_train_state, n_samples)},
};
enum { FIELDS = sizeof fields / sizeof *fields, TEXTS = FIELDS + 4, VALUE_SIZE = 40 };

static const int64_t most_steps = (int64_t)1 << 40; /* and epochs: no training has so many, and their products still fit */

static const char *const format_name = "hitgraph-checkpoint";

static void print_field(const hg_train_state *state, const struct field *f, char *value)
{
    const char *place = (const char *)state + f->offset;
    double number;
    switch (f->type) {
    case INTEGER:
        snprintf(value, VALUE_SIZE, "%" PRId64, *(const int64_t *)(const void *)place);
        return;
    case HASH:
        snprintf(value, VALUE_SIZE, "%" PRIu64, *(const uint64_t *)(const void *)place);
        return;
    case NUMBER:
        break;
    }
    number = *(const double *)(const void *)place;
    if (isfinite(number))
        hg_format_double(value, number);
    else
        snprintf(value, VALUE_SIZE, "%s", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

static bool parse_number(const char *text, double *out)
{
    if (strcmp(text, "nan") == 0)
        *out = NAN;
    else if (strcmp(text, "inf") == 0)
        *out = INFINITY;
    else if (strcmp(text, "-inf") == 0)
        *out = -INFINITY;
    else
        return hg_parse_double(text, strlen(text), out);
    return true;
}

static bool parse_field(hg_train_state *state, const struct field *f, const char *text)
{
    char *place = (char *)state + f->offset;
    switch (f->type) {
    case INTEGER:
        return hg_parse_int64(text, strlen(text), (int64_t *)(void *)place) && *(int64_t *)(void *)place >= 0;
    case HASH:
        return hg_parse_uint64(text, strlen(text), (uint64_t *)(void *)place);
    case NUMBER:
        break;
    }
    return parse_number(text, (double *)(void *)place);
}

static hg_status paths_of(hg_context *ctx, const char *directory, char **current, char **previous)
{
    hg_status status = HG_OK;
    hg_text a = {0}, b = {0};
    HG_TRY(hg_text_append(ctx, &a, "%s/checkpoint.safetensors", directory));
    HG_TRY(hg_text_append(ctx, &b, "%s/checkpoint.previous.safetensors", directory));
    *current = a.data;
    *previous = b.data;
    a = b = (hg_text){0};
done:
    hg_free(ctx, a.data);
    hg_free(ctx, b.data);
    return status;
}

static void slot_prefix(const hg_optimiser *optimiser, int slot, char *prefix, size_t size)
{
    snprintf(prefix, size, "optim/%s/", hg_optimiser_slot_name(optimiser, slot));
}

static hg_status list_tensors(hg_context *ctx, hg_tensor_list *list, hg_model *model, hg_train_state *state)
{
    hg_status status = HG_OK;
    HG_TRY(hg_tensor_list_add(ctx, list, model, "params/", hg_model_parameters(model)));
    HG_TRY(hg_tensor_list_add(ctx, list, model, "best/", state->best_weights));
    for (int s = 0; s < hg_optimiser_n_slots(state->optimiser); ++s) {
        char prefix[64];
        slot_prefix(state->optimiser, s, prefix, sizeof prefix);
        HG_TRY(hg_tensor_list_add(ctx, list, model, prefix, hg_optimiser_slot(state->optimiser, s)));
    }
    HG_TRY(hg_grow(ctx, &list->tensor, list->n, list->n + 1));
    HG_TRY(hg_grow(ctx, &list->name, list->n, list->n + 1));
    int64_t n = hg_model_n_tensors(model);
    list->tensor[list->n++] = (hg_stored_tensor){
        .name = "optim/steps", .dtype = HG_DTYPE_I64, .rank = 1, .shape = {n}, .size = n, .data = hg_optimiser_steps(state->optimiser)};
done:
    return status;
}

hg_status hg_checkpoint_write(hg_context *ctx, const char *directory, hg_model *model, hg_train_state *state)
{
    hg_status status = HG_OK;
    char *current = NULL, *previous = NULL, value[FIELDS][VALUE_SIZE];
    hg_tensor_list list = {0};
    hg_safetensors_text texts[TEXTS] = {
        {"format", format_name}, {"format_version", "1.0"}, {"model", hg_model_yaml(model)}, {"complete", "1"}};

    for (int i = 0; i < FIELDS; ++i) {
        print_field(state, &fields[i], value[i]);
        texts[TEXTS - FIELDS + i] = (hg_safetensors_text){fields[i].key, value[i]};
    }
    HG_TRY(hg_make_directory(ctx, directory));
    HG_TRY(paths_of(ctx, directory, &current, &previous));
    HG_TRY(list_tensors(ctx, &list, model, state));
    /* the last good file is renamed, never overwritten: at every moment one of the two names is a whole checkpoint */
    HG_CHECK(rename(current, previous) == 0 || errno == ENOENT, HG_ERR_IO, "%s: rename failed: %s", current, strerror(errno));
    HG_TRY(hg_safetensors_write(ctx, current, list.n, list.tensor, TEXTS, texts));
done:
    hg_tensor_list_clear(ctx, &list);
    hg_free(ctx, current);
    hg_free(ctx, previous);
    return status;
}

/* What was read, before anything of the caller is touched. */
typedef struct loaded {
    hg_train_state state;
    hg_real *weights, *best, *slot[3];
    int64_t *steps;
} loaded;

static hg_status check_texts(hg_context *ctx, const hg_safetensors *file, const hg_model *model)
{
    hg_status status = HG_OK;
    const char *format = hg_safetensors_metadata(file, "format"), *version = hg_safetensors_metadata(file, "format_version");
    const char *yaml = hg_safetensors_metadata(file, "model"), *complete = hg_safetensors_metadata(file, "complete");
    HG_CHECK(format && strcmp(format, format_name) == 0, HG_ERR_FORMAT, "%s: not a checkpoint: format \"%.32s\", expected \"%s\"",
             file->source, format ? format : "", format_name);
    HG_CHECK(version && strncmp(version, "1.", 2) == 0, HG_ERR_FORMAT, "%s: format version \"%.16s\", expected 1.x", file->source,
             version ? version : "");
    HG_CHECK(complete && strcmp(complete, "1") == 0, HG_ERR_FORMAT, "%s: the checkpoint is not complete", file->source);
    HG_CHECK(yaml, HG_ERR_FORMAT, "%s: the checkpoint has no model description", file->source);
    HG_CHECK(strcmp(yaml, hg_model_yaml(model)) == 0, HG_ERR_MODEL, "%s: the checkpoint belongs to another model description",
             file->source);
done:
    return status;
}

static hg_status check_fields(hg_context *ctx, const hg_safetensors *file, const hg_train_state *wanted, hg_train_state *out)
{
    hg_status status = HG_OK;
    for (int i = 0; i < FIELDS; ++i) {
        const char *text = hg_safetensors_metadata(file, fields[i].key);
        HG_CHECK(text, HG_ERR_FORMAT, "%s: the checkpoint has no \"%s\"", file->source, fields[i].key);
        HG_CHECK(parse_field(out, &fields[i], text), HG_ERR_FORMAT, "%s: \"%s\" is \"%.32s\", expected a number", file->source,
                 fields[i].key, text);
    }
    HG_CHECK(out->seed == wanted->seed, HG_ERR_MODEL, "%s: seed %" PRId64 ", expected %" PRId64, file->source, out->seed, wanted->seed);
    HG_CHECK(out->n_samples == wanted->n_samples && out->dataset_hash == wanted->dataset_hash, HG_ERR_MODEL,
             "%s: made with other training data (%" PRId64 " samples, hash %016" PRIx64 "; expected %" PRId64 ", %016" PRIx64 ")",
             file->source, out->n_samples, out->dataset_hash, wanted->n_samples, wanted->dataset_hash);
    HG_CHECK(out->cursor <= out->n_samples, HG_ERR_FORMAT, "%s: event_cursor %" PRId64 ", expected at most %" PRId64, file->source,
             out->cursor, out->n_samples);
    HG_CHECK(out->epoch <= most_steps && out->step <= most_steps, HG_ERR_FORMAT,
             "%s: epoch %" PRId64 ", step %" PRId64 ", expected at most %" PRId64, file->source, out->epoch, out->step, most_steps);
done:
    return status;
}

static hg_status read_tensors(hg_context *ctx, const hg_safetensors *file, const hg_model *model, const hg_train_state *wanted, loaded *l)
{
    hg_status status = HG_OK;
    int64_t n = hg_model_n_parameters(model), n_tensors = hg_model_n_tensors(model);
    int n_slots = hg_optimiser_n_slots(wanted->optimiser);
    HG_TRY(hg_alloc(ctx, &l->weights, n));
    HG_TRY(hg_alloc(ctx, &l->best, n));
    HG_TRY(hg_alloc(ctx, &l->steps, n_tensors));
    HG_TRY(hg_parameters_read(ctx, file, model, "params/", l->weights));
    HG_TRY(hg_parameters_read(ctx, file, model, "best/", l->best));
    for (int s = 0; s < n_slots; ++s) {
        char prefix[64];
        slot_prefix(wanted->optimiser, s, prefix, sizeof prefix);
        HG_TRY(hg_alloc(ctx, &l->slot[s], n));
        HG_TRY(hg_parameters_read(ctx, file, model, prefix, l->slot[s]));
    }
    const hg_stored_tensor *steps = hg_safetensors_find(file, "optim/steps");
    HG_CHECK(steps && steps->dtype == HG_DTYPE_I64 && steps->size == n_tensors, HG_ERR_MODEL,
             "%s: tensor \"optim/steps\": expected %" PRId64 " elements of I64", file->source, n_tensors);
    memcpy(l->steps, steps->data, (size_t)n_tensors * sizeof *l->steps);
    for (int64_t i = 0; i < n_tensors; ++i) {
        HG_CHECK(l->steps[i] >= 0 && l->steps[i] <= l->state.step, HG_ERR_FORMAT,
                 "%s: tensor \"optim/steps\": element %" PRId64 " is %" PRId64 ", expected 0 .. %" PRId64, file->source, i, l->steps[i],
                 l->state.step);
    }
    HG_CHECK(file->n == (2 + n_slots) * n_tensors + 1, HG_ERR_MODEL,
             "%s: %" PRId64 " tensors, expected %" PRId64 "; hint: was it made with another optimiser?", file->source, file->n,
             (2 + n_slots) * n_tensors + 1);
done:
    return status;
}

/* Copies what was read over the caller's; nothing can fail any more. */
static void accept(hg_model *model, hg_train_state *state, const loaded *l)
{
    size_t bytes = (size_t)hg_model_n_parameters(model) * sizeof(hg_real);
    hg_train_state merged = l->state;
    merged.optimiser = state->optimiser;
    merged.best_weights = state->best_weights;
    merged.schedule = state->schedule; /* the settings may have changed on purpose; only the state of plateau goes on */
    merged.schedule.scale = l->state.schedule.scale;
    merged.schedule.best = l->state.schedule.best;
    merged.schedule.bad = l->state.schedule.bad;
    merged.best.best = merged.best.epoch > 0;
    *state = merged;
    memcpy(hg_model_parameters(model), l->weights, bytes);
    memcpy(state->best_weights, l->best, bytes);
    for (int s = 0; s < hg_optimiser_n_slots(state->optimiser); ++s) memcpy(hg_optimiser_slot(state->optimiser, s), l->slot[s], bytes);
    memcpy(hg_optimiser_steps(state->optimiser), l->steps, (size_t)hg_model_n_tensors(model) * sizeof *l->steps);
}

static hg_status read_one(hg_context *ctx, const char *path, hg_model *model, hg_train_state *state)
{
    hg_status status = HG_OK;
    hg_safetensors *file = NULL;
    loaded l = {0};
    HG_TRY(hg_safetensors_read(ctx, path, &file));
    HG_TRY(check_texts(ctx, file, model));
    HG_TRY(check_fields(ctx, file, state, &l.state));
    HG_TRY(read_tensors(ctx, file, model, state, &l));
    accept(model, state, &l);
done:
    hg_free(ctx, l.weights);
    hg_free(ctx, l.best);
    for (int s = 0; s < 3; ++s) hg_free(ctx, l.slot[s]);
    hg_free(ctx, l.steps);
    hg_safetensors_destroy(ctx, file);
    return status;
}

hg_status hg_checkpoint_read(hg_context *ctx, const char *directory, hg_model *model, hg_train_state *state, bool *found)
{
    hg_status status = HG_OK;
    char *current = NULL, *previous = NULL;
    hg_text aside = {0};
    HG_TRY(paths_of(ctx, directory, &current, &previous));
    HG_TRY(hg_text_append(ctx, &aside, "%s/checkpoint.damaged.safetensors", directory));
    bool has_current = access(current, F_OK) == 0, has_previous = access(previous, F_OK) == 0;
    *found = has_current || has_previous;
    if (has_current) status = read_one(ctx, current, model, state);
    bool damaged = status == HG_ERR_FORMAT || status == HG_ERR_IO || status == HG_ERR_DATA;
    if (has_previous && (!has_current || damaged)) {
        hg_log(ctx, HG_LOG_WARN, "%s; continuing from %s", has_current ? hg_context_message(ctx) : "the newest checkpoint is missing",
               previous);
        status = read_one(ctx, previous, model, state);
        /* out of the way, or the next write would put the damaged file in the place of the good one */
        if (status == HG_OK && has_current) rename(current, aside.data);
    }
done:
    hg_free(ctx, aside.data);
    hg_free(ctx, current);
    hg_free(ctx, previous);
    return status;
}
