/* hitgraph/submission.h — TrackML submissions as input: which track each hit was given to. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_SUBMISSION_H
#define HITGRAPH_SUBMISSION_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rows of a submission, sorted by event, then hit; each pair once. All arrays [n], owned. */
typedef struct hg_labels {
    int64_t n;
    uint64_t *event_id, *hit_id;
    int64_t *track_id; /* >= 0; 0 = no track */
} hg_labels;

/** Reads event_id,hit_id,track_id (columns and rows in any order, .gz and .zst too).
 *  @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_IO cannot be read; HG_ERR_FORMAT columns, fields, numbers; HG_ERR_DATA a hit twice, a negative track (messages say
 *  file and line); HG_ERR_LIMIT; HG_ERR_NOMEM. Cost: O(n log n). Threads: reentrant. */
HG_API hg_status hg_labels_read(hg_context *ctx, const char *path, hg_labels **out);
/** Frees labels; NULL is fine. */
HG_API void hg_labels_destroy(hg_context *ctx, hg_labels *labels);

/** Labels of one event in the order of its hit rows.
 *  @param label [hits->n] owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_DATA the submission lacks a hit of the event, or has one that the event lacks (message: which); HG_ERR_NOMEM.
 *  Cost: O(n log n). Threads: reentrant. */
HG_API hg_status hg_labels_of_event(hg_context *ctx, const hg_labels *labels, uint64_t event_id, const hg_hits *hits, int64_t *label);

#ifdef __cplusplus
}
#endif
#endif
