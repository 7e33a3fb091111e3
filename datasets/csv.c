/* datasets/csv.c — the one door to libcsv: a table of numbers by column name, compressed or not, strict and fast. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/csv.h"

#include <csv.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "datasets/archive.h"

enum { FIELDS_MOST = 256, LINE_BYTES = 64 * 1024, NAME_BYTES = 64, ROWS_FIRST = 1024, SHOWN = 40, SHOWN_SIZE = 4 * SHOWN + 4 };

/* Everything that the callbacks of libcsv need. They must not jump: the first error is kept in `status`, the rest is ignored. */
typedef struct table {
    hg_context *ctx;
    const char *file;
    hg_csv_column *columns;
    int64_t n_columns, rows, room, rows_limit;
    int64_t line;        /* of the current row, from 1 */
    int64_t record_size; /* bytes since the last end of a row */
    bool in_header;
    int n_fields, field;                /* of the header; of the current row */
    int column_of[FIELDS_MOST];         /* wanted column of each field, -1 = ignored */
    char name[FIELDS_MOST][NAME_BYTES]; /* cut names, to find duplicates and for messages */
    hg_status status;
} table;

static size_t element_size(hg_csv_type type)
{
    return type == HG_CSV_I32 || type == HG_CSV_F32 ? 4 : 8;
}

/* Untrusted bytes as printable text of at most SHOWN characters. */
static void show(char *out, const char *text, size_t length)
{
    char *at = out;
    for (size_t i = 0; i < length && i < SHOWN; ++i) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte >= 32 && byte < 127)
            *at++ = (char)byte;
        else
            at += snprintf(at, 5, "\\x%02x", byte);
    }
    snprintf(at, 4, "%s", length > SHOWN ? "..." : "");
}

/* ---- the header ---- */

static void header_field(table *t, const char *text, size_t length)
{
    hg_context *ctx = t->ctx;
    hg_status status = HG_OK;
    char shown[SHOWN_SIZE];
    show(shown, text, length);
    HG_CHECK(t->n_fields < FIELDS_MOST, HG_ERR_LIMIT, "%s:%" PRId64 ": more than %d columns", t->file, t->line, FIELDS_MOST);
    HG_CHECK(length < NAME_BYTES && !memchr(text, '\0', length), HG_ERR_FORMAT,
             "%s:%" PRId64 ": column name \"%s\", expected text of at most %d bytes", t->file, t->line, shown, NAME_BYTES - 1);
    HG_CHECK(length > 0 || t->n_fields == 0, HG_ERR_FORMAT, "%s:%" PRId64 ": column %d has no name", t->file, t->line, t->n_fields + 1);
    for (int i = 0; i < t->n_fields; ++i)
        HG_CHECK(strlen(t->name[i]) != length || memcmp(t->name[i], text, length) != 0, HG_ERR_FORMAT,
                 "%s:%" PRId64 ": column '%s' appears twice (columns %d and %d)", t->file, t->line, shown, i + 1, t->n_fields + 1);
    memcpy(t->name[t->n_fields], text, length);
    t->column_of[t->n_fields] = -1;
    for (int c = 0; c < t->n_columns; ++c)
        if (length > 0 && t->columns[c].type != HG_CSV_LINE && strcmp(t->columns[c].name, t->name[t->n_fields]) == 0)
            t->column_of[t->n_fields] = c;
    t->n_fields++;
done:
    t->status = status;
}

static bool has_field_of(const table *t, int column)
{
    for (int i = 0; i < t->n_fields; ++i)
        if (t->column_of[i] == column) return true;
    return false;
}

static hg_status missing_column(const table *t, const char *name)
{
    char found[2 * NAME_BYTES] = "";
    size_t length = 0;
    for (int i = 0; i < t->n_fields; ++i) {
        if (strcasecmp(t->name[i], name) == 0)
            return hg_fail(t->ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": column '%s' is missing; hint: '%s' differs in upper and lower case",
                           t->file, t->line, name, t->name[i]);
        char shown[SHOWN_SIZE];
        show(shown, t->name[i], strlen(t->name[i]));
        const int n = snprintf(found + length, sizeof found - length, "%s%s", i ? "," : "", shown);
        length += (size_t)n < sizeof found - length ? (size_t)n : 0;
    }
    return hg_fail(t->ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": column '%s' is missing; found %d columns: %s", t->file, t->line, name,
                   t->n_fields, found);
}

/* All columns are there and have room for the first rows. */
static void header_end(table *t)
{
    t->in_header = false;
    t->room = ROWS_FIRST;
    for (int c = 0; c < t->n_columns && t->status == HG_OK; ++c) {
        hg_csv_column *column = &t->columns[c];
        if (column->type != HG_CSV_LINE && !has_field_of(t, c)) {
            if (!column->optional) t->status = missing_column(t, column->name);
            continue;
        }
        t->status = hg_alloc_array(t->ctx, &column->data, t->room, element_size(column->type));
    }
}

/* ---- the rows ---- */

static const char *type_text(hg_csv_type type)
{
    return type == HG_CSV_U64 ? "an unsigned 64-bit integer" : type == HG_CSV_I64 || type == HG_CSV_I32 ? "an integer" : "a number";
}

static bool is_word(const char *text, size_t length, const char *const *words)
{
    for (; *words; ++words)
        if (length == strlen(*words) && strncasecmp(text, *words, length) == 0) return true;
    return false;
}

static const char *const not_finite[] = {"nan", "inf", "+inf", "-inf", "infinity", "-infinity", "null", "none", "na", NULL};

static void hint_for(const table *t, hg_csv_type type, const char *text, size_t length, char *out, size_t size)
{
    const bool integer = type == HG_CSV_U64 || type == HG_CSV_I64 || type == HG_CSV_I32;
    double value;
    if (length == 0)
        snprintf(out, size, "the field is empty");
    else if (is_word(text, length, not_finite))
        snprintf(out, size, "missing and infinite values are not allowed");
    else if (strcmp(text, t->name[t->field]) == 0)
        snprintf(out, size, "the header is repeated here");
    else if (integer && hg_parse_double(text, length, &value))
        snprintf(out, size, "%s",
                 strpbrk(text, ".eE") ? "the file was saved through floating point"
                 : text[0] == '-'     ? "an id is never negative"
                                      : "the number is too large");
    else if (memchr(text, ',', length))
        snprintf(out, size, "decimals are written with a point");
    else
        snprintf(out, size, "the %" PRId64 " rows before this one were fine", t->rows);
}

static hg_status bad_field(const table *t, const hg_csv_column *column, const char *text, size_t length)
{
    char shown[SHOWN_SIZE], hint[96];
    show(shown, text, length);
    hint_for(t, column->type, text, length, hint, sizeof hint);
    return hg_fail(t->ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": column '%s': found \"%s\", expected %s; hint: %s", t->file, t->line,
                   column->name, shown, type_text(column->type), hint);
}

static bool store_loosely(double *out, const char *text, size_t length)
{
    static const char *const yes[] = {"true", NULL}, *const no[] = {"false", NULL};
    if (hg_parse_double(text, length, out)) return true;
    const bool is_yes = is_word(text, length, yes), is_no = is_word(text, length, no);
    if (!is_yes && !is_no && length > 0 && !is_word(text, length, not_finite)) return false;
    *out = is_yes ? 1 : is_no ? 0 : (double)NAN;
    return true;
}

static bool store(const hg_csv_column *column, int64_t row, const char *text, size_t length)
{
    int64_t integer;
    double number;
    switch (column->type) {
    case HG_CSV_U64:
        return hg_parse_uint64(text, length, (uint64_t *)column->data + row);
    case HG_CSV_I64:
        return hg_parse_int64(text, length, (int64_t *)column->data + row);
    case HG_CSV_I32:
        if (!hg_parse_int64(text, length, &integer) || integer < INT32_MIN || integer > INT32_MAX) return false;
        ((int32_t *)column->data)[row] = (int32_t)integer;
        return true;
    case HG_CSV_F32:
        if (!hg_parse_double(text, length, &number) || !isfinite((float)number)) return false;
        ((float *)column->data)[row] = (float)number;
        return true;
    case HG_CSV_LOOSE_F64:
        return store_loosely((double *)column->data + row, text, length);
    default:
        return hg_parse_double(text, length, (double *)column->data + row);
    }
}

static hg_status grow_rows(table *t)
{
    hg_status status = HG_OK;
    const int64_t room = 2 * t->room;
    for (int c = 0; c < t->n_columns; ++c)
        if (t->columns[c].data) HG_TRY(hg_grow_array(t->ctx, &t->columns[c].data, t->rows, room, element_size(t->columns[c].type)));
    t->room = room;
done:
    return status;
}

static void on_field(void *bytes, size_t length, void *user)
{
    table *t = user;
    const char *text = bytes;
    if (t->status < 0) return;
    if (t->in_header) {
        header_field(t, text, length);
        return;
    }
    const int column = t->field < t->n_fields ? t->column_of[t->field] : -1;
    if (column >= 0) {
        if (t->rows == t->room) t->status = grow_rows(t);
        if (t->status == HG_OK && !store(&t->columns[column], t->rows, text, length))
            t->status = bad_field(t, &t->columns[column], text, length);
    }
    t->field++;
}

static void on_row(int end, void *user)
{
    (void)end;
    table *t = user;
    t->record_size = 0;
    if (t->status < 0) return;
    if (t->in_header) {
        header_end(t);
        return;
    }
    if (t->field != t->n_fields)
        t->status = hg_fail(t->ctx, HG_ERR_FORMAT,
                            "%s:%" PRId64 ": %d fields, expected %d as in the header; hint: the %" PRId64 " rows before this one were fine",
                            t->file, t->line, t->field, t->n_fields, t->rows);
    else if (t->rows >= t->rows_limit)
        t->status = hg_fail(t->ctx, HG_ERR_LIMIT, "%s:%" PRId64 ": more than %" PRId64 " rows", t->file, t->line, t->rows_limit);
    for (int c = 0; c < t->n_columns && t->status == HG_OK; ++c)
        if (t->columns[c].type == HG_CSV_LINE) {
            if (t->rows == t->room) t->status = grow_rows(t);
            if (t->status == HG_OK) ((int64_t *)t->columns[c].data)[t->rows] = t->line;
        }
    t->rows += t->status == HG_OK;
    t->field = 0;
}

/* ---- the text ---- */

static void parse_failed(table *t, struct csv_parser *parser)
{
    if (csv_error(parser) == CSV_EPARSE)
        t->status = hg_fail(t->ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": stray or unterminated quote", t->file, t->line);
    else
        t->status = hg_fail(t->ctx, HG_ERR_NOMEM, "%s:%" PRId64 ": %s", t->file, t->line, csv_strerror(csv_error(parser)));
}

/* Feeds line by line, so that `line` is that of the row in the callbacks and a record without an end is noticed early. */
static void parse_block(table *t, struct csv_parser *parser, const char *bytes, size_t length)
{
    while (length > 0 && t->status == HG_OK) {
        const char *newline = memchr(bytes, '\n', length);
        const size_t piece = newline ? (size_t)(newline - bytes) + 1 : length;
        if (memchr(bytes, '\0', piece)) {
            t->status = hg_fail(t->ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": NUL byte; hint: UTF-16 or not a text file", t->file, t->line);
            return;
        }
        t->record_size += (int64_t)piece;
        if (t->record_size > LINE_BYTES) {
            t->status = hg_fail(t->ctx, HG_ERR_LIMIT, "%s:%" PRId64 ": row of more than %d bytes; hint: an unterminated quote?", t->file,
                                t->line, LINE_BYTES);
            return;
        }
        if (csv_parse(parser, bytes, piece, on_field, on_row, t) != piece && t->status == HG_OK) parse_failed(t, parser);
        if (parser->pstate == 0) t->record_size = 0; /* between rows: blank lines may be many */
        t->line += newline != NULL;
        bytes += piece;
        length -= piece;
    }
}

static hg_status read_rows(hg_context *ctx, hg_reader *reader, struct csv_parser *parser, table *t)
{
    hg_status status = HG_OK;
    const char *bytes = NULL;
    size_t length = 0;
    for (bool first = true;; first = false) {
        HG_TRY(hg_reader_next(ctx, reader, &bytes, &length));
        if (length == 0) break;
        const size_t mark = first && length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        parse_block(t, parser, bytes + mark, length - mark);
        HG_TRY(t->status);
    }
    if (csv_fini(parser, on_field, on_row, t) != 0 && t->status == HG_OK) parse_failed(t, parser);
    HG_TRY(t->status);
    HG_CHECK(!t->in_header, HG_ERR_FORMAT, "%s: is empty, expected a header line with '%s'", t->file, t->columns[0].name);
done:
    return status;
}

hg_status hg_csv_read(hg_context *ctx, const char *path, hg_csv_column *columns, int64_t n_columns, int64_t rows_limit, int64_t *rows)
{
    hg_status status = HG_OK;
    hg_reader *reader = NULL;
    table *t = NULL;
    struct csv_parser parser;
    bool parser_open = false;

    for (int64_t c = 0; c < n_columns; ++c) columns[c].data = NULL;
    HG_TRY(hg_alloc(ctx, &t, 1));
    *t = (table){
        .ctx = ctx, .file = path, .columns = columns, .n_columns = n_columns, .rows_limit = rows_limit, .line = 1, .in_header = true};
    HG_CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) == 0, HG_ERR_NOMEM, "%s: libcsv does not start", path);
    parser_open = true;
    HG_TRY(hg_reader_open(ctx, path, &reader));
    HG_TRY(read_rows(ctx, reader, &parser, t));
    *rows = t->rows;
done:
    if (parser_open) csv_free(&parser);
    hg_reader_close(ctx, reader);
    hg_free(ctx, t);
    if (status < 0) hg_csv_free(ctx, columns, n_columns);
    return status;
}

void hg_csv_free(hg_context *ctx, hg_csv_column *columns, int64_t n_columns)
{
    for (int64_t c = 0; c < n_columns; ++c) {
        hg_free(ctx, columns[c].data);
        columns[c].data = NULL;
    }
}

void hg_csv_take(hg_csv_column *column, void *array)
{
    memcpy(array, &column->data, sizeof column->data);
    column->data = NULL;
}
