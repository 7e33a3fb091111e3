/* nn/inputs.c — the inputs of an update: what they reach, and whether they fit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "nn/reader.h"

/* A reduction belongs to a node update (over edges) or to a global update (over the edges or nodes of the graph). */
static hg_status check_reduction(hg_reader *r, const hg_yaml *node, hg_entity entity, const hg_term_text *text, const hg_term *term)
{
    hg_context *ctx = r->ctx;
    hg_entity source = r->d->value[term->value].entity;
    if (entity == HG_EDGES) return hg_yaml_fail(ctx, node, "\"%s\": an update of edges cannot reduce", node->text);
    if (entity == HG_NODES && !text->directed) return hg_yaml_fail(ctx, node, "\"%s\": expected in or out in front", node->text);
    if (entity == HG_GLOBALS && (text->directed || text->message != HG_OWN))
        return hg_yaml_fail(ctx, node, "\"%s\": an update of globals takes neither in, out, sender nor receiver", node->text);
    hg_entity expected = text->message == HG_OWN ? HG_EDGES : HG_NODES;
    if (entity == HG_NODES && source != expected)
        return hg_yaml_fail(ctx, node, "\"%s\": \"%s\" is a table of %s, expected %s%s", node->text, text->value, hg_entity_names[source],
                            hg_entity_names[expected], expected == HG_EDGES ? " (or sender, receiver in front of it)" : "");
    if (entity == HG_GLOBALS && source == HG_GLOBALS)
        return hg_yaml_fail(ctx, node, "\"%s\": \"%s\" is a table of globals, expected nodes or edges", node->text, text->value);
    if (text->reduction == HG_REDUCE_ATTENTION && term->weight < 0)
        return hg_yaml_fail(ctx, node, "\"%s\": attention needs scores, as in \"in attention q * m\"", node->text);
    if (term->weight < 0) return HG_OK;
    hg_entity items = entity == HG_NODES ? HG_EDGES : source;
    if (r->d->value[term->weight].entity != items)
        return hg_yaml_fail(ctx, node, "\"%s\": factor \"%s\" is a table of %s, expected %s", node->text, text->weight,
                            hg_entity_names[r->d->value[term->weight].entity], hg_entity_names[items]);
    if (term->width % term->groups != 0)
        return hg_yaml_fail(ctx, node, "\"%s\": %" PRId64 " factors do not divide a width of %" PRId64, node->text, term->groups,
                            term->width);
    return HG_OK;
}

static hg_status check_term(hg_reader *r, const hg_yaml *node, hg_entity entity, const hg_term_text *text, hg_term *term)
{
    hg_context *ctx = r->ctx;
    hg_entity source = r->d->value[term->value].entity;
    if (term->access == HG_REDUCED) return check_reduction(r, node, entity, text, term);
    if (term->access == HG_OWN) {
        if (source == HG_GLOBALS && entity != HG_GLOBALS) {
            term->access = HG_GRAPH;
        } else if (source != entity) {
            return hg_yaml_fail(ctx, node, "\"%s\" is a table of %s, which an update of %s cannot read as it is", text->value,
                                hg_entity_names[source], hg_entity_names[entity]);
        }
        return HG_OK;
    }
    if (entity != HG_EDGES || source != HG_NODES)
        return hg_yaml_fail(ctx, node, "\"%s\": sender, receiver and difference are for updates of edges that read tables of nodes",
                            node->text);
    return HG_OK;
}

static hg_status read_term(hg_reader *r, const hg_yaml *node, hg_entity entity, hg_term *term)
{
    hg_status status = HG_OK;
    char text[4 * HG_NAME_SIZE];
    hg_term_text words = {0};
    HG_TRY(hg_yaml_expect(r->ctx, node, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(r->ctx, node, "step", r->step, text, sizeof text));
    HG_TRY(hg_term_parse(r->ctx, node, text, &words));
    *term =
        (hg_term){.access = words.access, .reduction = words.reduction, .outgoing = words.outgoing, .message = words.message, .weight = -1};
    HG_TRY(hg_reader_look_up(r, node, words.value, &term->value));
    term->width = r->d->value[term->value].width;
    if (words.weight[0]) {
        HG_TRY(hg_reader_look_up(r, node, words.weight, &term->weight));
        term->groups = r->d->value[term->weight].width;
    }
    HG_TRY(check_term(r, node, entity, &words, term));
done:
    return status;
}

hg_status hg_reader_terms(hg_reader *r, const hg_yaml *map, hg_update *u, int64_t *width)
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
    for (int64_t i = 0; i < list->n; ++i) {
        hg_term *term = &u->term[u->n_terms++];
        HG_TRY(read_term(r, list->child[i], u->entity, term));
        term->column = *width;
        *width += term->width;
    }
    if (*width > HG_MAX_WIDTH) status = hg_yaml_fail(r->ctx, list, "inputs are %" PRId64 " columns wide, at most %d", *width, HG_MAX_WIDTH);
done:
    return status;
}
