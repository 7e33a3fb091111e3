/* bench/roofline.h — what the machine can do at best: fp32 multiply-adds in registers, and a triad in main memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_ROOFLINE_H
#define HG_BENCH_ROOFLINE_H

#include "base/log.h"
#include "bench/bench.h"

/* Best values seen so far with one number of threads. */
typedef struct roofline {
    double flops, bandwidth; /* per second; bytes include the read that precedes a write */
} roofline;

enum { ROOFLINE_CHAINS = 16, ROOFLINE_STEPS = 1 << 20, ROOFLINE_FLOATS = 1 << 25 };

/* Independent chains x = x * factor + term, enough of them to hide the latency; the numbers stay near 1. */
#define ROOFLINE_CHAIN(VECTOR, SET, MULTIPLY_ADD)                                                                                          \
    VECTOR chain[ROOFLINE_CHAINS];                                                                                                         \
    const VECTOR factor = SET(0.999f), term = SET(0.001f);                                                                                 \
    for (int i = 0; i < ROOFLINE_CHAINS; ++i) chain[i] = SET((float)i);                                                                    \
    for (int64_t step = 0; step < ROOFLINE_STEPS; ++step) {                                                                                \
        _Pragma("GCC unroll 16") for (int i = 0; i < ROOFLINE_CHAINS; ++i) chain[i] = MULTIPLY_ADD(chain[i], factor, term);                \
    }                                                                                                                                      \
    VECTOR sum = chain[0];                                                                                                                 \
    for (int i = 1; i < ROOFLINE_CHAINS; ++i) sum += chain[i];                                                                             \
    return sum[0];

#ifdef __x86_64__
#include <immintrin.h>
__attribute__((target("avx512f"))) static float roofline_avx512(void)
{
    ROOFLINE_CHAIN(__m512, _mm512_set1_ps, _mm512_fmadd_ps)
}
__attribute__((target("avx2,fma"))) static float roofline_avx2(void)
{
    ROOFLINE_CHAIN(__m256, _mm256_set1_ps, _mm256_fmadd_ps)
}
#endif

typedef float roofline_vector __attribute__((vector_size(16)));
static inline roofline_vector roofline_set(float x)
{
    return (roofline_vector){x, x, x, x};
}
static inline roofline_vector roofline_multiply_add(roofline_vector a, roofline_vector b, roofline_vector c)
{
    return a * b + c;
}
static float roofline_generic(void)
{
    ROOFLINE_CHAIN(roofline_vector, roofline_set, roofline_multiply_add)
}

/* The widest loop that this CPU runs, whatever HG_ISA asks of the kernels. */
static float (*roofline_choose(int *lanes))(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) return *lanes = 16, roofline_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return *lanes = 8, roofline_avx2;
#endif
    *lanes = 4;
    return roofline_generic;
}

static double roofline_flops(int threads)
{
    int lanes = 0;
    float (*const loop)(void) = roofline_choose(&lanes);
    const double start = hg_seconds();
#pragma omp parallel num_threads(threads)
    {
        volatile float kept = loop();
        (void)kept;
    }
    return 2.0 * lanes * ROOFLINE_CHAINS * ROOFLINE_STEPS * threads / (hg_seconds() - start);
}

static double roofline_triad(int threads, float *a, const float *b, const float *c)
{
    const double start = hg_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < ROOFLINE_FLOATS; ++i) a[i] = b[i] + 0.5f * c[i];
    return 4.0 * sizeof(float) * ROOFLINE_FLOATS / (hg_seconds() - start);
}

/* Measures both once; keeps the better of old and new. */
static hg_status roofline_measure(hg_context *ctx, int threads, roofline *best)
{
    hg_status status = HG_OK;
    float *memory = NULL;
    HG_TRY(hg_alloc(ctx, &memory, 3 * (int64_t)ROOFLINE_FLOATS));
    float *b = memory + ROOFLINE_FLOATS, *c = b + ROOFLINE_FLOATS;
    for (int64_t i = 0; i < ROOFLINE_FLOATS; ++i) b[i] = c[i] = (float)(i % 7);
    for (int repeat = 0; repeat < 3; ++repeat) {
        const double flops = roofline_flops(threads), bandwidth = roofline_triad(threads, memory, b, c);
        if (flops > best->flops) best->flops = flops;
        if (bandwidth > best->bandwidth) best->bandwidth = bandwidth;
    }
done:
    hg_free(ctx, memory);
    return status;
}

#endif
