/* doublet_incoming.h — candidate doublets once more, by the hits that they come in at. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_INCOMING_H
#define HG_GRAPH_DOUBLET_INCOMING_H

#include "graph/doublet_search.h"

/* Arrays owned. */
typedef struct hg_incoming_index {
    int64_t *first;       /* [n_hits + 1] places of the candidates that come in at each hit */
    hg_incoming *doublet; /* [n] by receiver, then in the order of the candidates */
} hg_incoming_index;

/* Errors: HG_ERR_NOMEM. Threads: the context's; same bits for any number. */
hg_status hg_incoming_create(hg_context *ctx, const hg_doublet_map *map, const hg_candidates *candidates, hg_incoming_index *out);
void hg_incoming_release(hg_context *ctx, hg_incoming_index *incoming);

static inline bool hg_candidate_overlaps(const hg_doublet_map *map, const hg_scored_doublet *d)
{
    return map->pair[d->pair].inner == map->pair[d->pair].outer;
}

#endif
