/* base/json.h — the door to Jansson: strict reading of untrusted JSON, compact writing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_JSON_H
#define HG_BASE_JSON_H

#include <jansson.h>
#include "hitgraph/context.h"

/* Parses one JSON object: duplicate keys, trailing text and depth > 8 are errors (HG_ERR_FORMAT). *out: json_decref by the caller. */
hg_status hg_json_parse(hg_context *ctx, const char *source_name, const char *text, size_t length, json_t **out);

/* Compact text in insertion order, owned by the caller (hg_free). */
hg_status hg_json_print(hg_context *ctx, const json_t *value, char **out);

/* A real, or null where the number is not finite: JSON knows no NaN. */
json_t *hg_json_number(double value);

#endif
