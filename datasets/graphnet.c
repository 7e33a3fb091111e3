/* datasets/graphnet.c — telescope events from SQLite databases of GraphNeT and Prometheus. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/graphnet.h"

#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/pulse_rows.h"
#include "datasets/sqlite.h"

enum { PARTS_MOST = 64, COLUMNS_MOST = 32, ROWS_PER_PART = 100000, TEXT = 512 };

typedef struct database {
    const char *path;
    const hg_pulse_read_options *options;
    hg_sqlite *db;           /* owned */
    hg_sqlite_table *tables; /* [n_tables] owned */
    int64_t n_tables;
    const hg_sqlite_table *pulses, *truth; /* truth NULL: not read */
} database;

/* ---- which tables ---- */

static const char *name_in(const hg_sqlite_table *table, const hg_row_column *column)
{
    for (const char *const *name = column->names; *name; ++name)
        if (hg_sqlite_find_column(table, *name) >= 0) return *name;
    return NULL;
}

static const hg_row_column *missing_in(const hg_sqlite_table *table, const hg_row_column *columns)
{
    for (; columns->names[0]; ++columns)
        if (columns->needed && !name_in(table, columns)) return columns;
    return NULL;
}

/* "a, b, c" as far as there is room. */
static void list_tables(const database *d, char text[TEXT])
{
    size_t n = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < d->n_tables && n < TEXT - 1; ++i)
        n += (size_t)snprintf(text + n, TEXT - n, "%s%s", i ? ", " : "", d->tables[i].name);
}

static void list_names(const hg_row_column *column, char text[TEXT])
{
    size_t n = 0;
    for (const char *const *name = column->names; *name && n < TEXT - 1; ++name)
        n += (size_t)snprintf(text + n, TEXT - n, "%s%s", n ? " or " : "", *name);
}

static void list_columns(const hg_sqlite_table *table, char text[TEXT])
{
    size_t n = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < table->n_columns && n < TEXT - 1; ++i)
        n += (size_t)snprintf(text + n, TEXT - n, "%s%s", i ? ", " : "", table->columns[i]);
}

static hg_status named_table(hg_context *ctx, const database *d, const char *name, const hg_row_column *columns,
                             const hg_sqlite_table **out)
{
    hg_status status = HG_OK;
    char found[TEXT], wanted[TEXT];
    const hg_sqlite_table *table = NULL;
    for (int64_t i = 0; i < d->n_tables; ++i)
        if (strcmp(d->tables[i].name, name) == 0) table = &d->tables[i];
    list_tables(d, found);
    HG_CHECK(table, HG_ERR_FORMAT, "%s: table %s is missing; found %" PRId64 " tables: %s", d->path, name, d->n_tables, found);
    const hg_row_column *missing = missing_in(table, columns);
    if (missing) {
        list_names(missing, wanted);
        list_columns(table, found);
        status = hg_fail(ctx, HG_ERR_FORMAT, "%s: table %s: column %s is missing; found %s", d->path, name, wanted, found);
        goto done;
    }
    *out = table;
done:
    return status;
}

/* The only table with all needed columns; *out NULL: there is none. */
static hg_status only_table(hg_context *ctx, const database *d, const char *what, const hg_row_column *columns, const hg_sqlite_table **out)
{
    hg_status status = HG_OK;
    *out = NULL;
    for (int64_t i = 0; i < d->n_tables; ++i) {
        if (missing_in(&d->tables[i], columns)) continue;
        HG_CHECK(!*out, HG_ERR_ARG, "%s: has more than one table of %s, %s and %s among them; hint: name the one to read", d->path, what,
                 (*out)->name, d->tables[i].name);
        *out = &d->tables[i];
    }
done:
    return status;
}

/* Which table comes nearest to being one of pulses, and what it lacks: for the message. */
static hg_status no_pulse_table(hg_context *ctx, const database *d)
{
    char found[TEXT], wanted[TEXT];
    for (int64_t i = 0; i < d->n_tables; ++i) {
        const hg_row_column *missing = missing_in(&d->tables[i], hg_pulse_row_columns);
        int lacking = 0;
        for (const hg_row_column *c = hg_pulse_row_columns; c->names[0]; ++c) lacking += c->needed && !name_in(&d->tables[i], c);
        if (lacking != 1) continue;
        list_names(missing, wanted);
        list_columns(&d->tables[i], found);
        return hg_fail(ctx, HG_ERR_FORMAT, "%s: table %s: column %s is missing; found %s", d->path, d->tables[i].name, wanted, found);
    }
    list_tables(d, found);
    return hg_fail(ctx, HG_ERR_FORMAT,
                   "%s: no table of pulses, expected event_no, dom_x y z or sensor_pos_x y z, and dom_time, time or t; found %" PRId64
                   " tables: %s",
                   d->path, d->n_tables, found);
}

static hg_status choose_tables(hg_context *ctx, database *d)
{
    hg_status status = HG_OK;
    const hg_pulse_read_options *o = d->options;
    if (o->pulse_table)
        HG_TRY(named_table(ctx, d, o->pulse_table, hg_pulse_row_columns, &d->pulses));
    else
        HG_TRY(only_table(ctx, d, "pulses", hg_pulse_row_columns, &d->pulses));
    if (!d->pulses) return no_pulse_table(ctx, d);
    if (o->truth == HG_TRUTH_NONE) return HG_OK;
    if (o->truth_table)
        HG_TRY(named_table(ctx, d, o->truth_table, hg_truth_row_columns, &d->truth));
    else
        HG_TRY(only_table(ctx, d, "truth", hg_truth_row_columns, &d->truth));
    HG_CHECK(d->truth || o->truth == HG_TRUTH_IF_THERE, HG_ERR_FORMAT, "%s: no table of truth, expected event_no, zenith and azimuth",
             d->path);
done:
    return status;
}

/* IceCube's zenith and azimuth say where the particle comes from; for Prometheus nothing says what they mean. */
static hg_status choose_direction(hg_context *ctx, const database *d, hg_dir_convention *out)
{
    hg_status status = HG_OK;
    *out = d->options->direction;
    if (!d->truth || *out != HG_DIR_UNSTATED) return HG_OK;
    HG_CHECK(hg_sqlite_find_column(d->truth, "zenith") >= 0, HG_ERR_ARG,
             "%s: table %s: nothing says whether its zenith and azimuth are where the particle comes from or where it goes to; hint: give "
             "--direction from or to",
             d->path, d->truth->name);
    *out = HG_DIR_FROM;
done:
    return status;
}

/* ---- rows ---- */

/* The columns of a list that the table has; into[i]: where column i of the query goes. */
static int64_t choose_columns(const hg_sqlite_table *table, const hg_row_column *list, hg_sqlite_column query[COLUMNS_MOST],
                              const hg_row_column *into[COLUMNS_MOST])
{
    int64_t n = 0;
    for (; list->names[0] && n < COLUMNS_MOST; ++list) {
        const char *name = name_in(table, list);
        if (!name) continue;
        into[n] = list;
        query[n++] = (hg_sqlite_column){.name = name, .type = list->type};
    }
    return n;
}

static hg_status read_rows(hg_context *ctx, hg_sqlite *db, const hg_sqlite_table *table, const hg_row_column *list, bool numbered,
                           int64_t first, int64_t last, void *rows, int64_t *n)
{
    hg_sqlite_column query[COLUMNS_MOST];
    const hg_row_column *into[COLUMNS_MOST];
    const int64_t n_columns = choose_columns(table, list, query, into);
    const hg_status status = hg_sqlite_read(ctx, db, table->name, numbered, first, last, query, n_columns, n);
    for (int64_t c = 0; status >= 0 && c < n_columns; ++c) *hg_row_array(rows, into[c]) = query[c].data;
    return status;
}

static hg_status read_truth(hg_context *ctx, const database *d, hg_truth_rows *truth)
{
    const hg_status status = read_rows(ctx, d->db, d->truth, hg_truth_row_columns, false, 0, 0, truth, &truth->n);
    return hg_sqlite_explain(ctx, d->db, status);
}

typedef struct reading {
    hg_sqlite *db[PARTS_MOST]; /* owned; the first is borrowed */
    hg_pulse_rows rows[PARTS_MOST];
    hg_status status[PARTS_MOST];
    int64_t n;
} reading;

/* One connection for each part, so that the parts can be read at once. */
static hg_status open_parts(hg_context *ctx, const database *d, int64_t first, int64_t last, reading *r)
{
    hg_status status = HG_OK;
    const int64_t wanted = last >= first ? (last - first) / ROWS_PER_PART + 1 : 1, threads = hg_context_threads(ctx);
    const int64_t n = wanted < threads ? wanted : threads;
    r->db[0] = d->db;
    for (r->n = 1; r->n < n && r->n < PARTS_MOST; ++r->n) HG_TRY(hg_sqlite_open(ctx, d->path, &r->db[r->n]));
done:
    return status;
}

/* The table in the order of its rows, cut into ranges of row numbers; one after the other they are one ordered scan. */
static hg_status read_pulses(hg_context *ctx, const database *d, reading *r)
{
    hg_status status = HG_OK;
    int64_t first, last;
    bool numbered;
    HG_TRY(hg_sqlite_row_range(ctx, d->db, d->pulses->name, &first, &last, &numbered));
    HG_CHECK(first >= -((int64_t)1 << 60) && last < (int64_t)1 << 60, HG_ERR_LIMIT, "%s: table %s: row numbers beyond 2^60", d->path,
             d->pulses->name);
    HG_TRY(open_parts(ctx, d, first, last, r));
    const int64_t n = r->n, step = (last - first) / n + 1;
#pragma omp parallel for num_threads((int)n) schedule(static, 1)
    for (int64_t p = 0; p < n; ++p)
        r->status[p] = read_rows(ctx, r->db[p], d->pulses, hg_pulse_row_columns, numbered, first + p * step, first + (p + 1) * step - 1,
                                 &r->rows[p], &r->rows[p].n);
    for (int64_t p = 0; p < n; ++p) HG_TRY(hg_sqlite_explain(ctx, r->db[p], r->status[p]));
done:
    return status;
}

static void close_parts(hg_context *ctx, reading *r)
{
    for (int64_t p = 0; p < r->n; ++p) {
        hg_pulse_rows_clear(ctx, &r->rows[p]);
        if (p > 0) hg_sqlite_close(ctx, r->db[p]);
    }
}

static void name_columns(const hg_sqlite_table *table, const hg_row_column *list, hg_pulse_origin *origin)
{
    for (; table && list->names[0]; ++list)
        if (list->target && name_in(table, list)) hg_pulse_origin_name(origin, list->target, name_in(table, list));
}

static hg_status open_database(hg_context *ctx, database *d)
{
    hg_status status = HG_OK;
    HG_TRY(hg_sqlite_open(ctx, d->path, &d->db));
    HG_TRY(hg_sqlite_list(ctx, d->db, &d->tables, &d->n_tables));
    HG_TRY(choose_tables(ctx, d));
done:
    return status;
}

hg_status hg_graphnet_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                           hg_pulse_events **out)
{
    hg_status status = HG_OK;
    database d = {.path = path, .options = options};
    reading *r = NULL;
    hg_truth_rows truth = {.n = 0};
    hg_pulse_source source = {.origin = {.path = path}};
    HG_TRY(hg_alloc(ctx, &r, 1));
    HG_TRY(open_database(ctx, &d));
    HG_TRY(choose_direction(ctx, &d, &source.direction));
    HG_TRY(read_pulses(ctx, &d, r));
    if (d.truth) HG_TRY(read_truth(ctx, &d, &truth));
    source.origin.pulse_table = d.pulses->name;
    source.origin.truth_table = d.truth ? d.truth->name : NULL;
    name_columns(d.pulses, hg_pulse_row_columns, &source.origin);
    name_columns(d.truth, hg_truth_row_columns, &source.origin);
    source.parts = r->rows;
    source.n_parts = r->n;
    source.truth = d.truth ? &truth : NULL;
    status = hg_pulse_assemble(ctx, &source, report, out);
done:
    if (r) close_parts(ctx, r);
    hg_free(ctx, r);
    hg_truth_rows_clear(ctx, &truth);
    hg_sqlite_free_list(ctx, d.tables, d.n_tables);
    hg_sqlite_close(ctx, d.db);
    return status;
}
