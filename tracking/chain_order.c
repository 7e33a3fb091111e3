/* chain_order.c — hits and doublets in the order of the layers that doublets lead to: chains follow it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "tracking/finder.h"

/* Doublets lead from layer to layer, and where no way leads back to a layer, the layers in order put all hits and doublets in order: once
 * for all passes, and without a look at the edges of each node. Where one does, the chains look for an order of their own. */

enum { LAYERS_MAX = 512 };

/* Doublets within a layer are on no chain. */
static bool on_chains(const hg_finder_input *in, int64_t edge)
{
    return !(in->same_layer && in->same_layer[edge]);
}

/* leads: [n_layers][n_layers] 1 = a doublet leads from the row's layer to the column's; zero before, with the same room for each further
 * thread behind it. */
static void mark_ways(hg_context *ctx, const hg_finder *finder, uint8_t *leads)
{
    const hg_finder_input *in = finder->input;
    const int64_t n_layers = in->detector->n_layers, size = n_layers * n_layers;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (in->graph->n_edges >= HG_PARALLEL_MIN)
    for (int64_t e = 0; e < in->graph->n_edges; ++e) {
        const int32_t from = in->graph->sender[e], to = in->graph->receiver[e];
        if (on_chains(in, e) && from != to)
            leads[omp_get_thread_num() * size + finder->hit_layer[from] * n_layers + finder->hit_layer[to]] = 1;
    }
    for (int64_t k = size; k < hg_context_threads(ctx) * size; ++k) leads[k % size] |= leads[k];
}

/* Number of layers that no way leads to but from those ranked before; the rank of each. */
static int32_t rank_layers(const uint8_t *leads, int32_t n_layers, int32_t *rank)
{
    int32_t n = 0;
    for (int32_t l = 0; l < n_layers; ++l) rank[l] = -1;
    for (bool found = true; found;) {
        found = false;
        for (int32_t l = 0; l < n_layers; ++l) {
            bool waits = rank[l] >= 0;
            for (int32_t from = 0; from < n_layers && !waits; ++from) waits = rank[from] < 0 && leads[from * n_layers + l];
            if (waits) continue;
            rank[l] = n++;
            found = true;
        }
    }
    return n;
}

/* Fills finder->layer_rank, or leaves it NULL if there is a way round. */
static hg_status find_ranks(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    const int64_t n_layers = finder->input->detector->n_layers;
    uint8_t *leads = NULL;
    int32_t *rank = NULL;

    if (finder->ranks_known) return HG_OK;
    finder->ranks_known = true;
    if (n_layers > LAYERS_MAX) return HG_OK;
    HG_TRY(hg_alloc(ctx, &leads, hg_context_threads(ctx) * n_layers * n_layers));
    HG_TRY(hg_alloc_unset(ctx, &rank, n_layers));
    mark_ways(ctx, finder, leads);
    if (rank_layers(leads, (int32_t)n_layers, rank) == n_layers) {
        finder->layer_rank = rank;
        rank = NULL;
    }
done:
    hg_free(ctx, leads);
    hg_free(ctx, rank);
    return status;
}

/* A counting sort, stable. */
static hg_status sort_by_rank(hg_context *ctx, const hg_finder *finder, int64_t n, const int32_t *hit, int32_t **out)
{
    hg_status status = HG_OK;
    int64_t next[LAYERS_MAX + 1] = {0};
    int32_t *order = NULL;
    HG_TRY(hg_alloc_unset(ctx, &order, n));
    for (int64_t i = 0; i < n; ++i) ++next[finder->layer_rank[finder->hit_layer[hit ? hit[i] : i]] + 1];
    for (int l = 0; l < LAYERS_MAX; ++l) next[l + 1] += next[l];
    for (int64_t i = 0; i < n; ++i) order[next[finder->layer_rank[finder->hit_layer[hit ? hit[i] : i]]]++] = (int32_t)i;
    *out = order;
done:
    return status;
}

hg_status hg_finder_order_hits(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    HG_TRY(find_ranks(ctx, finder));
    if (finder->layer_rank && !finder->hit_order)
        HG_TRY(sort_by_rank(ctx, finder, finder->input->graph->n_nodes, NULL, &finder->hit_order));
done:
    return status;
}

/* Whether every triplet leads from a doublet to one that ends further on: a line graph of the caller's own making might not. */
static bool is_ranked(hg_context *ctx, const hg_finder *finder, const int32_t *end)
{
    const hg_finder_input *in = finder->input;
    int64_t n_against = 0;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (in->line->n_edges >= HG_PARALLEL_MIN) reduction(+ : n_against)
    for (int64_t e = 0; e < in->line->n_edges; ++e) {
        const int32_t from = in->line->sender[e], to = in->line->receiver[e];
        if (!on_chains(in, in->line_doublet[from]) || !on_chains(in, in->line_doublet[to])) continue;
        n_against += finder->layer_rank[finder->hit_layer[end[from]]] >= finder->layer_rank[finder->hit_layer[end[to]]];
    }
    return n_against == 0;
}

hg_status hg_finder_order_doublets(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    const hg_finder_input *in = finder->input;
    int32_t *end = NULL;

    HG_TRY(find_ranks(ctx, finder));
    if (!finder->layer_rank || finder->doublets_ranked) return HG_OK;
    finder->doublets_ranked = true;
    HG_TRY(hg_alloc_unset(ctx, &end, in->line->n_nodes));
    for (int64_t d = 0; d < in->line->n_nodes; ++d) end[d] = in->graph->receiver[in->line_doublet[d]];
    if (is_ranked(ctx, finder, end)) HG_TRY(sort_by_rank(ctx, finder, in->line->n_nodes, end, &finder->doublet_order));
done:
    hg_free(ctx, end);
    return status;
}
