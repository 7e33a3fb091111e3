/* nn/backward/back.h — one update on its way back: what its parts share, and the parts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_BACK_H
#define HG_NN_BACK_H

#include "nn/backward/table_gradient.h"
#include "nn/backward/weight_sums.h"
#include "nn/forward/first_layer.h"
#include "nn/forward/training_weights.h"

/* Where the gradient of the rows that a term reads goes: none of it where the table's gradient becomes a product with d_first. */
typedef struct hg_term_target {
    hg_real *rows; /* [rows, ld]; NULL = nowhere */
    int64_t ld;
    bool owned; /* rows of a reduction, of the pool: overwritten, not added to */
} hg_term_target;

/* One update on its way back. */
typedef struct hg_back {
    hg_run *run;
    const hg_update *u;
    int index;             /* of the update */
    const hg_network *net; /* NULL = none */
    const hg_packed *packed;
    const hg_panels *panels; /* NULL = the plain way */
    const hg_reduced *reduced;
    hg_real *d_old;                      /* gradient of the residual's table, NULL = none */
    hg_term_target target[HG_MAX_TERMS]; /* of the terms read without index */
    hg_shared_rows *first;               /* one user; gradient of the first layer before its norm (without network, and
                                            after hg_typed_back: of the inputs); NULL = not kept */
    int64_t first_stride;
    hg_real *d_receiver;  /* owned, of the pool; [nodes, first_stride] sums of `first` over incoming edges; NULL = none */
    hg_products products; /* owned */
    hg_weight_sums sums;  /* owned */
} hg_back;

/* Per-thread room for one tile. */
typedef struct hg_back_scratch {
    hg_tape tape;
    hg_real *d[2]; /* [tile, padded widest layer] */
    hg_real *y;    /* the same: the update's own activation */
    hg_real *rows; /* [tile, padded widest term] */
    hg_real *d_rows;
    hg_real *dense; /* [tile, widest of all]: of the fused kernels */
} hg_back_scratch;
/* Lays the scratch out in memory (NULL: only counts the numbers). with_tape: also a tape of one tile. */
int64_t hg_back_scratch_layout(const hg_back *b, bool with_tape, hg_real *memory, hg_back_scratch *out);

/* Weight gradient of one term into sums (block of one group), and its rows' gradient to the target, from d [rows, first_stride] of the
 * first layer. from: rows of width term->width; target: NULL or its first row. */
void hg_term_back(const hg_back *b, int term, const hg_real *d, const hg_real *from, int64_t rows, hg_real *block,
                  const hg_term_target *target, hg_back_scratch *s);

/* From the table's gradient to that of the network's y (padded rows); adds the residual's share to d_old. */
void hg_finish_back(const hg_back *b, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_back_scratch *s, hg_real *d);

/* From the gradient of layer l's y to that of its z, weight gradients of norm and bias into the group. Networks with batch norms do it in
 * two halves: activation and gamma, then norm and bias. */
typedef enum hg_layer_half { HG_LAYER_UPPER = 1, HG_LAYER_LOWER = 2, HG_LAYER_BOTH = 3 } hg_layer_half;
void hg_layer_back_rows(const hg_back *b, int l, hg_layer_half half, const hg_tape *tape, int64_t row, int64_t rows, hg_real *d,
                        hg_real *group);
/* From z of layer l to the y of the layer below, or to the inputs. */
void hg_layer_back_below(const hg_back *b, int l, const hg_tape *tape, int64_t row, int64_t rows, const hg_real *d, hg_real *below,
                         hg_real *group, hg_back_scratch *s);

/* Networks with batch norms. */
hg_status hg_whole_backward(hg_back *b);
/* Terms reached through an index: sums of `first` over edges or rows of each node or graph, then hg_term_back there. */
hg_status hg_indexed_back(hg_back *b);
/* Typed networks: weight gradients of the first layer; `first` becomes the gradient of the concatenated inputs. */
hg_status hg_typed_back(hg_back *b);
/* Finds memory for `first`: that of a gradient or a table which this update is the last to read, or new one. */
hg_status hg_first_rows_find(hg_back *b);

#endif
