/* datasets/sqlite.c — the one door to SQLite: tables of numbers out of databases that nobody is writing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/sqlite.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"

enum { PATH_SIZE = 4096, QUERY_SIZE = 16384, ROWS_FIRST = 1024, HEADER_BYTES = 100, COLUMNS_MOST = 64, LOOK_EVERY = 65536 };

struct hg_sqlite {
    sqlite3 *handle; /* owned */
    char *path;      /* owned */
    char error[512]; /* of hg_sqlite_read, which may run beside others: the context has one message only */
};

static hg_status keep_error(hg_sqlite *db, const char *table)
{
    const int code = sqlite3_errcode(db->handle) & 0xff;
    const char *hint = code == SQLITE_BUSY || code == SQLITE_LOCKED ? "; hint: the database is being written, wait for it or copy it"
                       : code == SQLITE_CORRUPT                     ? "; hint: the file is truncated or damaged"
                                                                    : "";
    snprintf(db->error, sizeof db->error, "%s%s%s: %s%s", db->path, table ? ": table " : "", table ? table : "", sqlite3_errmsg(db->handle),
             hint);
    return code == SQLITE_NOMEM ? HG_ERR_NOMEM : code == SQLITE_INTERRUPT ? HG_ERR_INTERRUPTED : HG_ERR_FORMAT;
}

hg_status hg_sqlite_explain(hg_context *ctx, const hg_sqlite *db, hg_status status)
{
    return status < 0 && db->error[0] ? hg_fail(ctx, status, "%s", db->error) : status;
}

static hg_status fail(hg_context *ctx, hg_sqlite *db, const char *table)
{
    return hg_sqlite_explain(ctx, db, keep_error(db, table));
}

/* ---- before the library sees the file ---- */

static int64_t size_of_neighbour(const char *path, const char *ending)
{
    char name[PATH_SIZE];
    struct stat info;
    if (snprintf(name, sizeof name, "%s%s", path, ending) >= (int)sizeof name || stat(name, &info) != 0) return 0;
    return (int64_t)info.st_size;
}

/* Bytes 16 and 17 of the header: page size; 28 to 31: pages, valid if the change counters of bytes 24 and 92 agree. */
static hg_status check_header(hg_context *ctx, const char *path, const uint8_t h[HEADER_BYTES], int64_t file_bytes)
{
    hg_status status = HG_OK;
    HG_CHECK(memcmp(h, "SQLite format 3", 16) == 0, HG_ERR_FORMAT, "%s: not a SQLite database", path);
    const int64_t stored = h[16] << 8 | h[17], page = stored == 1 ? 65536 : stored;
    const int64_t pages = (int64_t)h[28] << 24 | h[29] << 16 | h[30] << 8 | h[31];
    HG_CHECK(memcmp(h + 24, h + 92, 4) != 0 || pages * page <= file_bytes, HG_ERR_FORMAT,
             "%s: is truncated: %" PRId64 " bytes, expected %" PRId64, path, file_bytes, pages * page);
done:
    return status;
}

/* A log or a journal beside the file that is not empty means that its content is not what the last writer meant. *quiet: no lock is needed
 * (write-ahead logging without a log: locking would want to make one). */
static hg_status check_file(hg_context *ctx, const char *path, bool *quiet)
{
    hg_status status = HG_OK;
    uint8_t header[HEADER_BYTES];
    struct stat info;
    FILE *file = fopen(path, "rb");
    HG_CHECK(file && fstat(fileno(file), &info) == 0, HG_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    HG_CHECK(S_ISREG(info.st_mode), HG_ERR_IO, "%s: not a regular file", path);
    HG_CHECK(fread(header, 1, sizeof header, file) == sizeof header, HG_ERR_FORMAT, "%s: is truncated: %lld bytes, expected at least %d",
             path, (long long)info.st_size, HEADER_BYTES);
    const int64_t log = size_of_neighbour(path, "-wal"), journal = size_of_neighbour(path, "-journal");
    HG_CHECK(log == 0 && journal == 0, HG_ERR_FORMAT,
             "%s: is being written, or its writer was stopped: %s%s holds %" PRId64
             " bytes that belong into it; hint: wait for the writer, or open and close the database with sqlite3",
             path, path, log ? "-wal" : "-journal", log ? log : journal);
    HG_TRY(check_header(ctx, path, header, (int64_t)info.st_size));
    *quiet = header[18] == 2 || header[19] == 2;
done:
    if (file) fclose(file);
    return status;
}

/* "file:PATH?mode=ro" with the bytes that mean something in a URI escaped. */
static hg_status make_uri(hg_context *ctx, const char *path, bool quiet, char uri[PATH_SIZE])
{
    size_t n = (size_t)snprintf(uri, PATH_SIZE, "file:");
    for (const char *c = path; *c && n < PATH_SIZE - 64; ++c)
        n += (size_t)snprintf(uri + n, PATH_SIZE - n, strchr("%?#", *c) ? "%%%02X" : "%c", (unsigned char)*c);
    if (n >= PATH_SIZE - 64) return hg_fail(ctx, HG_ERR_IO, "%.60s...: path too long", path);
    snprintf(uri + n, PATH_SIZE - n, "?mode=ro%s", quiet ? "&immutable=1" : "");
    return HG_OK;
}

static int on_progress(void *user)
{
    return hg_interrupted(user);
}

static void lock_down(hg_context *ctx, sqlite3 *handle)
{
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_progress_handler(handle, LOOK_EVERY, on_progress, ctx);
}

hg_status hg_sqlite_open(hg_context *ctx, const char *path, hg_sqlite **out)
{
    hg_status status = HG_OK;
    hg_sqlite *db = NULL;
    char uri[PATH_SIZE];
    bool quiet = false;
    HG_TRY(check_file(ctx, path, &quiet));
    HG_TRY(make_uri(ctx, path, quiet, uri));
    HG_TRY(hg_alloc(ctx, &db, 1));
    HG_TRY(hg_copy_string(ctx, path, &db->path));
    const int code = sqlite3_open_v2(uri, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    HG_CHECK(db->handle, HG_ERR_NOMEM, "%s: out of memory for SQLite", path);
    if (code != SQLITE_OK) {
        status = fail(ctx, db, NULL);
        goto done;
    }
    lock_down(ctx, db->handle);
    /* the lock of the transaction keeps writers from changing the tables between two queries */
    if (sqlite3_exec(db->handle, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) != SQLITE_OK) {
        status = fail(ctx, db, NULL);
        goto done;
    }
    *out = db;
    db = NULL;
done:
    hg_sqlite_close(ctx, db);
    return status;
}

void hg_sqlite_close(hg_context *ctx, hg_sqlite *db)
{
    if (!db) return;
    sqlite3_close(db->handle);
    hg_free(ctx, db->path);
    hg_free(ctx, db);
}

/* ---- tables and columns ---- */

/* Runs a query; its first column as texts. */
static hg_status read_texts(hg_context *ctx, hg_sqlite *db, const char *query, char ***out, int64_t *n)
{
    hg_status status = HG_OK;
    sqlite3_stmt *statement = NULL;
    char **list = NULL;
    int64_t used = 0, room = 0;
    int code = sqlite3_prepare_v2(db->handle, query, -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW) break;
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (used == room) {
            HG_TRY(hg_grow(ctx, &list, room, room ? 2 * room : 16));
            room = room ? 2 * room : 16;
        }
        HG_TRY(hg_copy_string(ctx, text ? text : "", &list[used]));
        used++;
    }
    if (code != SQLITE_DONE) {
        status = fail(ctx, db, NULL);
        goto done;
    }
    *out = list;
    *n = used;
    list = NULL;
done:
    sqlite3_finalize(statement);
    for (int64_t i = 0; list && i < used; ++i) hg_free(ctx, list[i]);
    hg_free(ctx, list);
    return status;
}

hg_status hg_sqlite_list(hg_context *ctx, hg_sqlite *db, hg_sqlite_table **tables, int64_t *n)
{
    hg_status status = HG_OK;
    char **names = NULL, *query = NULL;
    hg_sqlite_table *list = NULL;
    int64_t count = 0;
    HG_TRY(read_texts(ctx, db,
                      "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                      "ORDER BY name",
                      &names, &count));
    HG_TRY(hg_alloc(ctx, &list, count));
    for (int64_t i = 0; i < count; ++i) {
        query = sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q) ORDER BY cid", names[i]);
        HG_CHECK(query, HG_ERR_NOMEM, "%s: out of memory for SQLite", db->path);
        HG_TRY(read_texts(ctx, db, query, &list[i].columns, &list[i].n_columns));
        sqlite3_free(query);
        query = NULL;
        list[i].name = names[i];
        names[i] = NULL;
    }
    *tables = list;
    *n = count;
    list = NULL;
done:
    sqlite3_free(query);
    hg_sqlite_free_list(ctx, list, count);
    for (int64_t i = 0; names && i < count; ++i) hg_free(ctx, names[i]);
    hg_free(ctx, names);
    return status;
}

void hg_sqlite_free_list(hg_context *ctx, hg_sqlite_table *tables, int64_t n)
{
    for (int64_t i = 0; tables && i < n; ++i) {
        for (int64_t c = 0; c < tables[i].n_columns; ++c) hg_free(ctx, tables[i].columns[c]);
        hg_free(ctx, tables[i].columns);
        hg_free(ctx, tables[i].name);
    }
    hg_free(ctx, tables);
}

int64_t hg_sqlite_find_column(const hg_sqlite_table *table, const char *name)
{
    for (int64_t c = 0; c < table->n_columns; ++c)
        if (strcmp(table->columns[c], name) == 0) return c;
    return -1;
}

/* ---- rows ---- */

hg_status hg_sqlite_row_range(hg_context *ctx, hg_sqlite *db, const char *table, int64_t *first, int64_t *last, bool *has_rows)
{
    hg_status status = HG_OK;
    char query[QUERY_SIZE];
    sqlite3_stmt *statement = NULL;
    *first = 0;
    *last = -1;
    sqlite3_snprintf(sizeof query, query, "SELECT (SELECT min(rowid) FROM \"%w\"), (SELECT max(rowid) FROM \"%w\")", table, table);
    *has_rows = sqlite3_prepare_v2(db->handle, query, -1, &statement, NULL) == SQLITE_OK;
    if (!*has_rows) return HG_OK;
    if (sqlite3_step(statement) != SQLITE_ROW) {
        status = fail(ctx, db, table);
    } else if (sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
        *first = sqlite3_column_int64(statement, 0);
        *last = sqlite3_column_int64(statement, 1);
    }
    sqlite3_finalize(statement);
    return status;
}

static void store(sqlite3_stmt *statement, int i, const hg_sqlite_column *column, int64_t row)
{
    const int kind = sqlite3_column_type(statement, i);
    const bool number = kind == SQLITE_INTEGER || kind == SQLITE_FLOAT;
    double value;
    switch (column->type) {
    case HG_SQLITE_I64:
        if (kind == SQLITE_INTEGER) {
            ((int64_t *)column->data)[row] = sqlite3_column_int64(statement, i);
            return;
        }
        value = number ? sqlite3_column_double(statement, i) : (double)NAN;
        ((int64_t *)column->data)[row] = floor(value) == value && fabs(value) < 0x1p53 ? (int64_t)value : HG_SQLITE_NO_INTEGER;
        return;
    case HG_SQLITE_F32:
        ((float *)column->data)[row] = number ? (float)sqlite3_column_double(statement, i) : NAN;
        return;
    case HG_SQLITE_F64:
        ((double *)column->data)[row] = number ? sqlite3_column_double(statement, i) : (double)NAN;
    }
}

static size_t size_of(hg_sqlite_type type)
{
    return type == HG_SQLITE_F32 ? 4 : 8;
}

static hg_status write_query(hg_context *ctx, const hg_sqlite *db, const char *table, bool numbered, const hg_sqlite_column *columns,
                             int64_t n_columns, char query[QUERY_SIZE])
{
    hg_status status = HG_OK;
    HG_CHECK(n_columns > 0 && n_columns <= COLUMNS_MOST, HG_ERR_ARG, "%s: %" PRId64 " columns, expected 1 to %d", db->path, n_columns,
             COLUMNS_MOST);
    size_t n = (size_t)snprintf(query, QUERY_SIZE, "SELECT ");
    for (int64_t c = 0; c < n_columns; ++c) {
        sqlite3_snprintf((int)(QUERY_SIZE - n), query + n, "%s\"%w\"", c ? ", " : "", columns[c].name);
        n += strlen(query + n);
    }
    sqlite3_snprintf((int)(QUERY_SIZE - n), query + n, " FROM \"%w\"%s", table,
                     numbered ? " WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid" : "");
    HG_CHECK(strlen(query) < QUERY_SIZE - 1, HG_ERR_LIMIT, "%s: table %.60s: names of columns too long", db->path, table);
done:
    return status;
}

static hg_status grow_columns(hg_context *ctx, hg_sqlite_column *columns, int64_t n_columns, int64_t from, int64_t to)
{
    hg_status status = HG_OK;
    for (int64_t c = 0; c < n_columns; ++c) HG_TRY(hg_grow_array(ctx, &columns[c].data, from, to, size_of(columns[c].type)));
done:
    return status;
}

hg_status hg_sqlite_read(hg_context *ctx, hg_sqlite *db, const char *table, bool numbered, int64_t first, int64_t last,
                         hg_sqlite_column *columns, int64_t n_columns, int64_t *rows)
{
    hg_status status = HG_OK;
    char query[QUERY_SIZE];
    sqlite3_stmt *statement = NULL;
    int64_t n = 0, room = ROWS_FIRST;
    int code = SQLITE_OK;
    for (int64_t c = 0; c < n_columns; ++c) columns[c].data = NULL;
    HG_TRY(write_query(ctx, db, table, numbered, columns, n_columns, query));
    HG_TRY(grow_columns(ctx, columns, n_columns, 0, room));
    code = sqlite3_prepare_v2(db->handle, query, -1, &statement, NULL);
    if (code == SQLITE_OK && numbered) code = sqlite3_bind_int64(statement, 1, first);
    if (code == SQLITE_OK && numbered) code = sqlite3_bind_int64(statement, 2, last);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW) break;
        if (n == room) {
            HG_TRY(grow_columns(ctx, columns, n_columns, room, 2 * room));
            room *= 2;
        }
        for (int c = 0; c < n_columns; ++c) store(statement, c, &columns[c], n);
        ++n;
    }
    if (code != SQLITE_DONE) {
        status = keep_error(db, table);
        goto done;
    }
    *rows = n;
done:
    sqlite3_finalize(statement);
    for (int64_t c = 0; status < 0 && c < n_columns; ++c) {
        hg_free(ctx, columns[c].data);
        columns[c].data = NULL;
    }
    return status;
}
