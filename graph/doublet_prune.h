/* doublet_prune.h — leaves out candidates that no other one continues. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_PRUNE_H
#define HG_GRAPH_DOUBLET_PRUNE_H

#include "graph/doublet_search.h"

/* Keeps the candidates that match one before or after them as the rule asks; overlaps, whose hits share the other end of kept
 * candidates. *out: sorted by receiver, then sender; released by the caller. Cost: sum over hits of incoming times outgoing candidates.
 * Errors: HG_ERR_NOMEM. Threads: the context's; same result for any number. */
hg_status hg_candidates_prune(hg_context *ctx, const hg_doublet_map *map, hg_neighbour_rule rule, const hg_candidates *candidates,
                              hg_candidates *out);

#endif
