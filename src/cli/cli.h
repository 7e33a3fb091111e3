/* cli/cli.h — what every verb shares: the context, the common flags, tables of flags, exit codes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_CLI_CLI_H
#define HG_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

enum { HG_EXIT_OK = 0, HG_EXIT_FAILURE = 1, HG_EXIT_USAGE = 2, HG_EXIT_BAD_INPUT = 3, HG_EXIT_LIMIT = 4, HG_EXIT_INTERRUPTED = 130 };
enum { HG_CLI_MAX_SETTINGS = 256 };

/* Set by hg_cli_parse from the flags that every verb has: --threads --json --config -s --preset --quiet --verbose --memory-limit. */
typedef struct hg_cli {
    hg_context *ctx;
    bool json, quiet, verbose;
    const char *preset;                       /* NULL = the verb's default */
    const char *config;                       /* NULL = none */
    const char *setting[HG_CLI_MAX_SETTINGS]; /* key=value, in order */
    int n_settings;
    char **input; /* what is left after the flags */
    int n_inputs;
} hg_cli;

typedef enum hg_cli_kind { HG_CLI_FLAG, HG_CLI_TEXT, HG_CLI_INT, HG_CLI_NUMBER } hg_cli_kind;

/* One flag of a verb: --name ARGUMENT. target: bool *, const char **, int64_t * or double *. Tables end with name == NULL. */
typedef struct hg_cli_flag {
    const char *name;
    hg_cli_kind kind;
    void *target;
    const char *argument; /* its name in the help; NULL for HG_CLI_FLAG */
    const char *help;
} hg_cli_flag;

typedef struct hg_cli_usage {
    const char *verb;
    const char *arguments; /* "INPUT…" */
    const char *summary;   /* one sentence */
    const char *details;   /* examples and remarks; may be "" */
    int min_inputs, max_inputs;
} hg_cli_usage;

/* Reads the flags. Returns -1 to go on, or the exit code to leave with (after --help or an error, both printed). */
int hg_cli_parse(hg_cli *cli, const hg_cli_usage *usage, const hg_cli_flag *flags, int argc, char **argv);

/* Prints the context's message to stderr ("hitgraph VERB: …") and returns the exit code of a status. */
int hg_cli_fail(hg_cli *cli, const char *verb, hg_status status);

/* The same for verbs whose only likely trouble with files is an input that is missing or cannot be read: HG_ERR_IO is bad input then. */
int hg_cli_fail_input(hg_cli *cli, const char *verb, hg_status status);

/* Exit code of a status; nothing is printed. */
int hg_cli_exit_code(hg_status status);

/* True if the arguments hold --preset NAME (or --preset=NAME) with a name that begins like this: verbs that serve two fields look before
 * they read their flags. */
bool hg_cli_names_preset(int argc, char **argv, const char *start);

/* The verbs: argv[0] is the verb's name. */
int hg_cli_simulate(hg_cli *cli, int argc, char **argv);
int hg_cli_simulate_pulses(hg_cli *cli, int argc, char **argv); /* simulate --preset icecube */
int hg_cli_convert(hg_cli *cli, int argc, char **argv);
int hg_cli_build(hg_cli *cli, int argc, char **argv);
int hg_cli_train(hg_cli *cli, int argc, char **argv);
int hg_cli_train_pulses(hg_cli *cli, int argc, char **argv); /* train --preset icecube */
int hg_cli_classify(hg_cli *cli, int argc, char **argv);
int hg_cli_track(hg_cli *cli, int argc, char **argv);
int hg_cli_evaluate(hg_cli *cli, int argc, char **argv);
int hg_cli_evaluate_pulses(hg_cli *cli, int argc, char **argv); /* evaluate --preset icecube */
int hg_cli_display(hg_cli *cli, int argc, char **argv);
int hg_cli_partition(hg_cli *cli, int argc, char **argv);
int hg_cli_bench(hg_cli *cli, int argc, char **argv);
int hg_cli_info(hg_cli *cli, int argc, char **argv);

#endif
