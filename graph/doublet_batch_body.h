/* graph/doublet_batch_body.h — the batch kernels of the doublet search; a unit defines TABLE, then includes this. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif
#include "graph/doublet_batch.h"
#include "graph/doublet_measure.h"
#include "graph/triplet_match.h"

enum { LANES = HG_GRID_LANES };
/* hits are rounded to float: the loose z0 window is this much wider than the cut that follows */
static const float z0_slack = 1.2e-3f, series_end = 0.94f;

/* Appends first + k for the marked lanes k < left. */
static inline int32_t append(const int32_t pass[LANES], int32_t first, int32_t left, int32_t *found)
{
#ifdef __AVX512F__
    const __m512i step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i lanes = _mm512_loadu_si512(pass);
    __mmask16 marked = _mm512_test_epi32_mask(lanes, lanes) & (left < LANES ? (__mmask16)((1u << left) - 1) : (__mmask16)0xffff);
    _mm512_storeu_si512(found, _mm512_maskz_compress_epi32(marked, _mm512_add_epi32(_mm512_set1_epi32(first), step)));
    return __builtin_popcount(marked);
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
    return 1.000525f + s * (0.1203474f + s * (0.7341066f + s * (-3.378496f + s * (8.076286f + s * (-8.742691f + s * 3.651062f)))));
}

/* Whether the tables may accept the doublet, without a root and with few divisions: g = (bend / 2)^2 r1^2 r2^2, and
 * z0_low <= z1 - t1 (z2 - z1) / (t2 - t1) <= z0_high is multiplied by the difference of arc lengths t2 - t1. */
static inline int32_t may_follow(const hg_doublet_cut *q, float x, float y, float z, float r)
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

static int32_t thin_out(const hg_hit_grid *g, const hg_doublet_cut *cut, const hg_grid_run *runs, int32_t n_runs, int32_t *found)
{
    const hg_doublet_cut q = *cut;
    int32_t n = 0;
    for (int32_t i = 0; i < n_runs; ++i) {
        const float centre = runs[i].phi, half = runs[i].half;
        for (int32_t first = runs[i].first; first < runs[i].end; first += LANES) {
            const float *x = g->x + first, *y = g->y + first, *z = g->z + first, *r = g->r + first, *phi = g->phi + first,
                        *c = g->c + first;
            int32_t pass[LANES];
            for (int k = 0; k < LANES; ++k) {
                int32_t inside = (c[k] >= q.c_low) & (c[k] <= q.c_high) & (fabsf(phi[k] - centre) <= half);
                pass[k] = inside & may_follow(&q, x[k], y[k], z[k], r[k]);
            }
            n += append(pass, first, runs[i].end - first, found + n);
        }
    }
    return n;
}

/* out[k] = table[at[k]] */
static inline void pick(const float *table, const int32_t at[LANES], float out[LANES])
{
#ifdef __AVX512F__
    _mm512_storeu_ps(out, _mm512_i32gather_ps(_mm512_loadu_si512(at), table, (int)sizeof *table));
#else
    for (int k = 0; k < LANES; ++k) out[k] = table[at[k]];
#endif
}

/* Lanes of hits that were found, side by side. */
typedef struct measured {
    int32_t good[LANES], bend_z0[LANES], c_c[LANES];
    float kappa[LANES], cot[LANES];
} measured;

/* Cells of the first table; 0 in good where the doublet lies outside its bins. */
static inline void find_bend_cells(const hg_doublet_pair *pair, const float *z0, measured *m)
{
    int32_t reached[LANES] = {0}; /* lower edges of bins that are not above z0 */
    for (int e = 0; e < HG_DOUBLET_Z0_BINS; ++e) {
        for (int k = 0; k < LANES; ++k) reached[k] += z0[k] >= pair->z0_edge[e];
    }
    for (int k = 0; k < LANES; ++k) {
        float bend = fabsf(m->kappa[k]);
        m->good[k] &= (bend <= pair->bend_max) & (reached[k] > 0) & (z0[k] <= pair->z0_edge[HG_DOUBLET_Z0_BINS]);
        m->bend_z0[k] = m->good[k] ? hg_doublet_bend_bin(pair, bend) * HG_DOUBLET_Z0_BINS + reached[k] - 1 : 0;
    }
}

/* found: [LANES] places in the grid. */
static void measure(const hg_hit_grid *g, int32_t i, const hg_doublet_pair *pair, const int32_t *found, measured *m)
{
    float x[LANES], y[LANES], z[LANES], r[LANES], c[LANES], z0[LANES];
    const float x1 = g->x[i], y1 = g->y[i], z1 = g->z[i], r1 = g->r[i];
    const int32_t row = hg_doublet_c_bin(g->c[i], pair->c_low[0], pair->c_high[0]) * HG_DOUBLET_C_BINS;
    pick(g->x, found, x);
    pick(g->y, found, y);
    pick(g->z, found, z);
    pick(g->r, found, r);
    pick(g->c, found, c);
    for (int k = 0; k < LANES; ++k) {
        hg_circle circle;
        m->good[k] = hg_circle_through(x1, y1, z1, r1, x[k], y[k], z[k], r[k], &circle);
        m->c_c[k] = row + hg_doublet_c_bin(c[k], pair->c_low[1], pair->c_high[1]);
        m->kappa[k] = circle.kappa;
        m->cot[k] = circle.cot;
        z0[k] = circle.z0;
    }
    find_bend_cells(pair, z0, m);
}

static int32_t judge(const hg_hit_grid *g, int32_t inner, const hg_doublet_tables *t, const int32_t *found, int32_t n,
                     hg_scored_doublet *out)
{
    int32_t n_out = 0;
    for (int32_t first = 0; first < n; first += LANES) {
        measured m;
        int32_t lane[LANES], left = n - first < LANES ? n - first : LANES;
        for (int k = 0; k < LANES; ++k) lane[k] = found[first + (k < left ? k : 0)];
        measure(g, inner, t->pair, lane, &m);
        for (int k = 0; k < left; ++k) {
            int32_t sum = t->bend_z0[m.bend_z0[k]] + t->c_c[m.c_c[k]];
            float score = t->base + t->step * (float)sum;
            out[n_out] = (hg_scored_doublet){g->hit[inner], g->hit[lane[k]], t->number, score, m.kappa[k], m.cot[k]};
            n_out += m.good[k] & (score >= 0);
        }
    }
    return n_out;
}

static void match(const hg_doublet_graph *d, const hg_doublet_map *map, int64_t b, int64_t first, float *out)
{
    const float kappa = d->kappa[b], cot = d->cot[b];
    const int32_t pair = d->pair[b], n_pairs = map->n_pairs, *pairs = d->pair + first;
    int32_t at[LANES], overlap[LANES];
    float kappa_a[LANES], cot_a[LANES], kappa_window[LANES], cot_window[LANES];
    memcpy(kappa_a, d->kappa + first, sizeof kappa_a);
    memcpy(cot_a, d->cot + first, sizeof cot_a);
    for (int k = 0; k < LANES; ++k) at[k] = pairs[k] * n_pairs + pair;
    for (int k = 0; k < LANES; ++k) overlap[k] = d->same_layer[first + k];
    pick(map->triplet_kappa, at, kappa_window);
    pick(map->triplet_cot, at, cot_window);
    for (int k = 0; k < LANES; ++k) {
        float m = hg_larger_of(hg_kappa_units(kappa_a[k], kappa, kappa_window[k]), hg_cot_units(cot_a[k], cot, cot_window[k]));
        out[k] = overlap[k] ? hg_no_match : m;
    }
}

const hg_doublet_kernels TABLE = {.thin_out = thin_out, .judge = judge, .match = match};
