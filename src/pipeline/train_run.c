/* pipeline/train_run.c — the verb train: events with truth in, a trained network out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/train_run.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "nn/training/train_options.h"
#include "pipeline/training_sets.h"

enum { ARCHITECTURE_LIMIT = 1 << 20 };

static const hg_option own_rows[] = {
    {"train.architecture", HG_OPTION_TEXT, offsetof(hg_train_config, architecture), "", 0, 0, NULL,
     "YAML description of the network; empty = that of the shipped one"},
    {"train.sections", HG_OPTION_INT, offsetof(hg_train_config, sections), "8", 1, 64, NULL,
     "sectors of azimuth that an event is cut into"},
};

static int64_t row_count(const hg_option *table)
{
    int64_t n = 0;
    while (table[n].name) n++;
    return n;
}

hg_status hg_train_config_table(hg_context *ctx, hg_option **out)
{
    const int64_t n_track = row_count(hg_track_option_table), n_train = row_count(hg_train_option_table);
    const int64_t n_own = (int64_t)(sizeof own_rows / sizeof *own_rows);
    hg_option *table = NULL;
    hg_status status = hg_alloc(ctx, &table, n_track + n_train + n_own + 1);
    if (status < 0) return status;

    memcpy(table, hg_track_option_table, (size_t)n_track * sizeof *table);
    memcpy(table + n_track, own_rows, sizeof own_rows);
    memcpy(table + n_track + n_own, hg_train_option_table, (size_t)n_train * sizeof *table);
    for (int64_t i = 0; i < n_track; ++i) table[i].offset += offsetof(hg_train_config, track);
    for (int64_t i = 0; i < n_train; ++i) table[n_track + n_own + i].offset += offsetof(hg_train_config, train);
    *out = table;
    return HG_OK;
}

static hg_status make_set(hg_context *ctx, const hg_train_run_options *options, const hg_setup *setup, const hg_model *doublet_model,
                          char *const *input, int n_inputs, int sections, hg_stored_set *out)
{
    hg_status status = HG_OK;
    hg_labelled_events events = {0};
    const hg_training_task task = options->triplets ? HG_TASK_TRIPLETS : HG_TASK_DOUBLETS;

    HG_TRY(hg_labelled_events_read(ctx, setup, input, n_inputs, &events));
    HG_TRY(hg_training_set_make(ctx, setup, task, doublet_model, &events, sections, out));
done:
    hg_labelled_events_clear(ctx, &events);
    return status;
}

static hg_status create_model(hg_context *ctx, const hg_train_config *config, bool triplets, hg_model **out)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE], *text = NULL;
    size_t length = 0;

    const char *shipped = triplets ? "models/trackml/triplet.yaml" : "models/trackml/doublet.yaml";
    HG_TRY(hg_data_path(ctx, config->architecture[0] ? config->architecture : shipped, path));
    HG_TRY(hg_read_file(ctx, path, ARCHITECTURE_LIMIT, &text, &length));
    HG_TRY(hg_model_create(ctx, path, text, (uint64_t)config->train.seed, out));
done:
    hg_free(ctx, text);
    return status;
}

static hg_status describe(hg_context *ctx, const hg_train_run_options *options, const hg_train_result *result, hg_model *model)
{
    hg_status status = HG_OK;
    hg_text events = {0};
    char figures[160];

    for (int i = 0; i < options->n_training; ++i) {
        const char *slash = strrchr(options->training[i], '/');
        HG_TRY(hg_text_append(ctx, &events, "%s%s", i ? " " : "", slash ? slash + 1 : options->training[i]));
    }
    snprintf(figures, sizeof figures, "epoch %" PRId64 ", validation loss %.5f, AUC %.5f", result->best.epoch, result->best.validation_loss,
             result->best.auc);
    HG_TRY(hg_model_set_metadata(ctx, model, "command", options->command));
    HG_TRY(hg_model_set_metadata(ctx, model, "events", events.data));
    HG_TRY(hg_model_set_metadata(ctx, model, "best", figures));
done:
    hg_free(ctx, events.data);
    return status;
}

/* Before the first step: what the largest one takes; refuses what does not fit the memory limit. */
static hg_status report_memory(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set)
{
    hg_status status = HG_OK;
    hg_train_memory m;
    char allowed[64] = "no limit";
    const size_t limit = hg_memory_limit(ctx);
    HG_TRY(hg_train_plan(ctx, model, options, set, &m));
    if (limit > 0) snprintf(allowed, sizeof allowed, "limit %.2f GB", (double)limit * 1e-9);
    hg_log(ctx, HG_LOG_INFO, "a step needs up to %.3f GB (engine.checkpoint_every %" PRId64 ") on top of %.3f GB for samples and model; %s",
           (double)m.bytes * 1e-9, m.checkpoint_every, (double)hg_memory_used(ctx) * 1e-9, allowed);
done:
    return status;
}

hg_status hg_train_run(hg_context *ctx, const hg_train_run_options *options, hg_train_result *result)
{
    hg_status status = HG_OK;
    const hg_train_config *config = options->config;
    hg_setup *setup = NULL;
    hg_track_models models = {0};
    hg_stored_set training = {0}, validation = {0};
    hg_model *model = NULL;

    HG_TRY(create_model(ctx, config, options->triplets, &model));
    HG_TRY(hg_setup_create(ctx, &config->track, true, &setup));
    if (options->triplets) HG_TRY(hg_doublet_model_load(ctx, &config->track, &models.doublet));
    HG_TRY(make_set(ctx, options, setup, models.doublet, options->training, options->n_training, (int)config->sections, &training));
    HG_TRY(make_set(ctx, options, setup, models.doublet, options->validation, options->n_validation, 1, &validation));
    const hg_sample_set train_view = hg_stored_set_view(&training), validation_view = hg_stored_set_view(&validation);
    hg_log(ctx, HG_LOG_INFO, "training %" PRId64 " parameters on %" PRId64 " graphs, validating on %" PRId64, hg_model_n_parameters(model),
           training.n, validation.n);
    HG_TRY(report_memory(ctx, model, &config->train, &train_view));
    HG_TRY(hg_train(ctx, model, &config->train, &train_view, validation.n > 0 ? &validation_view : NULL, NULL, NULL, result));
    HG_TRY(describe(ctx, options, result, model));
    HG_TRY(hg_make_directory(ctx, options->directory));
    HG_TRY(hg_model_save(ctx, model, options->directory));
done:
    hg_model_destroy(ctx, model);
    hg_stored_set_clear(ctx, &training);
    hg_stored_set_clear(ctx, &validation);
    hg_track_models_destroy(ctx, &models);
    hg_setup_destroy(ctx, setup);
    return status;
}
