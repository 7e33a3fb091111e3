/* chains.c — best chains through a scored graph: the starts of tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

void hg_paths_free(hg_context *ctx, hg_paths *paths)
{
    hg_free(ctx, paths->offset);
    hg_free(ctx, paths->node);
    hg_free(ctx, paths->link);
    *paths = (hg_paths){0};
}

/* What an edge adds to a chain: a longer chain wins, then the one the network believes more (clipped log odds). */
static float edge_gain(float score)
{
    float odds = score < 0.018f ? -4.0f : score > 0.982f ? 4.0f : logf(score / (1.0f - score));
    return 1.0f + odds / 4.0f;
}

/* A graph and what of it one pass may use. */
typedef struct view {
    const hg_graph *graph;
    const float *score;    /* [n_edges] */
    float least;           /* of the scores of edges that are there */
    const uint8_t *active; /* [n_nodes] */
    const uint8_t *skip;   /* [n_edges] 1 = never there; NULL = none */
    const int32_t *order;  /* [n_nodes] each node after those before it; NULL = to be found among the edges that are there */
    float *gain;           /* [n_edges] what each edge adds; -inf = it is not there */
} view;

static bool is_there(const view *v, int64_t edge)
{
    return v->gain[edge] > -HUGE_VALF;
}

static void weigh_edges(hg_context *ctx, const view *v)
{
    const hg_graph *graph = v->graph;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (graph->n_edges >= HG_PARALLEL_MIN)
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        const int32_t from = graph->sender[e], to = graph->receiver[e];
        const bool there = v->score[e] >= v->least && from != to && v->active[from] && v->active[to] && !(v->skip && v->skip[e]);
        v->gain[e] = there ? edge_gain(v->score[e]) : -HUGE_VALF;
    }
}

int64_t hg_topological_order(const hg_graph *graph, const uint8_t *there, const uint8_t *active, int32_t *waiting, int32_t *order)
{
    int64_t n = 0;

    for (int64_t e = 0; e < graph->n_edges; ++e) waiting[graph->receiver[e]] += there[e];
    for (int64_t i = 0; i < graph->n_nodes; ++i)
        if (active[i] && waiting[i] == 0) order[n++] = (int32_t)i;
    for (int64_t at = 0; at < n; ++at) {
        for (int64_t k = graph->out_ptr[order[at]]; k < graph->out_ptr[order[at] + 1]; ++k) {
            int64_t e = graph->out_edge[k];
            if (there[e] && --waiting[graph->receiver[e]] == 0) order[n++] = graph->receiver[e];
        }
    }
    return n;
}

/* The edge into (or out of) a node on the best chain that ends (or starts) there, and that chain's gain. The first of equals. */
static int64_t best_edge(const view *v, int64_t node, bool outgoing, const float *gain_of, float *gain)
{
    const int64_t *ptr = outgoing ? v->graph->out_ptr : v->graph->in_ptr;
    int64_t best = -1;

    *gain = 0;
    for (int64_t k = ptr[node]; k < ptr[node + 1]; ++k) {
        const int64_t edge = outgoing ? v->graph->out_edge[k] : k;
        if (!is_there(v, edge)) continue;
        const float sum = v->gain[edge] + gain_of[outgoing ? v->graph->receiver[edge] : v->graph->sender[edge]];
        if (best >= 0 && sum <= *gain) continue;
        best = edge;
        *gain = sum;
    }
    return best;
}

/* Best chains of all nodes, in their order for those that end there, against it for those that start there; gain: room, [n_nodes]. */
static void best_edges(const view *v, const int32_t *order, int64_t n, bool outgoing, float *gain, int64_t *best)
{
    memset(best, -1, (size_t)v->graph->n_nodes * sizeof *best);
    for (int64_t k = 0; k < n; ++k) {
        const int32_t node = order[outgoing ? n - 1 - k : k];
        if (v->active[node]) best[node] = best_edge(v, node, outgoing, gain, &gain[node]);
    }
}

/* Order of the nodes by the edges that are there; nodes on cycles are left out. */
static hg_status find_order(hg_context *ctx, const view *v, int32_t *order, int64_t *n)
{
    hg_status status = HG_OK;
    int32_t *waiting = NULL;
    uint8_t *there = NULL;
    HG_TRY(hg_alloc(ctx, &waiting, v->graph->n_nodes));
    HG_TRY(hg_alloc_unset(ctx, &there, v->graph->n_edges));
    for (int64_t e = 0; e < v->graph->n_edges; ++e) there[e] = is_there(v, e);
    *n = hg_topological_order(v->graph, there, v->active, waiting, order);
done:
    hg_free(ctx, waiting);
    hg_free(ctx, there);
    return status;
}

/* Links between nodes: the best edge out of a node, and into it. A link holds if it is both. */
typedef struct links {
    int64_t *in, *out; /* [n_nodes] owned; -1 = none */
} links;

static void free_links(hg_context *ctx, links *l)
{
    hg_free(ctx, l->in);
    hg_free(ctx, l->out);
}

/* Looking at whole chains, not at single edges, makes both ends of a layer with two hits choose the same one of them. */
static hg_status find_links(hg_context *ctx, const view *v, links *l)
{
    hg_status status = HG_OK;
    const int64_t n_nodes = v->graph->n_nodes;
    const int32_t *order = v->order;
    int64_t n = n_nodes;
    int32_t *found = NULL;
    float *gain = NULL;

    HG_TRY(hg_alloc_unset(ctx, &l->in, n_nodes));
    HG_TRY(hg_alloc_unset(ctx, &l->out, n_nodes));
    HG_TRY(hg_alloc_unset(ctx, &gain, 2 * n_nodes));
    if (!order) {
        HG_TRY(hg_alloc_unset(ctx, &found, n_nodes));
        HG_TRY(find_order(ctx, v, found, &n));
        order = found;
    }
#pragma omp parallel for num_threads(hg_context_threads(ctx)) if (n_nodes >= HG_PARALLEL_MIN)
    for (int side = 0; side < 2; ++side) best_edges(v, order, n, side == 1, gain + side * n_nodes, side ? l->out : l->in);
done:
    hg_free(ctx, found);
    hg_free(ctx, gain);
    return status;
}

/* The edge on which a chain goes on from a node, or -1. */
static int64_t next_edge(const hg_graph *graph, const links *l, int64_t node)
{
    const int64_t edge = l->out[node];
    return edge >= 0 && l->in[graph->receiver[edge]] == edge ? edge : -1;
}

static bool begins_path(const hg_graph *graph, const links *l, int64_t node)
{
    if (next_edge(graph, l, node) < 0) return false;
    const int64_t before = l->in[node];
    return before < 0 || l->out[graph->sender[before]] != before;
}

static hg_status collect(hg_context *ctx, const view *v, const links *l, hg_paths *paths)
{
    hg_status status = HG_OK;
    const hg_graph *graph = v->graph;
    int64_t n_heads = 0, at = 0;

    for (int64_t i = 0; i < graph->n_nodes; ++i) n_heads += begins_path(graph, l, i);
    HG_TRY(hg_alloc_unset(ctx, &paths->offset, n_heads + 1));
    HG_TRY(hg_alloc_unset(ctx, &paths->node, graph->n_nodes)); /* no node is on two paths */
    HG_TRY(hg_alloc_unset(ctx, &paths->link, graph->n_nodes));
    for (int64_t head = 0; head < graph->n_nodes; ++head) {
        if (!begins_path(graph, l, head)) continue;
        paths->offset[paths->n++] = at;
        float came_by = 0;
        for (int64_t i = head, next = 0; next >= 0;) {
            paths->node[at] = (int32_t)i;
            paths->link[at++] = came_by;
            next = next_edge(graph, l, i);
            if (next < 0) break;
            came_by = v->score[next];
            i = graph->receiver[next];
        }
    }
    paths->offset[paths->n] = at;
done:
    return status;
}

/* Best chains: every node has at most one next and one previous node, each on the other's best chain (by length and score; tie: first
 * edge). Paths of one node are left out. */
static hg_status build_paths(hg_context *ctx, view *v, hg_paths *out)
{
    hg_status status = HG_OK;
    links l = {0};
    hg_paths paths = {0};

    HG_TRY(hg_alloc_unset(ctx, &v->gain, v->graph->n_edges));
    weigh_edges(ctx, v);
    HG_TRY(find_links(ctx, v, &l));
    HG_TRY(collect(ctx, v, &l, &paths));
    *out = paths;
    paths = (hg_paths){0};
done:
    hg_paths_free(ctx, &paths);
    free_links(ctx, &l);
    hg_free(ctx, v->gain);
    return status;
}

/* A path of doublets has one hit more than doublets. */
static hg_status doublets_to_hits(hg_context *ctx, const hg_finder_input *input, const hg_paths *doublets, hg_paths *hits)
{
    hg_status status = HG_OK;
    hg_paths made = {.n = doublets->n};
    int64_t total = doublets->n ? doublets->offset[doublets->n] + doublets->n : 0;

    HG_TRY(hg_alloc_unset(ctx, &made.offset, made.n + 1));
    HG_TRY(hg_alloc_unset(ctx, &made.node, total));
    HG_TRY(hg_alloc_unset(ctx, &made.link, total));
    for (int64_t p = 0; p < doublets->n; ++p) {
        int64_t to = doublets->offset[p] + p;
        made.offset[p] = to;
        for (int64_t k = doublets->offset[p]; k < doublets->offset[p + 1]; ++k) {
            int64_t edge = input->line_doublet[doublets->node[k]];
            if (k == doublets->offset[p]) {
                made.link[to] = 0;
                made.node[to++] = input->graph->sender[edge];
            }
            made.link[to] = doublets->link[k];
            made.node[to++] = input->graph->receiver[edge];
        }
    }
    made.offset[made.n] = total;
    *hits = made;
    made = (hg_paths){0};
done:
    hg_paths_free(ctx, &made);
    return status;
}

static hg_status chains_of_triplets(hg_context *ctx, const hg_finder *finder, int pass, hg_paths *chains)
{
    hg_status status = HG_OK;
    const hg_finder_input *in = finder->input;
    const hg_finder_pass *cut = &finder->options->pass[pass];
    uint8_t *active = NULL;
    hg_paths doublets = {0};

    HG_TRY(hg_alloc_unset(ctx, &active, in->line->n_nodes));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (in->line->n_nodes >= HG_PARALLEL_MIN)
    for (int64_t d = 0; d < in->line->n_nodes; ++d) {
        const int64_t edge = in->line_doublet[d];
        const bool free_ends = !finder->used[in->graph->sender[edge]] && !finder->used[in->graph->receiver[edge]];
        active[d] = free_ends && in->doublet_score[edge] >= cut->doublet_min && !(in->same_layer && in->same_layer[edge]);
    }
    HG_TRY(build_paths(
        ctx,
        &(view){.graph = in->line, .score = in->triplet_score, .least = cut->triplet_min, .active = active, .order = finder->doublet_order},
        &doublets));
    HG_TRY(doublets_to_hits(ctx, in, &doublets, chains));
done:
    hg_paths_free(ctx, &doublets);
    hg_free(ctx, active);
    return status;
}

static hg_status chains_of_doublets(hg_context *ctx, const hg_finder *finder, int pass, hg_paths *chains)
{
    hg_status status = HG_OK;
    const hg_finder_input *in = finder->input;
    uint8_t *active = NULL;

    HG_TRY(hg_alloc_unset(ctx, &active, in->graph->n_nodes));
    for (int64_t i = 0; i < in->graph->n_nodes; ++i) active[i] = !finder->used[i];
    HG_TRY(build_paths(ctx,
                       &(view){.graph = in->graph,
                               .score = in->doublet_score,
                               .least = finder->options->pass[pass].doublet_min,
                               .active = active,
                               .skip = in->same_layer,
                               .order = finder->hit_order},
                       chains));
done:
    hg_free(ctx, active);
    return status;
}

hg_status hg_chains_build(hg_context *ctx, hg_finder *finder, int pass, hg_paths *chains)
{
    if (finder->options->pass[pass].displaced_r_mm > 0) return hg_displaced_chains_build(ctx, finder, pass, chains);
    const bool of_triplets = finder->input->line && !finder->options->pass[pass].doublets;
    const hg_status status = of_triplets ? hg_finder_order_doublets(ctx, finder) : hg_finder_order_hits(ctx, finder);
    if (status < 0) return status;
    return of_triplets ? chains_of_triplets(ctx, finder, pass, chains) : chains_of_doublets(ctx, finder, pass, chains);
}
