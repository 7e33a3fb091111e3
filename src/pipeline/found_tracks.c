/* pipeline/found_tracks.c — the tracks that a file says were found. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/found_tracks.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/metrics.h"
#include "hitgraph/submission.h"

struct hg_found_tracks {
    char *path;        /* owned */
    hg_labels *labels; /* owned; NULL = a tracks file, read event by event */
};

hg_status hg_found_tracks_open(hg_context *ctx, const char *path, hg_found_tracks **out)
{
    hg_status status = HG_OK;
    hg_found_tracks *found = NULL;

    HG_TRY(hg_alloc(ctx, &found, 1));
    HG_TRY(hg_copy_string(ctx, path, &found->path));
    const size_t length = strlen(path);
    if (length < 3 || strcmp(path + length - 3, ".h5") != 0) HG_TRY(hg_labels_read(ctx, path, &found->labels));
    *out = found;
    found = NULL;
done:
    hg_found_tracks_close(ctx, found);
    return status;
}

void hg_found_tracks_close(hg_context *ctx, hg_found_tracks *found)
{
    if (found == NULL) return;
    hg_labels_destroy(ctx, found->labels);
    hg_free(ctx, found->path);
    hg_free(ctx, found);
}

typedef struct far_hit {
    double distance2; /* from the origin, mm^2 */
    int32_t hit;
} far_hit;

static int compare_distance(const void *a, const void *b)
{
    const far_hit *p = a, *q = b;
    if (p->distance2 != q->distance2) return p->distance2 < q->distance2 ? -1 : 1;
    return (p->hit > q->hit) - (p->hit < q->hit);
}

static void sort_outward(const hg_hits *hits, int32_t *hit, int64_t n, far_hit *room)
{
    for (int64_t k = 0; k < n; ++k) {
        const int32_t i = hit[k];
        room[k] = (far_hit){hits->x[i] * hits->x[i] + hits->y[i] * hits->y[i] + hits->z[i] * hits->z[i], i};
    }
    qsort(room, (size_t)n, sizeof *room, compare_distance);
    for (int64_t k = 0; k < n; ++k) hit[k] = room[k].hit;
}

static hg_status tracks_of_labels(hg_context *ctx, const hg_labels *labels, const hg_event *event, hg_tracks **out)
{
    hg_status status = HG_OK;
    hg_tracks *tracks = NULL;
    int64_t *label = NULL, *offset = NULL, n = 0;
    int32_t *hit = NULL;
    far_hit *room = NULL;

    HG_TRY(hg_alloc(ctx, &label, event->hits.n));
    HG_TRY(hg_alloc(ctx, &room, event->hits.n));
    HG_TRY(hg_labels_of_event(ctx, labels, event->event_id, &event->hits, label));
    HG_TRY(hg_lists_from_labels(ctx, event->hits.n, label, &n, &offset, &hit));
    HG_TRY(hg_tracks_create(ctx, n, offset[n], &tracks));
    memcpy(tracks->hit_offset, offset, (size_t)(n + 1) * sizeof *offset);
    memcpy(tracks->hit, hit, (size_t)offset[n] * sizeof *hit);
    for (int64_t t = 0; t < n; ++t) {
        sort_outward(&event->hits, tracks->hit + offset[t], offset[t + 1] - offset[t], room);
        tracks->status[t] = HG_TRACK_FAILED;
    }
    *out = tracks;
    tracks = NULL;
done:
    hg_tracks_destroy(ctx, tracks);
    hg_free(ctx, label);
    hg_free(ctx, offset);
    hg_free(ctx, hit);
    hg_free(ctx, room);
    return status;
}

hg_status hg_found_tracks_of_event(hg_context *ctx, const hg_found_tracks *found, const hg_event *event, hg_tracks_content *out)
{
    if (found->labels == NULL) return hg_tracks_content_read(ctx, found->path, event->event_id, &event->hits, out);
    hg_tracks *tracks = NULL;
    const hg_status status = tracks_of_labels(ctx, found->labels, event, &tracks);
    if (status < 0)
        hg_fail_prefix(ctx, "%s", found->path);
    else
        *out = (hg_tracks_content){.tracks = tracks};
    return status;
}
