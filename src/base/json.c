/* base/json.c — strict JSON in, compact JSON out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/memory.h"

enum { DEPTH_LIMIT = 8 };

/* Jansson's own limit is 2048 levels of recursion; hostile headers are stopped before it sees them. */
static int depth_of(const char *text, size_t length)
{
    int depth = 0, deepest = 0;
    bool inside = false;
    for (size_t i = 0; i < length; ++i) {
        if (inside) {
            if (text[i] == '\\')
                ++i;
            else if (text[i] == '"')
                inside = false;
        } else if (text[i] == '"') {
            inside = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > deepest) deepest = depth;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        }
    }
    return deepest;
}

hg_status hg_json_parse(hg_context *ctx, const char *source_name, const char *text, size_t length, json_t **out)
{
    int depth = depth_of(text, length);
    if (depth > DEPTH_LIMIT)
        return hg_fail(ctx, HG_ERR_FORMAT, "%s: JSON nested %d deep, expected at most %d", source_name, depth, DEPTH_LIMIT);
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!value) return hg_fail(ctx, HG_ERR_FORMAT, "%s:%d:%d: %s", source_name, error.line, error.column, error.text);
    *out = value;
    return HG_OK;
}

hg_status hg_json_print(hg_context *ctx, const json_t *value, char **out)
{
    char *printed = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    if (!printed) return hg_fail(ctx, HG_ERR_NOMEM, "JSON cannot be printed");
    hg_status status = hg_copy_string(ctx, printed, out);
    free(printed);
    return status;
}

json_t *hg_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
