/* graph/doublet_batch_clusters.h — batch kernel: scores of doublets by the shapes of their clusters. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_CLUSTERS_H
#define HG_GRAPH_DOUBLET_BATCH_CLUSTERS_H

#include "graph/doublet_batch.h"
#include "graph/doublet_batch_lanes.h"
#include "graph/doublet_inclination.h"

/* Hits side by side. */
typedef struct cluster_lanes {
    float x[LANES], y[LANES], axis[9][LANES];
    int32_t row_u[LANES], row_v[LANES];
} cluster_lanes;

static inline void load_clusters(const hg_cluster_hit *hit, const int32_t number[LANES], cluster_lanes *l)
{
    enum { WORDS = sizeof *hit / sizeof(float) };
    int32_t at[LANES];
    for (int k = 0; k < LANES; ++k) at[k] = number[k] * WORDS;
    pick(&hit->x, at, l->x);
    pick(&hit->y, at, l->y);
    for (int a = 0; a < 9; ++a) pick(&hit->axis[a], at, l->axis[a]);
    pick_words(&hit->row_u, at, l->row_u);
    pick_words(&hit->row_v, at, l->row_v);
}

static inline void add_cluster_cells(const hg_cluster_tables *t, const cluster_lanes *l, const float x[LANES], const float y[LANES],
                                     const float cot[LANES], int32_t sum[LANES])
{
    int32_t at_u[LANES], at_v[LANES], u[LANES], v[LANES];
    for (int k = 0; k < LANES; ++k) {
        float along[3];
        for (int a = 0; a < 3; ++a) along[a] = x[k] * l->axis[3 * a][k] + y[k] * l->axis[3 * a + 1][k] + cot[k] * l->axis[3 * a + 2][k];
        hg_inclination_bins(along[0], along[1], along[2], &at_u[k], &at_v[k]);
        at_u[k] += l->row_u[k];
        at_v[k] += l->row_v[k];
    }
    pick_bytes(t->u, at_u, u);
    pick_bytes(t->v, at_v, v);
    for (int k = 0; k < LANES; ++k) sum[k] += u[k] + v[k];
}

static int32_t clusters(const hg_cluster_tables *t, const hg_cluster_hit *hit, hg_scored_doublet *doublet, int32_t n)
{
    int32_t kept = 0;
    for (int32_t first = 0; first < n; first += LANES) {
        const int32_t left = n - first < LANES ? n - first : LANES;
        cluster_lanes a, b;
        int32_t sender[LANES], receiver[LANES], sum[LANES] = {0}, pass[LANES];
        float kappa[LANES], cot[LANES], score[LANES], x1[LANES], y1[LANES], x2[LANES], y2[LANES];
        for (int k = 0; k < LANES; ++k) {
            const hg_scored_doublet *d = &doublet[first + (k < left ? k : 0)];
            sender[k] = d->sender;
            receiver[k] = d->receiver;
            kappa[k] = d->kappa;
            cot[k] = d->cot;
            score[k] = d->score;
        }
        load_clusters(hit, sender, &a);
        load_clusters(hit, receiver, &b);
        for (int k = 0; k < LANES; ++k) {
            const hg_tangents at = hg_chord_tangents(b.x[k] - a.x[k], b.y[k] - a.y[k], kappa[k]);
            x1[k] = at.x1;
            y1[k] = at.y1;
            x2[k] = at.x2;
            y2[k] = at.y2;
        }
        add_cluster_cells(t, &a, x1, y1, cot, sum);
        add_cluster_cells(t, &b, x2, y2, cot, sum);
        for (int k = 0; k < LANES; ++k) {
            score[k] += t->shift + t->step * (float)sum[k];
            pass[k] = score[k] >= 0;
        }
        for (uint32_t passed = marked(pass, left); passed; passed &= passed - 1) {
            const int k = __builtin_ctz(passed);
            doublet[kept] = doublet[first + k];
            doublet[kept++].score = score[k];
        }
    }
    return kept;
}

#endif
