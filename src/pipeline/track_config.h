/* pipeline/track_config.h — every setting of the main job in one struct, filled from a preset, a file and single settings. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_CONFIG_H
#define HG_PIPELINE_TRACK_CONFIG_H

#include "base/config.h"
#include "hitgraph/doublets.h"
#include "hitgraph/kalman.h"
#include "hitgraph/module_map.h"
#include "hitgraph/measurement.h"
#include "hitgraph/track_finder.h"

enum { HG_TRACK_PASSES = 6 };

/* What following starts from. */
typedef enum hg_seeding {
    HG_SEEDS_GNN,      /* chains of the triplets that the networks believe */
    HG_SEEDS_TABLES,   /* the same chain without networks: likelihood tables and triplet windows in their place */
    HG_SEEDS_CA,       /* a cellular automaton on the doublet graph: the longest chains of doublets that agree */
    HG_SEEDS_CLASSICAL /* triplets of space points by cuts on helices; no doublet graph */
} hg_seeding;

typedef struct hg_track_pass {
    bool doublets;
    double doublet_min, triplet_min, score_min, displaced_r_mm;
    int64_t chain_min, hits_min, layers_min;
} hg_track_pass;

typedef struct hg_track_config {
    char detector[HG_OPTION_TEXT_SIZE], volumes[HG_OPTION_TEXT_SIZE], field[HG_OPTION_TEXT_SIZE];
    char map[HG_OPTION_TEXT_SIZE], module_map[HG_OPTION_TEXT_SIZE], doublet_model[HG_OPTION_TEXT_SIZE], triplet_model[HG_OPTION_TEXT_SIZE];
    char calibration[HG_OPTION_TEXT_SIZE], material[HG_OPTION_TEXT_SIZE];
    int graph_mode, builder;
    int clusters;  /* off, auto */
    int seeds;     /* hg_seeding */
    int precision; /* hg_precision */
    int smoother;  /* mbf, rts */
    bool overlaps, module_triplets, neighbour_tables, scattering, energy_loss, daf;
    double learn_efficiency, learn_overlap_efficiency, learn_neighbour_efficiency;
    double learn_module_efficiency;
    int64_t learn_module_tracks;
    double target_pt_gev, sigma_z_mm, score_shift, window_scale, triplet_window, triplet_cost, neighbour_shift;
    double doublet_min, triplet_min;
    int64_t n_passes, n_branches, holes_max;
    hg_track_pass pass[HG_TRACK_PASSES];
    double chi2_max, overlap_chi2_max, hole_penalty, kept_min, overlap_min, overlap_mm, beam_sigma_mm, material_scale;
    double classical_pt_min_gev, classical_d0_max_mm, classical_z0_max_mm;
    int engine_order; /* hg_order_kind */
    int64_t engine_part_nodes;
    double mass_gev, outlier_chi2_2d, outlier_chi2_1d, step_tolerance_mm, start_inflation, layer_loss;
} hg_track_config;

extern const hg_option hg_track_option_table[];

/* Defaults, then the preset ("trackml", "trackml-barrel", or a YAML file), then the YAML file config (NULL = none), then n settings
 * key=value. */
hg_status hg_track_config_read(hg_context *ctx, const char *preset, const char *config, const char *const *setting, int n_settings,
                               hg_track_config *out);

/* The parts of the configuration that other rooms understand. */
hg_doublet_options hg_track_config_doublets(const hg_track_config *config);
hg_module_learn_options hg_track_config_module_learning(const hg_track_config *config);
hg_finder_options hg_track_config_finder(const hg_track_config *config);
hg_kalman_options hg_track_config_kalman(const hg_track_config *config);

#endif
