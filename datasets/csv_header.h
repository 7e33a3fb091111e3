/* datasets/csv_header.h — the header line of a table, to tell what kind of table it is before it is read. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_CSV_HEADER_H
#define HG_DATASETS_CSV_HEADER_H

#include <stdbool.h>
#include "hitgraph/context.h"

enum { HG_CSV_HEADER_SIZE = 4096 };

/* The first line of a file, compressed or not, or as much of it as fits; other bytes than text end it. Errors: those of reading. */
hg_status hg_csv_header_read(hg_context *ctx, const char *path, char line[HG_CSV_HEADER_SIZE]);

/* True if the header line has the column, quoted or not. */
bool hg_csv_header_has(const char *line, const char *name);

#endif
