/* kernels/vector.h — the widest vector of an instruction set and what the fused layers do with it; part of body.h. */
/* SPDX-License-Identifier: Apache-2.0 */
/* No include guard: part of a unit of its own for every instruction set, which sets HG_VL, the numbers in one vector (4, 8 or 16). */
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifdef HG_REAL_DOUBLE
typedef int64_t lane_int;
#else
typedef int32_t lane_int;
#endif
typedef hg_real vector __attribute__((vector_size(HG_VL * sizeof(hg_real)), aligned(sizeof(hg_real)), may_alias));
typedef lane_int int_vector __attribute__((vector_size(HG_VL * sizeof(hg_real))));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vector load(const hg_real *from)
{
    return *(const vector *)from;
}

ALWAYS_INLINE void store(hg_real *to, vector v)
{
    *(vector *)to = v;
}

#ifndef HG_REAL_DOUBLE
typedef uint16_t half_vector __attribute__((vector_size(HG_VL * sizeof(uint16_t)), aligned(sizeof(uint16_t)), may_alias));
typedef uint32_t bit_vector __attribute__((vector_size(HG_VL * sizeof(uint32_t))));

ALWAYS_INLINE bit_vector rounded_bits(vector v)
{
    bit_vector bits = (bit_vector)v, quiet = bits | 0x400000, nearest = bits + 0x7fff + (bits >> 16 & 1);
    bit_vector is_nan = (bit_vector)(v != v);
    return (quiet & is_nan) | (nearest & ~is_nan);
}

#endif

/* HG_VL numbers of a stored row from column c on. */
ALWAYS_INLINE vector load_stored(const void *row, hg_storage storage, int64_t c)
{
#ifndef HG_REAL_DOUBLE
    if (storage == HG_STORE_BF16)
        return (vector)(__builtin_convertvector(*(const half_vector *)((const uint16_t *)row + c), bit_vector) << 16);
#endif
    (void)storage;
    return load((const hg_real *)row + c);
}

ALWAYS_INLINE void store_stored(void *row, hg_storage storage, int64_t c, vector v)
{
#ifndef HG_REAL_DOUBLE
    if (storage == HG_STORE_BF16) {
        *(half_vector *)((uint16_t *)row + c) = __builtin_convertvector(rounded_bits(v) >> 16, half_vector);
        return;
    }
#endif
    (void)storage;
    store((hg_real *)row + c, v);
}

ALWAYS_INLINE vector all(hg_real x)
{
    return x - (vector){0};
}

/* a where the mask is set, else b */
ALWAYS_INLINE vector choose(int_vector mask, vector a, vector b)
{
    return (vector)(((int_vector)a & mask) | ((int_vector)b & ~mask));
}

/* The larger one; NaN in b stays NaN, so that a broken network does not look healthy. */
ALWAYS_INLINE vector larger(vector a, vector b)
{
#if defined(__AVX512F__) && HG_VL == 16 && !defined(HG_REAL_DOUBLE)
    return (vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX__) && HG_VL == 8 && !defined(HG_REAL_DOUBLE)
    return (vector)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__) && HG_VL == 4 && !defined(HG_REAL_DOUBLE)
    return (vector)_mm_max_ps((__m128)a, (__m128)b);
#else
    return choose(a > b, a, b);
#endif
}

#if HG_VL == 16
#define PAIR_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define PAIR_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define QUAD_LOW 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define QUAD_HIGH 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define OCTET_LOW 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define OCTET_HIGH 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif HG_VL == 8
#define PAIR_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define PAIR_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define QUAD_LOW 0, 1, 8, 9, 4, 5, 12, 13
#define QUAD_HIGH 2, 3, 10, 11, 6, 7, 14, 15
#define OCTET_LOW 0, 1, 2, 3, 8, 9, 10, 11
#define OCTET_HIGH 4, 5, 6, 7, 12, 13, 14, 15
#else
#define PAIR_LOW 0, 4, 1, 5
#define PAIR_HIGH 2, 6, 3, 7
#define QUAD_LOW 0, 1, 4, 5
#define QUAD_HIGH 2, 3, 6, 7
#endif
#define FOLDED(A, B, KIND) (__builtin_shufflevector(A, B, KIND##_LOW) + __builtin_shufflevector(A, B, KIND##_HIGH))

/* Lane r of the result is the sum of the lanes of v[r], by the same tree for every r: transposes while it adds. rows <= HG_VL; lanes
 * from `rows` on repeat earlier ones, so that the compiler drops their work. */
ALWAYS_INLINE vector lane_sums(const vector *v, int rows)
{
    vector quad[HG_VL / 4];
    int room = rows > 8 ? 16 : rows > 4 ? 8 : rows > 2 ? 4 : rows > 1 ? 2 : 1;
#pragma GCC unroll 4
    for (int q = 0; q < HG_VL / 4; ++q) {
        vector pair[2];
#pragma GCC unroll 2
        for (int p = 0; p < 2; ++p) {
            int a = (4 * q + 2 * p) % room, b = (4 * q + 2 * p + 1) % room;
            a = a < rows ? a : a - (room - rows);
            b = b < rows ? b : b - (room - rows);
            pair[p] = FOLDED(v[a], v[b], PAIR);
        }
        quad[q] = FOLDED(pair[0], pair[1], QUAD);
    }
#if HG_VL == 16
    vector low = FOLDED(quad[0], quad[1], OCTET), high = FOLDED(quad[2], quad[3], OCTET);
    return FOLDED(low, high, OCTET);
#elif HG_VL == 8
    return FOLDED(quad[0], quad[1], OCTET);
#else
    return quad[0];
#endif
}

#ifndef HG_REAL_DOUBLE
/* exp(x) for x <= 0, as hg_exp_negative. */
ALWAYS_INLINE vector exp_negative(vector x)
{
    vector t = choose(x > -87.0f, x, all(-87.0f));
    int_vector n = __builtin_convertvector(t * 1.44269504f - 0.5f, int_vector);
    vector m = __builtin_convertvector(n, vector);
    vector r = (t - m * 0.693359375f) + m * 2.12194440e-4f;
    vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    vector y = choose(x >= -87.0f, p * (vector)((n + 127) << 23), (vector){0});
    return choose(x != x, x, y);
}

ALWAYS_INLINE vector magnitude(vector x)
{
    return (vector)((int_vector)x & 0x7fffffff);
}

ALWAYS_INLINE vector sigmoid_of(vector x)
{
    vector e = exp_negative(-magnitude(x));
    return choose(x < 0, e, all(1)) / (1 + e);
}

/* As hg_tanh. */
ALWAYS_INLINE vector tanh_of(vector x)
{
    vector a = magnitude(x), s = x * x;
    vector p = s * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    vector near = p * s * x + x, e = exp_negative(-2.0f * a), far = (1 - e) / (1 + e);
    far = (vector)((int_vector)far | ((int_vector)x & (int32_t)0x80000000));
    return choose(a < 0.625f, near, far);
}
#endif
