/* kernels/dense_body.h — fused layers and reductions of hg_real rows (contract: dense.h), part of body.h. */
/* SPDX-License-Identifier: Apache-2.0 */
/* No include guard: part of a unit of its own for every instruction set, which sets
 *   HG_PANEL              vectors in a panel of columns, at most 4
 *   HG_ROWS_1 .. HG_ROWS_4 rows of the register block for 1 .. 4 vectors; each at most HG_VL */

/* Panels share the vectors of a row as evenly as they can: 5 vectors are 3 and 2. */
static inline int64_t panel_count(int64_t n)
{
    int64_t vectors = hg_stride(HG_STORE_REAL, n) / HG_VL;
    return (vectors + HG_PANEL - 1) / HG_PANEL;
}

static inline int64_t panel_start(int64_t n, int64_t panel)
{
    return hg_stride(HG_STORE_REAL, n) / HG_VL * panel / panel_count(n);
}

/* One output is a dot product: its weights are one vector along k instead of a panel. */
static int64_t packed_bytes(int64_t n, int64_t k)
{
    return (int64_t)sizeof(hg_real) * (n == 1 ? hg_stride(HG_STORE_REAL, k) : k * hg_stride(HG_STORE_REAL, n));
}

ALWAYS_INLINE void pack_panels(bool round, const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean,
                               void *dst)
{
    hg_real *to = dst;
    memset(dst, 0, (size_t)packed_bytes(n, k));
    for (int64_t panel = 0; panel < panel_count(n); ++panel) {
        int64_t from = panel_start(n, panel) * HG_VL, width = panel_start(n, panel + 1) * HG_VL - from;
        if (n == 1) width = 1;
        for (int64_t i = 0; i < k; ++i, to += width) {
            for (int64_t c = 0; c < width && from + c < n; ++c) {
                const hg_real x = w[(from + c) * out_step + i * in_step] - (mean ? mean[i] : 0);
                to[c] = round ? hg_widen_bf16(hg_round_bf16(x)) : x;
            }
        }
    }
}

static void pack(const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean, void *dst)
{
    pack_panels(false, w, out_step, in_step, n, k, mean, dst);
}

/* Activations that the blocks know; the others are done on rows that wait in the scratch tile. */
ALWAYS_INLINE bool known_in_registers(hg_activation kind)
{
#ifdef HG_REAL_DOUBLE
    return kind == HG_ACTIVATION_NONE || kind == HG_ACTIVATION_RELU || kind == HG_ACTIVATION_LEAKY_RELU;
#else
    return kind <= HG_ACTIVATION_SILU;
#endif
}

/* In place on vectors in memory: what is long would not fit into any cache in 24 copies. */
static __attribute__((noinline)) void activate_vectors(hg_activation kind, hg_real *x, int count)
{
    if (kind == HG_ACTIVATION_RELU) {
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, larger((vector){0}, load(x + i * HG_VL)));
    } else if (kind == HG_ACTIVATION_LEAKY_RELU) {
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, larger(leak * load(x + i * HG_VL), load(x + i * HG_VL)));
    }
#ifndef HG_REAL_DOUBLE
    if (kind == HG_ACTIVATION_SIGMOID) {
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, sigmoid_of(load(x + i * HG_VL)));
    } else if (kind == HG_ACTIVATION_TANH) {
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, tanh_of(load(x + i * HG_VL)));
    } else if (kind == HG_ACTIVATION_SILU) {
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, load(x + i * HG_VL) * sigmoid_of(load(x + i * HG_VL)));
    }
#endif
}

ALWAYS_INLINE void activate_block(hg_activation kind, vector *v, int count)
{
    if (kind == HG_ACTIVATION_RELU) {
#pragma GCC unroll 24
        for (int i = 0; i < count; ++i) v[i] = larger((vector){0}, v[i]);
    } else if (kind != HG_ACTIVATION_NONE) {
        hg_real x[24 * HG_VL] __attribute__((aligned(64)));
#pragma GCC unroll 24
        for (int i = 0; i < count; ++i) store(x + i * HG_VL, v[i]);
        activate_vectors(kind, x, count);
#pragma GCC unroll 24
        for (int i = 0; i < count; ++i) v[i] = load(x + i * HG_VL);
    }
}

/* Columns of a row of `out` that are written: with the padding where the stride has room for it. */
static inline int64_t written_columns(const hg_dense *a)
{
    int64_t padded = hg_stride(a->out_storage, a->n);
    return a->ldo >= padded ? padded : a->n;
}

/* Residual and store of `columns` numbers of a row. */
static inline void store_row(const hg_dense *a, int64_t row, int64_t column, const hg_real *v, int64_t columns)
{
    hg_real *out = (hg_real *)a->out + row * a->ldo + column;
    const hg_real *old = a->old ? (const hg_real *)a->old + row * a->ldo + column : NULL;
    int64_t c = 0;
    for (; c + HG_VL <= columns; c += HG_VL) {
        vector y = load(v + c);
        if (old) y = a->keep * load(old + c) + a->change * y;
        store(out + c, y);
    }
    for (; c < columns; ++c) out[c] = old ? a->keep * old[c] + a->change * v[c] : v[c];
}

/* A whole row to bf16. A line of it holds more columns than one of hg_real: they are filled up with zeros. */
static void store_rounded_row(const hg_dense *a, int64_t row, const hg_real *v)
{
    const int64_t written = written_columns(a), padded = hg_stride(HG_STORE_REAL, a->n);
    uint16_t *out = (uint16_t *)a->out + row * a->ldo;
    const uint16_t *old = a->old ? (const uint16_t *)a->old + row * a->ldo : NULL;
    for (int64_t c = 0; c < written; c += HG_VL) {
        const size_t bytes = 2 * (size_t)(written - c < HG_VL ? written - c : HG_VL);
        hg_real part[HG_VL] = {0};
        vector y = c < padded ? load(v + c) : (vector){0};
        if (c + HG_VL <= written) {
            if (old) y = a->keep * load_stored(old, HG_STORE_BF16, c) + a->change * y;
            store_stored(out, HG_STORE_BF16, c, y);
            continue;
        }
        if (old) {
            memcpy(part, old + c, bytes);
            y = a->keep * load_stored(part, HG_STORE_BF16, 0) + a->change * y;
        }
        store_stored(part, HG_STORE_BF16, 0, y);
        memcpy(out + c, part, bytes);
    }
}

/* Rows of a block that stands at the end of a tile or of a row without room for padding. */
static __attribute__((noinline)) void store_rows(const hg_dense *a, int64_t row, int64_t step, int first, int64_t column, const hg_real *v,
                                                 int rows, int64_t width)
{
    const int64_t left = written_columns(a) - column, columns = left < width ? left : width;
    for (int i = first; i < rows; ++i) store_row(a, row + i * step, column, v + i * width, columns);
}

/* 1 / standard deviation of the first `rows` lanes from the sums of their squares. Half a vector where that is enough: square roots and
 * quotients are slow by the lane. */
ALWAYS_INLINE void rstd_of(vector squares, int rows, hg_real scale, hg_real eps, hg_real *out)
{
    const int lanes = rows <= HG_VL / 2 ? HG_VL / 2 : HG_VL;
    store(out, squares * scale + eps);
    for (int i = 0; i < lanes; ++i) out[i] = 1 / HG_SQRT(out[i]);
}

/* Padding to zero: gathered rows may have brought something there. */
ALWAYS_INLINE void mask_block(int64_t n, vector *acc, int rows, int count)
{
#pragma GCC unroll 4
    for (int j = 0; j < count; ++j) {
        if ((j + 1) * HG_VL <= n) continue;
        vector mask;
        for (int lane = 0; lane < HG_VL; ++lane) mask[lane] = j * HG_VL + lane < n;
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) acc[i * count + j] *= mask;
    }
}

/* The whole row stands in acc: norm and affine of ROWS rows together. */
ALWAYS_INLINE void norm_block(const hg_dense *a, hg_dense_norm norm, int64_t row, int64_t step, int first, vector *acc, int rows, int count)
{
    vector part[HG_VL];
    hg_real stat[HG_VL] __attribute__((aligned(64)));
    hg_real scale = 1 / (hg_real)a->n;
    const bool padded = a->n < count * HG_VL;
    if (padded) mask_block(a->n, acc, rows, count);
    if (norm == HG_DENSE_NORM) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            part[i] = acc[i * count];
#pragma GCC unroll 4
            for (int j = 1; j < count; ++j) part[i] += acc[i * count + j];
        }
        store(stat, lane_sums(part, rows) * scale);
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) acc[i] -= stat[i / count];
        if (padded) mask_block(a->n, acc, rows, count);
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
        part[i] = acc[i * count] * acc[i * count];
#pragma GCC unroll 4
        for (int j = 1; j < count; ++j) part[i] += acc[i * count + j] * acc[i * count + j];
    }
    rstd_of(lane_sums(part, rows), rows, scale, a->eps, stat);
#pragma GCC unroll 24
    for (int i = 0; i < rows * count; ++i) acc[i] *= stat[i / count];
    for (int i = first; a->rstd && i < rows; ++i) a->rstd[row + i * step] = stat[i];
}

ALWAYS_INLINE void finish_block(const hg_dense *a, int64_t row, int64_t step, int first, int64_t column, vector *acc, int rows, int count)
{
    int64_t padded = hg_stride(HG_STORE_REAL, a->n), written = written_columns(a);
    if (a->h) {
        hg_real *h = a->h + row * padded + column;
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) {
            if (i / count >= first) store(h + i / count * step * padded + i % count * HG_VL, acc[i]);
        }
    }
    if (a->gamma) {
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i)
            acc[i] = acc[i] * load(a->gamma + column + i % count * HG_VL) + load(a->beta + column + i % count * HG_VL);
    }
    activate_block(a->activation, acc, rows * count);
    if (first == 0 && column + count * HG_VL <= written) {
        const int64_t ldo = a->ldo * step;
        hg_real *out = (hg_real *)a->out + row * a->ldo + column;
        if (a->old) {
            const hg_real *old = (const hg_real *)a->old + row * a->ldo + column;
#pragma GCC unroll 24
            for (int i = 0; i < rows * count; ++i) acc[i] = a->keep * load(old + i / count * ldo + i % count * HG_VL) + a->change * acc[i];
        }
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) store(out + i / count * ldo + i % count * HG_VL, acc[i]);
    } else {
        hg_real v[24 * HG_VL] __attribute__((aligned(64)));
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) store(v + i * HG_VL, acc[i]);
        store_rows(a, row, step, first, column, v, rows, count * HG_VL);
    }
}

ALWAYS_INLINE const hg_real *gathered_row(const hg_dense_gather *from, int64_t row, int64_t column)
{
    return (const hg_real *)from->table + from->index[row] * from->ld + column;
}

ALWAYS_INLINE void start_block(const hg_dense *a, int64_t row, int64_t step, int64_t column, vector *acc, int rows, int count)
{
    int g = 0;
    if (a->bias) {
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) acc[i] = load(a->bias + column + i % count * HG_VL);
    } else if (a->n_gathers > 0) {
        g = 1;
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const hg_real *at = gathered_row(&a->gather[0], row + i * step, column);
#pragma GCC unroll 4
            for (int j = 0; j < count; ++j) acc[i * count + j] = load(at + j * HG_VL);
        }
    } else {
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) acc[i] = (vector){0};
    }
    for (; g < a->n_gathers; ++g) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const hg_real *at = gathered_row(&a->gather[g], row + i * step, column);
#pragma GCC unroll 4
            for (int j = 0; j < count; ++j) acc[i * count + j] += load(at + j * HG_VL);
        }
    }
}

/* What a block does with its sums. */
typedef enum finish { TO_SCRATCH, PLAIN, NORMED, CENTRED, FINISHES } finish;

ALWAYS_INLINE void end_block(const hg_dense *a, finish how, int64_t row, int64_t step, int first, int64_t column, vector *acc, int rows,
                             int count)
{
    if (how == TO_SCRATCH) {
        hg_real *to = a->scratch + column;
        const int64_t ld = hg_stride(HG_STORE_REAL, a->n);
#pragma GCC unroll 24
        for (int i = 0; i < rows * count; ++i) store(to + (row + i / count * step) * ld + i % count * HG_VL, acc[i]);
        return;
    }
    if (how == NORMED) norm_block(a, HG_DENSE_NORM, row, step, first, acc, rows, count);
    if (how == CENTRED) norm_block(a, HG_DENSE_CENTRED_NORM, row, step, first, acc, rows, count);
    finish_block(a, row, step, first, column, acc, rows, count);
}

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

/* z of one output into the scratch tile: lanes run along k. */
ALWAYS_INLINE void dense_dot(const hg_dense *a, hg_storage storage)
{
    for (int64_t row = 0; row < a->rows; row += HG_VL) {
        const int64_t rows = a->rows - row < HG_VL ? a->rows - row : HG_VL;
        vector sum[HG_VL];
        for (int i = 0; i < HG_VL; ++i) sum[i] = (vector){0};
        for (int p = 0; p < a->n_parts; ++p) {
            const hg_dense_part *part = &a->part[p];
            const hg_real *w = part->weights;
            const int64_t whole = part->k / HG_VL * HG_VL, rest = part->k - whole;
            for (int64_t i = 0; i < rows; ++i) {
                const void *in = hg_stored_row(part->in, storage, part->ld, row + i);
                for (int64_t c = 0; c < whole; c += HG_VL) sum[i] += load_stored(in, storage, c) * load(w + c);
                vector tail = {0};
                for (int64_t c = 0; c < rest; ++c) tail[c] = hg_stored_number(in, storage, whole + c);
                if (rest > 0) sum[i] += tail * load(w + whole);
            }
        }
        const vector dot = lane_sums(sum, HG_VL);
        for (int64_t i = 0; i < rows; ++i) {
            hg_real z = a->bias ? a->bias[0] : 0;
            for (int g = 0; g < a->n_gathers; ++g)
                z += hg_stored_number(hg_stored_row(a->gather[g].table, a->gather_storage, a->gather[g].ld, a->gather[g].index[row + i]),
                                      a->gather_storage, 0);
            hg_real *to = a->scratch + (row + i) * hg_stride(HG_STORE_REAL, 1);
            memset(to, 0, (size_t)hg_stride(HG_STORE_REAL, 1) * sizeof *to);
            to[0] = z + dot[i];
        }
    }
}

/* Layer norm of up to VL rows of the scratch tile from `row` on, in place; lanes beyond the last row repeat it. */
static void norm_rows(const hg_dense *a, int64_t row, hg_real *rstd)
{
    const int64_t ld = hg_stride(HG_STORE_REAL, a->n), rows = a->rows - row < HG_VL ? a->rows - row : HG_VL;
    const hg_real scale = 1 / (hg_real)a->n;
    vector part[HG_VL];
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t c = a->n; c < ld; ++c) a->scratch[(row + i) * ld + c] = 0;
    }
    if (a->norm == HG_DENSE_NORM) {
        hg_real mean[HG_VL] __attribute__((aligned(64)));
        for (int64_t i = 0; i < HG_VL; ++i) {
            const hg_real *z = a->scratch + (row + (i < rows ? i : rows - 1)) * ld;
            part[i] = load(z);
            for (int64_t c = HG_VL; c < ld; c += HG_VL) part[i] += load(z + c);
        }
        store(mean, lane_sums(part, HG_VL) * scale);
        for (int64_t i = 0; i < rows; ++i) {
            hg_real *z = a->scratch + (row + i) * ld;
            for (int64_t c = 0; c < ld; c += HG_VL) store(z + c, load(z + c) - mean[i]);
            for (int64_t c = a->n; c < ld; ++c) z[c] = 0;
        }
    }
    for (int64_t i = 0; i < HG_VL; ++i) {
        const hg_real *z = a->scratch + (row + (i < rows ? i : rows - 1)) * ld;
        part[i] = load(z) * load(z);
        for (int64_t c = HG_VL; c < ld; c += HG_VL) part[i] += load(z + c) * load(z + c);
    }
    rstd_of(lane_sums(part, HG_VL), HG_VL, scale, a->eps, rstd);
    for (int64_t i = 0; a->rstd && i < rows; ++i) a->rstd[row + i] = rstd[i];
}

/* One row of the scratch tile to out; rstd: its factor. */
static void finish_row(const hg_dense *a, int64_t row, hg_real rstd)
{
    const int64_t ld = hg_stride(HG_STORE_REAL, a->n);
    const bool relu = a->activation == HG_ACTIVATION_RELU;
    const bool direct = (relu || a->activation == HG_ACTIVATION_NONE) && a->out_storage == HG_STORE_REAL && a->ldo >= ld;
    hg_real *z = a->scratch + row * ld, *out = (hg_real *)a->out + row * a->ldo;
    for (int64_t c = 0; c < ld; c += HG_VL) {
        vector v = load(z + c) * rstd;
        if (a->h) store(a->h + row * ld + c, v);
        if (a->gamma) v = v * load(a->gamma + c) + load(a->beta + c);
        if (!direct) {
            store(z + c, v);
            continue;
        }
        if (relu) v = larger((vector){0}, v);
        if (a->old) v = a->keep * load((const hg_real *)a->old + row * a->ldo + c) + a->change * v;
        store(out + c, v);
    }
    if (direct) return;
    if (known_in_registers(a->activation)) {
        activate_vectors(a->activation, z, (int)(ld / HG_VL));
    } else {
        activate(a->activation, z, z, ld);
    }
    if (a->out_storage == HG_STORE_REAL) {
        store_row(a, row, 0, z, written_columns(a));
    } else {
        store_rounded_row(a, row, z);
    }
}

/* From z in the scratch tile to out, for rows that did not fit into registers and for activations that blocks do not know. */
static void finish_tile(const hg_dense *a)
{
    for (int64_t row = 0; row < a->rows; row += HG_VL) {
        hg_real rstd[HG_VL] __attribute__((aligned(64)));
        if (a->norm != HG_DENSE_NO_NORM) norm_rows(a, row, rstd);
        for (int64_t i = 0; i < HG_VL && row + i < a->rows; ++i) finish_row(a, row + i, a->norm != HG_DENSE_NO_NORM ? rstd[i] : 1);
    }
}

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
