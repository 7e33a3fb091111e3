/* line_graph.c — the triplets of a doublet graph as edges between doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/line_graph.h"

#include "base/check.h"
#include "base/memory.h"

enum { DROPPED = -1 };

/* Numbers the kept doublets; node[e] is the line-graph node of doublet e, or DROPPED. Returns how many are kept. */
static int64_t number_kept(const hg_graph *graph, const uint8_t *keep, int32_t *node)
{
    int64_t n = 0;
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        node[e] = !keep || keep[e] ? (int32_t)n++ : DROPPED;
    }
    return n;
}

/* Triplets in the order of (second, first) doublet. With sender == NULL they are only counted. */
static int64_t visit_triplets(const hg_graph *graph, const int32_t *node, int32_t *sender, int32_t *receiver)
{
    int64_t n = 0;
    for (int64_t b = 0; b < graph->n_edges; ++b) {
        if (node[b] == DROPPED) continue;
        int32_t middle = graph->sender[b];
        for (int64_t a = graph->in_ptr[middle]; a < graph->in_ptr[middle + 1]; ++a) {
            if (node[a] == DROPPED) continue;
            if (sender) {
                sender[n] = node[a];
                receiver[n] = node[b];
            }
            ++n;
        }
    }
    return n;
}

hg_status hg_line_graph_build(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, int64_t **doublet, hg_graph **out)
{
    hg_status status = HG_OK;
    int32_t *node = NULL, *sender = NULL, *receiver = NULL;
    int64_t *kept = NULL, *node_ptr = NULL;

    HG_CHECK(graph->n_edges <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " doublets, at most %d fit", graph->n_edges, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &node, graph->n_edges));
    int64_t n_kept = number_kept(graph, keep, node);
    /* two passes: count, then fill. Guessing a capacity is how dense events get dropped. */
    int64_t n_triplets = visit_triplets(graph, node, NULL, NULL);
    HG_CHECK(n_triplets <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " triplets, at most %d fit", n_triplets, INT32_MAX);

    HG_TRY(hg_alloc(ctx, &kept, n_kept));
    HG_TRY(hg_alloc(ctx, &node_ptr, graph->n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &sender, n_triplets));
    HG_TRY(hg_alloc(ctx, &receiver, n_triplets));
    for (int64_t e = 0, g = 0; e < graph->n_edges; ++e) {
        if (node[e] == DROPPED) continue;
        kept[node[e]] = e;
        while (e >= graph->edge_ptr[g + 1]) ++g;
        ++node_ptr[g + 1];
    }
    for (int64_t g = 0; g < graph->n_graphs; ++g) node_ptr[g + 1] += node_ptr[g];
    visit_triplets(graph, node, sender, receiver);
    HG_TRY(hg_graph_create(ctx, n_kept, n_triplets, sender, receiver, graph->n_graphs, node_ptr, out));
    if (doublet) {
        *doublet = kept;
        kept = NULL;
    }
done:
    hg_free(ctx, node);
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, kept);
    hg_free(ctx, node_ptr);
    return status;
}
