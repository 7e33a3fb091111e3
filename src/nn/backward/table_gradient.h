/* nn/backward/table_gradient.h — the gradient of one table as a sum of parts that are only worked out where its rows are needed. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TABLE_GRADIENT_H
#define HG_NN_TABLE_GRADIENT_H

#include "nn/run/run.h"

/* Rows that several parts may share; the last one to let go gives them back to the run's pool. */
typedef struct hg_shared_rows {
    hg_real *data; /* owned; [rows, stride] */
    int64_t stride;
    int users;
} hg_shared_rows;

/* Row i of a part: `index` NULL: rows[i] times the weights of one term of a first layer; otherwise rows[index[i]]. */
typedef struct hg_gradient_part {
    hg_shared_rows *rows; /* one user */
    const int32_t *index; /* borrowed; [rows of the table] */
    const hg_packed_layer *packed;
    const void *panel;   /* the same weights for the fused kernels; NULL = the plain way */
    int64_t column, out; /* of the term's weights: first column, rows */
} hg_gradient_part;

enum { HG_GRADIENT_PARTS = 6 };

/* dense + all parts; all zero where there is nothing. */
typedef struct hg_table_gradient {
    hg_real *dense; /* owned; [rows, width], NULL = none */
    int n_parts;
    hg_gradient_part part[HG_GRADIENT_PARTS];
} hg_table_gradient;

/* The dense rows of a table's gradient, zeroed at first use. */
hg_status hg_gradient_of(hg_run *run, int value, hg_real **out);
/* Takes one user of part->rows over, also on error. */
hg_status hg_gradient_add_part(hg_run *run, int value, const hg_gradient_part *part);
/* out[rows, width] = the gradient of rows row .. row + rows, padding zero; stride ldo = padded width or more.
 * rows <= HG_TILE_ROWS; scratch: [HG_TILE_ROWS, padded width]. */
void hg_gradient_rows(const hg_run *run, int value, int64_t row, int64_t rows, hg_real *out, int64_t ldo, hg_real *scratch);
/* Adds the parts to the dense rows. */
hg_status hg_gradient_flatten(hg_run *run, int value);
static inline bool hg_gradient_exists(const hg_table_gradient *g)
{
    return g->dense || g->n_parts > 0;
}
void hg_gradient_clear(hg_run *run, int value);

/* Takes data [rows, stride] (from the run's pool) over, also on error; *out has one user. */
hg_status hg_shared_rows_make(hg_run *run, hg_real *data, int64_t stride, hg_shared_rows **out);
/* One user less; NULL is fine. */
void hg_shared_rows_release(hg_run *run, hg_shared_rows *rows);

#endif
