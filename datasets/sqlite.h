/* datasets/sqlite.h — the one door to SQLite: tables of numbers out of databases that nobody is writing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_SQLITE_H
#define HG_DATASETS_SQLITE_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

/* A database open for reading; one per thread. */
typedef struct hg_sqlite hg_sqlite;

/* Read-only; views, triggers, extensions and untrusted functions are off.
 * Errors: HG_ERR_FORMAT "file: not a SQLite database | truncated | is being written ..."; HG_ERR_IO. */
hg_status hg_sqlite_open(hg_context *ctx, const char *path, hg_sqlite **out);
void hg_sqlite_close(hg_context *ctx, hg_sqlite *db);

typedef struct hg_sqlite_table {
    char *name;     /* owned */
    char **columns; /* [n_columns] owned, so are the names */
    int64_t n_columns;
} hg_sqlite_table;

/* The ordinary tables, in the order of their names; no views, no virtual ones. */
hg_status hg_sqlite_list(hg_context *ctx, hg_sqlite *db, hg_sqlite_table **tables, int64_t *n);
void hg_sqlite_free_list(hg_context *ctx, hg_sqlite_table *tables, int64_t n);
/* Place of a column by name, -1 = none. */
int64_t hg_sqlite_find_column(const hg_sqlite_table *table, const char *name);

typedef enum hg_sqlite_type { HG_SQLITE_I64, HG_SQLITE_F32, HG_SQLITE_F64 } hg_sqlite_type;
/* What stands for NULL, text and fractions in a column read as I64; in the others it is NaN. */
#define HG_SQLITE_NO_INTEGER INT64_MIN

typedef struct hg_sqlite_column {
    const char *name; /* borrowed */
    hg_sqlite_type type;
    void *data; /* out: [rows] owned by the caller (hg_free) */
} hg_sqlite_column;

/* The range of row numbers; *first > *last for an empty table; *has_rows false: the table has no row numbers (WITHOUT ROWID). */
hg_status hg_sqlite_row_range(hg_context *ctx, hg_sqlite *db, const char *table, int64_t *first, int64_t *last, bool *has_rows);

/* Reads columns of the rows with numbers first .. last, in their order; numbered false: all rows, in the table's order.
 * Threads may read from databases of their own at once: what went wrong stays with the database until hg_sqlite_explain.
 * Errors: HG_ERR_FORMAT "file: table t: ..."; HG_ERR_NOMEM; HG_ERR_INTERRUPTED. data is set on success only. */
hg_status hg_sqlite_read(hg_context *ctx, hg_sqlite *db, const char *table, bool numbered, int64_t first, int64_t last,
                         hg_sqlite_column *columns, int64_t n_columns, int64_t *rows);

/* Puts the message of a failed hg_sqlite_read into the context; returns its status. */
hg_status hg_sqlite_explain(hg_context *ctx, const hg_sqlite *db, hg_status status);

#endif
