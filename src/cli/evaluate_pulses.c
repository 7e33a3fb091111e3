/* cli/evaluate_pulses.c — the verb evaluate for a neutrino telescope: scores against the truth, baselines beside them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "pipeline/classify_config.h"
#include "pipeline/classify_report.h"

typedef struct evaluate_request {
    bool baselines;
    const char *signal;
    hg_cli_pulse_flags pulses;
} evaluate_request;

static hg_status read_signal(hg_cli *cli, const char *signal, hg_heads *heads)
{
    char setting[HG_OPTION_TEXT_SIZE];
    const char *settings[] = {setting};
    hg_classify_config config;
    snprintf(setting, sizeof setting, "classify.signal=%s", signal ? signal : "through,starting,cascade");
    const hg_status status = hg_classify_config_read(cli->ctx, NULL, NULL, settings, 1, &config);
    return status < 0 ? status : hg_classify_heads(cli->ctx, &config, heads);
}

static hg_status evaluate(hg_cli *cli, const evaluate_request *asked, hg_pulse_report *left_out)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_pulse_read_options reading;
    hg_pulse_events *events = NULL;
    hg_score_table scores = {0};
    hg_baselines baselines = {0};
    hg_heads heads;
    json_t *report = NULL;
    char *text = NULL;

    HG_TRY(hg_cli_pulse_options(cli, &asked->pulses, &reading));
    HG_TRY(read_signal(cli, asked->signal, &heads));
    reading.truth = HG_TRUTH_NEEDED;
    HG_TRY(hg_score_table_read(ctx, cli->input[0], &scores));
    HG_TRY(hg_pulse_events_read(ctx, cli->input[1], &reading, left_out, &events));
    if (asked->baselines) HG_TRY(hg_baselines_make(ctx, events, true, &baselines));
    hg_classify_report_options options = {.baselines = asked->baselines ? &baselines : NULL};
    memcpy(options.is_signal, heads.is_signal, sizeof options.is_signal);
    HG_TRY(hg_classify_report(ctx, &scores, events, &options, &report));
    HG_TRY(cli->json ? hg_json_print(ctx, report, &text) : hg_classify_report_print(ctx, report, &text));
    printf(cli->json ? "%s\n" : "%s", text);
done:
    json_decref(report);
    hg_free(ctx, text);
    hg_baselines_clear(ctx, &baselines);
    hg_score_table_clear(ctx, &scores);
    hg_pulse_events_destroy(ctx, events);
    return status;
}

int hg_cli_evaluate_pulses(hg_cli *cli, int argc, char **argv)
{
    evaluate_request asked = {0};
    hg_pulse_report left_out = {0};
    const hg_cli_flag flags[] = {
        {"baselines", HG_CLI_FLAG, &asked.baselines, NULL,
         "also what is done without a network: LineFit, charge and its centre, hit count, outer-layer veto, Pandel likelihood"},
        {"signal", HG_CLI_TEXT, &asked.signal, "A,B,...", "classes that are signal; default through,starting,cascade"},
        HG_CLI_PULSE_FLAGS(asked.pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "evaluate",
        .arguments = "SCORES.h5|SCORES.csv EVENTS",
        .summary = "Compares the scores of hitgraph classify with the truth of a telescope's events.",
        .details = "ROC area and efficiency at fixed false positive rates with Wilson intervals of 68 %, calibration, opening angles,\n"
                   "pulls and coverage of predicted widths: over all events, by class, energy and the number of pulses.\n"
                   "Simulated events say nothing of a real telescope's performance.\n\n"
                   "example:\n  hitgraph evaluate --baselines scores.csv events.h5",
        .min_inputs = 2,
        .max_inputs = 2,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const hg_status status = evaluate(cli, &asked, &left_out);
    hg_cli_print_left_out(cli, usage.verb, &left_out);
    if (status < 0) return hg_cli_fail_input(cli, usage.verb, status);
    return left_out.n_left_out > 0 ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
}
