/* datasets/hdf5.h — the one door to HDF5: atomic, byte-reproducible files out; untrusted files in. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_HDF5_H
#define HG_DATASETS_HDF5_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

/* Not thread-safe: HDF5 has one global state. Call from one thread, outside parallel regions.
 * Errors say "file:/dataset: what was expected and found": HG_ERR_FORMAT, HG_ERR_DATA (hash, NaN), HG_ERR_IO, HG_ERR_LIMIT, HG_ERR_NOMEM.
 */

typedef enum hg_h5_type { HG_H5_I32, HG_H5_I64, HG_H5_U8, HG_H5_U64, HG_H5_F32, HG_H5_F64 } hg_h5_type;

/* The type of the elements behind a pointer: HG_H5_TYPE(event->hits.x) is HG_H5_F64. */
#define HG_H5_TYPE(pointer)                                                                                                                \
    _Generic(*(pointer), int32_t                                                                                                           \
             : HG_H5_I32, int64_t                                                                                                          \
             : HG_H5_I64, uint8_t                                                                                                          \
             : HG_H5_U8, uint64_t                                                                                                          \
             : HG_H5_U64, float                                                                                                            \
             : HG_H5_F32, double                                                                                                           \
             : HG_H5_F64)

/* An open file, either being written or being read. */
typedef struct hg_h5 hg_h5;

/* ---- writing ---- */

/* Starts a file of format "hitgraph-<format>" version 1.0; `path` keeps its old content until hg_h5_commit. *out ends with commit or close.
 */
hg_status hg_h5_create(hg_context *ctx, const char *path, const char *format, hg_h5 **out);

/* What a dataset is. All strings are borrowed for the call. */
typedef struct hg_h5_column {
    const char *path; /* "/hits/x": groups are made as needed */
    hg_h5_type type;
    int64_t width;    /* 0 = [rows]; otherwise [rows, width] */
    const char *unit; /* "mm", "GeV", "1" ... */
    const char *long_name;
} hg_h5_column;

/* Writes a whole dataset; rows 0 is legal. Chunks, filters and the hash are chosen here. */
hg_status hg_h5_write(hg_context *ctx, hg_h5 *h5, const hg_h5_column *column, const void *data, int64_t rows);

/* Adds rows to a dataset that grows event by event; it is complete after the commit. Memory: at most 1.5 MiB a column. */
hg_status hg_h5_append(hg_context *ctx, hg_h5 *h5, const hg_h5_column *column, const void *data, int64_t rows);

/* Attributes of "/", a group or a dataset, written at the commit. n 0 = one scalar, otherwise an array of n. */
hg_status hg_h5_set_string(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, const char *text);
hg_status hg_h5_set_numbers(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n, const void *values);
#define hg_h5_set_number(ctx, h5, path, name, pointer) hg_h5_set_numbers((ctx), (h5), (path), (name), HG_H5_TYPE(pointer), 0, (pointer))

/* Completes the file and puts it in place. Frees *h5 and makes it NULL, on failure too (the target is then as before).
 * The root attribute content_hash is XXH3-64 over path bytes and hash (8 bytes, little-endian) of all datasets in byte order of the paths.
 */
hg_status hg_h5_commit(hg_context *ctx, hg_h5 **h5);

/* ---- reading ---- */

/* Opens a file read-only; format NULL = any. Refused before data is read: not HDF5, user block, other format, higher major version. */
hg_status hg_h5_open(hg_context *ctx, const char *path, const char *format, hg_h5 **out);

/* True if the path leads over hard links only to a dataset. */
bool hg_h5_has(const hg_h5 *h5, const char *path);

/* Checks a dataset without reading it. width as in hg_h5_column (-1 = rank 2 of any width); *rows and *width_found may be NULL. */
hg_status hg_h5_shape(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t *rows, int64_t *width_found);

/* Reads rows first .. first + rows into out (room for rows * width). Types may widen, never narrow. Numbers must be finite;
 * the hash is checked when all rows are read at once. */
hg_status hg_h5_read(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t first, int64_t rows, void *out);

/* The same for callers that look at the numbers themselves: NaN and infinity are handed over. */
hg_status hg_h5_read_unchecked(hg_context *ctx, hg_h5 *h5, const hg_h5_column *column, int64_t first, int64_t rows, void *out);

/* Reads a whole dataset into a new array (hg_free). rows_expected -1 = any; *rows may be NULL. */
hg_status hg_h5_read_all(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t rows_expected, void **out,
                         int64_t *rows);
/* hg_h5_read_array(ctx, h5, "/hits/x", 0, -1, &x, &rows): the type comes from the pointer. */
#define hg_h5_read_array(ctx, h5, path, width, rows_expected, pointer, rows)                                                               \
    hg_h5_read_all((ctx), (h5), (path), HG_H5_TYPE(*(pointer)), (width), (rows_expected), (void **)(pointer), (rows))

bool hg_h5_has_attribute(const hg_h5 *h5, const char *path, const char *name);
/* A fixed-length string attribute, NUL-terminated, owned by the caller (hg_free). */
hg_status hg_h5_get_string(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, char **out);
/* n 0 = scalar. */
hg_status hg_h5_get_numbers(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n, void *out);
#define hg_h5_get_number(ctx, h5, path, name, pointer) hg_h5_get_numbers((ctx), (h5), (path), (name), HG_H5_TYPE(pointer), 0, (pointer))

/* The file's name as given. Borrowed. */
const char *hg_h5_name(const hg_h5 *h5);

/* Open HDF5 handles of this file; 1 between calls. For tests. */
int64_t hg_h5_handles(const hg_h5 *h5);

/* Ends reading, or drops an unfinished file and leaves nothing behind; NULL is fine. */
void hg_h5_close(hg_context *ctx, hg_h5 *h5);

#endif
