/* hit_grid.h — the hits of an event sorted by layer, place along the layer and phi, for window queries. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_HIT_GRID_H
#define HG_GRAPH_HIT_GRID_H

#include <math.h>
#include "hitgraph/doublets.h"

enum {
    HG_GRID_ROWS = 16,   /* most along a layer */
    HG_GRID_CELLS = 128, /* around it */
    HG_GRID_LANES = 16,  /* hits looked at together */
    HG_GRID_RUNS = 3     /* of one row, around the seam */
};

/* Structure of arrays in sorted order; `c` is z of a barrel hit, r of a disc hit. The float arrays of hits may be read HG_GRID_LANES
 * beyond their end. All arrays owned. */
typedef struct hg_hit_grid {
    int64_t n;
    int32_t n_layers;
    float *x, *y, *z, *r, *phi, *c;           /* [n] mm, rad */
    float *inverse_r2;                        /* [n] 1 / r^2 */
    int32_t *hit, *module;                    /* [n] row of the event; module */
    int32_t *layer_first;                     /* [n_layers + 1] */
    float *c_low, *c_scale;                   /* [n_layers] row = (c - c_low) c_scale */
    float *r_max;                             /* [n_layers] */
    uint8_t *barrel;                          /* [n_layers] */
    int32_t *row_first;                       /* [n_layers + 1] rows of the layers before; few hits lie in few rows */
    int32_t *cell_first;                      /* [all rows * HG_GRID_CELLS + 1] */
    int32_t largest;                          /* hits of the fullest layer */
    const struct hg_doublet_kernels *kernels; /* of this CPU; borrowed */
} hg_hit_grid;

/* Errors: HG_ERR_DATA, a coordinate is not finite or a layer out of range. Cost: O(n + cells). */
hg_status hg_hit_grid_create(hg_context *ctx, const hg_doublet_hits *hits, hg_hit_grid **out);
void hg_hit_grid_destroy(hg_context *ctx, hg_hit_grid *grid);

/* Lower edge of a row of a layer, or the upper one of the row before. */
static inline float hg_grid_row_edge(const hg_hit_grid *g, int32_t layer, int32_t row)
{
    return g->c_scale[layer] > 0 ? g->c_low[layer] + (float)row / g->c_scale[layer] : g->c_low[layer];
}

static const float hg_grid_turn = 6.28318530717959f;

/* Cell of an angle: monotonic, and the same for hits and window edges, so that a query can miss no hit. May lie outside 0 ..
 * HG_GRID_CELLS - 1 for window edges beyond +-pi. */
static inline int32_t hg_grid_cell(float phi)
{
    return (int32_t)((phi + 1.5f * hg_grid_turn) * ((float)HG_GRID_CELLS / hg_grid_turn)) - HG_GRID_CELLS;
}

static inline int32_t hg_grid_cell_inside(int32_t cell)
{
    return cell < 0 ? 0 : cell >= HG_GRID_CELLS ? HG_GRID_CELLS - 1 : cell;
}

/* Neighbouring places first .. end of one row; phi is the centre of the query as seen from their side of the +-pi seam.
 */
typedef struct hg_grid_run {
    int32_t first, end;
    float phi, half;
} hg_grid_run;

static inline hg_grid_run hg_grid_run_of(const int32_t *cell, int32_t first, int32_t last, float phi, float half)
{
    return (hg_grid_run){cell[hg_grid_cell_inside(first)], cell[hg_grid_cell_inside(last) + 1], phi, half};
}

/* Runs of a row (counted over all layers) that hold all its hits with |phi - the centre| <= half, and others; no hit is found twice by the
 * centres and half widths of the runs; places ascend. runs: [HG_GRID_RUNS]. Returns how many. */
static inline int32_t hg_grid_runs(const hg_hit_grid *g, int32_t row, float phi, float half, hg_grid_run *runs)
{
    const int32_t first = hg_grid_cell(phi - half), last = hg_grid_cell(phi + half);
    const int32_t *cell = g->cell_first + (int64_t)row * HG_GRID_CELLS;
    int32_t n = 0;
    if (half >= 3.1f) { /* almost around: a hit would be seen from both sides of the seam */
        runs[0] = hg_grid_run_of(cell, 0, HG_GRID_CELLS - 1, phi, INFINITY);
        return 1;
    }
    if (last >= HG_GRID_CELLS) runs[n++] = hg_grid_run_of(cell, 0, last - HG_GRID_CELLS, phi - hg_grid_turn, half);
    runs[n++] = hg_grid_run_of(cell, first, last, phi, half);
    if (first < 0) runs[n++] = hg_grid_run_of(cell, first + HG_GRID_CELLS, HG_GRID_CELLS - 1, phi + hg_grid_turn, half);
    return n;
}

/* Writes the places of all hits of a layer with c in [c_low, c_high] and |phi - phi_centre| <= half into found (room for grid->largest +
 * 1). Returns how many. The order depends only on the hits. */
int32_t hg_hit_grid_query(const hg_hit_grid *grid, int32_t layer, float c_low, float c_high, float phi_centre, float half, int32_t *found);

#endif
