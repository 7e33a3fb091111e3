/* kernels/avx512bf16.c — layers in bf16 with the AVX-512 dot product of pairs: 6 x 64, 12 x 32 or 24 x 16 sums in registers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#if defined HG_X86_TABLES && !defined HG_REAL_DOUBLE
#define HG_ISA_NAME "avx512bf16"
#define HG_TABLE hg_kernels_avx512bf16
#include "kernels/avx512_shapes.h"
#include "kernels/bf16_layers.h"
#include "kernels/body.h"
#include "kernels/bf16_finish.h"

/* ROWS x (16 * COUNT) sums from row `row` and `column` on, into z, which starts with that row. Rows beyond the end repeat the last. */
#define DEFINE_PAIRS(NAME, ROWS, COUNT)                                                                                                    \
    static inline __attribute__((always_inline)) void NAME(const hg_dense *d, int64_t row, int64_t column, float *z)                       \
    {                                                                                                                                      \
        const int64_t stride = hg_stride(HG_STORE_REAL, d->n);                                                                             \
        __m512 sum[ROWS][COUNT];                                                                                                           \
        _Pragma("GCC unroll 4") for (int v = 0; v < COUNT; ++v)                                                                            \
        {                                                                                                                                  \
            const __m512 bias = d->bias ? _mm512_loadu_ps(d->bias + column + 16 * v) : _mm512_setzero_ps();                                \
            _Pragma("GCC unroll 24") for (int i = 0; i < ROWS; ++i) sum[i][v] = bias;                                                      \
        }                                                                                                                                  \
        for (int p = 0; p < d->n_parts; ++p) {                                                                                             \
            const hg_dense_part *part = &d->part[p];                                                                                       \
            const int64_t depth = hg_stride(HG_STORE_BF16, part->k);                                                                       \
            const uint16_t *w = (const uint16_t *)part->weights + column * depth;                                                          \
            const uint16_t *in[ROWS];                                                                                                      \
            for (int i = 0; i < ROWS; ++i) in[i] = (const uint16_t *)part->in + (row + i < d->rows ? row + i : d->rows - 1) * part->ld;    \
            for (int64_t k = 0; k < part->k; k += 2) {                                                                                     \
                __m512bh right[COUNT];                                                                                                     \
                _Pragma("GCC unroll 4") for (int v = 0; v < COUNT; ++v) right[v] =                                                         \
                    (__m512bh)_mm512_load_si512(w + 16 * v * depth + 16 * k);                                                              \
                _Pragma("GCC unroll 24") for (int i = 0; i < ROWS; ++i)                                                                    \
                {                                                                                                                          \
                    int32_t pair;                                                                                                          \
                    memcpy(&pair, in[i] + k, sizeof pair);                                                                                 \
                    const __m512bh left = (__m512bh)_mm512_set1_epi32(pair);                                                               \
                    _Pragma("GCC unroll 4") for (int v = 0; v < COUNT; ++v) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], left, right[v]);       \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
        _Pragma("GCC unroll 24") for (int i = 0; i < ROWS; ++i)                                                                            \
        {                                                                                                                                  \
            _Pragma("GCC unroll 4") for (int v = 0; v < COUNT; ++v) _mm512_store_ps(z + i * stride + column + 16 * v, sum[i][v]);          \
        }                                                                                                                                  \
    }
DEFINE_PAIRS(block_6x64, 6, 4)
DEFINE_PAIRS(block_12x32, 12, 2)
DEFINE_PAIRS(block_24x16, 24, 1)

/* Blocks of all shapes fill up to 24 rows. */
static void multiply_rows(const hg_dense *d, int64_t row, int64_t rows, float *z)
{
    const int64_t stride = hg_stride(HG_STORE_REAL, d->n);
    int64_t column = 0;
    for (; column + 64 <= stride; column += 64) {
        for (int64_t i = 0; i < rows; i += 6) block_6x64(d, row + i, column, z + i * stride);
    }
    for (; column + 32 <= stride; column += 32) {
        for (int64_t i = 0; i < rows; i += 12) block_12x32(d, row + i, column, z + i * stride);
    }
    if (column < stride) block_24x16(d, row, column, z);
}

static void multiply_pairs(const hg_dense *d)
{
    enum { ROWS = 24 };
    const bool plain = is_plain(d);
    const int64_t stride = hg_stride(HG_STORE_REAL, d->n);
    for (int64_t row = 0; row < d->rows; row += ROWS) {
        const int64_t rows = d->rows - row < ROWS ? d->rows - row : ROWS;
        float *z = plain ? d->scratch : d->scratch + row * stride;
        multiply_rows(d, row, rows, z);
        if (plain) finish_plain_rows(d, row, rows, z);
    }
    if (!plain) finish_other_rows(d);
}
#endif
