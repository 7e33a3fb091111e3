/* datasets/graphnet.h — telescope events from SQLite databases of GraphNeT and Prometheus. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_GRAPHNET_H
#define HG_DATASETS_GRAPHNET_H

#include "hitgraph/pulse_files.h"

/* As hg_pulse_events_read, for a database. */
hg_status hg_graphnet_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                           hg_pulse_events **out);

#endif
