/* pipeline/setup.h — what graph building, networks and fitting need, loaded once for all events. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_SETUP_H
#define HG_PIPELINE_SETUP_H

#include "hitgraph/doublets.h"
#include "hitgraph/kalman.h"
#include "hitgraph/model.h"
#include "hitgraph/module_map_file.h"
#include "pipeline/track_config.h"

/* Detector, field, material, learned maps: what graph building and fitting need. Owned parts, read-only after creation. */
typedef struct hg_setup {
    hg_track_config config;
    hg_detector *detector;
    bool *layer_used; /* [detector->n_layers] by detector.volumes */
    hg_field *field;
    hg_material *material;
    hg_calibration *calibration; /* NULL = errors by pitch */
    hg_kalman_tables *tables;
    hg_kalman kalman;     /* with the tables */
    hg_doublet_map **map; /* [n_maps]; none when loaded without maps */
    int64_t n_maps;
    hg_module_maps modules; /* none in other modes than module-map */
} hg_setup;

/* Loads what the configuration names and sets the precision of ctx. with_maps = false leaves the maps out (they are about to be learned).
 */
hg_status hg_setup_create(hg_context *ctx, const hg_track_config *config, bool with_maps, hg_setup **out);
void hg_setup_destroy(hg_context *ctx, hg_setup *setup);

/* How the doublets of an event are chosen; the module map, if any, is borrowed from the setup. */
hg_doublet_options hg_setup_doublets(const hg_setup *setup, double sigma_z_mm);

typedef struct hg_track_models {
    hg_model *doublet, *triplet; /* owned */
} hg_track_models;
/* The doublet network alone: the triplet network is trained on what it keeps. */
hg_status hg_doublet_model_load(hg_context *ctx, const hg_track_config *config, hg_model **out);
hg_status hg_track_models_load(hg_context *ctx, const hg_track_config *config, hg_track_models *out);
void hg_track_models_destroy(hg_context *ctx, hg_track_models *models);

#endif
