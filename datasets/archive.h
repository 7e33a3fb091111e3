/* datasets/archive.h — a file's bytes in and out, compressed or not: plain, gzip (zlib), zstd (libarchive, reading only). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_ARCHIVE_H
#define HG_DATASETS_ARCHIVE_H

#include <stddef.h>
#include "hitgraph/context.h"

/* An input stream. The compression is told by the first bytes, never by the name. Several gzip members are one stream. */
typedef struct hg_reader hg_reader;

/* Opens a regular file. *out owned by the caller. Errors: HG_ERR_IO. */
hg_status hg_reader_open(hg_context *ctx, const char *path, hg_reader **out);

/* The next bytes of the content, borrowed until the next call; *length 0 = the stream has ended well.
 * Errors: HG_ERR_FORMAT truncated, damaged (CRC, length) or followed by other bytes; HG_ERR_LIMIT inflates beyond reason; HG_ERR_IO. */
hg_status hg_reader_next(hg_context *ctx, hg_reader *reader, const char **bytes, size_t *length);

/* The path as given to open. Borrowed. */
const char *hg_reader_name(const hg_reader *reader);

void hg_reader_close(hg_context *ctx, hg_reader *reader);

/* An output stream to a file that appears as a whole or not at all. A name that ends in .gz is compressed; no time stamp. */
typedef struct hg_writer hg_writer;

hg_status hg_writer_begin(hg_context *ctx, const char *path, hg_writer **out);
hg_status hg_writer_put(hg_context *ctx, hg_writer *writer, const char *bytes, size_t length);

/* Completes the file under its temporary name; put is no longer allowed. Lets a caller finish several files before one appears. */
hg_status hg_writer_finish(hg_context *ctx, hg_writer *writer);

/* Finishes if need be and puts the file in place. Frees the writer, on failure too. */
hg_status hg_writer_commit(hg_context *ctx, hg_writer *writer);

/* Leaves nothing behind; NULL is fine. */
void hg_writer_abort(hg_context *ctx, hg_writer *writer);

#endif
