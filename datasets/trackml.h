/* datasets/trackml.h — what the readers and writers of TrackML files share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_TRACKML_H
#define HG_DATASETS_TRACKML_H

#include <limits.h>
#include "hitgraph/trackml.h"

/* Finds PREFIX-<part>.csv, .csv.gz or .csv.zst, in this order; path is the first that exists, else the last one looked for. */
bool hg_trackml_find(const char *prefix, const char *part, char path[PATH_MAX]);

/* Reads one event from its CSV files; arguments and errors as hg_event_read. */
hg_status hg_trackml_read(hg_context *ctx, const char *prefix, uint64_t event_id, unsigned parts, hg_event **out);

#endif
