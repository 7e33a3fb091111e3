/* datasets/tracks_hdf5_read.c — one event of a tracks file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/tracks_file.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_tables.h"
#include "datasets/id_index.h"

#define MEMBER(path, type, width, member)                                                                                                  \
    {                                                                                                                                      \
        {path, type, width, "1", ""}, offsetof(hg_tracks, member)                                                                          \
    }

static const hg_h5_member track_table[] = {
    MEMBER("/tracks/params", HG_H5_F64, 5, params),      MEMBER("/tracks/cov", HG_H5_F64, 15, cov),
    MEMBER("/tracks/chi2", HG_H5_F64, 0, chi2),          MEMBER("/tracks/ndf", HG_H5_I32, 0, ndf),
    MEMBER("/tracks/score", HG_H5_F32, 0, score),        MEMBER("/tracks/n_hole", HG_H5_I32, 0, n_hole),
    MEMBER("/tracks/status_bits", HG_H5_I32, 0, status), {{NULL, HG_H5_U8, 0, NULL, NULL}, 0},
};

typedef struct reader {
    hg_context *ctx;
    hg_h5 *h5;         /* owned */
    hg_id_index index; /* of the event's hit ids */
    uint64_t event_id;
    int64_t event, n_events; /* place of the event in the file */
} reader;

static hg_status find_event(reader *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    uint64_t *ids = NULL;

    HG_TRY(hg_h5_read_array(ctx, r->h5, "/events/event_id", 0, -1, &ids, &r->n_events));
    r->event = 0;
    while (r->event < r->n_events && ids[r->event] != r->event_id) ++r->event;
    HG_CHECK(r->event < r->n_events, HG_ERR_DATA, "%s: event %" PRIu64 " is not in this file", hg_h5_name(r->h5), r->event_id);
done:
    hg_free(ctx, ids);
    return status;
}

/* Rows of this event in a table, whose ranges per event are in `path`. */
static hg_status find_range(reader *r, const char *path, const char *table, hg_h5_type type, int64_t width, int64_t *first, int64_t *n)
{
    hg_status status = HG_OK;
    int64_t *offset = NULL, total = -1;

    HG_TRY(hg_h5_shape(r->ctx, r->h5, table, type, width, &total, NULL));
    HG_TRY(hg_h5_read_offsets(r->ctx, r->h5, path, &r->n_events, &total, &offset));
    *first = offset[r->event];
    *n = offset[r->event + 1] - offset[r->event];
done:
    hg_free(r->ctx, offset);
    return status;
}

/* Reads hit numbers, [rows, width], and looks up their rows; *out owned by the caller. */
static hg_status read_hits(reader *r, const char *path, int64_t width, int64_t first, int64_t rows, int32_t **out)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    uint64_t *id = NULL;
    int32_t *hit = NULL;
    const int64_t n = rows * (width ? width : 1);

    HG_TRY(hg_alloc(ctx, &id, n));
    HG_TRY(hg_alloc(ctx, &hit, n));
    HG_TRY(hg_h5_read(ctx, r->h5, path, HG_H5_U64, width, first, rows, id));
    for (int64_t k = 0; k < n; ++k) {
        const int64_t row = hg_id_index_find(&r->index, id[k]);
        HG_CHECK(row >= 0, HG_ERR_DATA, "%s:%s: hit %" PRIu64 " is not in event %" PRIu64, hg_h5_name(r->h5), path, id[k], r->event_id);
        hit[k] = (int32_t)row;
    }
    *out = hit;
    hit = NULL;
done:
    hg_free(ctx, id);
    hg_free(ctx, hit);
    return status;
}

static hg_status read_tracks(reader *r, hg_tracks **out)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    hg_tracks *tracks = NULL;
    int64_t *offset = NULL, first = 0, n = 0, n_all = 0, n_hits_all = 0;
    int32_t *hit = NULL;

    HG_TRY(find_range(r, "/events/track_offset", "/tracks/params", HG_H5_F64, 5, &first, &n));
    HG_TRY(hg_h5_shape(ctx, r->h5, "/tracks/params", HG_H5_F64, 5, &n_all, NULL));
    HG_TRY(hg_h5_shape(ctx, r->h5, "/tracks/hit_id", HG_H5_U64, 0, &n_hits_all, NULL));
    HG_TRY(hg_h5_read_offsets(ctx, r->h5, "/tracks/hit_offset", &n_all, &n_hits_all, &offset));
    const int64_t first_hit = offset[first], n_hits = offset[first + n] - first_hit;
    HG_TRY(hg_tracks_create(ctx, n, n_hits, &tracks));
    for (int64_t t = 0; t <= n; ++t) tracks->hit_offset[t] = offset[first + t] - first_hit;
    HG_TRY(read_hits(r, "/tracks/hit_id", 0, first_hit, n_hits, &hit));
    memcpy(tracks->hit, hit, (size_t)n_hits * sizeof *hit);
    HG_TRY(hg_h5_read(ctx, r->h5, "/tracks/outlier", HG_H5_U8, 0, first_hit, n_hits, tracks->outlier));
    if (hg_h5_has(r->h5, "/tracks/hit_weight"))
        HG_TRY(hg_h5_read(ctx, r->h5, "/tracks/hit_weight", HG_H5_F32, 0, first_hit, n_hits, tracks->weight));
    else /* files of old have no weights other than these */
        for (int64_t h = 0; h < n_hits; ++h) tracks->weight[h] = tracks->outlier[h] ? 0.0f : 1.0f;
    HG_TRY(hg_h5_read_members(ctx, r->h5, track_table, tracks, first, n));
    *out = tracks;
    tracks = NULL;
done:
    hg_tracks_destroy(ctx, tracks);
    hg_free(ctx, offset);
    hg_free(ctx, hit);
    return status;
}

/* Hits and scores of a group that the file may lack. score NULL = not wanted. */
static hg_status read_group(reader *r, const char *offset_path, const char *hit_path, int64_t width, const char *score_path, int64_t *n,
                            int32_t **hit, float **score)
{
    hg_status status = HG_OK;
    int64_t first = 0;
    if (!hg_h5_has(r->h5, offset_path)) return HG_OK;
    HG_TRY(find_range(r, offset_path, hit_path, HG_H5_U64, width, &first, n));
    HG_TRY(read_hits(r, hit_path, width, first, *n, hit));
    if (score == NULL) return HG_OK;
    HG_TRY(hg_alloc(r->ctx, score, *n));
    HG_TRY(hg_h5_read(r->ctx, r->h5, score_path, HG_H5_F32, 0, first, *n, *score));
done:
    return status;
}

hg_status hg_tracks_content_read(hg_context *ctx, const char *path, uint64_t event_id, const hg_hits *hits, hg_tracks_content *out)
{
    hg_status status = HG_OK;
    reader r = {.ctx = ctx, .event_id = event_id, .n_events = -1};
    hg_tracks_content c = {0};

    HG_TRY(hg_h5_open(ctx, path, "tracks", &r.h5));
    HG_TRY(hg_id_index_build(ctx, hits->hit_id, hits->n, &r.index, NULL));
    HG_TRY(find_event(&r));
    HG_TRY(read_tracks(&r, &c.tracks));
    HG_TRY(read_group(&r, "/events/seed_offset", "/seeds/hit_id", 3, NULL, &c.n_seeds, &c.seed_hit, NULL));
    HG_TRY(read_group(&r, "/events/doublet_offset", "/doublets/hit_id", 2, "/doublets/score", &c.n_doublets, &c.doublet_hit,
                      &c.doublet_score));
    HG_TRY(read_group(&r, "/events/triplet_offset", "/triplets/hit_id", 3, "/triplets/score", &c.n_triplets, &c.triplet_hit,
                      &c.triplet_score));
    *out = c;
    c = (hg_tracks_content){0};
done:
    hg_tracks_content_clear(ctx, &c);
    hg_id_index_release(ctx, &r.index);
    hg_h5_close(ctx, r.h5);
    return status;
}

void hg_tracks_content_clear(hg_context *ctx, hg_tracks_content *content)
{
    hg_tracks_destroy(ctx, content->tracks);
    hg_free(ctx, content->seed_hit);
    hg_free(ctx, content->doublet_hit);
    hg_free(ctx, content->doublet_score);
    hg_free(ctx, content->triplet_hit);
    hg_free(ctx, content->triplet_score);
    *content = (hg_tracks_content){0};
}
