/* kernels/kernels.h — the arithmetic of networks on tiles of rows: pure functions, compiled once per instruction set. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_KERNELS_H
#define HG_KERNELS_KERNELS_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/real.h"
#include "kernels/dense.h"
#include "kernels/lanes.h"

/* Contract: pure functions of their arguments; no allocation, errors, threads or globals. Inputs and outputs do not overlap unless said.
 * "Padded" rows have a stride that is a multiple of HG_LANES and at least the width rounded up to it; what stands in the padding is
 * finite, and never changes a real column. A row's bits depend neither on its place in the tile nor on its neighbours. */
enum { HG_LANES = 16 };

static inline int64_t hg_padded(int64_t width)
{
    return (width + HG_LANES - 1) / HG_LANES * HG_LANES;
}

/* The rows that a segment sum adds up: item t = 0 .. count - 1 is edge[first + t] (edge NULL: first + t); its row of the table is
 * end[item] (end NULL: the item); its factor is weight[item] (weight NULL: 1). */
typedef struct hg_rows {
    const int64_t *edge;
    const int32_t *end;
    const hg_real *weight;
    int64_t first, count;
} hg_rows;

/* One layer of a tile on its way back: from the gradient of y to that of z, where h = norm(z), a = gamma h + beta, y = activation(a). */
typedef struct hg_layer_back {
    int64_t rows, n, ld; /* all arrays: [rows, n], padded, stride ld */
    hg_activation activation;
    const hg_real *a, *y, *h;  /* a only where not hg_activation_from_output(activation) */
    const hg_real *rstd;       /* [rows]; NULL = no layer norm */
    const hg_real *gamma;      /* [ld]; NULL = 1 */
    hg_real *d;                /* gradient of y -> of z; the padding becomes 0 */
    hg_real *d_gamma, *d_beta; /* [ld], added to where there is a gamma */
    hg_real *d_bias;           /* [ld], added to; NULL = not wanted */
} hg_layer_back;

typedef struct hg_kernels {
    const char *name;
    /* out[i, j] += sum over p of a[i * a_row + p * a_step] * b[p, j], p ascending; j < n, n a multiple of HG_LANES; out, b padded. */
    void (*multiply)(hg_real *out, int64_t ldo, const hg_real *a, int64_t a_row, int64_t a_step, int64_t rows, int64_t k, const hg_real *b,
                     int64_t ldb, int64_t n);
    /* out[i, :] += table[index[i], :]; n a multiple of HG_LANES. */
    void (*gather_add)(hg_real *out, int64_t ldo, const hg_real *table, int64_t ldt, const int32_t *index, int64_t rows, int64_t n);
    /* out[c] = sum over the listed rows of weight * table[row, c], in order; any n; table rows need no padding. */
    void (*sum_rows)(hg_real *out, const hg_real *table, int64_t ldt, const hg_rows *rows, int64_t n);
    /* z = (z - mean) * rstd per row over n columns, padding zeroed; rstd[rows] is written. z: stride ld, padded. */
    void (*layer_norm)(hg_real *z, int64_t ld, int64_t rows, int64_t n, hg_real eps, hg_real *rstd);
    /* y = f(x); y may be x. */
    void (*activate)(hg_activation kind, const hg_real *x, hg_real *y, int64_t count);
    /* dy *= f'(x); y = f(x) is given too, x may be NULL where hg_activation_from_output(kind). */
    void (*activate_back)(hg_activation kind, const hg_real *x, const hg_real *y, hg_real *dy, int64_t count);
    /* dw[o, i] += sum over rows of d[row, o] * x[row, i], rows ascending; o < out; i < n, n a multiple of HG_LANES; dw, x padded. */
    void (*wgrad)(hg_real *dw, int64_t ldw, const hg_real *d, int64_t ldd, int64_t out, const hg_real *x, int64_t ldx, int64_t n,
                  int64_t rows);
    void (*layer_back)(const hg_layer_back *layer);
    /* out[index[row], :] += d[row, :], rows ascending; index never decreases; n a multiple of HG_LANES. */
    void (*segment_add)(hg_real *out, int64_t ldo, const hg_real *d, int64_t ldd, const int32_t *index, int64_t rows, int64_t n);
    /* out[c] += sum over rows of d[row, c], padded. */
    void (*column_sums)(hg_real *out, const hg_real *d, int64_t ld, int64_t rows, int64_t n);
    /* Fused layers and reductions (kernels/dense.h), one set per storage of the inputs; .run is NULL where a set does not exist. */
    hg_dense_kernels dense[HG_STORAGES];
    hg_fold_fn *fold;
    hg_lanes_fn *lanes; /* kernels/lanes.h */
} hg_kernels;

/* True where f'(x) can be had from y = f(x) alone. */
static inline int hg_activation_from_output(hg_activation kind)
{
    return kind != HG_ACTIVATION_SILU && kind != HG_ACTIVATION_GELU && kind != HG_ACTIVATION_GELU_TANH;
}

/* The best table that this CPU supports, or the one named by the environment variable HG_ISA (generic, avx2, avx512,
 * avx512bf16, amx).
 * Errors: HG_ERR_ARG for a name that is unknown or that this CPU cannot run. */
hg_status hg_kernels_select(hg_context *ctx, const hg_kernels **out);

/* All tables that this CPU can run, generic first, the best one last; returns how many. For tests. */
enum { HG_KERNEL_TABLES = 5 };
int hg_kernels_list(const hg_kernels *out[HG_KERNEL_TABLES]);

#endif
