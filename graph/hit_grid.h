/* hit_grid.h — the hits of an event sorted by layer, place along the layer and phi, for window queries. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_HIT_GRID_H
#define HG_GRAPH_HIT_GRID_H

#include "hitgraph/doublets.h"

enum {
    HG_GRID_ROWS = 16,   /* along a layer */
    HG_GRID_CELLS = 128, /* around it */
    HG_GRID_LANES = 16,  /* hits looked at together */
    HG_GRID_RUNS = 3 * HG_GRID_ROWS
};

/* Structure of arrays in sorted order; `c` is z of a barrel hit, r of a disc hit. The float arrays of hits may be read HG_GRID_LANES
 * beyond their end. All arrays owned. */
typedef struct hg_hit_grid {
    int64_t n;
    int32_t n_layers;
    float *x, *y, *z, *r, *phi, *c;           /* [n] mm, rad */
    int32_t *hit, *module;                    /* [n] row of the event; module */
    int32_t *layer_first;                     /* [n_layers + 1] */
    float *c_low, *c_scale;                   /* [n_layers] row = (c - c_low) c_scale */
    float *r_max;                             /* [n_layers] */
    uint8_t *barrel;                          /* [n_layers] */
    int32_t *cell_first;                      /* [n_layers * HG_GRID_ROWS * HG_GRID_CELLS + 1] */
    int32_t largest;                          /* hits of the fullest layer */
    const struct hg_doublet_kernels *kernels; /* of this CPU; borrowed */
} hg_hit_grid;

/* Errors: HG_ERR_DATA, a coordinate is not finite or a layer out of range. Cost: O(n + cells). */
hg_status hg_hit_grid_create(hg_context *ctx, const hg_doublet_hits *hits, hg_hit_grid **out);
void hg_hit_grid_destroy(hg_context *ctx, hg_hit_grid *grid);

/* Neighbouring places first .. end of one row; phi is the centre of the query as seen from their side of the +-pi seam. */
typedef struct hg_grid_run {
    int32_t first, end;
    float phi, half;
} hg_grid_run;

/* Runs that hold all hits of a window, and others; no place is in two of them; places ascend. runs: [HG_GRID_RUNS]. Returns how many. */
int32_t hg_hit_grid_runs(const hg_hit_grid *grid, int32_t layer, float c_low, float c_high, float phi_centre, float half,
                         hg_grid_run *runs);

/* Writes the places of all hits of a layer with c in [c_low, c_high] and |phi - phi_centre| <= half into found (room for grid->largest +
 * 1). Returns how many. The order depends only on the hits. */
int32_t hg_hit_grid_query(const hg_hit_grid *grid, int32_t layer, float c_low, float c_high, float phi_centre, float half, int32_t *found);

#endif
