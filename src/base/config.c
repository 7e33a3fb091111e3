/* base/config.c — the door to libyaml: events become a tree whose nodes know their line and column. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

enum { DEPTH_LIMIT = 32, FILE_LIMIT = 1 << 24 };

typedef struct yaml_reader {
    hg_context *ctx;
    yaml_parser_t parser;
    const char *source;
} yaml_reader;

static hg_status fail_at(yaml_reader *reader, yaml_mark_t mark, const char *problem)
{
    return hg_fail(reader->ctx, HG_ERR_CONFIG, "%s:%zu:%zu: %s", reader->source, mark.line + 1, mark.column + 1, problem);
}

static hg_status next_event(yaml_reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event)) return HG_OK;
    return fail_at(reader, reader->parser.problem_mark, reader->parser.problem ? reader->parser.problem : "not YAML");
}

static void free_node(hg_context *ctx, hg_yaml *node)
{
    if (!node) return;
    for (int64_t i = 0; i < node->n; ++i) free_node(ctx, node->child[i]);
    hg_free(ctx, node->child);
    hg_free(ctx, node->key);
    hg_free(ctx, node->text);
    hg_free(ctx, node);
}

static hg_status new_node(yaml_reader *reader, hg_yaml_kind kind, yaml_mark_t mark, hg_yaml **out)
{
    hg_status status = hg_alloc(reader->ctx, out, 1);
    if (status < 0) return status;
    (*out)->kind = kind;
    (*out)->line = (int)mark.line + 1;
    (*out)->column = (int)mark.column + 1;
    (*out)->source = reader->source;
    return HG_OK;
}

static hg_status add_child(yaml_reader *reader, hg_yaml *parent, hg_yaml *child)
{
    if ((parent->n & (parent->n - 1)) == 0) { /* room doubles at powers of two */
        hg_status status = hg_grow(reader->ctx, &parent->child, parent->n, parent->n ? 2 * parent->n : 1);
        if (status < 0) return status;
    }
    parent->child[parent->n++] = child;
    return HG_OK;
}

static hg_status read_node(yaml_reader *reader, const yaml_event_t *event, int depth, hg_yaml **out);

static hg_status read_key(yaml_reader *reader, const hg_yaml *map, const yaml_event_t *event, char **out)
{
    if (event->type != YAML_SCALAR_EVENT) return fail_at(reader, event->start_mark, "expected a plain name as key");
    const char *key = (const char *)event->data.scalar.value;
    if (hg_yaml_get(map, key))
        return hg_fail(reader->ctx, HG_ERR_CONFIG, "%s:%zu:%zu: key '%s' stands twice", reader->source, event->start_mark.line + 1,
                       event->start_mark.column + 1, key);
    return hg_copy_string(reader->ctx, key, out);
}

static hg_status read_children(yaml_reader *reader, hg_yaml *parent, yaml_event_type_t end, int depth)
{
    hg_status status = HG_OK;
    hg_yaml *child = NULL;
    char *key = NULL;
    yaml_event_t event = {0};

    for (;;) {
        HG_TRY(next_event(reader, &event));
        if (event.type == end) break;
        if (parent->kind == HG_YAML_MAP) {
            HG_TRY(read_key(reader, parent, &event, &key));
            yaml_event_delete(&event);
            HG_TRY(next_event(reader, &event));
        }
        HG_TRY(read_node(reader, &event, depth + 1, &child));
        yaml_event_delete(&event);
        child->key = key;
        key = NULL;
        HG_TRY(add_child(reader, parent, child));
        child = NULL;
    }
done:
    yaml_event_delete(&event);
    free_node(reader->ctx, child);
    hg_free(reader->ctx, key);
    return status;
}

static hg_status read_node(yaml_reader *reader, const yaml_event_t *event, int depth, hg_yaml **out)
{
    hg_status status = HG_OK;
    hg_yaml *node = NULL;

    if (depth > DEPTH_LIMIT) return fail_at(reader, event->start_mark, "nested too deeply");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        HG_TRY(new_node(reader, HG_YAML_SCALAR, event->start_mark, &node));
        HG_TRY(hg_copy_string(reader->ctx, (const char *)event->data.scalar.value, &node->text));
        break;
    case YAML_SEQUENCE_START_EVENT:
        HG_TRY(new_node(reader, HG_YAML_SEQUENCE, event->start_mark, &node));
        HG_TRY(read_children(reader, node, YAML_SEQUENCE_END_EVENT, depth));
        break;
    case YAML_MAPPING_START_EVENT:
        HG_TRY(new_node(reader, HG_YAML_MAP, event->start_mark, &node));
        HG_TRY(read_children(reader, node, YAML_MAPPING_END_EVENT, depth));
        break;
    default:
        status = fail_at(reader, event->start_mark, "aliases are not supported here");
        goto done;
    }
    *out = node;
    node = NULL;
done:
    free_node(reader->ctx, node);
    return status;
}

/* An empty text is an empty map. */
static hg_status read_document(yaml_reader *reader, hg_yaml **out)
{
    hg_status status = HG_OK;
    yaml_event_t event = {0};

    HG_TRY(next_event(reader, &event)); /* stream start */
    yaml_event_delete(&event);
    HG_TRY(next_event(reader, &event));
    if (event.type == YAML_STREAM_END_EVENT) {
        HG_TRY(new_node(reader, HG_YAML_MAP, event.start_mark, out));
        goto done;
    }
    yaml_event_delete(&event); /* document start */
    HG_TRY(next_event(reader, &event));
    HG_TRY(read_node(reader, &event, 0, out));
    yaml_event_delete(&event);
    HG_TRY(next_event(reader, &event)); /* document end */
    yaml_event_delete(&event);
    HG_TRY(next_event(reader, &event));
    if (event.type != YAML_STREAM_END_EVENT) status = fail_at(reader, event.start_mark, "expected one document");
done:
    yaml_event_delete(&event);
    return status;
}

hg_status hg_yaml_parse(hg_context *ctx, const char *source_name, const char *text, size_t length, hg_yaml **out)
{
    hg_status status = HG_OK;
    hg_yaml *root = NULL;
    char *source = NULL;
    yaml_reader reader = {.ctx = ctx};

    HG_TRY(hg_copy_string(ctx, source_name, &source));
    reader.source = source;
    if (!yaml_parser_initialize(&reader.parser)) {
        status = hg_fail(ctx, HG_ERR_NOMEM, "%s: out of memory", source_name);
        goto done;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    status = read_document(&reader, &root);
    yaml_parser_delete(&reader.parser);
    if (status < 0) goto done;
    *out = root;
    root = NULL;
    source = NULL; /* moved: hg_yaml_destroy frees it with the root */
done:
    free_node(ctx, root);
    hg_free(ctx, source);
    return status;
}

hg_status hg_yaml_read_file(hg_context *ctx, const char *path, hg_yaml **out)
{
    char *text = NULL;
    size_t length;
    hg_status status = hg_read_file(ctx, path, FILE_LIMIT, &text, &length);
    if (status < 0) return status;
    status = hg_yaml_parse(ctx, path, text, length, out);
    hg_free(ctx, text);
    return status;
}

void hg_yaml_destroy(hg_context *ctx, hg_yaml *root)
{
    if (!root) return;
    char *source = (char *)(uintptr_t)root->source;
    free_node(ctx, root);
    hg_free(ctx, source);
}

const hg_yaml *hg_yaml_get(const hg_yaml *map, const char *key)
{
    for (int64_t i = 0; i < map->n; ++i) {
        if (map->child[i]->key && strcmp(map->child[i]->key, key) == 0) return map->child[i];
    }
    return NULL;
}

hg_status hg_yaml_fail(hg_context *ctx, const hg_yaml *node, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return hg_fail(ctx, HG_ERR_CONFIG, "%s:%d:%d: %s%s%s", node->source, node->line, node->column, node->key ? node->key : "",
                   node->key ? ": " : "", message);
}

hg_status hg_yaml_expect(hg_context *ctx, const hg_yaml *node, hg_yaml_kind kind)
{
    static const char *const names[] = {"a single value", "a list", "a map"};
    if (node->kind == kind) return HG_OK;
    return hg_yaml_fail(ctx, node, "found %s, expected %s", names[node->kind], names[kind]);
}

hg_status hg_yaml_int(hg_context *ctx, const hg_yaml *node, int64_t low, int64_t high, int64_t *out)
{
    hg_status status = hg_yaml_expect(ctx, node, HG_YAML_SCALAR);
    if (status < 0) return status;
    int64_t value;
    if (!hg_parse_int64(node->text, strlen(node->text), &value))
        return hg_yaml_fail(ctx, node, "found \"%s\", expected an integer", node->text);
    if (value < low || value > high) {
        return hg_yaml_fail(ctx, node, "found %" PRId64 ", expected %" PRId64 " .. %" PRId64, value, low, high);
    }
    *out = value;
    return HG_OK;
}

hg_status hg_yaml_number(hg_context *ctx, const hg_yaml *node, double low, double high, double *out)
{
    hg_status status = hg_yaml_expect(ctx, node, HG_YAML_SCALAR);
    if (status < 0) return status;
    double value;
    if (!hg_parse_double(node->text, strlen(node->text), &value))
        return hg_yaml_fail(ctx, node, "found \"%s\", expected a number", node->text);
    if (value < low || value > high) return hg_yaml_fail(ctx, node, "found %g, expected %g .. %g", value, low, high);
    *out = value;
    return HG_OK;
}

hg_status hg_yaml_bool(hg_context *ctx, const hg_yaml *node, bool *out)
{
    static const char *const words[] = {"false", "true", NULL};
    int index = 0;
    hg_status status = hg_yaml_word(ctx, node, words, &index);
    if (status >= 0) *out = index == 1;
    return status;
}

hg_status hg_yaml_word(hg_context *ctx, const hg_yaml *node, const char *const *words, int *out)
{
    hg_text list = {0};
    hg_status status = hg_yaml_expect(ctx, node, HG_YAML_SCALAR);
    for (int i = 0; status >= 0 && words[i]; ++i) {
        if (strcmp(words[i], node->text) != 0) continue;
        *out = i;
        return HG_OK;
    }
    if (status >= 0) status = hg_text_append_words(ctx, &list, words);
    if (status >= 0) status = hg_yaml_fail(ctx, node, "found \"%s\", expected %s", node->text, list.data);
    hg_free(ctx, list.data);
    return status;
}

hg_status hg_yaml_known_keys(hg_context *ctx, const hg_yaml *map, const char *const *keys)
{
    hg_status status = hg_yaml_expect(ctx, map, HG_YAML_MAP);
    if (status < 0) return status;
    for (int64_t i = 0; i < map->n; ++i) {
        int k = 0;
        while (keys[k] && strcmp(keys[k], map->child[i]->key) != 0) ++k;
        if (!keys[k]) return hg_yaml_fail(ctx, map->child[i], "unknown key");
    }
    return HG_OK;
}
