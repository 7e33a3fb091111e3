/* nn/fused/plan.h — how a model will be evaluated on a graph: which updates run fused, where tables stand in one arena, and its size. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_PLAN_H
#define HG_NN_PLAN_H

#include "nn/model/model.h"

/* Where rows stand in the arena: offset in bytes (-1 = not there), stride in numbers. */
typedef struct hg_place {
    int64_t rows; /* -1 = not known before its edges have been searched: the table gets memory of its own */
    int64_t offset, ld;
    hg_storage storage;
} hg_place;

/* The split first layer reads tables through an index as products that are made once per row of the table (MODELS 2.1). */
typedef enum hg_side { HG_SIDE_SENDER, HG_SIDE_RECEIVER, HG_SIDE_GRAPH, HG_SIDES } hg_side;

typedef struct hg_planned_product {
    bool used;
    int after; /* update whose pass makes it while its rows are hot; the update itself = by a pass of its own, before */
    hg_place place;
    hg_storage in; /* how the kernel reads the rows it is made of */
} hg_planned_product;

typedef struct hg_planned_update {
    bool fused;    /* false: the reference path does it (batch norms, edge types, blocks of weights, norms alone) */
    bool in_lanes; /* a narrow network: rows in lanes (kernels/lanes.h), all inputs side by side instead of products */
    hg_storage in; /* how the first layer reads the inputs that it has row by row */
    hg_planned_product product[HG_SIDES];
    int n_jobs; /* products that its pass makes, all for one later update */
    int user;   /* that update: products for later ones wait, because they would stand in memory meanwhile */
    /* Edges whose rows the next update alone reduces are streamed: its pass makes them, tile by tile, and no table of them exists. */
    int streamed_to;   /* edges: the update that reduces them, -1 = they are a table */
    int streamed_from; /* nodes: the update whose edges they make and reduce, -1 = none */
} hg_planned_update;

typedef struct hg_plan {
    const hg_description *d;   /* borrowed */
    hg_storage storage;        /* of wide tables that the engine makes for itself, of products and of hidden tiles */
    hg_place *value;           /* [n_values] owned */
    hg_planned_update *update; /* [n_updates] owned */
    /* A thread's share of the arena: two hidden tiles, a scratch tile, one tile for each input whose rows are made on the way (see
     * hg_plan_brings), and rows of streamed edges; offsets inside the share. */
    int64_t tile[2], scratch, brought, brought_bytes;
    int64_t stream, stream_rows; /* rows of streamed edges in every share: offset, and how many fit */
    int64_t share, share_bytes;  /* offset of the first share */
    int64_t bytes;               /* of the arena */
} hg_plan;

/* Plans one evaluation; storage: of what the engine keeps to itself; rows: [n_values] of each table, -1 = not known. Errors: HG_ERR_NOMEM.
 */
hg_status hg_plan_make(hg_context *ctx, const hg_description *d, hg_storage storage, const int64_t *rows, int threads, hg_plan *out);
void hg_plan_clear(hg_context *ctx, hg_plan *plan);

/* True where the fused path reduces this term tile by tile; false: the reference path reduces it before the pass. */
bool hg_plan_folds(hg_entity entity, const hg_term *term);
/* True where rows of a term must be made in a tile: reduced, or brought into the storage that the kernel reads. */
bool hg_plan_brings(const hg_plan *plan, hg_entity entity, const hg_term *term, hg_storage in);
/* True where a term of an update of nodes reduces edges that are streamed to it. */
bool hg_plan_streams(const hg_plan *plan, int update, const hg_term *term);
/* The side that an indexed term belongs to (a difference: the sender's, and again the receiver's); HG_SIDES for others. */
static inline hg_side hg_term_side(const hg_term *term)
{
    return term->access == HG_SENDER || term->access == HG_DIFFERENCE ? HG_SIDE_SENDER
           : term->access == HG_RECEIVER                              ? HG_SIDE_RECEIVER
           : term->access == HG_GRAPH                                 ? HG_SIDE_GRAPH
                                                                      : HG_SIDES;
}
static inline bool hg_term_on_side(const hg_term *term, hg_side side)
{
    return hg_term_side(term) == side || (term->access == HG_DIFFERENCE && side == HG_SIDE_RECEIVER);
}

#endif
