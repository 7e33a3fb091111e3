/* datasets/graphs_hdf5.c — graphs and the scores of their edges as HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/hdf5_files.h"

#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_tables.h"

static const hg_h5_column event_column = {"/graphs/event_id", HG_H5_U64, 0, "1", "source event of each graph"};
static const hg_h5_column section_column = {"/graphs/section", HG_H5_I32, 0, "1", "part of the event"};
static const hg_h5_column node_offset_column = {"/graphs/node_offset", HG_H5_I64, 0, "1", "nodes of each graph"};
static const hg_h5_column rowptr_column = {"/csr/rowptr", HG_H5_I64, 0, "1", "incoming edges of each node"};
static const hg_h5_column col_column = {"/csr/col", HG_H5_I32, 0, "1", "sender, counted inside the graph"};
static const hg_h5_column edge_id_column = {"/csr/edge_id", HG_H5_I64, 0, "1", "edge number in the source"};
static const hg_h5_column hit_id_column = {"/nodes/hit_id", HG_H5_U64, 0, "1", "hit of each node"};
static const hg_h5_column hit_pair_column = {"/nodes/hit_pair", HG_H5_U64, 2, "1", "hits of each doublet"};
static const hg_h5_column particle_column = {"/nodes/particle_id", HG_H5_U64, 0, "1", "particle of each node, 0 = noise"};
static const hg_h5_column label_column = {"/edges/y", HG_H5_U8, 0, "1", "1 = true edge"};
static const hg_h5_column weight_column = {"/edges/weight", HG_H5_F32, 0, "1", "weight of each edge in the loss"};
static const hg_h5_column score_column = {"/scores/edge", HG_H5_F32, 0, "1", "score of each edge"};

struct hg_graphs_h5 {
    hg_h5 *h5;                /* owned */
    hg_graph_columns columns; /* texts and scales not kept */
    int64_t n_batches, n_nodes, n_edges;
    bool particles, labels, weights; /* what the first batch has */
};

static hg_status describe_columns(hg_context *ctx, hg_h5 *h5, const char *path, int64_t width, const char *names, const double *scale)
{
    hg_status status = HG_OK;
    if (width > 0 && names) HG_TRY(hg_h5_set_string(ctx, h5, path, "feature_names", names));
    if (width > 0 && scale) HG_TRY(hg_h5_set_numbers(ctx, h5, path, "feature_scale", HG_H5_F64, width, scale));
done:
    return status;
}

hg_status hg_graphs_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_graph_columns *columns,
                             hg_graphs_h5 **out)
{
    hg_status status = HG_OK;
    hg_graphs_h5 *file = NULL;
    const int64_t zero = 0;
    const uint8_t directed = 1;
    HG_CHECK(columns->node_width >= 0 && columns->edge_width >= 0 && columns->global_width >= 0, HG_ERR_ARG, "%s: negative width", path);
    HG_TRY(hg_alloc(ctx, &file, 1));
    HG_TRY(hg_h5_create(ctx, path, "graphs", &file->h5));
    HG_TRY(hg_h5_set_provenance(ctx, file->h5, provenance, "mm"));
    HG_TRY(hg_h5_set_number(ctx, file->h5, "/", "directed", &directed));
    HG_TRY(hg_h5_set_string(ctx, file->h5, "/", "node_kind", columns->doublet_nodes ? "doublet" : "hit"));
    HG_TRY(describe_columns(ctx, file->h5, "/nodes/x", columns->node_width, columns->node_names, columns->node_scale));
    HG_TRY(describe_columns(ctx, file->h5, "/edges/attr", columns->edge_width, columns->edge_names, columns->edge_scale));
    HG_TRY(hg_h5_append(ctx, file->h5, &node_offset_column, &zero, 1));
    HG_TRY(hg_h5_append(ctx, file->h5, &rowptr_column, &zero, 1));
    file->columns = *columns;
    *out = file;
    file = NULL;
done:
    hg_graphs_h5_abort(ctx, file);
    return status;
}

/* An edge of one row, in the order of the file. */
typedef struct row_edge {
    int32_t sender;
    int64_t caller, place;
} row_edge;

static int by_sender(const void *a, const void *b)
{
    const row_edge *left = a, *right = b;
    if (left->sender != right->sender) return left->sender < right->sender ? -1 : 1;
    return (left->caller > right->caller) - (left->caller < right->caller);
}

/* Places of the graph's edges in the order of the file: by receiver, sender, caller's number. *order owned by the caller. */
static hg_status file_order(hg_context *ctx, const hg_graph *graph, int64_t **order)
{
    hg_status status = HG_OK;
    row_edge *row = NULL;
    int64_t longest = 0;
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        const int64_t n = graph->in_ptr[i + 1] - graph->in_ptr[i];
        longest = n > longest ? n : longest;
    }
    HG_TRY(hg_alloc(ctx, &row, longest));
    HG_TRY(hg_alloc(ctx, order, graph->n_edges));
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        const int64_t first = graph->in_ptr[i], n = graph->in_ptr[i + 1] - first;
        for (int64_t e = 0; e < n; ++e) row[e] = (row_edge){graph->sender[first + e], graph->caller_edge[first + e], first + e};
        if (n > 1) qsort(row, (size_t)n, sizeof *row, by_sender);
        for (int64_t e = 0; e < n; ++e) (*order)[first + e] = row[e].place;
    }
done:
    hg_free(ctx, row);
    return status;
}

static hg_status append_topology(hg_context *ctx, hg_graphs_h5 *file, uint64_t event_id, const hg_graph *graph, const int64_t *order)
{
    hg_status status = HG_OK;
    int64_t *edge_id = NULL, *rowptr = NULL;
    int32_t *col = NULL;
    for (int64_t g = 0; g < graph->n_graphs; ++g) {
        const int32_t section = (int32_t)g;
        const int64_t end = file->n_nodes + graph->node_ptr[g + 1];
        HG_TRY(hg_h5_append(ctx, file->h5, &event_column, &event_id, 1));
        HG_TRY(hg_h5_append(ctx, file->h5, &section_column, &section, 1));
        HG_TRY(hg_h5_append(ctx, file->h5, &node_offset_column, &end, 1));
    }
    HG_TRY(hg_alloc(ctx, &rowptr, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &edge_id, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &col, graph->n_edges));
    for (int64_t i = 0; i < graph->n_nodes; ++i) rowptr[i] = file->n_edges + graph->in_ptr[i + 1];
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        const int32_t sender = graph->sender[order[e]];
        col[e] = (int32_t)(sender - graph->node_ptr[graph->node_graph[sender]]);
        edge_id[e] = graph->caller_edge[order[e]];
    }
    HG_TRY(hg_h5_append(ctx, file->h5, &rowptr_column, rowptr, graph->n_nodes));
    HG_TRY(hg_h5_append(ctx, file->h5, &col_column, col, graph->n_edges));
    HG_TRY(hg_h5_append(ctx, file->h5, &edge_id_column, edge_id, graph->n_edges));
done:
    hg_free(ctx, rowptr);
    hg_free(ctx, edge_id);
    hg_free(ctx, col);
    return status;
}

/* Rows of reals as float32, in another order if one is given. */
static hg_status append_reals(hg_context *ctx, hg_h5 *h5, const char *path, const char *long_name, const hg_real *values, int64_t rows,
                              int64_t width, const int64_t *order)
{
    hg_status status = HG_OK;
    const hg_h5_column column = {path, HG_H5_F32, width, "1", long_name};
    float *copy = NULL;
    if (width == 0) goto done;
    HG_CHECK(values || rows == 0, HG_ERR_ARG, "%s:%s: the attributes are missing", hg_h5_name(h5), path);
    HG_TRY(hg_alloc(ctx, &copy, rows * width));
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t c = 0; c < width; ++c) copy[i * width + c] = (float)values[(order ? order[i] : i) * width + c];
    HG_TRY(hg_h5_append(ctx, h5, &column, copy, rows));
done:
    hg_free(ctx, copy);
    return status;
}

static hg_status append_labels(hg_context *ctx, hg_graphs_h5 *file, const hg_graph_content *content, const int64_t *order)
{
    hg_status status = HG_OK;
    const int64_t n = content->graph->n_edges;
    uint8_t *label = NULL;
    float *weight = NULL;
    if (content->label) {
        HG_TRY(hg_alloc(ctx, &label, n));
        for (int64_t e = 0; e < n; ++e) label[e] = content->label[order[e]];
        HG_TRY(hg_h5_append(ctx, file->h5, &label_column, label, n));
    }
    if (content->weight) {
        HG_TRY(hg_alloc(ctx, &weight, n));
        for (int64_t e = 0; e < n; ++e) weight[e] = content->weight[order[e]];
        HG_TRY(hg_h5_append(ctx, file->h5, &weight_column, weight, n));
    }
done:
    hg_free(ctx, label);
    hg_free(ctx, weight);
    return status;
}

hg_status hg_graphs_h5_append(hg_context *ctx, hg_graphs_h5 *file, uint64_t event_id, const hg_graph_content *content)
{
    hg_status status = HG_OK;
    const hg_graph *graph = content->graph;
    const hg_graph_columns *columns = &file->columns;
    int64_t *order = NULL;
    if (file->n_batches == 0) {
        file->particles = content->particle_id != NULL;
        file->labels = content->label != NULL;
        file->weights = content->weight != NULL;
    }
    HG_CHECK(file->particles == (content->particle_id != NULL) && file->labels == (content->label != NULL) &&
                 file->weights == (content->weight != NULL),
             HG_ERR_ARG, "%s: the graph of event %" PRIu64 " has other optional arrays than the first one", hg_h5_name(file->h5), event_id);
    HG_CHECK(content->hit_id || graph->n_nodes == 0, HG_ERR_ARG, "%s: the hit ids of the nodes are missing", hg_h5_name(file->h5));
    HG_TRY(file_order(ctx, graph, &order));
    HG_TRY(append_topology(ctx, file, event_id, graph, order));
    HG_TRY(hg_h5_append(ctx, file->h5, columns->doublet_nodes ? &hit_pair_column : &hit_id_column, content->hit_id, graph->n_nodes));
    HG_TRY(append_reals(ctx, file->h5, "/nodes/x", "node features", content->nodes, graph->n_nodes, columns->node_width, NULL));
    HG_TRY(append_reals(ctx, file->h5, "/edges/attr", "edge features", content->edges, graph->n_edges, columns->edge_width, order));
    HG_TRY(append_reals(ctx, file->h5, "/globals/u", "graph features", content->globals, graph->n_graphs, columns->global_width, NULL));
    if (file->particles) HG_TRY(hg_h5_append(ctx, file->h5, &particle_column, content->particle_id, graph->n_nodes));
    HG_TRY(append_labels(ctx, file, content, order));
    file->n_batches++;
    file->n_nodes += graph->n_nodes;
    file->n_edges += graph->n_edges;
done:
    hg_free(ctx, order);
    return status;
}

hg_status hg_graphs_h5_commit(hg_context *ctx, hg_graphs_h5 *file)
{
    hg_status status = HG_OK;
    if (file->n_batches == 0) { /* the datasets exist even without any graph */
        const hg_h5_column *const always[] = {&event_column, &section_column, &col_column, &edge_id_column,
                                              file->columns.doublet_nodes ? &hit_pair_column : &hit_id_column};
        for (size_t i = 0; i < sizeof always / sizeof *always; ++i) HG_TRY(hg_h5_append(ctx, file->h5, always[i], NULL, 0));
        HG_TRY(append_reals(ctx, file->h5, "/nodes/x", "node features", NULL, 0, file->columns.node_width, NULL));
        HG_TRY(append_reals(ctx, file->h5, "/edges/attr", "edge features", NULL, 0, file->columns.edge_width, NULL));
    }
    HG_TRY(hg_h5_commit(ctx, &file->h5));
done:
    hg_graphs_h5_abort(ctx, file);
    return status;
}

void hg_graphs_h5_abort(hg_context *ctx, hg_graphs_h5 *file)
{
    if (!file) return;
    hg_h5_close(ctx, file->h5);
    hg_free(ctx, file);
}

/* ---- scores ---- */

struct hg_scores_h5 {
    hg_h5 *h5; /* owned */
};

hg_status hg_scores_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, bool logit, uint64_t graph_hash,
                             const char *model_hash, float threshold, hg_scores_h5 **out)
{
    hg_status status = HG_OK;
    hg_scores_h5 *file = NULL;
    HG_TRY(hg_alloc(ctx, &file, 1));
    HG_TRY(hg_h5_create(ctx, path, "scores", &file->h5));
    HG_TRY(hg_h5_set_provenance(ctx, file->h5, provenance, "mm"));
    HG_TRY(hg_h5_set_string(ctx, file->h5, "/", "kind", logit ? "logit" : "probability"));
    HG_TRY(hg_h5_set_number(ctx, file->h5, "/", "graph_hash", &graph_hash));
    HG_TRY(hg_h5_set_string(ctx, file->h5, "/", "model_hash", model_hash ? model_hash : ""));
    HG_TRY(hg_h5_set_number(ctx, file->h5, "/", "threshold", &threshold));
    HG_TRY(hg_h5_append(ctx, file->h5, &score_column, NULL, 0));
    *out = file;
    file = NULL;
done:
    hg_scores_h5_abort(ctx, file);
    return status;
}

hg_status hg_scores_h5_append(hg_context *ctx, hg_scores_h5 *file, const hg_graph *graph, const float *score)
{
    hg_status status = HG_OK;
    int64_t *order = NULL;
    float *copy = NULL;
    HG_TRY(file_order(ctx, graph, &order));
    HG_TRY(hg_alloc(ctx, &copy, graph->n_edges));
    for (int64_t e = 0; e < graph->n_edges; ++e) copy[e] = score[order[e]];
    HG_TRY(hg_h5_append(ctx, file->h5, &score_column, copy, graph->n_edges));
done:
    hg_free(ctx, order);
    hg_free(ctx, copy);
    return status;
}

hg_status hg_scores_h5_commit(hg_context *ctx, hg_scores_h5 *file)
{
    const hg_status status = hg_h5_commit(ctx, &file->h5);
    hg_scores_h5_abort(ctx, file);
    return status;
}

void hg_scores_h5_abort(hg_context *ctx, hg_scores_h5 *file)
{
    if (!file) return;
    hg_h5_close(ctx, file->h5);
    hg_free(ctx, file);
}

hg_status hg_h5_content_hash(hg_context *ctx, const char *path, uint64_t *hash)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(hg_h5_open(ctx, path, NULL, &h5));
    HG_TRY(hg_h5_get_number(ctx, h5, "/", "content_hash", hash));
done:
    hg_h5_close(ctx, h5);
    return status;
}
