/* datasets/graphs_hdf5_read.c — the topology of a graphs file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/graphs_file.h"

#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_tables.h"

typedef struct reader {
    hg_context *ctx;
    hg_h5 *h5;                     /* owned */
    int64_t n_graphs, n_nodes;     /* of the file */
    int64_t *node_offset, *rowptr; /* [n_graphs + 1], [n_nodes + 1] owned */
    uint64_t *event_id;            /* [n_graphs] owned */
} reader;

static hg_status read_offsets(reader *r)
{
    hg_status status = HG_OK;
    int64_t n_edges = -1;
    r->n_graphs = r->n_nodes = -1;
    HG_TRY(hg_h5_read_array(r->ctx, r->h5, "/graphs/event_id", 0, -1, &r->event_id, &r->n_graphs));
    HG_TRY(hg_h5_read_offsets(r->ctx, r->h5, "/graphs/node_offset", &r->n_graphs, &r->n_nodes, &r->node_offset));
    HG_TRY(hg_h5_shape(r->ctx, r->h5, "/csr/col", HG_H5_I32, 0, &n_edges, NULL));
    HG_TRY(hg_h5_read_offsets(r->ctx, r->h5, "/csr/rowptr", &r->n_nodes, &n_edges, &r->rowptr));
done:
    return status;
}

/* Both ends of the edges of graphs first_graph .. first_graph + n_graphs, counted from the first node among them. */
static hg_status read_edges(reader *r, int64_t first_graph, int64_t n_graphs, int32_t *sender, int32_t *receiver)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    const int64_t first_node = r->node_offset[first_graph], first_edge = r->rowptr[first_node];
    const int64_t n_edges = r->rowptr[r->node_offset[first_graph + n_graphs]] - first_edge;
    HG_TRY(hg_h5_read(ctx, r->h5, "/csr/col", HG_H5_I32, 0, first_edge, n_edges, sender));
    for (int64_t g = first_graph; g < first_graph + n_graphs; ++g) {
        const int64_t start = r->node_offset[g], n = r->node_offset[g + 1] - start;
        for (int64_t i = start; i < start + n; ++i) {
            for (int64_t e = r->rowptr[i] - first_edge; e < r->rowptr[i + 1] - first_edge; ++e) {
                HG_CHECK(sender[e] >= 0 && sender[e] < n, HG_ERR_DATA,
                         "%s:/csr/col[%" PRId64 "]: sender %" PRId32 ", expected 0 <= sender < %" PRId64
                         "; hint: rowptr or node_offset belongs to another graph",
                         hg_h5_name(r->h5), first_edge + e, sender[e], n);
                sender[e] = (int32_t)(start - first_node + sender[e]);
                receiver[e] = (int32_t)(i - first_node);
            }
        }
    }
done:
    return status;
}

static hg_status make_content(reader *r, int64_t first_graph, int64_t n_graphs, hg_graphs_content *out)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t *node_ptr = NULL;
    const int64_t first_node = r->node_offset[first_graph], n_nodes = r->node_offset[first_graph + n_graphs] - first_node;
    const int64_t n_edges = r->rowptr[first_node + n_nodes] - r->rowptr[first_node];
    HG_CHECK(n_nodes < INT32_MAX, HG_ERR_LIMIT, "%s: %" PRId64 " nodes, expected fewer than %d", hg_h5_name(r->h5), n_nodes, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &sender, n_edges));
    HG_TRY(hg_alloc(ctx, &receiver, n_edges));
    HG_TRY(hg_alloc(ctx, &node_ptr, n_graphs + 1));
    HG_TRY(hg_alloc(ctx, &out->event_id, n_graphs));
    HG_TRY(read_edges(r, first_graph, n_graphs, sender, receiver));
    for (int64_t g = 0; g <= n_graphs; ++g) node_ptr[g] = r->node_offset[first_graph + g] - first_node;
    for (int64_t g = 0; g < n_graphs; ++g) out->event_id[g] = r->event_id[first_graph + g];
    HG_TRY(hg_graph_create(ctx, n_nodes, n_edges, sender, receiver, n_graphs, node_ptr, &out->graph));
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, node_ptr);
    return status;
}

hg_status hg_graphs_content_read(hg_context *ctx, const char *path, int64_t number, hg_graphs_content *out)
{
    hg_status status = HG_OK;
    reader r = {.ctx = ctx};
    hg_graphs_content made = {0};
    HG_TRY(hg_h5_open(ctx, path, "graphs", &r.h5));
    HG_TRY(read_offsets(&r));
    HG_CHECK(number >= -1 && number < r.n_graphs, HG_ERR_ARG, "%s: graph %" PRId64 ", expected 0 .. %" PRId64, path, number,
             r.n_graphs - 1);
    HG_TRY(make_content(&r, number < 0 ? 0 : number, number < 0 ? r.n_graphs : 1, &made));
    *out = made;
    made = (hg_graphs_content){0};
done:
    hg_graphs_content_clear(ctx, &made);
    hg_h5_close(ctx, r.h5);
    hg_free(ctx, r.node_offset);
    hg_free(ctx, r.rowptr);
    hg_free(ctx, r.event_id);
    return status;
}

void hg_graphs_content_clear(hg_context *ctx, hg_graphs_content *content)
{
    hg_graph_destroy(ctx, content->graph);
    hg_free(ctx, content->event_id);
    *content = (hg_graphs_content){0};
}
