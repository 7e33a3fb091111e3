/* cli/pulses.h — the flags that tell how to read telescope events, the same for all verbs that do. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_CLI_PULSES_H
#define HG_CLI_PULSES_H

#include "cli/cli.h"
#include "hitgraph/pulse_files.h"

typedef struct hg_cli_pulse_flags {
    const char *pulse_table, *truth_table, *geometry, *meta, *direction;
    bool no_truth;
} hg_cli_pulse_flags;

/* Rows of a verb's table of flags. f: a hg_cli_pulse_flags, zeroed. */
#define HG_CLI_PULSE_FLAGS(f)                                                                                                              \
    {"pulse-table", HG_CLI_TEXT, &(f).pulse_table, "NAME", "SQLite: table of pulses, if there are several"},                               \
        {"truth-table", HG_CLI_TEXT, &(f).truth_table, "NAME", "SQLite: table of truth, if there are several"},                            \
        {"direction", HG_CLI_TEXT, &(f).direction, "from|to",                                                                              \
         "what zenith and azimuth of the truth mean where the file does not say (Prometheus)"},                                            \
        {"geometry", HG_CLI_TEXT, &(f).geometry, "FILE", "CSV batches: sensor_geometry.csv (default: beside the batch)"},                  \
        {"meta", HG_CLI_TEXT, &(f).meta, "FILE", "CSV batches: train_meta.csv with the truth (default: beside the batch)"},                \
    {                                                                                                                                      \
        "no-truth", HG_CLI_FLAG, &(f).no_truth, NULL, "leave the truth of telescope events out"                                            \
    }

/* The flags as options; HG_ERR_ARG with a message. */
hg_status hg_cli_pulse_options(hg_cli *cli, const hg_cli_pulse_flags *flags, hg_pulse_read_options *out);

/* True if an input is of telescope events, or a SQLite database by its name. */
bool hg_cli_is_pulse_file(hg_cli *cli, const char *path);

/* What was left out, by reason, for people on stderr. */
void hg_cli_print_left_out(const hg_cli *cli, const char *verb, const hg_pulse_report *report);

/* convert and info for telescope events; the exit code. */
int hg_cli_convert_pulses(hg_cli *cli, const hg_cli_pulse_flags *flags, const char *out);
int hg_cli_info_pulses(hg_cli *cli, const hg_cli_pulse_flags *flags);

/* display for one telescope event, by its place in the file from 0. @param title NULL = the event's number. */
hg_status hg_cli_draw_pulses(hg_cli *cli, const char *path, int64_t event, const char *title, char **svg);

#endif
