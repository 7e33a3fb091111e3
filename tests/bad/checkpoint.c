/* tests/bad/checkpoint.c — checkpoints that are damaged, incomplete or of something else are refused, and the one before is taken. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../training_tools.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/model/safetensors.h"
#include "tests/leaks.h"

enum { TRAIN = 5 };
static hg_context *ctx;
static char directory[] = "/tmp/hitgraph-checkpoint-XXXXXX", current[256], previous[256];
static char last_warning[1024];

static void keep_warning(void *user, hg_log_level level, const char *line)
{
    (void)user;
    if (level == HG_LOG_WARN) snprintf(last_warning, sizeof last_warning, "%s", line);
}

static hg_train_options options_with_checkpoint(void)
{
    hg_train_options options = toy_options();
    snprintf(options.checkpoint_directory, sizeof options.checkpoint_directory, "%s", directory);
    options.resume = true;
    options.schedule = 0;
    options.epochs = 3;
    return options;
}

/* The number of samples that were visited tells from where it went on. */
static hg_status train(const hg_train_options *options, const char *yaml, int64_t n, int64_t *visited, hg_real *first_weight)
{
    hg_model *model = NULL;
    toy training = toy_of(1);
    hg_sample_set set = set_of(&training, n);
    assert_int_equal(hg_model_create(ctx, "toy", yaml, 5, &model), HG_OK);
    last_warning[0] = '\0';
    hg_status status = hg_train(ctx, model, options, &set, NULL, NULL, NULL, NULL);
    if (visited) *visited = training.calls;
    if (first_weight) *first_weight = hg_model_parameters(model)[0];
    hg_model_destroy(ctx, model);
    return status;
}

static char *read_bytes(const char *path, size_t *length)
{
    char *bytes = NULL;
    assert_int_equal(hg_read_file(ctx, path, 1 << 24, &bytes, length), HG_OK);
    return bytes;
}

static void write_bytes(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void make_checkpoints(void)
{
    hg_train_options options = options_with_checkpoint();
    remove_checkpoints(directory);
    assert_int_equal(train(&options, toy_yaml, TRAIN, NULL, NULL), HG_OK);
}

static void every_prefix_falls_back_to_the_one_before(void **state)
{
    (void)state;
    make_checkpoints();
    size_t length, length_previous;
    char *bytes = read_bytes(current, &length), *bytes_previous = read_bytes(previous, &length_previous);
    hg_train_options options = options_with_checkpoint();
    hg_real whole, resumed;
    int64_t visited;
    assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, &whole), HG_OK);
    assert_int_equal(visited, 0);
    for (size_t cut = 0; cut < length; cut += length / 13) {
        write_bytes(current, bytes, cut);
        write_bytes(previous, bytes_previous, length_previous);
        assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, &resumed), HG_OK);
        assert_int_equal(visited, TRAIN); /* the last epoch once more */
        assert_true(resumed == whole);
        assert_non_null(strstr(last_warning, "continuing from"));
    }
    /* a flipped bit in the weights is as bad */
    char *flipped = read_bytes(current, &length);
    flipped[length - 1] ^= 1;
    write_bytes(current, flipped, length);
    assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, &resumed), HG_OK);
    assert_true(resumed == whole && strstr(last_warning, "hash"));
    /* with nothing good left it is an error, never a silent start from scratch */
    write_bytes(current, bytes, length / 2);
    write_bytes(previous, bytes_previous, length_previous / 2);
    assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, NULL), HG_ERR_FORMAT);
    assert_int_equal(visited, 0);
    remove_checkpoints(directory);
    assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, NULL), HG_OK);
    assert_int_equal(visited, 3 * TRAIN);
    assert_non_null(strstr(last_warning, "no checkpoint"));
    hg_free(ctx, bytes);
    hg_free(ctx, bytes_previous);
    hg_free(ctx, flipped);
}

static void assert_refused(const hg_train_options *options, const char *yaml, int64_t n, const char *message)
{
    int64_t visited;
    assert_int_equal(train(options, yaml, n, &visited, NULL), HG_ERR_MODEL);
    assert_int_equal(visited, 0);
    if (!strstr(hg_context_message(ctx), message)) fail_msg("%s", hg_context_message(ctx));
}

static void checkpoints_of_something_else(void **state)
{
    (void)state;
    make_checkpoints();
    hg_train_options options = options_with_checkpoint();
    assert_refused(&options,
                   "inputs: {nodes: 2}\nnetworks:\n  - {name: edge, widths: [4, 1]}\nupdates:\n"
                   "  - {edges: y, network: edge, inputs: [sender x, receiver x]}\n  - outputs: {edges: y}\n",
                   TRAIN, "another model description");
    assert_refused(&options, toy_yaml, TRAIN + 1, "other training data");
    options.seed = 77;
    assert_refused(&options, toy_yaml, TRAIN, "seed 1, expected 77");
    options = options_with_checkpoint();
    options.optimiser = 0; /* sgd has a slot that adamw has not */
    assert_refused(&options, toy_yaml, TRAIN, "\"optim/momentum/");
    options = options_with_checkpoint();
    options.amsgrad = false;
    assert_refused(&options, toy_yaml, TRAIN, "another optimiser");
}

/* Writes the newest checkpoint again without one metadata text, or with another value for it; key NULL: with this number of steps of the
 * first tensor. */
static void rewrite(const char *key, const char *value, int64_t steps)
{
    hg_safetensors *file = NULL;
    hg_safetensors_text texts[64];
    int64_t n = 0;
    const char *name;
    json_t *text;
    assert_int_equal(hg_safetensors_read(ctx, current, &file), HG_OK);
    json_object_foreach(json_object_get(file->header, "__metadata__"), name, text)
    {
        const bool wanted = key && strcmp(name, key) == 0;
        if (strncmp(name, "hash.", 5) == 0 || (wanted && !value)) continue;
        texts[n++] = (hg_safetensors_text){name, wanted ? value : json_string_value(text)};
    }
    const hg_stored_tensor *stored = hg_safetensors_find(file, "optim/steps");
    assert_non_null(stored);
    if (!key) memcpy((char *)(uintptr_t)stored->data, &steps, sizeof steps);
    assert_int_equal(hg_safetensors_write(ctx, current, file->n, file->tensor, n, texts), HG_OK);
    hg_safetensors_destroy(ctx, file);
}

static void missing_and_impossible_texts(void **state)
{
    (void)state;
    const char *const cases[][3] = {
        {"complete", NULL, "not complete"},
        {"complete", "0", "not complete"},
        {"format", NULL, "not a checkpoint"},
        {"format_version", "2.0", "version"},
        {"model", NULL, "model description"},
        {"step", NULL, "no \"step\""},
        {"step", "-1", "\"step\" is \"-1\""},
        {"step", "1e3", "\"step\""},
        {"best_metric", "x", "\"best_metric\""},
        {"event_cursor", "99", "event_cursor"},
        {"step", "9223372036854775807", "expected at most"},
        {"epoch", "9223372036854775807", "expected at most"},
        {"epoch", "", "\"epoch\""},
        {"dataset_hash", "-3", "\"dataset_hash\""},
    };
    hg_train_options options = options_with_checkpoint();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        make_checkpoints();
        unlink(previous);
        rewrite(cases[i][0], cases[i][1], 0);
        int64_t visited;
        assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, NULL), HG_ERR_FORMAT);
        assert_int_equal(visited, 0);
        if (!strstr(hg_context_message(ctx), cases[i][2])) fail_msg("case %zu: %s", i, hg_context_message(ctx));
    }
}

static void impossible_steps(void **state)
{
    (void)state;
    const int64_t steps[] = {-1, INT64_MIN, 999999, INT64_MAX};
    hg_train_options options = options_with_checkpoint();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
        make_checkpoints();
        unlink(previous);
        rewrite(NULL, NULL, steps[i]);
        assert_int_equal(train(&options, toy_yaml, TRAIN, NULL, NULL), HG_ERR_FORMAT);
        assert_non_null(strstr(hg_context_message(ctx), "\"optim/steps\": element 0 is "));
    }
}

static void a_directory_that_cannot_be_made(void **state)
{
    (void)state;
    hg_train_options options = options_with_checkpoint();
    snprintf(options.checkpoint_directory, sizeof options.checkpoint_directory, "/dev/null/checkpoints");
    int64_t visited;
    assert_int_equal(train(&options, toy_yaml, TRAIN, &visited, NULL), HG_ERR_IO);
    assert_int_equal(visited, TRAIN);
}

static void settings_out_of_range(void **state)
{
    (void)state;
    hg_train_options options = toy_options();
    options.schedule = 2;
    snprintf(options.schedule_milestones, sizeof options.schedule_milestones, "3,x");
    assert_int_equal(train(&options, toy_yaml, TRAIN, NULL, NULL), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "train.schedule_milestones: found \"3,x\""));
    options = toy_options();
    options.schedule = 8;
    assert_int_equal(train(&options, toy_yaml, TRAIN, NULL, NULL), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "plateau"));
    options = toy_options();
    options.learning_rate = NAN;
    assert_true(train(&options, toy_yaml, TRAIN, NULL, NULL) < 0);
    options = toy_options();
    options.target = HG_TRAIN_NODES;
    assert_int_equal(train(&options, toy_yaml, TRAIN, NULL, NULL), HG_ERR_MODEL);
    assert_non_null(strstr(hg_context_message(ctx), "0 numbers for each of the nodes"));
    assert_int_equal(train(&options, toy_yaml, 0, NULL, NULL), HG_ERR_ARG);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    hg_train_options options = options_with_checkpoint();
    options.epochs = 1;
    size_t before = hg_memory_used(ctx);
    bool failed = true;
    for (int64_t n = 0; failed; n += 1 + n / 40) {
        hg_model *model = NULL;
        toy training = toy_of(1), validation = toy_of(2);
        hg_sample_set set = set_of(&training, 2), more = set_of(&validation, 1);
        remove_checkpoints(directory);
        assert_int_equal(hg_model_create(ctx, "toy", toy_yaml, 5, &model), HG_OK);
        hg_real start = hg_model_parameters(model)[0];
        hg_memory_fail_after(ctx, n);
        hg_status status = hg_train(ctx, model, &options, &set, &more, NULL, NULL, NULL);
        hg_memory_fail_after(ctx, -1);
        failed = status < 0;
        if (failed) assert_int_equal(status, HG_ERR_NOMEM);
        /* before the first epoch is complete the best weights are the initial ones */
        if (failed && access(current, F_OK) != 0 && n < 40) assert_true(hg_model_parameters(model)[0] == start);
        hg_model_destroy(ctx, model);
        assert_int_equal(hg_memory_used(ctx), before);
    }
}

static int open_context(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(current, sizeof current, "%s/checkpoint.safetensors", directory);
    snprintf(previous, sizeof previous, "%s/checkpoint.previous.safetensors", directory);
    if (hg_context_create(&ctx) < 0) return -1;
    hg_context_set_log(ctx, HG_LOG_WARN, keep_warning, NULL);
    return hg_context_set_threads(ctx, 1);
}

static int close_context(void **state)
{
    (void)state;
    remove_checkpoints(directory);
    rmdir(directory);
    return close_without_leaks(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_falls_back_to_the_one_before),
        cmocka_unit_test(checkpoints_of_something_else),
        cmocka_unit_test(missing_and_impossible_texts),
        cmocka_unit_test(impossible_steps),
        cmocka_unit_test(a_directory_that_cannot_be_made),
        cmocka_unit_test(settings_out_of_range),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
