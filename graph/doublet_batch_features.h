/* graph/doublet_batch_features.h — batch kernel: the columns of edges that networks see. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_FEATURES_H
#define HG_GRAPH_DOUBLET_BATCH_FEATURES_H

#include "graph/doublet_batch.h"
#include "graph/doublet_batch_lanes.h"

static inline float limited(float value, float limit)
{
    return smaller(limit, larger(-limit, value));
}

/* Edges side by side. */
typedef struct edges {
    float r1[LANES], z1[LANES], phi1[LANES], r2[LANES], z2[LANES], phi2[LANES];
    float kappa[LANES], cot[LANES], score[LANES], best[2][LANES], log_count[2][LANES];
    float value[2][LANES], length[2][LANES], same_layer[LANES];
} edges;

static inline float log_of(const hg_feature_inputs *in, int32_t count)
{
    return count < HG_LOGS ? in->log_1_plus[count] : log1pf((float)count);
}

static inline void load_edges(const hg_feature_inputs *in, int64_t first, int32_t n, edges *e)
{
    const hg_doublet_graph *d = in->doublets;
    for (int k = 0; k < LANES; ++k) {
        const int64_t at = first + (k < n ? k : 0);
        const hg_feature_point *p1 = &in->point[d->graph->sender[at]], *p2 = &in->point[d->graph->receiver[at]];
        e->r1[k] = p1->r;
        e->z1[k] = p1->z;
        e->phi1[k] = p1->phi;
        e->r2[k] = p2->r;
        e->z2[k] = p2->z;
        e->phi2[k] = p2->phi;
        e->kappa[k] = d->kappa[at];
        e->cot[k] = d->cot[at];
        e->score[k] = d->table_score[at];
        e->same_layer[k] = d->same_layer[at];
        for (int side = 0; side < 2; ++side) {
            e->best[side][k] = in->best[side][at];
            e->log_count[side][k] = log_of(in, in->count[side][at]);
            e->value[side][k] = in->chain[side][at].value;
            e->length[side][k] = in->chain[side][at].length;
        }
    }
}

/* Columns of the doublet itself. */
static inline void fill_own(const edges *e, float f[][LANES])
{
    for (int k = 0; k < LANES; ++k) {
        float half = 0.5f * fabsf(e->kappa[k]);
        float arc = half > 1e-9f ? asinf(smaller(half * e->r1[k], 1)) / half : e->r1[k];
        float z0 = e->z1[k] - arc * e->cot[k];
        float dphi = e->phi2[k] - e->phi1[k], turn = dphi > 0 ? hg_grid_turn : -hg_grid_turn;
        dphi = fabsf(dphi) > 0.5f * hg_grid_turn ? dphi - turn : dphi;
        f[0][k] = asinhf(e->kappa[k] / 3e-4f);
        f[2][k] = asinhf((e->same_layer[k] > 0 ? 0 : z0) / 8) / 1.5f;
        f[4][k] = asinhf(e->cot[k]) / 2;
        f[6][k] = (e->r2[k] - e->r1[k]) / 200;
        f[7][k] = (e->z2[k] - e->z1[k]) / 500;
        f[8][k] = limited(20 * dphi, 4);
        f[9][k] = limited(e->score[k], 9) / 3;
        f[10][k] = e->r1[k] / 500;
        f[11][k] = e->z1[k] / 1500;
        f[12][k] = e->r2[k] / 500;
        f[13][k] = e->z2[k] / 1500;
    }
    for (int k = 0; k < LANES; ++k) {
        f[1][k] = fabsf(f[0][k]);
        f[3][k] = fabsf(f[2][k]);
        f[5][k] = fabsf(f[4][k]);
        f[14][k] = fabsf(f[11][k]);
    }
}

/* Columns of its neighbours and of the best chains through it. */
static inline void fill_around(const edges *e, float f[][LANES])
{
    for (int side = 0; side < 2; ++side) {
        for (int k = 0; k < LANES; ++k) {
            const float best = e->best[side][k];
            f[side][k] = expf(-best);
            f[2 + side][k] = expf(-4 * best * best);
            f[4 + side][k] = e->log_count[side][k];
            f[6 + 2 * side][k] = e->value[side][k] / 4;
            f[7 + 2 * side][k] = e->length[side][k] / 4;
        }
    }
}

static void features(const hg_feature_inputs *in, int64_t first, int32_t n, hg_real *out)
{
    enum { OWN = 15, WIDTH = HG_DOUBLET_EDGE_FEATURES };
    edges e;
    float f[WIDTH][LANES];
    load_edges(in, first, n, &e);
    fill_own(&e, f);
    fill_around(&e, f + OWN);
    memcpy(f[WIDTH - 1], e.same_layer, sizeof e.same_layer);
    for (int32_t k = 0; k < n; ++k)
        for (int c = 0; c < WIDTH; ++c) out[k * WIDTH + c] = (hg_real)f[c][k];
}

#endif
