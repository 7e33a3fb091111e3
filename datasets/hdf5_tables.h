/* datasets/hdf5_tables.h — what the files of events, pulses, graphs, scores and tracks share: columns of structs, offsets, provenance. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_HDF5_TABLES_H
#define HG_DATASETS_HDF5_TABLES_H

#include <stddef.h>
#include "datasets/hdf5.h"
#include "hitgraph/hdf5_files.h"

/* A dataset whose rows are an array that a struct points to. Tables of them end with column.path == NULL. */
typedef struct hg_h5_member {
    hg_h5_column column;
    size_t offset; /* of the pointer inside the struct */
} hg_h5_member;

/* Appends `rows` rows of every member; a NULL array is left out. */
hg_status hg_h5_append_members(hg_context *ctx, hg_h5 *h5, const hg_h5_member *table, const void *object, int64_t rows);

/* Reads rows first .. first + rows of every member into the arrays of the struct; NULL arrays are left out. */
hg_status hg_h5_read_members(hg_context *ctx, hg_h5 *h5, const hg_h5_member *table, void *object, int64_t first, int64_t rows);

/* Offsets: i64[n + 1], first 0, never decreasing. *n of -1 is set, otherwise checked; so is *total. *out owned by the caller. */
hg_status hg_h5_read_offsets(hg_context *ctx, hg_h5 *h5, const char *path, int64_t *n, int64_t *total, int64_t **out);

/* The root attributes that say where a file comes from; NULL = all empty. */
hg_status hg_h5_set_provenance(hg_context *ctx, hg_h5 *h5, const hg_provenance *provenance, const char *length_unit);

#endif
