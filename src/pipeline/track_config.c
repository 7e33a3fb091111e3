/* pipeline/track_config.c — the settings of the main job: names, defaults, ranges, and their way into the rooms' options. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_config.h"

#include <stddef.h>

#include "base/check.h"
#include "hitgraph/order.h"

static const char *const graph_modes[] = {"tables", "windows", "module-map", NULL};
static const char *const cluster_uses[] = {"off", "auto", NULL};
static const char *const precisions[] = {"float32", "bf16", NULL};
static const char *const smoothers[] = {"mbf", "rts", NULL};
static const char *const builders[] = {"follow", "chains", "components", "walk", "junctions", NULL};

static const char *const seedings[] = {"gnn", "tables", "ca", "classical", NULL};

#define AT(member) offsetof(hg_track_config, member)
#define TEXT(name, member, preset, help)                                                                                                   \
    {                                                                                                                                      \
        name, HG_OPTION_TEXT, AT(member), preset, 0, 0, NULL, help                                                                         \
    }
#define SWITCH(name, member, preset, help)                                                                                                 \
    {                                                                                                                                      \
        name, HG_OPTION_BOOL, AT(member), preset, 0, 0, NULL, help                                                                         \
    }
#define NUMBER(name, member, preset, low, high, help)                                                                                      \
    {                                                                                                                                      \
        name, HG_OPTION_NUMBER, AT(member), preset, low, high, NULL, help                                                                  \
    }
#define COUNT(name, member, preset, low, high, help)                                                                                       \
    {                                                                                                                                      \
        name, HG_OPTION_INT, AT(member), preset, low, high, NULL, help                                                                     \
    }
#define PASS(number, index, of_doublets, doublet, triplet, chain, hits, score, radius)                                                     \
    SWITCH("tracking.pass" number ".doublets", pass[index].doublets, of_doublets, "chains of doublets; otherwise of triplets"),            \
        NUMBER("tracking.pass" number ".doublet_min", pass[index].doublet_min, doublet, 0, 1, "least doublet score used in this pass"),    \
        NUMBER("tracking.pass" number ".triplet_min", pass[index].triplet_min, triplet, 0, 1, "least triplet score used in this pass"),    \
        COUNT("tracking.pass" number ".chain_min", pass[index].chain_min, chain, 3, 48, "fewest hits of a chain that starts a track"),     \
        COUNT("tracking.pass" number ".hits_min", pass[index].hits_min, hits, 1, 48, "fewest hits of a track"),                            \
        COUNT("tracking.pass" number ".layers_min", pass[index].layers_min, "3", 1, 48, "fewest layers of a track"),                       \
        NUMBER("tracking.pass" number ".score_min", pass[index].score_min, score, -1e6, 1e6, "least score of a track"),                    \
        NUMBER("tracking.pass" number ".displaced_r_mm", pass[index].displaced_r_mm, radius, 0, 1e4,                                       \
               "above 0: chains of four hits in line outside this radius, whatever the graph says, mm")

const hg_option hg_track_option_table[] = {
    TEXT("detector.file", detector, "", "detectors.csv[.gz]; empty = the built-in TrackML-like detector"),
    TEXT("detector.volumes", volumes, "", "volumes whose hits are used, as 7,8,9 for the pixels alone (verb track); empty = all"),
    TEXT("field.spec", field, "solenoid:1247,5224,1.991,-149,-152,-150",
         "constant:TESLA | solenoid:RADIUS_MM,LENGTH_MM,TESLA[,X_MM,Y_MM,Z_MM] | map:FILE"),
    {"graph.mode", HG_OPTION_WORD, AT(graph_mode), "tables", 0, 0, graph_modes, "how doublets are chosen"},
    TEXT("graph.map", map, "models/trackml/doublets.h5", "what hitgraph build --learn wrote: layer pairs, tables, windows"),
    TEXT("graph.module_map", module_map, "",
         "for graph.mode=module-map: what hitgraph build --learn-modules wrote, or text of 24 columns for each triplet of modules"),
    SWITCH("graph.module_triplets", module_triplets, "true", "mode module-map: doublets in triplets of modules; false = in pairs"),
    {"graph.clusters", HG_OPTION_WORD, AT(clusters), "auto", 0, 0, cluster_uses,
     "doublets judged by the shapes of clusters too; auto = where the event has cells and the map knows shapes"},
    SWITCH("graph.overlaps", overlaps, "true", "edges between overlapping modules of one layer"),
    NUMBER("graph.sigma_z_mm", sigma_z_mm, "0", 0, 1e4, "luminous length, in learning too, mm; 0 = estimated from the hits of each event"),
    NUMBER("graph.score_shift", score_shift, "0", -100, 100, "added to the thresholds of the likelihood tables"),
    NUMBER("graph.window_scale", window_scale, "1", 0.01, 100, "widens the boxes of the modes windows and module-map"),
    NUMBER("graph.triplet_window", triplet_window, "1.5", 0, 100, "a doublet needs a neighbour this compatible; 0 = no such condition"),
    NUMBER("graph.triplet_cost", triplet_cost, "0", 0, 100,
           "mode tables: and one nearer than its table score over this; 0 = the window alone"),
    SWITCH("graph.neighbour_tables", neighbour_tables, "true",
           "mode tables: where the map has tables of neighbours and rivals, they judge instead of triplet_window and triplet_cost"),
    NUMBER("graph.neighbour_shift", neighbour_shift, "0", -100, 100, "added to the threshold of the tables of neighbours and rivals"),
    NUMBER("graph.target_pt_gev", target_pt_gev, "0.15", 0, 100, "learning and training: least pT of the particles that count, GeV"),
    NUMBER("graph.learn.efficiency", learn_efficiency, "0.99", 0.01, 1, "learning: share of true doublets across layers to keep"),
    NUMBER("graph.learn.overlap_efficiency", learn_overlap_efficiency, "0.99", 0.01, 1, "learning: the same inside a layer"),
    NUMBER("graph.learn.neighbour_efficiency", learn_neighbour_efficiency, "0", 0, 1,
           "learning: share to keep after the tables of neighbours and rivals; 0 = learn none"),
    NUMBER("graph.learn.module_efficiency", learn_module_efficiency, "1", 0.01, 1,
           "learning a module map: share of true triplets to keep; those in modules that fewest tracks cross are left out"),
    COUNT("graph.learn.module_tracks", learn_module_tracks, "1", 1, 1 << 30, "the same: fewest tracks through three modules that count"),
    TEXT("doublets.model", doublet_model, "models/trackml/doublet", "directory of the doublet network"),
    NUMBER("doublets.min_score", doublet_min, "0.02", 0, 1, "doublets above this score enter the triplet graph"),
    TEXT("triplets.model", triplet_model, "models/trackml/triplet", "directory of the triplet network"),
    NUMBER("triplets.min_score", triplet_min, "0.5", 0, 1, "triplets above this score count as kept in the report"),
    {"tracking.seeds", HG_OPTION_WORD, AT(seeds), "gnn", 0, 0, seedings,
     "where tracks start: scores of the networks; without them, of the tables; a cellular automaton; cuts on triplets of hits"},
    NUMBER("tracking.classical.pt_min_gev", classical_pt_min_gev, "0.25", 0.01, 100, "seeds classical: least pT of a triplet, GeV"),
    NUMBER("tracking.classical.d0_max_mm", classical_d0_max_mm, "1", 0.001, 100, "the same: largest distance from the beam line, mm"),
    NUMBER("tracking.classical.z0_max_mm", classical_z0_max_mm, "0", 0, 1e4,
           "the same: range of vertices along the beam line, mm; 0 = 4 times the luminous length and 10 mm"),
    {"tracking.builder", HG_OPTION_WORD, AT(builder), "follow", 0, 0, builders, "how tracks are built"},
    COUNT("tracking.passes", n_passes, "6", 1, HG_TRACK_PASSES, "passes; later ones see only unused hits"),
    COUNT("tracking.branches", n_branches, "2", 1, 4, "hypotheses kept per start"),
    COUNT("tracking.holes_max", holes_max, "1", 0, 20, "following stops after so many layers in a row without a hit"),
    NUMBER("tracking.chi2_max", chi2_max, "45", 0.1, 1e4, "a hit with a larger chi2 is not taken"),
    NUMBER("tracking.overlap_chi2_max", overlap_chi2_max, "20", 0.1, 1e4, "the same for a second hit of a layer"),
    NUMBER("tracking.hole_penalty", hole_penalty, "4", 0, 1e3, "taken from the score for each layer without a hit"),
    NUMBER("tracking.kept_min", kept_min, "0.6", 0, 1, "share of its score that a track must keep in the competition for hits"),
    NUMBER("tracking.beam_sigma_mm", beam_sigma_mm, "0.05", 0, 1e3, "width of the beam line about x = y = 0, mm; 0 = there is none"),
    NUMBER("tracking.material_scale", material_scale, "2", 0.01, 100, "factor on x/X0 while following: room for tails"),
    NUMBER("tracking.overlap_min", overlap_min, "0.3", 0, 1, "chains: least score of an overlap doublet"),
    NUMBER("tracking.overlap_mm", overlap_mm, "25", 0, 1e3, "chains: largest distance of two hits on one layer, mm"),
    PASS("1", 0, "false", "0.1", "0.5", "8", "4", "6", "0"),
    PASS("2", 1, "false", "0.1", "0.5", "5", "4", "6", "0"),
    PASS("3", 2, "false", "0.1", "0.5", "3", "3", "4", "0"),
    PASS("4", 3, "false", "0.01", "0.01", "3", "3", "5", "0"),
    PASS("5", 4, "true", "0.01", "0", "3", "3", "6", "0"),
    PASS("6", 5, "false", "0", "0", "4", "4", "8", "300"),
    NUMBER("fit.mass_gev", mass_gev, "0.13957039", 0, 100, "mass hypothesis, GeV"),
    NUMBER("fit.outlier_chi2_2d", outlier_chi2_2d, "15", 1, 1e6, "a pixel hit with a larger chi2 is left out of the fit"),
    NUMBER("fit.outlier_chi2_1d", outlier_chi2_1d, "12", 1, 1e6, "the same for one coordinate"),
    NUMBER("fit.step_tolerance_mm", step_tolerance_mm, "1e-3", 1e-9, 10, "of the Runge-Kutta-Nystroem steps, mm"),
    NUMBER("fit.start_inflation", start_inflation, "50", 1, 1e9, "factor on the covariance of the start"),
    TEXT("fit.calibration", calibration, "models/trackml/calibration.yaml",
         "hit errors: pitch (/ sqrt(12)) | a file of build --learn-calibration"),
    TEXT("fit.material", material, "trackml-like",
         "scatterers: trackml-like | challenge (and simulator) | a file of build --learn-calibration"),
    NUMBER("fit.layer_loss", layer_loss, "0", 0, 10, "material trackml-like: factor on the energy loss in sensor layers"),
    SWITCH("fit.scattering", scattering, "true", "multiple scattering"),
    SWITCH("fit.energy_loss", energy_loss, "true", "energy loss"),
    {"fit.smoother", HG_OPTION_WORD, AT(smoother), "mbf", 0, 0, smoothers,
     "modified Bryson-Frazier, or Rauch-Tung-Striebel: the same but for rounding, and slower"},
    SWITCH("fit.daf", daf, "false", "weigh hits by annealing instead of leaving outliers out; slower"),
    {"engine.order", HG_OPTION_WORD, AT(engine_order), "none", 0, 0, hg_order_words,
     "order of the nodes that networks work on; scores do not depend on it beyond rounding"},
    COUNT("engine.part_nodes", engine_part_nodes, "2048", 1, 1 << 30, "engine.order metis: nodes per part"),
    {"engine.precision", HG_OPTION_WORD, AT(precision), "float32", 0, 0, precisions,
     "how networks store rows; bf16 takes half the memory and is faster where the CPU multiplies it"},
    {NULL, HG_OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

hg_status hg_track_config_read(hg_context *ctx, const char *preset, const char *config, const char *const *setting, int n_settings,
                               hg_track_config *out)
{
    hg_track_config filled = {0};
    const hg_status status = hg_config_read(ctx, hg_track_option_table, preset, config, setting, n_settings, &filled);
    if (status >= 0) *out = filled;
    return status;
}

hg_doublet_options hg_track_config_doublets(const hg_track_config *config)
{
    hg_doublet_options options = hg_doublet_default_options();
    options.mode = (hg_doublet_mode)config->graph_mode;
    options.overlaps = config->overlaps;
    options.clusters = config->clusters == 1;
    options.score_shift = config->score_shift;
    options.window_scale = config->window_scale;
    options.module_triplets = config->module_triplets;
    options.triplet_window = config->triplet_window;
    options.triplet_cost = config->triplet_cost;
    options.neighbour_tables = config->neighbour_tables;
    options.neighbour_shift = config->neighbour_shift;
    return options;
}

hg_module_learn_options hg_track_config_module_learning(const hg_track_config *config)
{
    hg_module_learn_options options = hg_module_default_learn_options();
    options.efficiency = config->learn_module_efficiency;
    options.fewest = config->learn_module_tracks;
    options.overlaps = config->overlaps;
    return options;
}

hg_finder_options hg_track_config_finder(const hg_track_config *config)
{
    hg_finder_options options = hg_finder_default_options();
    options.builder = (hg_finder_builder)config->builder;
    options.n_passes = (int32_t)config->n_passes;
    for (int p = 0; p < HG_TRACK_PASSES; ++p) {
        options.pass[p] = (hg_finder_pass){.doublets = config->pass[p].doublets,
                                           .doublet_min = (float)config->pass[p].doublet_min,
                                           .triplet_min = (float)config->pass[p].triplet_min,
                                           .chain_min = (int32_t)config->pass[p].chain_min,
                                           .hits_min = (int32_t)config->pass[p].hits_min,
                                           .layers_min = (int32_t)config->pass[p].layers_min,
                                           .score_min = (float)config->pass[p].score_min,
                                           .displaced_r_mm = (float)config->pass[p].displaced_r_mm};
    }
    options.n_branches = (int32_t)config->n_branches;
    options.holes_max = (int32_t)config->holes_max;
    options.chi2_max = config->chi2_max;
    options.overlap_chi2_max = config->overlap_chi2_max;
    options.hole_penalty = (float)config->hole_penalty;
    options.kept_min = (float)config->kept_min;
    options.beam_sigma_mm = config->beam_sigma_mm;
    options.material_scale = config->material_scale;
    options.overlap_min = (float)config->overlap_min;
    options.overlap_mm = config->overlap_mm;
    return options;
}

hg_kalman_options hg_track_config_kalman(const hg_track_config *config)
{
    hg_kalman_options options = hg_kalman_default_options();
    options.mass_gev = config->mass_gev;
    options.outlier_chi2_2d = config->outlier_chi2_2d;
    options.outlier_chi2_1d = config->outlier_chi2_1d;
    options.step_tolerance_mm = config->step_tolerance_mm;
    options.start_inflation = config->start_inflation;
    options.scattering = config->scattering;
    options.energy_loss = config->energy_loss;
    options.rts = config->smoother == 1;
    options.daf = config->daf;
    return options;
}
