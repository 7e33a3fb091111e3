/* nn/model/description_reader.c — reads a model's YAML and unrolls its repeats into a list of updates on tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/description_reader.h"
#include "nn/model/reader.h"

enum { REPEAT_MAX = 1000, DEPTH_MAX = 4, LEVELS_MAX = 16 };

static const char *const input_names[] = {"x", "e", "u"};
static const char *const root_keys[] = {"inputs", "networks", "updates", "loss", "note", NULL};
static const char *const repeat_keys[] = {"repeat", "updates", NULL};
static const char *const outputs_keys[] = {"outputs", NULL};
static const char *const supervision_words[] = {"last", "sum", "mean", NULL};

static hg_status read_count(hg_reader *r, const hg_yaml *map, const char *key, int64_t most, int64_t *out)
{
    const hg_yaml *node = hg_yaml_get(map, key);
    return node ? hg_yaml_int(r->ctx, node, 0, most, out) : HG_OK;
}

static hg_status read_inputs(hg_reader *r, const hg_yaml *root)
{
    static const char *const keys[] = {"nodes", "edges", "globals", "levels", "types", "pool_types", NULL};
    hg_status status = HG_OK;
    int64_t n_levels = 0;
    const hg_yaml *map = hg_yaml_get(root, "inputs");
    if (!map) {
        status = hg_yaml_fail(r->ctx, root, "key 'inputs' is missing: expected the widths of nodes, edges and globals");
        goto done;
    }
    HG_TRY(hg_yaml_expect(r->ctx, map, HG_YAML_MAP));
    HG_TRY(hg_yaml_known_keys(r->ctx, map, keys));
    HG_TRY(read_count(r, map, "levels", LEVELS_MAX, &n_levels));
    HG_TRY(read_count(r, map, "types", HG_MAX_WIDTH, &r->d->n_types));
    HG_TRY(read_count(r, map, "pool_types", HG_MAX_WIDTH, &r->d->n_pool_types));
    r->d->n_levels = (int)n_levels;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        const hg_yaml *node = hg_yaml_get(map, hg_entity_names[entity]);
        r->d->input[entity] = -1;
        if (node) HG_TRY(hg_yaml_int(r->ctx, node, 0, HG_MAX_WIDTH, &r->d->width[entity]));
        if (r->d->width[entity] == 0) continue;
        HG_TRY(hg_reader_add_value(r, (hg_entity)entity, 0, r->d->width[entity], true, &r->d->input[entity]));
        HG_TRY(hg_reader_bind(r, map, input_names[entity], r->d->input[entity]));
    }
done:
    return status;
}

static hg_status read_outputs(hg_reader *r, const hg_yaml *item)
{
    hg_description *d = r->d;
    hg_status status = HG_OK;
    const hg_yaml *map = hg_yaml_get(item, "outputs");
    hg_output_mark mark = {.value = {-1, -1, -1}, .after = d->n_updates};

    HG_TRY(hg_yaml_known_keys(r->ctx, item, outputs_keys));
    HG_TRY(hg_yaml_expect(r->ctx, map, HG_YAML_MAP));
    HG_TRY(hg_yaml_known_keys(r->ctx, map, hg_entity_names));
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        const hg_yaml *node = hg_yaml_get(map, hg_entity_names[entity]);
        if (!node) continue;
        char name[4 * HG_NAME_SIZE];
        HG_TRY(hg_yaml_expect(r->ctx, node, HG_YAML_SCALAR));
        HG_TRY(hg_substitute(r->ctx, node, "step", r->step, name, sizeof name));
        HG_TRY(hg_reader_look_up(r, node, name, &mark.value[entity]));
        if (d->value[mark.value[entity]].entity != (hg_entity)entity) {
            status = hg_yaml_fail(r->ctx, node, "\"%s\" is not a table of %s", name, hg_entity_names[entity]);
            goto done;
        }
        if (d->value[mark.value[entity]].set != 0) {
            status = hg_yaml_fail(r->ctx, node, "\"%s\" is a table of another level or graph than the batch's", name);
            goto done;
        }
        int64_t width = d->value[mark.value[entity]].width;
        if (d->n_outputs > 0 && (d->output[0].value[entity] < 0 || d->value[d->output[0].value[entity]].width != width)) {
            status = hg_yaml_fail(r->ctx, node, "outputs differ from step to step");
            goto done;
        }
    }
    if (map->n == 0 || (d->n_outputs > 0 && mark.after == d->output[d->n_outputs - 1].after)) {
        status = hg_yaml_fail(r->ctx, map, map->n == 0 ? "no output" : "outputs stand twice at the same point");
        goto done;
    }
    HG_TRY(hg_grow(r->ctx, &d->output, d->n_outputs, d->n_outputs + 1));
    d->output[d->n_outputs++] = mark;
done:
    return status;
}

static hg_status read_updates(hg_reader *r, const hg_yaml *list, int depth);

static hg_status read_repeat(hg_reader *r, const hg_yaml *item, int depth)
{
    hg_status status = HG_OK;
    int64_t count, outer = r->step;
    HG_TRY(hg_yaml_known_keys(r->ctx, item, repeat_keys));
    HG_TRY(hg_yaml_int(r->ctx, hg_yaml_get(item, "repeat"), 1, REPEAT_MAX, &count));
    const hg_yaml *list = hg_yaml_get(item, "updates");
    if (!list || depth >= DEPTH_MAX) {
        status = hg_yaml_fail(r->ctx, item, list ? "repeats are nested too deeply" : "repeat without key 'updates'");
        goto done;
    }
    for (r->step = 0; r->step < count; ++r->step) HG_TRY(read_updates(r, list, depth + 1));
    r->step = outer;
done:
    return status;
}

static hg_status read_updates(hg_reader *r, const hg_yaml *list, int depth)
{
    hg_status status = HG_OK;
    HG_TRY(hg_yaml_expect(r->ctx, list, HG_YAML_SEQUENCE));
    for (int64_t i = 0; i < list->n; ++i) {
        const hg_yaml *item = list->child[i];
        HG_TRY(hg_yaml_expect(r->ctx, item, HG_YAML_MAP));
        if (hg_yaml_get(item, "repeat")) {
            HG_TRY(read_repeat(r, item, depth));
        } else if (hg_yaml_get(item, "outputs")) {
            HG_TRY(read_outputs(r, item));
        } else if (hg_yaml_get(item, "graph")) {
            HG_TRY(hg_reader_graph(r, item));
        } else {
            HG_TRY(hg_reader_update(r, item));
        }
    }
done:
    return status;
}

static hg_status read_root(hg_reader *r, const hg_yaml *root)
{
    hg_status status = HG_OK;
    int supervision = 0;
    HG_TRY(hg_yaml_expect(r->ctx, root, HG_YAML_MAP));
    HG_TRY(hg_yaml_known_keys(r->ctx, root, root_keys));
    HG_TRY(hg_reader_first_edges(r));
    HG_TRY(read_inputs(r, root));
    if (hg_yaml_get(root, "networks")) HG_TRY(hg_networks_read(r->ctx, hg_yaml_get(root, "networks"), r->d));
    if (!hg_yaml_get(root, "updates")) {
        status = hg_yaml_fail(r->ctx, root, "key 'updates' is missing");
        goto done;
    }
    HG_TRY(read_updates(r, hg_yaml_get(root, "updates"), 0));
    if (hg_yaml_get(root, "loss")) HG_TRY(hg_yaml_word(r->ctx, hg_yaml_get(root, "loss"), supervision_words, &supervision));
    r->d->supervision = (hg_supervision)supervision;
    if (r->d->n_outputs == 0) status = hg_yaml_fail(r->ctx, root, "no outputs: expected an item {outputs: {...}} among the updates");
    for (int i = 0; i < r->d->n_networks && status == HG_OK; ++i) {
        const hg_network *net = &r->d->network[i];
        if (net->in == 0) status = hg_yaml_fail(r->ctx, root, "network \"%s\" (line %d) is not used", net->name, net->line);
    }
done:
    return status;
}

hg_status hg_description_read(hg_context *ctx, const char *name, const char *yaml_text, hg_description *out)
{
    hg_status status = HG_OK;
    hg_yaml *root = NULL;
    hg_reader *r = NULL;
    HG_TRY(hg_alloc(ctx, &r, 1));
    r->ctx = ctx;
    r->d = out;
    r->step = -1;
    HG_TRY(hg_yaml_parse(ctx, name, yaml_text, strlen(yaml_text), &root));
    HG_TRY(read_root(r, root));
    hg_description_find_live(out);
done:
    hg_yaml_destroy(ctx, root);
    hg_free(ctx, r);
    return status;
}
