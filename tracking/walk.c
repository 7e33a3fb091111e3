/* walk.c — tracks from the doublet graph alone: connected components, and walks through those that branch. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "hitgraph/components.h"
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

/* Nodes grouped by component: those of component c are node[ptr[c] .. ptr[c + 1]), by rising id. */
typedef struct groups {
    int64_t n;
    int64_t *ptr;
    int32_t *node, *component;
} groups;

static void free_groups(hg_context *ctx, groups *g)
{
    hg_free(ctx, g->ptr);
    hg_free(ctx, g->node);
    hg_free(ctx, g->component);
}

/* On error the caller frees what there is. */
static hg_status group_by_component(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, groups *g)
{
    hg_status status = HG_OK;
    int64_t *next = NULL;

    HG_TRY(hg_alloc(ctx, &g->component, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &g->node, graph->n_nodes));
    HG_TRY(hg_graph_components(ctx, graph, keep, g->component, &g->n));
    HG_TRY(hg_alloc(ctx, &g->ptr, g->n + 1));
    HG_TRY(hg_alloc(ctx, &next, g->n + 1));
    for (int64_t i = 0; i < graph->n_nodes; ++i) ++g->ptr[g->component[i]];
    hg_prefix_sum(g->ptr, g->n);
    for (int64_t c = 0; c <= g->n; ++c) next[c] = g->ptr[c];
    for (int64_t i = 0; i < graph->n_nodes; ++i) g->node[next[g->component[i]]++] = (int32_t)i;
done:
    hg_free(ctx, next);
    return status;
}

static double distance2(const hg_hits *hits, int32_t i)
{
    return hits->x[i] * hits->x[i] + hits->y[i] * hits->y[i] + hits->z[i] * hits->z[i];
}

/* Appends a hit, keeping the order from inside out. */
static void insert_by_distance(const hg_hits *hits, hg_candidate *candidate, int32_t hit)
{
    int32_t at = candidate->n++;
    while (at > 0 && distance2(hits, candidate->hit[at - 1]) > distance2(hits, hit)) {
        candidate->hit[at] = candidate->hit[at - 1];
        --at;
    }
    candidate->hit[at] = hit;
}

/* Every hit counts the same: the builder has no better measure. */
static void count_hits(hg_candidate *candidate)
{
    for (int32_t k = 0; k < candidate->n; ++k) candidate->gain[k] = 1;
    candidate->score = (float)candidate->n;
}

static hg_status append_group(hg_context *ctx, const hg_hits *hits, const groups *g, int64_t c, hg_candidates *out)
{
    int64_t n = g->ptr[c + 1] - g->ptr[c];
    if (n < 3 || n > HG_CANDIDATE_HITS) return HG_OK; /* larger than any track: several, joined by false doublets */
    hg_status status = hg_candidates_reserve(ctx, out, out->n + 1);
    if (status != HG_OK) return status;
    hg_candidate *candidate = &out->item[out->n++];
    for (int64_t k = g->ptr[c]; k < g->ptr[c + 1]; ++k) insert_by_distance(hits, candidate, g->node[k]);
    count_hits(candidate);
    return HG_OK;
}

static void mark_doublets(const hg_finder *finder, float cut, uint8_t *keep)
{
    const hg_graph *graph = finder->input->graph;
    for (int64_t e = 0; e < graph->n_edges; ++e) keep[e] = finder->input->doublet_score[e] > cut && graph->sender[e] != graph->receiver[e];
}

/* Leaves a doublet only if it is the best one of both its hits, the first of equals. */
static hg_status mark_best(hg_context *ctx, const hg_graph *graph, const float *score, uint8_t *keep)
{
    hg_status status = HG_OK;
    int64_t *in = NULL, *out = NULL;

    HG_TRY(hg_alloc(ctx, &in, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &out, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i) in[i] = out[i] = -1;
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        if (!keep[e]) continue;
        int64_t *best_in = &in[graph->receiver[e]], *best_out = &out[graph->sender[e]];
        if (*best_in < 0 || score[e] > score[*best_in]) *best_in = e;
        if (*best_out < 0 || score[e] > score[*best_out]) *best_out = e;
    }
    for (int64_t e = 0; e < graph->n_edges; ++e) keep[e] = in[graph->receiver[e]] == e && out[graph->sender[e]] == e;
done:
    hg_free(ctx, in);
    hg_free(ctx, out);
    return status;
}

hg_status hg_build_components(hg_context *ctx, const hg_finder *finder, hg_candidates *out)
{
    hg_status status = HG_OK;
    uint8_t *keep = NULL;
    groups g = {0};

    HG_TRY(hg_alloc(ctx, &keep, finder->input->graph->n_edges));
    mark_doublets(finder, finder->options->pass[0].doublet_min, keep);
    if (finder->options->builder == HG_FINDER_JUNCTIONS) HG_TRY(mark_best(ctx, finder->input->graph, finder->input->doublet_score, keep));
    HG_TRY(group_by_component(ctx, finder->input->graph, keep, &g));
    for (int64_t c = 0; c < g.n; ++c) HG_TRY(append_group(ctx, finder->input->hits, &g, c, out));
done:
    hg_free(ctx, keep);
    free_groups(ctx, &g);
    return status;
}

/* A component is simple if no hit has two doublets on one side. */
static void mark_simple(const hg_graph *graph, const uint8_t *keep, const groups *g, uint8_t *simple)
{
    for (int64_t c = 0; c < g->n; ++c) simple[c] = 1;
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        int in = 0, out = 0;
        for (int64_t e = graph->in_ptr[i]; e < graph->in_ptr[i + 1]; ++e) in += keep[e];
        for (int64_t k = graph->out_ptr[i]; k < graph->out_ptr[i + 1]; ++k) out += keep[graph->out_edge[k]];
        if (in > 1 || out > 1) simple[g->component[i]] = 0;
    }
}

/* The longest path from a hit on through hits that are free, in doublets; of equal ones the larger sum of scores, then the smaller next
 * hit. */
typedef struct reach {
    int32_t length, next; /* next -1 = the path ends */
    double sum;
} reach;

/* What walking from one hit needs, all [n_nodes]. */
typedef struct walker {
    const hg_finder *finder;
    const uint8_t *keep; /* [n_edges] */
    uint8_t *taken;      /* 1 = in a track, or started from in vain */
    int32_t *rank;       /* place in the topological order */
    reach *from;
    int32_t *list;   /* hits that can be reached */
    uint8_t *listed; /* 1 = in it */
} walker;

/* The next hits of a walk are the best free one and all that are safe. */
static bool is_next(const walker *w, int64_t edge, int64_t best)
{
    return edge == best || w->finder->input->doublet_score[edge] > w->finder->options->walk_all_min;
}

static bool is_free(const walker *w, int64_t edge)
{
    return w->keep[edge] && !w->taken[w->finder->input->graph->receiver[edge]] &&
           w->finder->input->doublet_score[edge] > w->finder->options->walk_best_min;
}

static int64_t best_next(const walker *w, int32_t hit)
{
    const hg_graph *graph = w->finder->input->graph;
    const float *score = w->finder->input->doublet_score;
    int64_t best = -1;
    for (int64_t k = graph->out_ptr[hit]; k < graph->out_ptr[hit + 1]; ++k) {
        const int64_t e = graph->out_edge[k];
        if (is_free(w, e) && (best < 0 || score[e] > score[best])) best = e;
    }
    return best;
}

static void list_next(walker *w, int32_t hit, int64_t *n)
{
    const hg_graph *graph = w->finder->input->graph;
    const int64_t best = best_next(w, hit);
    for (int64_t k = graph->out_ptr[hit]; best >= 0 && k < graph->out_ptr[hit + 1]; ++k) {
        const int64_t e = graph->out_edge[k];
        const int32_t to = graph->receiver[e];
        if (!is_free(w, e) || !is_next(w, e, best) || w->listed[to]) continue;
        w->listed[to] = 1;
        w->list[(*n)++] = to;
    }
}

static void measure_reach(walker *w, int32_t hit)
{
    const hg_graph *graph = w->finder->input->graph;
    const int64_t best = best_next(w, hit);
    reach longest = {0, -1, 0};
    for (int64_t k = graph->out_ptr[hit]; best >= 0 && k < graph->out_ptr[hit + 1]; ++k) {
        const int64_t e = graph->out_edge[k];
        if (!is_free(w, e) || !is_next(w, e, best)) continue;
        const int32_t to = graph->receiver[e];
        const reach r = {w->from[to].length + 1, to, w->from[to].sum + (double)w->finder->input->doublet_score[e]};
        const bool longer = r.length > longest.length, as_long = r.length == longest.length;
        if (longer || (as_long && (r.sum > longest.sum || (r.sum == longest.sum && to < longest.next)))) longest = r;
    }
    w->from[hit] = longest;
}

/* Sorts by place in the topological order, last first: there are few hits. */
static void sort_backward(const walker *w, int64_t n)
{
    for (int64_t k = 1; k < n; ++k) {
        const int32_t hit = w->list[k];
        int64_t at = k;
        for (; at > 0 && w->rank[w->list[at - 1]] < w->rank[hit]; --at) w->list[at] = w->list[at - 1];
        w->list[at] = hit;
    }
}

/* Measures all that can be reached from a hit. */
static void look_ahead(walker *w, int32_t start)
{
    int64_t n = 1;
    w->list[0] = start;
    for (int64_t k = 0; k < n; ++k) list_next(w, w->list[k], &n);
    sort_backward(w, n);
    for (int64_t k = 0; k < n; ++k) {
        w->listed[w->list[k]] = 0;
        measure_reach(w, w->list[k]);
    }
}

/* Walks in topological order from every hit that is free. */
static hg_status walk_all(hg_context *ctx, walker *w, const int32_t *order, int64_t n, hg_candidates *out)
{
    hg_status status = HG_OK;
    for (int64_t k = 0; k < n; ++k) w->rank[order[k]] = (int32_t)k;
    for (int64_t k = 0; k < n; ++k) {
        if (w->taken[order[k]]) continue;
        look_ahead(w, order[k]);
        if (w->from[order[k]].length < 2) continue;
        HG_TRY(hg_candidates_reserve(ctx, out, out->n + 1));
        hg_candidate *candidate = &out->item[out->n++];
        *candidate = (hg_candidate){.n = 0};
        for (int32_t at = order[k]; at >= 0 && candidate->n < HG_CANDIDATE_HITS; at = w->from[at].next) {
            candidate->hit[candidate->n++] = at;
            w->taken[at] = 1;
        }
        count_hits(candidate);
    }
done:
    return status;
}

static hg_status create_walker(hg_context *ctx, walker *w)
{
    hg_status status = HG_OK;
    const int64_t n = w->finder->input->graph->n_nodes;
    HG_TRY(hg_alloc(ctx, &w->taken, n));
    HG_TRY(hg_alloc(ctx, &w->rank, n));
    HG_TRY(hg_alloc(ctx, &w->from, n));
    HG_TRY(hg_alloc(ctx, &w->list, n));
    HG_TRY(hg_alloc(ctx, &w->listed, n));
done:
    return status;
}

static void free_walker(hg_context *ctx, walker *w)
{
    hg_free(ctx, w->taken);
    hg_free(ctx, w->rank);
    hg_free(ctx, w->from);
    hg_free(ctx, w->list);
    hg_free(ctx, w->listed);
}

hg_status hg_build_walks(hg_context *ctx, const hg_finder *finder, hg_candidates *out)
{
    hg_status status = HG_OK;
    const hg_graph *graph = finder->input->graph;
    uint8_t *keep = NULL, *simple = NULL, *active = NULL;
    int32_t *waiting = NULL, *order = NULL;
    groups g = {0};
    walker w = {.finder = finder};

    HG_TRY(hg_alloc(ctx, &keep, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &active, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &waiting, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &order, graph->n_nodes));
    HG_TRY(create_walker(ctx, &w));
    mark_doublets(finder, finder->options->walk_keep_min, keep);
    HG_TRY(group_by_component(ctx, graph, keep, &g));
    HG_TRY(hg_alloc(ctx, &simple, g.n));
    mark_simple(graph, keep, &g, simple);
    for (int64_t c = 0; c < g.n; ++c)
        if (simple[c]) HG_TRY(append_group(ctx, finder->input->hits, &g, c, out));
    for (int64_t i = 0; i < graph->n_nodes; ++i) active[i] = !simple[g.component[i]];
    for (int64_t e = 0; e < graph->n_edges; ++e) keep[e] = keep[e] && active[graph->receiver[e]];
    w.keep = keep;
    HG_TRY(walk_all(ctx, &w, order, hg_topological_order(graph, keep, active, waiting, order), out));
done:
    hg_free(ctx, keep);
    hg_free(ctx, simple);
    hg_free(ctx, active);
    hg_free(ctx, waiting);
    hg_free(ctx, order);
    free_walker(ctx, &w);
    free_groups(ctx, &g);
    return status;
}
