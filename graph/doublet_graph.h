/* doublet_graph.h — what an event's grid of hits is good for, where the caller keeps it for several steps. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_GRAPH_H
#define HG_GRAPH_DOUBLET_GRAPH_H

#include "graph/hit_grid.h"

/* hg_luminous_sigma_z and hg_doublet_graph_create on the grid of the hits. */
hg_status hg_grid_luminous_sigma_z(hg_context *ctx, const hg_hit_grid *grid, double *sigma_z_mm);
hg_status hg_grid_doublet_graph_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                       const hg_doublet_options *options, hg_doublet_graph **out);

#endif
