/* datasets/metis_write.c — graphs and partitions as METIS files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"
#include "base/output.h"
#include "graph/adjacency.h"
#include "hitgraph/metis_files.h"

static void write_rows(FILE *stream, const hg_adjacency *a, const int32_t *node_weight, bool edge_weights)
{
    fprintf(stream, "%" PRId64 " %" PRId64 "%s\n", a->n_nodes, a->ptr[a->n_nodes] / 2,
            node_weight    ? edge_weights ? " 11" : " 10"
            : edge_weights ? " 1"
                           : "");
    for (int64_t i = 0; i < a->n_nodes; ++i) {
        const char *blank = "";
        if (node_weight) {
            fprintf(stream, "%" PRId32, node_weight[i]);
            blank = " ";
        }
        for (int64_t k = a->ptr[i]; k < a->ptr[i + 1]; ++k, blank = " ") {
            fprintf(stream, "%s%" PRId32, blank, a->neighbour[k] + 1);
            if (edge_weights) fprintf(stream, " %" PRId64, a->weight[k]);
        }
        fputc('\n', stream);
    }
}

hg_status hg_metis_graph_write(hg_context *ctx, const char *path, const hg_graph *graph, const int32_t *node_weight,
                               const int32_t *edge_weight)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    hg_adjacency adjacency = {0};
    HG_CHECK(graph->sender_ptr == graph->node_ptr, HG_ERR_ARG, "%s: the graph is bipartite, expected one set of nodes", path);
    HG_TRY(hg_adjacency_create(ctx, graph, edge_weight, &adjacency));
    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *stream = hg_output_stream(output);
    HG_CHECK(stream, HG_ERR_IO, "%s: cannot be written to", path);
    write_rows(stream, &adjacency, node_weight, edge_weight != NULL);
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    hg_adjacency_clear(ctx, &adjacency);
    return status;
}

hg_status hg_metis_parts_write(hg_context *ctx, const char *path, int64_t n_nodes, const int32_t *part)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *stream = hg_output_stream(output);
    HG_CHECK(stream, HG_ERR_IO, "%s: cannot be written to", path);
    for (int64_t i = 0; i < n_nodes; ++i) fprintf(stream, "%" PRId32 "\n", part[i]);
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    return status;
}
