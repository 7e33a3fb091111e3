/* pipeline/setup.c — loads what a configuration names: detector, field, material, learned maps, networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/setup.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "datasets/builtin_detector.h"
#include "datasets/calibration_file.h"
#include "datasets/doublet_map.h"
#include "hitgraph/field_map.h"
#include "hitgraph/material.h"
#include "hitgraph/simulate.h"
#include "hitgraph/trackml.h"
#include "hitgraph/triplets.h"
#include "tracking/field.h"

static hg_status load_detector(hg_context *ctx, const char *name, hg_detector **out)
{
    return name[0] ? hg_detector_read(ctx, name, out) : hg_builtin_detector_create(ctx, out);
}

/* Marks the layers of the volume that text[0 .. length) names. */
static hg_status use_volume(hg_context *ctx, hg_setup *setup, const char *text, size_t length)
{
    int64_t volume = 0, n = 0;
    const bool number = hg_parse_int64(text, length, &volume);
    for (int64_t l = 0; number && l < setup->detector->n_layers; ++l) {
        if (setup->detector->layers[l].volume_id != volume) continue;
        setup->layer_used[l] = true;
        ++n;
    }
    return n > 0 ? HG_OK
                 : hg_fail(ctx, HG_ERR_CONFIG, "detector.volumes: expected volumes of the detector, as 7,8,9, found \"%s\"",
                           setup->config.volumes);
}

static hg_status use_volumes(hg_context *ctx, hg_setup *setup)
{
    hg_status status = HG_OK;
    const char *text = setup->config.volumes;
    const int64_t n_layers = setup->detector->n_layers;
    HG_TRY(hg_alloc(ctx, &setup->layer_used, n_layers));
    for (int64_t l = 0; l < n_layers; ++l) setup->layer_used[l] = !text[0];
    while (*text) {
        const size_t length = strcspn(text, ",");
        HG_TRY(use_volume(ctx, setup, text, length));
        text += length + (text[length] == ',');
    }
done:
    return status;
}

static hg_status no_such_name(hg_context *ctx, const char *setting, const char *names, const char *found)
{
    return hg_fail(ctx, HG_ERR_CONFIG, "%s: expected %s, or a file that can be read, found \"%s\"", setting, names, found);
}

static hg_status load_material(hg_context *ctx, const hg_track_config *config, hg_material **out)
{
    char path[HG_PATH_SIZE];
    if (strcmp(config->material, "challenge") == 0) return hg_simulate_material(ctx, out);
    if (strcmp(config->material, "trackml-like") == 0) return hg_material_create_trackml(ctx, config->layer_loss, out);
    hg_status status = hg_data_path(ctx, config->material, path);
    if (status >= 0) status = hg_material_file_read(ctx, path, out);
    return status == HG_ERR_IO ? no_such_name(ctx, "fit.material", "trackml-like, challenge", config->material) : status;
}

static hg_status load_calibration(hg_context *ctx, hg_setup *setup)
{
    char path[HG_PATH_SIZE];
    if (strcmp(setup->config.calibration, "pitch") == 0) return HG_OK;
    hg_status status = hg_data_path(ctx, setup->config.calibration, path);
    if (status >= 0) status = hg_calibration_file_read(ctx, path, &setup->calibration);
    return status == HG_ERR_IO ? no_such_name(ctx, "fit.calibration", "pitch", setup->config.calibration) : status;
}

/* The mean place of the hits that a map was learned from, layer by layer, must lie on the layer of this detector. */
static hg_status check_map(hg_context *ctx, const char *path, const hg_doublet_map *map, const hg_detector *detector)
{
    hg_status status = HG_OK;
    const double reach_mm = 20; /* sizes of modules may be unknown: the layer is then known by their centres */

    HG_CHECK(map->n_layers == detector->n_layers, HG_ERR_MODEL,
             "%s: the doublet map is of a detector with %" PRId32 " layers, this one has %" PRId64, path, map->n_layers,
             detector->n_layers);
    for (int32_t l = 0; l < map->n_layers; ++l) {
        const hg_layer *layer = &detector->layers[l];
        const bool barrel = map->layer_barrel[l] != 0;
        const double place = (double)(barrel ? map->layer_r[l] : map->layer_z[l]);
        const double low = barrel ? layer->r_min : layer->z_min, high = barrel ? layer->r_max : layer->z_max;
        if (!(map->layer_hits[l] > 0)) continue;
        HG_CHECK(barrel == layer->barrel && place >= low - reach_mm && place <= high + reach_mm, HG_ERR_MODEL,
                 "%s: the doublet map is of another detector: its layer %" PRId32 " is a %s at %s = %g mm, volume %d, layer %d here is a "
                 "%s at %g .. %g mm",
                 path, l, barrel ? "cylinder" : "disc", barrel ? "r" : "z", place, layer->volume_id, layer->layer_id,
                 layer->barrel ? "cylinder" : "disc", low, high);
    }
done:
    return status;
}

static hg_status load_maps(hg_context *ctx, hg_setup *setup)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];
    HG_TRY(hg_data_path(ctx, setup->config.map, path));
    HG_TRY(hg_doublet_maps_load(ctx, path, &setup->map, &setup->n_maps));
    for (int64_t i = 0; i < setup->n_maps; ++i) HG_TRY(check_map(ctx, path, setup->map[i], setup->detector));
done:
    return status;
}

static hg_status load_modules(hg_context *ctx, hg_setup *setup)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];
    HG_CHECK(setup->config.module_map[0], HG_ERR_CONFIG,
             "graph.mode=module-map needs graph.module_map=FILE; hint: hitgraph build --learn-modules --out FILE writes one");
    HG_TRY(hg_data_path(ctx, setup->config.module_map, path));
    HG_TRY(hg_module_maps_open(ctx, path, setup->detector, &setup->modules));
done:
    return status;
}

/* Where a map ends the field is zero: that may be meant, but hardly inside the detector. */
static void warn_of_short_field(hg_context *ctx, const hg_setup *setup)
{
    const hg_field_shape shape = hg_field_get_shape(setup->field);
    double low[3] = {0, 0, 0}, high[3] = {0, 0, 0};
    if (shape.kind != HG_FIELD_MAP) return;
    for (int64_t l = 0; l < setup->detector->n_layers; ++l) {
        const hg_layer *layer = &setup->detector->layers[l];
        high[0] = high[1] = fmax(high[0], layer->r_max);
        low[2] = fmin(low[2], layer->z_min);
        high[2] = fmax(high[2], layer->z_max);
    }
    low[0] = low[1] = -high[0];
    for (int a = 0; a < 3; ++a) {
        const double end = shape.origin[a] + (double)(shape.n[a] - 1) * shape.step[a];
        if (shape.origin[a] <= low[a] && end >= high[a]) continue;
        hg_log(ctx, HG_LOG_WARN, "%s: the map covers %c = %g .. %g mm, the detector %g .. %g mm: there is no field beyond the map",
               setup->config.field, "xyz"[a], shape.origin[a], end, low[a], high[a]);
    }
}

hg_status hg_setup_create(hg_context *ctx, const hg_track_config *config, bool with_maps, hg_setup **out)
{
    hg_status status = HG_OK;
    hg_setup *setup = NULL;

    HG_TRY(hg_alloc(ctx, &setup, 1));
    setup->config = *config;
    HG_TRY(load_detector(ctx, config->detector, &setup->detector));
    HG_TRY(use_volumes(ctx, setup));
    HG_TRY(hg_field_create_spec(ctx, config->field, &setup->field));
    warn_of_short_field(ctx, setup);
    HG_TRY(load_material(ctx, config, &setup->material));
    HG_TRY(load_calibration(ctx, setup));
    if (with_maps) HG_TRY(load_maps(ctx, setup));
    if (with_maps && config->graph_mode == HG_DOUBLETS_MODULE_MAP) HG_TRY(load_modules(ctx, setup));
    HG_TRY(hg_context_set_precision(ctx, (hg_precision)config->precision));
    setup->kalman = (hg_kalman){.detector = setup->detector,
                                .field = setup->field,
                                .material = setup->material,
                                .calibration = setup->calibration,
                                .options = hg_track_config_kalman(config)};
    HG_TRY(hg_kalman_tables_create(ctx, &setup->kalman, &setup->tables));
    setup->kalman.tables = setup->tables;
    *out = setup;
    setup = NULL;
done:
    hg_setup_destroy(ctx, setup);
    return status;
}

void hg_setup_destroy(hg_context *ctx, hg_setup *setup)
{
    if (!setup) return;
    for (int64_t m = 0; m < setup->n_maps; ++m) hg_doublet_map_destroy(ctx, setup->map[m]);
    hg_free(ctx, setup->map);
    hg_module_maps_close(ctx, &setup->modules);
    hg_kalman_tables_destroy(ctx, setup->tables);
    hg_calibration_destroy(ctx, setup->calibration);
    hg_material_destroy(ctx, setup->material);
    hg_field_destroy(ctx, setup->field);
    hg_free(ctx, setup->layer_used);
    hg_detector_destroy(ctx, setup->detector);
    hg_free(ctx, setup);
}

hg_doublet_options hg_setup_doublets(const hg_setup *setup, double sigma_z_mm)
{
    hg_doublet_options options = hg_track_config_doublets(&setup->config);
    options.modules = hg_module_maps_select(&setup->modules, sigma_z_mm);
    return options;
}

static hg_status load_model(hg_context *ctx, const char *name, int64_t node_width, int64_t edge_width, hg_model **out)
{
    hg_status status = HG_OK;
    hg_model *model = NULL;
    char path[HG_PATH_SIZE];

    HG_TRY(hg_data_path(ctx, name, path));
    status = hg_model_load(ctx, path, &model);
    if (status == HG_ERR_CONFIG) status = HG_ERR_MODEL; /* a damaged description is no mistake in the settings */
    HG_TRY(status);
    hg_model_widths widths = hg_model_get_widths(model);
    HG_CHECK(widths.node_in == node_width && widths.edge_in == edge_width && widths.global_in == 0 && widths.edge_out == 1, HG_ERR_MODEL,
             "%s: reads %" PRId64 " node, %" PRId64 " edge, %" PRId64 " global features and gives %" PRId64
             " numbers an edge; expected %" PRId64 ", %" PRId64 ", 0 and 1",
             path, widths.node_in, widths.edge_in, widths.global_in, widths.edge_out, node_width, edge_width);
    *out = model;
    model = NULL;
done:
    hg_model_destroy(ctx, model);
    return status;
}

hg_status hg_doublet_model_load(hg_context *ctx, const hg_track_config *config, hg_model **out)
{
    return load_model(ctx, config->doublet_model, HG_DOUBLET_NODE_FEATURES, HG_DOUBLET_EDGE_FEATURES, out);
}

hg_status hg_track_models_load(hg_context *ctx, const hg_track_config *config, hg_track_models *out)
{
    hg_status status = HG_OK;
    hg_track_models models = {0};

    HG_TRY(hg_doublet_model_load(ctx, config, &models.doublet));
    HG_TRY(load_model(ctx, config->triplet_model, HG_TRIPLET_NODE_FEATURES, HG_TRIPLET_EDGE_FEATURES, &models.triplet));
    *out = models;
    memset(&models, 0, sizeof models);
done:
    hg_track_models_destroy(ctx, &models);
    return status;
}

void hg_track_models_destroy(hg_context *ctx, hg_track_models *models)
{
    hg_model_destroy(ctx, models->doublet);
    hg_model_destroy(ctx, models->triplet);
    models->doublet = models->triplet = NULL;
}
