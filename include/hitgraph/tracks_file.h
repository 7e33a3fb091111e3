/* hitgraph/tracks_file.h — tracks of the project's HDF5 files as input, with what led to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRACKS_FILE_H
#define HITGRAPH_TRACKS_FILE_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/event.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One event of a hitgraph-tracks file. Hits are rows of the event's hit table. All arrays owned; parts that the file lacks are NULL with n
 * = 0. */
typedef struct hg_tracks_content {
    hg_tracks *tracks;
    int64_t n_seeds, n_doublets, n_triplets;
    int32_t *seed_hit;    /* [n_seeds, 3] from inside out */
    int32_t *doublet_hit; /* [n_doublets, 2] */
    float *doublet_score; /* [n_doublets] */
    int32_t *triplet_hit; /* [n_triplets, 3] */
    float *triplet_score; /* [n_triplets] */
} hg_tracks_content;

/** Reads one event of a tracks file.
 *  @param hits borrowed; the event's hits, which the numbers in the file are looked up in. @param out untouched on error.
 *  @return HG_OK; HG_ERR_IO, HG_ERR_FORMAT damaged or no such file; HG_ERR_DATA the file lacks the event, or names a hit that the event
 * lacks (message: which); HG_ERR_LIMIT; HG_ERR_NOMEM. Threads: one at a time (HDF5 has one global state). */
HG_API hg_status hg_tracks_content_read(hg_context *ctx, const char *path, uint64_t event_id, const hg_hits *hits, hg_tracks_content *out);
/** Frees the arrays and zeroes the struct. */
HG_API void hg_tracks_content_clear(hg_context *ctx, hg_tracks_content *content);

#ifdef __cplusplus
}
#endif
#endif
