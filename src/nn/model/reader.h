/* nn/model/reader.h — what reading a description carries along: the tables by name at this point of the program. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_READER_H
#define HG_NN_READER_H

#include "nn/model/description.h"

enum { HG_NAME_SIZE = 64, HG_NAMES_MAX = 256 };

typedef struct hg_table_name {
    char name[HG_NAME_SIZE];
    int value;
} hg_table_name;

typedef struct hg_reader {
    hg_context *ctx;
    hg_description *d;
    int n_names;
    hg_table_name name[HG_NAMES_MAX]; /* what each name means at this point of the program */
    int64_t step;                     /* of the innermost repeat, -1 outside */
    int edges;                        /* set of edges that updates speak of at this point */
} hg_reader;

/* The table that a name means now. */
hg_status hg_reader_look_up(hg_reader *r, const hg_yaml *node, const char *name, int *value);

/* The item {graph: ...}: which edges the updates after it speak of. */
hg_status hg_reader_graph(hg_reader *r, const hg_yaml *map);
/* Makes set 0. */
hg_status hg_reader_first_edges(hg_reader *r);

/* Reads the inputs of an update (u->entity is set), their common width, the edges that it works on and, of node updates, the level
 * (-1 = any). */
hg_status hg_reader_terms(hg_reader *r, const hg_yaml *map, hg_update *u, int64_t *width, int *level);

#endif
