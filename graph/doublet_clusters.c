/* doublet_clusters.c — cluster shapes: a doublet's inclination to both modules, and what the sizes of the clusters make of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_clusters.h"

#include <math.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_measure.h"

/* Beyond these inclinations there are few targets, and clusters tell them no more apart. */
static const float largest_s_u = 0.6f, largest_s_v = 8;

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
            .u = {axes[0], axes[1], axes[2]},
            .v = {axes[3], axes[4], axes[5]},
            .w = {axes[6], axes[7], axes[8]},
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

static void cells_of(const hg_cluster_hit *hit, const float t[3], int32_t *u, int32_t *v)
{
    float along_u = t[0] * hit->u[0] + t[1] * hit->u[1] + t[2] * hit->u[2];
    float along_v = t[0] * hit->v[0] + t[1] * hit->v[1] + t[2] * hit->v[2];
    float along_w = fmaxf(fabsf(t[0] * hit->w[0] + t[1] * hit->w[1] + t[2] * hit->w[2]), 1e-6f);
    float s_u = fminf(fabsf(along_u) / along_w, largest_s_u), s_v = fminf(fabsf(along_v) / along_w, largest_s_v);
    *u = hit->row_u + hg_doublet_clamped_bin(s_u / largest_s_u * (float)HG_CLUSTER_BINS, HG_CLUSTER_BINS);
    *v = hit->row_v + hg_doublet_clamped_bin(sqrtf(s_v / largest_s_v) * (float)HG_CLUSTER_BINS, HG_CLUSTER_BINS);
}

void hg_cluster_cells(const hg_cluster_hit *a, const hg_cluster_hit *b, float kappa, float cot, int32_t u[2], int32_t v[2])
{
    float dx = b->x - a->x, dy = b->y - a->y;
    float d = sqrtf(dx * dx + dy * dy);
    /* the tangents are the chord turned by the angle that spans half of it */
    float sine = fmaxf(-1, fminf(1, 0.5f * kappa * d)), cosine = sqrtf(1 - sine * sine), ex = dx / d, ey = dy / d;
    const float first[3] = {cosine * ex + sine * ey, cosine * ey - sine * ex, cot};
    const float second[3] = {cosine * ex - sine * ey, cosine * ey + sine * ex, cot};
    cells_of(a, first, &u[0], &v[0]);
    cells_of(b, second, &u[1], &v[1]);
}

int32_t hg_clusters_judge(const hg_doublet_map *map, const hg_cluster_hit *hit, hg_scored_doublet *doublet, int32_t n)
{
    const float shift = map->first_threshold - map->cluster_threshold;
    int32_t kept = 0;
    for (int32_t k = 0; k < n; ++k) {
        hg_scored_doublet d = doublet[k];
        int32_t u[2], v[2];
        hg_cluster_cells(&hit[d.sender], &hit[d.receiver], d.kappa, d.cot, u, v);
        int32_t sum = map->cluster_u[u[0]] + map->cluster_u[u[1]] + map->cluster_v[v[0]] + map->cluster_v[v[1]];
        d.score += shift + map->table_step * (float)sum;
        doublet[kept] = d;
        kept += d.score >= 0;
    }
    return kept;
}
