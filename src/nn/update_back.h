/* nn/update_back.h — the parts of an update's way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_UPDATE_BACK_H
#define HG_NN_UPDATE_BACK_H

#include "nn/update.h"
#include "nn/weight_sums.h"

/* One update on its way back. */
typedef struct hg_back {
    hg_run *run;
    const hg_update *u;
    const hg_network *net; /* NULL = none */
    const hg_packed *packed;
    const hg_reduced *reduced;
    const hg_real *d_out;          /* gradient of the update's table */
    hg_real *d_old;                /* of the residual's table, NULL = none */
    hg_real *d_term[HG_MAX_TERMS]; /* gradients of the terms read without index: tables, or owned rows of reductions; NULL = not wanted */
    hg_real *d_first; /* owned; [rows, first_stride] gradient of the first layer before its norm (without network, and after hg_typed_back:
                         of the inputs) */
    int64_t first_stride;
    hg_products products; /* owned */
    hg_weight_sums sums;  /* owned */
} hg_back;

/* Per-thread room for one tile. */
typedef struct hg_back_scratch {
    hg_tape tape;
    hg_real *d[2];            /* [tile, padded widest layer] */
    hg_real *x, *y, *compact; /* [tile, width of the table] */
    hg_real *rows;            /* [tile, padded widest term] */
    hg_real *d_rows;          /* the same */
} hg_back_scratch;
/* Lays the scratch out in memory (NULL: only counts the numbers). with_tape: also a tape of one tile. */
int64_t hg_back_scratch_layout(const hg_back *b, bool with_tape, hg_real *memory, hg_back_scratch *out);

/* Weight gradient of one term into sums (block of one group), and its rows' gradient added to target (NULL = not wanted), from d [rows,
 * stride] of the first layer. from, target: rows of width term->width. */
void hg_term_back(const hg_back *b, int term, const hg_real *d, const hg_real *from, int64_t rows, hg_real *block, hg_real *target,
                  hg_back_scratch *s);

/* From the table's gradient to that of the network's y (padded rows); adds the residual's share to d_old. */
void hg_finish_back(const hg_back *b, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_back_scratch *s, hg_real *d);

/* Layer l of one tile: activation and gamma; then norm, weights and the layer below (or the inputs). Return where the gradient is now. */
void hg_layer_back_upper(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d, hg_real *group);
void hg_layer_back_lower(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d, hg_real *below,
                         hg_real *group, hg_back_scratch *s);

/* Networks with batch norms. */
hg_status hg_whole_backward(hg_back *b);
/* Terms reached through an index: sums d_first over edges or rows of each node or graph, then hg_term_back there. */
hg_status hg_indexed_back(hg_back *b);
/* Typed networks: weight gradients of the first layer; d_first becomes the gradient of the concatenated inputs. */
hg_status hg_typed_back(hg_back *b);

#endif
