/* pipeline/node_order.h — the setting engine.order applied to the graphs of an event. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_NODE_ORDER_H
#define HG_PIPELINE_NODE_ORDER_H

#include "hitgraph/order.h"
#include "pipeline/track_config.h"
#include "pipeline/track_result.h"

/* The order of the event's hits as nodes of the doublet graph. *out owned by the caller (hg_order_destroy); NULL for engine.order = none.
 */
hg_status hg_hit_order(hg_context *ctx, const hg_track_config *config, const hg_track_result *result, hg_order **out);

/* The order of doublets as nodes of the line graph; a doublet lies where its inner hit lies. */
hg_status hg_doublet_order(hg_context *ctx, const hg_track_config *config, const hg_track_result *result, hg_order **out);

#endif
