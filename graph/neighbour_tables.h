/* neighbour_tables.h — candidates judged by those that continue them and those that compete with them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_NEIGHBOUR_TABLES_H
#define HG_GRAPH_NEIGHBOUR_TABLES_H

#include "graph/doublet_incoming.h"
#include "graph/doublet_measure.h"

enum { HG_LINK_CELLS = HG_LINK_BINS * HG_LINK_BINS, HG_NEIGHBOUR_CELLS = HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS };

static const float hg_no_support = -1e30f; /* nothing continues the doublet on that side */

static inline int32_t hg_link_bin(float difference, float reach)
{
    return hg_doublet_clamped_bin(sqrtf(difference / reach) * (float)HG_LINK_BINS, HG_LINK_BINS);
}

/* Differences in triplet windows, below the reach. */
static inline int32_t hg_link_cell(float bend, float slope, float reach)
{
    return hg_link_bin(bend, reach) * HG_LINK_BINS + hg_link_bin(slope, reach);
}

/* Log odds of candidates across layers, [n] by candidate; those inside a layer hold nothing. [0] at the sender, [1] at the receiver. Arrays
 * owned. */
typedef struct hg_neighbour_scores {
    float *support[2], *refined, *lead[2];
} hg_neighbour_scores;
void hg_neighbour_scores_release(hg_context *ctx, hg_neighbour_scores *scores);

/* What added to a candidate's score gives its log odds. */
float hg_candidate_offset(const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_options *options);

/* The steps, in their order; each asks for what the one before found. map->neighbours is not NULL.
 * Errors: HG_ERR_NOMEM. Threads: the context's; same bits for any number. Cost of the first: sum over hits of incoming times outgoing
 * candidates; of the second: linear. */
hg_status hg_neighbours_support(hg_context *ctx, const hg_doublet_map *map, float offset, const hg_candidates *candidates,
                                const hg_incoming_index *incoming, hg_neighbour_scores *scores);
hg_status hg_neighbours_refine(hg_context *ctx, const hg_doublet_map *map, float offset, const hg_candidates *candidates,
                               const hg_incoming_index *incoming, hg_neighbour_scores *scores);
/* The final score of candidate k. Pure. */
float hg_neighbours_final(const hg_doublet_map *map, const hg_neighbour_scores *scores, int64_t k);

/* Cells of both tables of candidate k. Pure. */
int32_t hg_neighbour_cell(const hg_neighbour_axes *axes, const hg_neighbour_scores *scores, float score, int64_t k);
int32_t hg_rival_cell(const hg_neighbour_axes *axes, const hg_neighbour_scores *scores, int64_t k);

#endif
