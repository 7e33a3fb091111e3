/* pipeline/track_pipeline.h — the main job: events in, fitted tracks out, stage by stage. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_PIPELINE_H
#define HG_PIPELINE_TRACK_PIPELINE_H

#include "graph/hit_grid.h"
#include "hitgraph/event.h"
#include "hitgraph/kalman.h"
#include "hitgraph/model.h"
#include "hitgraph/module_map_file.h"
#include "hitgraph/track_finder.h"
#include "hitgraph/tracks.h"
#include "pipeline/prepare.h"
#include "pipeline/track_config.h"

typedef enum hg_stage {
    HG_STAGE_READ,
    HG_STAGE_GRAPH,
    HG_STAGE_DOUBLET_GNN,
    HG_STAGE_TRIPLET_GRAPH,
    HG_STAGE_TRIPLET_GNN,
    HG_STAGE_SEEDS,
    HG_STAGE_TRACKS,
    HG_STAGE_FIT,
    HG_STAGE_WRITE,
    HG_N_STAGES
} hg_stage;
extern const char *const hg_stage_names[HG_N_STAGES];

/* Detector, field, material, learned maps: what graph building and fitting need. Owned parts, read-only after creation. */
typedef struct hg_setup {
    hg_track_config config;
    hg_detector *detector;
    bool *layer_used; /* [detector->n_layers] by detector.volumes */
    hg_field *field;
    hg_material *material;
    hg_calibration *learned;           /* NULL = a built-in one */
    const hg_calibration *calibration; /* built-in or learned; borrowed */
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

/* Everything found in one event. Parts are NULL until their stage has run. All owned. */
typedef struct hg_track_result {
    uint64_t event_id;
    double seconds[HG_N_STAGES];
    int64_t peak_rss[HG_N_STAGES]; /* of the process at the end of each stage, bytes */
    double sigma_z_mm;             /* luminous length used */
    const hg_doublet_map *map;     /* borrowed from the setup */
    hg_prepared *prepared;
    hg_doublet_graph *doublets;
    float *doublet_score; /* [E] probability */
    float *doublet_logit; /* [E] */
    uint8_t *keep;        /* [E] 1 = a node of the triplet graph */
    hg_graph *line;
    int64_t *line_doublet; /* [line nodes] */
    float *triplet_score;  /* [line edges] probability */
    hg_seeds *seeds;
    hg_tracks *tracks;
} hg_track_result;

/* Adds the time since `start` to a stage. */
void hg_end_stage(hg_track_result *result, hg_stage stage, double start);

/* The luminous length of a prepared event: the setting, or the estimate from its hits. grid: theirs; NULL = made for this alone. */
hg_status hg_find_luminous_length(hg_context *ctx, const hg_setup *setup, const hg_hit_grid *grid, hg_track_result *result);

/* How the doublets of an event are chosen; the module map, if any, is borrowed from the setup. */
hg_doublet_options hg_setup_doublets(const hg_setup *setup, double sigma_z_mm);

/* Makes the line graph of the doublets above the cut from their scores. */
hg_status hg_join_doublets(hg_context *ctx, const hg_setup *setup, hg_track_result *result);

/* Stages in order; each needs the ones before. `event` must outlive the result. */
hg_status hg_stage_graph(hg_context *ctx, const hg_setup *setup, const hg_event *event, hg_track_result *result);
hg_status hg_stage_doublet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, hg_track_result *result);
hg_status hg_stage_triplet_graph(hg_context *ctx, const hg_setup *setup, hg_track_result *result, hg_real **nodes, hg_real **edges);
hg_status hg_stage_triplet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, const hg_real *nodes,
                                   const hg_real *edges, hg_track_result *result);
hg_status hg_stage_tracks(hg_context *ctx, const hg_setup *setup, hg_track_result *result);

typedef struct hg_track_models {
    hg_model *doublet, *triplet; /* owned */
} hg_track_models;
/* The doublet network alone: the triplet network is trained on what it keeps. */
hg_status hg_doublet_model_load(hg_context *ctx, const hg_track_config *config, hg_model **out);
hg_status hg_track_models_load(hg_context *ctx, const hg_track_config *config, hg_track_models *out);
void hg_track_models_destroy(hg_context *ctx, hg_track_models *models);

/* All stages; models may be empty unless the networks score (tracking.seeds). *result must be zero; on error what was made is still there
 * and hg_track_result_clear frees it. */
hg_status hg_track_event(hg_context *ctx, const hg_setup *setup, const hg_track_models *models, const hg_event *event,
                         hg_track_result *result);
void hg_track_result_clear(hg_context *ctx, hg_track_result *result);

#endif
