/* datasets/metis_text.h — lines and numbers of METIS files, with their places. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_METIS_TEXT_H
#define HG_DATASETS_METIS_TEXT_H

#include <stdbool.h>
#include "hitgraph/context.h"

typedef struct hg_metis_text {
    const char *path; /* borrowed */
    char *text;       /* owned */
    size_t length, next;
    const char *at, *end; /* what is left of the current line */
    int64_t line;         /* its number, from 1 */
} hg_metis_text;

hg_status hg_metis_text_open(hg_context *ctx, const char *path, hg_metis_text *out);
void hg_metis_text_close(hg_context *ctx, hg_metis_text *text);

/* Goes to the next line that is no comment; false at the end of the file. */
bool hg_metis_next_line(hg_metis_text *text);
/* The next word of the line; false at its end. */
bool hg_metis_next_word(hg_metis_text *text, const char **word, size_t *length);
/* The next word as an integer; *there = false at the end of the line. Errors: HG_ERR_FORMAT with what was expected there. */
hg_status hg_metis_next_int(hg_context *ctx, hg_metis_text *text, const char *what, bool *there, int64_t *out);
/* Error unless only blank lines and comments are left. `expected`: of what there were so many lines. */
hg_status hg_metis_expect_end(hg_context *ctx, hg_metis_text *text, const char *what, int64_t expected);

#endif
