/* datasets/metis_files.c — METIS graph files in, checked line by line; graph and partition files out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/metis_files.h"

#include "base/check.h"
#include "base/memory.h"
#include "datasets/metis_text.h"
#include "hitgraph/partition.h"

/* A file as it is read: rows of neighbours as listed, numbered from 0. */
typedef struct reader {
    hg_context *ctx;
    hg_metis_text text;
    int64_t n, m; /* nodes, undirected edges */
    bool sizes, node_weights, edge_weights;
    int64_t n_read;               /* neighbours so far */
    int64_t *ptr, *line;          /* [n + 1], [n] owned; line: of each node */
    int32_t *neighbour, *weight;  /* [2 m] owned */
    int32_t *node_weight;         /* [n] owned */
    int64_t *seen;                /* [n] owned: last row that listed the node, plus 1 */
    int64_t sum_nodes, sum_edges; /* of the weights so far, edges from both ends */
} reader;

static hg_status read_format(reader *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    const char *word;
    size_t length;
    int64_t n_weights = 1;
    bool there;
    if (!hg_metis_next_word(&r->text, &word, &length)) return HG_OK;
    bool digits = length <= 3;
    for (size_t i = 0; i < length; ++i) digits = digits && (word[i] == '0' || word[i] == '1');
    HG_CHECK(digits, HG_ERR_FORMAT, "%s:%" PRId64 ": fmt: expected up to three digits 0 or 1 (vertex sizes, vertex weights, edge weights)",
             r->text.path, r->text.line);
    r->edge_weights = word[length - 1] == '1';
    r->node_weights = length >= 2 && word[length - 2] == '1';
    r->sizes = length == 3 && word[0] == '1';
    HG_TRY(hg_metis_next_int(ctx, &r->text, "ncon", &there, &n_weights));
    HG_CHECK(!there || r->node_weights, HG_ERR_FORMAT, "%s:%" PRId64 ": ncon is %" PRId64 ", but fmt has no vertex weights", r->text.path,
             r->text.line, n_weights);
    HG_CHECK(n_weights == 1, HG_ERR_FORMAT, "%s:%" PRId64 ": ncon is %" PRId64 ", expected 1 weight a vertex", r->text.path, r->text.line,
             n_weights);
    HG_CHECK(!hg_metis_next_word(&r->text, &word, &length), HG_ERR_FORMAT,
             "%s:%" PRId64 ": more than four numbers, expected n m [fmt [ncon]]", r->text.path, r->text.line);
done:
    return status;
}

static hg_status read_header(reader *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    bool has_n = false, has_m = false;
    const bool found = hg_metis_next_line(&r->text);
    if (found) HG_TRY(hg_metis_next_int(ctx, &r->text, "number of vertices", &has_n, &r->n));
    if (found && has_n) HG_TRY(hg_metis_next_int(ctx, &r->text, "number of edges", &has_m, &r->m));
    HG_CHECK(has_m, HG_ERR_FORMAT, "%s:%" PRId64 ": no header, expected n m [fmt [ncon]]", r->text.path, r->text.line);
    HG_CHECK(r->n >= 0 && r->m >= 0, HG_ERR_FORMAT, "%s:%" PRId64 ": %" PRId64 " vertices and %" PRId64 " edges, expected 0 or more",
             r->text.path, r->text.line, r->n, r->m);
    HG_CHECK(r->n < INT32_MAX, HG_ERR_LIMIT, "%s:%" PRId64 ": %" PRId64 " vertices, expected fewer than %d", r->text.path, r->text.line,
             r->n, INT32_MAX);
    /* a node needs a line and a neighbour a digit and a blank: larger counts are refused before memory is asked for */
    const int64_t bytes = (int64_t)r->text.length;
    HG_CHECK(r->n <= bytes && r->m <= bytes / 4 + 1, HG_ERR_FORMAT,
             "%s:%" PRId64 ": %" PRId64 " vertices and %" PRId64 " edges do not fit into a file of %" PRId64 " bytes", r->text.path,
             r->text.line, r->n, r->m, bytes);
    HG_TRY(read_format(r));
done:
    return status;
}

static hg_status read_weight(reader *r, const char *what, int64_t *sum, int32_t *out)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int64_t weight = 0;
    bool there;
    HG_TRY(hg_metis_next_int(ctx, &r->text, what, &there, &weight));
    HG_CHECK(there, HG_ERR_FORMAT, "%s:%" PRId64 ": %s is missing", r->text.path, r->text.line, what);
    HG_CHECK(weight >= 1 && weight <= INT32_MAX, HG_ERR_DATA, "%s:%" PRId64 ": %s: found %" PRId64 ", expected 1 .. %d", r->text.path,
             r->text.line, what, weight, INT32_MAX);
    *sum += weight;
    HG_CHECK(*sum <= INT32_MAX, HG_ERR_DATA, "%s:%" PRId64 ": sum of every %s so far: %" PRId64 ", expected at most %d", r->text.path,
             r->text.line, what, *sum, INT32_MAX);
    *out = (int32_t)weight;
done:
    return status;
}

static hg_status add_neighbour(reader *r, int64_t node, int64_t number)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    const char *path = r->text.path;
    const int64_t line = r->text.line;
    HG_CHECK(number >= 1 && number <= r->n, HG_ERR_DATA,
             "%s:%" PRId64 ": neighbour %" PRId64 " of vertex %" PRId64 ", expected 1 .. %" PRId64, path, line, number, node + 1, r->n);
    HG_CHECK(number - 1 != node, HG_ERR_DATA, "%s:%" PRId64 ": vertex %" PRId64 " lists itself", path, line, number);
    HG_CHECK(r->seen[number - 1] != node + 1, HG_ERR_DATA, "%s:%" PRId64 ": vertex %" PRId64 " lists neighbour %" PRId64 " twice", path,
             line, node + 1, number);
    HG_CHECK(r->n_read < 2 * r->m, HG_ERR_FORMAT, "%s:%" PRId64 ": more than %" PRId64 " neighbours, twice the edges of the header", path,
             line, 2 * r->m);
    r->seen[number - 1] = node + 1;
    r->neighbour[r->n_read] = (int32_t)(number - 1);
    if (r->edge_weights) HG_TRY(read_weight(r, "edge weight", &r->sum_edges, &r->weight[r->n_read]));
    r->n_read++;
done:
    return status;
}

static hg_status read_node(reader *r, int64_t node)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int64_t number = 0;
    bool there = true;
    HG_CHECK(hg_metis_next_line(&r->text), HG_ERR_FORMAT, "%s:%" PRId64 ": the file ends after %" PRId64 " of %" PRId64 " vertices",
             r->text.path, r->text.line, node, r->n);
    r->line[node] = r->text.line;
    if (r->sizes) {
        HG_TRY(hg_metis_next_int(ctx, &r->text, "vertex size", &there, &number));
        HG_CHECK(there && number >= 0, HG_ERR_FORMAT, "%s:%" PRId64 ": vertex size: expected 0 or more", r->text.path, r->text.line);
    }
    if (r->node_weights) HG_TRY(read_weight(r, "vertex weight", &r->sum_nodes, &r->node_weight[node]));
    for (;;) {
        HG_TRY(hg_metis_next_int(ctx, &r->text, "neighbour", &there, &number));
        if (!there) break;
        HG_TRY(add_neighbour(r, node, number));
    }
    r->ptr[node + 1] = r->n_read;
done:
    return status;
}

static hg_status read_rows(reader *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    HG_TRY(hg_alloc(ctx, &r->ptr, r->n + 1));
    HG_TRY(hg_alloc(ctx, &r->line, r->n));
    HG_TRY(hg_alloc(ctx, &r->seen, r->n));
    HG_TRY(hg_alloc(ctx, &r->neighbour, 2 * r->m));
    if (r->edge_weights) HG_TRY(hg_alloc(ctx, &r->weight, 2 * r->m));
    if (r->node_weights) HG_TRY(hg_alloc(ctx, &r->node_weight, r->n));
    for (int64_t i = 0; i < r->n; ++i) HG_TRY(read_node(r, i));
    HG_TRY(hg_metis_expect_end(ctx, &r->text, "vertices", r->n));
    HG_CHECK(r->n_read == 2 * r->m, HG_ERR_FORMAT, "%s:%" PRId64 ": %" PRId64 " neighbours in all, expected %" PRId64 ", twice the edges",
             r->text.path, r->text.line, r->n_read, 2 * r->m);
done:
    return status;
}

/* An edge listed by its smaller end must be listed by the larger one with the same weight, and the other way round. lower[i ..): edges
 * that the smaller ends list, by larger end. */
static hg_status check_symmetry(reader *r, const int32_t *sender, const int32_t *weight, const int64_t *in_ptr)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int64_t *place = NULL; /* [n] where the current row lists the node, plus 1 */
    HG_TRY(hg_alloc(ctx, &place, r->n));
    for (int64_t j = 0; j < r->n; ++j) {
        for (int64_t k = r->ptr[j]; k < r->ptr[j + 1]; ++k) place[r->neighbour[k]] = k + 1;
        for (int64_t e = in_ptr[j]; e < in_ptr[j + 1]; ++e) {
            const int32_t i = sender[e];
            const int64_t k = place[i] - 1;
            const bool listed = k >= r->ptr[j] && k < r->ptr[j + 1];
            HG_CHECK(listed, HG_ERR_DATA, "%s:%" PRId64 ": vertex %" PRId32 " lists %" PRId64 ", which does not list it (line %" PRId64 ")",
                     r->text.path, r->line[i], i + 1, j + 1, r->line[j]);
            HG_CHECK(!weight || weight[e] == r->weight[k], HG_ERR_DATA,
                     "%s:%" PRId64 ": edge to vertex %" PRId32 " has weight %" PRId32 ", but %" PRId32 " at its other end (line %" PRId64
                     ")",
                     r->text.path, r->line[j], i + 1, r->weight[k], weight[e], r->line[i]);
            r->neighbour[k] = -1; /* accounted for */
        }
        for (int64_t k = r->ptr[j]; k < r->ptr[j + 1]; ++k) {
            const int32_t i = r->neighbour[k];
            HG_CHECK(i < 0 || i > j, HG_ERR_DATA,
                     "%s:%" PRId64 ": vertex %" PRId64 " lists %" PRId32 ", which does not list it (line %" PRId64 ")", r->text.path,
                     r->line[j], j + 1, i + 1, r->line[i]);
        }
    }
done:
    hg_free(ctx, place);
    return status;
}

/* The edges that the smaller ends list, as a graph. */
static hg_status make_graph(reader *r, hg_metis_graph *out)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int32_t *sender = NULL, *receiver = NULL, *weight = NULL;
    int64_t n = 0;
    for (int64_t i = 0; i < r->n; ++i) {
        for (int64_t k = r->ptr[i]; k < r->ptr[i + 1]; ++k) n += r->neighbour[k] > i;
    }
    HG_TRY(hg_alloc(ctx, &sender, n));
    HG_TRY(hg_alloc(ctx, &receiver, n));
    if (r->weight) HG_TRY(hg_alloc(ctx, &weight, n));
    n = 0;
    for (int64_t i = 0; i < r->n; ++i) {
        for (int64_t k = r->ptr[i]; k < r->ptr[i + 1]; ++k) {
            if (r->neighbour[k] <= i) continue;
            if (weight) weight[n] = r->weight[k];
            sender[n] = (int32_t)i;
            receiver[n++] = r->neighbour[k];
        }
    }
    HG_TRY(hg_graph_create(ctx, r->n, n, sender, receiver, 1, NULL, &out->graph));
    if (weight) HG_TRY(hg_alloc(ctx, &out->edge_weight, n));
    for (int64_t e = 0; weight && e < n; ++e) out->edge_weight[e] = weight[out->graph->caller_edge[e]];
    HG_TRY(check_symmetry(r, out->graph->sender, out->edge_weight, out->graph->in_ptr));
    out->node_weight = r->node_weight;
    r->node_weight = NULL;
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, weight);
    return status;
}

hg_status hg_metis_graph_read(hg_context *ctx, const char *path, hg_metis_graph *out)
{
    hg_status status = HG_OK;
    reader r = {.ctx = ctx};
    hg_metis_graph made = {0};
    HG_TRY(hg_metis_text_open(ctx, path, &r.text));
    HG_TRY(read_header(&r));
    HG_TRY(read_rows(&r));
    HG_TRY(make_graph(&r, &made));
    *out = made;
    made = (hg_metis_graph){0};
done:
    hg_metis_graph_clear(ctx, &made);
    hg_metis_text_close(ctx, &r.text);
    hg_free(ctx, r.ptr);
    hg_free(ctx, r.line);
    hg_free(ctx, r.seen);
    hg_free(ctx, r.neighbour);
    hg_free(ctx, r.weight);
    hg_free(ctx, r.node_weight);
    return status;
}

void hg_metis_graph_clear(hg_context *ctx, hg_metis_graph *graph)
{
    hg_graph_destroy(ctx, graph->graph);
    hg_free(ctx, graph->node_weight);
    hg_free(ctx, graph->edge_weight);
    *graph = (hg_metis_graph){0};
}

/* ---- partition files in ---- */

hg_status hg_metis_parts_read(hg_context *ctx, const char *path, int64_t n_nodes, int64_t n_parts, int64_t *found, int32_t **part)
{
    hg_status status = HG_OK;
    hg_metis_text text = {0};
    int32_t *read = NULL;
    int64_t most = -1;
    const int64_t limit = n_parts > 0 ? n_parts : HG_PARTS_MAX;
    HG_TRY(hg_metis_text_open(ctx, path, &text));
    HG_CHECK(n_nodes <= (int64_t)text.length, HG_ERR_FORMAT, "%s: %zu bytes, too few for the parts of %" PRId64 " nodes", path, text.length,
             n_nodes);
    HG_TRY(hg_alloc(ctx, &read, n_nodes));
    for (int64_t i = 0; i < n_nodes; ++i) {
        int64_t number = 0;
        bool there = false, more = false;
        HG_CHECK(hg_metis_next_line(&text), HG_ERR_FORMAT,
                 "%s:%" PRId64 ": the file ends after the parts of %" PRId64 " of %" PRId64 " nodes", path, text.line, i, n_nodes);
        HG_TRY(hg_metis_next_int(ctx, &text, "part", &there, &number));
        HG_CHECK(there, HG_ERR_FORMAT, "%s:%" PRId64 ": empty line, expected the part of node %" PRId64, path, text.line, i + 1);
        HG_CHECK(number >= 0 && number < limit, HG_ERR_DATA, "%s:%" PRId64 ": part %" PRId64 ", expected 0 .. %" PRId64, path, text.line,
                 number, limit - 1);
        read[i] = (int32_t)number;
        most = number > most ? number : most;
        HG_TRY(hg_metis_next_int(ctx, &text, "end of the line", &more, &number));
        HG_CHECK(!more, HG_ERR_FORMAT, "%s:%" PRId64 ": more than one number, expected the part of one node", path, text.line);
    }
    HG_TRY(hg_metis_expect_end(ctx, &text, "nodes", n_nodes));
    *found = most + 1;
    *part = read;
    read = NULL;
done:
    hg_metis_text_close(ctx, &text);
    hg_free(ctx, read);
    return status;
}
