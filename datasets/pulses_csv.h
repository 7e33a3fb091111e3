/* datasets/pulses_csv.h — telescope events from CSV: Kaggle's batches, KM3NeT's event, exported pulse tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSES_CSV_H
#define HG_DATASETS_PULSES_CSV_H

#include "hitgraph/pulse_files.h"

/* As hg_pulse_events_read, for files of these kinds (datasets/pulse_kind.h). */
hg_status hg_kaggle_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                         hg_pulse_events **out);
hg_status hg_km3net_read(hg_context *ctx, const char *path, hg_pulse_report *report, hg_pulse_events **out);
hg_status hg_pulse_export_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                               hg_pulse_events **out);

#endif
