/* line_graph.c — the triplets of a doublet graph as edges between doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/line_graph.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

enum { MANY_TRIPLETS = 16384 /* fewer are written before another thread has woken */ };

/* Lists the kept doublets in their order, which is that of their receivers; first[h]: how many of them end before hit h, [n_nodes + 1].
 * Returns how many there are. */
static int64_t list_kept(const hg_graph *graph, const uint8_t *keep, int64_t *first, int64_t *kept)
{
    int64_t n = 0;
    for (int64_t h = 0; h < graph->n_nodes; ++h) {
        first[h] = n;
        for (int64_t e = graph->in_ptr[h]; e < graph->in_ptr[h + 1]; ++e) {
            kept[n] = e;
            n += !keep || keep[e];
        }
    }
    first[graph->n_nodes] = n;
    return n;
}

/* Triplets in the order of (second, first) doublet; of those that end at one hit the numbers are neighbours. start: [n_kept + 1] */
static void list_triplets(const hg_graph *graph, const int64_t *first, const int64_t *kept, int64_t n_kept, const int64_t *start,
                          int threads, int32_t *sender, int32_t *receiver)
{
#pragma omp parallel for num_threads(threads) if (start[n_kept] > MANY_TRIPLETS)
    for (int64_t b = 0; b < n_kept; ++b) {
        int64_t a = first[graph->sender[kept[b]]];
        for (int64_t t = start[b]; t < start[b + 1]; ++t) {
            sender[t] = (int32_t)a++;
            receiver[t] = (int32_t)b;
        }
    }
}

hg_status hg_line_graph_build(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, int64_t **doublet, hg_graph **out)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t *first = NULL, *start = NULL, *kept = NULL, *node_ptr = NULL;

    HG_CHECK(graph->n_edges <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " doublets, at most %d fit", graph->n_edges, INT32_MAX);
    HG_TRY(hg_alloc_unset(ctx, &first, graph->n_nodes + 1));
    HG_TRY(hg_alloc_unset(ctx, &kept, graph->n_edges + 1));
    const int64_t n_kept = list_kept(graph, keep, first, kept);
    HG_TRY(hg_alloc_unset(ctx, &start, n_kept + 1));
    for (int64_t b = 0; b < n_kept; ++b) {
        const int32_t middle = graph->sender[kept[b]];
        start[b] = first[middle + 1] - first[middle];
    }
    const int64_t n_triplets = hg_prefix_sum(start, n_kept);
    HG_CHECK(n_triplets <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " triplets, at most %d fit", n_triplets, INT32_MAX);

    HG_TRY(hg_alloc_unset(ctx, &sender, n_triplets));
    HG_TRY(hg_alloc_unset(ctx, &receiver, n_triplets));
    list_triplets(graph, first, kept, n_kept, start, hg_context_threads(ctx), sender, receiver);
    HG_TRY(hg_alloc(ctx, &node_ptr, graph->n_graphs + 1));
    for (int64_t g = 0; g <= graph->n_graphs; ++g) node_ptr[g] = first[graph->node_ptr[g]];
    HG_TRY(hg_graph_create(ctx, n_kept, n_triplets, sender, receiver, graph->n_graphs, node_ptr, out));
    if (doublet) {
        *doublet = kept;
        kept = NULL;
    }
done:
    hg_free(ctx, first);
    hg_free(ctx, start);
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, kept);
    hg_free(ctx, node_ptr);
    return status;
}
