/* nn/model/edge_sets.c — items {graph: ...}: which edges the updates after them speak of, those of the batch or newly searched ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/reader.h"

enum { EDGE_SETS_MAX = 1024 };

static const char *const graph_words[] = {"input", "level", "pool", "knn", "radius", "complete", NULL};
typedef enum graph_word { GRAPH_INPUT, GRAPH_LEVEL, GRAPH_POOL, GRAPH_KNN, GRAPH_RADIUS, GRAPH_COMPLETE } graph_word;

/* Makes the set the current one; those of the batch exist once only. */
static hg_status use_set(hg_reader *r, const hg_yaml *node, const hg_edge_set *set)
{
    hg_description *d = r->d;
    hg_status status = HG_OK;
    bool searched = set->from > HG_EDGES_POOL;
    for (int i = 0; !searched && i < d->n_edge_sets; ++i) {
        if (d->edge_set[i].from != set->from || d->edge_set[i].level != set->level) continue;
        r->edges = i;
        goto done;
    }
    if (d->n_edge_sets == EDGE_SETS_MAX) {
        status = hg_yaml_fail(r->ctx, node, "more than %d graphs when the repeats are written out", EDGE_SETS_MAX);
        goto done;
    }
    HG_TRY(hg_grow(r->ctx, &d->edge_set, d->n_edge_sets, d->n_edge_sets + 1));
    r->edges = d->n_edge_sets++;
    d->edge_set[r->edges] = *set;
done:
    return status;
}

hg_status hg_reader_first_edges(hg_reader *r)
{
    return use_set(r, NULL, &(hg_edge_set){.from = HG_EDGES_INPUT, .value = -1});
}

static hg_status read_level(hg_reader *r, const hg_yaml *map, hg_edge_set *set)
{
    int64_t level = 0;
    hg_status status = HG_OK;
    if (!hg_yaml_get(map, "level")) return hg_yaml_fail(r->ctx, map, "graph without key 'level'");
    if (r->d->n_levels == 0) return hg_yaml_fail(r->ctx, map, "the model has one level: expected {levels: N} among its inputs");
    HG_TRY(hg_yaml_int(r->ctx, hg_yaml_get(map, "level"), 1, r->d->n_levels, &level));
    set->level = (int)level;
done:
    return status;
}

/* The table searched in; it says the level too. */
static hg_status read_table(hg_reader *r, const hg_yaml *map, hg_edge_set *set)
{
    hg_status status = HG_OK;
    char name[4 * HG_NAME_SIZE];
    const hg_yaml *node = hg_yaml_get(map, "nodes");
    if (!node) return hg_yaml_fail(r->ctx, map, "graph without key 'nodes': expected a table of nodes");
    HG_TRY(hg_yaml_expect(r->ctx, node, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(r->ctx, node, "step", r->step, name, sizeof name));
    HG_TRY(hg_reader_look_up(r, node, name, &set->value));
    if (r->d->value[set->value].entity != HG_NODES) {
        status =
            hg_yaml_fail(r->ctx, node, "\"%s\" is a table of %s, expected nodes", name, hg_entity_names[r->d->value[set->value].entity]);
        goto done;
    }
    set->level = r->d->value[set->value].set;
    if (hg_yaml_get(map, "loops")) HG_TRY(hg_yaml_bool(r->ctx, hg_yaml_get(map, "loops"), &set->loops));
done:
    return status;
}

/* Without a list: all columns of the table. */
static hg_status read_columns(hg_reader *r, const hg_yaml *map, hg_edge_set *set)
{
    hg_status status = HG_OK;
    const hg_yaml *list = hg_yaml_get(map, "columns");
    int64_t width = r->d->value[set->value].width;
    if (list) HG_TRY(hg_yaml_expect(r->ctx, list, HG_YAML_SEQUENCE));
    set->n_columns = list ? list->n : width;
    if (set->n_columns < 1 || set->n_columns > HG_NEIGHBOUR_COLUMNS) {
        status = hg_yaml_fail(r->ctx, list ? list : map, "distance in %" PRId64 " columns, expected 1 .. %d", set->n_columns,
                              HG_NEIGHBOUR_COLUMNS);
        goto done;
    }
    for (int64_t c = 0; c < set->n_columns; ++c) {
        set->column[c] = c;
        if (list) HG_TRY(hg_yaml_int(r->ctx, list->child[c], 0, width - 1, &set->column[c]));
    }
done:
    return status;
}

static hg_status read_nearest(hg_reader *r, const hg_yaml *map, hg_edge_set *set)
{
    hg_status status = HG_OK;
    const hg_yaml *speed = hg_yaml_get(map, "light_speed"), *weight = hg_yaml_get(map, "time_weight");
    set->from = HG_EDGES_NEAREST;
    if (!hg_yaml_get(map, "k")) return hg_yaml_fail(r->ctx, map, "graph of nearest neighbours without key 'k'");
    HG_TRY(hg_yaml_int(r->ctx, hg_yaml_get(map, "k"), 1, HG_NEIGHBOURS_MAX, &set->k));
    HG_TRY(read_columns(r, map, set));
    if (!speed && weight) status = hg_yaml_fail(r->ctx, weight, "time_weight without light_speed");
    if (!speed || status < 0) goto done;
    set->time_weight = 1;
    HG_TRY(hg_yaml_number(r->ctx, speed, 1e-30, 1e30, &set->light_speed));
    if (weight) HG_TRY(hg_yaml_number(r->ctx, weight, 1e-30, 1e30, &set->time_weight));
    if (set->n_columns < 2) status = hg_yaml_fail(r->ctx, map, "intervals need columns of places and, last, of the time: found one column");
done:
    return status;
}

static hg_status read_within(hg_reader *r, const hg_yaml *map, hg_edge_set *set)
{
    hg_status status = HG_OK;
    set->from = HG_EDGES_WITHIN;
    if (!hg_yaml_get(map, "radius")) return hg_yaml_fail(r->ctx, map, "graph of a radius without key 'radius'");
    HG_TRY(hg_yaml_number(r->ctx, hg_yaml_get(map, "radius"), 1e-30, 1e30, &set->radius));
    HG_TRY(read_columns(r, map, set));
done:
    return status;
}

hg_status hg_reader_graph(hg_reader *r, const hg_yaml *map)
{
    static const char *const keys[][8] = {{"graph", NULL},
                                          {"graph", "level", NULL},
                                          {"graph", "level", NULL},
                                          {"graph", "k", "nodes", "columns", "loops", "light_speed", "time_weight", NULL},
                                          {"graph", "radius", "nodes", "columns", "loops", NULL},
                                          {"graph", "nodes", "loops", NULL}};
    hg_status status = HG_OK;
    int word = 0;
    hg_edge_set set = {.value = -1, .line = map->line};
    HG_TRY(hg_yaml_word(r->ctx, hg_yaml_get(map, "graph"), graph_words, &word));
    HG_TRY(hg_yaml_known_keys(r->ctx, map, keys[word]));
    if (word >= GRAPH_KNN) HG_TRY(read_table(r, map, &set));
    switch ((graph_word)word) {
    case GRAPH_INPUT:
        break;
    case GRAPH_POOL:
        set.from = HG_EDGES_POOL;
        HG_TRY(read_level(r, map, &set));
        break;
    case GRAPH_LEVEL:
        HG_TRY(read_level(r, map, &set));
        break;
    case GRAPH_KNN:
        HG_TRY(read_nearest(r, map, &set));
        break;
    case GRAPH_RADIUS:
        HG_TRY(read_within(r, map, &set));
        break;
    case GRAPH_COMPLETE:
        set.from = HG_EDGES_COMPLETE;
        break;
    }
    HG_TRY(use_set(r, map, &set));
done:
    return status;
}
