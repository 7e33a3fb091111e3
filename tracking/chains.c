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

/* A graph seen with its inactive nodes and low edges left out. */
typedef struct view {
    const hg_graph *graph;
    const float *score;
    const uint8_t *active;
    uint8_t *there; /* [n_edges] */
} view;

static void mark_edges(hg_context *ctx, const view *v, float least)
{
    const hg_graph *graph = v->graph;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static)
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        int32_t from = graph->sender[e], to = graph->receiver[e];
        v->there[e] = v->score[e] >= least && from != to && v->active[from] && v->active[to];
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
        int64_t edge = outgoing ? v->graph->out_edge[k] : k;
        if (!v->there[edge]) continue;
        float sum = edge_gain(v->score[edge]) + gain_of[outgoing ? v->graph->receiver[edge] : v->graph->sender[edge]];
        if (best >= 0 && sum <= *gain) continue;
        best = edge;
        *gain = sum;
    }
    return best;
}

/* Looking at whole chains, not at single edges, makes both ends of a layer with two hits choose the same one of them. */
static hg_status best_edges(hg_context *ctx, const view *v, int64_t *best_in, int64_t *best_out)
{
    hg_status status = HG_OK;
    int32_t *waiting = NULL, *order = NULL;
    float *gain = NULL;
    int64_t n_nodes = v->graph->n_nodes;

    HG_TRY(hg_alloc(ctx, &waiting, n_nodes));
    HG_TRY(hg_alloc(ctx, &order, n_nodes));
    HG_TRY(hg_alloc(ctx, &gain, n_nodes));
    for (int64_t i = 0; i < n_nodes; ++i) best_in[i] = best_out[i] = -1;
    int64_t n = hg_topological_order(v->graph, v->there, v->active, waiting, order);
    for (int64_t k = 0; k < n; ++k) best_in[order[k]] = best_edge(v, order[k], false, gain, &gain[order[k]]);
    memset(gain, 0, (size_t)n_nodes * sizeof *gain);
    for (int64_t k = n - 1; k >= 0; --k) best_out[order[k]] = best_edge(v, order[k], true, gain, &gain[order[k]]);
done:
    hg_free(ctx, waiting);
    hg_free(ctx, order);
    hg_free(ctx, gain);
    return status;
}

static void link_mutual(const hg_graph *graph, const int64_t *best_in, const int64_t *best_out, int64_t *next, uint8_t *has_previous)
{
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        int64_t edge = best_out[i];
        next[i] = -1;
        if (edge < 0 || best_in[graph->receiver[edge]] != edge) continue;
        next[i] = edge;
        has_previous[graph->receiver[edge]] = 1;
    }
}

/* Writes the path that starts at `head`; returns its number of nodes. With node == NULL only counts. */
static int64_t walk(const hg_graph *graph, const float *score, const int64_t *next, int64_t head, int32_t *node, float *link)
{
    int64_t n = 0, i = head;
    float came_by = 0;

    for (;;) {
        if (node) {
            node[n] = (int32_t)i;
            link[n] = came_by;
        }
        ++n;
        if (next[i] < 0) return n;
        came_by = score[next[i]];
        i = graph->receiver[next[i]];
    }
}

static hg_status collect(hg_context *ctx, const hg_graph *graph, const float *score, const int64_t *next, const uint8_t *has_previous,
                         hg_paths *paths)
{
    hg_status status = HG_OK;
    int64_t *head = NULL, n_heads = 0;

    HG_TRY(hg_alloc(ctx, &head, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i)
        if (!has_previous[i] && next[i] >= 0) head[n_heads++] = i;
    HG_TRY(hg_alloc(ctx, &paths->offset, n_heads + 1));
    for (int64_t p = 0; p < n_heads; ++p) paths->offset[p] = walk(graph, score, next, head[p], NULL, NULL);
    int64_t total = hg_prefix_sum(paths->offset, n_heads);
    HG_TRY(hg_alloc(ctx, &paths->node, total));
    HG_TRY(hg_alloc(ctx, &paths->link, total));
    for (int64_t p = 0; p < n_heads; ++p) walk(graph, score, next, head[p], paths->node + paths->offset[p], paths->link + paths->offset[p]);
    paths->n = n_heads;
done:
    hg_free(ctx, head);
    return status;
}

hg_status hg_paths_build(hg_context *ctx, const hg_graph *graph, const float *score, float least, const uint8_t *active, hg_paths *out)
{
    hg_status status = HG_OK;
    int64_t *best_in = NULL, *best_out = NULL, *next = NULL;
    uint8_t *has_previous = NULL;
    hg_paths paths = {0};
    view v = {.graph = graph, .score = score, .active = active};

    HG_TRY(hg_alloc(ctx, &best_in, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &best_out, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &next, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &has_previous, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &v.there, graph->n_edges));
    mark_edges(ctx, &v, least);
    HG_TRY(best_edges(ctx, &v, best_in, best_out));
    link_mutual(graph, best_in, best_out, next, has_previous);
    HG_TRY(collect(ctx, graph, score, next, has_previous, &paths));

    *out = paths;
    paths = (hg_paths){0};
done:
    hg_paths_free(ctx, &paths);
    hg_free(ctx, best_in);
    hg_free(ctx, best_out);
    hg_free(ctx, next);
    hg_free(ctx, has_previous);
    hg_free(ctx, v.there);
    return status;
}

/* A path of doublets has one hit more than doublets. */
static hg_status doublets_to_hits(hg_context *ctx, const hg_finder_input *input, const hg_paths *doublets, hg_paths *hits)
{
    hg_status status = HG_OK;
    hg_paths made = {.n = doublets->n};
    int64_t total = doublets->n ? doublets->offset[doublets->n] + doublets->n : 0;

    HG_TRY(hg_alloc(ctx, &made.offset, made.n + 1));
    HG_TRY(hg_alloc(ctx, &made.node, total));
    HG_TRY(hg_alloc(ctx, &made.link, total));
    for (int64_t p = 0; p < doublets->n; ++p) {
        int64_t to = doublets->offset[p] + p;
        made.offset[p] = to;
        for (int64_t k = doublets->offset[p]; k < doublets->offset[p + 1]; ++k) {
            int64_t edge = input->line_doublet[doublets->node[k]];
            if (k == doublets->offset[p]) made.node[to++] = input->graph->sender[edge];
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
    uint8_t *active = NULL;
    hg_paths doublets = {0};

    HG_TRY(hg_alloc(ctx, &active, in->line->n_nodes));
    for (int64_t d = 0; d < in->line->n_nodes; ++d) {
        int64_t edge = in->line_doublet[d];
        bool free_ends = !finder->used[in->graph->sender[edge]] && !finder->used[in->graph->receiver[edge]];
        active[d] =
            free_ends && in->doublet_score[edge] >= finder->options->pass[pass].doublet_min && !(in->same_layer && in->same_layer[edge]);
    }
    HG_TRY(hg_paths_build(ctx, in->line, in->triplet_score, finder->options->pass[pass].triplet_min, active, &doublets));
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
    float *score = NULL;

    HG_TRY(hg_alloc(ctx, &active, in->graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &score, in->graph->n_edges));
    for (int64_t i = 0; i < in->graph->n_nodes; ++i) active[i] = !finder->used[i];
    for (int64_t e = 0; e < in->graph->n_edges; ++e) score[e] = in->same_layer && in->same_layer[e] ? -1.0f : in->doublet_score[e];
    HG_TRY(hg_paths_build(ctx, in->graph, score, finder->options->pass[pass].doublet_min, active, chains));
done:
    hg_free(ctx, score);
    hg_free(ctx, active);
    return status;
}

hg_status hg_chains_build(hg_context *ctx, const hg_finder *finder, int pass, hg_paths *chains)
{
    if (finder->input->line && !finder->options->pass[pass].doublets) return chains_of_triplets(ctx, finder, pass, chains);
    return chains_of_doublets(ctx, finder, pass, chains);
}
