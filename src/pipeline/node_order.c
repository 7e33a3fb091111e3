/* pipeline/node_order.c — where the nodes of an event's graphs lie in the detector, and their order by it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/node_order.h"

#include <math.h>

#include "base/check.h"
#include "base/memory.h"

/* hit: [n_nodes] row of the hit that stands for each node; NULL = the node's own number. */
static hg_status order_nodes(hg_context *ctx, const hg_track_config *config, const hg_doublet_hits *hits, const hg_graph *graph,
                             const int32_t *hit, hg_order **out)
{
    hg_status status = HG_OK;
    int32_t *layer = NULL;
    float *phi = NULL;
    hg_order_options options = hg_order_default_options();
    options.kind = (hg_order_kind)config->engine_order;
    options.part_nodes = config->engine_part_nodes;
    if (options.kind == HG_ORDER_NONE) {
        *out = NULL;
        return HG_OK;
    }
    HG_TRY(hg_alloc(ctx, &layer, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &phi, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        const int64_t h = hit ? hit[i] : i;
        layer[i] = hits->layer[h];
        phi[i] = atan2f((float)hits->y[h], (float)hits->x[h]);
    }
    options.layer = layer;
    options.phi_rad = phi;
    HG_TRY(hg_order_create(ctx, graph, &options, out));
done:
    hg_free(ctx, layer);
    hg_free(ctx, phi);
    return status;
}

hg_status hg_hit_order(hg_context *ctx, const hg_track_config *config, const hg_track_result *result, hg_order **out)
{
    return order_nodes(ctx, config, &result->prepared->hits, result->doublets->graph, NULL, out);
}

hg_status hg_doublet_order(hg_context *ctx, const hg_track_config *config, const hg_track_result *result, hg_order **out)
{
    hg_status status = HG_OK;
    int32_t *hit = NULL;
    HG_TRY(hg_alloc(ctx, &hit, result->line->n_nodes));
    for (int64_t d = 0; d < result->line->n_nodes; ++d) hit[d] = result->doublets->graph->sender[result->line_doublet[d]];
    HG_TRY(order_nodes(ctx, config, &result->prepared->hits, result->line, hit, out));
done:
    hg_free(ctx, hit);
    return status;
}
