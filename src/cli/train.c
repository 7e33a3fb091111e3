/* cli/train.c — the verb train: events with truth in, a trained network out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/train.h"
#include "pipeline/train_run.h"

static hg_status run_train(hg_cli *cli, bool triplets, char *validation, const char *directory, const char *command,
                           hg_train_result *result)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_option *table = NULL;
    hg_train_config *config = NULL;
    char *names[HG_CLI_MAX_VALIDATION];
    const int n_validation = hg_cli_split_list(validation, names, HG_CLI_MAX_VALIDATION);

    HG_CHECK(n_validation >= 0, HG_ERR_ARG, "--validate: more than %d names", HG_CLI_MAX_VALIDATION);
    HG_TRY(hg_alloc(ctx, &config, 1));
    HG_TRY(hg_train_config_table(ctx, &table));
    HG_TRY(hg_config_read(ctx, table, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, config));
    const hg_train_run_options options = {.config = config,
                                          .triplets = triplets,
                                          .training = cli->input,
                                          .n_training = cli->n_inputs,
                                          .validation = names,
                                          .n_validation = n_validation,
                                          .directory = directory,
                                          .command = command};
    HG_TRY(hg_train_run(ctx, &options, result));
done:
    hg_free(ctx, table);
    hg_free(ctx, config);
    return status;
}

static void print_result(const hg_cli *cli, const hg_train_result *r, const char *directory)
{
    if (cli->json) {
        printf("{\"epochs\":%" PRId64 ",\"best_epoch\":%" PRId64
               ",\"validation_loss\":%.6g,\"auc\":%.6g,\"efficiency\":%.6g,\"purity\":%.6g}\n",
               r->epochs, r->best.epoch, r->best.validation_loss, r->best.auc, r->best.efficiency, r->best.purity);
        return;
    }
    printf("%s: %" PRId64 " epochs%s; best %" PRId64 ": validation loss %.5f, AUC %.5f, efficiency %.4f, purity %.4f\n", directory,
           r->epochs, r->stopped_early ? " (stopped early)" : "", r->best.epoch, r->best.validation_loss, r->best.auc, r->best.efficiency,
           r->best.purity);
}

int hg_cli_train(hg_cli *cli, int argc, char **argv)
{
    if (hg_cli_names_preset(argc, argv, "icecube")) return hg_cli_train_pulses(cli, argc, argv);
    static char none[] = "";
    const char *task = "doublets", *validation = none, *directory = NULL;
    const hg_cli_flag flags[] = {
        {"task", HG_CLI_TEXT, &task, "TASK", "doublets (default) or triplets: which network to train"},
        {"validate", HG_CLI_TEXT, &validation, "A,B,...", "events to validate on, as inputs are named, separated by commas"},
        {"out", HG_CLI_TEXT, &directory, "DIR", "directory for model.yaml and weights.safetensors (needed)"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "train",
        .arguments = "INPUT...",
        .summary = "Trains the doublet or the triplet network on events with truth.",
        .details =
            "Events of a neutrino telescope: hitgraph train --preset icecube --help.\n\n"
            "The graph, its map and, for triplets, the doublet network are those of the preset and its settings; train.* settings control\n"
            "the loop: train.architecture, train.sections, train.epochs, train.learning_rate, train.schedule, train.patience,\n"
            "train.checkpoint_directory, train.resume, engine.checkpoint_every (memory against time) and others.\n\n"
            "example:\n  hitgraph train --task doublets --config training.yaml --validate data/event000021006 --out doublet "
            "data/event00002100{0..5}",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    hg_text command = {0};
    hg_train_result result = {0};
    char *names = NULL;

    hg_status status = hg_cli_join_command(cli->ctx, argc, argv, &command);
    int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    const bool triplets = strcmp(task, "triplets") == 0;
    if (exit_code < 0 && (!directory || (!triplets && strcmp(task, "doublets") != 0))) {
        fprintf(stderr, "hitgraph train: %s; see hitgraph train --help\n",
                directory ? "--task: expected doublets or triplets" : "--out DIR is missing");
        exit_code = HG_EXIT_USAGE;
    }
    if (exit_code < 0) {
        if (status >= 0) status = hg_copy_string(cli->ctx, validation, &names);
        if (status >= 0) status = run_train(cli, triplets, names, directory, command.data, &result);
        exit_code = status < 0 ? hg_cli_fail_input(cli, "train", status) : HG_EXIT_OK;
        if (status >= 0) print_result(cli, &result, directory);
    }
    hg_free(cli->ctx, names);
    hg_free(cli->ctx, command.data);
    return exit_code;
}
