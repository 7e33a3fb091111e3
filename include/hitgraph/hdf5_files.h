/* hitgraph/hdf5_files.h — the project's own HDF5 files: events, graphs, scores and tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_HDF5_FILES_H
#define HITGRAPH_HDF5_FILES_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/graph.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rules of all writers here: nothing is seen at `path` before the commit; begin gives a file that ends with commit (which frees it, on
 *  failure too) or abort (leaves nothing behind; NULL is fine); same input, same bytes; one thread at a time (HDF5 has one global state).
 *  Errors: HG_ERR_IO, HG_ERR_NOMEM, HG_ERR_ARG. */

/** Where the content of a file comes from. Texts are borrowed, NULL = empty. */
typedef struct hg_provenance {
    const char *source, *license, *citation;
    const char *config; /* effective configuration, YAML text */
    const char *weights_hash, *input_hash;
    uint64_t seed;
} hg_provenance;

/** Events (format hitgraph-events). Read them with hg_event_list_create and hg_event_read. */
typedef struct hg_events_h5 hg_events_h5;
/** @param detector stored as /geometry; NULL = not stored. */
HG_API hg_status hg_events_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_detector *detector,
                                    hg_events_h5 **out);
/** All events of a file have the same parts (cells, truth, particles with or without pdg) as the first one, else HG_ERR_ARG. */
HG_API hg_status hg_events_h5_append(hg_context *ctx, hg_events_h5 *file, const hg_event *event);
HG_API hg_status hg_events_h5_commit(hg_context *ctx, hg_events_h5 *file);
HG_API void hg_events_h5_abort(hg_context *ctx, hg_events_h5 *file);

#ifdef __cplusplus
}
#endif
#endif
