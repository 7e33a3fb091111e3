/* truth_tracks.c — the true hits of chosen particles as tracks: what a perfect finder would hand to the fit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/truth.h"
#include "base/check.h"
#include "base/memory.h"

hg_status hg_truth_tracks(hg_context *ctx, const hg_truth_order *order, const hg_target *target, double vertex_r_max_mm, hg_tracks **out)
{
    hg_status status = HG_OK;
    hg_tracks *tracks = NULL;
    int64_t *track_of = NULL, *next = NULL, n = 0, n_hits = 0;

    HG_TRY(hg_alloc(ctx, &track_of, order->n_particles));
    for (int64_t p = 0; p < order->n_particles; ++p) {
        const bool wanted = hg_truth_is_target(order, target, p) && order->vertex_r_mm[p] < vertex_r_max_mm;
        track_of[p] = wanted ? n++ : -1;
        if (wanted) n_hits += order->n_hits_of[p];
    }
    HG_TRY(hg_tracks_create(ctx, n, n_hits, &tracks));
    HG_TRY(hg_alloc(ctx, &next, n));
    for (int64_t p = 0; p < order->n_particles; ++p)
        if (track_of[p] >= 0) tracks->hit_offset[track_of[p] + 1] = order->n_hits_of[p];
    for (int64_t t = 0; t < n; ++t) tracks->hit_offset[t + 1] += tracks->hit_offset[t];
    for (int64_t i = 0; i < order->n_hits; ++i) { /* a hit's place in its track: insertion by rank, ties in the order of the event */
        const int64_t t = order->particle[i] >= 0 ? track_of[order->particle[i]] : -1;
        if (t < 0) continue;
        int64_t place = tracks->hit_offset[t] + next[t]++;
        for (; place > tracks->hit_offset[t]; --place) {
            if (order->module_rank[tracks->hit[place - 1]] <= order->module_rank[i]) break;
            tracks->hit[place] = tracks->hit[place - 1];
        }
        tracks->hit[place] = (int32_t)i;
    }
    *out = tracks;
    tracks = NULL;
done:
    hg_free(ctx, track_of);
    hg_free(ctx, next);
    hg_tracks_destroy(ctx, tracks);
    return status;
}
