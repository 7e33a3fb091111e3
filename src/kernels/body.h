/* kernels/body.h — one source of all tables: included once per instruction set, which sets HG_ISA_NAME, HG_TABLE and the block shapes. */
/* SPDX-License-Identifier: Apache-2.0 */
/* No include guard: each unit includes this once, with its own settings of
 *   HG_WIDE_4, HG_WIDE_2, HG_WIDE_1   rows of the register block for 64, 32, 16 columns (0 = shape not used)
 *   HG_NARROW                         rows of the register block for 8 columns
 *   and what vector.h and dense_body.h ask for. */
#include "kernels/bf16.h"
#include "kernels/functions.h"
#include "kernels/kernels.h"

typedef hg_real vector8 __attribute__((vector_size(8 * sizeof(hg_real)), aligned(sizeof(hg_real)), may_alias));
typedef hg_real vector16 __attribute__((vector_size(16 * sizeof(hg_real)), aligned(sizeof(hg_real)), may_alias));

/* A register block: ROWS x (COUNT * LANES) sums stay in registers while p runs. All sums run over p ascending, whatever the block. */
#define DEFINE_BLOCK(NAME, VECTOR, LANES, COUNT, ROWS)                                                                                     \
    static inline __attribute__((always_inline)) void NAME(hg_real *out, int64_t ldo, const hg_real *a, int64_t a_row, int64_t a_step,     \
                                                           int64_t k, const hg_real *b, int64_t ldb)                                       \
    {                                                                                                                                      \
        VECTOR sum[ROWS][COUNT];                                                                                                           \
        _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                             \
        {                                                                                                                                  \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[i][j] = *(const VECTOR *)(out + i * ldo + j * LANES);              \
        }                                                                                                                                  \
        for (int64_t p = 0; p < k; ++p, a += a_step, b += ldb) {                                                                           \
            VECTOR right[COUNT];                                                                                                           \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) right[j] = *(const VECTOR *)(b + j * LANES);                           \
            _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                         \
            {                                                                                                                              \
                hg_real left = a[i * a_row];                                                                                               \
                _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[i][j] += left * right[j];                                      \
            }                                                                                                                              \
        }                                                                                                                                  \
        _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                             \
        {                                                                                                                                  \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) * (VECTOR *)(out + i * ldo + j * LANES) = sum[i][j];                   \
        }                                                                                                                                  \
    }

/* All rows of one panel of columns: full blocks, then row by row. */
#define DEFINE_PANEL(NAME, VECTOR, LANES, COUNT, ROWS)                                                                                     \
    DEFINE_BLOCK(NAME##_block, VECTOR, LANES, COUNT, ROWS)                                                                                 \
    DEFINE_BLOCK(NAME##_row, VECTOR, LANES, COUNT, 1)                                                                                      \
    static void NAME(hg_real *out, int64_t ldo, const hg_real *a, int64_t a_row, int64_t a_step, int64_t rows, int64_t k,                  \
                     const hg_real *b, int64_t ldb)                                                                                        \
    {                                                                                                                                      \
        int64_t i = 0;                                                                                                                     \
        for (; i + ROWS <= rows; i += ROWS) NAME##_block(out + i * ldo, ldo, a + i * a_row, a_row, a_step, k, b, ldb);                     \
        for (; i < rows; ++i) NAME##_row(out + i * ldo, ldo, a + i * a_row, a_row, a_step, k, b, ldb);                                     \
    }

#if HG_WIDE_4 > 0
DEFINE_PANEL(panel_64, vector16, 16, 4, HG_WIDE_4)
#endif
#if HG_WIDE_2 > 0
DEFINE_PANEL(panel_32, vector16, 16, 2, HG_WIDE_2)
#endif
#if HG_WIDE_1 > 0
DEFINE_PANEL(panel_16, vector16, 16, 1, HG_WIDE_1)
#endif
DEFINE_PANEL(panel_8, vector8, 8, 1, HG_NARROW)

static void multiply(hg_real *out, int64_t ldo, const hg_real *a, int64_t a_row, int64_t a_step, int64_t rows, int64_t k, const hg_real *b,
                     int64_t ldb, int64_t n)
{
    int64_t j = 0;
#if HG_WIDE_4 > 0
    for (; j + 64 <= n; j += 64) panel_64(out + j, ldo, a, a_row, a_step, rows, k, b + j, ldb);
#endif
#if HG_WIDE_2 > 0
    for (; j + 32 <= n; j += 32) panel_32(out + j, ldo, a, a_row, a_step, rows, k, b + j, ldb);
#endif
#if HG_WIDE_1 > 0
    for (; j + 16 <= n; j += 16) panel_16(out + j, ldo, a, a_row, a_step, rows, k, b + j, ldb);
#endif
    for (; j < n; j += 8) panel_8(out + j, ldo, a, a_row, a_step, rows, k, b + j, ldb);
}

static void gather_add(hg_real *out, int64_t ldo, const hg_real *table, int64_t ldt, const int32_t *index, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; ++i) {
        const hg_real *from = table + index[i] * ldt;
        hg_real *to = out + i * ldo;
        for (int64_t c = 0; c < n; c += 8) *(vector8 *)(to + c) += *(const vector8 *)(from + c);
    }
}

/* One block of columns of a segment sum, kept in registers over all rows. */
#define DEFINE_SUM(NAME, COUNT)                                                                                                            \
    static void NAME(hg_real *out, const hg_real *table, int64_t ldt, const hg_rows *rows)                                                 \
    {                                                                                                                                      \
        vector8 sum[COUNT];                                                                                                                \
        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[j] = (vector8){0};                                                     \
        for (int64_t t = rows->first; t < rows->first + rows->count; ++t) {                                                                \
            int64_t item = rows->edge ? rows->edge[t] : t;                                                                                 \
            const hg_real *from = table + (rows->end ? rows->end[item] : item) * ldt;                                                      \
            if (rows->weight) {                                                                                                            \
                hg_real weight = rows->weight[item];                                                                                       \
                _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[j] += weight * *(const vector8 *)(from + 8 * j);               \
            } else {                                                                                                                       \
                _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[j] += *(const vector8 *)(from + 8 * j);                        \
            }                                                                                                                              \
        }                                                                                                                                  \
        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) * (vector8 *)(out + 8 * j) = sum[j];                                       \
    }
DEFINE_SUM(sum_rows_32, 4)
DEFINE_SUM(sum_rows_16, 2)
DEFINE_SUM(sum_rows_8, 1)

static void sum_rows(hg_real *out, const hg_real *table, int64_t ldt, const hg_rows *rows, int64_t n)
{
    int64_t c = 0;
    for (; c + 32 <= n; c += 32) sum_rows_32(out + c, table + c, ldt, rows);
    for (; c + 16 <= n; c += 16) sum_rows_16(out + c, table + c, ldt, rows);
    for (; c + 8 <= n; c += 8) sum_rows_8(out + c, table + c, ldt, rows);
    for (; c < n; ++c) {
        hg_real sum = 0;
        for (int64_t t = rows->first; t < rows->first + rows->count; ++t) {
            int64_t item = rows->edge ? rows->edge[t] : t;
            hg_real value = table[(rows->end ? rows->end[item] : item) * ldt + c];
            sum += rows->weight ? rows->weight[item] * value : value;
        }
        out[c] = sum;
    }
}

static inline hg_real add_lanes(const vector8 *v)
{
    return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) + (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

/* 1 in the lanes that belong to real columns of the last vector of a row of width n. */
static inline void lane_mask(int64_t n, vector8 *mask)
{
    for (int lane = 0; lane < 8; ++lane) (*mask)[lane] = (hg_real)((n - 1) % 8 >= lane);
}

static void layer_norm(hg_real *z, int64_t ld, int64_t rows, int64_t n, hg_real eps, hg_real *rstd)
{
    int64_t last = (n - 1) / 8 * 8;
    hg_real scale = (hg_real)1 / (hg_real)n;
    vector8 mask;
    lane_mask(n, &mask);
    for (int64_t i = 0; i < rows; ++i) {
        hg_real *row = z + i * ld;
        vector8 sum = *(vector8 *)(row + last) * mask, squares;
        for (int64_t c = 0; c < last; c += 8) sum += *(vector8 *)(row + c);
        hg_real mean = add_lanes(&sum) * scale;
        vector8 tail = (*(vector8 *)(row + last) - mean) * mask;
        *(vector8 *)(row + last) = tail;
        squares = tail * tail;
        for (int64_t c = 0; c < last; c += 8) {
            vector8 centred = *(vector8 *)(row + c) - mean;
            *(vector8 *)(row + c) = centred;
            squares += centred * centred;
        }
        hg_real r = (hg_real)1 / HG_SQRT(add_lanes(&squares) * scale + eps);
        for (int64_t c = 0; c <= last; c += 8) *(vector8 *)(row + c) *= r;
        for (int64_t c = last + 8; c < hg_padded(n); c += 8) *(vector8 *)(row + c) = (vector8){0};
        rstd[i] = r;
    }
}

static void column_sums(hg_real *out, const hg_real *d, int64_t ld, int64_t rows, int64_t n)
{
    for (int64_t c = 0; c < n; c += 8) {
        vector8 sum = *(vector8 *)(out + c);
        for (int64_t i = 0; i < rows; ++i) sum += *(const vector8 *)(d + i * ld + c);
        *(vector8 *)(out + c) = sum;
    }
}

#include "kernels/activations.h"
/* Units with instructions for bf16 bring their own HG_BF16_LAYERS; the others widen rows on the way. */
#ifndef HG_BF16_LAYERS
#ifdef HG_REAL_DOUBLE
#define HG_BF16_LAYERS                                                                                                                     \
    {                                                                                                                                      \
        0                                                                                                                                  \
    }
#else
#define HG_WIDENED_BF16
#define HG_BF16_LAYERS                                                                                                                     \
    {                                                                                                                                      \
        packed_bytes, pack_rounded, dense_widened                                                                                          \
    }
#endif
#endif
#include "kernels/vector.h"
#include "kernels/backward.h"
#include "kernels/dense_body.h"
#include "kernels/fold_body.h"
#include "kernels/lanes_body.h"

const hg_kernels HG_TABLE = {.name = HG_ISA_NAME,
                             .multiply = multiply,
                             .gather_add = gather_add,
                             .sum_rows = sum_rows,
                             .layer_norm = layer_norm,
                             .activate = activate,
                             .activate_back = activate_back,
                             .wgrad = wgrad,
                             .layer_back = layer_back,
                             .segment_add = segment_add,
                             .column_sums = column_sums,
                             .dense = {[HG_STORE_REAL] = {packed_bytes, pack, dense}, [HG_STORE_BF16] = HG_BF16_LAYERS},
                             .fold = fold_rows,
                             .lanes = lanes};
