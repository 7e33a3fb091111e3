/* doublet_features.h — the columns that networks see. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_FEATURES_H
#define HG_GRAPH_DOUBLET_FEATURES_H

#include "graph/hit_grid.h"

/* Fills node_features and edge_features of a graph whose other members are complete. Threads: the context's; same bits for any number. */
hg_status hg_doublets_fill_features(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                    hg_doublet_graph *doublets);

#endif
