/* graph/doublet_batch_search.h — batch kernel: the hits of a layer that may follow a hit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_SEARCH_H
#define HG_GRAPH_DOUBLET_BATCH_SEARCH_H

#include "graph/doublet_batch.h"
#include "graph/doublet_batch_lanes.h"
#include "graph/doublet_measure.h"

/* hits are rounded to float: the loose windows are this much wider than the cuts that follow */
static const float z0_slack = 1.2e-3f, dphi_slack = 1e-4f, bend_slack = 1e-3f;
static const float series_end = 0.94f, series_error = 6e-4f, quarter = 1.5707964f;

/* Appends first + k for the marked lanes k < left. */
static inline int32_t append(const int32_t pass[LANES], int32_t first, int32_t left, int32_t *found)
{
#ifdef __AVX512F__
    const __m512i step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const uint32_t bits = marked(pass, left);
    _mm512_storeu_si512(found, _mm512_maskz_compress_epi32((__mmask16)bits, _mm512_add_epi32(_mm512_set1_epi32(first), step)));
    return __builtin_popcount(bits);
#else
    int32_t n = 0;
    for (int k = 0; k < LANES && k < left; ++k) {
        found[n] = first + k;
        n += pass[k];
    }
    return n;
#endif
}

/* asin(u) / u for s = u^2 in 0 .. series_end, relative error 5.3e-4: the smallest that seven coefficients allow */
static inline float asin_over_about(float s)
{
    const float s2 = s * s; /* three short sums side by side instead of a long one after the other */
    return (1.000525f + s * 0.1203474f) + s2 * ((0.7341066f - s * 3.378496f) + s2 * ((8.076286f - s * 8.742691f) + s2 * 3.651062f));
}

/* hg_doublet_dphi or a little more, without a root. */
static inline float dphi_at_most(float kappa_max, float r1, float r2)
{
    const float half = smaller(0.5f * kappa_max, 1 / r2), s1 = half * r1 * (half * r1), s2 = half * r2 * (half * r2);
    const float outer = s2 > series_end ? quarter : half * r2 * asin_over_about(s2) * (1 + series_error);
    return outer - half * r1 * asin_over_about(smaller(s1, series_end)) * (1 - series_error);
}

/* What a doublet must pass for a given inner hit. */
typedef struct cut {
    float x, y, z, r, inverse_r2; /* the inner hit */
    float c_low, c_high;          /* window along the outer layer */
    float g_max;                  /* largest (bend / 2)^2 r1^2 */
    float z0_low, z0_high, size;  /* size: of what z0 is the difference of, mm */
} cut;

/* Whether a map may accept the doublet, without a root and with one division: g = (bend / 2)^2 r1^2 r2^2, and
 * z0_low <= z1 - t1 (z2 - z1) / (t2 - t1) <= z0_high is multiplied by the difference of arc lengths t2 - t1. Where the series of the outer
 * arc ends, it lies between its value there and that of a half circle. */
static inline int32_t may_follow(const cut *q, float x, float y, float z, float r, float inverse_r2)
{
    float dx = x - q->x, dy = y - q->y, dz = z - q->z;
    float cross = q->x * y - x * q->y;
    float g = cross * cross / (dx * dx + dy * dy);
    float s1 = g * inverse_r2, s2 = g * q->inverse_r2;
    float t1 = q->r * asin_over_about(s1), t2 = r * asin_over_about(smaller(s2, series_end)), farthest = s2 > series_end ? quarter * r : t2;
    float rise = t1 * dz, run = t2 - t1, longest = farthest - t1, slack = z0_slack * ((t1 + t2) * q->size + t1 * fabsf(dz));
    float above = q->z - q->z0_low, below = q->z - q->z0_high;
    int32_t z0 = (int32_t)(rise <= larger(above * run, above * longest) + slack) & (rise >= smaller(below * run, below * longest) - slack);
    return (r > q->r) & (q->x * dx + q->y * dy >= 0) & (s1 <= q->g_max) & z0;
}

static int32_t thin_out(const hg_hit_grid *g, const cut *cut_of_row, const hg_grid_run *run, int32_t *found)
{
    const cut q = *cut_of_row;
    const float centre = run->phi, half = run->half;
    int32_t n = 0;
    for (int32_t first = run->first; first < run->end; first += LANES) {
        const float *x = g->x + first, *y = g->y + first, *z = g->z + first, *r = g->r + first, *phi = g->phi + first, *c = g->c + first,
                    *inverse_r2 = g->inverse_r2 + first;
        int32_t pass[LANES];
        for (int k = 0; k < LANES; ++k) {
            int32_t inside = (c[k] >= q.c_low) & (c[k] <= q.c_high) & (fabsf(phi[k] - centre) <= half);
            pass[k] = inside & may_follow(&q, x[k], y[k], z[k], r[k], inverse_r2[k]);
        }
        n += append(pass, first, run->end - first, found + n);
    }
    return n;
}

/* The windows of all rows for one inner hit. */
typedef struct row_windows {
    float c_low[HG_GRID_ROWS], c_high[HG_GRID_ROWS], half[HG_GRID_ROWS];
    int32_t open[HG_GRID_ROWS]; /* 1 = a hit may lie inside */
} row_windows;

static inline void open_rows(const hg_doublet_bounds *b, float r1, float r_max, bool barrel, float low, float high, row_windows *w)
{
    for (int k = 0; k < HG_GRID_ROWS; ++k) {
        float c_low = larger(low, b->c_low[k]), c_high = smaller(high, b->c_high[k]);
        float r2 = barrel ? r_max : smaller(c_high, r_max);
        w->c_low[k] = c_low;
        w->c_high[k] = c_high;
        w->open[k] = (c_low <= c_high) & (r2 > r1);
        w->half[k] = dphi_at_most(b->bend_max[k], r1, larger(r1, r2)) + dphi_slack;
    }
}

static int32_t search(const hg_hit_grid *g, int32_t inner, int32_t layer, const hg_doublet_bounds *b, float low, float high, int32_t *found)
{
    const float r1 = g->r[inner], z1 = g->z[inner];
    const int32_t first = g->row_first[layer], rows = g->row_first[layer + 1] - first;
    cut q = {.x = g->x[inner], .y = g->y[inner], .z = z1, .r = r1, .inverse_r2 = g->inverse_r2[inner]};
    row_windows w;
    int32_t n = 0;
    open_rows(b, r1, g->r_max[layer], g->barrel[layer], low, high, &w);
    for (int32_t k = 0; k < rows; ++k) {
        if (!w.open[k]) continue;
        const float bend = 0.5f * b->bend_max[k] * r1;
        hg_grid_run runs[HG_GRID_RUNS];
        q.c_low = w.c_low[k];
        q.c_high = w.c_high[k];
        q.g_max = bend * bend * (1 + bend_slack);
        q.z0_low = b->z0_low[k];
        q.z0_high = b->z0_high[k];
        q.size = fabsf(z1) + larger(fabsf(q.z0_low), fabsf(q.z0_high));
        const int32_t n_runs = hg_grid_runs(g, first + k, g->phi[inner], w.half[k], runs);
        for (int32_t i = 0; i < n_runs; ++i) n += thin_out(g, &q, &runs[i], found + n);
    }
    for (int k = 0; k < LANES; ++k) found[n + k] = inner;
    return n;
}

#endif
