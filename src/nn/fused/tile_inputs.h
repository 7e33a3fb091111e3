/* nn/fused/tile_inputs.h — the inputs of an update side by side, for one tile of rows. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TILE_INPUTS_H
#define HG_NN_TILE_INPUTS_H

#include "nn/run/run.h"

/* Rows row .. row + rows of a table as the kernel reads them; those in another storage are brought into *tile, which moves on by
 * tile_bytes.
 */
hg_view hg_tile_bring(const hg_view *view, int64_t width, hg_storage in, int64_t row, int64_t rows, int64_t tile_bytes, char **tile);

/* Row i of an input is row index[i] of the table (index NULL: row i), less row minus[i] of it (minus NULL: less nothing). */
typedef struct hg_tile_input {
    hg_view table;
    const int32_t *index, *minus; /* [rows of the tile] */
    int64_t width, column;        /* the columns of the tile that it becomes: column .. column + width */
} hg_tile_input;

/* to[i * row_step + c * column_step] = column c of row i, for the columns of all inputs. */
void hg_tile_inputs_place(const hg_tile_input *input, int n, int64_t rows, hg_real *to, int64_t row_step, int64_t column_step);
/* The way back: to[i * ld + c] = from[c * HG_TILE_ROWS + i], and 0 from column `width` to ld. */
void hg_tile_outputs_place(const hg_real *from, int64_t width, int64_t rows, hg_real *to, int64_t ld);

/* All layers of a network that is planned to run with rows in lanes. tile: two of [columns][HG_TILE_ROWS] for the widest layer or all
 * inputs, 64-byte aligned; returns the one that holds the result, [net->out][HG_TILE_ROWS]. */
const hg_real *hg_tile_run_in_lanes(const hg_run *run, const hg_network *net, const hg_tile_input *input, int n, int64_t rows,
                                    hg_real *const tile[2]);

#endif
