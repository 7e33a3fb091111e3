/* doublet_window.c — the hits that may follow a hit in the windows of a layer pair. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_score.h"

#include <math.h>

/* hits are rounded to float: windows are this much wider than the cuts that follow */
static const float dphi_slack = 1e-4f, c_slack = 1e-2f, bend_slack = 1e-3f, z0_slack = 1.2e-3f;
static const float series_end = 0.94f;

/* The cuts that an outer hit must pass for a given inner one. */
typedef struct cut {
    float x, y, z, r, inverse_r2; /* the inner hit */
    float c_low, c_high;
    float g_max;                 /* largest (bend / 2)^2 r1^2 */
    float z0_low, z0_high, size; /* size: of what z0 is the difference of, mm */
} cut;

/* asin(u) / u for s = u^2 in 0 .. series_end, relative error 5.3e-4: the smallest that seven coefficients allow */
static inline float asin_over_about(float s)
{
    return 1.000525f + s * (0.1203474f + s * (0.7341066f + s * (-3.378496f + s * (8.076286f + s * (-8.742691f + s * 3.651062f)))));
}

/* Whether hg_doublet_measure and hg_doublet_cells may accept the doublet, without a root and with few divisions: g = (bend / 2)^2 r1^2
 * r2^2, and z0_low <= z1 - t1 (z2 - z1) / (t2 - t1) <= z0_high is multiplied by the difference of arc lengths t2 - t1. Written without
 * branches, so that the compiler can look at several hits together. */
static inline int32_t may_follow(const cut *q, float x, float y, float z, float r)
{
    float dx = x - q->x, dy = y - q->y, dz = z - q->z;
    float cross = q->x * y - x * q->y;
    float g = cross * cross / (dx * dx + dy * dy), r2 = r * r;
    float s2 = g * q->inverse_r2;
    float t1 = q->r * asin_over_about(g / r2), t2 = r * asin_over_about(s2);
    float rise = t1 * dz, run = t2 - t1, slack = z0_slack * ((t1 + t2) * q->size + t1 * fabsf(dz));
    int32_t beyond = s2 > series_end;
    int32_t z0 = (rise <= (q->z - q->z0_low) * run + slack) & (rise >= (q->z - q->z0_high) * run - slack);
    return (r > q->r) & (q->x * dx + q->y * dy >= 0) & (g <= q->g_max * r2) & (z0 | beyond);
}

static int32_t thin_out(const hg_hit_grid *g, const cut *q, const hg_grid_run *run, int32_t *found)
{
    int32_t n = 0;
    for (int32_t first = run->first; first < run->end; first += HG_GRID_LANES) {
        const float *x = g->x + first, *y = g->y + first, *z = g->z + first, *r = g->r + first, *phi = g->phi + first, *c = g->c + first;
        int32_t pass[HG_GRID_LANES], left = run->end - first;
        for (int k = 0; k < HG_GRID_LANES; ++k) {
            int32_t inside = (c[k] >= q->c_low) & (c[k] <= q->c_high) & (fabsf(phi[k] - run->phi) <= run->half);
            pass[k] = inside & may_follow(q, x[k], y[k], z[k], r[k]);
        }
        for (int k = 0; k < HG_GRID_LANES && k < left; ++k) {
            found[n] = first + k;
            n += pass[k];
        }
    }
    return n;
}

/* Outer hits across layers that lie in the window and pass the cuts. */
static int32_t search_across(const hg_hit_grid *g, const hg_doublet_pair *p, const hg_point *from, float low, float high, float half,
                             int32_t *found)
{
    hg_grid_run runs[HG_GRID_RUNS];
    float z0_low = p->z0_edge[0], z0_high = p->z0_edge[HG_DOUBLET_Z0_BINS], bend = 0.5f * p->bend_max * from->r;
    cut q = {.x = from->x,
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
    int32_t n_runs = hg_hit_grid_runs(g, p->outer, low, high, from->phi, half, runs), n = 0;
    for (int32_t k = 0; k < n_runs; ++k) n += thin_out(g, &q, &runs[k], found + n);
    return n;
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
