/* tracks.c — room for found and fitted tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/tracks.h"
#include "base/check.h"
#include "base/memory.h"

hg_status hg_tracks_create(hg_context *ctx, int64_t n, int64_t n_hits, hg_tracks **out)
{
    hg_status status = HG_OK;
    hg_tracks *tracks = NULL;

    HG_CHECK(n >= 0 && n_hits >= 0, HG_ERR_ARG, "expected numbers >= 0, found %" PRId64 " tracks with %" PRId64 " hits", n, n_hits);
    HG_CHECK(n < INT32_MAX, HG_ERR_ARG, "expected fewer than 2^31 tracks, found %" PRId64, n);
    HG_TRY(hg_alloc(ctx, &tracks, 1));
    tracks->n = n;
    tracks->n_hits = n_hits;
    HG_TRY(hg_alloc(ctx, &tracks->hit_offset, n + 1));
    HG_TRY(hg_alloc(ctx, &tracks->hit, n_hits));
    HG_TRY(hg_alloc(ctx, &tracks->outlier, n_hits));
    HG_TRY(hg_alloc(ctx, &tracks->weight, n_hits));
    HG_TRY(hg_alloc(ctx, &tracks->params, 5 * n));
    HG_TRY(hg_alloc(ctx, &tracks->cov, 15 * n));
    HG_TRY(hg_alloc(ctx, &tracks->chi2, n));
    HG_TRY(hg_alloc(ctx, &tracks->ndf, n));
    HG_TRY(hg_alloc(ctx, &tracks->status, n));
    HG_TRY(hg_alloc(ctx, &tracks->n_hole, n));
    HG_TRY(hg_alloc(ctx, &tracks->score, n));

    *out = tracks;
    tracks = NULL;
done:
    hg_tracks_destroy(ctx, tracks);
    return status;
}

void hg_tracks_destroy(hg_context *ctx, hg_tracks *tracks)
{
    if (!tracks) return;
    hg_free(ctx, tracks->hit_offset);
    hg_free(ctx, tracks->hit);
    hg_free(ctx, tracks->outlier);
    hg_free(ctx, tracks->weight);
    hg_free(ctx, tracks->params);
    hg_free(ctx, tracks->cov);
    hg_free(ctx, tracks->chi2);
    hg_free(ctx, tracks->ndf);
    hg_free(ctx, tracks->status);
    hg_free(ctx, tracks->n_hole);
    hg_free(ctx, tracks->score);
    hg_free(ctx, tracks);
}
