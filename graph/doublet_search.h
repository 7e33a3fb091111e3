/* doublet_search.h — all candidate doublets of an event that a map accepts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_SEARCH_H
#define HG_GRAPH_DOUBLET_SEARCH_H

#include "graph/doublet_score.h"

/* Candidates sorted by sender, then in the order of the search. Arrays owned. */
typedef struct hg_candidates {
    int64_t n, n_hits;
    int64_t *first;             /* [n_hits + 1] by sender */
    hg_scored_doublet *doublet; /* [n] */
} hg_candidates;

/* hits: those of the grid. Errors: HG_ERR_ARG no module map in its mode, HG_ERR_MODEL one of another detector, HG_ERR_LIMIT, HG_ERR_NOMEM.
 * Threads: the context's; same bits for any number. */
hg_status hg_candidates_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                               const hg_doublet_options *options, hg_candidates *out);
void hg_candidates_release(hg_context *ctx, hg_candidates *candidates);

#endif
