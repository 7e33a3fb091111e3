/* datasets/metis_text.c — lines and numbers of METIS files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/metis_text.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

enum { SHOWN = 32 }; /* bytes of a wrong word that a message repeats */
static const size_t file_bytes_max = (size_t)64 << 30;

hg_status hg_metis_text_open(hg_context *ctx, const char *path, hg_metis_text *out)
{
    *out = (hg_metis_text){.path = path};
    return hg_read_file(ctx, path, file_bytes_max, &out->text, &out->length);
}

void hg_metis_text_close(hg_context *ctx, hg_metis_text *text)
{
    hg_free(ctx, text->text);
    text->text = NULL;
}

bool hg_metis_next_line(hg_metis_text *t)
{
    while (t->next < t->length) {
        const char *start = t->text + t->next, *newline = memchr(start, '\n', t->length - t->next);
        t->line++;
        t->at = start;
        t->end = newline ? newline : t->text + t->length;
        t->next = (size_t)(t->end - t->text) + (newline != NULL);
        if (*start != '%') return true;
    }
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool hg_metis_next_word(hg_metis_text *t, const char **word, size_t *length)
{
    while (t->at < t->end && is_space(*t->at)) t->at++;
    *word = t->at;
    while (t->at < t->end && !is_space(*t->at)) t->at++;
    *length = (size_t)(t->at - *word);
    return *length > 0;
}

/* A short printable copy of untrusted bytes. */
static const char *shown(const char *word, size_t length, char buffer[SHOWN + 4])
{
    const size_t n = length < SHOWN ? length : SHOWN;
    for (size_t i = 0; i < n; ++i) buffer[i] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
    memcpy(buffer + n, length > n ? "..." : "", length > n ? 4 : 1);
    return buffer;
}

hg_status hg_metis_next_int(hg_context *ctx, hg_metis_text *t, const char *what, bool *there, int64_t *out)
{
    const char *word;
    char buffer[SHOWN + 4];
    size_t length;
    *there = hg_metis_next_word(t, &word, &length);
    if (!*there || hg_parse_int64(word, length, out)) return HG_OK;
    return hg_fail(ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": %s: found \"%s\", expected an integer", t->path, t->line, what,
                   shown(word, length, buffer));
}

hg_status hg_metis_expect_end(hg_context *ctx, hg_metis_text *t, const char *what, int64_t expected)
{
    const char *word;
    size_t length;
    while (hg_metis_next_line(t)) {
        if (hg_metis_next_word(t, &word, &length))
            return hg_fail(ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": text after the last of %" PRId64 " lines of %s", t->path, t->line, expected,
                           what);
    }
    return HG_OK;
}
