/* hitgraph/components.h — connected components of a graph. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_COMPONENTS_H
#define HITGRAPH_COMPONENTS_H

#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Weakly connected components: nodes that kept edges join, whatever their direction.
 *
 *  Union-find in which the smaller node is always the root, with path halving: the result does not depend on the order of edges.
 *
 *  @param graph     borrowed; N nodes, E edges.
 *  @param keep      borrowed; [E] 0 = edge left out; NULL = all are kept.
 *  @param component [N] overwritten: number of each node's component; components are numbered 0, 1, ... by their smallest node.
 *  @param n_components set to the number of components. May be NULL.
 *  @return HG_OK. Cost: O(N + E log N) at worst. Threads: reentrant; uses one. */
HG_API hg_status hg_graph_components(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, int32_t *component,
                                     int64_t *n_components);

#ifdef __cplusplus
}
#endif
#endif
