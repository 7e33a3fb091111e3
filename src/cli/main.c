/* cli/main.c — the program hitgraph: finds the verb and runs it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

static const struct verb {
    const char *name;
    int (*run)(hg_cli *cli, int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"simulate", hg_cli_simulate, "simulate TrackML-like events"},
    {"track", hg_cli_track, "find and fit tracks: events in, submission.csv and tracks.h5 out"},
    {"build", hg_cli_build, "learn doublet maps, build doublet graphs"},
    {"convert", hg_cli_convert, "events from CSV to HDF5 and back"},
    {"train", hg_cli_train, "train the doublet or the triplet network, or one for a telescope's events"},
    {"classify", hg_cli_classify, "classify the events of a neutrino telescope: pulses in, scores out"},
    {"evaluate", hg_cli_evaluate, "compare tracks, or a telescope's scores, with the truth"},
    {"display", hg_cli_display, "draw an event and its tracks as SVG"},
    {"partition", hg_cli_partition, "cut a graph into parts with few edges between them"},
    {"bench", hg_cli_bench, "measure what this machine can do at best"},
    {"info", hg_cli_info, "print the effective configuration, or the shape and the cost of a model"},
    {NULL, NULL, NULL},
};

static hg_context *interruptible; /* what the signal handler may touch */

static void on_signal(int signal_number)
{
    (void)signal_number;
    hg_context_interrupt(interruptible);
}

static void print_log(void *user, hg_log_level level, const char *line)
{
    const hg_cli *cli = user;
    if (level > HG_LOG_WARN && cli->quiet) return;
    if (level > HG_LOG_INFO && !cli->verbose) return;
    fprintf(stderr, "%s%s\n", level == HG_LOG_WARN ? "warning: " : level == HG_LOG_ERROR ? "error: " : "", line);
}

/* On a terminal one line that is rewritten; otherwise a line every few seconds and at the end. */
static void print_progress(void *user, const char *what, int64_t done, int64_t total, const char *note)
{
    static double last;
    const hg_cli *cli = user;
    const double interval = isatty(STDERR_FILENO) ? 0.1 : 5;
    if (cli->quiet || (done < total && hg_seconds() - last < interval)) return;
    last = hg_seconds();
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %lld/%lld %s\033[K%s", what, (long long)done, (long long)total, note, done >= total ? "\n" : "");
    else
        fprintf(stderr, "%s %lld/%lld %s\n", what, (long long)done, (long long)total, note);
    fflush(stderr);
}

static void print_verbs(FILE *out)
{
    fprintf(out,
            "hitgraph %s: from detector hits to fitted tracks with graph networks\n\nusage: hitgraph VERB [options] [inputs]\n\nverbs:\n",
            HG_VERSION);
    for (const struct verb *v = verbs; v->name; ++v) fprintf(out, "  %-10s %s\n", v->name, v->summary);
    fprintf(out,
            "\nhitgraph VERB --help tells more. Exit codes: 0 ok, 1 failure, 2 usage, 3 bad input, 4 limit reached, 130 interrupted.\n");
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    hg_cli cli = {0};
    if (hg_context_create(&cli.ctx) < 0) {
        fprintf(stderr, "hitgraph: out of memory\n");
        return HG_EXIT_LIMIT;
    }
    interruptible = cli.ctx;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    hg_context_set_log(cli.ctx, HG_LOG_DEBUG, print_log, &cli);
    hg_context_set_progress(cli.ctx, print_progress, &cli);
    int exit_code = verb->run(&cli, argc, argv);
    if (fflush(stdout) != 0 && exit_code == HG_EXIT_OK) exit_code = HG_EXIT_FAILURE;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    hg_context_destroy(cli.ctx);
    return exit_code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_verbs(stdout);
        return HG_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("hitgraph %s\n", HG_VERSION);
        return HG_EXIT_OK;
    }
    for (const struct verb *v = verbs; v->name; ++v) {
        if (strcmp(v->name, name) == 0) return run_verb(v, argc - 1, argv + 1);
    }
    if (name[0]) fprintf(stderr, "hitgraph: unknown verb '%s'\n\n", name);
    print_verbs(stderr);
    return HG_EXIT_USAGE;
}
