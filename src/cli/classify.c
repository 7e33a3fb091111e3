/* cli/classify.c — the verb classify: pulses of a telescope's events in, scores out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "pipeline/classify_run.h"
#include "pipeline/telescope_features.h"

typedef struct classify_request {
    const char *model, *out;
    bool features; /* without a model */
    hg_cli_pulse_flags pulses;
} classify_request;

typedef struct classify_outcome {
    hg_pulse_report left_out;
    hg_classify_failures failures;
    int64_t n_read, n_scored, n_pulses;
    double seconds; /* from pulses in memory to scores in memory */
    bool writing;   /* trouble from here on is with the output */
} classify_outcome;

static hg_status classify(hg_cli *cli, const classify_request *asked, classify_outcome *outcome)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_pulse_read_options reading;
    hg_classifier *classifier = NULL;
    char path[HG_PATH_SIZE];
    hg_pulse_events *events = NULL;
    hg_score_table scores = {0};
    const char *name = strrchr(cli->input[0], '/') ? strrchr(cli->input[0], '/') + 1 : cli->input[0];
    const hg_provenance origin = {.source = name};

    HG_TRY(hg_cli_pulse_options(cli, &asked->pulses, &reading));
    reading.truth = HG_TRUTH_NONE;
    if (asked->model) {
        HG_TRY(hg_data_path(ctx, asked->model, path));
        HG_TRY(hg_classifier_load(ctx, path, &classifier));
    }
    HG_TRY(hg_pulse_events_read(ctx, cli->input[0], &reading, &outcome->left_out, &events));
    const double start = hg_seconds();
    if (classifier) {
        status = hg_graph_layout_check(ctx, &classifier->layout, events);
        if (status < 0) hg_fail_prefix(ctx, "%s", cli->input[0]);
        HG_TRY(status);
        HG_TRY(hg_classifier_apply(ctx, classifier, events, &outcome->failures, &scores));
    } else {
        HG_TRY(hg_hand_features(ctx, events, &scores));
    }
    outcome->seconds = hg_seconds() - start;
    outcome->n_read = events->n_events;
    outcome->n_pulses = events->n_pulses;
    outcome->n_scored = scores.n;
    outcome->writing = true;
    HG_TRY(hg_score_table_write(ctx, asked->out, &origin, &scores));
done:
    hg_score_table_clear(ctx, &scores);
    hg_pulse_events_destroy(ctx, events);
    hg_classifier_destroy(ctx, classifier);
    return status;
}

static void print_failures(const hg_classify_failures *failures)
{
    if (failures->n == 0) return;
    fprintf(stderr, "hitgraph classify: no scores for %" PRId64 " events:", failures->n);
    for (int64_t i = 0; i < failures->n && i < HG_CLASSIFY_EXAMPLES; ++i) fprintf(stderr, " %" PRIu64, failures->example[i]);
    fprintf(stderr, "%s\n    %s\n", failures->n > HG_CLASSIFY_EXAMPLES ? " ..." : "", failures->first);
}

static void print_outcome(const hg_cli *cli, const classify_request *asked, const classify_outcome *o)
{
    const int64_t bad = o->left_out.n_left_out + o->failures.n;
    const double rate = o->seconds > 0 ? (double)o->n_read / o->seconds : 0;
    if (cli->json)
        printf("{\"file\":\"%s\",\"events\":%" PRId64 ",\"pulses\":%" PRId64 ",\"bad_events\":%" PRId64
               ",\"seconds\":%.6g,\"events_per_second\":%.6g}\n",
               asked->out, o->n_scored, o->n_pulses, bad, o->seconds, rate);
    else
        printf("%s: %" PRId64 " events with scores, %" PRId64 " without; %.0f events/s\n", asked->out, o->n_scored, bad, rate);
}

int hg_cli_classify(hg_cli *cli, int argc, char **argv)
{
    classify_request asked = {0};
    classify_outcome outcome = {0};
    const hg_cli_flag flags[] = {
        {"model", HG_CLI_TEXT, &asked.model, "DIR",
         "what hitgraph train --preset icecube wrote, or a model that ships: models/icecube/level1"},
        {"features", HG_CLI_FLAG, &asked.features, NULL,
         "instead of --model: hand-made numbers of each event, for cuts and boosted trees (bench/telescope_trees.py)"},
        {"out", HG_CLI_TEXT, &asked.out, "FILE", "scores, one row per event: .h5, .csv or .csv.gz (needed)"},
        HG_CLI_PULSE_FLAGS(asked.pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "classify",
        .arguments = "--model DIR --out FILE INPUT",
        .summary = "Classifies the events of a neutrino telescope: pulses in, calibrated scores out.",
        .details = "INPUT is a file of telescope events: HDF5, SQLite or CSV; truth is not looked at. Columns by the heads of the model:\n"
                   "signal; through, starting, cascade, bundle; energy with its width; quantiles; direction (dir_x, dir_y, dir_z point\n"
                   "where the particle travels to, zenith and azimuth where it comes from) with kappa; vertex with widths.\n"
                   "Bad events are listed, the good ones are written; the exit code is then 3.\n\n"
                   "example:\n  hitgraph classify --model model --out scores.csv events.h5",
        .min_inputs = 1,
        .max_inputs = 1,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (!asked.out || !asked.model == !asked.features) {
        fprintf(stderr, "hitgraph classify: %s; see hitgraph classify --help\n",
                !asked.out ? "--out FILE is missing" : "expected either --model DIR or --features");
        return HG_EXIT_USAGE;
    }
    hg_status status = hg_score_table_check_name(cli->ctx, asked.out);
    if (status < 0) return hg_cli_fail(cli, usage.verb, status);
    status = classify(cli, &asked, &outcome);
    hg_cli_print_left_out(cli, usage.verb, &outcome.left_out);
    print_failures(&outcome.failures);
    if (status < 0) return outcome.writing ? hg_cli_fail(cli, usage.verb, status) : hg_cli_fail_input(cli, usage.verb, status);
    print_outcome(cli, &asked, &outcome);
    return outcome.left_out.n_left_out + outcome.failures.n > 0 ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
}
