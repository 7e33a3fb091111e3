/* cli/evaluate.c — the verb evaluate: tracks against the truth of their events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "datasets/builtin_detector.h"
#include "pipeline/evaluation.h"
#include "pipeline/found_tracks.h"
#include "pipeline/usable_hits.h"

static hg_status evaluate_event(hg_context *ctx, const hg_event_source *source, const hg_detector *detector, const hg_found_tracks *found,
                                hg_evaluation *evaluation)
{
    hg_usable_event event = {0};
    hg_tracks_content content = {0};
    const hg_hit_rule rule = {.detector = detector};
    hg_status status = hg_usable_event_read(ctx, &rule, source, HG_PART_TRUTH | HG_PART_PARTICLES, &event);
    if (status >= 0) status = hg_found_tracks_of_event(ctx, found, event.whole, &content);
    if (status >= 0 && event.usable != event.whole) status = hg_found_tracks_drop_hits(ctx, event.keep, event.whole->hits.n, &content);
    if (status >= 0) status = hg_evaluation_add(ctx, event.usable, detector, &content, evaluation);
    if (status >= 0) evaluation->n_misplaced += event.left_out.misplaced;
    hg_tracks_content_clear(ctx, &content);
    hg_usable_event_clear(ctx, &event);
    return status;
}

static hg_status print_evaluation(hg_cli *cli, const hg_evaluation *evaluation)
{
    char *text = NULL;
    const hg_status status = cli->json ? hg_evaluation_json(cli->ctx, evaluation, &text) : hg_evaluation_print(cli->ctx, evaluation, &text);
    if (status >= 0) printf(cli->json ? "%s\n" : "%s", text);
    hg_free(cli->ctx, text);
    return status;
}

static hg_status evaluate(hg_cli *cli, const char *detector_path, const char *metrics_path, const hg_evaluation *wanted)
{
    hg_context *ctx = cli->ctx;
    hg_evaluation evaluation = *wanted;
    hg_found_tracks *found = NULL;
    hg_event_list *events = NULL;
    hg_detector *detector = NULL;
    hg_metric_tables tables = {0};

    hg_status status = detector_path ? hg_detector_read(ctx, detector_path, &detector) : hg_builtin_detector_create(ctx, &detector);
    if (status >= 0 && metrics_path) {
        status = hg_metric_tables_create(ctx, &tables);
        evaluation.tables = &tables;
    }
    if (status >= 0) status = hg_found_tracks_open(ctx, cli->input[0], &found);
    if (status >= 0) status = hg_event_list_create(ctx, cli->input[1], &events);
    for (int64_t e = 0; status >= 0 && e < events->n; ++e) {
        status = evaluate_event(ctx, &events->source[e], detector, found, &evaluation);
        hg_progress(ctx, "events", e + 1, events->n, NULL);
    }
    if (status >= 0 && metrics_path) status = hg_metric_tables_write(ctx, &tables, cli->input[0], metrics_path);
    if (status >= 0) status = print_evaluation(cli, &evaluation);
    hg_metric_tables_clear(ctx, &tables);
    hg_event_list_destroy(ctx, events);
    hg_found_tracks_close(ctx, found);
    hg_detector_destroy(ctx, detector);
    return status;
}

/* A telescope's events among the arguments, or its preset. */
static bool is_of_telescope(hg_cli *cli, int argc, char **argv)
{
    if (hg_cli_names_preset(argc, argv, "icecube")) return true;
    for (int i = 1; i < argc; ++i)
        if (argv[i][0] != '-' && hg_cli_is_pulse_file(cli, argv[i])) return true;
    return false;
}

int hg_cli_evaluate(hg_cli *cli, int argc, char **argv)
{
    if (is_of_telescope(cli, argc, argv)) return hg_cli_evaluate_pulses(cli, argc, argv);
    const char *detector = NULL, *metrics = NULL;
    hg_evaluation wanted = {.doublet_min = 0.1, .triplet_min = 0.5};
    const hg_cli_flag flags[] = {
        {"detector", HG_CLI_TEXT, &detector, "FILE", "detectors.csv[.gz]; default: the built-in TrackML detector"},
        {"metrics", HG_CLI_TEXT, &metrics, "FILE.tsv|.h5",
         "also write efficiency, fakes and duplicates against pT, eta, phi, z0, production radius and number of hits"},
        {"losses", HG_CLI_FLAG, &wanted.with_losses, NULL,
         "also count at which stage particles were lost, as far as the file holds the stages"},
        {"doublet-min", HG_CLI_NUMBER, &wanted.doublet_min, "SCORE", "losses: the cut on doublets; default 0.1"},
        {"triplet-min", HG_CLI_NUMBER, &wanted.triplet_min, "SCORE", "losses: the cut on triplets; default 0.5"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "evaluate",
        .arguments = "SUBMISSION.csv|TRACKS.h5 EVENTS",
        .summary = "Compares tracks with the truth: TrackML score, efficiency, fakes and duplicates by every definition of a match.",
        .details = "Scores of a neutrino telescope: hitgraph evaluate --preset icecube --help.\n\n"
                   "EVENTS is a directory of events or one event prefix; each event needs its truth file.\n"
                   "Every rate is printed with its definition; the cuts of the target particles are named. Hits off their modules are left "
                   "out.\n\n"
                   "example:\n  hitgraph evaluate result/submission.csv data/event000021007",
        .min_inputs = 2,
        .max_inputs = 2,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const hg_status status = evaluate(cli, detector, metrics, &wanted);
    if (status >= 0) return HG_EXIT_OK;
    return hg_cli_fail_input(cli, "evaluate", status);
}
