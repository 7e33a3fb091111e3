/* datasets/events_hdf5.c — events as HDF5: several in one file, read one at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/events_hdf5.h"

#include "base/check.h"
#include "base/memory.h"
#include "datasets/detectors.h"
#include "datasets/hdf5_tables.h"
#include "datasets/id_index.h"
#include "hitgraph/trackml.h"

#define MEMBER(path, type, member, unit, text)                                                                                             \
    {                                                                                                                                      \
        {path, type, 0, unit, text}, offsetof(hg_event, member)                                                                            \
    }
#define END                                                                                                                                \
    {                                                                                                                                      \
        {NULL, HG_H5_U8, 0, NULL, NULL}, 0                                                                                                 \
    }

static const hg_h5_member hit_table[] = {
    MEMBER("/hits/hit_id", HG_H5_U64, hits.hit_id, "1", "hit number of the source"),
    MEMBER("/hits/x", HG_H5_F64, hits.x, "mm", "position x"),
    MEMBER("/hits/y", HG_H5_F64, hits.y, "mm", "position y"),
    MEMBER("/hits/z", HG_H5_F64, hits.z, "mm", "position z"),
    MEMBER("/hits/volume_id", HG_H5_I32, hits.volume_id, "1", "volume"),
    MEMBER("/hits/layer_id", HG_H5_I32, hits.layer_id, "1", "layer in the volume"),
    MEMBER("/hits/module_id", HG_H5_I32, hits.module_id, "1", "module in the layer"),
    END,
};
static const hg_h5_member truth_table[] = {
    MEMBER("/truth/particle_id", HG_H5_U64, truth.particle_id, "1", "particle of each hit, 0 = noise"),
    MEMBER("/truth/tx", HG_H5_F64, truth.tx, "mm", "true crossing x"),
    MEMBER("/truth/ty", HG_H5_F64, truth.ty, "mm", "true crossing y"),
    MEMBER("/truth/tz", HG_H5_F64, truth.tz, "mm", "true crossing z"),
    MEMBER("/truth/tpx", HG_H5_F64, truth.tpx, "GeV", "true momentum x at the hit"),
    MEMBER("/truth/tpy", HG_H5_F64, truth.tpy, "GeV", "true momentum y at the hit"),
    MEMBER("/truth/tpz", HG_H5_F64, truth.tpz, "GeV", "true momentum z at the hit"),
    MEMBER("/truth/weight", HG_H5_F64, truth.weight, "1", "TrackML weight"),
    END,
};
static const hg_h5_member cell_table[] = {
    MEMBER("/cells/ch0", HG_H5_I32, cells.ch0, "1", "channel along u"),
    MEMBER("/cells/ch1", HG_H5_I32, cells.ch1, "1", "channel along v"),
    MEMBER("/cells/value", HG_H5_F32, cells.value, "1", "signal"),
    END,
};
static const hg_h5_member particle_table[] = {
    MEMBER("/particles/particle_id", HG_H5_U64, particles.particle_id, "1", "particle number"),
    MEMBER("/particles/vx", HG_H5_F64, particles.vx, "mm", "production vertex x"),
    MEMBER("/particles/vy", HG_H5_F64, particles.vy, "mm", "production vertex y"),
    MEMBER("/particles/vz", HG_H5_F64, particles.vz, "mm", "production vertex z"),
    MEMBER("/particles/px", HG_H5_F64, particles.px, "GeV", "momentum x at production"),
    MEMBER("/particles/py", HG_H5_F64, particles.py, "GeV", "momentum y at production"),
    MEMBER("/particles/pz", HG_H5_F64, particles.pz, "GeV", "momentum z at production"),
    MEMBER("/particles/q", HG_H5_I32, particles.q, "e", "charge"),
    MEMBER("/particles/nhits", HG_H5_I32, particles.nhits, "1", "hits in the full detector"),
    MEMBER("/particles/pdg", HG_H5_I32, particles.pdg, "1", "PDG particle code"),
    END,
};
static const hg_h5_column event_id_column = {"/events/event_id", HG_H5_U64, 0, "1", "event number"};
static const hg_h5_column hit_offset_column = {"/events/hit_offset", HG_H5_I64, 0, "1", "hits of each event"};
static const hg_h5_column particle_offset_column = {"/events/particle_offset", HG_H5_I64, 0, "1", "particles of each event"};
static const hg_h5_column cell_offset_column = {"/events/cell_offset", HG_H5_I64, 0, "1", "cells of each event"};
static const hg_h5_column cells_of_hit_column = {"/cells/offset", HG_H5_I64, 0, "1", "cells of each hit"};

/* ---- writing ---- */

struct hg_events_h5 {
    hg_h5 *h5; /* owned */
    int64_t n_events, n_hits, n_cells, n_particles;
    bool cells, truth, particles, pdg; /* what the first event has */
};

hg_status hg_events_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_detector *detector,
                             hg_events_h5 **out)
{
    hg_status status = HG_OK;
    hg_events_h5 *file = NULL;
    const int64_t zero = 0;
    HG_TRY(hg_alloc(ctx, &file, 1));
    HG_TRY(hg_h5_create(ctx, path, "events", &file->h5));
    HG_TRY(hg_h5_set_provenance(ctx, file->h5, provenance, "mm"));
    if (detector) HG_TRY(hg_detector_write_h5(ctx, detector, file->h5));
    HG_TRY(hg_h5_append(ctx, file->h5, &event_id_column, NULL, 0));
    HG_TRY(hg_h5_append(ctx, file->h5, &hit_offset_column, &zero, 1));
    *out = file;
    file = NULL;
done:
    hg_events_h5_abort(ctx, file);
    return status;
}

/* The parts of the first event; every later one must have the same. */
static hg_status check_parts(hg_context *ctx, hg_events_h5 *file, const hg_event *event)
{
    hg_status status = HG_OK;
    const int64_t zero = 0;
    const bool pdg = event->has_particles && event->particles.pdg;
    if (file->n_events == 0) {
        file->cells = event->has_cells;
        file->truth = event->has_truth;
        file->particles = event->has_particles;
        file->pdg = pdg;
        if (file->particles) HG_TRY(hg_h5_append(ctx, file->h5, &particle_offset_column, &zero, 1));
        if (file->cells) HG_TRY(hg_h5_append(ctx, file->h5, &cell_offset_column, &zero, 1));
        if (file->cells) HG_TRY(hg_h5_append(ctx, file->h5, &cells_of_hit_column, &zero, 1));
    }
    HG_CHECK(file->cells == event->has_cells && file->truth == event->has_truth && file->particles == event->has_particles &&
                 file->pdg == pdg,
             HG_ERR_ARG, "%s: event %" PRIu64 " has other parts (cells, truth, particles) than the first event of the file",
             hg_h5_name(file->h5), event->event_id);
done:
    return status;
}

static hg_status append_cells(hg_context *ctx, hg_events_h5 *file, const hg_event *event)
{
    hg_status status = HG_OK;
    int64_t *offset = NULL; /* [n_hits] ends, counted over the file */
    HG_TRY(hg_alloc(ctx, &offset, event->hits.n));
    for (int64_t i = 0; i < event->hits.n; ++i) offset[i] = file->n_cells + event->cells.offset[i + 1];
    HG_TRY(hg_h5_append(ctx, file->h5, &cells_of_hit_column, offset, event->hits.n));
    HG_TRY(hg_h5_append_members(ctx, file->h5, cell_table, event, event->cells.n));
    file->n_cells += event->cells.n;
    HG_TRY(hg_h5_append(ctx, file->h5, &cell_offset_column, &file->n_cells, 1));
done:
    hg_free(ctx, offset);
    return status;
}

hg_status hg_events_h5_append(hg_context *ctx, hg_events_h5 *file, const hg_event *event)
{
    hg_status status = HG_OK;
    HG_TRY(check_parts(ctx, file, event));
    HG_TRY(hg_h5_append(ctx, file->h5, &event_id_column, &event->event_id, 1));
    HG_TRY(hg_h5_append_members(ctx, file->h5, hit_table, event, event->hits.n));
    if (file->truth) HG_TRY(hg_h5_append_members(ctx, file->h5, truth_table, event, event->hits.n));
    file->n_hits += event->hits.n;
    HG_TRY(hg_h5_append(ctx, file->h5, &hit_offset_column, &file->n_hits, 1));
    if (file->cells) HG_TRY(append_cells(ctx, file, event));
    if (file->particles) {
        HG_TRY(hg_h5_append_members(ctx, file->h5, particle_table, event, event->particles.n));
        file->n_particles += event->particles.n;
        HG_TRY(hg_h5_append(ctx, file->h5, &particle_offset_column, &file->n_particles, 1));
    }
    file->n_events++;
done:
    return status;
}

hg_status hg_events_h5_commit(hg_context *ctx, hg_events_h5 *file)
{
    hg_status status = HG_OK;
    if (file->n_events == 0) { /* a file without events still has its hit columns */
        const hg_event empty = {.event_id = 0};
        for (const hg_h5_member *m = hit_table; m->column.path; ++m) HG_TRY(hg_h5_append(ctx, file->h5, &m->column, &empty, 0));
    }
    HG_TRY(hg_h5_commit(ctx, &file->h5));
done:
    hg_events_h5_abort(ctx, file);
    return status;
}

void hg_events_h5_abort(hg_context *ctx, hg_events_h5 *file)
{
    if (!file) return;
    hg_h5_close(ctx, file->h5);
    hg_free(ctx, file);
}

/* ---- reading ---- */

hg_status hg_events_h5_ids(hg_context *ctx, const char *path, uint64_t **ids, int64_t *n)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(hg_h5_open(ctx, path, "events", &h5));
    HG_TRY(hg_h5_read_array(ctx, h5, event_id_column.path, 0, -1, ids, n));
done:
    hg_h5_close(ctx, h5);
    return status;
}

typedef struct range {
    int64_t first, n;
} range;

/* Rows of one event in the tables that an offset dataset cuts; `id` is a column of those tables. */
static hg_status event_range(hg_context *ctx, hg_h5 *h5, const char *offsets, const hg_h5_column *id, int64_t n_events, int64_t event,
                             range *out)
{
    hg_status status = HG_OK;
    int64_t total = 0, *offset = NULL;
    HG_TRY(hg_h5_shape(ctx, h5, id->path, id->type, id->width, &total, NULL));
    HG_TRY(hg_h5_read_offsets(ctx, h5, offsets, &n_events, &total, &offset));
    *out = (range){offset[event], offset[event + 1] - offset[event]};
done:
    hg_free(ctx, offset);
    return status;
}

/* Offsets of one event's cells, from 0; first and number of its cells. offset: [n_hits + 1] out. */
static hg_status read_cell_offsets(hg_context *ctx, hg_h5 *h5, range hits, int64_t *offset, range *cells)
{
    hg_status status = HG_OK;
    const char *path = cells_of_hit_column.path;
    HG_TRY(hg_h5_read(ctx, h5, path, HG_H5_I64, 0, hits.first, hits.n + 1, offset));
    const int64_t first = offset[0];
    HG_CHECK(first >= 0, HG_ERR_DATA, "%s:%s[%" PRId64 "]: %" PRId64 ", expected 0 or more", hg_h5_name(h5), path, hits.first, first);
    for (int64_t i = 1; i <= hits.n; ++i)
        HG_CHECK(offset[i] >= offset[i - 1], HG_ERR_DATA, "%s:%s[%" PRId64 "]: %" PRId64 ", expected at least %" PRId64, hg_h5_name(h5),
                 path, hits.first + i, offset[i], offset[i - 1]);
    *cells = (range){first, offset[hits.n] - first};
    for (int64_t i = 0; i <= hits.n; ++i) offset[i] -= first;
done:
    return status;
}

static hg_status unique_ids(hg_context *ctx, const hg_h5 *h5, const char *path, const uint64_t *id, int64_t n, hg_id_index *index)
{
    hg_status status = HG_OK;
    int64_t twice = -1;
    HG_TRY(hg_id_index_build(ctx, id, n, index, &twice));
    HG_CHECK(twice < 0, HG_ERR_DATA, "%s:%s: %" PRIu64 " appears twice in one event, expected once", hg_h5_name(h5), path, id[twice]);
done:
    return status;
}

static hg_status check_event(hg_context *ctx, const hg_h5 *h5, const hg_event *event)
{
    hg_status status = HG_OK;
    hg_id_index hits = {0}, particles = {0};
    HG_TRY(unique_ids(ctx, h5, "/hits/hit_id", event->hits.hit_id, event->hits.n, &hits));
    if (!event->has_particles) goto done;
    HG_TRY(unique_ids(ctx, h5, "/particles/particle_id", event->particles.particle_id, event->particles.n, &particles));
    for (int64_t i = 0; event->has_truth && i < event->hits.n; ++i)
        HG_CHECK(event->truth.particle_id[i] == 0 || hg_id_index_find(&particles, event->truth.particle_id[i]) >= 0, HG_ERR_DATA,
                 "%s:/truth/particle_id: %" PRIu64 " of event %" PRIu64 ", expected 0 or a number of /particles/particle_id",
                 hg_h5_name(h5), event->truth.particle_id[i], event->event_id);
done:
    hg_id_index_release(ctx, &hits);
    hg_id_index_release(ctx, &particles);
    return status;
}

static hg_status fill_event(hg_context *ctx, hg_h5 *h5, hg_event *event, range hits, range particles)
{
    hg_status status = HG_OK;
    HG_TRY(hg_h5_read_members(ctx, h5, hit_table, event, hits.first, hits.n));
    if (event->has_truth) HG_TRY(hg_h5_read_members(ctx, h5, truth_table, event, hits.first, hits.n));
    if (event->has_particles) {
        if (!hg_h5_has(h5, "/particles/pdg")) {
            hg_free(ctx, event->particles.pdg);
            event->particles.pdg = NULL;
        }
        HG_TRY(hg_h5_read_members(ctx, h5, particle_table, event, particles.first, particles.n));
    }
    HG_TRY(check_event(ctx, h5, event));
done:
    return status;
}

hg_status hg_events_h5_read(hg_context *ctx, const char *path, int64_t index, unsigned parts, hg_event **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    hg_event *event = NULL;
    int64_t n_events = 0, *cell_offset = NULL;
    uint64_t event_id = 0;
    range hits = {0, 0}, cells = {0, -1}, particles = {0, -1};

    HG_TRY(hg_h5_open(ctx, path, "events", &h5));
    HG_TRY(hg_h5_shape(ctx, h5, event_id_column.path, HG_H5_U64, 0, &n_events, NULL));
    HG_CHECK(index >= 0 && index < n_events, HG_ERR_ARG, "%s: has %" PRId64 " events, expected more than %" PRId64, path, n_events, index);
    HG_TRY(hg_h5_read(ctx, h5, event_id_column.path, HG_H5_U64, 0, index, 1, &event_id));
    HG_TRY(event_range(ctx, h5, hit_offset_column.path, &hit_table[0].column, n_events, index, &hits));
    if ((parts & HG_PART_PARTICLES) && hg_h5_has(h5, particle_offset_column.path))
        HG_TRY(event_range(ctx, h5, particle_offset_column.path, &particle_table[0].column, n_events, index, &particles));
    if ((parts & HG_PART_CELLS) && hg_h5_has(h5, cells_of_hit_column.path)) {
        HG_TRY(hg_alloc(ctx, &cell_offset, hits.n + 1));
        HG_TRY(read_cell_offsets(ctx, h5, hits, cell_offset, &cells));
        HG_TRY(hg_h5_shape(ctx, h5, cell_table[0].column.path, HG_H5_I32, 0, NULL, NULL));
    }
    const bool truth = (parts & HG_PART_TRUTH) && hg_h5_has(h5, truth_table[0].column.path);
    HG_TRY(hg_event_create(ctx, hits.n, cells.n, particles.n, truth, &event));
    event->event_id = event_id;
    HG_TRY(fill_event(ctx, h5, event, hits, particles));
    if (event->has_cells) {
        for (int64_t i = 0; i <= hits.n; ++i) event->cells.offset[i] = cell_offset[i];
        HG_TRY(hg_h5_read_members(ctx, h5, cell_table, event, cells.first, cells.n));
    }
    *out = event;
    event = NULL;
done:
    hg_event_destroy(ctx, event);
    hg_free(ctx, cell_offset);
    hg_h5_close(ctx, h5);
    return status;
}
