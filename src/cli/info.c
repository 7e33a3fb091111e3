/* cli/info.c — the verb info: the effective configuration, or what a model directory holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/data_path.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "hitgraph/model.h"
#include "pipeline/track_config.h"

static hg_status print_config(hg_cli *cli)
{
    hg_track_config config;
    char *text = NULL;
    hg_status status =
        hg_track_config_read(cli->ctx, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, &config);
    if (status >= 0) status = hg_options_print(cli->ctx, hg_track_option_table, &config, true, &text);
    if (status >= 0) fputs(text, stdout);
    hg_free(cli->ctx, text);
    return status;
}

static void print_model_table(const hg_model *model, const char *path)
{
    const hg_model_widths w = hg_model_get_widths(model);
    printf("model %s\n  reads  %" PRId64 " node, %" PRId64 " edge, %" PRId64 " global features\n  gives  %" PRId64 " node, %" PRId64
           " edge, %" PRId64 " global numbers\n  %" PRId64 " parameters in %" PRId64 " tensors\n",
           path, w.node_in, w.edge_in, w.global_in, w.node_out, w.edge_out, w.global_out, hg_model_n_parameters(model),
           hg_model_n_tensors(model));
    for (int64_t i = 0; i < hg_model_n_tensors(model); ++i) {
        const hg_tensor tensor = hg_model_tensor(model, i);
        printf("  %-36s [", tensor.name);
        for (int k = 0; k < tensor.rank; ++k) printf("%s%" PRId64, k ? ", " : "", tensor.shape[k]);
        printf("]\n");
    }
    static const char *const keys[] = {"command", "seed", "events"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; ++k) {
        const char *value = hg_model_metadata(model, keys[k]);
        if (value) printf("  %s: %s\n", keys[k], value);
    }
}

static hg_status print_model_json(hg_cli *cli, const hg_model *model, const char *path)
{
    const hg_model_widths w = hg_model_get_widths(model);
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "model", path, "node_in", (json_int_t)w.node_in, "edge_in",
                             (json_int_t)w.edge_in, "edge_out", (json_int_t)w.edge_out, "parameters",
                             (json_int_t)hg_model_n_parameters(model), "tensors", (json_int_t)hg_model_n_tensors(model));
    char *text = NULL;
    hg_status status = hg_json_print(cli->ctx, root, &text);
    if (status >= 0) printf("%s\n", text);
    hg_free(cli->ctx, text);
    json_decref(root);
    return status;
}

static hg_status print_model(hg_cli *cli, const char *name)
{
    char path[HG_PATH_SIZE];
    hg_model *model = NULL;
    hg_status status = hg_data_path(cli->ctx, name, path);
    if (status >= 0) status = hg_model_load(cli->ctx, path, &model);
    if (status >= 0 && cli->json)
        status = print_model_json(cli, model, path);
    else if (status >= 0)
        print_model_table(model, path);
    hg_model_destroy(cli->ctx, model);
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
    const hg_cli_flag flags[] = {
        {"settings", HG_CLI_FLAG, &show_config, NULL,
         "print the effective configuration as YAML, with the meaning of each setting; --config without a file does the same"},
        HG_CLI_PULSE_FLAGS(pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "info",
        .arguments = "[MODEL_DIRECTORY|FILE]",
        .summary = "Prints the effective configuration of a preset, the shape of a model, or what a file of telescope events holds.",
        .details = "examples:\n  hitgraph info --config --preset trackml > my.yaml\n  hitgraph info models/trackml/doublet\n"
                   "  hitgraph info --config --preset icecube > telescope.yaml\n  hitgraph info events.db",
        .min_inputs = 0,
        .max_inputs = 1,
    };
    rename_bare_config(argc, argv);
    int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (!show_config && cli->n_inputs == 0) show_config = true;
    if (!show_config && hg_cli_is_pulse_file(cli, cli->input[0])) return hg_cli_info_pulses(cli, &pulses);
    hg_status status = show_config ? print_config(cli) : HG_OK;
    if (status >= 0 && cli->n_inputs == 1) status = print_model(cli, cli->input[0]);
    return status < 0 ? hg_cli_fail_input(cli, "info", status) : HG_EXIT_OK;
}
