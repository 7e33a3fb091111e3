/* datasets/trackml_read.c — one event from TrackML CSV files: hits, and truth, cells and particles joined to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/trackml.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "datasets/acts.h"
#include "datasets/csv.h"
#include "datasets/events_hdf5.h"
#include "datasets/id_index.h"

enum { HITS_MOST = 50 * 1000 * 1000 };

enum { HIT_ID, HIT_X, HIT_Y, HIT_Z, HIT_VOLUME, HIT_LAYER, HIT_MODULE, HIT_LINE, HIT_COLUMNS };
enum { TRUTH_HIT, TRUTH_PARTICLE, TRUTH_X, TRUTH_Y, TRUTH_Z, TRUTH_PX, TRUTH_PY, TRUTH_PZ, TRUTH_WEIGHT, TRUTH_LINE, TRUTH_COLUMNS };
enum { CELL_HIT, CELL_CH0, CELL_CH1, CELL_VALUE, CELL_LINE, CELL_COLUMNS };
enum { PART_ID, PART_TYPE, PART_VX, PART_VY, PART_VZ, PART_PX, PART_PY, PART_PZ, PART_Q, PART_NHITS, PART_LINE, PART_COLUMNS };

typedef struct table {
    bool there;
    char path[PATH_MAX];
    int64_t rows;
} table;

/* All files of an event as read, before the join. */
typedef struct event_tables {
    table hits, truth, cells, particles;
    hg_csv_column hit[HIT_COLUMNS], truth_of[TRUTH_COLUMNS], cell[CELL_COLUMNS], particle[PART_COLUMNS];
    hg_id_index hit_index, particle_index;
} event_tables;

static const hg_csv_column hit_columns[HIT_COLUMNS] = {
    [HIT_ID] = {"hit_id", HG_CSV_U64, false, NULL},
    [HIT_X] = {"x", HG_CSV_F64, false, NULL},
    [HIT_Y] = {"y", HG_CSV_F64, false, NULL},
    [HIT_Z] = {"z", HG_CSV_F64, false, NULL},
    [HIT_VOLUME] = {"volume_id", HG_CSV_I32, false, NULL},
    [HIT_LAYER] = {"layer_id", HG_CSV_I32, false, NULL},
    [HIT_MODULE] = {"module_id", HG_CSV_I32, false, NULL},
    [HIT_LINE] = {NULL, HG_CSV_LINE, false, NULL},
};
static const hg_csv_column truth_columns[TRUTH_COLUMNS] = {
    [TRUTH_HIT] = {"hit_id", HG_CSV_U64, false, NULL},    [TRUTH_PARTICLE] = {"particle_id", HG_CSV_U64, false, NULL},
    [TRUTH_X] = {"tx", HG_CSV_F64, false, NULL},          [TRUTH_Y] = {"ty", HG_CSV_F64, false, NULL},
    [TRUTH_Z] = {"tz", HG_CSV_F64, false, NULL},          [TRUTH_PX] = {"tpx", HG_CSV_F64, false, NULL},
    [TRUTH_PY] = {"tpy", HG_CSV_F64, false, NULL},        [TRUTH_PZ] = {"tpz", HG_CSV_F64, false, NULL},
    [TRUTH_WEIGHT] = {"weight", HG_CSV_F64, false, NULL}, [TRUTH_LINE] = {NULL, HG_CSV_LINE, false, NULL},
};
static const hg_csv_column cell_columns[CELL_COLUMNS] = {
    [CELL_HIT] = {"hit_id", HG_CSV_U64, false, NULL}, [CELL_CH0] = {"ch0", HG_CSV_I32, false, NULL},
    [CELL_CH1] = {"ch1", HG_CSV_I32, false, NULL},    [CELL_VALUE] = {"value", HG_CSV_F32, false, NULL},
    [CELL_LINE] = {NULL, HG_CSV_LINE, false, NULL},
};
static const hg_csv_column particle_columns[PART_COLUMNS] = {
    [PART_ID] = {"particle_id", HG_CSV_U64, false, NULL},
    [PART_TYPE] = {"particle_type", HG_CSV_I32, true, NULL},
    [PART_VX] = {"vx", HG_CSV_F64, false, NULL},
    [PART_VY] = {"vy", HG_CSV_F64, false, NULL},
    [PART_VZ] = {"vz", HG_CSV_F64, false, NULL},
    [PART_PX] = {"px", HG_CSV_F64, false, NULL},
    [PART_PY] = {"py", HG_CSV_F64, false, NULL},
    [PART_PZ] = {"pz", HG_CSV_F64, false, NULL},
    [PART_Q] = {"q", HG_CSV_I32, false, NULL},
    [PART_NHITS] = {"nhits", HG_CSV_I32, false, NULL},
    [PART_LINE] = {NULL, HG_CSV_LINE, false, NULL},
};

static hg_status read_table(hg_context *ctx, const char *prefix, const char *part, hg_csv_column *columns, int64_t n_columns,
                            int64_t rows_most, table *out)
{
    out->there = hg_trackml_find(prefix, part, out->path);
    return out->there ? hg_csv_read(ctx, out->path, columns, n_columns, rows_most, &out->rows) : HG_OK;
}

static hg_status read_tables(hg_context *ctx, const char *prefix, unsigned parts, event_tables *t)
{
    hg_status status = HG_OK;
    memcpy(t->hit, hit_columns, sizeof hit_columns);
    memcpy(t->truth_of, truth_columns, sizeof truth_columns);
    memcpy(t->cell, cell_columns, sizeof cell_columns);
    memcpy(t->particle, particle_columns, sizeof particle_columns);
    HG_TRY(read_table(ctx, prefix, "hits", t->hit, HIT_COLUMNS, HITS_MOST, &t->hits));
    HG_CHECK(t->hits.there, HG_ERR_IO, "%s: the hits file is missing, expected %s-hits.csv, .csv.gz or .csv.zst", prefix, prefix);
    if (parts & HG_PART_TRUTH) HG_TRY(read_table(ctx, prefix, "truth", t->truth_of, TRUTH_COLUMNS, HITS_MOST, &t->truth));
    if (parts & HG_PART_CELLS) HG_TRY(read_table(ctx, prefix, "cells", t->cell, CELL_COLUMNS, INT32_MAX, &t->cells));
    if (parts & HG_PART_PARTICLES) HG_TRY(read_table(ctx, prefix, "particles", t->particle, PART_COLUMNS, HITS_MOST, &t->particles));
done:
    return status;
}

static void free_tables(hg_context *ctx, event_tables *t)
{
    if (!t) return;
    hg_csv_free(ctx, t->hit, HIT_COLUMNS);
    hg_csv_free(ctx, t->truth_of, TRUTH_COLUMNS);
    hg_csv_free(ctx, t->cell, CELL_COLUMNS);
    hg_csv_free(ctx, t->particle, PART_COLUMNS);
    hg_id_index_release(ctx, &t->hit_index);
    hg_id_index_release(ctx, &t->particle_index);
    hg_free(ctx, t);
}

/* ---- joins ---- */

static int64_t line_of(const hg_csv_column *line_column, int64_t row)
{
    return ((const int64_t *)line_column->data)[row];
}

/* An index over an id column whose ids must all differ. */
static hg_status index_ids(hg_context *ctx, const table *file, const hg_csv_column *id, const hg_csv_column *line, hg_id_index *out)
{
    hg_status status = HG_OK;
    const uint64_t *ids = id->data;
    int64_t twice = -1;
    HG_TRY(hg_id_index_build(ctx, ids, file->rows, out, &twice));
    HG_CHECK(twice < 0, HG_ERR_DATA, "%s:%" PRId64 ": column '%s': %" PRIu64 " is already on line %" PRId64 ", expected each once",
             file->path, line_of(line, twice), id->name, ids[twice], line_of(line, hg_id_index_find(out, ids[twice])));
done:
    return status;
}

/* Row of a hit that another file names. */
static hg_status find_hit(hg_context *ctx, const event_tables *t, const table *file, uint64_t hit_id, const hg_csv_column *line,
                          int64_t row, int64_t *out)
{
    *out = hg_id_index_find(&t->hit_index, hit_id);
    if (*out >= 0) return HG_OK;
    return hg_fail(ctx, HG_ERR_DATA, "%s:%" PRId64 ": column 'hit_id': found %" PRIu64 ", expected a hit of %s; hint: files of two events?",
                   file->path, line_of(line, row), hit_id, t->hits.path);
}

static void copy_column(void *to, const hg_csv_column *column, int64_t rows, size_t size)
{
    memcpy(to, column->data, (size_t)rows * size);
}

static void copy_hits(const event_tables *t, hg_hits *hits)
{
    const int64_t n = t->hits.rows;
    copy_column(hits->hit_id, &t->hit[HIT_ID], n, sizeof(uint64_t));
    copy_column(hits->x, &t->hit[HIT_X], n, sizeof(double));
    copy_column(hits->y, &t->hit[HIT_Y], n, sizeof(double));
    copy_column(hits->z, &t->hit[HIT_Z], n, sizeof(double));
    copy_column(hits->volume_id, &t->hit[HIT_VOLUME], n, sizeof(int32_t));
    copy_column(hits->layer_id, &t->hit[HIT_LAYER], n, sizeof(int32_t));
    copy_column(hits->module_id, &t->hit[HIT_MODULE], n, sizeof(int32_t));
}

static void copy_particles(hg_context *ctx, const event_tables *t, hg_particles *particles)
{
    const int64_t n = t->particles.rows;
    double *const to[] = {particles->vx, particles->vy, particles->vz, particles->px, particles->py, particles->pz};
    copy_column(particles->particle_id, &t->particle[PART_ID], n, sizeof(uint64_t));
    for (int c = 0; c < 6; ++c) copy_column(to[c], &t->particle[PART_VX + c], n, sizeof(double));
    copy_column(particles->q, &t->particle[PART_Q], n, sizeof(int32_t));
    copy_column(particles->nhits, &t->particle[PART_NHITS], n, sizeof(int32_t));
    if (t->particle[PART_TYPE].data) {
        copy_column(particles->pdg, &t->particle[PART_TYPE], n, sizeof(int32_t));
    } else {
        hg_free(ctx, particles->pdg);
        particles->pdg = NULL;
    }
}

/* Truth row of each hit; every hit has exactly one. */
static hg_status match_truth(hg_context *ctx, const event_tables *t, int32_t *truth_row)
{
    hg_status status = HG_OK;
    const uint64_t *hit_id = t->truth_of[TRUTH_HIT].data;
    const hg_csv_column *line = &t->truth_of[TRUTH_LINE];
    for (int64_t i = 0; i < t->hits.rows; ++i) truth_row[i] = -1;
    for (int64_t r = 0; r < t->truth.rows; ++r) {
        int64_t hit = -1;
        HG_TRY(find_hit(ctx, t, &t->truth, hit_id[r], line, r, &hit));
        HG_CHECK(truth_row[hit] < 0, HG_ERR_DATA,
                 "%s:%" PRId64 ": column 'hit_id': %" PRIu64 " is already on line %" PRId64 ", expected each once", t->truth.path,
                 line_of(line, r), hit_id[r], line_of(line, truth_row[hit]));
        truth_row[hit] = (int32_t)r;
    }
    for (int64_t i = 0; i < t->hits.rows; ++i)
        HG_CHECK(truth_row[i] >= 0, HG_ERR_DATA,
                 "%s: no row for hit_id %" PRIu64 " (line %" PRId64 " of %s); found %" PRId64 " rows, expected one for each of the %" PRId64
                 " hits",
                 t->truth.path, ((const uint64_t *)t->hit[HIT_ID].data)[i], line_of(&t->hit[HIT_LINE], i), t->hits.path, t->truth.rows,
                 t->hits.rows);
done:
    return status;
}

static hg_status join_truth(hg_context *ctx, const event_tables *t, hg_event *event)
{
    hg_status status = HG_OK;
    hg_truth *truth = &event->truth;
    double *const to[] = {truth->tx, truth->ty, truth->tz, truth->tpx, truth->tpy, truth->tpz, truth->weight};
    const uint64_t *particle_id = t->truth_of[TRUTH_PARTICLE].data;
    int32_t *row = NULL; /* [n_hits] row of the truth file */
    double sum = 0;

    HG_TRY(hg_alloc(ctx, &row, t->hits.rows));
    HG_TRY(match_truth(ctx, t, row));
    for (int64_t i = 0; i < t->hits.rows; ++i) truth->particle_id[i] = particle_id[row[i]];
    for (int c = 0; c < 7; ++c) {
        const double *from = t->truth_of[TRUTH_X + c].data;
        for (int64_t i = 0; i < t->hits.rows; ++i) to[c][i] = from[row[i]];
    }
    for (int64_t i = 0; i < t->hits.rows; ++i) sum += truth->weight[i];
    if (fabs(sum - 1) > 1e-3 && t->hits.rows > 0)
        hg_log(ctx, HG_LOG_WARN, "%s: the weights sum to %.5g, expected 1: a part of an event?", t->truth.path, sum);
done:
    hg_free(ctx, row);
    return status;
}

/* Every particle that a hit names is in the particles file, when that file is given. */
static hg_status check_particles(hg_context *ctx, const event_tables *t)
{
    hg_status status = HG_OK;
    const uint64_t *particle_id = t->truth_of[TRUTH_PARTICLE].data;
    for (int64_t r = 0; r < t->truth.rows; ++r)
        HG_CHECK(particle_id[r] == 0 || hg_id_index_find(&t->particle_index, particle_id[r]) >= 0, HG_ERR_DATA,
                 "%s:%" PRId64 ": column 'particle_id': found %" PRIu64 ", expected 0 or a particle of %s", t->truth.path,
                 line_of(&t->truth_of[TRUTH_LINE], r), particle_id[r], t->particles.path);
done:
    return status;
}

/* Cells grouped by hit; those of one hit keep the order of the file. */
static hg_status join_cells(hg_context *ctx, const event_tables *t, hg_cells *cells)
{
    hg_status status = HG_OK;
    const uint64_t *hit_id = t->cell[CELL_HIT].data;
    int32_t *hit_of = NULL; /* [n_cells] */
    int64_t *next = NULL;   /* [n_hits] place of the next cell */
    HG_TRY(hg_alloc(ctx, &hit_of, t->cells.rows));
    HG_TRY(hg_alloc(ctx, &next, t->hits.rows));
    for (int64_t r = 0; r < t->cells.rows; ++r) {
        int64_t hit = r > 0 && hit_id[r] == hit_id[r - 1] ? hit_of[r - 1] : -1;
        if (hit < 0) HG_TRY(find_hit(ctx, t, &t->cells, hit_id[r], &t->cell[CELL_LINE], r, &hit));
        hit_of[r] = (int32_t)hit;
        cells->offset[hit + 1]++;
    }
    for (int64_t i = 0; i < t->hits.rows; ++i) {
        next[i] = cells->offset[i];
        cells->offset[i + 1] += cells->offset[i];
    }
    for (int64_t r = 0; r < t->cells.rows; ++r) {
        const int64_t at = next[hit_of[r]]++;
        cells->ch0[at] = ((const int32_t *)t->cell[CELL_CH0].data)[r];
        cells->ch1[at] = ((const int32_t *)t->cell[CELL_CH1].data)[r];
        cells->value[at] = ((const float *)t->cell[CELL_VALUE].data)[r];
    }
done:
    hg_free(ctx, hit_of);
    hg_free(ctx, next);
    return status;
}

hg_status hg_trackml_read(hg_context *ctx, const char *prefix, uint64_t event_id, unsigned parts, hg_event **out)
{
    hg_status status = HG_OK;
    event_tables *t = NULL;
    hg_event *event = NULL;

    HG_TRY(hg_alloc(ctx, &t, 1));
    HG_TRY(read_tables(ctx, prefix, parts, t));
    HG_TRY(index_ids(ctx, &t->hits, &t->hit[HIT_ID], &t->hit[HIT_LINE], &t->hit_index));
    HG_TRY(hg_event_create(ctx, t->hits.rows, t->cells.there ? t->cells.rows : -1, t->particles.there ? t->particles.rows : -1,
                           t->truth.there, &event));
    event->event_id = event_id;
    copy_hits(t, &event->hits);
    if (t->particles.there) {
        HG_TRY(index_ids(ctx, &t->particles, &t->particle[PART_ID], &t->particle[PART_LINE], &t->particle_index));
        copy_particles(ctx, t, &event->particles);
    }
    if (t->truth.there && t->particles.there) HG_TRY(check_particles(ctx, t));
    if (t->truth.there) HG_TRY(join_truth(ctx, t, event));
    if (t->cells.there) HG_TRY(join_cells(ctx, t, &event->cells));
    *out = event;
    event = NULL;
done:
    hg_event_destroy(ctx, event);
    free_tables(ctx, t);
    return status;
}

hg_status hg_event_read(hg_context *ctx, const hg_event_source *source, unsigned parts, hg_event **out)
{
    char path[PATH_MAX];
    bool is_acts = false;
    if (source->index >= 0) return hg_events_h5_read(ctx, source->path, source->index, parts, out);
    const hg_status status = hg_trackml_find(source->path, "hits", path) ? hg_acts_is_table(ctx, path, &is_acts) : HG_OK;
    if (status < 0) return status;
    if (is_acts) return hg_acts_event_read(ctx, source->path, source->event_id, parts, out);
    return hg_trackml_read(ctx, source->path, source->event_id, parts, out);
}
