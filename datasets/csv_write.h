/* datasets/csv_write.h — rows of numbers as CSV text: shortest decimals that read back to the same bits. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_CSV_WRITE_H
#define HG_DATASETS_CSV_WRITE_H

#include <stdint.h>
#include "datasets/archive.h"

enum { HG_CSV_BLOCK = 64 * 1024, HG_CSV_ROW_MOST = 4096 };

/* A CSV file being written; rows gather in `text`. */
typedef struct hg_csv_file {
    hg_writer *writer; /* owned */
    char *text;        /* [HG_CSV_BLOCK + HG_CSV_ROW_MOST] owned */
    int64_t length;
} hg_csv_file;

/* Starts a file (compressed if the name ends in .gz) with its header line. Errors: HG_ERR_IO, HG_ERR_NOMEM. */
hg_status hg_csv_begin(hg_context *ctx, const char *path, const char *header, hg_csv_file *out);

/* Fields of the current row (at most 128 of them), and its end. */
void hg_csv_put_u64(hg_csv_file *file, uint64_t value);
void hg_csv_put_i64(hg_csv_file *file, int64_t value);
void hg_csv_put_f64(hg_csv_file *file, double value);
void hg_csv_put_f32(hg_csv_file *file, float value);
hg_status hg_csv_end_row(hg_context *ctx, hg_csv_file *file);

/* Writes what is left under the temporary name, so that a commit can hardly fail any more. */
hg_status hg_csv_finish(hg_context *ctx, hg_csv_file *file);

/* Puts the file in place; it is released, on failure too. */
hg_status hg_csv_commit(hg_context *ctx, hg_csv_file *file);

/* Leaves nothing behind; fine on a zeroed or released struct. */
void hg_csv_abort(hg_context *ctx, hg_csv_file *file);

#endif
