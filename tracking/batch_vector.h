/* batch_vector.h — vectors of lanes and the functions that states need, for the instruction set and precision of the unit. */
/* SPDX-License-Identifier: Apache-2.0 */
/* The unit defines LANES and, for double, OF_DOUBLE before it includes this. Functions are accurate to a few roundings; they have no
 * branches, so that a lane's bits never depend on its neighbours. */
#ifndef HG_TRACKING_BATCH_VECTOR_H
#define HG_TRACKING_BATCH_VECTOR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifdef OF_DOUBLE
typedef double real;
typedef int64_t whole;
enum { SIN_TERMS = 9, COS_TERMS = 10, ATAN_TERMS = 21, LOG_TERMS = 11, MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
#else
typedef float real;
typedef int32_t whole;
enum { SIN_TERMS = 5, COS_TERMS = 6, ATAN_TERMS = 9, LOG_TERMS = 5, MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
#endif
typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));
typedef whole marks __attribute__((vector_size(LANES * sizeof(whole)))); /* 0 or -1 per lane, or integers */

/* A literal in the unit's precision. */
#define R(x) ((real)(x))
#define INLINE static inline __attribute__((always_inline))

INLINE lanes all(real x)
{
    return x - (lanes){0};
}
INLINE marks all_whole(whole x)
{
    return x - (marks){0};
}
INLINE lanes load(const real *from)
{
    lanes x;
    memcpy(&x, from, sizeof x);
    return x;
}
INLINE lanes load_float(const float *from)
{
    float part __attribute__((vector_size(LANES * sizeof(float))));
    memcpy(&part, from, sizeof part);
    return __builtin_convertvector(part, lanes);
}
INLINE void store(real *to, lanes x)
{
    memcpy(to, &x, sizeof x);
}
INLINE marks load_whole(const int32_t *from)
{
    marks x;
    for (int l = 0; l < LANES; ++l) x[l] = from[l];
    return x;
}
INLINE void store_whole(int32_t *to, marks x)
{
    for (int l = 0; l < LANES; ++l) to[l] = (int32_t)x[l];
}
INLINE lanes pick(marks m, lanes yes, lanes no)
{
    return (lanes)((m & (marks)yes) | (~m & (marks)no));
}
INLINE marks pick_whole(marks m, marks yes, marks no)
{
    return (m & yes) | (~m & no);
}
INLINE bool any(marks m)
{
#if defined(__AVX512F__) && !defined(OF_DOUBLE)
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
#elif defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0;
#else
    uint64_t part[sizeof m / 8], sum = 0;
    memcpy(part, &m, sizeof m);
    for (size_t i = 0; i < sizeof m / 8; ++i) sum |= part[i];
    return sum != 0;
#endif
}
/* Bit l: lane l is set. */
INLINE unsigned bits_of(marks m)
{
#if defined(__AVX512DQ__) && !defined(OF_DOUBLE)
    return _mm512_movepi32_mask((__m512i)m);
#elif defined(__AVX512DQ__)
    return _mm512_movepi64_mask((__m512i)m);
#else
    unsigned bits = 0;
    for (int l = 0; l < LANES; ++l) bits |= (unsigned)(m[l] != 0) << l;
    return bits;
#endif
}
INLINE lanes absolute(lanes x)
{
    return (lanes)((marks)x & ~(marks)all(-R(0)));
}
INLINE lanes with_sign(lanes x, lanes sign)
{
    marks bit = (marks)all(-R(0));
    return (lanes)(((marks)x & ~bit) | ((marks)sign & bit));
}
INLINE lanes larger(lanes a, lanes b)
{
    return pick(a > b, a, b);
}
INLINE lanes smaller(lanes a, lanes b)
{
    return pick(a < b, a, b);
}

INLINE lanes root(lanes x)
{
#if defined(__AVX512F__) && !defined(OF_DOUBLE)
    return (lanes)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX512F__)
    return (lanes)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__) && !defined(OF_DOUBLE)
    return (lanes)_mm256_sqrt_ps((__m256)x);
#elif defined(__AVX2__)
    return (lanes)_mm256_sqrt_pd((__m256d)x);
#else
    lanes y;
    for (int l = 0; l < LANES; ++l) y[l] = (real)sqrt(x[l]);
    return y;
#endif
}

INLINE lanes gather(const real *table, marks at)
{
#if defined(__AVX512F__) && !defined(OF_DOUBLE)
    return (lanes)_mm512_i32gather_ps((__m512i)at, table, 4);
#elif defined(__AVX512F__)
    return (lanes)_mm512_i64gather_pd((__m512i)at, table, 8);
#elif defined(__AVX2__) && !defined(OF_DOUBLE)
    return (lanes)_mm256_i32gather_ps(table, (__m256i)at, 4);
#elif defined(__AVX2__)
    return (lanes)_mm256_i64gather_pd(table, (__m256i)at, 8);
#else
    lanes x;
    for (int l = 0; l < LANES; ++l) x[l] = table[at[l]];
    return x;
#endif
}

INLINE marks gather_whole(const int32_t *table, marks at)
{
#if defined(__AVX512F__) && !defined(OF_DOUBLE)
    return (marks)_mm512_i32gather_epi32((__m512i)at, table, 4);
#else
    marks x;
    for (int l = 0; l < LANES; ++l) x[l] = (whole)table[at[l]];
    return x;
#endif
}

/* Truncation; lanes beyond the range of `whole` are not asked for. */
INLINE marks whole_part(lanes x)
{
    return __builtin_convertvector(x, marks);
}
INLINE lanes to_real(marks x)
{
    return __builtin_convertvector(x, lanes);
}
INLINE lanes nearest(lanes x)
{
    const lanes big = all(R(1.5) * (real)((whole)1 << MANTISSA_BITS));
    return (x + big) - big;
}

/* |x| up to a few thousand turns. */
INLINE void sine_cosine(lanes x, lanes *sine, lanes *cosine)
{
    lanes turns = nearest(x * R(0.63661977236758134308));
    marks quarter = whole_part(turns);
#ifdef OF_DOUBLE
    lanes a = (x - turns * 1.5707963267341256) - turns * 6.077100506506192e-11;
#else
    lanes a = ((x - turns * 1.5703125f) - turns * 4.837512969970703e-4f) - turns * 7.54978995489188e-8f;
#endif
    lanes a2 = a * a, s = all(R(0)), c = all(R(0));
#pragma GCC unroll 16
    for (int k = SIN_TERMS - 1; k > 0; --k) s = (s + R(1)) * a2 * (R(-1) / R(2 * k * (2 * k + 1)));
    s = a + a * s;
#pragma GCC unroll 16
    for (int k = COS_TERMS - 1; k > 0; --k) c = (c + R(1)) * a2 * (R(-1) / R(2 * k * (2 * k - 1)));
    c = c + R(1);
    marks swap = (quarter & 1) != 0;
    lanes big = pick(swap, c, s), small = pick(swap, s, c);
    *sine = pick((quarter & 2) != 0, -big, big);
    *cosine = pick(((quarter + 1) & 2) != 0, -small, small);
}

/* Angle of (x, y) in (-pi, pi]. */
INLINE lanes angle_of(lanes y, lanes x)
{
    lanes ax = absolute(x), ay = absolute(y);
    lanes low = smaller(ax, ay), high = larger(larger(ax, ay), all(R(1e-30)));
    marks beyond = low > high * R(0.41421356237309503); /* tan(pi/8) */
    lanes z = pick(beyond, (low - high) / (low + high), low / high);
    lanes z2 = z * z, sum = all(R(0));
#pragma GCC unroll 32
    for (int k = ATAN_TERMS - 1; k >= 0; --k) sum = ((k & 1) ? R(-1) : R(1)) / R(2 * k + 1) + z2 * sum;
    lanes angle = z * sum + pick(beyond, all(R(0.78539816339744830962)), all(R(0)));
    angle = pick(ay > ax, R(1.57079632679489661923) - angle, angle);
    angle = pick(x < R(0), R(3.14159265358979323846) - angle, angle);
    return with_sign(angle, y);
}

/* Natural logarithm of normal x > 0. */
INLINE lanes logarithm(lanes x)
{
    const marks root_half = (marks)all(R(0.70710678118654752440));
    marks bits = (marks)x - root_half;
    marks exponent = bits >> MANTISSA_BITS;
    lanes m = (lanes)((bits & (marks)all_whole(((whole)1 << MANTISSA_BITS) - 1)) + root_half);
    lanes z = (m - R(1)) / (m + R(1)), z2 = z * z, sum = all(R(0));
#pragma GCC unroll 16
    for (int k = LOG_TERMS - 1; k >= 0; --k) sum = R(2) / R(2 * k + 1) + z2 * sum;
    return z * sum + to_real(exponent) * R(0.69314718055994530942);
}

#endif
