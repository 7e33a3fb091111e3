/* datasets/csv.h — the one door to libcsv: a table of numbers by column name, compressed or not, strict and fast. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_CSV_H
#define HG_DATASETS_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

typedef enum hg_csv_type {
    HG_CSV_U64,
    HG_CSV_I64,
    HG_CSV_I32,
    HG_CSV_F32,
    HG_CSV_F64,
    HG_CSV_LOOSE_F64, /* f64: NaN where the field is empty or says so; True and False are 1 and 0 */
    HG_CSV_LINE       /* not a column of the file: int64_t line number of each row, for messages */
} hg_csv_type;

/* A column that the caller wants. */
typedef struct hg_csv_column {
    const char *name; /* borrowed; as in the header line */
    hg_csv_type type;
    bool optional;
    void *data; /* out: [rows] owned by the caller (hg_csv_free, or hg_free after taking it); NULL = optional and not there */
} hg_csv_column;

/* Reads a table with a header line. Columns may come in any order; others are ignored, and so is a first column without a name.
 * Legal: BOM, CRLF, blank lines, no newline at the end, zero rows. Never legal: NaN, infinity, an id written as a float.
 *
 * @param columns [n_columns]; `data` is set on success only. @param rows_limit more rows are HG_ERR_LIMIT. @param rows out.
 * @return HG_OK; HG_ERR_FORMAT "file:line: column 'x': found "y", expected an integer"; HG_ERR_IO; HG_ERR_LIMIT; HG_ERR_NOMEM. */
hg_status hg_csv_read(hg_context *ctx, const char *path, hg_csv_column *columns, int64_t n_columns, int64_t rows_limit, int64_t *rows);

/* Frees the data of columns that were not taken. */
void hg_csv_free(hg_context *ctx, hg_csv_column *columns, int64_t n_columns);

/* Hands the data of a column over: *array is set and the column forgets it. */
void hg_csv_take(hg_csv_column *column, void *array);

#endif
