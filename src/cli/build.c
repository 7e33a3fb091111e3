/* cli/build.c — the verb build: doublet maps from truth, doublet graphs from events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "datasets/doublet_map.h"
#include "pipeline/calibrate_run.h"
#include "pipeline/graph_losses.h"
#include "pipeline/graph_run.h"
#include "pipeline/learn_maps.h"
#include "pipeline/learn_modules.h"

static hg_status learn(hg_cli *cli, const hg_setup *setup, const char *path)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_labelled_events events = {0};
    hg_doublet_map **map = NULL;
    hg_doublet_learn_options options = hg_doublet_default_learn_options();
    int64_t n_maps = 0;

    options.efficiency = setup->config.learn_efficiency;
    options.overlap_efficiency = setup->config.learn_overlap_efficiency;
    options.neighbour_efficiency = setup->config.learn_neighbour_efficiency;
    options.clusters = hg_track_config_doublets(&setup->config).clusters;
    HG_TRY(hg_labelled_events_read(ctx, setup, cli->input, cli->n_inputs, &events));
    HG_TRY(hg_learn_maps(ctx, &events, &options, &map, &n_maps));
    HG_TRY(hg_doublet_maps_save(ctx, map, n_maps, path));
    for (int64_t m = 0; m < n_maps; ++m) {
        printf("%s: map for a luminous length of %.1f mm: %d layer pairs\n", path, map[m]->sigma_z_mm, map[m]->n_pairs);
    }
done:
    for (int64_t m = 0; m < n_maps; ++m) hg_doublet_map_destroy(ctx, map[m]);
    hg_free(ctx, map);
    hg_labelled_events_clear(ctx, &events);
    return status;
}

static hg_status learn_modules(hg_cli *cli, const hg_setup *setup, const char *path)
{
    hg_learned_modules *learned = NULL;
    int64_t n = 0;
    const hg_status status = hg_learn_modules(cli->ctx, setup, cli->input, cli->n_inputs, path, &learned, &n);
    for (int64_t i = 0; status >= 0 && i < n; ++i) {
        printf("%s: module map for a luminous length of %.1f mm from %" PRId64 " events: %" PRId64 " pairs, %" PRId64
               " triplets of modules\n",
               path, learned[i].sigma_z_mm, learned[i].n_events, learned[i].n_pairs, learned[i].n_triplets);
    }
    hg_free(cli->ctx, learned);
    return status;
}

static hg_status print_losses(hg_cli *cli, const hg_setup *setup)
{
    hg_graph_losses losses;
    char *text = NULL;
    hg_status status = hg_graph_losses_run(cli->ctx, setup, cli->input, cli->n_inputs, &losses);
    if (status >= 0) status = cli->json ? hg_graph_losses_json(cli->ctx, &losses, &text) : hg_graph_losses_print(cli->ctx, &losses, &text);
    if (status >= 0) printf(cli->json ? "%s\n" : "%s", text);
    hg_free(cli->ctx, text);
    return status;
}

static hg_status calibrate(hg_cli *cli, const hg_setup *setup, const char *path)
{
    hg_calibrate_result result;
    const hg_status status = hg_calibrate_run(cli->ctx, setup, cli->input, cli->n_inputs, path, &result);
    if (status >= 0)
        printf("%s: hit errors of %" PRId64 " volumes and %" PRId64 " surfaces of material from %" PRId64 " events\n", path,
               result.n_volumes, result.n_surfaces, result.n_events);
    return status;
}

static void print_graph(void *user, const hg_graph_report *r)
{
    const hg_cli *cli = user;
    if (cli->json) {
        printf("{\"event_id\":%" PRIu64 ",\"n_hits\":%" PRId64 ",\"n_hits_misplaced\":%" PRId64 ",\"n_hits_unused\":%" PRId64
               ",\"n_edges\":%" PRId64 ",\"seconds\":%.4f,\"sigma_z_mm\":%.3f",
               r->event_id, r->n_hits, r->left_out.misplaced, r->left_out.unused, r->n_edges, r->seconds, r->sigma_z_mm);
        if (r->has_truth) {
            printf(",\"efficiency_modulewise\":%.5f,\"efficiency_layerwise\":%.5f,\"purity_all_true\":%.5f", r->modulewise.efficiency.value,
                   r->layerwise.efficiency.value, r->layerwise.purity_all_true.value);
        }
        printf("}\n");
        return;
    }
    printf("event %" PRIu64 ": %" PRId64 " hits, %" PRId64 " doublets, luminous length %.1f mm, %.2f s\n", r->event_id, r->n_hits,
           r->n_edges, r->sigma_z_mm, r->seconds);
    if (!r->has_truth) return;
    printf("  pT > 1 GeV, >= 5 layers: efficiency %.4f modulewise, %.4f layerwise; purity %.4f all-true\n", r->modulewise.efficiency.value,
           r->layerwise.efficiency.value, r->layerwise.purity_all_true.value);
}

/* What is asked for instead of graphs. */
typedef struct jobs {
    bool learn, modules, calibration, losses;
} jobs;

static const char *mistake_in(const jobs *job, const char *path)
{
    if (job->losses && (job->learn || job->modules || job->calibration || path)) return "--losses goes with neither --learn... nor --out";
    if (job->learn + job->modules + job->calibration > 1) return "--learn, --learn-modules and --learn-calibration exclude each other";
    return job->losses || path ? NULL : "--out FILE is missing";
}

static hg_status run(hg_cli *cli, const jobs *job, const char *detector, const char *path)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_track_config config;
    hg_setup *setup = NULL;
    const bool learning = job->learn || job->modules || job->calibration;
    HG_TRY(hg_track_config_read(ctx, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, &config));
    if (detector) snprintf(config.detector, sizeof config.detector, "%s", detector);
    HG_TRY(hg_setup_create(ctx, &config, !learning, &setup));
    HG_TRY(job->losses        ? print_losses(cli, setup)
           : job->learn       ? learn(cli, setup, path)
           : job->modules     ? learn_modules(cli, setup, path)
           : job->calibration ? calibrate(cli, setup, path)
                              : hg_graph_run(ctx, setup, cli->input, cli->n_inputs, path, print_graph, cli));
done:
    hg_setup_destroy(ctx, setup);
    return status;
}

int hg_cli_build(hg_cli *cli, int argc, char **argv)
{
    jobs job = {.learn = false};
    const char *path = NULL, *detector = NULL;
    const hg_cli_flag flags[] = {
        {"learn", HG_CLI_FLAG, &job.learn, NULL, "learn a doublet map from the events' truth and write it to --out"},
        {"learn-modules", HG_CLI_FLAG, &job.modules, NULL,
         "learn a module map and write it to --out: text of 24 columns (.txt), or a file that is mapped into memory (.hgmap)"},
        {"learn-calibration", HG_CLI_FLAG, &job.calibration, NULL,
         "learn hit errors, shifts and material, and write them to --out as YAML"},
        {"losses", HG_CLI_FLAG, &job.losses, NULL, "only tell why true doublets are lost, by cause, pT, eta and production radius"},
        {"out", HG_CLI_TEXT, &path, "FILE", "HDF5: the map (--learn), or the graphs; YAML: the calibration (needed but with --losses)"},
        {"detector", HG_CLI_TEXT, &detector, "FILE", "detectors.csv[.gz]; default: the built-in TrackML detector"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "build",
        .arguments = "INPUT...",
        .summary = "Builds the doublet graphs of events, or learns from truth how to build them.",
        .details =
            "With truth, the graphs have labels and a line per event tells efficiency and purity. Doublets are chosen by likelihood\n"
            "tables, by boxes per layer pair, or by a module map: graph.mode=tables|windows|module-map. Their size and efficiency:\n"
            "graph.score_shift, graph.window_scale, graph.triplet_window, graph.neighbour_shift; in learning graph.learn.efficiency,\n"
            "graph.learn.neighbour_efficiency, graph.learn.module_tracks, graph.target_pt_gev. A map is learned for each luminous length "
            "that the events have.\n\n"
            "examples:\n  hitgraph build --learn --out map.h5 data/event00002100{0..6} data/event00002200{0..2}\n"
            "  hitgraph build -s graph.map=map.h5 --out graphs.h5 data/event000021007\n"
            "  hitgraph build --learn-modules --out modules.hgmap data/event00002100{0..6}\n"
            "  hitgraph build -s graph.mode=module-map -s graph.module_map=modules.hgmap --out graphs.h5 data/event000021007\n"
            "  hitgraph build --losses data/event000021007\n"
            "  hitgraph build --learn-calibration --out cal.yaml data/event00002100{0..6}\n"
            "  hitgraph track -s fit.calibration=cal.yaml -s fit.material=cal.yaml --out result data/event000021007",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const char *mistake = mistake_in(&job, path);
    if (mistake) {
        fprintf(stderr, "hitgraph build: %s; see hitgraph build --help\n", mistake);
        return HG_EXIT_USAGE;
    }
    const hg_status status = run(cli, &job, detector, path);
    return status < 0 ? hg_cli_fail_input(cli, "build", status) : HG_EXIT_OK;
}
