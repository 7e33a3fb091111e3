/* cli/track.c — the verb track: events in, fitted tracks out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/cli.h"
#include "pipeline/track_run.h"

typedef struct track_output {
    hg_cli *cli;
    hg_text failures; /* one line per bad event, printed at the end */
    int64_t n_events;
} track_output;

static void print_report(hg_cli *cli, const hg_run_report *report)
{
    char *text = NULL;
    const hg_status status = cli->json ? hg_run_report_json(cli->ctx, report, &text) : hg_run_report_print(cli->ctx, report, &text);
    if (status < 0)
        hg_cli_fail(cli, "track", status);
    else
        printf(cli->json ? "%s\n" : "%s", text);
    fflush(stdout);
    hg_free(cli->ctx, text);
}

static void on_event(void *user, const char *event, const hg_run_report *report, const char *failure)
{
    track_output *output = user;
    (void)event;
    output->n_events++;
    if (report)
        print_report(output->cli, report);
    else
        hg_text_append(output->cli->ctx, &output->failures, "hitgraph track: %s\n", failure);
}

/* Options that are short for a setting; they come after all settings. */
enum { SHORT_FOR = 3 };
typedef struct short_options {
    const char *value[SHORT_FOR]; /* NULL = not given */
} short_options;

static hg_status read_config(hg_cli *cli, const short_options *given, hg_track_config *config)
{
    static const char *const setting[SHORT_FOR] = {"detector.file", "field.spec", "tracking.seeds"};
    hg_status status =
        hg_track_config_read(cli->ctx, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, config);
    char text[HG_OPTION_TEXT_SIZE + 32];
    for (int k = 0; status >= 0 && k < SHORT_FOR; ++k) {
        if (!given->value[k]) continue;
        snprintf(text, sizeof text, "%s=%s", setting[k], given->value[k]);
        status = hg_options_apply_text(cli->ctx, hg_track_option_table, text, config);
    }
    return status;
}

/* How much of a path is there already, in bytes. */
static size_t existing_length(const char *directory)
{
    char part[HG_PATH_SIZE];
    size_t length = strlen(directory);
    while (length > 0) {
        snprintf(part, sizeof part, "%.*s", (int)length, directory);
        if (access(part, F_OK) == 0) break;
        while (length > 0 && directory[length - 1] == '/') --length;
        while (length > 0 && directory[length - 1] != '/') --length;
    }
    return length;
}

/* Takes away again what prepare_directory made, as far as it is empty. */
static void remove_empty(const char *directory, size_t existing)
{
    char part[HG_PATH_SIZE];
    snprintf(part, sizeof part, "%s", directory);
    for (size_t length = strlen(part); length > existing; part[length] = '\0') {
        if (rmdir(part) != 0) return;
        while (length > existing && part[length - 1] == '/') --length;
        while (length > existing && part[length - 1] != '/') --length;
    }
}

/* Tells trouble with the output from trouble with the input before the work begins. */
static hg_status prepare_directory(hg_context *ctx, const char *directory)
{
    const hg_status status = hg_make_directory(ctx, directory);
    if (status < 0 || access(directory, W_OK | X_OK) == 0) return status;
    return hg_fail(ctx, HG_ERR_IO, "%s: cannot be written to: %s", directory, strerror(errno));
}

/* Events into a directory that is there; what was wrong goes to stderr. Returns the exit code. */
static int track_into(track_output *output, const hg_track_run_options *options)
{
    hg_cli *cli = output->cli;
    hg_track_outcome outcome;
    const hg_status status = hg_track_run(cli->ctx, options, on_event, output, &outcome);

    if (status >= 0 && outcome.total.n_events > 1 && !cli->json) print_report(cli, &outcome.total);
    hg_run_report_clear(cli->ctx, &outcome.total);
    if (output->failures.data) fputs(output->failures.data, stderr);
    hg_free(cli->ctx, output->failures.data);
    if (outcome.n_failed > 0)
        fprintf(stderr, "hitgraph track: %" PRId64 " of %" PRId64 " events failed\n", outcome.n_failed, output->n_events);
    if (status < 0 && outcome.output_failed) return hg_cli_fail(cli, "track", status);
    if (status < 0) return hg_cli_fail_input(cli, "track", status);
    return outcome.n_failed > 0 ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
}

static int run_track(hg_cli *cli, const short_options *given, const char *directory)
{
    hg_track_config config;
    track_output output = {.cli = cli};
    hg_status status = read_config(cli, given, &config);
    const hg_track_run_options options = {.config = &config, .input = cli->input, .n_inputs = cli->n_inputs, .directory = directory};

    if (status >= 0 && strlen(directory) >= HG_PATH_SIZE) status = hg_fail(cli->ctx, HG_ERR_ARG, "%s: name too long", directory);
    if (status < 0) return hg_cli_fail(cli, "track", status);
    const size_t existing = existing_length(directory);
    status = prepare_directory(cli->ctx, directory);
    const int exit_code = status < 0 ? hg_cli_fail(cli, "track", status) : track_into(&output, &options);
    remove_empty(directory, existing);
    return exit_code;
}

int hg_cli_track(hg_cli *cli, int argc, char **argv)
{
    const char *directory = NULL;
    short_options given = {{NULL}};
    const hg_cli_flag flags[] = {
        {"detector", HG_CLI_TEXT, &given.value[0], "FILE", "detectors.csv[.gz]; default: the built-in TrackML detector"},
        {"field", HG_CLI_TEXT, &given.value[1], "SPEC",
         "constant:TESLA | solenoid:RADIUS_MM,LENGTH_MM,TESLA[,X_MM,Y_MM,Z_MM] | map:FILE; default: the preset's"},
        {"seeds", HG_CLI_TEXT, &given.value[2], "KIND",
         "gnn | tables | ca | classical: where tracks start, with networks or without; default gnn"},
        {"out", HG_CLI_TEXT, &directory, "DIR", "directory for submission.csv and tracks.h5 (needed)"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "track",
        .arguments = "INPUT...",
        .summary = "Finds and fits the tracks of events: hits, doublet graph, doublet network, triplet graph, triplet network, seeds, "
                   "tracks, fit.",
        .details = "INPUT is a directory of events, an event prefix such as DIR/event000021007, a hits file, or an HDF5 file of events.\n"
                   "CSV files are those of TrackML, or of ACTS (simulated hits; then with ACTS's detectors.csv).\n"
                   "Truth files, where present, serve the report only. Writes DIR/submission.csv (event_id,hit_id,track_id; 0 = no track)\n"
                   "and DIR/tracks.h5. Bad events are listed at the end, the good ones are written; the exit code is then 3.\n\n"
                   "example:\n  hitgraph track --preset trackml --detector detectors.csv.gz --out result data/event000021007",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (!directory) {
        fprintf(stderr, "hitgraph track: --out DIR is missing; see hitgraph track --help\n");
        return HG_EXIT_USAGE;
    }
    return run_track(cli, &given, directory);
}
