/* pipeline/usable_hits.h — hits that lie where their module is not: left out of the event, which is tracked without them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_USABLE_HITS_H
#define HG_PIPELINE_USABLE_HITS_H

#include "pipeline/track_pipeline.h"

/* Marks the hits that lie on their modules, keep [n hits] = 1, and warns of the others. *n_left_out gets their number.
 * Errors: HG_ERR_DATA more than a fifth of all: the event is of another detector. */
hg_status hg_usable_hits(hg_context *ctx, const hg_setup *setup, const hg_event *event, uint8_t *keep, int64_t *n_left_out);

#endif
