/* nn/model/reader.h — what reading a description carries along (the tables by name at this point of the program), and its parts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_READER_H
#define HG_NN_READER_H

#include "base/config.h"
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

/* Makes a name mean a table from here on; it may only change to a table of the same kind of rows. */
hg_status hg_reader_bind(hg_reader *r, const hg_yaml *node, const char *name, int value);
/* The table that a name means now. */
hg_status hg_reader_look_up(hg_reader *r, const hg_yaml *node, const char *name, int *value);
/* One more table, *out is its number. set: see hg_value. */
hg_status hg_reader_add_value(hg_reader *r, hg_entity entity, int set, int64_t width, bool input, int *out);

/* Copies the text of a node to buffer with every {word} replaced by the decimal number. Errors: HG_ERR_CONFIG too long, or braces around
 * something else. */
hg_status hg_substitute(hg_context *ctx, const hg_yaml *node, const char *word, int64_t number, char *buffer, size_t size);

/* Fills the list of networks from the YAML sequence; input widths stay 0. */
hg_status hg_networks_read(hg_context *ctx, const hg_yaml *sequence, hg_description *out);

/* The item {graph: ...}: which edges the updates after it speak of. */
hg_status hg_reader_graph(hg_reader *r, const hg_yaml *map);
/* Makes set 0. */
hg_status hg_reader_first_edges(hg_reader *r);

/* The item of an update: adds it and its table. */
hg_status hg_reader_update(hg_reader *r, const hg_yaml *map);

/* The grammar of one input: words, and the names of the tables they speak of. */
typedef struct hg_term_text {
    hg_access access; /* HG_OWN also stands for HG_GRAPH: the table's kind decides */
    hg_reduction reduction;
    bool directed, outgoing;
    hg_access message;
    hg_computation computation;
    hg_access left, right;
    int64_t first, last, groups; /* columns; shares of a dot, 0 = each column by itself */
    char value[64], weight[64];  /* weight "" = none */
} hg_term_text;
hg_status hg_term_parse(hg_context *ctx, const hg_yaml *node, const char *text, hg_term_text *out);

/* Reads the inputs of an update (u->entity is set), their common width, the edges that it works on and, of node updates, the level
 * (-1 = any). */
hg_status hg_reader_terms(hg_reader *r, const hg_yaml *map, hg_update *u, int64_t *width, int *level);

#endif
