/* graph/doublet_batch.h — the inner loops of the doublet search on many hits at a time, compiled once per instruction set. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_H
#define HG_GRAPH_DOUBLET_BATCH_H

#include "graph/hit_grid.h"
#include "graph/triplet_match.h"

enum { HG_FEW_EDGES = 4096 }; /* waking a thread costs more than its share of so many */

/* Windows of outer hits, per row of their layer in the grid. */
typedef struct hg_doublet_bounds {
    float c_low[HG_GRID_ROWS], c_high[HG_GRID_ROWS]; /* c_low > c_high: no hit of the row can follow */
    float bend_max[HG_GRID_ROWS];                    /* largest |kappa| */
    float z0_low[HG_GRID_ROWS], z0_high[HG_GRID_ROWS];
} hg_doublet_bounds;

/* The layer pair that scores a doublet. */
typedef struct hg_doublet_tables {
    const hg_doublet_pair *pair;
    int8_t bend_z0[HG_DOUBLET_BEND_BINS * HG_DOUBLET_Z0_BINS], c_c[HG_DOUBLET_C_BINS * HG_DOUBLET_C_BINS];
    float step, base; /* relative score = base + step (sum of both cells) */
    int32_t least;    /* smallest sum with a relative score >= 0 */
    int32_t number;   /* of the pair */
} hg_doublet_tables;

/* A doublet that the map accepts. */
typedef struct hg_scored_doublet {
    int32_t sender, receiver; /* rows of the event */
    int32_t pair;
    float score; /* relative to the threshold */
    float kappa, cot;
} hg_scored_doublet;

/* One hit as the judgement of cluster shapes needs it, in one cache line. */
typedef struct hg_cluster_hit {
    float x, y, axis[9];  /* u, v and w of the module, one after the other */
    int32_t row_u, row_v; /* first cells of its volume and size in the tables */
    int32_t unused[3];
} hg_cluster_hit;

/* Cluster tables of a map; readable three bytes beyond their end. */
typedef struct hg_cluster_tables {
    const int8_t *u, *v;
    float step, shift; /* new score = score + (shift + step (sum of the cells of both hits)) */
} hg_cluster_tables;

/* A doublet as those that go on from its receiver meet it. */
typedef struct hg_incoming {
    float kappa, cot, score;
    int32_t pair;      /* -1: overlap, which nothing continues */
    int32_t candidate; /* its number */
} hg_incoming;

/* How well the neighbours of a doublet must match: below the window and, where cost > 0, below its score / cost. */
typedef struct hg_neighbour_rule {
    float window, cost;
} hg_neighbour_rule;

/* What the columns of edges are made of; arrays borrowed. */
typedef struct hg_feature_point {
    float r, z, phi;
} hg_feature_point;

/* Value and length of the best chain that ends (or starts) with an edge, without the edge itself. */
typedef struct hg_chain {
    float value, length;
} hg_chain;

enum { HG_LOGS = 64 }; /* most edges have fewer neighbours */

typedef struct hg_feature_inputs {
    const hg_doublet_graph *doublets;
    const hg_feature_point *point; /* [N] by hit row */
    const float *best[2];          /* [E] as hg_doublet_neighbours */
    const int32_t *count[2];       /* [E] */
    const hg_chain *chain[2];      /* [E] outward, inward */
    float log_1_plus[HG_LOGS];     /* log(1 + k) */
} hg_feature_inputs;

/* Contract: pure functions; no allocation, errors, threads or globals; the same bits for every instruction set. */
typedef struct hg_doublet_kernels {
    /* Places of the hits of a layer with low <= c <= high that may follow an inner hit: nothing inside the bounds is left out. found: room
     * for all hits of the layer and HG_GRID_LANES more; so many behind the last are set to the inner hit. Returns how many. */
    int32_t (*search)(const hg_hit_grid *grid, int32_t inner, int32_t layer, const hg_doublet_bounds *bounds, float low, float high,
                      int32_t *found);
    /* Measures and scores the doublets inner[k] -> found[k], k < n, places that HG_GRID_LANES more follow; those with a relative score >= 0
     * go to out (room for n). Returns how many. */
    int32_t (*judge)(const hg_hit_grid *grid, const hg_doublet_tables *tables, const int32_t *inner, const int32_t *found, int32_t n,
                     hg_scored_doublet *out);
    /* Adds the cluster tables to scores and moves the doublets whose score is >= 0 then to the front, in their order. Returns how many. */
    int32_t (*clusters)(const hg_cluster_tables *tables, const hg_cluster_hit *hit, hg_scored_doublet *doublet, int32_t n);
    /* Marks doublets that come in at a hit, and those that go out of it, that match one of the others as the rule asks. as_first: [n_in]
     * and as_second: [n_out] zeroed. */
    void (*mark)(const hg_doublet_map *map, hg_neighbour_rule rule, const hg_incoming *in, int32_t n_in, const hg_scored_doublet *out,
                 int32_t n_out, uint8_t *as_first, uint8_t *as_second);
    /* Support of doublets that come in at a hit, and of those that go out of it, by each other: the largest score of another with its link
     * added. after: [n_in] and before: [n_out] hold the least support there is; raised. */
    void (*support)(const hg_doublet_map *map, const hg_incoming *in, int32_t n_in, const hg_scored_doublet *out, int32_t n_out,
                    float *after, float *before);
    /* Matches of the edges that come in at a hit with those that go out of it: sets the best and the number below 1 of each, [0] of those
     * that go out, [1] of those that come in; links: the matches below link_window, room for incoming times outgoing edges. Per-edge arrays
     * of the graph are read up to HG_GRID_LANES beyond their end. Returns how many links. */
    int64_t (*join)(const hg_doublet_graph *doublets, const hg_doublet_map *map, int64_t hit, float link_window, float *const best[2],
                    int32_t *const count[2], hg_doublet_link *link);
    /* out: [n, HG_DOUBLET_EDGE_FEATURES] of the edges from `first` on, n <= HG_GRID_LANES. */
    void (*features)(const hg_feature_inputs *in, int64_t first, int32_t n, hg_real *out);
} hg_doublet_kernels;

hg_status hg_doublet_kernels_select(hg_context *ctx, const hg_doublet_kernels **out);

/* The kernels that exist in this build. */
extern const hg_doublet_kernels hg_doublet_generic;
#ifdef HG_X86_TABLES
extern const hg_doublet_kernels hg_doublet_avx2, hg_doublet_avx512;
#endif

#endif
