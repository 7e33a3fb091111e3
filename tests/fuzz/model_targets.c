/* model_targets.c — readers of settings, calibrations, field maps, descriptions of networks, their weights and checkpoints. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <math.h>
#include "base/config.h"
#include "base/text.h"
#include "datasets/calibration_file.h"
#include "hitgraph/field.h"
#include "hitgraph/field_map.h"
#include "hitgraph/material.h"
#include "hitgraph/model.h"
#include "nn/model/safetensors.h"
#include "nn/training/train_state.h"
#include "pipeline/track_config.h"
#include "tests/fuzz/fuzz.h"

/* Copies number `number` of the shipped files that match to the folder; false if there are fewer. */
static bool copy_shipped(const char *pattern, int number, const char *name)
{
    glob_t found;
    char *bytes = NULL;
    size_t length = 0;
    if (glob(pattern, 0, NULL, &found) != 0) found.gl_pathc = 0;
    const bool there = (size_t)number < found.gl_pathc;
    if (there) {
        fuzz_must(hg_read_file(fuzz_ctx, found.gl_pathv[number], 1 << 20, &bytes, &length));
        fuzz_write(name, bytes, length);
    }
    hg_free(fuzz_ctx, bytes);
    if (found.gl_pathc > 0) globfree(&found);
    return there;
}

bool fuzz_seed_settings(int number)
{
    static const char text[] = "graph: {mode: tables, score_shift: -0.5}\ndetector: {file: \"a \\\"b\\\" \\\\c\"}\ntracking:\n  seeds: "
                               "ca\nfield: {spec: \"constant:2\"}\n";
    if (number == 0) fuzz_write("settings.yaml", text, sizeof text - 1);
    return number == 0 || copy_shipped("datasets/presets/trackml*.yaml", number - 1, "settings.yaml");
}

static hg_status read_settings(void)
{
    hg_track_config config;
    return hg_track_config_read(fuzz_ctx, "trackml", fuzz_path("settings.yaml"), NULL, 0, &config);
}

static bool seed_calibration(int number)
{
    static const char text[] =
        "volumes:\n  - {volume: 8, bias_u: 1e-05, sigma_u: [0.009, 0.01, 0, 0, 0, 0, 0, 0, 0], sigma_v: [0.015, 0.01, "
        "0, 0, 0, 0, 0, 0, 0]}\nmaterial:\n  - {shape: cylinder, position: 19, low: -3000, high: 3000, x_over_x0: "
        "0.0018, loss_mev: 0.16}\n  - {shape: disc, position: -1182.66, low: 200, high: 1100, x_over_x0: 0.004, "
        "loss_mev: 0}\n";
    if (number == 0) fuzz_write("calibration.yaml", text, sizeof text - 1);
    return number == 0 || copy_shipped("datasets/models/trackml/calibration.yaml", number - 1, "calibration.yaml");
}

static hg_status read_calibration(void)
{
    hg_calibration *calibration = FUZZ_UNTOUCHED;
    const hg_status status = hg_calibration_file_read(fuzz_ctx, fuzz_path("calibration.yaml"), &calibration);
    if (status < 0)
        fuzz_require(calibration == FUZZ_UNTOUCHED);
    else
        hg_calibration_destroy(fuzz_ctx, calibration);
    return status;
}

static hg_status read_material(void)
{
    hg_material *material = FUZZ_UNTOUCHED;
    const hg_status status = hg_material_file_read(fuzz_ctx, fuzz_path("calibration.yaml"), &material);
    if (status < 0)
        fuzz_require(material == FUZZ_UNTOUCHED);
    else
        hg_material_destroy(fuzz_ctx, material);
    return status;
}

static bool seed_field(int number)
{
    static const char *const texts[] = {
        "x,y,z,bx,by,bz\n0,0,0,0,0,2\n1,0,0,0,0,2\n0,1,0,0,0,2\n1,1,0,0,0,2\n0,0,1,0,0,2\n1,0,1,0,0,2\n0,1,1,0,0,2\n1,1,1,0,0,2.5\n",
        "r,z,br,bz\n0,-5,0,2\n10,-5,0.1,1.9\n0,5,0,2\n10,5,0.1,1.9\n",
    };
    if (number >= (int)(sizeof texts / sizeof *texts)) return false;
    fuzz_write("field.csv", texts[number], strlen(texts[number]));
    return true;
}

static hg_status read_field(void)
{
    hg_field *field = FUZZ_UNTOUCHED;
    const hg_status status = hg_field_map_read(fuzz_ctx, fuzz_path("field.csv"), &field);
    if (status < 0)
        fuzz_require(field == FUZZ_UNTOUCHED);
    else
        hg_field_destroy(fuzz_ctx, field);
    return status;
}

static bool seed_description(int number)
{
    return copy_shipped("datasets/models/*/*.yaml", number, "model.yaml");
}

static hg_status open_model(const char *path)
{
    hg_model *model = FUZZ_UNTOUCHED;
    const hg_status status = hg_model_open(fuzz_ctx, path, 1, &model);
    if (status < 0)
        fuzz_require(model == FUZZ_UNTOUCHED);
    else
        hg_model_destroy(fuzz_ctx, model);
    return status;
}

static hg_status read_description(void)
{
    return open_model(fuzz_path("model.yaml"));
}

static hg_model *small_model(void)
{
    static const char yaml[] = "inputs: {nodes: 2}\nnetworks:\n  - {name: edge, widths: [3, 1], activation: tanh}\nupdates:\n"
                               "  - {edges: logit, network: edge, inputs: [sender x, receiver x]}\n  - outputs: {edges: logit}\n";
    hg_model *model = NULL;
    fuzz_must(hg_model_create(fuzz_ctx, "small", yaml, 1, &model));
    return model;
}

/* A small network with its weights. */
static bool seed_weights(int number)
{
    if (number > 0) return false;
    hg_model *model = small_model();
    fuzz_must(hg_model_save(fuzz_ctx, model, fuzz_path("")));
    hg_model_destroy(fuzz_ctx, model);
    return true;
}

static hg_status read_weights(void)
{
    return open_model(fuzz_path(""));
}

/* Tensors of several types without checksums: any change to their bytes is seen by the checks behind. */
bool fuzz_seed_tensors(int number)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[16,22]},"
                                 "\"c\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[22,23]}}";
    uint8_t bytes[8 + sizeof header - 1 + 23] = {(sizeof header - 1) & 0xff, (sizeof header - 1) >> 8};
    if (number > 0) return false;
    memcpy(bytes + 8, header, sizeof header - 1);
    fuzz_write("a.safetensors", bytes, sizeof bytes);
    return true;
}

static hg_status read_tensors(void)
{
    hg_safetensors *file = FUZZ_UNTOUCHED;
    hg_status status = hg_safetensors_read(fuzz_ctx, fuzz_path("a.safetensors"), &file);
    if (status < 0) {
        fuzz_require(file == FUZZ_UNTOUCHED);
        return status;
    }
    for (int64_t t = 0; status >= 0 && t < file->n; ++t) {
        hg_real *numbers = NULL;
        status = hg_alloc(fuzz_ctx, &numbers, file->tensor[t].size);
        if (status >= 0) status = hg_safetensors_get(fuzz_ctx, file, &file->tensor[t], numbers);
        hg_free(fuzz_ctx, numbers);
        if (status == HG_ERR_MODEL) { /* no floating-point numbers: not read as such */
            hg_context_clear(fuzz_ctx);
            status = HG_OK;
        }
    }
    hg_safetensors_destroy(fuzz_ctx, file);
    return status;
}

/* ---- checkpoints ---- */

typedef struct training {
    hg_model *model;
    hg_train_state state;
} training;

/* Made once, by the first run: a training that may be continued. */
static training *small_training(void)
{
    enum { TENSORS = 16, SAMPLES = 5 };
    static training t;
    int64_t offset[TENSORS + 1];
    if (t.model) return &t;
    hg_model *model = small_model();
    const int64_t n = hg_model_n_tensors(model);
    fuzz_require(n <= TENSORS);
    for (int64_t i = 0; i < n; ++i) offset[i] = hg_model_tensor(model, i).offset;
    offset[n] = hg_model_n_parameters(model);
    const hg_optimiser_options options = hg_optimiser_default_options();
    t.state =
        (hg_train_state){.seed = 1, .n_samples = SAMPLES, .dataset_hash = 3, .epoch = 2, .step = 4, .schedule = hg_schedule_default(0.01)};
    fuzz_must(hg_optimiser_create(fuzz_ctx, &options, n, offset, &t.state.optimiser));
    fuzz_must(hg_alloc(fuzz_ctx, &t.state.best_weights, offset[n]));
    t.model = model;
    return &t;
}

static bool seed_checkpoint(int number)
{
    training *t = small_training();
    if (number > 0) return false;
    fuzz_must(hg_checkpoint_write(fuzz_ctx, fuzz_path(""), t->model, &t->state));
    remove(fuzz_path("checkpoint.previous.safetensors"));
    return true;
}

static bool all_finite(const hg_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
        if (!isfinite(x[i])) return false;
    return true;
}

/* What is refused leaves the training as it was; what is taken can be gone on with. */
static hg_status read_checkpoint(void)
{
    training *t = small_training();
    const int64_t n = hg_model_n_parameters(t->model);
    const hg_train_state before = t->state;
    hg_real *weights = malloc((size_t)n * sizeof *weights);
    bool found = false;
    fuzz_require(weights);
    memcpy(weights, hg_model_parameters(t->model), (size_t)n * sizeof *weights);
    const hg_status status = hg_checkpoint_read(fuzz_ctx, fuzz_path(""), t->model, &t->state, &found);
    if (status < 0) {
        fuzz_require(memcmp(&before, &t->state, sizeof before) == 0);
        fuzz_require(memcmp(weights, hg_model_parameters(t->model), (size_t)n * sizeof *weights) == 0);
    } else {
        fuzz_require(found && t->state.epoch >= 0 && t->state.step >= 0);
        fuzz_require(t->state.cursor >= 0 && t->state.cursor <= t->state.n_samples);
        fuzz_require(all_finite(hg_model_parameters(t->model), n) && all_finite(t->state.best_weights, n));
        for (int s = 0; s < hg_optimiser_n_slots(t->state.optimiser); ++s)
            fuzz_require(all_finite(hg_optimiser_slot(t->state.optimiser, s), n));
        for (int64_t i = 0; i < hg_model_n_tensors(t->model); ++i) fuzz_require(hg_optimiser_steps(t->state.optimiser)[i] >= 0);
    }
    free(weights);
    t->state = before;
    return status;
}

/* With the length of the header put right and the checksums taken away, so that what lies behind them is read: a key of another name says
 * nothing. */
static hg_status read_unhashed_checkpoint(void)
{
    size_t length;
    char *bytes = (char *)fuzz_read("checkpoint.safetensors", &length);
    static uint64_t data_bytes; /* of the seed, which is read first */
    uint64_t header_bytes;
    if (data_bytes == 0) {
        memcpy(&header_bytes, bytes, sizeof header_bytes);
        data_bytes = length - sizeof header_bytes - header_bytes;
    }
    if (length > data_bytes + sizeof header_bytes) {
        header_bytes = length - sizeof header_bytes - data_bytes;
        memcpy(bytes, &header_bytes, sizeof header_bytes);
    }
    for (size_t i = 0; i + 6 < length; ++i)
        if (memcmp(bytes + i, "\"hash.", 6) == 0) bytes[i + 5] = '_';
    fuzz_write("checkpoint.safetensors", bytes, length);
    free(bytes);
    return read_checkpoint();
}

const fuzz_target fuzz_model_targets[] = {
    {"settings", "settings.yaml", fuzz_seed_settings, read_settings, HG_ERR_CONFIG, NULL, NULL},
    {"calibration", "calibration.yaml", seed_calibration, read_calibration, HG_ERR_CONFIG, NULL, NULL},
    {"material", "calibration.yaml", seed_calibration, read_material, HG_ERR_CONFIG, NULL, NULL},
    {"field_map", "field.csv", seed_field, read_field, HG_OK, NULL, NULL},
    {"description", "model.yaml", seed_description, read_description, HG_ERR_CONFIG, NULL, NULL},
    {"weights", "weights.safetensors", seed_weights, read_weights, HG_ERR_MODEL, NULL, NULL},
    {"tensors", "a.safetensors", fuzz_seed_tensors, read_tensors, HG_OK, NULL, NULL},
    {"checkpoint", "checkpoint.safetensors", seed_checkpoint, read_checkpoint, HG_ERR_MODEL, NULL, NULL},
    {"checkpoint_unhashed", "checkpoint.safetensors", seed_checkpoint, read_unhashed_checkpoint, HG_ERR_MODEL, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
