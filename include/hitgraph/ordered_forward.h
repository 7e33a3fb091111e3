/* hitgraph/ordered_forward.h — models on a renumbered graph, and part by part. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_ORDERED_FORWARD_H
#define HITGRAPH_ORDERED_FORWARD_H

#include "hitgraph/model.h"
#include "hitgraph/order.h"
#include "hitgraph/partition.h"

#ifdef __cplusplus
extern "C" {
#endif

/** hg_model_forward on the renumbered graph: attributes and outputs stay in the old order.
 *  Results equal those of the old order to rounding (1e-6 for logits of order 1): sums over outgoing edges take another order.
 *  @param batch borrowed; of the old graph. @param order borrowed; of that graph; NULL = hg_model_forward as it is.
 *  @return as hg_model_forward; HG_ERR_ARG an order of another graph, or a batch with levels. Threads: the context's; the same bits for any
 * number. */
HG_API hg_status hg_model_forward_ordered(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_order *order,
                                          const hg_outputs *out);

/** How many layers of foreign nodes a part needs around it so that the outputs of its nodes and edges are exact: one per update of nodes
 *  from edges, and one more for edges that reach into the part.
 *  @param layers overwritten. @return HG_OK; HG_ERR_ARG the outputs depend on whole graphs (batch norm, reduced globals,
 *  global outputs, searched edges, coarser levels).
 */
HG_API hg_status hg_model_halo_layers(hg_context *ctx, const hg_model *model, int64_t *layers);

/** hg_model_forward one part after the other, each with the halo that it needs: needs the memory of the largest part instead of that of
 *  the graph, and computes halos several times. The outputs have the bits of hg_model_forward.
 *  @param batch borrowed; of the partition's graph. @param out arrays of the whole graph; globals must be NULL.
 *  @return as hg_model_forward, hg_model_halo_layers and hg_part_create; outputs of parts done before an error are overwritten. */
HG_API hg_status hg_model_forward_parts(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_partition *partition,
                                        const hg_outputs *out);

#ifdef __cplusplus
}
#endif
#endif
