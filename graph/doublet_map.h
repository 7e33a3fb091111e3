/* doublet_map.h — making and checking a doublet map; for those who learn or load one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_MAP_H
#define HG_GRAPH_DOUBLET_MAP_H

#include "hitgraph/doublets.h"

/* Zeroed map with room for the given numbers. *out owned by the caller; untouched on error. */
hg_status hg_doublet_map_create(hg_context *ctx, int32_t n_layers, int32_t n_pairs, hg_doublet_map **out);

/* Zeroed tables of cluster shapes for a map without any. */
hg_status hg_doublet_map_add_clusters(hg_context *ctx, int32_t n_volumes, hg_doublet_map *map);

/* HG_ERR_DATA if a map from a file would lead the builder astray: layers out of range, bins out of order, a circle of layers. */
hg_status hg_doublet_map_check(hg_context *ctx, const hg_doublet_map *map);

/* Whether a map learned at one luminous length suits an event better than that of another: nearer in ratio; for an event of unknown
 * length (<= 0) the longer one. */
bool hg_luminous_nearer(double learned_mm, double than_mm, double sigma_z_mm);

#endif
