/* kernels/dense_bf16_body.h — layers from and to rows in bf16 where no instruction multiplies them; part of dense_body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

/* acc += in w over k, ascending. */
ALWAYS_INLINE void multiply_block(const hg_real *in, int64_t ld, int64_t k, const hg_real *w, vector *acc, int rows, int count)
{
    for (; k > 0; --k, ++in, w += count * HG_VL) {
        vector right[4];
#pragma GCC unroll 4
        for (int j = 0; j < count; ++j) right[j] = load(w + j * HG_VL);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const hg_real left = in[i * ld];
#pragma GCC unroll 4
            for (int j = 0; j < count; ++j) acc[i * count + j] += left * right[j];
        }
    }
}

/* The same for rows in bf16: a piece of them at a time is widened into the first cache. */
ALWAYS_INLINE void multiply_widened(const uint16_t *in, int64_t ld, int64_t k, const hg_real *w, vector *acc, int rows, int count)
{
    enum { PIECE = 64 };
    hg_real wide[HG_VL * PIECE] __attribute__((aligned(64)));
    for (int64_t from = 0; from < k; from += PIECE) {
        const int64_t columns = k - from < PIECE ? k - from : PIECE;
        for (int i = 0; i < rows; ++i) {
            for (int64_t c = 0; c < columns; c += HG_VL) store(wide + i * PIECE + c, load_stored(in + i * ld, HG_STORE_BF16, from + c));
        }
        multiply_block(wide, PIECE, columns, w + from * count * HG_VL, acc, rows, count);
    }
}

ALWAYS_INLINE void start_stored(const hg_dense *a, int64_t row, int64_t step, int64_t column, vector *acc, int rows, int count)
{
#pragma GCC unroll 24
    for (int i = 0; i < rows * count; ++i) {
        acc[i] = (vector){0};
        if (a->bias) acc[i] = load(a->bias + column + i % count * HG_VL);
    }
    for (int g = 0; g < a->n_gathers; ++g) {
        const hg_dense_gather *from = &a->gather[g];
        for (int i = 0; i < rows; ++i) {
            const void *at = hg_stored_row(from->table, a->gather_storage, from->ld, from->index[row + i * step]);
            for (int j = 0; j < count; ++j) acc[i * count + j] += load_stored(at, a->gather_storage, column + j * HG_VL);
        }
    }
}

/* Sums of rows row, row + step, .. of one panel of columns, to the scratch tile; step 0: one row, ROWS times. */
#define DEFINE_SUMS(NAME, STORAGE, ROWS, COUNT)                                                                                            \
    static void NAME(const hg_dense *a, int64_t row, int64_t step, int64_t column)                                                         \
    {                                                                                                                                      \
        const int64_t ld = hg_stride(HG_STORE_REAL, a->n);                                                                                 \
        vector acc[ROWS * COUNT];                                                                                                          \
        start_stored(a, row, step, column, acc, ROWS, COUNT);                                                                              \
        for (int p = 0; p < a->n_parts; ++p) {                                                                                             \
            const hg_dense_part *part = &a->part[p];                                                                                       \
            const void *in = hg_stored_row(part->in, STORAGE, part->ld, row);                                                              \
            const hg_real *w = (const hg_real *)part->weights + part->k * column;                                                          \
            if (STORAGE == HG_STORE_REAL) {                                                                                                \
                multiply_block(in, step * part->ld, part->k, w, acc, ROWS, COUNT);                                                         \
            } else {                                                                                                                       \
                multiply_widened(in, step * part->ld, part->k, w, acc, ROWS, COUNT);                                                       \
            }                                                                                                                              \
        }                                                                                                                                  \
        _Pragma("GCC unroll 24") for (int i = 0; i < ROWS * COUNT; ++i)                                                                    \
            store(a->scratch + (row + i / COUNT * step) * ld + column + i % COUNT * HG_VL, acc[i]);                                        \
    }

typedef void sums_block(const hg_dense *a, int64_t row, int64_t step, int64_t column);
#if HG_PANEL > 2
static const int64_t sums_rows[] = {HG_ROWS_1, HG_ROWS_2, HG_ROWS_3, HG_ROWS_4};
#define DEFINE_ALL_SUMS(NAME, STORAGE)                                                                                                     \
    DEFINE_SUMS(NAME##_1, STORAGE, HG_ROWS_1, 1)                                                                                           \
    DEFINE_SUMS(NAME##_2, STORAGE, HG_ROWS_2, 2)                                                                                           \
    DEFINE_SUMS(NAME##_3, STORAGE, HG_ROWS_3, 3)                                                                                           \
    DEFINE_SUMS(NAME##_4, STORAGE, HG_ROWS_4, 4)                                                                                           \
    static sums_block *const NAME[] = {NAME##_1, NAME##_2, NAME##_3, NAME##_4};
#else
static const int64_t sums_rows[] = {HG_ROWS_1, HG_ROWS_2};
#define DEFINE_ALL_SUMS(NAME, STORAGE)                                                                                                     \
    DEFINE_SUMS(NAME##_1, STORAGE, HG_ROWS_1, 1)                                                                                           \
    DEFINE_SUMS(NAME##_2, STORAGE, HG_ROWS_2, 2)                                                                                           \
    static sums_block *const NAME[] = {NAME##_1, NAME##_2};
#endif
DEFINE_ALL_SUMS(sums_of_real, HG_STORE_REAL)

ALWAYS_INLINE void dense_stored(const hg_dense *a, hg_storage storage, sums_block *const *sums)
{
    const int64_t panels = panel_count(a->n);
    if (a->n == 1) {
        dense_dot(a, storage);
    } else {
        for (int64_t p = 0; p < panels; ++p) {
            const int64_t start = panel_start(a->n, p), vectors = panel_start(a->n, p + 1) - start, m = sums_rows[vectors - 1];
            int64_t row = 0;
            for (; row + m <= a->rows; row += m) sums[vectors - 1](a, row, 1, start * HG_VL);
            for (; row < a->rows; ++row) sums[vectors - 1](a, row, 0, start * HG_VL);
        }
    }
    finish_tile(a);
}

static void dense_to_bf16(const hg_dense *a)
{
    dense_stored(a, HG_STORE_REAL, sums_of_real);
}

#ifdef HG_WIDENED_BF16
DEFINE_ALL_SUMS(sums_of_bf16, HG_STORE_BF16)

static void dense_widened(const hg_dense *a)
{
    dense_stored(a, HG_STORE_BF16, sums_of_bf16);
}

/* Weights that other tables hold in bf16 are as coarse here, so that tables agree. */
static void pack_rounded(const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean, void *dst)
{
    pack_panels(true, w, out_step, in_step, n, k, mean, dst);
}
#endif
