/* model_targets.c — readers of settings, calibrations, field maps, descriptions of networks and their weights. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include "base/config.h"
#include "base/text.h"
#include "datasets/calibration_file.h"
#include "hitgraph/field.h"
#include "hitgraph/field_map.h"
#include "hitgraph/material.h"
#include "hitgraph/model.h"
#include "nn/model/safetensors.h"
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

static bool seed_settings(int number)
{
    static const char text[] = "graph: {mode: tables, score_shift: -0.5}\ntracking:\n  seeds: ca\nfield: {spec: \"constant:2\"}\n";
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

/* A small network with its weights. */
static bool seed_weights(int number)
{
    static const char yaml[] = "inputs: {nodes: 2}\nnetworks:\n  - {name: edge, widths: [3, 1], activation: tanh}\nupdates:\n"
                               "  - {edges: logit, network: edge, inputs: [sender x, receiver x]}\n  - outputs: {edges: logit}\n";
    hg_model *model = NULL;
    if (number > 0) return false;
    fuzz_must(hg_model_create(fuzz_ctx, "small", yaml, 1, &model));
    fuzz_must(hg_model_save(fuzz_ctx, model, fuzz_path("")));
    hg_model_destroy(fuzz_ctx, model);
    return true;
}

static hg_status read_weights(void)
{
    return open_model(fuzz_path(""));
}

/* Tensors of several types without checksums: any change to their bytes is seen by the checks behind. */
static bool seed_tensors(int number)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
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

const fuzz_target fuzz_model_targets[] = {
    {"settings", "settings.yaml", seed_settings, read_settings, HG_ERR_CONFIG, NULL, NULL},
    {"calibration", "calibration.yaml", seed_calibration, read_calibration, HG_ERR_CONFIG, NULL, NULL},
    {"material", "calibration.yaml", seed_calibration, read_material, HG_ERR_CONFIG, NULL, NULL},
    {"field_map", "field.csv", seed_field, read_field, HG_OK, NULL, NULL},
    {"description", "model.yaml", seed_description, read_description, HG_ERR_CONFIG, NULL, NULL},
    {"weights", "weights.safetensors", seed_weights, read_weights, HG_ERR_MODEL, NULL, NULL},
    {"tensors", "a.safetensors", seed_tensors, read_tensors, HG_OK, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
