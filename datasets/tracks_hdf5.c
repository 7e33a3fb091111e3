/* datasets/tracks_hdf5.c — tracks, seeds and scored doublets and triplets of one or several events as HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/hdf5_files.h"

#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_tables.h"

#define MEMBER(path, type, width, member, unit, text)                                                                                      \
    {                                                                                                                                      \
        {path, type, width, unit, text}, offsetof(hg_tracks, member)                                                                       \
    }
#define SEED(path, type, width, member, unit, text)                                                                                        \
    {                                                                                                                                      \
        {path, type, width, unit, text}, offsetof(hg_seeds, member)                                                                        \
    }
#define MATCH(path, type, member, text)                                                                                                    \
    {                                                                                                                                      \
        {path, type, 0, "1", text}, offsetof(hg_track_record, member)                                                                      \
    }
#define END                                                                                                                                \
    {                                                                                                                                      \
        {NULL, HG_H5_U8, 0, NULL, NULL}, 0                                                                                                 \
    }

static const hg_h5_member track_table[] = {
    MEMBER("/tracks/params", HG_H5_F64, 5, params, "mm,mm,rad,rad,1/GeV", "d0, z0, phi, theta, q/p at the perigee to the z axis"),
    MEMBER("/tracks/cov", HG_H5_F64, 15, cov, "1", "lower triangle by rows of the covariance of the parameters"),
    MEMBER("/tracks/chi2", HG_H5_F64, 0, chi2, "1", "chi2 of the fit"),
    MEMBER("/tracks/ndf", HG_H5_I32, 0, ndf, "1", "degrees of freedom of the fit"),
    MEMBER("/tracks/score", HG_H5_F32, 0, score, "1", "quality that ranked the track"),
    MEMBER("/tracks/n_hole", HG_H5_I32, 0, n_hole, "1", "layers crossed without a hit"),
    MEMBER("/tracks/status_bits", HG_H5_I32, 0, status, "1", "bits of hg_track_status"),
    END,
};
static const hg_h5_member match_table[] = {
    MATCH("/tracks/majority_particle", HG_H5_U64, majority, "particle that owns most of the hits"),
    MATCH("/tracks/purity", HG_H5_F32, purity, "share of the track's hits that are the majority particle's"),
    MATCH("/tracks/completeness", HG_H5_F32, completeness, "share of the majority particle's hits that are in the track"),
    END,
};
static const hg_h5_member seed_table[] = {
    SEED("/seeds/params", HG_H5_F64, 5, params, "mm,mm,rad,rad,1/GeV", "d0, z0, phi, theta, q/p at the perigee to the z axis"),
    SEED("/seeds/cov", HG_H5_F64, 15, cov, "1", "lower triangle by rows of the covariance of the parameters"),
    SEED("/seeds/score", HG_H5_F32, 0, score, "1", "score of the triplet"),
    END,
};

static const hg_h5_column event_column = {"/events/event_id", HG_H5_U64, 0, "1", "event number"};
static const hg_h5_column track_offset_column = {"/events/track_offset", HG_H5_I64, 0, "1", "tracks of each event"};
static const hg_h5_column seed_offset_column = {"/events/seed_offset", HG_H5_I64, 0, "1", "seeds of each event"};
static const hg_h5_column doublet_offset_column = {"/events/doublet_offset", HG_H5_I64, 0, "1", "doublets of each event"};
static const hg_h5_column triplet_offset_column = {"/events/triplet_offset", HG_H5_I64, 0, "1", "triplets of each event"};
static const hg_h5_column hit_offset_column = {"/tracks/hit_offset", HG_H5_I64, 0, "1", "hits of each track"};
static const hg_h5_column hit_id_column = {"/tracks/hit_id", HG_H5_U64, 0, "1", "hit numbers from inside out"};
static const hg_h5_column outlier_column = {"/tracks/outlier", HG_H5_U8, 0, "1", "1 = the fit left the hit out"};
static const hg_h5_column hit_weight_column = {"/tracks/hit_weight", HG_H5_F32, 0, "1", "weight of the hit in the fit, 0 to 1"};
static const hg_h5_column n_outlier_column = {"/tracks/n_outlier", HG_H5_I32, 0, "1", "hits that the fit left out"};
static const hg_h5_column n_shared_column = {"/tracks/n_shared", HG_H5_I32, 0, "1", "hits that other tracks use too"};
static const hg_h5_column status_column = {"/tracks/status", HG_H5_I32, 0, "1", "0 good, > 0 information, < 0 the fit failed"};
static const hg_h5_column seed_hit_column = {"/seeds/hit_id", HG_H5_U64, 3, "1", "hits from inside out"};
static const hg_h5_column doublet_hit_column = {"/doublets/hit_id", HG_H5_U64, 2, "1", "inner and outer hit"};
static const hg_h5_column doublet_score_column = {"/doublets/score", HG_H5_F32, 0, "1", "score of each doublet"};
static const hg_h5_column triplet_hit_column = {"/triplets/hit_id", HG_H5_U64, 3, "1", "hits from inside out"};
static const hg_h5_column triplet_score_column = {"/triplets/score", HG_H5_F32, 0, "1", "score of each triplet"};

struct hg_tracks_h5 {
    hg_h5 *h5; /* owned */
    int64_t n_events, n_tracks, n_hits, n_seeds, n_doublets, n_triplets;
    bool match, seeds, doublets, triplets; /* what the first event has */
    uint8_t shared_hits;
};

hg_status hg_tracks_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, hg_tracks_h5 **out)
{
    hg_status status = HG_OK;
    hg_tracks_h5 *file = NULL;
    const int64_t zero = 0;
    const double reference[3] = {0, 0, 0};
    HG_TRY(hg_alloc(ctx, &file, 1));
    HG_TRY(hg_h5_create(ctx, path, "tracks", &file->h5));
    HG_TRY(hg_h5_set_provenance(ctx, file->h5, provenance, "mm"));
    HG_TRY(hg_h5_set_numbers(ctx, file->h5, "/tracks/params", "reference", HG_H5_F64, 3, reference));
    HG_TRY(hg_h5_append(ctx, file->h5, &event_column, NULL, 0));
    HG_TRY(hg_h5_append(ctx, file->h5, &track_offset_column, &zero, 1));
    HG_TRY(hg_h5_append(ctx, file->h5, &hit_offset_column, &zero, 1));
    *out = file;
    file = NULL;
done:
    hg_tracks_h5_abort(ctx, file);
    return status;
}

/* Adds the end of this event to an offset dataset, which starts with 0. */
static hg_status append_end(hg_context *ctx, hg_tracks_h5 *file, const hg_h5_column *column, int64_t end)
{
    hg_status status = HG_OK;
    const int64_t zero = 0;
    if (file->n_events == 0) HG_TRY(hg_h5_append(ctx, file->h5, column, &zero, 1));
    HG_TRY(hg_h5_append(ctx, file->h5, column, &end, 1));
done:
    return status;
}

/* Numbers of the hits behind rows of the hit table. */
static hg_status append_hit_ids(hg_context *ctx, hg_tracks_h5 *file, const hg_h5_column *column, const hg_hits *hits, const int32_t *row,
                                int64_t rows)
{
    hg_status status = HG_OK;
    uint64_t *id = NULL;
    const int64_t n = rows * (column->width ? column->width : 1);
    HG_TRY(hg_alloc(ctx, &id, n));
    for (int64_t i = 0; i < n; ++i) {
        HG_CHECK(row[i] >= 0 && row[i] < hits->n, HG_ERR_ARG, "%s:%s: hit row %d, expected 0 <= row < %" PRId64, hg_h5_name(file->h5),
                 column->path, row[i], hits->n);
        id[i] = hits->hit_id[row[i]];
    }
    HG_TRY(hg_h5_append(ctx, file->h5, column, id, rows));
done:
    hg_free(ctx, id);
    return status;
}

/* Counts per track: outliers, hits shared with other tracks; and the status as a status code. */
static hg_status append_counts(hg_context *ctx, hg_tracks_h5 *file, const hg_hits *hits, const hg_tracks *tracks)
{
    hg_status status = HG_OK;
    int32_t *users = NULL, *count = NULL; /* [n_hits] tracks on each hit; [n, 3] by column */
    HG_TRY(hg_alloc(ctx, &users, hits->n));
    HG_TRY(hg_alloc(ctx, &count, 3 * tracks->n));
    int32_t *n_outlier = count, *n_shared = count + tracks->n, *code = count + 2 * tracks->n;
    for (int64_t h = 0; h < tracks->n_hits; ++h) users[tracks->hit[h]]++;
    for (int64_t t = 0; t < tracks->n; ++t) {
        for (int64_t h = tracks->hit_offset[t]; h < tracks->hit_offset[t + 1]; ++h) {
            n_outlier[t] += tracks->outlier[h] != 0;
            n_shared[t] += users[tracks->hit[h]] > 1;
        }
        file->shared_hits |= n_shared[t] > 0;
        code[t] = tracks->status[t] >= HG_TRACK_FAILED ? (int32_t)HG_ERR_NUMERIC : tracks->status[t];
    }
    HG_TRY(hg_h5_append(ctx, file->h5, &n_outlier_column, n_outlier, tracks->n));
    HG_TRY(hg_h5_append(ctx, file->h5, &n_shared_column, n_shared, tracks->n));
    HG_TRY(hg_h5_append(ctx, file->h5, &status_column, code, tracks->n));
done:
    hg_free(ctx, users);
    hg_free(ctx, count);
    return status;
}

static hg_status append_tracks(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record)
{
    hg_status status = HG_OK;
    const hg_tracks *tracks = record->tracks;
    int64_t *end = NULL; /* [n] hits of the file up to each track */
    HG_TRY(append_hit_ids(ctx, file, &hit_id_column, record->hits, tracks->hit, tracks->n_hits));
    HG_TRY(hg_h5_append(ctx, file->h5, &outlier_column, tracks->outlier, tracks->n_hits));
    HG_TRY(hg_h5_append(ctx, file->h5, &hit_weight_column, tracks->weight, tracks->n_hits));
    HG_TRY(hg_alloc(ctx, &end, tracks->n));
    for (int64_t t = 0; t < tracks->n; ++t) end[t] = file->n_hits + tracks->hit_offset[t + 1];
    HG_TRY(hg_h5_append(ctx, file->h5, &hit_offset_column, end, tracks->n));
    HG_TRY(hg_h5_append_members(ctx, file->h5, track_table, tracks, tracks->n));
    HG_TRY(append_counts(ctx, file, record->hits, tracks));
    if (file->match) HG_TRY(hg_h5_append_members(ctx, file->h5, match_table, record, tracks->n));
    file->n_tracks += tracks->n;
    file->n_hits += tracks->n_hits;
    HG_TRY(hg_h5_append(ctx, file->h5, &track_offset_column, &file->n_tracks, 1));
done:
    hg_free(ctx, end);
    return status;
}

static hg_status append_doublets(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record)
{
    hg_status status = HG_OK;
    const hg_graph *graph = record->doublets;
    int32_t *row = NULL; /* [n_edges, 2] */
    HG_TRY(hg_alloc(ctx, &row, 2 * graph->n_edges));
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        row[2 * e] = graph->sender[e];
        row[2 * e + 1] = graph->receiver[e];
    }
    HG_TRY(append_hit_ids(ctx, file, &doublet_hit_column, record->hits, row, graph->n_edges));
    HG_TRY(hg_h5_append(ctx, file->h5, &doublet_score_column, record->doublet_score, graph->n_edges));
    file->n_doublets += graph->n_edges;
    HG_TRY(append_end(ctx, file, &doublet_offset_column, file->n_doublets));
done:
    hg_free(ctx, row);
    return status;
}

static hg_status append_triplets(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record)
{
    hg_status status = HG_OK;
    const hg_graph *line = record->line, *graph = record->doublets;
    int32_t *row = NULL; /* [n_edges, 3] */
    HG_TRY(hg_alloc(ctx, &row, 3 * line->n_edges));
    for (int64_t e = 0; e < line->n_edges; ++e) {
        const int64_t inner = record->line_doublet[line->sender[e]], outer = record->line_doublet[line->receiver[e]];
        row[3 * e] = graph->sender[inner];
        row[3 * e + 1] = graph->receiver[inner];
        row[3 * e + 2] = graph->receiver[outer];
    }
    HG_TRY(append_hit_ids(ctx, file, &triplet_hit_column, record->hits, row, line->n_edges));
    HG_TRY(hg_h5_append(ctx, file->h5, &triplet_score_column, record->triplet_score, line->n_edges));
    file->n_triplets += line->n_edges;
    HG_TRY(append_end(ctx, file, &triplet_offset_column, file->n_triplets));
done:
    hg_free(ctx, row);
    return status;
}

static hg_status check_parts(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record)
{
    hg_status status = HG_OK;
    const bool match = record->majority != NULL, seeds = record->seeds != NULL, doublets = record->doublets != NULL,
               triplets = record->line != NULL;
    if (file->n_events == 0) {
        file->match = match;
        file->seeds = seeds;
        file->doublets = doublets;
        file->triplets = triplets;
    }
    HG_CHECK(file->match == match && file->seeds == seeds && file->doublets == doublets && file->triplets == triplets, HG_ERR_ARG,
             "%s: event %" PRIu64 " has other parts (seeds, doublets, triplets, truth match) than the first event", hg_h5_name(file->h5),
             record->event_id);
    HG_CHECK(!triplets || doublets, HG_ERR_ARG, "%s: triplets without their doublets", hg_h5_name(file->h5));
done:
    return status;
}

hg_status hg_tracks_h5_append(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record)
{
    hg_status status = HG_OK;
    HG_TRY(check_parts(ctx, file, record));
    HG_TRY(hg_h5_append(ctx, file->h5, &event_column, &record->event_id, 1));
    HG_TRY(append_tracks(ctx, file, record));
    if (file->seeds) {
        HG_TRY(append_hit_ids(ctx, file, &seed_hit_column, record->hits, record->seeds->hit, record->seeds->n));
        HG_TRY(hg_h5_append_members(ctx, file->h5, seed_table, record->seeds, record->seeds->n));
        file->n_seeds += record->seeds->n;
        HG_TRY(append_end(ctx, file, &seed_offset_column, file->n_seeds));
    }
    if (file->doublets) HG_TRY(append_doublets(ctx, file, record));
    if (file->triplets) HG_TRY(append_triplets(ctx, file, record));
    file->n_events++;
done:
    return status;
}

hg_status hg_tracks_h5_commit(hg_context *ctx, hg_tracks_h5 *file)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = file->h5;
    if (file->n_events == 0) { /* the datasets exist even without any event */
        const hg_h5_column *const always[] = {&hit_id_column, &outlier_column, &n_outlier_column, &n_shared_column, &status_column};
        for (size_t i = 0; i < sizeof always / sizeof *always; ++i) HG_TRY(hg_h5_append(ctx, h5, always[i], NULL, 0));
        for (const hg_h5_member *m = track_table; m->column.path; ++m) HG_TRY(hg_h5_append(ctx, h5, &m->column, NULL, 0));
    }
    HG_TRY(hg_h5_set_number(ctx, h5, "/tracks", "shared_hits", &file->shared_hits));
    HG_TRY(hg_h5_commit(ctx, &file->h5));
done:
    hg_tracks_h5_abort(ctx, file);
    return status;
}

void hg_tracks_h5_abort(hg_context *ctx, hg_tracks_h5 *file)
{
    if (!file) return;
    hg_h5_close(ctx, file->h5);
    hg_free(ctx, file);
}
