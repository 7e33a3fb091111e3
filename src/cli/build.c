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
    options.clusters = hg_track_config_doublets(&setup->config).clusters;
    options.module_map = setup->config.learn_module_map;
    HG_TRY(hg_labelled_events_read(ctx, setup, cli->input, cli->n_inputs, &events));
    HG_TRY(hg_learn_maps(ctx, &events, &options, &map, &n_maps));
    HG_TRY(hg_doublet_maps_save(ctx, map, n_maps, path));
    for (int64_t m = 0; m < n_maps; ++m) {
        printf("%s: map for a luminous length of %.1f mm: %d layer pairs, %" PRId64 " module pairs\n", path, map[m]->sigma_z_mm,
               map[m]->n_pairs, map[m]->n_module_pairs);
    }
done:
    for (int64_t m = 0; m < n_maps; ++m) hg_doublet_map_destroy(ctx, map[m]);
    hg_free(ctx, map);
    hg_labelled_events_clear(ctx, &events);
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
        printf("{\"event_id\":%" PRIu64 ",\"n_hits\":%" PRId64 ",\"n_edges\":%" PRId64 ",\"seconds\":%.4f,\"sigma_z_mm\":%.3f", r->event_id,
               r->n_hits, r->n_edges, r->seconds, r->sigma_z_mm);
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

int hg_cli_build(hg_cli *cli, int argc, char **argv)
{
    bool learning = false, calibrating = false, losses = false;
    const char *path = NULL, *detector = NULL;
    const hg_cli_flag flags[] = {
        {"learn", HG_CLI_FLAG, &learning, NULL, "learn a doublet map from the events' truth and write it to --out"},
        {"learn-calibration", HG_CLI_FLAG, &calibrating, NULL, "learn hit errors, shifts and material, and write them to --out as YAML"},
        {"losses", HG_CLI_FLAG, &losses, NULL, "only tell why true doublets are lost, by cause, pT, eta and production radius"},
        {"out", HG_CLI_TEXT, &path, "FILE", "HDF5: the map (--learn), or the graphs; YAML: the calibration (needed but with --losses)"},
        {"detector", HG_CLI_TEXT, &detector, "FILE", "detectors.csv[.gz]; default: the built-in TrackML detector"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "build",
        .arguments = "INPUT...",
        .summary = "Builds the doublet graphs of events, or learns from truth how to build them.",
        .details = "With truth, the graphs have labels and a line per event tells efficiency and purity.\n\n"
                   "examples:\n  hitgraph build --learn --out map.h5 data/event00002100{0..6} data/event00002200{0..2}\n"
                   "  hitgraph build -s graph.map=map.h5 --out graphs.h5 data/event000021007\n"
                   "  hitgraph build --losses data/event000021007\n"
                   "  hitgraph build --learn-calibration --out cal.yaml data/event00002100{0..6}\n"
                   "  hitgraph track -s fit.calibration=cal.yaml -s fit.material=cal.yaml --out result data/event000021007",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    hg_track_config config;
    hg_setup *setup = NULL;
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (learning + calibrating + losses > 1 || losses == (path != NULL)) {
        fprintf(stderr, "hitgraph build: %s; see hitgraph build --help\n",
                losses                    ? "--losses goes with neither --learn, --learn-calibration nor --out"
                : learning && calibrating ? "--learn and --learn-calibration exclude each other"
                                          : "--out FILE is missing");
        return HG_EXIT_USAGE;
    }
    hg_status status =
        hg_track_config_read(cli->ctx, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, &config);
    if (status >= 0 && detector) snprintf(config.detector, sizeof config.detector, "%s", detector);
    if (status >= 0) status = hg_setup_create(cli->ctx, &config, !learning && !calibrating, &setup);
    if (status >= 0)
        status = losses        ? print_losses(cli, setup)
                 : learning    ? learn(cli, setup, path)
                 : calibrating ? calibrate(cli, setup, path)
                               : hg_graph_run(cli->ctx, setup, cli->input, cli->n_inputs, path, print_graph, cli);
    hg_setup_destroy(cli->ctx, setup);
    return status < 0 ? hg_cli_fail_input(cli, "build", status) : HG_EXIT_OK;
}
