/* nn/forward/tile.h — one tile of rows through the layers of a network, by the reference kernels or the fused ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TILE_H
#define HG_NN_TILE_H

#include "nn/forward/first_layer.h"
#include "nn/forward/training_weights.h"

/* One tile through the first n_layers layers. */
void hg_tile_forward(const hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, int64_t row,
                     int64_t rows, int n_layers, const hg_tape *tape);

/* The same with the fused kernels, where the update has panels. */
typedef struct hg_tile_job {
    const hg_run *run;
    const hg_update *u;
    const hg_panels *panels;
    const hg_products *products;
    const hg_reduced *reduced;
    int n_layers;
    const hg_tape *tape;
    hg_real *scratch; /* [HG_TILE_ROWS, widest padded out] */
    hg_real *table;   /* the last layer goes to these rows of the update's table with residual; NULL = to the tape */
} hg_tile_job;
void hg_tile_run(const hg_tile_job *job, int64_t row, int64_t rows);
/* True where the last layer of an update with panels makes the rows of the table, but for the residual. */
bool hg_tile_reaches_table(const hg_update *u);

/* From the network's y to the table: activation, scale and shift, residual. out: row `row` of the table. */
void hg_update_finish(const hg_run *run, const hg_update *u, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_real *out);

#endif
