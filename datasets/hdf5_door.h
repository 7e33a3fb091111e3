/* datasets/hdf5_door.h — between the door to HDF5 and what needs none of its calls: gathering rows, checking what a file says. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_HDF5_DOOR_H
#define HG_DATASETS_HDF5_DOOR_H

#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/output.h"
#include "datasets/hdf5.h"

/* A column below HG_H5_ONE_CHUNK bytes is one chunk; others have chunks of about HG_H5_CHUNK bytes. */
enum { HG_H5_CHUNK = 512 * 1024, HG_H5_ONE_CHUNK = 1024 * 1024 };

enum { HG_H5_MAJOR = 1, HG_H5_PATH = 512 }; /* version of the formats; bytes of the longest path, NUL included */

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

/* What a file says of a dataset. Nothing of it is believed before the reader has checked it. */
typedef enum hg_h5_layout { HG_H5_OTHER_LAYOUT, HG_H5_IN_ONE_PIECE, HG_H5_IN_CHUNKS } hg_h5_layout;
typedef struct hg_h5_dataset {
    int64_t id, type; /* HDF5 handles, < 0 = none */
    size_t element;   /* bytes of a stored element */
    int rank;
    uint64_t dims[2]; /* dims[1] is 1 where rank is 1, chunk[1] too */
    hg_h5_layout layout;
    int n_external, n_filters, filter[3], chunk_rank;
    uint64_t chunk[2];
} hg_h5_dataset;

typedef struct hg_h5_stored_attribute {
    int64_t id, type;   /* HDF5 handles, < 0 = none */
    int64_t n_values;   /* < 0 = damaged */
    int64_t text_bytes; /* length of a string of fixed length, < 0 = no such string */
} hg_h5_stored_attribute;

typedef enum hg_h5_kind { HG_H5_NOTHING, HG_H5_GROUP, HG_H5_DATASET } hg_h5_kind;

/* ---- the object (hdf5_file.c) ---- */

/* No file is open yet. hg_h5_close frees it. */
hg_status hg_h5_new(hg_context *ctx, const char *path, hg_h5 **out);
/* True if every step of the way is a hard link, and what lies at its end is of the wanted kind. */
bool hg_h5_leads_to(const hg_h5 *h5, const char *path, hg_h5_kind wanted);

/* ---- the door (hdf5.c) ---- */

int64_t hg_h5_type_size(hg_h5_type type);
const char *hg_h5_type_name(hg_h5_type type);
bool hg_h5_type_is_float(hg_h5_type type);
/* Closes what is open; the object stays. */
void hg_h5_door_release(hg_h5 *h5);

/* ---- the door's side of writing (hdf5.c) ---- */

/* An empty file under the temporary name of the object's path. */
hg_status hg_h5_door_begin(hg_context *ctx, hg_h5 *h5);
/* Makes one group unless it is there; the one above it must exist. */
hg_status hg_h5_door_make_group(hg_context *ctx, hg_h5 *h5, const char *path);
/* Creates a column's dataset: of `rows` rows, or empty and growing by `chunk_rows`. chunk_rows 0 = not in chunks. */
hg_status hg_h5_door_create(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, int64_t rows, int64_t chunk_rows, bool growing);
hg_status hg_h5_door_extend(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, int64_t rows);
hg_status hg_h5_door_put(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column, const void *data, int64_t rows);
hg_status hg_h5_door_close(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *column);
hg_status hg_h5_door_attribute(hg_context *ctx, hg_h5 *h5, const hg_h5_open_attribute *attribute);
/* Flushes and closes the file; its content is then complete under the temporary name. */
hg_status hg_h5_door_finish(hg_context *ctx, hg_h5 *h5);

/* ---- the door's side of reading (hdf5.c); false, 0 or a negative number: the file is damaged there ---- */

hg_status hg_h5_door_open(hg_context *ctx, hg_h5 *h5);
/* What a hard link leads to; any other link leads to nothing. The groups above it must have been asked for first. */
hg_h5_kind hg_h5_door_kind(const hg_h5 *h5, const char *path);
/* Only plain integers and IEEE floats that fit into the wanted type without loss. */
bool hg_h5_door_type_fits(int64_t type, hg_h5_type wanted);
bool hg_h5_door_type_equals(int64_t type, hg_h5_type wanted);

/* Sets the handles and the element; the others are set by the three that follow, in this order. */
bool hg_h5_door_dataset(const hg_h5 *h5, const char *path, hg_h5_dataset *out);
int hg_h5_door_rank(const hg_h5_dataset *dataset);
bool hg_h5_door_storage(hg_h5_dataset *dataset); /* layout, external files, filters, chunk; rank must be 1 or 2 */
bool hg_h5_door_dims(hg_h5_dataset *dataset);
uint64_t hg_h5_door_stored_bytes(const hg_h5_dataset *dataset);
bool hg_h5_door_read_rows(const hg_h5_dataset *dataset, hg_h5_type type, int64_t first, int64_t rows, void *out);
uint64_t hg_h5_door_chunk_bytes(const hg_h5_dataset *dataset, const int64_t at[2]);
/* The chunk as stored, filters not undone. */
bool hg_h5_door_read_chunk(const hg_h5_dataset *dataset, const int64_t at[2], uint8_t *out, uint32_t *skipped);
/* From the stored type to that of memory, in place: room for n elements of either. */
bool hg_h5_door_convert(const hg_h5_dataset *dataset, hg_h5_type type, size_t n, void *data);
void hg_h5_door_dataset_close(hg_h5_dataset *dataset);

bool hg_h5_door_has_attribute(const hg_h5 *h5, const char *path, const char *name);
bool hg_h5_door_stored_attribute(const hg_h5 *h5, const char *path, const char *name, hg_h5_stored_attribute *out);
bool hg_h5_door_read_text(const hg_h5_stored_attribute *attribute, char *out);
bool hg_h5_door_read_numbers(const hg_h5_stored_attribute *attribute, hg_h5_type type, void *out);
void hg_h5_door_attribute_close(hg_h5_stored_attribute *attribute);

#endif
