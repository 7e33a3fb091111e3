/* datasets/hdf5_writer.h — between the door to HDF5 and what gathers rows, hashes and attributes for it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_HDF5_WRITER_H
#define HG_DATASETS_HDF5_WRITER_H

#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/output.h"
#include "datasets/hdf5.h"

/* A column below HG_H5_ONE_CHUNK bytes is one chunk; others have chunks of about HG_H5_CHUNK bytes. */
enum { HG_H5_CHUNK = 512 * 1024, HG_H5_ONE_CHUNK = 1024 * 1024 };

/* A dataset of a file being written: its rows wait in `buffer` until they fill a chunk. */
typedef struct hg_h5_open_column {
    char *path, *unit, *long_name;
    hg_h5_type type;
    int64_t width, row_bytes;
    int64_t dataset; /* HDF5 handle, < 0 until the column outgrows one chunk */
    int64_t written;
    uint8_t *buffer; /* [room rows] grows up to HG_H5_ONE_CHUNK + HG_H5_CHUNK */
    int64_t buffered, room;
    XXH3_state_t *state; /* NULL = written as a whole */
    uint64_t hash;
} hg_h5_open_column;

typedef struct hg_h5_open_attribute {
    char *path, *name;
    bool text;
    hg_h5_type type;
    int64_t n;
    uint8_t *bytes;
} hg_h5_open_attribute;

struct hg_h5 {
    char *name;
    int64_t file;      /* HDF5 handle */
    hg_output *output; /* NULL when reading */
    hg_h5_open_column *columns;
    int64_t n_columns;
    hg_h5_open_attribute *attributes;
    int64_t n_attributes;
};

/* ---- the door's side (hdf5.c) ---- */

int64_t hg_h5_type_size(hg_h5_type type);

/* Creates a column's dataset: of `rows` rows, or empty and growing chunk by chunk. */
hg_status hg_h5_door_create(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, int64_t rows, bool growing);
int64_t hg_h5_door_chunk_rows(const hg_h5_open_column *column, int64_t rows);
hg_status hg_h5_door_extend(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, int64_t rows);
hg_status hg_h5_door_put(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, const void *data, int64_t rows);
hg_status hg_h5_door_close(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column);
hg_status hg_h5_door_attribute(hg_context *ctx, hg_h5 *h5, const hg_h5_open_attribute *attribute);
/* Flushes and closes the file; its content is then complete under the temporary name. */
hg_status hg_h5_door_finish(hg_context *ctx, hg_h5 *h5);

/* ---- the writer's side (hdf5_writer.c) ---- */

/* Frees what waits to be written; handles are closed by the door. */
void hg_h5_writer_release(hg_context *ctx, hg_h5 *h5);

#endif
