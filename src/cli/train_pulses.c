/* cli/train_pulses.c — the verb train for a neutrino telescope: events with truth in, a classifier out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "cli/train.h"
#include "pipeline/classify_train.h"

typedef struct train_request {
    const char *task, *directory;
    char *validation; /* owned */
    hg_text command;  /* owned */
    hg_cli_pulse_flags pulses;
} train_request;

static hg_status run(hg_cli *cli, const train_request *asked, hg_train_result *result)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_pulse_read_options reading;
    hg_classify_config *config = NULL;
    char *names[HG_CLI_MAX_VALIDATION], task[HG_OPTION_TEXT_SIZE];
    const char *settings[HG_CLI_MAX_SETTINGS + 1];
    const int n_validation = hg_cli_split_list(asked->validation, names, HG_CLI_MAX_VALIDATION);
    int n_settings = 0;

    HG_CHECK(n_validation >= 0, HG_ERR_ARG, "--validate: more than %d names", HG_CLI_MAX_VALIDATION);
    HG_TRY(hg_alloc(ctx, &config, 1));
    if (asked->task) {
        snprintf(task, sizeof task, "classify.task=%s", asked->task);
        settings[n_settings++] = task;
    }
    for (int i = 0; i < cli->n_settings; ++i) settings[n_settings++] = cli->setting[i];
    HG_TRY(hg_cli_pulse_options(cli, &asked->pulses, &reading));
    HG_TRY(hg_classify_config_read(ctx, cli->preset, cli->config, settings, n_settings, config));
    const hg_classify_train_options options = {.config = config,
                                               .reading = &reading,
                                               .training = cli->input,
                                               .n_training = cli->n_inputs,
                                               .validation = names,
                                               .n_validation = n_validation,
                                               .directory = asked->directory,
                                               .command = asked->command.data};
    HG_TRY(hg_classify_train(ctx, &options, result));
done:
    hg_free(ctx, config);
    return status;
}

static void print_result(const hg_cli *cli, const hg_train_result *r, const char *directory)
{
    const bool ranked = r->best.auc == r->best.auc;
    if (cli->json) {
        printf("{\"epochs\":%" PRId64 ",\"best_epoch\":%" PRId64 ",\"validation_loss\":%.6g", r->epochs, r->best.epoch,
               r->best.validation_loss);
        if (ranked) printf(",\"auc\":%.6g", r->best.auc);
        printf("}\n");
        return;
    }
    printf("%s: %" PRId64 " epochs%s; best %" PRId64 ": validation loss %.5f", directory, r->epochs,
           r->stopped_early ? " (stopped early)" : "", r->best.epoch, r->best.validation_loss);
    if (ranked) printf(", AUC %.5f", r->best.auc);
    printf("\n");
}

int hg_cli_train_pulses(hg_cli *cli, int argc, char **argv)
{
    const char *validation = "";
    train_request asked = {0};
    hg_train_result result = {0};
    const hg_cli_flag flags[] = {
        {"task", HG_CLI_TEXT, &asked.task, "A,B,...",
         "heads of the network, of signal class energy quantiles direction vertex; short for classify.task"},
        {"validate", HG_CLI_TEXT, &validation, "A,B,...", "files to validate on; default: a share of the training events"},
        {"out", HG_CLI_TEXT, &asked.directory, "DIR", "directory for model.yaml and weights.safetensors (needed)"},
        HG_CLI_PULSE_FLAGS(asked.pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "train",
        .arguments = "--preset icecube --out DIR INPUT...",
        .summary = "Trains a network on telescope events with truth: HDF5, SQLite or CSV.",
        .details = "Settings: graph.* how events become graphs, classify.* heads and losses, train.* the loop; hitgraph info --config\n"
                   "--preset icecube-classify prints them all. The widths of the logits and errors are calibrated on the validation\n"
                   "events and stored with the weights.\n\nexample:\n"
                   "  hitgraph train --preset icecube --task signal,direction --out model train.h5\n"
                   "  hitgraph train --preset icecube -s train.checkpoint_directory=c -s train.resume=true --out model train.h5",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    hg_status status = hg_cli_join_command(cli->ctx, argc, argv, &asked.command);
    int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code < 0 && !asked.directory) {
        fprintf(stderr, "hitgraph train: --out DIR is missing; see hitgraph train --preset icecube --help\n");
        exit_code = HG_EXIT_USAGE;
    }
    if (exit_code < 0) {
        if (status >= 0) status = hg_copy_string(cli->ctx, validation, &asked.validation);
        if (status >= 0) status = run(cli, &asked, &result);
        exit_code = status < 0 ? hg_cli_fail_input(cli, usage.verb, status) : status == HG_INFO_PARTIAL ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
        if (status >= 0) print_result(cli, &result, asked.directory);
    }
    hg_free(cli->ctx, asked.validation);
    hg_free(cli->ctx, asked.command.data);
    return exit_code;
}
