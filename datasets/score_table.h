/* datasets/score_table.h — what a classifier says of each event: a table of named numbers, as HDF5 or CSV. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_SCORE_TABLE_H
#define HG_DATASETS_SCORE_TABLE_H

#include <stdint.h>
#include "hitgraph/hdf5_files.h"

enum { HG_SCORE_COLUMNS = 48 };

typedef struct hg_score_column {
    const char *name, *unit, *help; /* static texts */
    float *data;                    /* [n] owned */
} hg_score_column;

/* One row per event. */
typedef struct hg_score_table {
    int64_t n;
    uint64_t *event_id; /* [n] owned */
    int n_columns;
    hg_score_column column[HG_SCORE_COLUMNS];
} hg_score_table;

/* Every column that a classifier may write, ended by name == NULL; data is NULL. */
extern const hg_score_column hg_score_columns[];

/* Adds zeroed room for n rows of the column of this name, which must be one of hg_score_columns. *data is borrowed from the table. */
hg_status hg_score_table_add(hg_context *ctx, hg_score_table *table, const char *name, float **data);
/* The data of a column, NULL if it is not there. */
float *hg_score_table_find(const hg_score_table *table, const char *name);
void hg_score_table_clear(hg_context *ctx, hg_score_table *table);

/* HG_ERR_ARG if the name is none that the next function writes to: worth asking before long work. */
hg_status hg_score_table_check_name(hg_context *ctx, const char *path);
/* FILE.h5 or .hdf5: format hitgraph-classification, datasets /events/event_id and /events/NAME; FILE.csv[.gz]: columns event_id, NAME...
 * Another ending is HG_ERR_ARG. The file is seen once it is whole. */
hg_status hg_score_table_write(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_score_table *table);
/* Reads either, told by its content. HG_ERR_FORMAT: neither, or without any known column; HG_ERR_DATA an event twice. Rows come sorted by
 * event_id. */
hg_status hg_score_table_read(hg_context *ctx, const char *path, hg_score_table *out);

#endif
