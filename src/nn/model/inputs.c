/* nn/model/inputs.c — the inputs of an update: what they reach, and whether they fit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/reader.h"

/* One input while it is read. */
typedef struct input {
    hg_reader *r;
    const hg_yaml *node;
    hg_entity entity; /* of the update */
    hg_term_text text;
    hg_term *term;
    int *edges, *level; /* of the update */
} input;

/* Tables of edges must belong to the current edges. */
static hg_status check_edges(const input *in, const char *name, int value)
{
    const hg_value *v = &in->r->d->value[value];
    if (v->set == in->r->edges) return HG_OK;
    const hg_edge_set *old = &in->r->d->edge_set[v->set], *now = &in->r->d->edge_set[in->r->edges];
    return hg_yaml_fail(in->r->ctx, in->node, "\"%s\": \"%s\" belongs to other edges (graph of line %d) than those of the graph of line %d",
                        in->node->text, name, old->line, now->line);
}

/* Tables of nodes must have the nodes of a level. */
static hg_status check_level(const input *in, const char *name, int value, int level)
{
    int found = in->r->d->value[value].set;
    if (found == level) return HG_OK;
    return hg_yaml_fail(in->r->ctx, in->node, "\"%s\": \"%s\" is a table of the nodes of level %d, expected level %d", in->node->text, name,
                        found, level);
}

/* The node update's level follows from its inputs, which must agree. */
static hg_status agree_on_level(const input *in, int level)
{
    if (*in->level >= 0 && *in->level != level)
        return hg_yaml_fail(in->r->ctx, in->node, "\"%s\" belongs to the nodes of level %d, the inputs before it to level %d",
                            in->node->text, level, *in->level);
    *in->level = level;
    return HG_OK;
}

/* A table reached over one end of the current edges (HG_OWN: a table of these edges). */
static hg_status check_end(const input *in, hg_access end, const char *name, int value)
{
    const hg_edge_set *set = &in->r->d->edge_set[in->r->edges];
    hg_entity expected = end == HG_OWN ? HG_EDGES : HG_NODES, source = in->r->d->value[value].entity;
    *in->edges = in->r->edges;
    if (source != expected)
        return hg_yaml_fail(in->r->ctx, in->node, "\"%s\": \"%s\" is a table of %s, expected %s%s", in->node->text, name,
                            hg_entity_names[source], hg_entity_names[expected],
                            expected == HG_EDGES ? " (or sender, receiver in front of it)" : "");
    if (end == HG_OWN) return check_edges(in, name, value);
    return check_level(in, name, value, end == HG_SENDER ? hg_sender_level(set) : set->level);
}

static hg_status check_factor(const input *in, hg_entity items)
{
    const hg_term *term = in->term;
    hg_context *ctx = in->r->ctx;
    if (in->text.reduction == HG_REDUCE_ATTENTION && term->weight < 0)
        return hg_yaml_fail(ctx, in->node, "\"%s\": attention needs scores, as in \"in attention q * m\"", in->node->text);
    if (term->weight < 0) return HG_OK;
    const hg_value *factor = &in->r->d->value[term->weight];
    if (factor->entity != items)
        return hg_yaml_fail(ctx, in->node, "\"%s\": factor \"%s\" is a table of %s, expected %s", in->node->text, in->text.weight,
                            hg_entity_names[factor->entity], hg_entity_names[items]);
    if (items == HG_NODES && factor->set != in->r->d->value[term->value].set)
        return check_level(in, in->text.weight, term->weight, in->r->d->value[term->value].set);
    if (term->width % term->groups != 0)
        return hg_yaml_fail(ctx, in->node, "\"%s\": %" PRId64 " factors do not divide a width of %" PRId64, in->node->text, term->groups,
                            term->width);
    return items == HG_EDGES ? check_edges(in, in->text.weight, term->weight) : HG_OK;
}

/* A reduction belongs to a node update (over edges) or to a global update (over the edges or nodes of the graph). */
static hg_status check_reduction(const input *in)
{
    hg_status status = HG_OK;
    hg_context *ctx = in->r->ctx;
    const hg_term_text *text = &in->text;
    const char *words = in->node->text;
    const hg_edge_set *set = &in->r->d->edge_set[in->r->edges];
    hg_entity source = in->r->d->value[in->term->value].entity;
    if (in->entity == HG_EDGES) return hg_yaml_fail(ctx, in->node, "\"%s\": an update of edges cannot reduce", words);
    if (in->entity == HG_NODES) {
        if (!text->directed) return hg_yaml_fail(ctx, in->node, "\"%s\": expected in or out in front", words);
        HG_TRY(check_end(in, text->message, text->value, in->term->value));
        HG_TRY(agree_on_level(in, text->outgoing ? hg_sender_level(set) : set->level));
        source = HG_EDGES;
    } else {
        if (text->directed || text->message != HG_OWN)
            return hg_yaml_fail(ctx, in->node, "\"%s\": an update of globals takes neither in, out, sender nor receiver", words);
        if (source == HG_GLOBALS)
            return hg_yaml_fail(ctx, in->node, "\"%s\": \"%s\" is a table of globals, expected nodes or edges", words, text->value);
        if (source == HG_EDGES) HG_TRY(check_end(in, HG_OWN, text->value, in->term->value));
    }
    HG_TRY(check_factor(in, source));
done:
    return status;
}

static hg_status check_own(const input *in)
{
    hg_context *ctx = in->r->ctx;
    const hg_value *v = &in->r->d->value[in->term->value];
    if (v->entity == HG_GLOBALS && in->entity != HG_GLOBALS) {
        in->term->access = HG_GRAPH;
        return HG_OK;
    }
    if (v->entity != in->entity)
        return hg_yaml_fail(ctx, in->node, "\"%s\" is a table of %s, which an update of %s cannot read as it is", in->text.value,
                            hg_entity_names[v->entity], hg_entity_names[in->entity]);
    if (in->entity == HG_EDGES) return check_edges(in, in->text.value, in->term->value);
    return in->entity == HG_NODES ? agree_on_level(in, v->set) : HG_OK;
}

/* A table that takes part in a computation, own or at one end of an edge. */
static hg_status check_part(const input *in, hg_access access, const char *name, int value)
{
    const hg_value *v = &in->r->d->value[value];
    if (access != HG_OWN && in->entity != HG_EDGES)
        return hg_yaml_fail(in->r->ctx, in->node, "\"%s\": sender and receiver are for updates of edges", in->node->text);
    if (in->entity == HG_EDGES) return check_end(in, access, name, value);
    if (v->entity != in->entity)
        return hg_yaml_fail(in->r->ctx, in->node, "\"%s\": \"%s\" is a table of %s, expected %s", in->node->text, name,
                            hg_entity_names[v->entity], hg_entity_names[in->entity]);
    return in->entity == HG_NODES ? agree_on_level(in, v->set) : HG_OK;
}

static hg_status check_dot(const input *in)
{
    hg_status status = HG_OK;
    hg_term *term = in->term;
    int64_t right = in->r->d->value[term->weight].width;
    HG_TRY(check_part(in, term->left, in->text.value, term->value));
    HG_TRY(check_part(in, term->right, in->text.weight, term->weight));
    term->groups = in->text.groups;
    if (term->source != right) {
        status = hg_yaml_fail(in->r->ctx, in->node, "\"%s\": \"%s\" has %" PRId64 " columns, \"%s\" has %" PRId64, in->node->text,
                              in->text.value, term->source, in->text.weight, right);
    } else if (term->source % term->groups != 0) {
        status = hg_yaml_fail(in->r->ctx, in->node, "\"%s\": %" PRId64 " columns do not fall into %" PRId64 " equal shares", in->node->text,
                              term->source, term->groups);
    }
    term->width = term->groups;
done:
    return status;
}

static hg_status check_computation(const input *in)
{
    hg_status status = HG_OK;
    hg_context *ctx = in->r->ctx;
    hg_term *term = in->term;
    const hg_term_text *text = &in->text;
    const hg_value *v = &in->r->d->value[term->value];
    term->source = v->width;
    switch (term->computation) {
    case HG_COMPUTE_DOT:
        HG_TRY(check_dot(in));
        break;
    case HG_COMPUTE_DISTANCE:
        if (in->entity != HG_EDGES) return hg_yaml_fail(ctx, in->node, "\"%s\": distances are for updates of edges", in->node->text);
        HG_TRY(check_end(in, HG_SENDER, text->value, term->value));
        HG_TRY(check_end(in, HG_RECEIVER, text->value, term->value));
        term->width = 1;
        break;
    case HG_COMPUTE_COLUMNS:
        HG_TRY(check_part(in, HG_OWN, text->value, term->value));
        if (text->last >= v->width)
            return hg_yaml_fail(ctx, in->node, "\"%s\": \"%s\" has %" PRId64 " columns, counted from 0", in->node->text, text->value,
                                v->width);
        term->width = text->last - text->first + 1;
        break;
    case HG_COMPUTE_HOMOPHILY:
        if (in->entity != HG_GLOBALS) return hg_yaml_fail(ctx, in->node, "\"%s\": a homophily is for updates of globals", in->node->text);
        HG_TRY(check_end(in, HG_SENDER, text->value, term->value));
        HG_TRY(check_end(in, HG_RECEIVER, text->value, term->value));
        break;
    case HG_COMPUTE_COUNT:
    case HG_COMPUTE_LOG_COUNT:
        if (in->entity != HG_GLOBALS || v->entity == HG_GLOBALS)
            return hg_yaml_fail(ctx, in->node, "\"%s\": counts are for updates of globals, of tables of nodes or edges", in->node->text);
        if (v->entity == HG_EDGES) HG_TRY(check_end(in, HG_OWN, text->value, term->value));
        term->width = 1;
        break;
    }
done:
    return status;
}

static hg_status check_term(const input *in)
{
    hg_status status = HG_OK;
    hg_term *term = in->term;
    if (term->access == HG_REDUCED) return check_reduction(in);
    if (term->access == HG_COMPUTED) return check_computation(in);
    if (term->access == HG_OWN) return check_own(in);
    if (in->entity != HG_EDGES || in->r->d->value[term->value].entity != HG_NODES)
        return hg_yaml_fail(in->r->ctx, in->node,
                            "\"%s\": sender, receiver and difference are for updates of edges that read tables of nodes", in->node->text);
    if (term->access != HG_RECEIVER) HG_TRY(check_end(in, HG_SENDER, in->text.value, term->value));
    if (term->access != HG_SENDER) HG_TRY(check_end(in, HG_RECEIVER, in->text.value, term->value));
done:
    return status;
}

static hg_status read_term(input *in)
{
    hg_status status = HG_OK;
    hg_reader *r = in->r;
    hg_term *term = in->term;
    char text[4 * HG_NAME_SIZE];
    in->text = (hg_term_text){0};
    HG_TRY(hg_yaml_expect(r->ctx, in->node, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(r->ctx, in->node, "step", r->step, text, sizeof text));
    HG_TRY(hg_term_parse(r->ctx, in->node, text, &in->text));
    const hg_term_text *words = &in->text;
    *term = (hg_term){.access = words->access, .reduction = words->reduction, .outgoing = words->outgoing, .message = words->message};
    term->computation = words->computation;
    term->left = words->left;
    term->right = words->right;
    term->first = words->first;
    term->weight = -1;
    HG_TRY(hg_reader_look_up(r, in->node, words->value, &term->value));
    term->width = r->d->value[term->value].width;
    if (words->weight[0]) {
        HG_TRY(hg_reader_look_up(r, in->node, words->weight, &term->weight));
        term->groups = r->d->value[term->weight].width;
    }
    HG_TRY(check_term(in));
done:
    return status;
}

hg_status hg_reader_terms(hg_reader *r, const hg_yaml *map, hg_update *u, int64_t *width, int *level)
{
    hg_status status = HG_OK;
    const hg_yaml *list = hg_yaml_get(map, "inputs");
    if (!list) {
        status = hg_yaml_fail(r->ctx, map, "update without key 'inputs'");
        goto done;
    }
    HG_TRY(hg_yaml_expect(r->ctx, list, HG_YAML_SEQUENCE));
    if (list->n < 1 || list->n > HG_MAX_TERMS) {
        status = hg_yaml_fail(r->ctx, list, "found %" PRId64 " inputs, expected 1 .. %d", list->n, HG_MAX_TERMS);
        goto done;
    }
    HG_TRY(hg_alloc(r->ctx, &u->term, list->n));
    *width = 0;
    *level = -1;
    u->edges = u->entity == HG_EDGES ? r->edges : -1;
    for (int64_t i = 0; i < list->n; ++i) {
        input in = {
            .r = r, .node = list->child[i], .entity = u->entity, .term = &u->term[u->n_terms++], .edges = &u->edges, .level = level};
        HG_TRY(read_term(&in));
        in.term->column = *width;
        *width += in.term->width;
    }
    if (*width > HG_MAX_WIDTH) status = hg_yaml_fail(r->ctx, list, "inputs are %" PRId64 " columns wide, at most %d", *width, HG_MAX_WIDTH);
done:
    return status;
}
