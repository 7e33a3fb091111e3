/* doublet_window.c — the hits that may follow a hit in the windows of a layer pair. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_measure.h"
#include "graph/doublet_score.h"

#include <math.h>

/* hits are rounded to float: windows are this much wider than the cuts that follow */
static const float dphi_slack = 1e-4f, c_slack = 1e-2f, bend_slack = 1e-3f;

/* Outer hits across layers that lie in the window and pass the cuts. */
static int32_t search_across(const hg_hit_grid *g, const hg_doublet_pair *p, const hg_point *from, float low, float high, float half,
                             int32_t *found)
{
    hg_grid_run runs[HG_GRID_RUNS];
    float z0_low = p->z0_edge[0], z0_high = p->z0_edge[HG_DOUBLET_Z0_BINS], bend = 0.5f * p->bend_max * from->r;
    const hg_doublet_cut cut = {.x = from->x,
                                .y = from->y,
                                .z = from->z,
                                .r = from->r,
                                .inverse_r2 = 1 / (from->r * from->r),
                                .c_low = low,
                                .c_high = high,
                                .g_max = bend * bend * (1 + bend_slack),
                                .z0_low = z0_low,
                                .z0_high = z0_high,
                                .size = fabsf(from->z) + fmaxf(fabsf(z0_low), fabsf(z0_high))};
    int32_t n_runs = hg_hit_grid_runs(g, p->outer, low, high, from->phi, half, runs);
    return g->kernels->thin_out(g, &cut, runs, n_runs, found);
}

int32_t hg_doublet_search(const hg_doublet_map *map, const hg_hit_grid *g, int32_t pair, int32_t i, int32_t *found)
{
    const hg_doublet_pair *p = &map->pair[pair];
    bool overlap = p->inner == p->outer;
    hg_point from = hg_grid_point(g, i);
    int32_t to = p->outer;
    float low = -INFINITY, high = INFINITY;
    float straight = hg_doublet_straight(overlap, g->barrel[p->inner], g->barrel[to], &from, map->layer_r[to], map->layer_z[to]);
    if (isfinite(straight)) {
        const float *reach = p->reach[hg_doublet_c_bin(g->c[i], p->c_low[0], p->c_high[0])];
        low = straight + reach[0] - c_slack;
        high = straight + reach[1] + c_slack;
    }
    float r2 = g->barrel[to] ? g->r_max[to] : fminf(high, g->r_max[to]);
    if (!overlap && r2 <= from.r) return 0;
    if (overlap) {
        float r_mean = 0.5f * (from.r + (g->barrel[to] ? from.r : fmaxf(low, 0)));
        return hg_hit_grid_query(g, to, low, high, from.phi, p->bend_max / fmaxf(r_mean, 1) + dphi_slack, found);
    }
    if (!g->barrel[to]) low = fmaxf(low, from.r); /* only what lies farther out follows */
    return search_across(g, p, &from, low, high, hg_doublet_dphi(p->bend_max, from.r, r2) + dphi_slack, found);
}
