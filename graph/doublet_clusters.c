/* doublet_clusters.c — cluster shapes: a doublet's inclination to both modules, and what the sizes of the clusters make of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_clusters.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_inclination.h"

static int32_t limited(int32_t size, int32_t sizes)
{
    return size < sizes ? size : sizes - 1;
}

hg_status hg_cluster_hits_create(hg_context *ctx, const hg_doublet_hits *hits, const int32_t *layer_volume, hg_cluster_hit **out)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    hg_cluster_hit *list = NULL;
    HG_TRY(hg_alloc_unset(ctx, &list, hits->n));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < hits->n; ++i) {
        const float *axes = hits->frame + 9 * (int64_t)hits->module[i];
        const int32_t volume = layer_volume[hits->layer[i]];
        list[i] = (hg_cluster_hit){
            .x = (float)hits->x[i],
            .y = (float)hits->y[i],
            .axis = {axes[0], axes[1], axes[2], axes[3], axes[4], axes[5], axes[6], axes[7], axes[8]},
            .row_u = (volume * HG_CLUSTER_U_SIZES + limited(hits->nu[i], HG_CLUSTER_U_SIZES)) * HG_CLUSTER_BINS,
            .row_v = (volume * HG_CLUSTER_V_SIZES + limited(hits->nv[i], HG_CLUSTER_V_SIZES)) * HG_CLUSTER_BINS,
        };
    }
    *out = list;
    list = NULL;
done:
    hg_free(ctx, list);
    return status;
}

static void cells_of(const hg_cluster_hit *hit, float x, float y, float cot, int32_t *u, int32_t *v)
{
    float along[3];
    for (int a = 0; a < 3; ++a) along[a] = x * hit->axis[3 * a] + y * hit->axis[3 * a + 1] + cot * hit->axis[3 * a + 2];
    hg_inclination_bins(along[0], along[1], along[2], u, v);
    *u += hit->row_u;
    *v += hit->row_v;
}

void hg_cluster_cells(const hg_cluster_hit *a, const hg_cluster_hit *b, float kappa, float cot, int32_t u[2], int32_t v[2])
{
    const hg_tangents at = hg_chord_tangents(b->x - a->x, b->y - a->y, kappa);
    cells_of(a, at.x1, at.y1, cot, &u[0], &v[0]);
    cells_of(b, at.x2, at.y2, cot, &u[1], &v[1]);
}

hg_status hg_cluster_tables_create(hg_context *ctx, const hg_doublet_map *map, int8_t **cells, hg_cluster_tables *out)
{
    const int64_t n_u = (int64_t)map->n_volumes * HG_CLUSTER_U_CELLS, n_v = (int64_t)map->n_volumes * HG_CLUSTER_V_CELLS;
    hg_status status = hg_alloc(ctx, cells, n_u + n_v + 3);
    if (status < 0) return status;
    memcpy(*cells, map->cluster_u, (size_t)n_u);
    memcpy(*cells + n_u, map->cluster_v, (size_t)n_v);
    *out = (hg_cluster_tables){*cells, *cells + n_u, map->table_step, map->first_threshold - map->cluster_threshold};
    return HG_OK;
}
