/* datasets/score_table.c — what a classifier says of each event: a table of named numbers, as HDF5 or CSV. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/score_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "datasets/csv.h"
#include "datasets/csv_write.h"
#include "datasets/hdf5_tables.h"

enum { PATH_ROOM = 64, HEADER_ROOM = 1024 };
static const int64_t rows_limit = INT64_C(1) << 31;

const hg_score_column hg_score_columns[] = {
    {"pulses", "1", "pulses of the event", NULL},
    {"signal_logit", "1", "logit of signal, as the network gives it", NULL},
    {"signal", "1", "probability of signal, calibrated", NULL},
    {"through", "1", "probability of a through-going muon", NULL},
    {"starting", "1", "probability of a muon that starts inside", NULL},
    {"cascade", "1", "probability of a cascade", NULL},
    {"bundle", "1", "probability of a bundle of muons", NULL},
    {"energy", "GeV", "energy", NULL},
    {"energy_width", "1", "width of log10 of the energy", NULL},
    {"energy_low", "GeV", "16 % quantile of the energy", NULL},
    {"energy_median", "GeV", "50 % quantile of the energy", NULL},
    {"energy_high", "GeV", "84 % quantile of the energy", NULL},
    {"dir_x", "1", "direction of travel, x", NULL},
    {"dir_y", "1", "direction of travel, y", NULL},
    {"dir_z", "1", "direction of travel, z", NULL},
    {"kappa", "1", "concentration of the direction", NULL},
    {"zenith", "rad", "where it comes from", NULL},
    {"azimuth", "rad", "where it comes from", NULL},
    {"vertex_x", "m", "vertex, x", NULL},
    {"vertex_y", "m", "vertex, y", NULL},
    {"vertex_z", "m", "vertex, z", NULL},
    {"vertex_x_width", "m", "width of vertex_x", NULL},
    {"vertex_y_width", "m", "width of vertex_y", NULL},
    {"vertex_z_width", "m", "width of vertex_z", NULL},
    {"centre_x", "m", "hand-made: mean place weighted by charge, x", NULL},
    {"centre_y", "m", "the same, y", NULL},
    {"centre_z", "m", "the same, z", NULL},
    {"time_width", "ns", "hand-made: spread of the times", NULL},
    {"brightest", "1", "hand-made: share of the charge in the largest pulse", NULL},
    {"distance", "m", "hand-made: mean distance from the Pandel track, weighted by charge", NULL},
    {"distance_width", "m", "and its spread", NULL},
    {"along_width", "m", "hand-made: spread along the track", NULL},
    {"along_skew", "1", "and its skewness", NULL},
    {"late", "1", "hand-made: mean of asinh(residual time / 25 ns)", NULL},
    {"late_width", "1", "and its spread", NULL},
    {"on_time", "1", "hand-made: share of pulses with residuals of -15 to 75 ns", NULL},
    {"early", "1", "hand-made: share of pulses before that", NULL},
    {"pandel_x", "1", "direction of the Pandel track, x", NULL},
    {"pandel_y", "1", "the same, y", NULL},
    {"pandel_z", "1", "the same, z", NULL},
    {"likelihood", "1", "log of the Pandel likelihood per hit sensor", NULL},
    {"charge", "PE", "hand-made: charge of the coincident pulses", NULL},
    {"hits", "1", "hand-made: sensors hit", NULL},
    {"outer", "PE", "hand-made: early charge of the outer layer", NULL},
    {"linefit_x", "1", "direction of LineFit, x", NULL},
    {"linefit_y", "1", "the same, y", NULL},
    {"linefit_z", "1", "the same, z", NULL},
    {0},
};

static const hg_score_column *known_column(const char *name)
{
    for (const hg_score_column *c = hg_score_columns; c->name; ++c)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

hg_status hg_score_table_add(hg_context *ctx, hg_score_table *table, const char *name, float **data)
{
    hg_status status = HG_OK;
    const hg_score_column *known = known_column(name);
    HG_CHECK(known && table->n_columns < HG_SCORE_COLUMNS, HG_ERR_ARG, "%s: no such column of scores", name);
    float *rows = NULL;
    HG_TRY(hg_alloc(ctx, &rows, table->n));
    hg_score_column *column = &table->column[table->n_columns++];
    *column = *known;
    column->data = rows;
    *data = rows;
done:
    return status;
}

float *hg_score_table_find(const hg_score_table *table, const char *name)
{
    for (int c = 0; c < table->n_columns; ++c)
        if (strcmp(table->column[c].name, name) == 0) return table->column[c].data;
    return NULL;
}

void hg_score_table_clear(hg_context *ctx, hg_score_table *table)
{
    hg_free(ctx, table->event_id);
    for (int c = 0; c < table->n_columns; ++c) hg_free(ctx, table->column[c].data);
    *table = (hg_score_table){0};
}

/* ---- writing ---- */

static hg_status write_csv(hg_context *ctx, const char *path, const hg_score_table *table)
{
    hg_status status = HG_OK;
    char header[HEADER_ROOM];
    hg_csv_file file = {0};
    int used = snprintf(header, sizeof header, "event_id");
    for (int c = 0; c < table->n_columns; ++c) used += snprintf(header + used, sizeof header - (size_t)used, ",%s", table->column[c].name);
    HG_TRY(hg_csv_begin(ctx, path, header, &file));
    for (int64_t i = 0; i < table->n; ++i) {
        hg_csv_put_u64(&file, table->event_id[i]);
        for (int c = 0; c < table->n_columns; ++c) hg_csv_put_f32(&file, table->column[c].data[i]);
        HG_TRY(hg_csv_end_row(ctx, &file));
    }
    HG_TRY(hg_csv_finish(ctx, &file));
    HG_TRY(hg_csv_commit(ctx, &file));
done:
    hg_csv_abort(ctx, &file);
    return status;
}

static hg_status write_hdf5(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_score_table *table)
{
    hg_status status = HG_OK;
    static const hg_h5_column ids = {"/events/event_id", HG_H5_U64, 0, "1", "number of the event"};
    hg_h5 *h5 = NULL;
    HG_TRY(hg_h5_create(ctx, path, "classification", &h5));
    HG_TRY(hg_h5_set_provenance(ctx, h5, provenance, "m"));
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "dir_convention", "to"));
    HG_TRY(hg_h5_write(ctx, h5, &ids, table->event_id, table->n));
    for (int c = 0; c < table->n_columns; ++c) {
        char name[PATH_ROOM];
        snprintf(name, sizeof name, "/events/%s", table->column[c].name);
        const hg_h5_column column = {name, HG_H5_F32, 0, table->column[c].unit, table->column[c].help};
        HG_TRY(hg_h5_write(ctx, h5, &column, table->column[c].data, table->n));
    }
    HG_TRY(hg_h5_commit(ctx, &h5));
done:
    hg_h5_close(ctx, h5);
    return status;
}

static bool names_csv(const char *path)
{
    return hg_text_ends_in(path, ".csv") || hg_text_ends_in(path, ".csv.gz");
}

hg_status hg_score_table_check_name(hg_context *ctx, const char *path)
{
    if (names_csv(path) || hg_text_ends_in(path, ".h5") || hg_text_ends_in(path, ".hdf5")) return HG_OK;
    return hg_fail(ctx, HG_ERR_ARG, "%s: expected a name that ends in .h5, .hdf5, .csv or .csv.gz", path);
}

hg_status hg_score_table_write(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_score_table *table)
{
    const hg_status status = hg_score_table_check_name(ctx, path);
    if (status < 0) return status;
    return names_csv(path) ? write_csv(ctx, path, table) : write_hdf5(ctx, path, provenance, table);
}

/* ---- reading ---- */

static hg_status read_csv(hg_context *ctx, const char *path, hg_score_table *table)
{
    hg_status status = HG_OK;
    hg_csv_column columns[HG_SCORE_COLUMNS + 1] = {{.name = "event_id", .type = HG_CSV_U64}};
    int64_t n = 1;
    for (const hg_score_column *c = hg_score_columns; c->name; ++c)
        columns[n++] = (hg_csv_column){.name = c->name, .type = HG_CSV_F32, .optional = true};
    HG_TRY(hg_csv_read(ctx, path, columns, n, rows_limit, &table->n));
    hg_csv_take(&columns[0], &table->event_id);
    for (int64_t i = 1; i < n; ++i) {
        if (!columns[i].data) continue;
        table->column[table->n_columns] = hg_score_columns[i - 1];
        hg_csv_take(&columns[i], &table->column[table->n_columns++].data);
    }
done:
    hg_csv_free(ctx, columns, n);
    return status;
}

static hg_status read_hdf5(hg_context *ctx, const char *path, hg_score_table *table)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(hg_h5_open(ctx, path, "classification", &h5));
    HG_TRY(hg_h5_read_array(ctx, h5, "/events/event_id", 0, -1, &table->event_id, &table->n));
    for (const hg_score_column *c = hg_score_columns; c->name; ++c) {
        char name[PATH_ROOM];
        float *data = NULL;
        snprintf(name, sizeof name, "/events/%s", c->name);
        if (!hg_h5_has(h5, name)) continue;
        HG_TRY(hg_h5_read_array(ctx, h5, name, 0, table->n, &data, NULL));
        table->column[table->n_columns] = *c;
        table->column[table->n_columns++].data = data;
    }
done:
    hg_h5_close(ctx, h5);
    return status;
}

typedef struct row_key {
    uint64_t id;
    int64_t row;
} row_key;

static int by_id(const void *a, const void *b)
{
    const row_key *p = a, *q = b;
    if (p->id != q->id) return p->id < q->id ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static hg_status sort_rows(hg_context *ctx, const char *path, hg_score_table *table)
{
    hg_status status = HG_OK;
    row_key *key = NULL;
    float *old = NULL;
    HG_TRY(hg_alloc(ctx, &key, table->n));
    HG_TRY(hg_alloc(ctx, &old, table->n));
    for (int64_t i = 0; i < table->n; ++i) key[i] = (row_key){table->event_id[i], i};
    qsort(key, (size_t)table->n, sizeof *key, by_id);
    for (int64_t i = 1; i < table->n; ++i)
        HG_CHECK(key[i].id != key[i - 1].id, HG_ERR_DATA, "%s: event %" PRIu64 " stands there twice", path, key[i].id);
    for (int64_t i = 0; i < table->n; ++i) table->event_id[i] = key[i].id;
    for (int c = 0; c < table->n_columns; ++c) {
        memcpy(old, table->column[c].data, (size_t)table->n * sizeof *old);
        for (int64_t i = 0; i < table->n; ++i) table->column[c].data[i] = old[key[i].row];
    }
done:
    hg_free(ctx, key);
    hg_free(ctx, old);
    return status;
}

static bool is_hdf5(const char *path)
{
    static const char magic[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char start[sizeof magic] = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    const size_t n = fread(start, 1, sizeof start, file);
    fclose(file);
    return n == sizeof magic && memcmp(start, magic, sizeof magic) == 0;
}

hg_status hg_score_table_read(hg_context *ctx, const char *path, hg_score_table *out)
{
    hg_status status = HG_OK;
    hg_score_table table = {0};
    HG_TRY(is_hdf5(path) ? read_hdf5(ctx, path, &table) : read_csv(ctx, path, &table));
    HG_CHECK(table.n_columns > 0, HG_ERR_FORMAT, "%s: has no column that hitgraph classify writes", path);
    HG_TRY(sort_rows(ctx, path, &table));
    *out = table;
    table = (hg_score_table){0};
done:
    hg_score_table_clear(ctx, &table);
    return status;
}
