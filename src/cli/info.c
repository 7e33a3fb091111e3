/* cli/info.c — the verb info: the effective configuration, or what a model directory holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/info_model.h"
#include "cli/pulses.h"
#include "datasets/telescope.h"
#include "pipeline/classify_config.h"
#include "pipeline/track_config.h"

static hg_status simulation_text(hg_cli *cli, char **text)
{
    hg_telescope_options options;
    const hg_status status =
        hg_config_read(cli->ctx, hg_telescope_option_table, cli->preset, cli->config, cli->setting, cli->n_settings, &options);
    return status < 0 ? status : hg_options_print(cli->ctx, hg_telescope_option_table, &options, true, text);
}

static hg_status classification_text(hg_cli *cli, char **text)
{
    hg_status status = HG_OK;
    hg_classify_config config;
    hg_option *table = NULL;
    HG_TRY(hg_classify_config_read(cli->ctx, cli->preset, cli->config, cli->setting, cli->n_settings, &config));
    HG_TRY(hg_classify_config_table(cli->ctx, &table));
    HG_TRY(hg_options_print(cli->ctx, table, &config, true, text));
done:
    hg_free(cli->ctx, table);
    return status;
}

static hg_status tracking_text(hg_cli *cli, char **text)
{
    hg_track_config config;
    const char *preset = cli->preset ? cli->preset : "trackml";
    const hg_status status = hg_track_config_read(cli->ctx, preset, cli->config, cli->setting, cli->n_settings, &config);
    return status < 0 ? status : hg_options_print(cli->ctx, hg_track_option_table, &config, true, text);
}

/* A preset belongs to the table that knows its settings: by its name, or, where it is a file, the first table that reads it. */
static hg_status print_config(hg_cli *cli)
{
    const char *preset = cli->preset ? cli->preset : "trackml";
    char *text = NULL;
    hg_status status;
    if (strcmp(preset, "icecube") == 0) {
        status = simulation_text(cli, &text);
    } else if (strncmp(preset, "icecube-", strlen("icecube-")) == 0) {
        status = classification_text(cli, &text);
    } else {
        status = strchr(preset, '.') ? simulation_text(cli, &text) : HG_ERR_CONFIG;
        if (status == HG_ERR_CONFIG && strchr(preset, '.')) status = classification_text(cli, &text);
        if (status == HG_ERR_CONFIG) status = tracking_text(cli, &text);
    }
    if (status >= 0) fputs(text, stdout);
    hg_free(cli->ctx, text);
    return status;
}

/* `info --config` asks for the configuration; `info --config FILE` names a file to apply. */
static void rename_bare_config(int argc, char **argv)
{
    static char settings[] = "--settings";
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--config") == 0 && (i + 1 == argc || argv[i + 1][0] == '-')) argv[i] = settings;
    }
}

int hg_cli_info(hg_cli *cli, int argc, char **argv)
{
    bool show_config = false;
    hg_cli_pulse_flags pulses = {.no_truth = false};
    hg_cli_model_flags model = {.nodes = 120000, .edges = 1000000, .graphs = 1};
    const hg_cli_flag flags[] = {
        {"settings", HG_CLI_FLAG, &show_config, NULL,
         "print the effective configuration as YAML, with the meaning of each setting; --config without a file does the same"},
        HG_CLI_MODEL_FLAGS(model),
        HG_CLI_PULSE_FLAGS(pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "info",
        .arguments = "[MODEL|FILE]",
        .summary =
            "Prints the effective configuration of a preset, the shape and the cost of a model, or what a file of telescope events holds.",
        .details = "examples:\n  hitgraph info --config --preset trackml > my.yaml\n  hitgraph info models/trackml/doublet\n"
                   "  hitgraph info models/architectures/acorn_ignn.yaml --nodes 12000 --edges 100000\n"
                   "  hitgraph info --config --preset icecube > telescope.yaml\n  hitgraph info --config --preset icecube-classify > "
                   "classifier.yaml\n  hitgraph info events.db",
        .min_inputs = 0,
        .max_inputs = 1,
    };
    rename_bare_config(argc, argv);
    int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (!show_config && cli->n_inputs == 0) show_config = true;
    if (!show_config && hg_cli_is_pulse_file(cli, cli->input[0])) return hg_cli_info_pulses(cli, &pulses);
    hg_status status = show_config ? print_config(cli) : HG_OK;
    if (status >= 0 && cli->n_inputs == 1) status = hg_cli_info_model(cli, &model);
    return status < 0 ? hg_cli_fail_input(cli, "info", status) : HG_EXIT_OK;
}
