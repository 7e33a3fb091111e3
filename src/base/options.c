/* base/options.c — the table of options: one description feeds defaults, YAML, command line and the printed configuration. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/config.h"
#include "base/memory.h"
#include "base/text.h"

static const hg_option *find_option(const hg_option *table, const char *name)
{
    for (const hg_option *row = table; row->name; ++row) {
        if (strcmp(row->name, name) == 0) return row;
    }
    return NULL;
}

/* Levenshtein distance of two short names. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 128 };
    size_t row[LONGEST], n = strlen(b);
    if (n >= LONGEST) return LONGEST;
    for (size_t j = 0; j <= n; ++j) row[j] = j;
    for (size_t i = 1; a[i - 1]; ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; ++j) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t inserted = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < inserted ? replaced : inserted;
        }
    }
    return row[n];
}

static const char *nearest_name(const hg_option *table, const char *name)
{
    const char *best = table->name;
    size_t smallest = (size_t)-1;
    for (const hg_option *row = table; row->name; ++row) {
        size_t d = distance(name, row->name);
        if (d < smallest) {
            smallest = d;
            best = row->name;
        }
    }
    return best;
}

static hg_status set_option(hg_context *ctx, const hg_option *row, const hg_yaml *value, void *target)
{
    char *place = (char *)target + row->offset;
    switch (row->type) {
    case HG_OPTION_BOOL:
        return hg_yaml_bool(ctx, value, (bool *)(void *)place);
    case HG_OPTION_INT:
        return hg_yaml_int(ctx, value, (int64_t)row->low, (int64_t)row->high, (int64_t *)(void *)place);
    case HG_OPTION_NUMBER:
        return hg_yaml_number(ctx, value, row->low, row->high, (double *)(void *)place);
    case HG_OPTION_WORD:
        return hg_yaml_word(ctx, value, row->words, (int *)(void *)place);
    case HG_OPTION_TEXT:
        break;
    }
    hg_status status = hg_yaml_expect(ctx, value, HG_YAML_SCALAR);
    if (status < 0) return status;
    size_t length = strlen(value->text);
    if (length >= HG_OPTION_TEXT_SIZE) {
        return hg_yaml_fail(ctx, value, "text of %zu bytes, expected fewer than %d", length, HG_OPTION_TEXT_SIZE);
    }
    memset(place, 0, HG_OPTION_TEXT_SIZE);
    memcpy(place, value->text, length);
    return HG_OK;
}

/* A scalar node made of plain text, for values that do not come from a file. */
static hg_status set_from_text(hg_context *ctx, const hg_option *row, const char *source, const char *text, void *target)
{
    hg_yaml value = {.kind = HG_YAML_SCALAR, .line = 1, .column = 1, .source = source};
    char *copy = NULL, *key = NULL;
    hg_status status = HG_OK;
    HG_TRY(hg_copy_string(ctx, text, &copy));
    HG_TRY(hg_copy_string(ctx, row->name, &key));
    value.text = copy;
    value.key = key;
    HG_TRY(set_option(ctx, row, &value, target));
done:
    hg_free(ctx, copy);
    hg_free(ctx, key);
    return status;
}

hg_status hg_options_set_defaults(hg_context *ctx, const hg_option *table, void *target)
{
    for (const hg_option *row = table; row->name; ++row) {
        hg_status status = set_from_text(ctx, row, "default", row->preset, target);
        if (status < 0) return status;
    }
    return HG_OK;
}

static hg_status apply_map(hg_context *ctx, const hg_option *table, const hg_yaml *map, const char *prefix, void *target)
{
    hg_status status = hg_yaml_expect(ctx, map, HG_YAML_MAP);
    for (int64_t i = 0; status >= 0 && i < map->n; ++i) {
        const hg_yaml *child = map->child[i];
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] ? "." : "", child->key);
        const hg_option *row = find_option(table, name);
        if (row)
            status = set_option(ctx, row, child, target);
        else if (child->kind == HG_YAML_MAP)
            status = apply_map(ctx, table, child, name, target);
        else
            status = hg_yaml_fail(ctx, child, "unknown setting '%s'; the nearest known one is '%s'", name, nearest_name(table, name));
    }
    return status;
}

hg_status hg_options_apply_yaml(hg_context *ctx, const hg_option *table, const hg_yaml *root, void *target)
{
    return apply_map(ctx, table, root, "", target);
}

hg_status hg_options_apply_text(hg_context *ctx, const hg_option *table, const char *assignment, void *target)
{
    const char *equals = strchr(assignment, '=');
    char name[256];
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof name) {
        return hg_fail(ctx, HG_ERR_CONFIG, "setting \"%s\": expected key=value", assignment);
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    const hg_option *row = find_option(table, name);
    if (!row) return hg_fail(ctx, HG_ERR_CONFIG, "unknown setting '%s'; the nearest known one is '%s'", name, nearest_name(table, name));
    return set_from_text(ctx, row, "command line", equals + 1, target);
}

enum { QUOTED_SIZE = 4 * HG_OPTION_TEXT_SIZE + 8 };

/* A double-quoted YAML scalar; buffer[QUOTED_SIZE]. */
static void quote(const char *text, char *buffer)
{
    *buffer++ = '"';
    for (; *text; ++text) {
        if (*text == '"' || *text == '\\') *buffer++ = '\\';
        if ((unsigned char)*text < ' ')
            buffer += snprintf(buffer, 5, "\\x%02x", (unsigned)*text);
        else
            *buffer++ = *text;
    }
    memcpy(buffer, "\"", 2);
}

static void print_value(const hg_option *row, const void *source, char *buffer, size_t size)
{
    const char *place = (const char *)source + row->offset;
    switch (row->type) {
    case HG_OPTION_BOOL:
        snprintf(buffer, size, "%s", *(const bool *)(const void *)place ? "true" : "false");
        break;
    case HG_OPTION_INT:
        snprintf(buffer, size, "%" PRId64, *(const int64_t *)(const void *)place);
        break;
    case HG_OPTION_NUMBER:
        hg_format_double(buffer, *(const double *)(const void *)place);
        break;
    case HG_OPTION_WORD:
        snprintf(buffer, size, "%s", row->words[*(const int *)(const void *)place]);
        break;
    case HG_OPTION_TEXT:
        quote(place, buffer);
        break;
    }
}

/* Number of leading dotted parts that two names share, and the depth of a name. */
static int shared_parts(const char *a, const char *b)
{
    int parts = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; ++i) parts += a[i] == '.';
    return parts;
}

static hg_status append_help(hg_context *ctx, const hg_option *row, hg_text *text)
{
    hg_status status = HG_OK;
    HG_TRY(hg_text_append(ctx, text, "  # %s", row->help));
    if (row->type != HG_OPTION_WORD) goto done;
    HG_TRY(hg_text_append(ctx, text, " ("));
    HG_TRY(hg_text_append_words(ctx, text, row->words));
    HG_TRY(hg_text_append(ctx, text, ")"));
done:
    return status;
}

hg_status hg_options_print(hg_context *ctx, const hg_option *table, const void *source, bool with_help, char **out)
{
    hg_status status = HG_OK;
    hg_text text = {0};
    const char *previous = "";

    HG_TRY(hg_text_append(ctx, &text, "%s", ""));
    for (const hg_option *row = table; row->name; ++row) {
        int depth = shared_parts(previous, row->name), level = 0;
        const char *part = row->name;
        for (const char *dot = strchr(part, '.'); dot; part = dot + 1, dot = strchr(part, '.'), ++level) {
            if (level >= depth) HG_TRY(hg_text_append(ctx, &text, "%*s%.*s:\n", 2 * level, "", (int)(dot - part), part));
        }
        char value[QUOTED_SIZE];
        print_value(row, source, value, sizeof value);
        HG_TRY(hg_text_append(ctx, &text, "%*s%s: %s", 2 * level, "", part, value));
        if (with_help) HG_TRY(append_help(ctx, row, &text));
        HG_TRY(hg_text_append(ctx, &text, "\n"));
        previous = row->name;
    }
    *out = text.data;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    return status;
}
