/* doublet_window.c — the hits that may follow a hit in the windows of a layer pair. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "graph/doublet_bounds.h"
#include "graph/doublet_measure.h"
#include "graph/doublet_score.h"

/* hits are rounded to float: windows are this much wider than the cuts that follow */
static const float dphi_slack = 1e-4f, c_slack = 1e-2f;

/* Range of c around the straight line through the inner hit; unlimited where there is no such line. */
static void window_along(const hg_doublet_map *map, const hg_hit_grid *g, const hg_doublet_pair *p, int32_t i, float *low, float *high)
{
    const hg_point from = hg_grid_point(g, i);
    const int32_t to = p->outer;
    *low = -INFINITY;
    *high = INFINITY;
    float straight = hg_doublet_straight(p->inner == to, g->barrel[p->inner], g->barrel[to], &from, map->layer_r[to], map->layer_z[to]);
    if (!isfinite(straight)) return;
    const float *reach = p->reach[hg_doublet_c_bin(g->c[i], p->c_low[0], p->c_high[0])];
    *low = straight + reach[0] - c_slack;
    *high = straight + reach[1] + c_slack;
}

int32_t hg_doublet_search_inside(const hg_doublet_map *map, const hg_hit_grid *g, int32_t pair, int32_t i, const hg_doublet_bounds *bounds,
                                 int32_t *found)
{
    const hg_doublet_pair *p = &map->pair[pair];
    float low, high;
    window_along(map, g, p, i, &low, &high);
    if (!g->barrel[p->outer]) low = fmaxf(low, g->r[i]); /* only what lies farther out follows */
    return g->kernels->search(g, i, p->outer, bounds, low, high, found);
}

int32_t hg_doublet_search(const hg_doublet_map *map, const hg_hit_grid *g, int32_t pair, int32_t i, int32_t *found)
{
    const hg_doublet_pair *p = &map->pair[pair];
    if (p->inner != p->outer) {
        hg_doublet_bounds bounds;
        hg_doublet_bounds_all(g, p, &bounds);
        return hg_doublet_search_inside(map, g, pair, i, &bounds, found);
    }
    float low, high;
    window_along(map, g, p, i, &low, &high);
    float r = 0.5f * (g->r[i] + (g->barrel[p->outer] ? g->r[i] : fmaxf(low, 0)));
    return hg_hit_grid_query(g, p->outer, low, high, g->phi[i], p->bend_max / fmaxf(r, 1) + dphi_slack, found);
}
