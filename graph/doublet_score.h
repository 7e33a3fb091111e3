/* doublet_score.h — what is measured of a pair of hits, and what a map thinks of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_SCORE_H
#define HG_GRAPH_DOUBLET_SCORE_H

#include "graph/doublet_batch.h"
#include "graph/hit_grid.h"

enum { HG_BEND_Z0_CELLS = HG_DOUBLET_BEND_BINS * HG_DOUBLET_Z0_BINS, HG_C_C_CELLS = HG_DOUBLET_C_BINS * HG_DOUBLET_C_BINS };

/* One hit as the formulas need it. */
typedef struct hg_point {
    float x, y, z, r, phi;
} hg_point;

static inline hg_point hg_grid_point(const hg_hit_grid *g, int32_t i)
{
    return (hg_point){g->x[i], g->y[i], g->z[i], g->r[i], g->phi[i]};
}

/* Across layers: circle through the beam line. Inside a layer: the variables of hg_doublet_pair's overlaps. */
typedef struct hg_doublet_values {
    float kappa;    /* signed, 1/mm; overlaps 0 */
    float cot;      /* dz over arc length; overlaps 0 */
    float bend, z0; /* the axes of the first table */
    float c[2];     /* the axes of the second */
} hg_doublet_values;

/* False if the doublet does not go outward. */
bool hg_doublet_measure(bool overlap, bool barrel1, bool barrel2, const hg_point *p1, const hg_point *p2, hg_doublet_values *out);

/* c of the outer hit on the straight line from the origin through the inner hit, in the outer layer; NAN where there is none. */
float hg_doublet_straight(bool overlap, bool barrel1, bool barrel2, const hg_point *p1, float r2, float z2);

float hg_wrap_phi(float dphi);

/* Cells of both tables; false outside the pair's bins. */
bool hg_doublet_cells(const hg_doublet_pair *pair, const hg_doublet_values *values, int32_t *bend_z0, int32_t *c_c);

float hg_doublet_score(const hg_doublet_map *map, int32_t pair, int32_t bend_z0, int32_t c_c);

/* The two numbers of the windows mode: |phi slope| (rad/mm) and |z0| (mm) of the straight line; overlaps: bend and |z0|. */
void hg_doublet_box(bool overlap, const hg_point *p1, const hg_point *p2, const hg_doublet_values *values, float box[2]);

/* Places in the grid of the hits that may follow hit `i` in the windows and tables of a pair (room for grid->largest +
 * HG_GRID_LANES). Returns how many. What hg_doublet_measure and hg_doublet_cells refuse may be left out. */
int32_t hg_doublet_search(const hg_doublet_map *map, const hg_hit_grid *grid, int32_t pair, int32_t i, int32_t *found);

/* The same of a pair across layers, inside narrower bounds for inner hits of the bin of hit `i`. */
int32_t hg_doublet_search_inside(const hg_doublet_map *map, const hg_hit_grid *grid, int32_t pair, int32_t i,
                                 const hg_doublet_bounds *bounds, int32_t *found);

/* Layers such that every cross-layer pair goes from an earlier to a later one. order: [n_layers]. */
void hg_doublet_layer_order(const hg_doublet_map *map, int32_t *order);

#endif
