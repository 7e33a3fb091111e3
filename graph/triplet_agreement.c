/* triplet_agreement.c — how well the doublets of triplets agree, where no network says it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "graph/triplet_match.h"
#include "hitgraph/triplets.h"

hg_status hg_triplet_agreement(hg_context *ctx, const hg_doublet_graph *doublets, const hg_doublet_map *map, const hg_graph *line,
                               const int64_t *doublet, float *distance)
{
    hg_status status = HG_OK;
    const hg_graph *graph = doublets->graph;

    for (int64_t i = 0; i < line->n_nodes; ++i)
        HG_CHECK(doublet[i] >= 0 && doublet[i] < graph->n_edges, HG_ERR_ARG,
                 "line graph node %" PRId64 " stands for doublet %" PRId64 ", expected 0 .. %" PRId64, i, doublet[i], graph->n_edges - 1);
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static)
    for (int64_t t = 0; t < line->n_edges; ++t) {
        const int64_t a = doublet[line->sender[t]], b = doublet[line->receiver[t]];
        const bool overlap = doublets->same_layer[a] || doublets->same_layer[b];
        distance[t] = overlap ? INFINITY : hg_doublets_match(doublets, map, a, b);
    }
done:
    return status;
}
