/* luminous.c — the luminous length from the hits alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublets.h"

#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_measure.h"
#include "graph/doublet_score.h"

enum { FEWEST_TRIPLETS = 20, INNER_HITS = 2048 /* about so many tell enough */ };
static const float kappa_max = 6e-4f; /* 1 GeV in 2 T: straight enough for a line in r-z */
static const float z0_max = 300;      /* mm */
static const float z0_beyond = 200;   /* mm: no collisions there, only accidents */
static const float dz_max = 0.1f;     /* mm, third hit from the line through the first two */
static const float dkappa_max = 5e-5f;

/* The three innermost barrel layers that have hits, by mean radius; false if there are fewer. */
static bool innermost(const hg_hit_grid *g, int32_t layer[3], float radius[3])
{
    int n = 0;
    for (int32_t l = 0; l < g->n_layers; ++l) {
        int32_t first = g->layer_first[l], end = g->layer_first[l + 1];
        if (!g->barrel[l] || first == end) continue;
        double sum = 0;
        for (int32_t i = first; i < end; ++i) sum += (double)g->r[i];
        float r = (float)(sum / (end - first));
        int at = n < 3 ? n++ : 3;
        for (; at > 0 && r < radius[at - 1]; --at) {
            if (at < 3) {
                radius[at] = radius[at - 1];
                layer[at] = layer[at - 1];
            }
        }
        if (at < 3) {
            radius[at] = r;
            layer[at] = l;
        }
    }
    return n == 3;
}

typedef struct triplets {
    hg_context *ctx;
    float *z0;
    int64_t n, room;
} triplets;

/* z0 of all third hits in line with the doublet i -> j. */
static hg_status complete(triplets *t, const hg_hit_grid *g, int32_t layer, float radius, const hg_point *p1, const hg_point *p2,
                          int32_t *found)
{
    hg_status status = HG_OK;
    hg_doublet_values first, second;
    if (!hg_doublet_measure(false, true, true, p1, p2, &first) || first.bend > kappa_max || fabsf(first.z0) > z0_max) return HG_OK;
    float z = p2->z + first.cot * (radius - p2->r), reach = dz_max + 3 * fabsf(first.cot),
          half = 2 * hg_doublet_dphi(kappa_max, p2->r, radius);
    int32_t n = hg_hit_grid_query(g, layer, z - reach, z + reach, p2->phi, half, found);
    for (int32_t k = 0; k < n; ++k) {
        hg_point p3 = hg_grid_point(g, found[k]);
        if (!hg_doublet_measure(false, true, true, p2, &p3, &second) || fabsf(second.kappa - first.kappa) > dkappa_max) continue;
        if (fabsf(p3.z - p2->z - first.cot * (p3.r - p2->r)) > dz_max) continue;
        if (t->n == t->room) {
            int64_t room = 2 * t->room + 1024;
            HG_TRY(hg_grow(t->ctx, &t->z0, t->n, room));
            t->room = room;
        }
        t->z0[t->n++] = first.z0;
    }
done:
    return status;
}

static int compare_floats(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* Where the sorted z0, less `density` accidents per mm, have come to this share of what is left. */
static float quantile(const triplets *t, double density, double share)
{
    const double wanted = share * ((double)t->n - 2 * density * (double)z0_max);
    int64_t i = 0;
    while (i < t->n - 1 && (double)(i + 1) - density * (double)(t->z0[i] + z0_max) < wanted) ++i;
    return t->z0[i];
}

/* Width by quartiles: decays are far from the beam spot. Accidents, most of all triplets in a dense event, are taken off at the density
 * that they have beyond all collisions. */
static double width(triplets *t)
{
    int64_t n_beyond = 0;
    qsort(t->z0, (size_t)t->n, sizeof *t->z0, compare_floats);
    for (int64_t i = 0; i < t->n; ++i) n_beyond += fabsf(t->z0[i]) > z0_beyond;
    const double density = (double)n_beyond / (2 * (double)(z0_max - z0_beyond));
    return (double)(quantile(t, density, 0.75) - quantile(t, density, 0.25)) / 1.349;
}

hg_status hg_luminous_sigma_z(hg_context *ctx, const hg_doublet_hits *hits, double *sigma_z_mm)
{
    hg_status status = HG_OK;
    hg_hit_grid *g = NULL;
    int32_t layer[3], *found = NULL;
    float radius[3];
    triplets t = {.ctx = ctx};
    HG_TRY(hg_hit_grid_create(ctx, hits, &g));
    HG_TRY(hg_alloc(ctx, &found, 2 * ((int64_t)g->largest + 1)));
    bool three = innermost(g, layer, radius);
    const int32_t first = three ? g->layer_first[layer[0]] : 0, end = three ? g->layer_first[layer[0] + 1] : 0;
    const int32_t step = end - first > INNER_HITS ? (end - first) / INNER_HITS : 1;
    for (int32_t i = first; i < end; i += step) {
        hg_point p1 = hg_grid_point(g, i);
        float lever = (radius[1] - p1.r) / fmaxf(p1.r, 1), centre = p1.z * (1 + lever);
        float half = hg_doublet_dphi(kappa_max, p1.r, g->r_max[layer[1]]);
        int32_t n = hg_hit_grid_query(g, layer[1], centre - z0_max * lever, centre + z0_max * lever, p1.phi, half, found);
        for (int32_t k = 0; k < n; ++k) {
            hg_point p2 = hg_grid_point(g, found[k]);
            HG_TRY(complete(&t, g, layer[2], radius[2], &p1, &p2, found + g->largest + 1));
        }
    }
    *sigma_z_mm = t.n >= FEWEST_TRIPLETS ? width(&t) : 0;
done:
    hg_hit_grid_destroy(ctx, g);
    hg_free(ctx, found);
    hg_free(ctx, t.z0);
    return status;
}
