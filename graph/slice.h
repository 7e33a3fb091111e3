/* graph/slice.h — some graphs of a batch as a batch of their own. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_SLICE_H
#define HG_GRAPH_SLICE_H

#include "hitgraph/graph.h"

/* Copies graphs first .. end - 1 of a batch that is not bipartite; caller_edge is the place in the slice. *out: hg_graph_destroy by the
 * caller; untouched on error. Errors: HG_ERR_NOMEM. */
hg_status hg_graph_slice(hg_context *ctx, const hg_graph *graph, int64_t first, int64_t end, hg_graph **out);

#endif
