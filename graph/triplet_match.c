/* triplet_match.c — the triplet-consistency condition on doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/triplet_match.h"

#include "base/check.h"
#include "base/memory.h"

static void mark_around(const hg_doublet_graph *d, const hg_doublet_map *map, float window, int64_t hit, uint8_t *as_first,
                        uint8_t *as_second)
{
    const hg_graph *g = d->graph;
    for (int64_t o = g->out_ptr[hit]; o < g->out_ptr[hit + 1]; ++o) {
        int64_t b = g->out_edge[o];
        if (d->same_layer[b]) continue;
        for (int64_t a = g->in_ptr[hit]; a < g->in_ptr[hit + 1]; ++a) {
            if (d->same_layer[a] || !(hg_doublets_match(d, map, a, b) < window)) continue;
            as_first[a] = 1;
            as_second[b] = 1;
        }
    }
}

void hg_overlap_neighbours(const hg_doublet_graph *d, const uint8_t *keep, int64_t e, int32_t count[2])
{
    const hg_graph *g = d->graph;
    int32_t i = g->sender[e], j = g->receiver[e];
    count[0] = count[1] = 0;
    for (int64_t a = g->in_ptr[i], b = g->in_ptr[j]; a < g->in_ptr[i + 1] && b < g->in_ptr[j + 1];) {
        int32_t from_a = g->sender[a], from_b = g->sender[b];
        if (from_a == from_b) count[0] += !d->same_layer[a] && !d->same_layer[b] && (!keep || (keep[a] && keep[b]));
        a += from_a <= from_b;
        b += from_b <= from_a;
    }
    for (int64_t a = g->out_ptr[i], b = g->out_ptr[j]; a < g->out_ptr[i + 1] && b < g->out_ptr[j + 1];) {
        int64_t edge_a = g->out_edge[a], edge_b = g->out_edge[b];
        int32_t to_a = g->receiver[edge_a], to_b = g->receiver[edge_b];
        if (to_a == to_b) count[1] += !d->same_layer[edge_a] && !d->same_layer[edge_b] && (!keep || (keep[edge_a] && keep[edge_b]));
        a += to_a <= to_b;
        b += to_b <= to_a;
    }
}

hg_status hg_doublets_mark_consistent(hg_context *ctx, const hg_doublet_graph *d, const hg_doublet_map *map, float window, uint8_t *keep)
{
    hg_status status = HG_OK;
    const hg_graph *g = d->graph;
    int threads = hg_context_threads(ctx);
    /* an edge is marked from its receiver as the first of a pair, from its sender as the second: two threads never share an array element
     */
    uint8_t *as_first = NULL, *as_second = NULL;
    HG_TRY(hg_alloc(ctx, &as_first, g->n_edges));
    HG_TRY(hg_alloc(ctx, &as_second, g->n_edges));
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
    for (int64_t hit = 0; hit < g->n_nodes; ++hit) mark_around(d, map, window, hit, as_first, as_second);
    for (int64_t e = 0; e < g->n_edges; ++e) keep[e] = as_first[e] | as_second[e];
#pragma omp parallel for schedule(dynamic, 4096) num_threads(threads)
    for (int64_t e = 0; e < g->n_edges; ++e) {
        if (!d->same_layer[e]) continue;
        int32_t count[2];
        hg_overlap_neighbours(d, keep, e, count);
        keep[e] = count[0] + count[1] > 0;
    }
done:
    hg_free(ctx, as_first);
    hg_free(ctx, as_second);
    return status;
}
