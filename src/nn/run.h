/* nn/run.h — one evaluation of a model on a batch: the tables, and what each update keeps for the way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_RUN_H
#define HG_NN_RUN_H

#include "nn/mlp.h"

/* Result of one reduction, [segments, width], and what its gradient needs: MAX, MIN: second = number of ties; STD: first = mean;
 * SOFTMAX [segments, width], ATTENTION [segments, groups]: first = maximum, second = sum of exponentials. */
typedef struct hg_reduced {
    hg_real *value, *first, *second; /* owned; NULL where there is none */
} hg_reduced;

typedef struct hg_run {
    hg_context *ctx;
    const hg_model *model;
    const hg_description *d;
    const hg_batch *batch;
    const hg_graph *graph;
    const hg_kernels *k;
    int threads;
    bool training;            /* all tables are kept, the transposed weights are packed */
    int32_t *edge_graph;      /* [n_edges] owned; graph of each edge */
    const hg_real **table;    /* [n_values] owned; their rows, NULL = not made (yet) */
    hg_real **owned;          /* [n_values] owned; those tables that belong to the run */
    hg_packed *packed;        /* [n_networks] owned */
    hg_reduced **reduced;     /* [n_updates] owned; [n_terms] of each update, kept in training */
    hg_real **gradient;       /* [n_values] owned; gradients of the tables, NULL = zero */
    bool *wanted;             /* [n_values] owned; false where no gradient is wanted (inputs) */
    hg_real *weight_gradient; /* [n_parameters] borrowed */
} hg_run;

/* Checks the batch against the model and prepares a run; end it with hg_run_clear, also after an error. */
hg_status hg_run_begin(hg_context *ctx, const hg_model *model, const hg_batch *batch, bool training, hg_run *run);
void hg_run_clear(hg_run *run);
int64_t hg_run_rows(const hg_run *run, hg_entity entity);
/* Threads for a loop over n rows: a team is not worth its barriers where there are few. */
static inline int hg_team(const hg_run *run, int64_t n)
{
    int64_t most = n / 512 + 1;
    return most < run->threads ? (int)most : run->threads;
}
void hg_run_drop(hg_run *run, int value);
void hg_run_drop_reduced(hg_run *run, int update);

/* Makes the table of one update. */
hg_status hg_update_forward(hg_run *run, int update);
/* Carries run->gradient of the update's table to the tables it read, and to run->weight_gradient. */
hg_status hg_update_backward(hg_run *run, int update);

/* The gradient of a table, zeroed at first use. */
hg_status hg_gradient_of(hg_run *run, int value, hg_real **out);

/* Reductions of one term. `statistics`: also what the gradient needs. d: [segments, width] is destroyed. */
hg_status hg_reduce_forward(hg_run *run, hg_entity entity, const hg_term *term, bool statistics, hg_reduced *out);
hg_status hg_reduce_backward(hg_run *run, hg_entity entity, const hg_term *term, const hg_reduced *reduced, hg_real *d);
void hg_reduced_clear(hg_context *ctx, hg_reduced *reduced);

/* Per-row products of the tables that an update reaches through an index: sums over its terms of table W^T. NULL = no such term. */
typedef struct hg_products {
    hg_real *sender, *receiver, *global; /* owned; [nodes or graphs, padded out] */
} hg_products;
hg_status hg_products_make(hg_run *run, const hg_update *u, hg_products *out);
void hg_products_clear(hg_context *ctx, hg_products *products);
/* The index through which an update's rows reach its graph's row. */
const int32_t *hg_graph_index(const hg_run *run, hg_entity entity);

/* One tile: the sum of all inputs of an update's first layer into tape layer 0, or its concatenated inputs where it has no network. */
void hg_first_layer(const hg_run *run, const hg_update *u, const hg_packed *packed, const hg_products *products, const hg_reduced *reduced,
                    int64_t row, int64_t rows, const hg_layer_tape *tape);
void hg_concatenate(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, int64_t rows, hg_real *out,
                    int64_t stride);
/* Rows of a term that an update reads without index: its own table, or a reduction. */
static inline const hg_real *hg_term_rows(const hg_run *run, const hg_term *term, const hg_reduced *reduced)
{
    return term->access == HG_REDUCED ? reduced->value : run->table[term->value];
}
static inline bool hg_term_indexed(const hg_term *term)
{
    return term->access != HG_OWN && term->access != HG_REDUCED;
}

/* All layers of a network with batch norms, whole tables at a time; tape for all rows; statistics [n_layers]. */
typedef struct hg_batch_norm {
    hg_real *rstd[HG_MAX_LAYERS]; /* owned; [graphs, padded out] where the layer has a batch norm */
} hg_batch_norm;
void hg_batch_norm_clear(hg_context *ctx, hg_batch_norm *norms);
hg_status hg_batch_norm_forward(hg_run *run, hg_entity entity, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real **rstd);
/* d: gradient of h -> gradient of z. */
hg_status hg_batch_norm_back(hg_run *run, hg_entity entity, const hg_real *h, const hg_real *rstd, int64_t stride, hg_real *d);

#endif
