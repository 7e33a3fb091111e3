/* nn/model/updates.c — an update: the table that it makes, its inputs, network and residual. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/reader.h"

static const char *const update_keys[] = {"nodes",      "edges", "globals", "network",  "inputs",
                                          "activation", "scale", "shift",   "residual", NULL};

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

hg_status hg_reader_update(hg_reader *r, const hg_yaml *map)
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
        HG_TRY(hg_reader_bind(r, map, name, u.term[0].value));
        goto done;
    }
    if (d->n_updates == HG_MAX_UPDATES) {
        status = hg_yaml_fail(r->ctx, map, "more than %d updates when the repeats are written out", HG_MAX_UPDATES);
        goto done;
    }
    HG_TRY(hg_copy_string(r->ctx, name, &u.name));
    HG_TRY(hg_reader_add_value(r, u.entity, set, width, false, &u.value));
    HG_TRY(hg_reader_bind(r, map, name, u.value));
    HG_TRY(hg_grow(r->ctx, &d->update, d->n_updates, d->n_updates + 1));
    d->update[d->n_updates++] = u;
    u.term = NULL;
    u.name = NULL;
done:
    hg_free(r->ctx, u.name);
    hg_free(r->ctx, u.term);
    return status;
}
