/* doublet_clusters.h — cluster shapes: a doublet's inclination to both modules, and what the sizes of the clusters make of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_CLUSTERS_H
#define HG_GRAPH_DOUBLET_CLUSTERS_H

#include "graph/doublet_batch.h"

enum { HG_CLUSTER_U_CELLS = HG_CLUSTER_U_SIZES * HG_CLUSTER_BINS, HG_CLUSTER_V_CELLS = HG_CLUSTER_V_SIZES * HG_CLUSTER_BINS };

/* hits->nu is not NULL. *out: [hits->n] owned by the caller. Errors: HG_ERR_NOMEM. Threads: the context's; same bits for any number. */
hg_status hg_cluster_hits_create(hg_context *ctx, const hg_doublet_hits *hits, const int32_t *layer_volume, hg_cluster_hit **out);

/* Cells of both tables for both hits. The inclination of a track at a hit is s_u = t.u / t.w, s_v = t.v / t.w with t the tangent of the
 * circle through the beam line and both hits. Pure. */
void hg_cluster_cells(const hg_cluster_hit *a, const hg_cluster_hit *b, float kappa, float cot, int32_t u[2], int32_t v[2]);

/* The tables of a map with room behind their ends: [n_volumes * (HG_CLUSTER_U_CELLS + HG_CLUSTER_V_CELLS)] and more in *cells, owned by the
 * caller. Scores are relative to map->first_threshold before and to map->cluster_threshold after. Errors: HG_ERR_NOMEM. */
hg_status hg_cluster_tables_create(hg_context *ctx, const hg_doublet_map *map, int8_t **cells, hg_cluster_tables *out);

#endif
