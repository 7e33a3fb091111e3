/* pipeline/learn_maps.h — learns doublet maps from events with truth, one per luminous length. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_LEARN_MAPS_H
#define HG_PIPELINE_LEARN_MAPS_H

#include "pipeline/labelled_event.h"

/* Groups the events by their luminous length (those within a factor of 2.5 belong together) and learns a map from each group.
 * *map, an array of *n_maps, is owned by the caller (hg_doublet_map_destroy each, hg_free). */
hg_status hg_learn_maps(hg_context *ctx, const hg_labelled_events *events, const hg_doublet_learn_options *options, hg_doublet_map ***map,
                        int64_t *n_maps);

#endif
