/* nn/run/run.h — one evaluation of a model on a batch: the tables, and what each update keeps for the way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_RUN_H
#define HG_NN_RUN_H

#include <omp.h>
#include "nn/forward/mlp.h"
#include "nn/run/pool.h"
#include "nn/backward/table_gradient.h"
#include "nn/forward/training_weights.h"

/* The edges of one set in this run. */
typedef struct hg_run_edges {
    const hg_graph *graph; /* NULL = not made yet */
    const int32_t *type;   /* [edges] or NULL */
    hg_graph *owned;       /* searched ones */
    int32_t *edge_graph;   /* [edges] owned; graph of each edge, made when needed */
    int64_t *type_ptr;     /* [types + 1] owned, made when needed: edges of type t are by_type[type_ptr[t] .. type_ptr[t + 1]) */
    int64_t *by_type;      /* [edges] owned */
} hg_run_edges;

/* Result of one reduction, [segments, width], and what its gradient needs: MAX, MIN: second = number of ties; STD: first = mean;
 * SOFTMAX [segments, width], ATTENTION [segments, groups]: first = maximum, second = sum of exponentials. */
typedef struct hg_reduced {
    hg_real *value, *first, *second; /* owned, of the pool; NULL where there is none */
} hg_reduced;

struct hg_run {
    hg_context *ctx;
    hg_pool *pool; /* large arrays come from here and go back */
    bool dry;      /* a plan: blocks of the pool have no memory behind them, so no table is touched */
    bool own_pool; /* freed with the run */
    const hg_model *model;
    const hg_description *d;
    const hg_batch *batch;
    hg_run_edges *edge_set; /* [n_edge_sets] owned */
    /* what the update at hand works on, see hg_run_enter */
    const hg_graph *graph;     /* its edges; the batch's where it has none */
    const hg_graph *nodes;     /* has the nodes of the rows of a node update */
    const hg_run_edges *edges; /* set of its edges; NULL = none */
    const int32_t *edge_graph; /* graph of each edge, where a term needs it */
    const hg_kernels *k;
    int threads;
    int64_t checkpoint_every;    /* see hg_gradient_options */
    bool keep_sums;              /* reductions stay for the way back; otherwise it makes them again */
    bool *stored;                /* [n_values] owned; tables that stay for the way back (training) */
    int *first_reader;           /* [n_values] owned; first live update that reads each table, n_updates = none */
    int *last_reader;            /* [n_values] owned; the last one, -1 = none */
    int *producer;               /* [n_values] owned; live update that makes each table, -1 = none */
    bool training;               /* all tables are kept, the transposed weights are packed */
    const hg_real **table;       /* [n_values] owned; their rows, NULL = not made (yet) */
    hg_real **owned;             /* [n_values] owned, of the pool; those tables that belong to the run */
    hg_packed *packed;           /* [n_networks] owned */
    hg_panels *panels;           /* [n_updates] owned; weights for the fused kernels (training) */
    hg_reduced **reduced;        /* [n_updates] owned; [n_terms] of each update, kept in training */
    hg_real **signs;             /* [n_updates] owned, of the pool (training); bits of signs.h, NULL = none */
    hg_table_gradient *gradient; /* [n_values] owned; gradients of the tables */
    bool *wanted;                /* [n_values] owned; false where no gradient is wanted (inputs) */
    hg_real *weight_gradient;    /* [n_parameters] borrowed */
    hg_real *statistics;         /* [n_parameters] borrowed; where running norms leave the batch's mean and variance; NULL = nowhere */
};

/* Rows of a table; rows NULL = not made. */
typedef struct hg_view {
    const void *rows;
    int64_t ld;
    hg_storage storage;
} hg_view;

/* Checks the batch against the model and prepares a run; end it with hg_run_clear, also after an error. pool: NULL = one of its own. */
hg_status hg_run_begin(hg_context *ctx, const hg_model *model, const hg_batch *batch, bool training, hg_pool *pool, hg_run *run);
/* Packs the weights of one network for the reference path, unless that was done; network -1: nothing. */
hg_status hg_run_pack(hg_run *run, int network);
void hg_run_clear(hg_run *run);
/* The parts of begin and clear that concern edges: checks levels and types, takes the batch's edges. */
hg_status hg_run_take_edges(hg_run *run);
void hg_run_clear_edges(hg_run *run);
/* Turns to an update: its edges (searched if they are not there yet) and its nodes. Both passes of an update begin with it. */
hg_status hg_run_enter(hg_run *run, const hg_update *u);
/* Rows of a table, at any time; of tables of the update that was entered. */
int64_t hg_value_rows(const hg_run *run, int value);
int64_t hg_run_rows(const hg_run *run, hg_entity entity);
/* The graph with the nodes of a level. */
static inline const hg_graph *hg_level_graph(const hg_run *run, int level)
{
    return level == 0 ? run->batch->graph : run->batch->level[level - 1].graph;
}
/* Threads for a loop over n rows: a team is not worth its barriers where there are few. */
static inline int hg_team(const hg_run *run, int64_t n)
{
    int64_t most = n / 512 + 1;
    return most < run->threads ? (int)most : run->threads;
}
static inline int hg_thread(void)
{
    return omp_get_thread_num();
}

/* Large arrays: taken unset from the run's pool and given back to it (NULL is fine); zeroed by all threads where they must be. */
static inline hg_status hg_run_take(hg_run *run, hg_real **out, int64_t n)
{
    return hg_pool_take(run->ctx, run->pool, out, n);
}
static inline void hg_run_give(hg_run *run, hg_real *array)
{
    hg_pool_give(run->pool, array);
}
void hg_zero(const hg_run *run, hg_real *array, int64_t n);
void hg_run_drop(hg_run *run, int value);
void hg_run_drop_reduced(hg_run *run, int update);

/* Makes the table of one update. */
hg_status hg_update_forward(hg_run *run, int update);
/* Carries run->gradient of the update's table to the tables it read, and to run->weight_gradient. */
hg_status hg_update_backward(hg_run *run, int update);

/* Reductions of one term. `statistics`: also what the gradient needs. d: [segments, width] is destroyed. */
hg_status hg_reduce_forward(hg_run *run, hg_entity entity, const hg_term *term, bool statistics, hg_reduced *out);
hg_status hg_reduce_backward(hg_run *run, hg_entity entity, const hg_term *term, const hg_reduced *reduced, hg_real *d);
void hg_reduced_clear(hg_run *run, hg_reduced *reduced);

/* *out [rows of the update, term->width], made by this call: a computed term. Backward: d is the gradient of these rows. */
hg_status hg_compute_forward(hg_run *run, const hg_update *u, const hg_term *term, hg_real **out);
hg_status hg_compute_backward(hg_run *run, const hg_update *u, const hg_term *term, const hg_real *d);

/* Per-row products of the tables that an update reaches through an index: sums over its terms of table W^T. NULL = no such term. */
typedef struct hg_products {
    hg_real *sender, *receiver, *global; /* owned, of the pool; [nodes or graphs, padded out] */
    hg_real *typed;                      /* likewise; [edges, padded out] whole first layer of a typed network, bias included */
} hg_products;
hg_status hg_products_make(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_products *out);
hg_status hg_typed_products(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_real **out);
void hg_products_clear(hg_run *run, hg_products *products);
/* The index through which an update's rows reach its graph's row. */
const int32_t *hg_graph_index(const hg_run *run, hg_entity entity);

/* One tile: the sum of all inputs of an update's first layer into tape layer 0, or its concatenated inputs where it has no network. */
void hg_first_layer(const hg_run *run, const hg_update *u, const hg_packed *packed, const hg_products *products, const hg_reduced *reduced,
                    int64_t row, int64_t rows, const hg_layer_tape *tape);
void hg_concatenate_row(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, hg_real *out);
void hg_concatenate(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, int64_t rows, hg_real *out,
                    int64_t stride);
/* Rows of a term that an update reads without index: its own table, or made ones. */
static inline const hg_real *hg_term_rows(const hg_run *run, const hg_term *term, const hg_reduced *reduced)
{
    return hg_term_made(term) ? reduced->value : run->table[term->value];
}
static inline bool hg_term_indexed(const hg_term *term)
{
    return term->access != HG_OWN && !hg_term_made(term);
}
/* y [rows, stride] of the dropout layer l of an update: rows `row` on are multiplied by its mask (0 or 1 / (1 - p)). */
void hg_dropout(const hg_run *run, const hg_update *u, int l, int64_t row, int64_t rows, hg_real *y, int64_t stride);

/* All layers of a network with batch norms, whole tables at a time; tape for all rows; statistics [n_layers]. */
typedef struct hg_batch_norm {
    hg_real *rstd[HG_MAX_LAYERS]; /* owned; [graphs, padded out] where the layer has a batch norm */
} hg_batch_norm;
void hg_batch_norm_clear(hg_context *ctx, hg_batch_norm *norms);
hg_status hg_batch_norm_forward(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real **rstd);
/* d: gradient of h -> gradient of z. */
hg_status hg_batch_norm_back(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, const hg_real *h, const hg_real *rstd,
                             int64_t stride, hg_real *d);

#endif
