/* doublet_prune.h — leaves out candidates that others speak against. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_PRUNE_H
#define HG_GRAPH_DOUBLET_PRUNE_H

#include "graph/doublet_search.h"

/* Keeps the candidates that the map's tables of neighbours and rivals accept, their scores replaced by the final ones relative to the
 * threshold; without tables, those that match one before or after them as the options ask. Overlaps: those whose hits share the other end
 * of kept candidates. candidates: replaced by what is kept, sorted by receiver, then sender; as they were where nothing prunes and on
 * error. hits: those that the candidates join. Cost: sum over hits of incoming times outgoing candidates. Errors: HG_ERR_NOMEM. Threads:
 * the context's; same bits for any number. */
hg_status hg_candidates_prune(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map, const hg_doublet_options *options,
                              hg_candidates *candidates);

#endif
