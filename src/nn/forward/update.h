/* nn/forward/update.h — pieces of an update that its forward and its backward pass share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_UPDATE_H
#define HG_NN_UPDATE_H

#include "nn/run/run.h"

/* Fills run->reduced[update]; statistics: also what the way back needs. */
hg_status hg_update_reduce(hg_run *run, int update, bool statistics);

/* Sums of messages as they are: their gradient is the segment's, gathered where the message's table is next worked on. */
static inline bool hg_term_is_plain_sum(const hg_term *term)
{
    bool sum = term->reduction == HG_REDUCE_SUM || term->reduction == HG_REDUCE_MEAN;
    return term->access == HG_REDUCED && sum && term->message == HG_OWN && term->weight < 0;
}
/* True where the gradients of an update's inputs do not depend on their rows: copies and plain sums side by side. */
bool hg_update_is_linear(const hg_update *u);

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

/* Networks with batch norms: layer by layer over all rows. */
hg_status hg_whole_forward(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, hg_real *out);
/* The same into a tape of all rows that keeps everything; norms: see run.h. */
hg_status hg_whole_tape(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, const hg_tape *tape,
                        hg_batch_norm *norms);

#endif
