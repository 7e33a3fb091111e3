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

static void mark_doublets(const hg_finder *finder, float least, uint8_t *keep)
{
    const hg_graph *graph = finder->input->graph;
    for (int64_t e = 0; e < graph->n_edges; ++e)
        keep[e] = finder->input->doublet_score[e] >= least && graph->sender[e] != graph->receiver[e];
}

hg_status hg_build_components(hg_context *ctx, const hg_finder *finder, hg_candidates *out)
{
    hg_status status = HG_OK;
    uint8_t *keep = NULL;
    groups g = {0};

    HG_TRY(hg_alloc(ctx, &keep, finder->input->graph->n_edges));
    mark_doublets(finder, finder->options->pass[0].doublet_min, keep);
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

/* Leaves of each hit's outgoing doublets the best one and all that are safe. */
static void prune_outgoing(const hg_graph *graph, const float *score, const hg_finder_options *o, uint8_t *keep)
{
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        int64_t best = -1;
        for (int64_t k = graph->out_ptr[i]; k < graph->out_ptr[i + 1]; ++k) {
            int64_t e = graph->out_edge[k];
            if (keep[e] && score[e] >= o->walk_best_min && (best < 0 || score[e] > score[best])) best = e;
        }
        for (int64_t k = graph->out_ptr[i]; k < graph->out_ptr[i + 1]; ++k) {
            int64_t e = graph->out_edge[k];
            keep[e] = keep[e] && (e == best || score[e] >= o->walk_all_min);
        }
    }
}

/* Longest path from a hit on, in doublets; of equal ones the larger sum of scores. */
typedef struct reach {
    int32_t length;
    float sum;
} reach;

static int64_t next_doublet(const hg_finder *finder, const uint8_t *keep, const uint8_t *taken, const reach *from, int32_t hit)
{
    const hg_graph *graph = finder->input->graph;
    int64_t best = -1;
    reach longest = {-1, 0};
    for (int64_t k = graph->out_ptr[hit]; k < graph->out_ptr[hit + 1]; ++k) {
        int64_t e = graph->out_edge[k];
        int32_t to = graph->receiver[e];
        reach r = {from[to].length, from[to].sum + finder->input->doublet_score[e]};
        if (!keep[e] || taken[to] || r.length < longest.length || (r.length == longest.length && r.sum <= longest.sum)) continue;
        longest = r;
        best = e;
    }
    return best;
}

/* Walks in topological order from every hit that is not taken yet. The lengths are those of the whole graph; hits taken since are gone
 * round. */
static hg_status walk_all(hg_context *ctx, const hg_finder *finder, const uint8_t *keep, const int32_t *order, int64_t n, uint8_t *taken,
                          hg_candidates *out)
{
    hg_status status = HG_OK;
    const hg_graph *graph = finder->input->graph;
    reach *from = NULL;

    HG_TRY(hg_alloc(ctx, &from, graph->n_nodes));
    for (int64_t k = n - 1; k >= 0; --k) {
        int64_t e = next_doublet(finder, keep, taken, from, order[k]);
        if (e < 0) continue;
        int32_t to = graph->receiver[e];
        from[order[k]] = (reach){from[to].length + 1, from[to].sum + finder->input->doublet_score[e]};
    }
    for (int64_t k = 0; k < n; ++k) {
        if (taken[order[k]] || from[order[k]].length < 2) continue;
        HG_TRY(hg_candidates_reserve(ctx, out, out->n + 1));
        hg_candidate *candidate = &out->item[out->n];
        *candidate = (hg_candidate){.n = 1, .hit = {order[k]}};
        for (int32_t at = order[k]; candidate->n < HG_CANDIDATE_HITS;) {
            int64_t e = next_doublet(finder, keep, taken, from, at);
            if (e < 0) break;
            at = graph->receiver[e];
            candidate->hit[candidate->n++] = at;
        }
        if (candidate->n < 3) continue;
        for (int32_t h = 0; h < candidate->n; ++h) taken[candidate->hit[h]] = 1;
        count_hits(candidate);
        ++out->n;
    }
done:
    hg_free(ctx, from);
    return status;
}

hg_status hg_build_walks(hg_context *ctx, const hg_finder *finder, hg_candidates *out)
{
    hg_status status = HG_OK;
    const hg_graph *graph = finder->input->graph;
    uint8_t *keep = NULL, *simple = NULL, *active = NULL, *taken = NULL;
    int32_t *waiting = NULL, *order = NULL;
    groups g = {0};

    HG_TRY(hg_alloc(ctx, &keep, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &active, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &taken, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &waiting, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &order, graph->n_nodes));
    mark_doublets(finder, finder->options->walk_keep_min, keep);
    HG_TRY(group_by_component(ctx, graph, keep, &g));
    HG_TRY(hg_alloc(ctx, &simple, g.n));
    mark_simple(graph, keep, &g, simple);
    for (int64_t c = 0; c < g.n; ++c)
        if (simple[c]) HG_TRY(append_group(ctx, finder->input->hits, &g, c, out));
    prune_outgoing(graph, finder->input->doublet_score, finder->options, keep);
    for (int64_t i = 0; i < graph->n_nodes; ++i) active[i] = !simple[g.component[i]];
    for (int64_t e = 0; e < graph->n_edges; ++e) keep[e] = keep[e] && active[graph->receiver[e]];
    HG_TRY(walk_all(ctx, finder, keep, order, hg_topological_order(graph, keep, active, waiting, order), taken, out));
done:
    hg_free(ctx, keep);
    hg_free(ctx, simple);
    hg_free(ctx, active);
    hg_free(ctx, taken);
    hg_free(ctx, waiting);
    hg_free(ctx, order);
    free_groups(ctx, &g);
    return status;
}
