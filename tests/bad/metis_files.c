/* metis_files.c — METIS files: what is wrong is named with its line, what is legal is read, and what is written reads back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#include "hitgraph/metis_files.h"
#include "hitgraph/partition.h"
#include "tests/layered_graphs.h"

typedef struct bad_text {
    const char *text;
    hg_status status;
    const char *message;
} bad_text;

static void bad_graphs(void **state)
{
    (void)state;
    static const bad_text cases[] = {
        {"", HG_ERR_FORMAT, ":0: no header"},
        {"% nothing\n", HG_ERR_FORMAT, ":1: no header"},
        {"\n", HG_ERR_FORMAT, ":1: no header"},
        {"3\n", HG_ERR_FORMAT, ":1: no header"},
        {"three 2\n", HG_ERR_FORMAT, ":1: number of vertices: found \"three\", expected an integer"},
        {"3 2.0\n", HG_ERR_FORMAT, ":1: number of edges: found \"2.0\""},
        {"-3 2\n", HG_ERR_FORMAT, ":1: -3 vertices"},
        {"3 -2\n", HG_ERR_FORMAT, "-2 edges"},
        {"2147483648 0\n", HG_ERR_LIMIT, "2147483648 vertices"},
        {"99999999999999999999 0\n", HG_ERR_FORMAT, "found \"99999999999999999999\""},
        {"1000000 2\n2\n1\n", HG_ERR_FORMAT, "do not fit into a file of"},
        {"2 4611686018427387904\n2\n1\n", HG_ERR_FORMAT, "do not fit"},
        {"2 9223372036854775807\n2\n1\n", HG_ERR_FORMAT, "do not fit"},
        {"2 1 -1\n2\n1\n", HG_ERR_FORMAT, ":1: fmt"},
        {"2 1 2\n2\n1\n", HG_ERR_FORMAT, ":1: fmt"},
        {"2 1 999\n2\n1\n", HG_ERR_FORMAT, ":1: fmt"},
        {"2 1 0010\n2\n1\n", HG_ERR_FORMAT, ":1: fmt"},
        {"2 1 1 2\n2 1\n1 1\n", HG_ERR_FORMAT, ":1: ncon is 2, but fmt has no vertex weights"},
        {"2 1 10 1000000000\n2\n1\n", HG_ERR_FORMAT, ":1: ncon is 1000000000, expected 1"},
        {"2 1 10 0\n2\n1\n", HG_ERR_FORMAT, ":1: ncon is 0, expected 1"},
        {"2 1 10 1 7\n1 2\n1 1\n", HG_ERR_FORMAT, ":1: more than four numbers"},
        {"2 1\n0\n1\n", HG_ERR_DATA, ":2: neighbour 0 of vertex 1, expected 1 .. 2"},
        {"2 1\n3\n1\n", HG_ERR_DATA, ":2: neighbour 3 of vertex 1"},
        {"2 1\n2\n-5\n", HG_ERR_DATA, ":3: neighbour -5 of vertex 2"},
        {"2 1\n2\n2000000000\n", HG_ERR_DATA, ":3: neighbour 2000000000"},
        {"2 1\n2\n2\n", HG_ERR_DATA, ":3: vertex 2 lists itself"},
        {"2 2\n2 2\n1\n", HG_ERR_DATA, ":2: vertex 1 lists neighbour 2 twice"},
        {"3 2\n2 3\n1 3\n\n", HG_ERR_DATA, ":2: vertex 1 lists 3, which does not list it (line 4)"},
        {"3 2\n2\n1\n1 2\n", HG_ERR_DATA, ":4: vertex 3 lists 1, which does not list it (line 2)"},
        {"2 1 1\n2 7\n1 8\n", HG_ERR_DATA, ":3: edge to vertex 1 has weight 8, but 7 at its other end (line 2)"},
        {"2 1 1\n2\n1 8\n", HG_ERR_FORMAT, ":2: edge weight is missing"},
        {"2 1 1\n2 0\n1 0\n", HG_ERR_DATA, ":2: edge weight: found 0, expected 1 .. 2147483647"},
        {"2 1 10\n0 2\n1 1\n", HG_ERR_DATA, ":2: vertex weight: found 0"},
        {"2 1 10\n-4 2\n1 1\n", HG_ERR_DATA, ":2: vertex weight: found -4"},
        {"2 1 10\n2147483647 2\n1 1\n", HG_ERR_DATA, ":3: sum of every vertex weight so far: 2147483648"},
        {"2 1 1\n2 1073741824\n1 1073741824\n", HG_ERR_DATA, ":3: sum of every edge weight so far"},
        {"2 1 100\n-1 2\n1 1\n", HG_ERR_FORMAT, ":2: vertex size"},
        {"2 1\n2\n", HG_ERR_FORMAT, ":2: the file ends after 1 of 2 vertices"},
        {"2 1\n2\n1\n1\n", HG_ERR_FORMAT, ":4: text after the last of 2 lines of vertices"},
        {"3 2\n2\n1\n\n", HG_ERR_FORMAT, "2 neighbours in all, expected 4"},
        {"3 1\n2 3\n1\n1\n", HG_ERR_FORMAT, ":3: more than 2 neighbours"},
        {"2 1\n2x\n1\n", HG_ERR_FORMAT, ":2: neighbour: found \"2x\""},
        {"2 1\n\x01\xff\n1\n", HG_ERR_FORMAT, ":2: neighbour: found \"\?\?\""},
        {"2 1\n 2 %\n1\n", HG_ERR_FORMAT, ":2: neighbour: found \"%\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_metis_graph graph = {0};
        char place[64];
        snprintf(place, sizeof place, "bad.graph%s", cases[i].message[0] == ':' ? "" : ":");
        write_text("bad.graph", cases[i].text);
        expect_failure(hg_metis_graph_read(ctx, in_folder("bad.graph"), &graph), cases[i].status, cases[i].message);
        assert_non_null(strstr(hg_context_message(ctx), place));
        assert_null(graph.graph);
    }
    hg_metis_graph graph = {0};
    expect_failure(hg_metis_graph_read(ctx, in_folder("none.graph"), &graph), HG_ERR_IO, "none.graph");
    expect_failure(hg_metis_graph_read(ctx, "/dev/zero", &graph), HG_ERR_IO, "not a regular file");
}

/* NUL bytes and lines of a megabyte. */
static void odd_bytes(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    hg_metis_graph graph = {0};
    write_bytes("bad.graph", "2 1\n2\0\n1\n", 9);
    expect_failure(hg_metis_graph_read(ctx, in_folder("bad.graph"), &graph), HG_ERR_FORMAT, ":2: neighbour");
    char *line = calloc(LONG + 16, 1);
    memset(line, ' ', LONG);
    memcpy(line, "2 1\n2", 5);
    memcpy(line + LONG, "\n1\n", 4);
    write_text("long.graph", line);
    must(hg_metis_graph_read(ctx, in_folder("long.graph"), &graph));
    assert_int_equal(graph.graph->n_edges, 1);
    hg_metis_graph_clear(ctx, &graph);
    memset(line + 5, '7', LONG - 5);
    write_text("long.graph", line);
    expect_failure(hg_metis_graph_read(ctx, in_folder("long.graph"), &graph), HG_ERR_FORMAT, "expected an integer");
    free(line);
}

static void legal_graphs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t nodes, edges, weight, edge_weight;
    } cases[] = {
        {"0 0\n", 0, 0, 0, 0},
        {"2 0\n\n\n", 2, 0, 0, 0},
        {"% a\n3 2\n% b\n2\n% c\n1 3\n2\n% d\n\n", 3, 2, 0, 0},
        {"3 2\r\n2\r\n3 1\r\n2", 3, 2, 0, 0},
        {"\t2 1 011 1\n5 2 7\n6 1 7\n", 2, 1, 11, 7},
        {"2 1 110\n9 5 2\n9 6 1\n", 2, 1, 11, 0},
        {"2 1 1\n2 7\n1 7\n", 2, 1, 0, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_metis_graph g = {0};
        write_text("good.graph", cases[i].text);
        must(hg_metis_graph_read(ctx, in_folder("good.graph"), &g));
        assert_int_equal(g.graph->n_nodes, cases[i].nodes);
        assert_int_equal(g.graph->n_edges, cases[i].edges);
        assert_int_equal(g.node_weight ? g.node_weight[0] + g.node_weight[1] : 0, cases[i].weight);
        assert_int_equal(g.edge_weight ? g.edge_weight[0] : 0, cases[i].edge_weight);
        hg_metis_graph_clear(ctx, &g);
    }
}

static void written_graphs_read_back(void **state)
{
    (void)state;
    for (int trial = 0; trial < 30; ++trial) {
        hg_graph *g = corner_graph(ctx, trial);
        hg_metis_graph first = {0}, second = {0};
        int32_t weight[300];
        for (int64_t e = 0; e < g->n_edges; ++e) weight[e] = (int32_t)(1 + e % 7);
        must(hg_metis_graph_write(ctx, in_folder("a.graph"), g, trial % 3 ? NULL : weight, trial % 2 ? weight : NULL));
        must(hg_metis_graph_read(ctx, in_folder("a.graph"), &first));
        assert_int_equal(first.graph->n_nodes, g->n_nodes);
        assert_int_equal(first.edge_weight != NULL, trial % 2 == 1);
        must(hg_metis_graph_write(ctx, in_folder("b.graph"), first.graph, first.node_weight, first.edge_weight));
        shell("cmp %s %s", in_folder("a.graph"), in_folder("b.graph"));
        must(hg_metis_graph_read(ctx, in_folder("b.graph"), &second));
        for (int64_t e = 0; e < first.graph->n_edges; ++e) {
            assert_true(first.graph->sender[e] < first.graph->receiver[e]);
            assert_int_equal(first.graph->sender[e], second.graph->sender[e]);
            assert_int_equal(first.graph->receiver[e], second.graph->receiver[e]);
            if (first.edge_weight) assert_int_equal(first.edge_weight[e], second.edge_weight[e]);
        }
        hg_metis_graph_clear(ctx, &first);
        hg_metis_graph_clear(ctx, &second);
        hg_graph_destroy(ctx, g);
    }
}

static void bad_parts(void **state)
{
    (void)state;
    static const bad_text cases[] = {
        {"0\n", HG_ERR_FORMAT, "too few for the parts of 3 nodes"},
        {"0\n1\n", HG_ERR_FORMAT, ":2: the file ends after the parts of 2 of 3 nodes"},
        {"0\n1\n1\n0\n", HG_ERR_FORMAT, ":4: text after the last of 3 lines"},
        {"0\n\n1\n", HG_ERR_FORMAT, ":2: empty line, expected the part of node 2"},
        {"0\n1 1\n0\n", HG_ERR_FORMAT, ":2: more than one number"},
        {"0\n-1\n0\n", HG_ERR_DATA, ":2: part -1, expected 0 .. 1"},
        {"0\n1\n2\n", HG_ERR_DATA, ":3: part 2, expected 0 .. 1"},
        {"0\nx\n1\n", HG_ERR_FORMAT, ":2: part: found \"x\""},
        {"0\n1.5\n1\n", HG_ERR_FORMAT, ":2: part: found \"1.5\""},
        {"0\n1\n99999999999999999999\n", HG_ERR_FORMAT, ":3: part"},
    };
    int64_t found = -7;
    int32_t *part = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        write_text("bad.part", cases[i].text);
        expect_failure(hg_metis_parts_read(ctx, in_folder("bad.part"), 3, 2, &found, &part), cases[i].status, cases[i].message);
        assert_true(found == -7 && !part);
    }
    write_text("good.part", "0\n2\n1\n\n");
    must(hg_metis_parts_read(ctx, in_folder("good.part"), 3, 0, &found, &part));
    assert_true(found == 3 && part[0] == 0 && part[1] == 2 && part[2] == 1);
    must(hg_metis_parts_write(ctx, in_folder("again.part"), 3, part));
    char *text = text_of(in_folder("again.part"));
    assert_string_equal(text, "0\n2\n1\n");
    hg_free(ctx, text);
    hg_free(ctx, part);
    write_text("large.part", "0\n65536\n0\n");
    expect_failure(hg_metis_parts_read(ctx, in_folder("large.part"), 3, 0, &found, &part), HG_ERR_DATA,
                   ":2: part 65536, expected 0 .. 65535");
}

static void exit_codes_of_the_verb(void **state)
{
    (void)state;
    static const mistake cases[] = {
        {"partition ring.graph", 2, "--parts: expected 1 or more"},
        {"partition ring.graph --parts 0", 2, "--parts"},
        {"partition ring.graph --parts -3", 2, "--parts"},
        {"partition ring.graph --parts 9 --balance weight", 2, "--balance"},
        {"partition ring.graph --parts 41", 2, "41 parts of 40 nodes"},
        {"partition ring.graph --parts 100000", 4, "100000 parts, expected at most 65536"},
        {"partition ring.graph --parts 2 --seed -1", 2, "seed -1"},
        {"partition ring.graph --parts 2 --graph 1", 2, "a METIS file holds one"},
        {"partition none.graph --parts 2", 3, "none.graph"},
        {"partition none.h5 --parts 2", 3, "none.h5"},
        {"partition loop.graph --parts 2", 3, "loop.graph:2: vertex 1 lists itself"},
        {"partition lopsided.graph --parts 2", 3, "lopsided.graph:2: vertex 1 lists 2, which does not list it (line 3)"},
        {"partition ring.graph --read short.part", 3, "short.part:"},
        {"partition ring.graph --parts 2 --out none/x.part", 1, "none"},
    };
    hg_text ring = {0};
    must(hg_text_append(ctx, &ring, "40 40\n"));
    for (int i = 0; i < 40; ++i) must(hg_text_append(ctx, &ring, "%d %d\n", (i + 39) % 40 + 1, (i + 1) % 40 + 1));
    write_text("ring.graph", ring.data);
    hg_free(ctx, ring.data);
    write_text("loop.graph", "2 1\n1 2\n1\n");
    write_text("lopsided.graph", "3 1\n2 3\n\n\n");
    write_text("short.part", "0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n");
    expect_mistakes(cases, sizeof cases / sizeof *cases);
}

static void unknown_order(void **state)
{
    (void)state;
    answer a = run("track --out o -s engine.order=fastest none");
    expect_answer("engine.order=fastest", &a, 2, (const char *const[]){"engine.order", "fastest", "none | input | rcm | metis", NULL});
    forget(&a);
}

/* The whole way: cut, write, read again. */
static void answers_of_the_verb(void **state)
{
    (void)state;
    answer a = run("partition ring.graph --parts 4 --json --out ring.part.4 --graph-out same.graph");
    expect_answer("partition", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *root = json_array_get(lines, 0);
    assert_int_equal(json_integer_value(json_object_get(root, "cut_edges")), 4);
    assert_int_equal(json_integer_value(json_object_get(root, "halo")), 8);
    assert_int_equal(json_array_size(json_object_get(root, "part")), 4);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(root, "part"), 0), "nodes")), 10);
    json_decref(lines);
    forget(&a);
    a = run("partition same.graph --read ring.part.4");
    expect_answer("partition --read", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, "4 parts as read"));
    assert_non_null(strstr(a.out, "4 edges cut (10.00 %)"));
    forget(&a);
    a = run("partition ring.graph --parts 4 --threads 7 --out again.part.4");
    expect_answer("partition --threads", &a, 0, (const char *const[]){NULL});
    shell("cmp %s %s", in_folder("ring.part.4"), in_folder("again.part.4"));
    forget(&a);
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    const size_t before = hg_memory_used(ctx);
    hg_status status = HG_ERR_NOMEM;
    write_text("good.graph", "3 2 11\n1 2 7\n1 1 7 3 8\n1 2 8\n");
    for (int64_t n = 0; status != HG_OK; ++n) {
        hg_metis_graph graph = {0};
        hg_memory_fail_after(ctx, n);
        status = hg_metis_graph_read(ctx, in_folder("good.graph"), &graph);
        hg_memory_fail_after(ctx, -1);
        assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !graph.graph));
        hg_metis_graph_clear(ctx, &graph);
        assert_int_equal(hg_memory_used(ctx), before);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_graphs),
        cmocka_unit_test(odd_bytes),
        cmocka_unit_test(legal_graphs),
        cmocka_unit_test(written_graphs_read_back),
        cmocka_unit_test(bad_parts),
        cmocka_unit_test(exit_codes_of_the_verb),
        cmocka_unit_test(answers_of_the_verb),
        cmocka_unit_test(unknown_order),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
