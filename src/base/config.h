/* base/config.h — YAML text as a tree whose nodes know their place, and the table of options that fills a struct from it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_CONFIG_H
#define HG_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include "hitgraph/context.h"

/* ---- the tree ---- */

typedef enum hg_yaml_kind { HG_YAML_SCALAR, HG_YAML_SEQUENCE, HG_YAML_MAP } hg_yaml_kind;

typedef struct hg_yaml {
    hg_yaml_kind kind;
    int line, column;       /* of the source text, from 1 */
    const char *source;     /* name of the source, borrowed from the root */
    char *key;              /* name inside the parent map, else NULL */
    char *text;             /* scalar: its text, else NULL */
    int64_t n;              /* sequence, map: number of children */
    struct hg_yaml **child; /* [n] */
} hg_yaml;

/* Parses text; one document, no aliases, no tags, depth <= 32, duplicate keys are errors. source_name is copied.
 * Errors: HG_ERR_CONFIG "source:line:column: ...". *out owned by the caller. */
hg_status hg_yaml_parse(hg_context *ctx, const char *source_name, const char *text, size_t length, hg_yaml **out);
hg_status hg_yaml_read_file(hg_context *ctx, const char *path, hg_yaml **out);
void hg_yaml_destroy(hg_context *ctx, hg_yaml *root);

/* Child of a map by name, or NULL. */
const hg_yaml *hg_yaml_get(const hg_yaml *map, const char *key);

/* Typed reading of one node; errors name the place, what was found and what was expected. */
hg_status hg_yaml_int(hg_context *ctx, const hg_yaml *node, int64_t low, int64_t high, int64_t *out);
hg_status hg_yaml_number(hg_context *ctx, const hg_yaml *node, double low, double high, double *out);
hg_status hg_yaml_bool(hg_context *ctx, const hg_yaml *node, bool *out);
/* Index of the node's text in a NULL-terminated list of words. */
hg_status hg_yaml_word(hg_context *ctx, const hg_yaml *node, const char *const *words, int *out);
hg_status hg_yaml_expect(hg_context *ctx, const hg_yaml *node, hg_yaml_kind kind);
/* Error unless every key of the map is in the NULL-terminated list. */
hg_status hg_yaml_known_keys(hg_context *ctx, const hg_yaml *map, const char *const *keys);
hg_status hg_yaml_fail(hg_context *ctx, const hg_yaml *node, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- the table of options ---- */

typedef enum hg_option_type { HG_OPTION_BOOL, HG_OPTION_INT, HG_OPTION_NUMBER, HG_OPTION_TEXT, HG_OPTION_WORD } hg_option_type;

enum { HG_OPTION_TEXT_SIZE = 512 };

/* One row describes one setting: "graph.min_score" lives at `offset` of the struct as bool, int64_t, double, char[512] or int (word). */
typedef struct hg_option {
    const char *name; /* dotted path */
    hg_option_type type;
    size_t offset;
    const char *preset;       /* default, as text */
    double low, high;         /* range of INT and NUMBER */
    const char *const *words; /* WORD: NULL-terminated */
    const char *help;         /* one line, with the unit */
} hg_option;

/* Table rows end with name == NULL. */
hg_status hg_options_set_defaults(hg_context *ctx, const hg_option *table, void *target);
/* Applies a tree; unknown keys are errors with line and column and the nearest known name as a hint. */
hg_status hg_options_apply_yaml(hg_context *ctx, const hg_option *table, const hg_yaml *root, void *target);
/* Applies one "key=value" of the command line. */
hg_status hg_options_apply_text(hg_context *ctx, const hg_option *table, const char *assignment, void *target);
/* Fills `target`: defaults, then the preset (a name below presets/, or a YAML file), then the YAML file config (NULL = none), then n
 * settings key=value. */
hg_status hg_config_read(hg_context *ctx, const hg_option *table, const char *preset, const char *config, const char *const *setting,
                         int n_settings, void *target);
/* The effective configuration as YAML text, owned by the caller (hg_free); with_help: meaning and words of each row as comments. */
hg_status hg_options_print(hg_context *ctx, const hg_option *table, const void *source, bool with_help, char **out);

#endif
