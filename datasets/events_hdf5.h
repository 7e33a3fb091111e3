/* datasets/events_hdf5.h — events inside a hitgraph-events file, for the common listing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_EVENTS_HDF5_H
#define HG_DATASETS_EVENTS_HDF5_H

#include "hitgraph/event.h"

/* Event numbers of a file, in file order; *ids owned by the caller. */
hg_status hg_events_h5_ids(hg_context *ctx, const char *path, uint64_t **ids, int64_t *n);

/* Reads event number `index` of a file; arguments and errors as hg_event_read. */
hg_status hg_events_h5_read(hg_context *ctx, const char *path, int64_t index, unsigned parts, hg_event **out);

#endif
