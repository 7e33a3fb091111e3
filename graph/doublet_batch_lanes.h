/* graph/doublet_batch_lanes.h — lanes of numbers side by side: what plain loops cannot say to the compiler. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_LANES_H
#define HG_GRAPH_DOUBLET_BATCH_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif
#include "graph/hit_grid.h"

enum { LANES = HG_GRID_LANES };

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

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

/* out[k] = lanes[k], k < n <= LANES: a call that copies so few takes longer. */
static inline void store_some(const float lanes[LANES], int32_t n, float *out)
{
#ifdef __AVX512F__
    _mm512_mask_storeu_ps(out, (__mmask16)((1u << n) - 1), _mm512_loadu_ps(lanes));
#else
    for (int32_t k = 0; k < n; ++k) out[k] = lanes[k];
#endif
}

static inline void store_some_words(const int32_t lanes[LANES], int32_t n, int32_t *out)
{
#ifdef __AVX512F__
    _mm512_mask_storeu_epi32(out, (__mmask16)((1u << n) - 1), _mm512_loadu_si512(lanes));
#else
    for (int32_t k = 0; k < n; ++k) out[k] = lanes[k];
#endif
}

/* out[k]: how many of the ascending edges[0 .. n), n < 2 LANES, are not above value[k]. */
static inline void count_reached(const float *edges, int32_t n, const float value[LANES], int32_t out[LANES])
{
#ifdef __AVX512F__
    const __m512i ones = _mm512_set1_epi32(1);
    const __m512 none = _mm512_set1_ps(INFINITY), v = _mm512_loadu_ps(value);
    const uint32_t there = (1u << n) - 1;
    const __m512 low = _mm512_mask_loadu_ps(none, (__mmask16)there, edges);
    const __m512 high = _mm512_mask_loadu_ps(none, (__mmask16)(there >> LANES), edges + LANES);
    __m512i reached = _mm512_setzero_si512();
    for (int step = LANES; step > 0; step /= 2) {
        const __m512i by = _mm512_set1_epi32(step), at = _mm512_sub_epi32(_mm512_add_epi32(reached, by), ones);
        const __mmask16 more = _mm512_cmp_ps_mask(v, _mm512_permutex2var_ps(low, at, high), _CMP_GE_OQ);
        reached = _mm512_mask_add_epi32(reached, more, reached, by);
    }
    _mm512_storeu_si512(out, reached);
#else
    for (int k = 0; k < LANES; ++k) out[k] = 0;
    for (int32_t e = 0; e < n; ++e) {
        for (int k = 0; k < LANES; ++k) out[k] += value[k] >= edges[e];
    }
#endif
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

static inline void pick_words(const int32_t *table, const int32_t at[LANES], int32_t out[LANES])
{
#ifdef __AVX512F__
    _mm512_storeu_si512(out, _mm512_i32gather_epi32(_mm512_loadu_si512(at), table, (int)sizeof *table));
#else
    for (int k = 0; k < LANES; ++k) out[k] = table[at[k]];
#endif
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

#endif
