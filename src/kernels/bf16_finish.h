/* kernels/bf16_finish.h — what follows the products of a layer in bf16: gathers, norm, activation, residual, rounding; AVX-512 with bf16.
 */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of units that are compiled for AVX-512 with bf16; comes after body.h. */

enum { FINISH_ROWS = 16 };

static inline __m512 widen(const void *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i_u *)p)), 16));
}

static inline __m512 inverse_deviations(const hg_dense *d, const vector *squares)
{
    __m512 variance = _mm512_fmadd_ps((__m512)lane_sums(squares, FINISH_ROWS), _mm512_set1_ps(1.0f / (float)d->n), _mm512_set1_ps(d->eps));
    return _mm512_div_ps(_mm512_set1_ps(1), _mm512_sqrt_ps(variance));
}

static inline __m512i round_pair(__m512 low, __m512 high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* The common case in two sweeps over rows in the first cache: any gathers of bf16, a centred norm or none, ReLU or nothing. The first
 * sweep adds the gathered rows and gives the factors of up to FINISH_ROWS rows. */
static inline __attribute__((always_inline)) void sum_plain(const hg_dense *d, int64_t row, int64_t rows, float *z, int64_t vectors,
                                                            int gathers, float *factor)
{
    vector squares[FINISH_ROWS];
#pragma GCC unroll 16
    for (int64_t i = 0; i < FINISH_ROWS; ++i) {
        float *at = z + i * 16 * vectors;
        squares[i] = (vector){0};
        if (i >= rows) continue;
        const uint16_t *add[HG_DENSE_GATHERS] = {0};
        for (int g = 0; g < gathers; ++g) {
            add[g] = hg_stored_row(d->gather[g].table, HG_STORE_BF16, d->gather[g].ld, d->gather[g].index[row + i]);
        }
        for (int64_t v = 0; v < vectors; ++v) {
            __m512 x = _mm512_load_ps(at + 16 * v);
            for (int g = 0; g < gathers; ++g) x = _mm512_add_ps(x, widen(add[g] + 16 * v));
            if (gathers > 0) _mm512_store_ps(at + 16 * v, x);
            squares[i] = (vector)_mm512_fmadd_ps(x, x, (__m512)squares[i]);
        }
    }
    _mm512_store_ps(factor, d->norm == HG_DENSE_NO_NORM ? _mm512_set1_ps(1) : inverse_deviations(d, squares));
}

static inline __attribute__((always_inline)) void scale_plain(const hg_dense *d, int64_t row, int64_t rows, const float *z, int64_t vectors,
                                                              const float *factor)
{
    const __m512 least = d->activation == HG_ACTIVATION_RELU ? _mm512_setzero_ps() : _mm512_set1_ps(-__builtin_inff());
    for (int64_t i = 0; i < rows; ++i) {
        const float *at = z + i * 16 * vectors;
        uint16_t *to = (uint16_t *)d->out + (row + i) * d->ldo;
        const __m512 by = _mm512_set1_ps(factor[i]);
        for (int64_t v = 0; v < vectors; v += 2) {
            /* the second operand comes back when one is NaN */
            __m512 low = _mm512_max_ps(least, _mm512_mul_ps(_mm512_load_ps(at + 16 * v), by));
            __m512 high =
                v + 1 == vectors ? _mm512_setzero_ps() : _mm512_max_ps(least, _mm512_mul_ps(_mm512_load_ps(at + 16 * v + 16), by));
            _mm512_storeu_si512(to + 16 * v, round_pair(low, high));
        }
    }
}

/* All sums first: square roots of one half are taken while those of the other half are still adding up. */
static inline __attribute__((always_inline)) void finish_plain(const hg_dense *d, int64_t row, int64_t rows, float *z, int64_t vectors,
                                                               int gathers)
{
    float factor[2 * FINISH_ROWS] __attribute__((aligned(64)));
    if (rows == 2 * FINISH_ROWS) {
        sum_plain(d, row, FINISH_ROWS, z, vectors, gathers, factor);
        sum_plain(d, row + FINISH_ROWS, FINISH_ROWS, z + FINISH_ROWS * 16 * vectors, vectors, gathers, factor + FINISH_ROWS);
        scale_plain(d, row, 2 * FINISH_ROWS, z, vectors, factor);
        return;
    }
    for (int64_t i = 0; i < rows; i += FINISH_ROWS) {
        const int64_t count = rows - i < FINISH_ROWS ? rows - i : FINISH_ROWS;
        sum_plain(d, row + i, count, z + i * 16 * vectors, vectors, gathers, factor);
        scale_plain(d, row + i, count, z + i * 16 * vectors, vectors, factor);
    }
}

/* Padding is as good as any number to a layer without a norm. */
static inline bool is_plain(const hg_dense *d)
{
    return !d->gamma && !d->old && !d->h && !d->rstd && d->norm != HG_DENSE_NORM && d->out_storage == HG_STORE_BF16 &&
           (d->gather_storage == HG_STORE_BF16 || d->n_gathers == 0) && (d->n % 16 == 0 || d->norm == HG_DENSE_NO_NORM) &&
           (d->activation == HG_ACTIVATION_NONE || d->activation == HG_ACTIVATION_RELU) && hg_stride(HG_STORE_BF16, d->n) <= d->ldo;
}

/* Finishes rows row .. row + rows - 1 (at most 2 FINISH_ROWS) whose sums, bias included, stand in z. */
static void finish_plain_rows(const hg_dense *d, int64_t row, int64_t rows, float *z)
{
    const int64_t vectors = hg_stride(HG_STORE_REAL, d->n) / 16;
    if (d->n == 64 && d->n_gathers == 0) {
        finish_plain(d, row, rows, z, 4, 0);
    } else if (d->n == 64 && d->n_gathers == 2) {
        finish_plain(d, row, rows, z, 4, 2);
    } else if (d->n == 128 && d->n_gathers == 0) {
        finish_plain(d, row, rows, z, 8, 0);
    } else if (d->n == 128 && d->n_gathers == 2) {
        finish_plain(d, row, rows, z, 8, 2);
    } else if (d->n == 256 && d->n_gathers == 0) {
        finish_plain(d, row, rows, z, 16, 0);
    } else if (d->n_gathers == 2) {
        finish_plain(d, row, rows, z, vectors, 2);
    } else {
        finish_plain(d, row, rows, z, vectors, d->n_gathers);
    }
}

/* Everything else: all sums stand in the scratch tile. */
static void finish_other_rows(const hg_dense *d)
{
    const int64_t stride = hg_stride(HG_STORE_REAL, d->n);
    for (int g = 0; g < d->n_gathers; ++g) {
        const hg_dense_gather *from = &d->gather[g];
        for (int64_t i = 0; i < d->rows; ++i) {
            const void *add = hg_stored_row(from->table, d->gather_storage, from->ld, from->index[i]);
            float *z = d->scratch + i * stride;
            for (int64_t c = 0; c < stride; c += HG_VL) store(z + c, load(z + c) + load_stored(add, d->gather_storage, c));
        }
    }
    finish_tile(d);
}

/* Weights for dot products of pairs: [n / 16][k / 2][16][2], n and k filled up with zeros. */
static int64_t pair_bytes(int64_t n, int64_t k)
{
    return hg_stride(HG_STORE_REAL, n) * hg_stride(HG_STORE_BF16, k) * 2;
}

static void pack_pairs(const float *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const float *mean, void *dst)
{
    const int64_t depth = hg_stride(HG_STORE_BF16, k);
    uint16_t *to = dst;
    memset(dst, 0, (size_t)pair_bytes(n, k));
    for (int64_t o = 0; o < n; ++o) {
        for (int64_t i = 0; i < k; ++i) {
            const float x = w[o * out_step + i * in_step] - (mean ? mean[i] : 0);
            to[o / 16 * 16 * depth + i / 2 * 32 + o % 16 * 2 + i % 2] = hg_round_bf16(x);
        }
    }
}
