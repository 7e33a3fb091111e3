/* doublet_bounds.h — the part of a layer pair's windows that its tables can accept in an event. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BOUNDS_H
#define HG_GRAPH_DOUBLET_BOUNDS_H

#include "graph/doublet_score.h"

/* All that hg_doublet_cells accepts lies inside. */
void hg_doublet_bounds_all(const hg_hit_grid *grid, const hg_doublet_pair *pair, hg_doublet_bounds *bounds);

/* The same for doublets across layers whose sum of both tables' cells is `least` or more. bounds: [HG_DOUBLET_C_BINS] for inner hits of
 * each bin. */
void hg_doublet_bounds_find(const hg_doublet_map *map, const hg_hit_grid *grid, int32_t pair, int32_t least, hg_doublet_bounds *bounds);

#endif
