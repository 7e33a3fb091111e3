/* kernels/dense_blocks.h — a block of sums in registers: how it starts, norm, activation, residual and store; part of dense_body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

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
        vector mask = {0};
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
