/* base/output.h — a file is either the complete old one or the complete new one: temporary file, fsync, rename. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_OUTPUT_H
#define HG_BASE_OUTPUT_H

#include <stdio.h>
#include "hitgraph/context.h"

typedef struct hg_output hg_output;

/* Starts writing `path`: creates its temporary neighbour. *out owned by the caller; end it with commit or abort. */
hg_status hg_output_begin(hg_context *ctx, const char *path, hg_output **out);

/* The stream to write to (first call opens it), or the temporary path for libraries that open files themselves. Borrowed. */
FILE *hg_output_stream(hg_output *output);
const char *hg_output_temporary_path(const hg_output *output);

/* Flushes, syncs, renames over the target. Frees *output and makes it NULL, on failure too (nothing is left behind then). */
hg_status hg_output_commit(hg_context *ctx, hg_output **output);

/* Removes the temporary file and frees the output; NULL is fine. */
void hg_output_abort(hg_output *output);

/* A whole file of text, from begin to commit. Errors: HG_ERR_IO, HG_ERR_NOMEM; the target is then as before. */
hg_status hg_output_print(hg_context *ctx, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Creates a directory and its parents where missing. */
hg_status hg_make_directory(hg_context *ctx, const char *path);

#endif
