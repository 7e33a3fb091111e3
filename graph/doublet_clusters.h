/* doublet_clusters.h — cluster shapes: a doublet's inclination to both modules, and what the sizes of the clusters make of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_CLUSTERS_H
#define HG_GRAPH_DOUBLET_CLUSTERS_H

#include "graph/doublet_batch.h"

enum { HG_CLUSTER_U_CELLS = HG_CLUSTER_U_SIZES * HG_CLUSTER_BINS, HG_CLUSTER_V_CELLS = HG_CLUSTER_V_SIZES * HG_CLUSTER_BINS };

/* One hit as the judgement needs it, in one cache line. */
typedef struct hg_cluster_hit {
    float x, y;
    float u[3], v[3], w[3]; /* axes of the module */
    int32_t row_u, row_v;   /* first cells of its volume and size in the tables */
} hg_cluster_hit;

/* hits->nu is not NULL. *out: [hits->n] owned by the caller. Errors: HG_ERR_NOMEM. Threads: the context's; same bits for any number. */
hg_status hg_cluster_hits_create(hg_context *ctx, const hg_doublet_hits *hits, const int32_t *layer_volume, hg_cluster_hit **out);

/* Cells of both tables for both hits. The inclination of a track at a hit is s_u = t.u / t.w, s_v = t.v / t.w with t the tangent of the
 * circle through the beam line and both hits. Bins: even in |s_u| and in the root of |s_v|. Pure. */
void hg_cluster_cells(const hg_cluster_hit *a, const hg_cluster_hit *b, float kappa, float cot, int32_t u[2], int32_t v[2]);

/* Adds the cluster tables to scores relative to map->first_threshold and moves those that pass map->cluster_threshold to the front, in
 * their order, relative to that. Returns how many. Pure. */
int32_t hg_clusters_judge(const hg_doublet_map *map, const hg_cluster_hit *hit, hg_scored_doublet *doublet, int32_t n);

#endif
