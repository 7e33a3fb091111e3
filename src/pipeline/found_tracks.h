/* pipeline/found_tracks.h — the tracks that a file says were found: a submission, or a file of fitted tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_FOUND_TRACKS_H
#define HG_PIPELINE_FOUND_TRACKS_H

#include "hitgraph/event.h"
#include "hitgraph/tracks_file.h"

typedef struct hg_found_tracks hg_found_tracks;

/* Names ending in .h5 are hitgraph-tracks files, all others submissions. *out owned by the caller. */
hg_status hg_found_tracks_open(hg_context *ctx, const char *path, hg_found_tracks **out);
void hg_found_tracks_close(hg_context *ctx, hg_found_tracks *found);

/* What the file says of one event. Tracks of a submission have no fit (status HG_TRACK_FAILED); their hits are in order of distance from
 * the origin. Errors: HG_ERR_DATA the file lacks the event, or its hits are not those of the event. Free with hg_tracks_content_clear. */
hg_status hg_found_tracks_of_event(hg_context *ctx, const hg_found_tracks *found, const hg_event *event, hg_tracks_content *out);

/* Takes hits out of everything that was found, and numbers those that stay anew: their rows in hg_event_select of the same keep [n_hits].
 * Doublets, triplets and seeds with a hit less are no more. Errors: HG_ERR_NOMEM; *content is then untouched. */
hg_status hg_found_tracks_drop_hits(hg_context *ctx, const uint8_t *keep, int64_t n_hits, hg_tracks_content *content);

#endif
