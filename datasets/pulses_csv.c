/* datasets/pulses_csv.c — telescope events from CSV: Kaggle's batches, KM3NeT's event, exported pulse tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulses_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv.h"
#include "datasets/pulse_rows.h"

enum { ROWS_MOST = INT32_MAX, PATH_SIZE = 4096, FIELDS_MOST = 64 };

/* ---- columns of a CSV file as columns of rows ---- */

/* A number as it was read becomes what the rows hold. */
static hg_status convert(hg_context *ctx, const double *from, int64_t n, hg_sqlite_type type, void **out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc_array(ctx, out, n, type == HG_SQLITE_F32 ? sizeof(float) : 8));
    for (int64_t i = 0; i < n; ++i) {
        if (type == HG_SQLITE_F32)
            (*(float **)out)[i] = (float)from[i];
        else if (type == HG_SQLITE_F64)
            (*(double **)out)[i] = from[i];
        else
            (*(int64_t **)out)[i] = floor(from[i]) == from[i] && fabs(from[i]) < 0x1p53 ? (int64_t)from[i] : HG_SQLITE_NO_INTEGER;
    }
done:
    return status;
}

/* Reads the columns of a list by all their names, and tells the origin which name was there. */
static hg_status read_list(hg_context *ctx, const char *path, const hg_row_column *list, void *rows, int64_t *n, hg_pulse_origin *origin)
{
    hg_status status = HG_OK;
    hg_csv_column columns[FIELDS_MOST];
    const hg_row_column *into[FIELDS_MOST];
    int64_t used = 0;
    for (const hg_row_column *c = list; c->names[0]; ++c) {
        for (int k = 0; c->names[k] && used < FIELDS_MOST; ++k) {
            into[used] = c;
            columns[used++] = (hg_csv_column){.name = c->names[k], .type = HG_CSV_LOOSE_F64, .optional = !c->needed || c->names[1]};
        }
    }
    HG_TRY(hg_csv_read(ctx, path, columns, used, ROWS_MOST, n));
    for (int64_t i = 0; i < used; ++i) {
        void **array = hg_row_array(rows, into[i]);
        if (!columns[i].data || *array) continue;
        HG_TRY(convert(ctx, columns[i].data, *n, into[i]->type, array));
        if (into[i]->target) hg_pulse_origin_name(origin, into[i]->target, columns[i].name);
    }
    for (const hg_row_column *c = list; c->names[0]; ++c)
        HG_CHECK(!c->needed || *hg_row_array(rows, c), HG_ERR_FORMAT, "%s: column %s is missing", path, c->names[0]);
done:
    hg_csv_free(ctx, columns, used);
    return status;
}

hg_status hg_pulse_export_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                               hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_rows rows = {.n = 0};
    hg_pulse_source source = {.origin = {.path = path}, .parts = &rows, .n_parts = 1};
    HG_CHECK(options->truth != HG_TRUTH_NEEDED, HG_ERR_FORMAT, "%s: a table of pulses has no truth", path);
    HG_TRY(read_list(ctx, path, hg_pulse_row_columns, &rows, &rows.n, &source.origin));
    status = hg_pulse_assemble(ctx, &source, report, out);
done:
    hg_pulse_rows_clear(ctx, &rows);
    return status;
}

/* ---- KM3NeT: all hits of one event, sensors are photomultipliers of modules ---- */

hg_status hg_km3net_read(hg_context *ctx, const char *path, hg_pulse_report *report, hg_pulse_events **out)
{
    static const hg_row_column list[] = {
        {offsetof(hg_pulse_rows, x), HG_SQLITE_F32, true, {"pos_x", NULL}, offsetof(hg_pulse_events, pulses.x)},
        {offsetof(hg_pulse_rows, y), HG_SQLITE_F32, true, {"pos_y", NULL}, offsetof(hg_pulse_events, pulses.y)},
        {offsetof(hg_pulse_rows, z), HG_SQLITE_F32, true, {"pos_z", NULL}, offsetof(hg_pulse_events, pulses.z)},
        {offsetof(hg_pulse_rows, t), HG_SQLITE_F64, true, {"t", NULL}, offsetof(hg_pulse_events, pulses.t)},
        {offsetof(hg_pulse_rows, tot), HG_SQLITE_F32, true, {"tot", NULL}, offsetof(hg_pulse_events, pulses.tot)},
        {offsetof(hg_pulse_rows, hlc), HG_SQLITE_F32, false, {"triggered", NULL}, 0},
        {offsetof(hg_pulse_rows, axis_x), HG_SQLITE_F32, false, {"dir_x", NULL}, offsetof(hg_pulse_events, pulses.axis)},
        {offsetof(hg_pulse_rows, axis_y), HG_SQLITE_F32, false, {"dir_y", NULL}, 0},
        {offsetof(hg_pulse_rows, axis_z), HG_SQLITE_F32, false, {"dir_z", NULL}, 0},
        {offsetof(hg_pulse_rows, string), HG_SQLITE_I64, false, {"detection_unit", NULL}, offsetof(hg_pulse_events, pulses.sensor)},
        {offsetof(hg_pulse_rows, dom), HG_SQLITE_I64, false, {"floor", NULL}, 0},
        {offsetof(hg_pulse_rows, pmt), HG_SQLITE_I64, false, {"channel_id", NULL}, 0},
        {0, HG_SQLITE_I64, false, {NULL}, 0},
    };
    hg_status status = HG_OK;
    hg_pulse_rows rows = {.n = 0};
    hg_pulse_source source = {.origin = {.path = path}, .parts = &rows, .n_parts = 1};
    HG_TRY(read_list(ctx, path, list, &rows, &rows.n, &source.origin));
    HG_TRY(hg_alloc(ctx, &rows.event, rows.n)); /* the file is one event, number 0 */
    status = hg_pulse_assemble(ctx, &source, report, out);
done:
    hg_pulse_rows_clear(ctx, &rows);
    return status;
}

/* ---- Kaggle: pulses name sensors of a geometry, truth lies in a file of all batches ---- */

/* NAME[.gz] beside the batch or one folder above it. */
static bool find_beside(const char *batch, const char *name, char path[PATH_SIZE])
{
    static const char *const up[] = {"", "../"}, *const ends[] = {"", ".gz"};
    const char *slash = strrchr(batch, '/');
    const int folder = slash ? (int)(slash - batch) + 1 : 0;
    for (int u = 0; u < 2; ++u)
        for (int e = 0; e < 2; ++e)
            if (snprintf(path, PATH_SIZE, "%.*s%s%s%s", folder, batch, up[u], name, ends[e]) < PATH_SIZE && access(path, R_OK) == 0)
                return true;
    return false;
}

typedef struct numbered {
    int64_t id, row;
} numbered;

static int by_id(const void *a, const void *b)
{
    const numbered *p = a, *q = b;
    return (p->id > q->id) - (p->id < q->id);
}

static hg_status read_geometry(hg_context *ctx, const char *path, hg_sensors *out)
{
    hg_status status = HG_OK;
    hg_csv_column c[] = {{.name = "sensor_id", .type = HG_CSV_I64},
                         {.name = "x", .type = HG_CSV_F32},
                         {.name = "y", .type = HG_CSV_F32},
                         {.name = "z", .type = HG_CSV_F32}};
    numbered *order = NULL;
    int64_t n = 0;
    HG_TRY(hg_csv_read(ctx, path, c, 4, ROWS_MOST, &n));
    HG_TRY(hg_alloc(ctx, &order, n));
    HG_TRY(hg_alloc(ctx, &out->source_id, n));
    HG_TRY(hg_alloc(ctx, &out->x, n));
    HG_TRY(hg_alloc(ctx, &out->y, n));
    HG_TRY(hg_alloc(ctx, &out->z, n));
    for (int64_t i = 0; i < n; ++i) order[i] = (numbered){((const int64_t *)c[0].data)[i], i};
    qsort(order, (size_t)n, sizeof *order, by_id);
    for (int64_t i = 0; i < n; ++i) {
        HG_CHECK(i == 0 || order[i].id > order[i - 1].id, HG_ERR_DATA, "%s: sensor %" PRId64 " appears twice", path, order[i].id);
        out->source_id[i] = order[i].id;
        out->x[i] = ((const float *)c[1].data)[order[i].row];
        out->y[i] = ((const float *)c[2].data)[order[i].row];
        out->z[i] = ((const float *)c[3].data)[order[i].row];
    }
    out->n = n;
done:
    hg_free(ctx, order);
    hg_csv_free(ctx, c, 4);
    return status;
}

static bool has_event(const numbered *sorted, int64_t n, int64_t id)
{
    const numbered key = {.id = id};
    return bsearch(&key, sorted, (size_t)n, sizeof key, by_id) != NULL;
}

/* The truth of the events of this batch; the file holds those of all batches, told apart by batch_id or, without it, by the events. */
static hg_status read_meta(hg_context *ctx, const char *path, const hg_pulse_rows *pulses, hg_truth_rows *truth)
{
    hg_status status = HG_OK;
    hg_csv_column c[] = {{.name = "event_id", .type = HG_CSV_I64},
                         {.name = "zenith", .type = HG_CSV_LOOSE_F64},
                         {.name = "azimuth", .type = HG_CSV_LOOSE_F64}};
    numbered *seen = NULL;
    int64_t n = 0, n_seen = 0, kept = 0;
    HG_TRY(hg_csv_read(ctx, path, c, 3, ROWS_MOST, &n));
    HG_TRY(hg_alloc(ctx, &seen, pulses->n));
    for (int64_t i = 0; i < pulses->n; ++i)
        if (i == 0 || pulses->event[i] != pulses->event[i - 1]) seen[n_seen++] = (numbered){pulses->event[i], i};
    qsort(seen, (size_t)n_seen, sizeof *seen, by_id);
    int64_t *id = c[0].data;
    double *zenith = c[1].data, *azimuth = c[2].data;
    for (int64_t i = 0; i < n; ++i) {
        if (!has_event(seen, n_seen, id[i])) continue;
        id[kept] = id[i];
        zenith[kept] = zenith[i];
        azimuth[kept++] = azimuth[i];
    }
    hg_csv_take(&c[0], &truth->event);
    hg_csv_take(&c[1], &truth->zenith);
    hg_csv_take(&c[2], &truth->azimuth);
    truth->n = kept;
done:
    hg_free(ctx, seen);
    hg_csv_free(ctx, c, 3);
    return status;
}

static const hg_row_column kaggle_columns[] = {
    {offsetof(hg_pulse_rows, event), HG_SQLITE_I64, true, {"event_id", NULL}, 0},
    {offsetof(hg_pulse_rows, sensor_id), HG_SQLITE_I64, true, {"sensor_id", NULL}, offsetof(hg_pulse_events, pulses.sensor)},
    {offsetof(hg_pulse_rows, t), HG_SQLITE_F64, true, {"time", NULL}, offsetof(hg_pulse_events, pulses.t)},
    {offsetof(hg_pulse_rows, q), HG_SQLITE_F32, true, {"charge", NULL}, offsetof(hg_pulse_events, pulses.q)},
    {offsetof(hg_pulse_rows, auxiliary), HG_SQLITE_F32, false, {"auxiliary", NULL}, 0},
    {0, HG_SQLITE_I64, false, {NULL}, 0},
};

hg_status hg_kaggle_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                         hg_pulse_events **out)
{
    hg_status status = HG_OK;
    char geometry[PATH_SIZE], meta[PATH_SIZE];
    hg_pulse_rows rows = {.n = 0};
    hg_truth_rows truth = {.n = 0};
    hg_sensors sensors = {.n = 0};
    hg_pulse_source source = {.origin = {.path = path}, .parts = &rows, .n_parts = 1, .sensors = &sensors, .direction = options->direction};
    const bool given = options->geometry != NULL, found = !given && find_beside(path, "sensor_geometry.csv", geometry);
    HG_CHECK(given || found, HG_ERR_FORMAT, "%s: needs the positions of its sensors; hint: give --geometry sensor_geometry.csv", path);
    HG_TRY(read_geometry(ctx, given ? options->geometry : geometry, &sensors));
    HG_TRY(read_list(ctx, path, kaggle_columns, &rows, &rows.n, &source.origin));
    const char *truth_file = options->meta;
    if (!truth_file && find_beside(path, "train_meta.csv", meta)) truth_file = meta;
    HG_CHECK(truth_file || options->truth != HG_TRUTH_NEEDED, HG_ERR_FORMAT, "%s: has no truth; hint: give --meta train_meta.csv", path);
    if (truth_file && options->truth != HG_TRUTH_NONE) {
        HG_TRY(read_meta(ctx, truth_file, &rows, &truth));
        source.truth = &truth;
        source.origin.truth_table = truth_file;
    }
    status = hg_pulse_assemble(ctx, &source, report, out);
done:
    hg_pulse_rows_clear(ctx, &rows);
    hg_truth_rows_clear(ctx, &truth);
    hg_free(ctx, sensors.source_id);
    hg_free(ctx, sensors.x);
    hg_free(ctx, sensors.y);
    hg_free(ctx, sensors.z);
    return status;
}
