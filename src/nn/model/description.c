/* nn/model/description.c — reads a model's YAML and unrolls its repeats into a list of updates on tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/reader.h"

enum { REPEAT_MAX = 1000, DEPTH_MAX = 4, LEVELS_MAX = 16 };

const char *const hg_entity_names[] = {"nodes", "edges", "globals", NULL};
static const char *const input_names[] = {"x", "e", "u"};
static const char *const root_keys[] = {"inputs", "networks", "updates", "loss", "note", NULL};
static const char *const update_keys[] = {"nodes",      "edges", "globals", "network",  "inputs",
                                          "activation", "scale", "shift",   "residual", NULL};
static const char *const repeat_keys[] = {"repeat", "updates", NULL};
static const char *const outputs_keys[] = {"outputs", NULL};
static const char *const supervision_words[] = {"last", "sum", "mean", NULL};

static int find_name(const hg_reader *r, const char *name)
{
    for (int i = 0; i < r->n_names; ++i) {
        if (!strcmp(r->name[i].name, name)) return i;
    }
    return -1;
}

static hg_status bind_name(hg_reader *r, const hg_yaml *node, const char *name, int value)
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

static hg_status add_value(hg_reader *r, hg_entity entity, int set, int64_t width, bool input, int *out)
{
    hg_description *d = r->d;
    hg_status status = HG_OK;
    HG_TRY(hg_grow(r->ctx, &d->value, d->n_values, d->n_values + 1));
    d->value[d->n_values] = (hg_value){.entity = entity, .set = set, .width = width, .input = input, .last_use = -1};
    *out = d->n_values++;
done:
    return status;
}

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
        HG_TRY(add_value(r, (hg_entity)entity, 0, r->d->width[entity], true, &r->d->input[entity]));
        HG_TRY(bind_name(r, map, input_names[entity], r->d->input[entity]));
    }
done:
    return status;
}

/* A typed network has a first layer per type of the edges that its update works on. */
static hg_status use_types(hg_reader *r, const hg_yaml *node, const hg_update *u, hg_network *net)
{
    const hg_edge_set *set = &r->d->edge_set[r->edges];
    int64_t types = set->from == HG_EDGES_INPUT ? r->d->n_types : set->from == HG_EDGES_POOL ? r->d->n_pool_types : 0;
    if (u->entity != HG_EDGES)
        return hg_yaml_fail(r->ctx, node, "network \"%s\" has weights per type of edge: it is for updates of edges", net->name);
    if (types == 0)
        return hg_yaml_fail(r->ctx, node, "network \"%s\" has weights per type, but the edges of this graph (line %d) have no types",
                            net->name, set->line);
    if (net->layer[0].types == 0) net->layer[0].types = types;
    if (net->layer[0].types != types)
        return hg_yaml_fail(r->ctx, node, "network \"%s\" has %" PRId64 " types at its first use, found %" PRId64 " here", net->name,
                            net->layer[0].types, types);
    return HG_OK;
}

static hg_status use_network(hg_reader *r, const hg_yaml *node, hg_update *u, int64_t *width)
{
    hg_status status = HG_OK;
    char name[4 * HG_NAME_SIZE];
    HG_TRY(hg_yaml_expect(r->ctx, node, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(r->ctx, node, "step", r->step, name, sizeof name));
    for (u->network = r->d->n_networks - 1; u->network >= 0 && strcmp(r->d->network[u->network].name, name) != 0;) --u->network;
    if (u->network < 0) {
        status = hg_yaml_fail(r->ctx, node, "there is no network \"%s\"", name);
        goto done;
    }
    hg_network *net = &r->d->network[u->network];
    if (net->in == 0) net->in = net->layer[0].in = *width;
    if (net->layer[0].groups > 0 && net->in % net->layer[0].groups != 0) {
        status = hg_yaml_fail(r->ctx, node, "network \"%s\": %" PRId64 " columns do not fall into %" PRId64 " equal groups", name, net->in,
                              net->layer[0].groups);
        goto done;
    }
    if (net->in != *width) {
        status = hg_yaml_fail(r->ctx, node, "network \"%s\" reads %" PRId64 " columns at its first use, found %" PRId64 " here", name,
                              net->in, *width);
        goto done;
    }
    if (!net->layer[0].linear && *width != net->layer[0].out) {
        status = hg_yaml_fail(r->ctx, node, "network \"%s\" has no weights and %" PRId64 " columns, found %" PRId64 " here", name,
                              net->layer[0].out, *width);
        goto done;
    }
    bool of_graph = false;
    for (int l = 0; l < net->n_layers; ++l) of_graph = of_graph || net->layer[l].norm == HG_NORM_BATCH;
    if (of_graph && u->entity == HG_GLOBALS) {
        status = hg_yaml_fail(r->ctx, node, "network \"%s\" has batch norms, which need many rows per graph: globals have one", name);
        goto done;
    }
    if (net->typed) HG_TRY(use_types(r, node, u, net));
    *width = net->out;
done:
    return status;
}

/* residual: add, or {alpha: a} for sqrt(a) old + sqrt(1 - a) new. */
static hg_status read_residual(hg_reader *r, const hg_yaml *node, const char *name, int64_t width, int set, hg_update *u)
{
    static const char *const words[] = {"none", "add", NULL};
    static const char *const keys[] = {"alpha", NULL};
    hg_status status = HG_OK;
    int word = 1;
    if (node->kind == HG_YAML_MAP) {
        double alpha = 0.5;
        HG_TRY(hg_yaml_known_keys(r->ctx, node, keys));
        if (hg_yaml_get(node, "alpha")) HG_TRY(hg_yaml_number(r->ctx, hg_yaml_get(node, "alpha"), 0, 1, &alpha));
        u->keep = sqrt(alpha);
        u->change = sqrt(1 - alpha);
    } else {
        HG_TRY(hg_yaml_word(r->ctx, node, words, &word));
    }
    if (word == 0) goto done;
    HG_TRY(hg_reader_look_up(r, node, name, &u->old));
    int64_t found = r->d->value[u->old].width;
    if (r->d->value[u->old].set != set) {
        status = hg_yaml_fail(r->ctx, node, "residual: table \"%s\" belongs to other rows: another level or another graph", name);
        goto done;
    }
    if (r->d->value[u->old].entity != u->entity || found != width)
        status =
            hg_yaml_fail(r->ctx, node, "residual: table \"%s\" has %" PRId64 " columns, the update gives %" PRId64, name, found, width);
done:
    return status;
}

static hg_status read_number(hg_reader *r, const hg_yaml *map, const char *key, double *out)
{
    const hg_yaml *node = hg_yaml_get(map, key);
    return node ? hg_yaml_number(r->ctx, node, -1e30, 1e30, out) : HG_OK;
}

/* The key that says what is updated, and the name of the table. */
static hg_status read_target(hg_reader *r, const hg_yaml *map, hg_update *u, char *name)
{
    hg_status status = HG_OK;
    const hg_yaml *target = NULL;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        const hg_yaml *node = hg_yaml_get(map, hg_entity_names[entity]);
        if (!node) continue;
        if (target) return hg_yaml_fail(r->ctx, node, "update of more than one of nodes, edges, globals");
        target = node;
        u->entity = (hg_entity)entity;
    }
    if (!target) return hg_yaml_fail(r->ctx, map, "expected one of nodes, edges, globals (an update), graph, repeat or outputs");
    HG_TRY(hg_yaml_expect(r->ctx, target, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(r->ctx, target, "step", r->step, name, HG_NAME_SIZE));
    hg_term_text text;
    HG_TRY(hg_term_parse(r->ctx, target, name, &text));
    if (text.access != HG_OWN) status = hg_yaml_fail(r->ctx, target, "found \"%s\", expected the name of a table", name);
done:
    return status;
}

/* A bare copy of one table gets no update of its own: both names mean the same table. */
static bool is_alias(const hg_update *u)
{
    return u->network < 0 && u->n_terms == 1 && u->term[0].access == HG_OWN && u->activation == HG_ACTIVATION_NONE && u->scale == 1 &&
           u->shift == 0 && u->old < 0;
}

static hg_status read_update(hg_reader *r, const hg_yaml *map)
{
    hg_description *d = r->d;
    hg_status status = HG_OK;
    char name[HG_NAME_SIZE];
    int64_t width = 0;
    int activation = 0;
    int level = -1;
    hg_update u = {.network = -1, .old = -1, .edges = -1, .scale = 1, .keep = 1, .change = 1, .line = map->line};

    HG_TRY(hg_yaml_known_keys(r->ctx, map, update_keys));
    HG_TRY(read_target(r, map, &u, name));
    HG_TRY(hg_reader_terms(r, map, &u, &width, &level));
    int set = u.entity == HG_EDGES ? r->edges : u.entity == HG_NODES && level > 0 ? level : 0;
    if (hg_yaml_get(map, "network")) HG_TRY(use_network(r, hg_yaml_get(map, "network"), &u, &width));
    if (hg_yaml_get(map, "activation")) HG_TRY(hg_yaml_word(r->ctx, hg_yaml_get(map, "activation"), hg_activation_words, &activation));
    u.activation = (hg_activation)activation;
    HG_TRY(read_number(r, map, "scale", &u.scale));
    HG_TRY(read_number(r, map, "shift", &u.shift));
    if (hg_yaml_get(map, "residual")) HG_TRY(read_residual(r, hg_yaml_get(map, "residual"), name, width, set, &u));
    if (is_alias(&u)) {
        HG_TRY(bind_name(r, map, name, u.term[0].value));
        goto done;
    }
    if (d->n_updates == HG_MAX_UPDATES) {
        status = hg_yaml_fail(r->ctx, map, "more than %d updates when the repeats are written out", HG_MAX_UPDATES);
        goto done;
    }
    HG_TRY(hg_copy_string(r->ctx, name, &u.name));
    HG_TRY(add_value(r, u.entity, set, width, false, &u.value));
    HG_TRY(bind_name(r, map, name, u.value));
    HG_TRY(hg_grow(r->ctx, &d->update, d->n_updates, d->n_updates + 1));
    d->update[d->n_updates++] = u;
    u.term = NULL;
    u.name = NULL;
done:
    hg_free(r->ctx, u.name);
    hg_free(r->ctx, u.term);
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
            HG_TRY(read_update(r, item));
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

void hg_description_clear(hg_context *ctx, hg_description *d)
{
    for (int i = 0; i < d->n_networks; ++i) hg_free(ctx, d->network[i].name);
    for (int i = 0; i < d->n_updates; ++i) {
        hg_free(ctx, d->update[i].term);
        hg_free(ctx, d->update[i].name);
    }
    hg_free(ctx, d->network);
    hg_free(ctx, d->update);
    hg_free(ctx, d->value);
    hg_free(ctx, d->output);
    hg_free(ctx, d->edge_set);
    *d = (hg_description){0};
}
