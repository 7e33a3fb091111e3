/* luminous.c — the luminous length from the hits alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublets.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_graph.h"
#include "graph/doublet_measure.h"
#include "graph/doublet_score.h"

enum { FEWEST_TRIPLETS = 20, INNER_HITS = 2048 /* about so many tell enough */, INNER_PER_TURN = 64 };
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

/* Those that one thread found. */
typedef struct triplets {
    hg_context *ctx;
    float *z0; /* owned */
    int64_t n, room;
    hg_status status;
} triplets;

static hg_status append(triplets *t, float z0)
{
    hg_status status = HG_OK;
    if (t->n == t->room) {
        const int64_t room = 2 * t->room + 1024;
#pragma omp critical
        status = hg_grow(t->ctx, &t->z0, t->n, room);
        if (status < 0) return status;
        t->room = room;
    }
    t->z0[t->n++] = z0;
    return HG_OK;
}

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
        HG_TRY(append(t, first.z0));
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

/* All triplets of the inner hits i = first + k step, counted by k. */
typedef struct search {
    const hg_hit_grid *grid;
    int32_t layer[3], first, step;
    float radius[3];
} search;

static hg_status find_triplets(const search *s, int32_t k, int32_t *found, triplets *t)
{
    hg_status status = HG_OK;
    const hg_hit_grid *g = s->grid;
    const hg_point p1 = hg_grid_point(g, s->first + k * s->step);
    const float lever = (s->radius[1] - p1.r) / fmaxf(p1.r, 1), centre = p1.z * (1 + lever);
    const float half = hg_doublet_dphi(kappa_max, p1.r, g->r_max[s->layer[1]]);
    const int32_t n = hg_hit_grid_query(g, s->layer[1], centre - z0_max * lever, centre + z0_max * lever, p1.phi, half, found);
    for (int32_t j = 0; j < n && status >= 0; ++j) {
        const hg_point p2 = hg_grid_point(g, found[j]);
        status = complete(t, g, s->layer[2], s->radius[2], &p1, &p2, found + g->largest + 1);
    }
    return status;
}

/* parts: [threads]; found: [threads, 2, largest + 1]. */
static hg_status find_all(const search *s, int32_t n, int threads, triplets *parts, int32_t *found)
{
    hg_status status = HG_OK;
#pragma omp parallel num_threads(threads)
    {
        triplets *own = &parts[omp_get_thread_num()];
        int32_t *room = found + omp_get_thread_num() * 2 * ((int64_t)s->grid->largest + 1);
#pragma omp for schedule(dynamic, INNER_PER_TURN)
        for (int32_t k = 0; k < n; ++k)
            if (own->status >= 0) own->status = find_triplets(s, k, room, own);
    }
    for (int t = 0; t < threads && status >= 0; ++t) status = parts[t].status;
    return status;
}

/* Into the first part. */
static hg_status join_parts(triplets *parts, int threads)
{
    hg_status status = HG_OK;
    int64_t n = 0;
    for (int t = 0; t < threads; ++t) n += parts[t].n;
    HG_TRY(hg_grow(parts->ctx, &parts->z0, parts->n, n));
    for (int t = 1; t < threads; ++t) {
        for (int64_t i = 0; i < parts[t].n; ++i) parts->z0[parts->n++] = parts[t].z0[i];
    }
done:
    return status;
}

hg_status hg_grid_luminous_sigma_z(hg_context *ctx, const hg_hit_grid *g, double *sigma_z_mm)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    int32_t *found = NULL;
    triplets *parts = NULL;
    search s = {.grid = g, .step = 1};
    int32_t n = 0;
    HG_TRY(hg_alloc_unset(ctx, &found, threads * 2 * ((int64_t)g->largest + 1)));
    HG_TRY(hg_alloc(ctx, &parts, threads));
    for (int t = 0; t < threads; ++t) parts[t].ctx = ctx;
    if (innermost(g, s.layer, s.radius)) {
        s.first = g->layer_first[s.layer[0]];
        n = g->layer_first[s.layer[0] + 1] - s.first;
    }
    if (n > INNER_HITS) s.step = n / INNER_HITS;
    HG_TRY(find_all(&s, (n + s.step - 1) / s.step, threads, parts, found));
    HG_TRY(join_parts(parts, threads));
    *sigma_z_mm = parts->n >= FEWEST_TRIPLETS ? width(parts) : 0;
done:
    for (int t = 0; parts && t < threads; ++t) hg_free(ctx, parts[t].z0);
    hg_free(ctx, parts);
    hg_free(ctx, found);
    return status;
}

hg_status hg_luminous_sigma_z(hg_context *ctx, const hg_doublet_hits *hits, double *sigma_z_mm)
{
    hg_status status = HG_OK;
    hg_hit_grid *grid = NULL;
    HG_TRY(hg_hit_grid_create(ctx, hits, &grid));
    HG_TRY(hg_grid_luminous_sigma_z(ctx, grid, sigma_z_mm));
done:
    hg_hit_grid_destroy(ctx, grid);
    return status;
}
