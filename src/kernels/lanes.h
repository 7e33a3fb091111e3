/* kernels/lanes.h — one layer of a narrow network, with the rows of a tile side by side in the lanes of the vectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_LANES_H
#define HG_KERNELS_LANES_H

#include <stdint.h>
#include "hitgraph/real.h"
#include "kernels/dense.h"

/* out[c, row] = activation(bias[c] + sum over p of weights[c * k + p] in[p, row]), p ascending. Where dense.h puts columns into lanes, and
 * fills them up to whole vectors, here nothing is filled up but the rows: widths such as 3, 4 or 40 cost what they are. The same contract:
 * a pure function, and a row's bits do not depend on its place or its neighbours. */
typedef struct hg_lanes {
    int64_t rows, n, k;     /* rows <= HG_TILE_ROWS; columns of `in` and `out` have HG_TILE_ROWS rows, which are all readable */
    const hg_real *in;      /* [k, HG_TILE_ROWS], 64-byte aligned */
    const hg_real *weights; /* [n, k], as a model has them */
    const hg_real *bias;    /* [n]; NULL = 0 */
    hg_activation activation;
    hg_real *out; /* [n, HG_TILE_ROWS], 64-byte aligned, overlaps no input; rows from `rows` on are undefined */
} hg_lanes;

typedef void hg_lanes_fn(const hg_lanes *layer);

#endif
