/* pipeline/training_sets.c — events with truth turned into training samples. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/training_sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "hitgraph/triplets.h"
#include "pipeline/network_scores.h"
#include "pipeline/node_order.h"
#include "pipeline/track_graphs.h"

static const hg_real other_true_weight = (hg_real)0.5; /* of true edges of particles that are no targets */

/* A whole event's graph with everything that a sample needs; views of arrays that live elsewhere. */
typedef struct whole_graph {
    const hg_graph *graph;
    const hg_real *nodes, *edges;
    int64_t node_width, edge_width;
    const uint8_t *label;
    const hg_real *weight;
    const int32_t *section; /* [n_nodes] sector of azimuth */
    const hg_order *order;  /* of the nodes; NULL = as they are */
    uint64_t event_id;
} whole_graph;

static void clear_sample(hg_context *ctx, hg_stored_sample *sample)
{
    hg_graph_destroy(ctx, sample->graph);
    hg_free(ctx, sample->nodes);
    hg_free(ctx, sample->edges);
    hg_free(ctx, sample->label);
    hg_free(ctx, sample->weight);
}

void hg_stored_set_clear(hg_context *ctx, hg_stored_set *set)
{
    for (int64_t i = 0; i < set->n; ++i) clear_sample(ctx, &set->sample[i]);
    hg_free(ctx, set->sample);
    memset(set, 0, sizeof *set);
}

static void copy_row(hg_real *to, int64_t to_row, const hg_real *from, int64_t from_row, int64_t width)
{
    memcpy(to + to_row * width, from + from_row * width, (size_t)width * sizeof *to);
}

/* Copies the rows of one section: place[i] is the new row of node i or -1. */
static hg_status copy_section(hg_context *ctx, const whole_graph *whole, const int32_t *place, int64_t n_nodes, int64_t n_edges,
                              hg_stored_sample *sample)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t *kept = NULL, k = 0; /* old places of the edges */
    const hg_graph *graph = whole->graph;

    HG_TRY(hg_alloc(ctx, &sender, n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, n_edges));
    HG_TRY(hg_alloc(ctx, &kept, n_edges));
    HG_TRY(hg_alloc(ctx, &sample->nodes, n_nodes * whole->node_width));
    HG_TRY(hg_alloc(ctx, &sample->edges, n_edges * whole->edge_width));
    HG_TRY(hg_alloc(ctx, &sample->label, n_edges));
    HG_TRY(hg_alloc(ctx, &sample->weight, n_edges));
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        if (place[i] >= 0) copy_row(sample->nodes, place[i], whole->nodes, i, whole->node_width);
    }
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        if (place[graph->sender[e]] < 0 || place[graph->receiver[e]] < 0) continue;
        sender[k] = place[graph->sender[e]];
        receiver[k] = place[graph->receiver[e]];
        kept[k++] = e;
    }
    HG_TRY(hg_graph_create(ctx, n_nodes, n_edges, sender, receiver, 1, NULL, &sample->graph));
    for (int64_t e = 0; e < n_edges; ++e) {
        const int64_t old = kept[sample->graph->caller_edge[e]];
        sample->label[e] = whole->label[old];
        sample->weight[e] = whole->weight[old];
        copy_row(sample->edges, e, whole->edges, old, whole->edge_width);
    }
done:
    hg_free(ctx, kept);
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    return status;
}

static hg_status add_section(hg_context *ctx, const whole_graph *whole, int section, hg_stored_set *set)
{
    hg_status status = HG_OK;
    const hg_graph *graph = whole->graph;
    int32_t *place = NULL;
    int64_t n_nodes = 0, n_edges = 0;

    HG_TRY(hg_alloc(ctx, &place, graph->n_nodes));
    for (int64_t k = 0; k < graph->n_nodes; ++k) {
        const int64_t i = whole->order ? whole->order->old_node[k] : k;
        place[i] = whole->section[i] == section ? (int32_t)n_nodes++ : -1;
    }
    for (int64_t e = 0; e < graph->n_edges; ++e) n_edges += place[graph->sender[e]] >= 0 && place[graph->receiver[e]] >= 0;
    HG_TRY(hg_grow(ctx, &set->sample, set->n, set->n + 1));
    HG_TRY(copy_section(ctx, whole, place, n_nodes, n_edges, &set->sample[set->n++]));
    snprintf(set->sample[set->n - 1].name, sizeof set->sample->name, "event %" PRIu64 ", section %d", whole->event_id, section);
done:
    hg_free(ctx, place);
    return status;
}

static int32_t sector(double x, double y, int sections)
{
    const double turn = (atan2(y, x) + M_PI) / (2 * M_PI);
    const int s = (int)(turn * sections);
    return s < sections ? s : sections - 1;
}

static hg_status add_doublets(hg_context *ctx, const hg_setup *setup, const hg_labelled_event *event, const uint8_t *label,
                              const hg_real *weight, int sections, const hg_track_result *result, hg_stored_set *set)
{
    hg_status status = HG_OK;
    int32_t *section = NULL;
    hg_order *order = NULL;
    const hg_hits *hits = &event->event->hits;
    const hg_doublet_graph *doublets = result->doublets;

    HG_TRY(hg_hit_order(ctx, &setup->config, result, &order));
    HG_TRY(hg_alloc(ctx, &section, hits->n));
    for (int64_t i = 0; i < hits->n; ++i) section[i] = sector(hits->x[i], hits->y[i], sections);
    const whole_graph whole = {doublets->graph,
                               doublets->node_features,
                               doublets->edge_features,
                               HG_DOUBLET_NODE_FEATURES,
                               HG_DOUBLET_EDGE_FEATURES,
                               label,
                               weight,
                               section,
                               order,
                               event->event->event_id};
    for (int s = 0; s < sections; ++s) HG_TRY(add_section(ctx, &whole, s, set));
done:
    hg_order_destroy(ctx, order);
    hg_free(ctx, section);
    return status;
}

static hg_status add_triplets(hg_context *ctx, const hg_setup *setup, const hg_labelled_event *event, const hg_model *doublet_model,
                              const uint8_t *label, const hg_real *weight, int sections, hg_track_result *result, hg_stored_set *set)
{
    hg_status status = HG_OK;
    hg_real *nodes = NULL, *edges = NULL, *triplet_weight = NULL;
    uint8_t *triplet_label = NULL;
    int32_t *section = NULL;
    hg_order *order = NULL;
    const hg_hits *hits = &event->event->hits;

    HG_TRY(hg_stage_doublet_network(ctx, setup, doublet_model, result));
    HG_TRY(hg_stage_triplet_graph(ctx, setup, result, &nodes, &edges));
    const hg_graph *line = result->line, *graph = result->doublets->graph;
    HG_TRY(hg_alloc(ctx, &triplet_label, line->n_edges));
    HG_TRY(hg_alloc(ctx, &triplet_weight, line->n_edges));
    HG_TRY(hg_alloc(ctx, &section, line->n_nodes));
    for (int64_t t = 0; t < line->n_edges; ++t) {
        const int64_t a = result->line_doublet[line->sender[t]], b = result->line_doublet[line->receiver[t]];
        triplet_label[t] = label[a] && label[b]; /* they share the middle hit, so the particle is the same */
        triplet_weight[t] = triplet_label[t] ? weight[a] : (hg_real)1;
    }
    for (int64_t d = 0; d < line->n_nodes; ++d) {
        const int32_t hit = graph->sender[result->line_doublet[d]];
        section[d] = sector(hits->x[hit], hits->y[hit], sections);
    }
    HG_TRY(hg_doublet_order(ctx, &setup->config, result, &order));
    const whole_graph whole = {line,           nodes,   edges, HG_TRIPLET_NODE_FEATURES, HG_TRIPLET_EDGE_FEATURES, triplet_label,
                               triplet_weight, section, order, event->event->event_id};
    for (int s = 0; s < sections; ++s) HG_TRY(add_section(ctx, &whole, s, set));
done:
    hg_order_destroy(ctx, order);
    hg_free(ctx, nodes);
    hg_free(ctx, edges);
    hg_free(ctx, triplet_label);
    hg_free(ctx, triplet_weight);
    hg_free(ctx, section);
    return status;
}

static hg_status add_event(hg_context *ctx, const hg_setup *setup, hg_training_task task, const hg_model *doublet_model,
                           const hg_labelled_event *event, int sections, hg_stored_set *set)
{
    hg_status status = HG_OK;
    hg_track_result result = {0};
    uint8_t *label = NULL;
    float *target = NULL;
    hg_real *weight = NULL;

    HG_TRY(hg_stage_graph(ctx, setup, event->event, &result));
    const int64_t n = result.doublets->graph->n_edges;
    HG_TRY(hg_alloc(ctx, &label, n));
    HG_TRY(hg_alloc(ctx, &target, n));
    HG_TRY(hg_alloc(ctx, &weight, n));
    hg_doublet_labels(result.doublets, &event->truth->truth, label, target);
    for (int64_t e = 0; e < n; ++e) weight[e] = label[e] && target[e] <= 0 ? other_true_weight : (hg_real)1;
    if (task == HG_TASK_DOUBLETS)
        HG_TRY(add_doublets(ctx, setup, event, label, weight, sections, &result, set));
    else
        HG_TRY(add_triplets(ctx, setup, event, doublet_model, label, weight, sections, &result, set));
done:
    hg_free(ctx, label);
    hg_free(ctx, target);
    hg_free(ctx, weight);
    hg_track_result_clear(ctx, &result);
    return status;
}

/* FNV-1a over shapes and labels: enough to refuse a checkpoint that belongs to other events. */
static uint64_t hash_set(const hg_stored_set *set)
{
    uint64_t hash = 14695981039346656037ull;
    for (int64_t i = 0; i < set->n; ++i) {
        const hg_graph *graph = set->sample[i].graph;
        hash = (hash ^ (uint64_t)graph->n_nodes) * 1099511628211ull;
        for (int64_t e = 0; e < graph->n_edges; ++e) hash = (hash ^ set->sample[i].label[e]) * 1099511628211ull;
    }
    return hash;
}

hg_status hg_training_set_make(hg_context *ctx, const hg_setup *setup, hg_training_task task, const hg_model *doublet_model,
                               const hg_labelled_events *events, int sections, hg_stored_set *out)
{
    hg_status status = HG_OK;
    hg_stored_set set = {0};

    for (int64_t i = 0; i < events->n; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        HG_TRY(add_event(ctx, setup, task, doublet_model, &events->event[i], sections, &set));
        hg_progress(ctx, "training graphs", i + 1, events->n, NULL);
    }
    set.hash = hash_set(&set);
    *out = set;
    memset(&set, 0, sizeof set);
done:
    hg_stored_set_clear(ctx, &set);
    return status;
}

static hg_status get_sample(hg_context *ctx, void *user, int64_t i, hg_sample *out)
{
    (void)ctx;
    const hg_stored_set *set = user;
    const hg_stored_sample *sample = &set->sample[i];
    *out = (hg_sample){.batch = {.graph = sample->graph, .nodes = sample->nodes, .edges = sample->edges},
                       .label = sample->label,
                       .weight = sample->weight,
                       .name = sample->name};
    return HG_OK;
}

hg_sample_set hg_stored_set_view(hg_stored_set *set)
{
    return (hg_sample_set){.user = set, .n = set->n, .get = get_sample, .hash = set->hash};
}
