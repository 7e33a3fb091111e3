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
/* hits are rounded to float: the loose windows are this much wider than the cuts that follow */
static const float z0_slack = 1.2e-3f, dphi_slack = 1e-4f, bend_slack = 1e-3f;
static const float series_end = 0.94f, quarter = 1.5707964f;

/* The marked lanes k < left as bits. */
static inline uint32_t marked(const int32_t pass[LANES], int32_t left)
{
    const uint32_t there = left < LANES ? (1u << left) - 1 : (1u << LANES) - 1;
#ifdef __AVX512F__
    const __m512i lanes = _mm512_loadu_si512(pass);
    return _mm512_test_epi32_mask(lanes, lanes) & there;
#else
    uint32_t bits = 0;
    for (int k = 0; k < LANES; ++k) bits |= (uint32_t)pass[k] << k;
    return bits & there;
#endif
}

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
    return 1.000525f + s * (0.1203474f + s * (0.7341066f + s * (-3.378496f + s * (8.076286f + s * (-8.742691f + s * 3.651062f)))));
}

/* What a doublet must pass for a given inner hit. */
typedef struct cut {
    float x, y, z, r, inverse_r2; /* the inner hit */
    float c_low, c_high;          /* window along the outer layer */
    float g_max;                  /* largest (bend / 2)^2 r1^2 */
    float z0_low, z0_high, size;  /* size: of what z0 is the difference of, mm */
} cut;

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

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
    int32_t z0 = (rise <= larger(above * run, above * longest) + slack) & (rise >= smaller(below * run, below * longest) - slack);
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
        w->half[k] = hg_doublet_dphi(b->bend_max[k], r1, larger(r1, r2)) + dphi_slack;
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

/* out[k] = table[at[k]]; the table may be read up to three bytes beyond its end. */
static inline void pick_bytes(const int8_t *table, const int32_t at[LANES], int32_t out[LANES])
{
#ifdef __AVX512F__
    const __m512i words = _mm512_i32gather_epi32(_mm512_loadu_si512(at), table, 1);
    _mm512_storeu_si512(out, _mm512_srai_epi32(_mm512_slli_epi32(words, 24), 24));
#else
    for (int k = 0; k < LANES; ++k) out[k] = table[at[k]];
#endif
}

/* Sums of both tables' cells of the lanes; returns the lanes k < left whose doublet reaches the least sum. */
static inline uint32_t add_cells(const hg_doublet_tables *t, const measured *m, int32_t left, int32_t sum[LANES])
{
    int32_t c_c[LANES], pass[LANES];
    pick_bytes(t->bend_z0, m->bend_z0, sum);
    pick_bytes(t->c_c, m->c_c, c_c);
    for (int k = 0; k < LANES; ++k) sum[k] += c_c[k];
    for (int k = 0; k < LANES; ++k) pass[k] = m->good[k] & (sum[k] >= t->least);
    return marked(pass, left);
}

static int32_t judge(const hg_hit_grid *g, int32_t inner, const hg_doublet_tables *t, const int32_t *found, int32_t n,
                     hg_scored_doublet *out)
{
    int32_t n_out = 0;
    for (int32_t first = 0; first < n; first += LANES) {
        measured m;
        int32_t lane[LANES], sum[LANES], left = n - first < LANES ? n - first : LANES;
        for (int k = 0; k < LANES; ++k) lane[k] = found[first + (k < left ? k : 0)];
        measure(g, inner, t->pair, lane, &m);
        for (uint32_t passed = add_cells(t, &m, left, sum); passed; passed &= passed - 1) {
            const int k = __builtin_ctz(passed);
            const float score = t->base + t->step * (float)sum[k];
            out[n_out++] = (hg_scored_doublet){g->hit[inner], g->hit[lane[k]], t->number, score, m.kappa[k], m.cot[k]};
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

/* Incoming doublets side by side, and how far an outgoing one of a certain pair may be from them, in units of their size. */
typedef struct arrivals {
    float kappa[LANES], cot[LANES], kappa_window[LANES], cot_window[LANES];
    int32_t pair[LANES];
} arrivals;

static inline void find_windows(const hg_doublet_map *map, float window, int32_t pair, arrivals *a)
{
    int32_t at[LANES];
    for (int k = 0; k < LANES; ++k) at[k] = (a->pair[k] < 0 ? 0 : a->pair[k]) * map->n_pairs + pair;
    pick(map->triplet_kappa, at, a->kappa_window);
    pick(map->triplet_cot, at, a->cot_window);
    for (int k = 0; k < LANES; ++k) {
        a->kappa_window[k] = a->pair[k] < 0 ? -1 : window * a->kappa_window[k];
        a->cot_window[k] *= window;
    }
}

/* Incoming doublets that match one outgoing doublet: hg_triplet_match < window without its divisions. */
static inline uint32_t near(const arrivals *a, float kappa, float cot)
{
    int32_t pass[LANES];
    for (int k = 0; k < LANES; ++k) {
        float bend = fabsf(kappa - a->kappa[k]), slope = fabsf(cot - a->cot[k]);
        float most_bend = a->kappa_window[k] * (hg_least_kappa + fabsf(0.5f * (a->kappa[k] + kappa)));
        float most_slope = a->cot_window[k] * (hg_least_cot + fabsf(0.5f * (a->cot[k] + cot)));
        pass[k] = (bend < most_bend) & (slope < most_slope);
    }
    return marked(pass, LANES);
}

static void mark(const hg_doublet_map *map, float window, const hg_incoming *in, int32_t n_in, const hg_scored_doublet *out, int32_t n_out,
                 uint8_t *as_first, uint8_t *as_second)
{
    for (int32_t first = 0; first < n_in && n_out > 0; first += LANES) {
        const int32_t n = n_in - first < LANES ? n_in - first : LANES;
        arrivals a;
        uint32_t met = 0;
        int32_t pair = -1;
        for (int k = 0; k < LANES; ++k) {
            const hg_incoming *from = &in[first + (k < n ? k : 0)];
            a.kappa[k] = from->kappa;
            a.cot[k] = from->cot;
            a.pair[k] = k < n ? from->pair : -1;
        }
        for (int32_t o = 0; o < n_out; ++o) {
            if (out[o].pair != pair) {
                pair = out[o].pair;
                find_windows(map, window, pair, &a);
            }
            if (map->pair[pair].inner == map->pair[pair].outer) continue;
            const uint32_t bits = near(&a, out[o].kappa, out[o].cot);
            met |= bits;
            as_second[o] |= bits != 0;
        }
        for (int32_t k = 0; k < n; ++k) as_first[first + k] = met >> k & 1;
    }
}

const hg_doublet_kernels TABLE = {.search = search, .judge = judge, .mark = mark, .match = match};
