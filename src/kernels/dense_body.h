/* kernels/dense_body.h — fused layers and reductions of hg_real rows (contract: dense.h), part of body.h. */
/* SPDX-License-Identifier: Apache-2.0 */
/* No include guard: part of a unit of its own for every instruction set, which sets
 *   HG_PANEL              vectors in a panel of columns, at most 4
 *   HG_ROWS_1 .. HG_ROWS_4 rows of the register block for 1 .. 4 vectors; each at most HG_VL */

#include "kernels/dense_panels.h"
#include "kernels/dense_blocks.h"

/* Into the second cache: the first one is full of weights and of this tile. */
ALWAYS_INLINE void prefetch_bytes(const void *from, int64_t bytes)
{
    for (int64_t c = 0; c < bytes; c += 64) __builtin_prefetch((const char *)from + c, 0, 2);
}

/* What the next tile reads in the place of rows row .. row + rows: the first gathered rows, where the other lists are close to sorted, and
 * a share of the bytes that follow. */
ALWAYS_INLINE void prefetch_ahead(const hg_dense *a, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const int64_t end = row + rows < a->ahead ? row + rows : a->ahead;
    for (int64_t i = row; a->n_gathers > 0 && i < end; ++i)
        prefetch_bytes(gathered_row(&a->gather[0], a->rows + i, column), columns * (int64_t)sizeof(hg_real));
    if (column > 0 || a->next_bytes == 0) return;
    const int64_t from = a->next_bytes * row / a->rows, to = a->next_bytes * (row + rows < a->rows ? row + rows : a->rows) / a->rows;
    prefetch_bytes((const char *)a->next + from, to - from);
}

/* The rows of one block: row, row + step, ..; those before `first` are computed but not stored. */
typedef struct block_rows {
    int64_t row, step;
    int first;
} block_rows;

/* Takes the next block of m rows. The last one moves up to end with the last row; where there are fewer rows than a block has, each row is
 * computed by a block of its own. Either way every row goes through the same instructions. */
ALWAYS_INLINE block_rows next_block(int64_t *row, int64_t rows, int m)
{
    block_rows b = {*row, 1, 0};
    if (*row + m <= rows) {
        *row += m;
    } else if (rows >= m) {
        b = (block_rows){rows - m, 1, (int)(m - (rows - *row))};
        *row = rows;
    } else {
        b = (block_rows){*row, 0, m - 1};
        *row += 1;
    }
    return b;
}

/* All rows of the panel of columns that starts at `column`. */
#define DEFINE_DENSE(NAME, FINISH, ROWS, COUNT)                                                                                            \
    static void NAME(const hg_dense *a, int64_t column)                                                                                    \
    {                                                                                                                                      \
        for (int64_t row = 0; row < a->rows;) {                                                                                            \
            const block_rows b = next_block(&row, a->rows, ROWS);                                                                          \
            vector acc[ROWS * COUNT];                                                                                                      \
            prefetch_ahead(a, b.row, ROWS, column, COUNT *HG_VL);                                                                          \
            start_block(a, b.row, b.step, column, acc, ROWS, COUNT);                                                                       \
            for (int p = 0; p < a->n_parts; ++p) {                                                                                         \
                const hg_dense_part *part = &a->part[p];                                                                                   \
                const hg_real *in = (const hg_real *)part->in + b.row * part->ld;                                                          \
                const hg_real *w = (const hg_real *)part->weights + part->k * column;                                                      \
                const int64_t ld = b.step * part->ld;                                                                                      \
                for (int64_t k = part->k; k > 0; --k, ++in, w += COUNT * HG_VL) {                                                          \
                    vector right[COUNT];                                                                                                   \
                    _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) right[j] = load(w + j * HG_VL);                                \
                    _Pragma("GCC unroll 16") for (int i = 0; i < ROWS; ++i)                                                                \
                    {                                                                                                                      \
                        const hg_real left = in[i * ld];                                                                                   \
                        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) acc[i * COUNT + j] += left * right[j];                     \
                    }                                                                                                                      \
                }                                                                                                                          \
            }                                                                                                                              \
            end_block(a, FINISH, b.row, b.step, b.first, column, acc, ROWS, COUNT);                                                        \
        }                                                                                                                                  \
    }
#define DEFINE_PANELS(NAME, ROWS, COUNT)                                                                                                   \
    DEFINE_DENSE(NAME##_to_scratch, TO_SCRATCH, ROWS, COUNT)                                                                               \
    DEFINE_DENSE(NAME##_plain, PLAIN, ROWS, COUNT)                                                                                         \
    DEFINE_DENSE(NAME##_normed, NORMED, ROWS, COUNT)                                                                                       \
    DEFINE_DENSE(NAME##_centred, CENTRED, ROWS, COUNT)

typedef void dense_panel(const hg_dense *a, int64_t column);
#define PANEL_LIST(NAME)                                                                                                                   \
    {                                                                                                                                      \
        NAME##_to_scratch, NAME##_plain, NAME##_normed, NAME##_centred                                                                     \
    }
DEFINE_PANELS(dense_1, HG_ROWS_1, 1)
DEFINE_PANELS(dense_2, HG_ROWS_2, 2)
#if HG_PANEL > 2
DEFINE_PANELS(dense_3, HG_ROWS_3, 3)
DEFINE_PANELS(dense_4, HG_ROWS_4, 4)
static dense_panel *const dense_panels[][FINISHES] = {PANEL_LIST(dense_1), PANEL_LIST(dense_2), PANEL_LIST(dense_3), PANEL_LIST(dense_4)};
#else
static dense_panel *const dense_panels[][FINISHES] = {PANEL_LIST(dense_1), PANEL_LIST(dense_2)};
#endif

#include "kernels/dense_tile.h"
#ifndef HG_REAL_DOUBLE
#include "kernels/dense_bf16_body.h"
#endif

static void dense(const hg_dense *a)
{
#ifndef HG_REAL_DOUBLE
    if (a->out_storage == HG_STORE_BF16 || (a->n_gathers > 0 && a->gather_storage == HG_STORE_BF16)) {
        dense_to_bf16(a);
        return;
    }
#endif
    const int64_t panels = panel_count(a->n);
    const bool direct = a->n > 1 && known_in_registers(a->activation) && (panels == 1 || a->norm == HG_DENSE_NO_NORM);
    const finish how = !direct ? TO_SCRATCH : a->norm == HG_DENSE_NORM ? NORMED : a->norm == HG_DENSE_CENTRED_NORM ? CENTRED : PLAIN;
    if (a->n == 1) {
        dense_dot(a, HG_STORE_REAL);
    } else {
        for (int64_t p = 0; p < panels; ++p) {
            int64_t start = panel_start(a->n, p);
            dense_panels[panel_start(a->n, p + 1) - start - 1][how](a, start * HG_VL);
        }
    }
    if (!direct) finish_tile(a);
}
