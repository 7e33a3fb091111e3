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

/* Hits left out (row < 0) leave their tracks, which may be left with none. */
static void drop_from_tracks(const int32_t *row, hg_tracks *tracks)
{
    int64_t n = 0, first = 0;
    for (int64_t t = 0; t < tracks->n; ++t) {
        const int64_t end = tracks->hit_offset[t + 1];
        for (int64_t h = first; h < end; ++h) {
            if (row[tracks->hit[h]] < 0) continue;
            tracks->hit[n] = row[tracks->hit[h]];
            tracks->outlier[n] = tracks->outlier[h];
            tracks->weight[n++] = tracks->weight[h];
        }
        tracks->hit_offset[t + 1] = n;
        first = end;
    }
    tracks->n_hits = n;
}

/* Of n groups of `width` hits, with their scores if there are any, those stay that have lost no hit. */
static void drop_groups(const int32_t *row, int width, int64_t *n, int32_t *hit, float *score)
{
    int64_t kept = 0;
    for (int64_t g = 0; g < *n; ++g) {
        bool whole = true;
        for (int k = 0; k < width; ++k) whole &= row[hit[width * g + k]] >= 0;
        if (!whole) continue;
        for (int k = 0; k < width; ++k) hit[width * kept + k] = row[hit[width * g + k]];
        if (score) score[kept] = score[g];
        ++kept;
    }
    *n = kept;
}

hg_status hg_found_tracks_drop_hits(hg_context *ctx, const uint8_t *keep, int64_t n_hits, hg_tracks_content *content)
{
    hg_status status = HG_OK;
    int32_t *row = NULL; /* [n_hits] new row; -1 = left out */
    int32_t n = 0;

    HG_TRY(hg_alloc(ctx, &row, n_hits));
    for (int64_t i = 0; i < n_hits; ++i) row[i] = keep[i] ? n++ : -1;
    drop_from_tracks(row, content->tracks);
    drop_groups(row, 2, &content->n_doublets, content->doublet_hit, content->doublet_score);
    drop_groups(row, 3, &content->n_triplets, content->triplet_hit, content->triplet_score);
    drop_groups(row, 3, &content->n_seeds, content->seed_hit, NULL);
done:
    hg_free(ctx, row);
    return status;
}
