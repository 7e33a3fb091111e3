/* graph/doublet_batch_judge.h — batch kernel: scores of doublets by the tables of their layer pair. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_JUDGE_H
#define HG_GRAPH_DOUBLET_BATCH_JUDGE_H

#include "graph/doublet_batch.h"
#include "graph/doublet_batch_lanes.h"
#include "graph/doublet_measure.h"

/* Lanes of hits that were found, side by side. */
typedef struct measured {
    int32_t good[LANES], bend_z0[LANES], c_c[LANES];
    float kappa[LANES], cot[LANES];
} measured;

/* Cells of the first table; 0 in good where the doublet lies outside its bins. */
static inline void find_bend_cells(const hg_doublet_pair *pair, const float *z0, measured *m)
{
    int32_t reached[LANES]; /* lower edges of bins that are not above z0 */
    count_reached(pair->z0_edge, HG_DOUBLET_Z0_BINS, z0, reached);
    for (int k = 0; k < LANES; ++k) {
        float bend = fabsf(m->kappa[k]);
        m->good[k] &= (bend <= pair->bend_max) & (reached[k] > 0) & (z0[k] <= pair->z0_edge[HG_DOUBLET_Z0_BINS]);
        m->bend_z0[k] = m->good[k] ? hg_doublet_bend_bin(pair, bend) * HG_DOUBLET_Z0_BINS + reached[k] - 1 : 0;
    }
}

/* hg_asin_over of all lanes. Few doublets bend so far that its second branch, with a root and a division, is anyone's. */
static inline void asin_over(const float u[LANES], float out[LANES])
{
    int32_t far[LANES];
    for (int k = 0; k < LANES; ++k) far[k] = u[k] > hg_asin_near;
    if (marked(far, LANES)) {
        for (int k = 0; k < LANES; ++k) out[k] = hg_asin_over(u[k]);
    } else {
        for (int k = 0; k < LANES; ++k) out[k] = hg_asin_series(u[k] * u[k]);
    }
}

/* Hits side by side. */
typedef struct points {
    float x[LANES], y[LANES], z[LANES], r[LANES], c[LANES];
} points;

static inline void pick_points(const hg_hit_grid *g, const int32_t place[LANES], points *p)
{
    pick(g->x, place, p->x);
    pick(g->y, place, p->y);
    pick(g->z, place, p->z);
    pick(g->r, place, p->r);
    pick(g->c, place, p->c);
}

static void measure(const points *p1, const points *p2, const hg_doublet_pair *pair, measured *m)
{
    float z0[LANES], u1[LANES], u2[LANES], over1[LANES], over2[LANES];
    for (int k = 0; k < LANES; ++k) {
        m->kappa[k] = hg_circle_kappa(p1->x[k], p1->y[k], p1->r[k], p2->x[k], p2->y[k], p2->r[k], &m->good[k]);
        u1[k] = hg_circle_half_angle(m->kappa[k], p1->r[k]);
        u2[k] = hg_circle_half_angle(m->kappa[k], p2->r[k]);
        m->c_c[k] = hg_doublet_c_bin(p1->c[k], pair->c_low[0], pair->c_high[0]) * HG_DOUBLET_C_BINS +
                    hg_doublet_c_bin(p2->c[k], pair->c_low[1], pair->c_high[1]);
    }
    asin_over(u1, over1);
    asin_over(u2, over2);
    for (int k = 0; k < LANES; ++k) {
        const float t1 = p1->r[k] * over1[k], t2 = p2->r[k] * over2[k];
        m->cot[k] = (p2->z[k] - p1->z[k]) / (t2 - t1);
        z0[k] = p1->z[k] - t1 * m->cot[k];
    }
    find_bend_cells(pair, z0, m);
}

/* Sums of both tables' cells of the lanes; returns the lanes k < left whose doublet reaches the least sum. */
static inline uint32_t add_cells(const hg_doublet_tables *t, const measured *m, int32_t left, int32_t sum[LANES])
{
    int32_t c_c[LANES], pass[LANES];
    pick_bytes(t->bend_z0, m->bend_z0, sum);
    pick_bytes(t->c_c, m->c_c, c_c);
    for (int k = 0; k < LANES; ++k) sum[k] += c_c[k];
    for (int k = 0; k < LANES; ++k) pass[k] = m->good[k] & (sum[k] >= t->least);
    return marked(pass, left);
}

static int32_t judge(const hg_hit_grid *g, const hg_doublet_tables *t, const int32_t *inner, const int32_t *found, int32_t n,
                     hg_scored_doublet *out)
{
    int32_t n_out = 0;
    for (int32_t first = 0; first < n; first += LANES) {
        const int32_t *from = inner + first, *to = found + first, left = n - first < LANES ? n - first : LANES;
        int32_t sum[LANES];
        points p1, p2;
        measured m;
        pick_points(g, from, &p1);
        pick_points(g, to, &p2);
        measure(&p1, &p2, t->pair, &m);
        for (uint32_t passed = add_cells(t, &m, left, sum); passed; passed &= passed - 1) {
            const int k = __builtin_ctz(passed);
            const float score = t->base + t->step * (float)sum[k];
            out[n_out++] = (hg_scored_doublet){g->hit[from[k]], g->hit[to[k]], t->number, score, m.kappa[k], m.cot[k]};
        }
    }
    return n_out;
}

#endif
