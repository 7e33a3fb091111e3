/* base/roofline.c — peak arithmetic and peak bandwidth, measured. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/roofline.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

enum { CHAINS = 16, STEPS = 1 << 20, TILE_STEPS = 1 << 17, FLOATS = 1 << 25, REPEATS = 3 };

/* Independent chains x = x * factor + term, enough of them to hide the latency; the numbers stay near 1. */
#define RUN_CHAINS(VECTOR, SET, MULTIPLY_ADD)                                                                                              \
    VECTOR chain[CHAINS];                                                                                                                  \
    const VECTOR factor = SET(0.999f), term = SET(0.001f);                                                                                 \
    for (int i = 0; i < CHAINS; ++i) chain[i] = SET((float)i);                                                                             \
    for (int64_t step = 0; step < STEPS; ++step) {                                                                                         \
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; ++i) chain[i] = MULTIPLY_ADD(chain[i], factor, term);                         \
    }                                                                                                                                      \
    VECTOR sum = chain[0];                                                                                                                 \
    for (int i = 1; i < CHAINS; ++i) sum += chain[i];                                                                                      \
    return sum[0];

typedef float vector __attribute__((vector_size(16)));

static inline vector set_vector(float x)
{
    return (vector){x, x, x, x};
}

static inline vector multiply_add(vector a, vector b, vector c)
{
    return a * b + c;
}

static float run_generic(void)
{
    RUN_CHAINS(vector, set_vector, multiply_add)
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>

__attribute__((target("avx512f"))) static float run_avx512(void)
{
    RUN_CHAINS(__m512, _mm512_set1_ps, _mm512_fmadd_ps)
}

__attribute__((target("avx2,fma"))) static float run_avx2(void)
{
    RUN_CHAINS(__m256, _mm256_set1_ps, _mm256_fmadd_ps)
}

__attribute__((target("avx512f,avx512bf16"))) static float run_avx512_bf16(void)
{
    __m512 chain[CHAINS];
    const __m512bh left = (__m512bh)_mm512_set1_epi32(0x3f803f80), right = (__m512bh)_mm512_set1_epi32(0x3a003a00);
    for (int i = 0; i < CHAINS; ++i) chain[i] = _mm512_set1_ps((float)i);
    for (int64_t step = 0; step < STEPS; ++step) {
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; ++i) chain[i] = _mm512_dpbf16_ps(chain[i], left, right);
    }
    __m512 sum = chain[0];
    for (int i = 1; i < CHAINS; ++i) sum += chain[i];
    return sum[0];
}

/* Four accumulators of 16 x 16 from two tiles on each side, as a blocked product uses them; all inputs are zero. */
__attribute__((target("amx-tile,amx-bf16"))) static float run_tiles(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    float out[256];
    for (int t = 0; t < 8; ++t) shape.row_bytes[t] = 64, shape.rows[t] = 16;
    _tile_loadconfig(&shape);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (int64_t step = 0; step < TILE_STEPS; ++step) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, out, 64);
    _tile_release();
    return out[0];
}

/* The kernel gives the tiles' registers only to processes that ask for them. */
static bool tiles_allowed(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18, TILES = 1 << 24, TILES_BF16 = 1 << 22 };
    unsigned a, b, c, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (TILES | TILES_BF16)) != (TILES | TILES_BF16)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#endif

/* A loop and how many multiplications and additions one run of it makes. */
typedef struct loop {
    float (*run)(void); /* NULL = this CPU cannot */
    double flops;
} loop;

enum { LOOP_FP32, LOOP_BF16, LOOP_TILES, LOOPS };

static void choose_loops(loop out[LOOPS])
{
    const double vector_flops = 2.0 * CHAINS * STEPS; /* of one lane */
    memset(out, 0, LOOPS * sizeof *out);
    out[LOOP_FP32] = (loop){run_generic, 4 * vector_flops};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out[LOOP_FP32] = (loop){run_avx2, 8 * vector_flops};
    if (__builtin_cpu_supports("avx512f")) out[LOOP_FP32] = (loop){run_avx512, 16 * vector_flops};
    if (__builtin_cpu_supports("avx512bf16")) out[LOOP_BF16] = (loop){run_avx512_bf16, 32 * vector_flops};
    if (tiles_allowed()) out[LOOP_TILES] = (loop){run_tiles, 4.0 * TILE_STEPS * 2 * 16 * 16 * 32};
#endif
}

static double measure_flops(const loop *l, int threads)
{
    if (!l->run) return 0;
    const double start = hg_seconds();
#pragma omp parallel num_threads(threads)
    {
        volatile float kept = l->run();
        (void)kept;
    }
    return l->flops * threads / (hg_seconds() - start);
}

static double measure_triad(int threads, float *a, const float *b, const float *c)
{
    const double start = hg_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < FLOATS; ++i) a[i] = b[i] + 0.5f * c[i];
    return 4.0 * sizeof(float) * FLOATS / (hg_seconds() - start);
}

static void keep_larger(double *best, double value)
{
    if (value > *best) *best = value;
}

hg_status hg_roofline_measure(hg_context *ctx, int threads, hg_roofline *best)
{
    const size_t bytes = 3 * (size_t)FLOATS * sizeof(float);
    loop loops[LOOPS];
    /* fresh pages: each thread is the first to touch its own part, which decides where on the machine that part lies */
    float *a = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a == MAP_FAILED) return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: %zu bytes asked for the triad", bytes);
    float *b = a + FLOATS, *c = b + FLOATS;
    choose_loops(loops);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < FLOATS; ++i) a[i] = b[i] = c[i] = (float)(i % 7);
    for (int repeat = 0; repeat < REPEATS; ++repeat) {
        keep_larger(&best->flops, measure_flops(&loops[LOOP_FP32], threads));
        keep_larger(&best->bf16_flops, measure_flops(&loops[LOOP_BF16], threads));
        keep_larger(&best->tile_flops, measure_flops(&loops[LOOP_TILES], threads));
        keep_larger(&best->bandwidth, measure_triad(threads, a, b, c));
    }
    munmap(a, bytes);
    return HG_OK;
}

int64_t hg_last_cache_bytes(void)
{
    const long level3 = sysconf(_SC_LEVEL3_CACHE_SIZE), level2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return level3 > 0 ? level3 : level2 > 0 ? level2 : 0;
}
