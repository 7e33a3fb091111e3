/* nn/model/reader.c — see reader.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/model/reader.h"

#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"

hg_status hg_substitute(hg_context *ctx, const hg_yaml *node, const char *word, int64_t number, char *buffer, size_t size)
{
    size_t used = 0, length = strlen(word);
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    for (const char *c = node->text; *c;) {
        const char *piece = c;
        size_t n = 1;
        if (*c == '{') {
            if (strncmp(c + 1, word, length) != 0 || c[1 + length] != '}' || number < 0)
                return hg_yaml_fail(ctx, node, "\"%s\": the only thing that may stand in braces here is {%s}, inside what is repeated",
                                    node->text, word);
            piece = digits;
            n = strlen(digits);
            c += length + 2;
        } else {
            ++c;
        }
        if (used + n >= size) return hg_yaml_fail(ctx, node, "\"%s\" is too long: at most %zu characters", node->text, size - 1);
        memcpy(buffer + used, piece, n);
        used += n;
    }
    buffer[used] = '\0';
    return HG_OK;
}

static int find_name(const hg_reader *r, const char *name)
{
    for (int i = 0; i < r->n_names; ++i) {
        if (!strcmp(r->name[i].name, name)) return i;
    }
    return -1;
}

hg_status hg_reader_bind(hg_reader *r, const hg_yaml *node, const char *name, int value)
{
    int i = find_name(r, name);
    if (i < 0) {
        if (r->n_names == HG_NAMES_MAX) return hg_yaml_fail(r->ctx, node, "more than %d tables", HG_NAMES_MAX);
        i = r->n_names++;
        snprintf(r->name[i].name, HG_NAME_SIZE, "%s", name);
    } else {
        hg_entity was = r->d->value[r->name[i].value].entity, is = r->d->value[value].entity;
        if (was != is)
            return hg_yaml_fail(r->ctx, node, "table \"%s\" is one of %s, found an update of %s", name, hg_entity_names[was],
                                hg_entity_names[is]);
    }
    r->name[i].value = value;
    return HG_OK;
}

hg_status hg_reader_look_up(hg_reader *r, const hg_yaml *node, const char *name, int *value)
{
    int i = find_name(r, name);
    if (i < 0) return hg_yaml_fail(r->ctx, node, "there is no table \"%s\" at this point", name);
    *value = r->name[i].value;
    return HG_OK;
}

hg_status hg_reader_add_value(hg_reader *r, hg_entity entity, int set, int64_t width, bool input, int *out)
{
    hg_description *d = r->d;
    hg_status status = HG_OK;
    HG_TRY(hg_grow(r->ctx, &d->value, d->n_values, d->n_values + 1));
    d->value[d->n_values] = (hg_value){.entity = entity, .set = set, .width = width, .input = input, .last_use = -1};
    *out = d->n_values++;
done:
    return status;
}
