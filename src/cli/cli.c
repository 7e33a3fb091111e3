/* cli/cli.c — flags, help and error messages, the same for every verb. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

enum { MAX_FLAGS = 48, FIRST_LONG = 256 };

typedef struct common_targets {
    int64_t threads, memory_mb;
    const char *setting;
    bool help;
} common_targets;

int hg_cli_exit_code(hg_status status)
{
    switch (status) {
    case HG_OK:
    case HG_INFO_PARTIAL:
        return HG_EXIT_OK;
    case HG_ERR_ARG:
    case HG_ERR_CONFIG:
        return HG_EXIT_USAGE;
    case HG_ERR_FORMAT:
    case HG_ERR_DATA:
    case HG_ERR_MODEL:
        return HG_EXIT_BAD_INPUT;
    case HG_ERR_LIMIT:
    case HG_ERR_NOMEM:
        return HG_EXIT_LIMIT;
    case HG_ERR_INTERRUPTED:
        return HG_EXIT_INTERRUPTED;
    case HG_ERR_IO:
    case HG_ERR_NUMERIC:
        break;
    }
    return HG_EXIT_FAILURE;
}

int hg_cli_fail(hg_cli *cli, const char *verb, hg_status status)
{
    const char *message = hg_context_message(cli->ctx);
    fprintf(stderr, "hitgraph %s: %s\n", verb, message[0] ? message : hg_status_name(status));
    return hg_cli_exit_code(status);
}

int hg_cli_fail_input(hg_cli *cli, const char *verb, hg_status status)
{
    const int exit_code = hg_cli_fail(cli, verb, status);
    return status == HG_ERR_IO ? HG_EXIT_BAD_INPUT : exit_code;
}

static int fill_common(hg_cli *cli, common_targets *targets, hg_cli_flag *table)
{
    const hg_cli_flag common[] = {
        {"preset", HG_CLI_TEXT, &cli->preset, "NAME",
         "complete configuration to start from: trackml, trackml-barrel, trackml-challenge, simulated, icecube"},
        {"config", HG_CLI_TEXT, &cli->config, "FILE", "YAML file with settings, applied over the preset"},
        {"set", HG_CLI_TEXT, &targets->setting, "KEY=VALUE", "one setting, applied last; short form -s; may be repeated"},
        {"threads", HG_CLI_INT, &targets->threads, "N",
         "threads to use (default: the physical cores it may use); results do not depend on it"},
        {"memory-limit", HG_CLI_INT, &targets->memory_mb, "MB", "stop with exit code 4 rather than use more memory"},
        {"json", HG_CLI_FLAG, &cli->json, NULL, "machine-readable results on stdout, one JSON object a line"},
        {"quiet", HG_CLI_FLAG, &cli->quiet, NULL, "no progress, warnings and errors only"},
        {"verbose", HG_CLI_FLAG, &cli->verbose, NULL, "more about what is going on"},
        {"help", HG_CLI_FLAG, &targets->help, NULL, "print this text; short form -h"},
    };
    int n = (int)(sizeof common / sizeof *common);
    memcpy(table, common, sizeof common);
    return n;
}

static void print_flag(const hg_cli_flag *flag)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->argument ? " " : "", flag->argument ? flag->argument : "");
    printf("  %-26s %s\n", left, flag->help);
}

static void print_help(const hg_cli_usage *usage, const hg_cli_flag *own, int n_own, const hg_cli_flag *common, int n_common)
{
    printf("usage: hitgraph %s [options] %s\n\n%s\n\n", usage->verb, usage->arguments, usage->summary);
    if (n_own > 0) printf("options:\n");
    for (int i = 0; i < n_own; ++i) print_flag(&own[i]);
    printf("%scommon options:\n", n_own > 0 ? "\n" : "");
    for (int i = 0; i < n_common; ++i) print_flag(&common[i]);
    if (usage->details[0]) printf("\n%s\n", usage->details);
}

static int bad_value(const hg_cli_usage *usage, const hg_cli_flag *flag, const char *expected)
{
    fprintf(stderr, "hitgraph %s: --%s: found \"%s\", expected %s\n", usage->verb, flag->name, optarg, expected);
    return HG_EXIT_USAGE;
}

static int store_value(hg_cli *cli, const hg_cli_usage *usage, const hg_cli_flag *flag, const common_targets *targets)
{
    switch (flag->kind) {
    case HG_CLI_FLAG:
        *(bool *)flag->target = true;
        break;
    case HG_CLI_TEXT:
        *(const char **)flag->target = optarg;
        break;
    case HG_CLI_INT:
        if (!hg_parse_int64(optarg, strlen(optarg), flag->target)) return bad_value(usage, flag, "an integer");
        break;
    case HG_CLI_NUMBER:
        if (!hg_parse_double(optarg, strlen(optarg), flag->target)) return bad_value(usage, flag, "a number");
        break;
    }
    if (flag->target == &targets->setting) {
        if (cli->n_settings == HG_CLI_MAX_SETTINGS) return bad_value(usage, flag, "at most 256 settings");
        cli->setting[cli->n_settings++] = optarg;
    }
    return -1;
}

static int apply_common(hg_cli *cli, const hg_cli_usage *usage, const common_targets *targets)
{
    if (targets->memory_mb < 0) {
        fprintf(stderr, "hitgraph %s: --memory-limit: expected a positive number of megabytes\n", usage->verb);
        return HG_EXIT_USAGE;
    }
    hg_context_set_memory_limit(cli->ctx, (size_t)targets->memory_mb << 20);
    if (targets->threads < 0 || targets->threads > 1024 || hg_context_set_threads(cli->ctx, (int)targets->threads) < 0) {
        fprintf(stderr, "hitgraph %s: --threads: found %lld, expected 0 .. 1024\n", usage->verb, (long long)targets->threads);
        return HG_EXIT_USAGE;
    }
    return -1;
}

static int check_inputs(hg_cli *cli, const hg_cli_usage *usage, int argc, char **argv)
{
    cli->input = argv + optind;
    cli->n_inputs = argc - optind;
    if (cli->n_inputs >= usage->min_inputs && cli->n_inputs <= usage->max_inputs) return -1;
    fprintf(stderr, "hitgraph %s: found %d inputs, expected %s; see hitgraph %s --help\n", usage->verb, cli->n_inputs,
            usage->arguments[0] ? usage->arguments : "none", usage->verb);
    return HG_EXIT_USAGE;
}

int hg_cli_parse(hg_cli *cli, const hg_cli_usage *usage, const hg_cli_flag *flags, int argc, char **argv)
{
    common_targets targets = {0};
    hg_cli_flag table[MAX_FLAGS];
    struct option options[MAX_FLAGS + 1] = {{0}};
    int n_own = 0, n;

    while (flags[n_own].name) n_own++;
    memcpy(table, flags, (size_t)n_own * sizeof *flags);
    n = n_own + fill_common(cli, &targets, table + n_own);
    for (int i = 0; i < n; ++i) {
        options[i] = (struct option){table[i].name, table[i].kind == HG_CLI_FLAG ? no_argument : required_argument, NULL, FIRST_LONG + i};
    }
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":s:h", options, NULL)) != -1;) {
        const char *wanted = code == 's' ? "set" : code == 'h' ? "help" : NULL;
        if (code == '?' || code == ':') {
            fprintf(stderr, "hitgraph %s: %s: %s; see hitgraph %s --help\n", usage->verb, argv[optind - 1],
                    code == ':' ? "needs a value" : "unknown option", usage->verb);
            return HG_EXIT_USAGE;
        }
        int i = code - FIRST_LONG;
        if (wanted) {
            for (i = n_own; strcmp(table[i].name, wanted) != 0;) ++i;
        }
        int exit_code = store_value(cli, usage, &table[i], &targets);
        if (exit_code >= 0) return exit_code;
    }
    if (targets.help) {
        print_help(usage, table, n_own, table + n_own, n - n_own);
        return HG_EXIT_OK;
    }
    int exit_code = apply_common(cli, usage, &targets);
    if (exit_code < 0) hg_log_threads(cli->ctx);
    return exit_code >= 0 ? exit_code : check_inputs(cli, usage, argc, argv);
}

bool hg_cli_names_preset(int argc, char **argv, const char *start)
{
    static const char flag[] = "--preset";
    const size_t length = sizeof flag - 1;
    for (int i = 1; i < argc; ++i) {
        if (strncmp(argv[i], flag, length) != 0) continue;
        const char *name = argv[i][length] == '=' ? argv[i] + length + 1 : argv[i][length] == 0 && i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(name, start, strlen(start)) == 0) return true;
    }
    return false;
}
