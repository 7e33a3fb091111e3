/* displaced_chains.c — starts of tracks from hits alone: four in line outside the pixels, wherever the particle was made. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classical_seeds.h"
#include "tracking/finder.h"

/* The cuts of the triplets: what decays or interacts on its way keeps its direction roughly, so tracks point back, but not closely. */
static hg_classical_options cuts(const hg_finder *finder)
{
    double field[3];
    hg_classical_options o = hg_classical_default_options();
    hg_field_at(finder->input->kalman->field, (const double[3]){0, 0, 0}, field);
    o.field_tesla = fmax(fabs(field[2]), 0.1); /* without a field tracks are straight but for errors */
    o.pt_min_gev = 0.5;
    o.d0_max = 150;
    o.z0_max = 300;
    o.radial_min = 20;
    o.radial_max = 215;
    o.cot_max = 5;
    o.point_sigma = 1.5;
    o.per_middle = 3;
    return o;
}

/* Triplets of hits beyond r_min that no track has. */
static hg_status find_triplets(hg_context *ctx, const hg_finder *finder, double r_min, hg_classical_triplets *out)
{
    hg_status status = HG_OK;
    const hg_hits *hits = finder->input->hits;
    const hg_classical_options options = cuts(finder);
    uint8_t *use = NULL;
    HG_TRY(hg_alloc(ctx, &use, hits->n));
    for (int64_t i = 0; i < hits->n; ++i) use[i] = !finder->used[i] && hits->x[i] * hits->x[i] + hits->y[i] * hits->y[i] > r_min * r_min;
    const hg_space_points points = {hits->n, hits->x, hits->y, hits->z, finder->hit_layer, (int32_t)finder->input->detector->n_layers, use};
    HG_TRY(hg_classical_triplets_find(ctx, &points, &options, out));
done:
    hg_free(ctx, use);
    return status;
}

/* The best triplet that goes on with the outer two hits of t, or -1: its middle hit is t's last. first: [hits] of each middle hit, or -1.
 */
static int64_t next_triplet(const hg_classical_triplets *triplets, const int64_t *first, int64_t t)
{
    const int32_t *hit = triplets->hit + 3 * t;
    int64_t k = first[hit[2]];
    for (; k >= 0 && k < triplets->n && triplets->hit[3 * k + 1] == hit[2]; ++k)
        if (triplets->hit[3 * k] == hit[1]) return k;
    return -1;
}

/* One chain of four hits for each triplet that goes on and is not itself the going on of another. */
static hg_status join(hg_context *ctx, int64_t n_hits, const hg_classical_triplets *triplets, hg_paths *chains)
{
    hg_status status = HG_OK;
    int64_t *first = NULL, *next = NULL;
    uint8_t *inner = NULL;
    hg_paths made = {0};
    HG_TRY(hg_alloc(ctx, &first, n_hits));
    HG_TRY(hg_alloc(ctx, &next, triplets->n));
    HG_TRY(hg_alloc(ctx, &inner, triplets->n));
    for (int64_t i = 0; i < n_hits; ++i) first[i] = -1;
    for (int64_t t = triplets->n - 1; t >= 0; --t) first[triplets->hit[3 * t + 1]] = t;
    for (int64_t t = 0; t < triplets->n; ++t) {
        next[t] = next_triplet(triplets, first, t);
        if (next[t] >= 0) inner[next[t]] = 1;
    }
    for (int64_t t = 0; t < triplets->n; ++t) made.n += next[t] >= 0 && !inner[t];
    HG_TRY(hg_alloc(ctx, &made.offset, made.n + 1));
    HG_TRY(hg_alloc(ctx, &made.node, 4 * made.n));
    HG_TRY(hg_alloc(ctx, &made.link, 4 * made.n));
    for (int64_t t = 0, c = 0; t < triplets->n; ++t) {
        if (next[t] < 0 || inner[t]) continue;
        memcpy(made.node + 4 * c, triplets->hit + 3 * t, 3 * sizeof *made.node);
        made.node[4 * c + 3] = triplets->hit[3 * next[t] + 2];
        made.link[4 * c + 2] = triplets->score[t];
        made.link[4 * c + 3] = triplets->score[next[t]];
        ++c;
        made.offset[c] = 4 * c;
    }
    *chains = made;
    made = (hg_paths){0};
done:
    hg_paths_free(ctx, &made);
    hg_free(ctx, first);
    hg_free(ctx, next);
    hg_free(ctx, inner);
    return status;
}

hg_status hg_displaced_chains_build(hg_context *ctx, const hg_finder *finder, int pass, hg_paths *chains)
{
    hg_status status = HG_OK;
    hg_classical_triplets triplets = {0};
    HG_TRY(find_triplets(ctx, finder, (double)finder->options->pass[pass].displaced_r_mm, &triplets));
    HG_TRY(join(ctx, finder->input->hits->n, &triplets, chains));
done:
    hg_classical_triplets_clear(ctx, &triplets);
    return status;
}
