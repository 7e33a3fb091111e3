/* datasets/trackml_write.c — events as TrackML CSV files, and the submission file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/trackml.h"

#include <stdio.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "datasets/csv_write.h"

static hg_status write_hits(hg_context *ctx, const hg_event *event, hg_csv_file *file)
{
    hg_status status = HG_OK;
    const hg_hits *hits = &event->hits;
    for (int64_t i = 0; i < hits->n; ++i) {
        hg_csv_put_u64(file, hits->hit_id[i]);
        hg_csv_put_f64(file, hits->x[i]);
        hg_csv_put_f64(file, hits->y[i]);
        hg_csv_put_f64(file, hits->z[i]);
        hg_csv_put_i64(file, hits->volume_id[i]);
        hg_csv_put_i64(file, hits->layer_id[i]);
        hg_csv_put_i64(file, hits->module_id[i]);
        HG_TRY(hg_csv_end_row(ctx, file));
    }
done:
    return status;
}

static hg_status write_cells(hg_context *ctx, const hg_event *event, hg_csv_file *file)
{
    hg_status status = HG_OK;
    const hg_cells *cells = &event->cells;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        for (int64_t c = cells->offset[i]; c < cells->offset[i + 1]; ++c) {
            hg_csv_put_u64(file, event->hits.hit_id[i]);
            hg_csv_put_i64(file, cells->ch0[c]);
            hg_csv_put_i64(file, cells->ch1[c]);
            hg_csv_put_f32(file, cells->value[c]);
            HG_TRY(hg_csv_end_row(ctx, file));
        }
    }
done:
    return status;
}

static hg_status write_truth(hg_context *ctx, const hg_event *event, hg_csv_file *file)
{
    hg_status status = HG_OK;
    const hg_truth *truth = &event->truth;
    const double *const columns[] = {truth->tx, truth->ty, truth->tz, truth->tpx, truth->tpy, truth->tpz, truth->weight};
    for (int64_t i = 0; i < event->hits.n; ++i) {
        hg_csv_put_u64(file, event->hits.hit_id[i]);
        hg_csv_put_u64(file, truth->particle_id[i]);
        for (int c = 0; c < 7; ++c) hg_csv_put_f64(file, columns[c][i]);
        HG_TRY(hg_csv_end_row(ctx, file));
    }
done:
    return status;
}

static hg_status write_particles(hg_context *ctx, const hg_event *event, hg_csv_file *file)
{
    hg_status status = HG_OK;
    const hg_particles *p = &event->particles;
    const double *const columns[] = {p->vx, p->vy, p->vz, p->px, p->py, p->pz};
    for (int64_t i = 0; i < p->n; ++i) {
        hg_csv_put_u64(file, p->particle_id[i]);
        if (p->pdg) hg_csv_put_i64(file, p->pdg[i]);
        for (int c = 0; c < 6; ++c) hg_csv_put_f64(file, columns[c][i]);
        hg_csv_put_i64(file, p->q[i]);
        hg_csv_put_i64(file, p->nhits[i]);
        HG_TRY(hg_csv_end_row(ctx, file));
    }
done:
    return status;
}

typedef struct part_file {
    const char *part, *header;
    bool wanted;
    hg_status (*write)(hg_context *ctx, const hg_event *event, hg_csv_file *file);
} part_file;

hg_status hg_trackml_write(hg_context *ctx, const hg_event *event, const char *directory, bool gzip)
{
    enum { PARTS = 4 };
    hg_status status = HG_OK;
    hg_csv_file files[PARTS] = {{NULL, NULL, 0}};
    const part_file parts[PARTS] = {
        {"hits", "hit_id,x,y,z,volume_id,layer_id,module_id", true, write_hits},
        {"cells", "hit_id,ch0,ch1,value", event->has_cells, write_cells},
        {"particles",
         event->particles.pdg ? "particle_id,particle_type,vx,vy,vz,px,py,pz,q,nhits" : "particle_id,vx,vy,vz,px,py,pz,q,nhits",
         event->has_particles, write_particles},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight", event->has_truth, write_truth},
    };
    char path[PATH_MAX];

    HG_TRY(hg_make_directory(ctx, directory));
    for (int i = 0; i < PARTS; ++i) {
        if (!parts[i].wanted) continue;
        const int length =
            snprintf(path, sizeof path, "%s/event%09" PRIu64 "-%s.csv%s", directory, event->event_id, parts[i].part, gzip ? ".gz" : "");
        HG_CHECK(length < (int)sizeof path, HG_ERR_IO, "%.60s...: path too long", directory);
        HG_TRY(hg_csv_begin(ctx, path, parts[i].header, &files[i]));
        HG_TRY(parts[i].write(ctx, event, &files[i]));
        HG_TRY(hg_csv_finish(ctx, &files[i]));
    }
    /* nothing appears before everything is on disk; the hits come last: an event without them is no event */
    for (int i = PARTS - 1; i >= 0; --i)
        if (parts[i].wanted) HG_TRY(hg_csv_commit(ctx, &files[i]));
done:
    for (int i = 0; i < PARTS; ++i) hg_csv_abort(ctx, &files[i]);
    return status;
}

/* ---- submission ---- */

struct hg_submission {
    hg_csv_file file;
};

hg_status hg_submission_begin(hg_context *ctx, const char *path, hg_submission **out)
{
    hg_status status = HG_OK;
    hg_submission *submission = NULL;
    HG_TRY(hg_alloc(ctx, &submission, 1));
    HG_TRY(hg_csv_begin(ctx, path, "event_id,hit_id,track_id", &submission->file));
    *out = submission;
    submission = NULL;
done:
    hg_submission_abort(ctx, submission);
    return status;
}

hg_status hg_submission_append(hg_context *ctx, hg_submission *submission, uint64_t event_id, const hg_hits *hits, const int64_t *track_id)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < hits->n; ++i)
        HG_CHECK(track_id[i] >= 0, HG_ERR_ARG, "event %" PRIu64 ", hit row %" PRId64 ": track_id %" PRId64 ", expected 0 (none) or more",
                 event_id, i, track_id[i]);
    for (int64_t i = 0; i < hits->n; ++i) {
        hg_csv_put_u64(&submission->file, event_id);
        hg_csv_put_u64(&submission->file, hits->hit_id[i]);
        hg_csv_put_i64(&submission->file, track_id[i]);
        HG_TRY(hg_csv_end_row(ctx, &submission->file));
    }
done:
    return status;
}

hg_status hg_submission_commit(hg_context *ctx, hg_submission *submission)
{
    const hg_status status = hg_csv_commit(ctx, &submission->file);
    hg_submission_abort(ctx, submission);
    return status;
}

void hg_submission_abort(hg_context *ctx, hg_submission *submission)
{
    if (!submission) return;
    hg_csv_abort(ctx, &submission->file);
    hg_free(ctx, submission);
}
