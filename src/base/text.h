/* base/text.h — growing text, whole files, and number parsing that knows no locale. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_TEXT_H
#define HG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "hitgraph/context.h"

/* Zero-initialise; `data` is always NUL-terminated after the first append; hg_free(ctx, text.data) at the end. */
typedef struct hg_text {
    char *data;
    size_t length, room;
} hg_text;

hg_status hg_text_append(hg_context *ctx, hg_text *text, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "one | two | three" of a NULL-terminated list. */
hg_status hg_text_append_words(hg_context *ctx, hg_text *text, const char *const *words);

/* Whether text ends in `end` and is longer. */
bool hg_text_ends_in(const char *text, const char *end);

/* A whole regular file of at most max_bytes, NUL-terminated. *out owned by the caller (hg_free). */
hg_status hg_read_file(hg_context *ctx, const char *path, size_t max_bytes, char **out, size_t *length);

/* The whole of text[0 .. length) must be a number: [+-]digits[.digits][e[+-]digits]; true on success.
 * No hex, no spaces, no inf or nan; integers take no fraction and must fit. */
bool hg_parse_double(const char *text, size_t length, double *out);
bool hg_parse_int64(const char *text, size_t length, int64_t *out);
bool hg_parse_uint64(const char *text, size_t length, uint64_t *out);

/* Shortest decimal text that reads back to the same bits; returns the length. buffer >= 32 bytes. */
int hg_format_double(char *buffer, double value);
int hg_format_float(char *buffer, float value);

#endif
