/* nn/run/run.h — one evaluation of a model on a batch: the tables, and what each update keeps for the way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_RUN_H
#define HG_NN_RUN_H

#include <omp.h>
#include "nn/model/model.h"
#include "nn/run/packed_weights.h"
#include "nn/run/pool.h"

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

typedef struct hg_run {
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
    bool training;         /* all tables are kept, the transposed weights are packed */
    const hg_real **table; /* [n_values] owned; their rows, NULL = not made (yet) */
    hg_real **owned;       /* [n_values] owned, of the pool; those tables that belong to the run */
    hg_packed *packed;     /* [n_networks] owned */
    hg_reduced **reduced;  /* [n_updates] owned; [n_terms] of each update, kept in training */
    hg_real **signs;       /* [n_updates] owned, of the pool (training); bits of signs.h, NULL = none */
    int *first_reader;     /* [n_values] owned; first live update that reads each table, n_updates = none */
    int *last_reader;      /* [n_values] owned; the last one, -1 = none */
    int *producer;         /* [n_values] owned; live update that makes each table, -1 = none */
    /* of a gradient, which makes and frees them (backward/gradient.c); otherwise NULL */
    int64_t checkpoint_every;           /* see hg_gradient_options */
    bool keep_sums;                     /* reductions stay for the way back; otherwise it makes them again */
    bool *stored;                       /* [n_values] owned; tables that stay for the way back */
    struct hg_panels *panels;           /* [n_updates] owned; weights for the fused kernels */
    struct hg_table_gradient *gradient; /* [n_values] owned; gradients of the tables */
    bool *wanted;                       /* [n_values] owned; false where no gradient is wanted (inputs) */
    hg_real *weight_gradient;           /* [n_parameters] borrowed */
    hg_real *statistics;                /* [n_parameters] borrowed; where running norms leave the batch's mean and variance */
} hg_run;

/* Rows of a table; rows NULL = not made. */
typedef struct hg_view {
    const void *rows;
    int64_t ld;
    hg_storage storage;
} hg_view;

/* Rows of a table, at any time; of tables of the update that was entered. */
int64_t hg_value_rows(const hg_run *run, int value);
int64_t hg_run_rows(const hg_run *run, hg_entity entity);
/* The index through which an update's rows reach its graph's row. */
const int32_t *hg_graph_index(const hg_run *run, hg_entity entity);
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
void hg_reduced_clear(hg_run *run, hg_reduced *reduced);

/* Rows of a term that an update reads without index: its own table, or made ones. */
static inline const hg_real *hg_term_rows(const hg_run *run, const hg_term *term, const hg_reduced *reduced)
{
    return hg_term_made(term) ? reduced->value : run->table[term->value];
}
static inline bool hg_term_indexed(const hg_term *term)
{
    return term->access != HG_OWN && !hg_term_made(term);
}

#endif
