/* hitgraph/line_graph.h — triplets as edges between doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_LINE_GRAPH_H
#define HITGRAPH_LINE_GRAPH_H

#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Builds the line graph of a doublet graph: its nodes are the kept doublets, its edges the pairs of doublets that share a middle hit.
 *
 *  Doublet a = (i -> j) and doublet b = (j -> k) give the triplet edge a -> b. Edges are sorted by b, then a.
 *  Source: arXiv:2007.00149, section 3.
 *
 *  @param ctx      borrowed; allocator, limits, threads, message.
 *  @param graph    borrowed; N hits, E doublets.
 *  @param keep     borrowed; [E] 0 = doublet left out; NULL = all are kept.
 *  @param doublet  owned by the caller (hg_free), created by this call: [line->n_nodes] edge of `graph` that each node stands for. May be
 * NULL.
 *  @param out      owned by the caller, created by this call; untouched on error.
 *  @return HG_OK; HG_ERR_LIMIT more triplets than 2^31 - 1 (message: how many); HG_ERR_NOMEM.
 *  Cost: sum over hits of in-degree x out-degree. Threads: reentrant; same result for any number of threads. */
HG_API hg_status hg_line_graph_build(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, int64_t **doublet, hg_graph **out);

#ifdef __cplusplus
}
#endif
#endif
