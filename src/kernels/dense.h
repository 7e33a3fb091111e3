/* kernels/dense.h — one layer on a tile of rows: sums that start at bias and gathered rows, norm, activation, residual, in registers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_DENSE_H
#define HG_KERNELS_DENSE_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/real.h"

/* How rows of tables and hidden tiles are stored. Sums, norms and activations are always hg_real. bf16: the upper half of a float,
 * rounded to nearest even, NaN kept. */
typedef enum hg_storage { HG_STORE_REAL, HG_STORE_BF16, HG_STORAGES } hg_storage;

typedef enum hg_activation {
    HG_ACTIVATION_NONE,
    HG_ACTIVATION_RELU,
    HG_ACTIVATION_LEAKY_RELU,
    HG_ACTIVATION_SIGMOID,
    HG_ACTIVATION_TANH,
    HG_ACTIVATION_SILU,
    HG_ACTIVATION_GELU,
    HG_ACTIVATION_GELU_TANH,
    HG_ACTIVATION_SOFTPLUS,
    HG_ACTIVATION_EXP,
    HG_ACTIVATION_LEAKY_RELU_FIFTH /* slope 0.2 below 0, as attention uses it */
} hg_activation;

/* Contract of everything here: a pure function of its arguments; no allocation, errors, threads, globals or libc but memcpy and math.
 * - A row is a whole number of 64-byte lines: strides of tables and tiles made by the engine are hg_stride(storage, width), bases are
 *   64-byte aligned. Columns from the width to the stride are finite; weights for them are zero, so they never change a real column.
 * - `in` of a part is the exception: any base and any stride >= k (attributes of a batch are read where they are).
 *   HG_STORE_BF16 reads hg_stride(HG_STORE_BF16, k) columns of it; the surplus ones must be finite.
 * - A row's bits depend neither on its place in the tile, nor on its neighbours, nor on `rows`. Sums run over the gathers in order, then
 *   over the parts in order, then over k ascending (bf16: over groups of k that depend on k alone). */
enum { HG_TILE_ROWS = 96, HG_DENSE_GATHERS = 3 };

static inline int64_t hg_stride(hg_storage storage, int64_t width)
{
    int64_t step = storage == HG_STORE_BF16 ? 32 : 16;
    return (width + step - 1) & -step;
}
static inline int64_t hg_stored_size(hg_storage storage)
{
    return storage == HG_STORE_BF16 ? 2 : (int64_t)sizeof(hg_real);
}

/* Some of the input columns: in[rows, k] (storage of the kernel), weights as made by hg_dense_kernels.pack for [n, k]. */
typedef struct hg_dense_part {
    const void *in;
    int64_t ld, k;
    const void *weights;
} hg_dense_part;

/* table[index[row], 0 .. n) is added to each row, as the products of the split first layer are. */
typedef struct hg_dense_gather {
    const void *table;
    int64_t ld;
    const int32_t *index; /* [rows + ahead] */
} hg_dense_gather;

typedef enum hg_dense_norm {
    HG_DENSE_NO_NORM,
    HG_DENSE_NORM,        /* layer norm of the n columns */
    HG_DENSE_CENTRED_NORM /* the same, where weights, bias and gathered products were centred (hg_dense_kernels.pack with `mean`), so
                             that the mean of the columns is zero up to rounding and is not taken off again */
} hg_dense_norm;

/* z = bias + sum of gathers + sum over parts of in weights;  h = norm(z);  a = gamma h + beta;  y = activation(a);
 * out = y, or keep * old + change * y where there is an `old`. */
typedef struct hg_dense {
    int64_t rows, n; /* rows <= HG_TILE_ROWS */
    const hg_dense_part *part;
    int n_parts, n_gathers;
    hg_dense_gather gather[HG_DENSE_GATHERS];
    int64_t ahead;               /* rows of the index lists beyond this tile, to be prefetched; 0 = none */
    const void *next;            /* next_bytes that the next tile reads, to be prefetched */
    int64_t next_bytes;          /* 0 = none */
    hg_storage gather_storage;   /* of the gathered tables */
    const hg_real *bias;         /* [stride of n], zero padded; NULL = 0 */
    const hg_real *gamma, *beta; /* [stride of n], zero padded; NULL = 1 and 0 */
    hg_dense_norm norm;
    hg_real eps;
    hg_activation activation;
    hg_storage out_storage; /* of old and out */
    const void *old;        /* [rows, n], stride ldo; may be out itself; NULL = none */
    hg_real keep, change;
    void *out; /* [rows, n], overlaps no input; ldo >= n. Padding up to hg_stride(out_storage, n) is written where ldo has room for it. */
    int64_t ldo;
    hg_real *h;       /* [rows, n], stride hg_stride(HG_STORE_REAL, n): h for the way back; NULL = not wanted */
    hg_real *rstd;    /* [rows]; 1 / standard deviation for the way back; NULL = not wanted */
    hg_real *scratch; /* [HG_TILE_ROWS, hg_stride(HG_STORE_REAL, n)]; never NULL */
} hg_dense;

typedef struct hg_dense_kernels {
    /* Weights of one part, [n, k] at w[o * out_step + i * in_step], into panels as `run` wants them; dst: packed_bytes(n, k), 64-byte
     * aligned. mean: NULL, or [k], taken off every column i of w (the mean over the n outputs, for HG_DENSE_CENTRED_NORM). */
    int64_t (*packed_bytes)(int64_t n, int64_t k);
    void (*pack)(const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean, void *dst);
    void (*run)(const hg_dense *layer);
} hg_dense_kernels;

/* What a reduction makes of the items of each row. Over nothing: 0. STD: 0 for variances up to 1e-5. */
typedef enum hg_fold { HG_FOLD_SUM, HG_FOLD_MEAN, HG_FOLD_MAX, HG_FOLD_MIN, HG_FOLD_STD } hg_fold;

/* Items of row r are places ptr[r] .. ptr[r + 1]; the item at place t is edge[t] (edge NULL: t); its row of the table is end[item] (end
 * NULL: the item); its factor is weight[item * ld_weight] (weight NULL: 1). Items are taken in order. */
typedef struct hg_fold_rows {
    int64_t rows, n;
    const void *table;
    int64_t ld;
    const void *weight;
    int64_t ld_weight;
    hg_storage storage, weight_storage; /* of table, of weight */
    const int64_t *ptr;                 /* [rows + 1] */
    const int64_t *edge;
    const int32_t *end;
    hg_storage out_storage;
    void *out; /* [rows, n], stride ldo = hg_stride(out_storage, n); padding is written */
    int64_t ldo;
} hg_fold_rows;

typedef void hg_fold_fn(hg_fold fold, const hg_fold_rows *rows);

#endif
