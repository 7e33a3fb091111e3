/* graphs_file.c — graphs written and read back, whole or one by one; files whose arrays contradict each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "datasets/hdf5.h"
#include "hitgraph/graphs_file.h"
#include "hitgraph/hdf5_files.h"
#include "tests/layered_graphs.h"

static void write_graphs(const hg_graph *first, const hg_graph *second)
{
    hg_graphs_h5 *file = NULL;
    uint64_t hit_id[128] = {0};
    const hg_graph_columns columns = {0};
    must(hg_graphs_h5_begin(ctx, in_folder("graphs.h5"), NULL, &columns, &file));
    must(hg_graphs_h5_append(ctx, file, 7, &(hg_graph_content){.graph = first, .hit_id = hit_id}));
    must(hg_graphs_h5_append(ctx, file, 8, &(hg_graph_content){.graph = second, .hit_id = hit_id}));
    must(hg_graphs_h5_commit(ctx, file));
}

static int by_ends(const void *a, const void *b)
{
    const int32_t *l = a, *r = b;
    return l[1] != r[1] ? (l[1] > r[1]) - (l[1] < r[1]) : (l[0] > r[0]) - (l[0] < r[0]);
}

/* Edges of one graph of a batch, counted inside it, sorted. */
static int64_t edges_of(const hg_graph *g, int64_t number, int32_t ends[300][2])
{
    const int64_t first = g->edge_ptr[number], n = g->edge_ptr[number + 1] - first;
    for (int64_t e = 0; e < n; ++e) {
        ends[e][0] = (int32_t)(g->sender[first + e] - g->node_ptr[number]);
        ends[e][1] = (int32_t)(g->receiver[first + e] - g->node_ptr[number]);
    }
    qsort(ends, (size_t)n, sizeof *ends, by_ends);
    return n;
}

static void expect_same(const hg_graph *written, int64_t a, const hg_graph *read, int64_t b)
{
    int32_t left[300][2], right[300][2];
    const int64_t n = edges_of(written, a, left);
    assert_int_equal(edges_of(read, b, right), n);
    assert_int_equal(read->node_ptr[b + 1] - read->node_ptr[b], written->node_ptr[a + 1] - written->node_ptr[a]);
    assert_memory_equal(left, right, (size_t)n * sizeof *left);
}

static void graphs_read_back(void **state)
{
    (void)state;
    for (int trial = 0; trial < 20; ++trial) {
        hg_graph *g[2] = {corner_graph(ctx, trial), corner_graph(ctx, trial + 50)};
        hg_graphs_content all = {0}, one = {0};
        write_graphs(g[0], g[1]);
        must(hg_graphs_content_read(ctx, in_folder("graphs.h5"), -1, &all));
        assert_int_equal(all.graph->n_graphs, g[0]->n_graphs + g[1]->n_graphs);
        for (int64_t k = 0; k < all.graph->n_graphs; ++k) {
            const int second = k >= g[0]->n_graphs;
            const int64_t number = second ? k - g[0]->n_graphs : k;
            assert_int_equal(all.event_id[k], 7 + second);
            expect_same(g[second], number, all.graph, k);
            must(hg_graphs_content_read(ctx, in_folder("graphs.h5"), k, &one));
            assert_int_equal(one.event_id[0], 7 + second);
            expect_same(g[second], number, one.graph, 0);
            hg_graphs_content_clear(ctx, &one);
        }
        expect_failure(hg_graphs_content_read(ctx, in_folder("graphs.h5"), all.graph->n_graphs, &one), HG_ERR_ARG, "expected 0 .. ");
        hg_graphs_content_clear(ctx, &all);
        hg_graph_destroy(ctx, g[0]);
        hg_graph_destroy(ctx, g[1]);
    }
}

/* A file of one graph with 3 nodes and 2 edges, or with one array replaced. */
static void write_raw(const int64_t node_offset[2], const int64_t rowptr[4], const int32_t col[2])
{
    static const hg_h5_column event = {"/graphs/event_id", HG_H5_U64, 0, "1", ""}, offset = {"/graphs/node_offset", HG_H5_I64, 0, "1", ""},
                              rows = {"/csr/rowptr", HG_H5_I64, 0, "1", ""}, columns = {"/csr/col", HG_H5_I32, 0, "1", ""};
    hg_h5 *h5 = NULL;
    const uint64_t id = 1;
    must(hg_h5_create(ctx, in_folder("raw.h5"), "graphs", &h5));
    must(hg_h5_write(ctx, h5, &event, &id, 1));
    must(hg_h5_write(ctx, h5, &offset, node_offset, 2));
    must(hg_h5_write(ctx, h5, &rows, rowptr, 4));
    must(hg_h5_write(ctx, h5, &columns, col, 2));
    must(hg_h5_commit(ctx, &h5));
}

static void contradictions(void **state)
{
    (void)state;
    static const struct {
        int64_t node_offset[2], rowptr[4];
        int32_t col[2];
        const char *message;
    } cases[] = {
        {{0, 3}, {0, 0, 1, 2}, {0, 3}, "/csr/col[1]: sender 3, expected 0 <= sender < 3"},
        {{0, 3}, {0, 0, 1, 2}, {-1, 2}, "/csr/col[0]: sender -1"},
        {{0, 3}, {0, 0, 1, 3}, {0, 1}, "/csr/rowptr[3]: 3, expected 2"},
        {{0, 3}, {0, 2, 1, 2}, {0, 1}, "/csr/rowptr[2]: 1, expected at least 2"},
        {{0, 3}, {1, 1, 1, 2}, {0, 1}, "/csr/rowptr[0]: 1, expected 0"},
        {{0, 4}, {0, 0, 1, 2}, {0, 1}, "/csr/rowptr"},
        {{1, 3}, {0, 0, 1, 2}, {0, 1}, "/graphs/node_offset[0]: 1, expected 0"},
    };
    hg_graphs_content content = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        write_raw(cases[i].node_offset, cases[i].rowptr, cases[i].col);
        const hg_status status = hg_graphs_content_read(ctx, in_folder("raw.h5"), -1, &content);
        if ((status != HG_ERR_DATA && status != HG_ERR_FORMAT) || !strstr(hg_context_message(ctx), cases[i].message))
            fail_msg("%s: status %d, %s", cases[i].message, status, hg_context_message(ctx));
        assert_null(content.graph);
    }
    write_raw((const int64_t[]){0, 3}, (const int64_t[]){0, 0, 1, 2}, (const int32_t[]){0, 2});
    must(hg_graphs_content_read(ctx, in_folder("raw.h5"), 0, &content));
    hg_graphs_content_clear(ctx, &content);
    write_text("text.h5", "no HDF5");
    expect_failure(hg_graphs_content_read(ctx, in_folder("text.h5"), -1, &content), HG_ERR_FORMAT, "text.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(graphs_read_back), cmocka_unit_test(contradictions)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
