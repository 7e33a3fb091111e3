/* triplet_match.h — how well two doublets that share a hit agree, and the conditions made of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_TRIPLET_MATCH_H
#define HG_GRAPH_TRIPLET_MATCH_H

#include <math.h>
#include "hitgraph/doublets.h"

static const float hg_no_match = 99;

static const float hg_least_kappa = 1e-4f, hg_least_cot = 1; /* added to sizes */

/* Signed change from a to b in units of a window that grows with their size. */
static inline float hg_window_units(float a, float b, float window, float least)
{
    return (b - a) / (window * (least + fabsf(0.5f * (a + b))));
}

static inline float hg_kappa_units(float kappa_a, float kappa_b, float window)
{
    return hg_window_units(kappa_a, kappa_b, window, hg_least_kappa);
}

static inline float hg_cot_units(float cot_a, float cot_b, float window)
{
    return hg_window_units(cot_a, cot_b, window, hg_least_cot);
}

static inline float hg_larger_of(float kappa_units, float cot_units)
{
    float bend = fabsf(kappa_units), slope = fabsf(cot_units);
    float larger = bend > slope ? bend : slope; /* fmaxf without a call */
    return larger == larger ? larger : bend;
}

/* Distance of doublet a = (i -> j) and b = (j -> k) in units of the learned windows; d: signed parts of curvature and slope. */
static inline float hg_triplet_match(const hg_doublet_map *map, int32_t pair_a, int32_t pair_b, float kappa_a, float kappa_b, float cot_a,
                                     float cot_b, float d[2])
{
    int32_t at = pair_a * map->n_pairs + pair_b;
    d[0] = hg_kappa_units(kappa_a, kappa_b, map->triplet_kappa[at]);
    d[1] = hg_cot_units(cot_a, cot_b, map->triplet_cot[at]);
    return hg_larger_of(d[0], d[1]);
}

static inline float hg_doublets_match(const hg_doublet_graph *g, const hg_doublet_map *map, int64_t a, int64_t b)
{
    float d[2];
    return hg_triplet_match(map, g->pair[a], g->pair[b], g->kappa[a], g->kappa[b], g->cot[a], g->cot[b], d);
}

/* Two edges that share a hit, as the first one's receiver. */
typedef struct hg_doublet_link {
    int32_t first, second;
    float match;
} hg_doublet_link;

/* Best matches of every edge across layers with its neighbours, and how many match better than 1: [0] at its sender, [1] at its
 * receiver; hg_no_match where there is none. Overlaps: the numbers of hits that both ends are joined to, inside and outside. Links through
 * hit i in the order of the search: link[i][0 .. n_links[i]). Arrays owned. */
typedef struct hg_doublet_neighbours {
    float *best[2];               /* [E] */
    int32_t *count[2];            /* [E] */
    int64_t *n_links;             /* [N] */
    const hg_doublet_link **link; /* [N] borrowed from found: those that match better than the window asked for */
    int n_found;
    hg_doublet_link **found; /* [n_found] */
} hg_doublet_neighbours;

/* Cost: sum over hits of incoming times outgoing edges. Threads: the context's; same result for any number. */
hg_status hg_doublet_neighbours_find(hg_context *ctx, const hg_doublet_graph *doublets, const hg_doublet_map *map, float link_window,
                                     hg_doublet_neighbours *out);
void hg_doublet_neighbours_clear(hg_context *ctx, hg_doublet_neighbours *neighbours);

#endif
