/* triplet_match.h — how well two doublets that share a hit agree, and the conditions made of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_TRIPLET_MATCH_H
#define HG_GRAPH_TRIPLET_MATCH_H

#include <math.h>
#include "hitgraph/doublets.h"

/* Distance of doublet a = (i -> j) and b = (j -> k) in units of the learned windows; d: signed parts of curvature and slope. */
static inline float hg_triplet_match(const hg_doublet_map *map, int32_t pair_a, int32_t pair_b, float kappa_a, float kappa_b, float cot_a,
                                     float cot_b, float d[2])
{
    int64_t at = (int64_t)pair_a * map->n_pairs + pair_b;
    float kappa = 0.5f * (kappa_a + kappa_b), cot = 0.5f * (cot_a + cot_b);
    d[0] = (kappa_b - kappa_a) / (map->triplet_kappa[at] * (1e-4f + fabsf(kappa)));
    d[1] = (cot_b - cot_a) / (map->triplet_cot[at] * (1 + fabsf(cot)));
    float bend = fabsf(d[0]), slope = fabsf(d[1]);
    float larger = bend > slope ? bend : slope; /* fmaxf without a call */
    return larger == larger ? larger : bend;
}

static inline float hg_doublets_match(const hg_doublet_graph *g, const hg_doublet_map *map, int64_t a, int64_t b)
{
    float d[2];
    return hg_triplet_match(map, g->pair[a], g->pair[b], g->kappa[a], g->kappa[b], g->cot[a], g->cot[b], d);
}

/* Marks the edges that have a neighbour with a match below the window on at least one side; overlaps: whose hits share a marked neighbour.
 * keep: [E] overwritten. Threads: the context's; same result for any number. */
hg_status hg_doublets_mark_consistent(hg_context *ctx, const hg_doublet_graph *doublets, const hg_doublet_map *map, float window,
                                      uint8_t *keep);

/* Number of hits that both ends of an overlap e are joined to by edges with keep (NULL = all) across layers: [0] inside, [1] outside. */
void hg_overlap_neighbours(const hg_doublet_graph *doublets, const uint8_t *keep, int64_t e, int32_t count[2]);

#endif
