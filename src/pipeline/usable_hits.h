/* pipeline/usable_hits.h — the hits of an event that are tracked: those of the volumes asked for that lie on their modules. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_USABLE_HITS_H
#define HG_PIPELINE_USABLE_HITS_H

#include "pipeline/track_pipeline.h"

/* Marks the hits of the volumes in use that lie on their modules, keep [n hits] = 1, and warns of those off them. *n_left_out gets the
 * number of all others.
 * Errors: HG_ERR_DATA more than a fifth of all: the event is of another detector. */
hg_status hg_usable_hits(hg_context *ctx, const hg_setup *setup, const hg_event *event, uint8_t *keep, int64_t *n_left_out);

#endif
