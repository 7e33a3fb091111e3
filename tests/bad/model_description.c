/* tests/bad/model_description.c — broken descriptions and batches: each gives its status and a message that names the place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../variant_tools.h"
#include "base/memory.h"
#include "tests/leaks.h"

static void refused(const char *yaml, const char *place, const char *words)
{
    hg_model *model = (hg_model *)(uintptr_t)8;
    hg_status status = hg_model_create(ctx, "m.yaml", yaml, 1, &model);
    const char *message = hg_context_message(ctx);
    if (status != HG_ERR_CONFIG || !strstr(message, place) || !strstr(message, words))
        fail_msg("status %d, message \"%s\" of\n%s", status, message, yaml);
    assert_ptr_equal(model, (void *)(uintptr_t)8);
}

#define HEAD "inputs: {nodes: 3, edges: 4}\n"
#define NETS "networks: [{name: a, widths: [8]}]\n"
#define END "  - outputs: {nodes: x}\n"

static void broken_descriptions(void **state)
{
    (void)state;
    refused("inputs: {nodes: 3, points: 4}\nupdates: []\n", "m.yaml:1:", "points");
    refused(HEAD "layers: 3\nupdates: []\n", "m.yaml:2:", "layers");
    refused(HEAD "updates: []\n", "m.yaml:1:", "no outputs");
    refused(HEAD, "m.yaml:1:", "updates");
    refused(HEAD "networks: [{name: a, widths: [8], activation: swish}]\nupdates: []\n", "m.yaml:2:", "swish");
    refused(HEAD "networks: [{name: a, widths: [8], size: 3}]\nupdates: []\n", "m.yaml:2:", "size");
    refused(HEAD "networks: [{name: a}]\nupdates: []\n", "m.yaml:2:", "widths");
    refused(HEAD "networks: [{name: a, widths: [0]}]\nupdates: []\n", "m.yaml:2:", "0");
    refused(HEAD "networks: [{name: a, widths: [8], copies: 2}]\nupdates: []\n", "m.yaml:2:", "{copy}");
    refused(HEAD NETS "updates:\n" END, "m.yaml:", "not used");
    refused(HEAD NETS "updates:\n  - {nodes: x, network: b, inputs: [x]}\n" END, "m.yaml:4:", "no network \"b\"");
    refused(HEAD NETS "updates:\n  - {nodes: x, network: a, inputs: [x]}\n  - {nodes: x, network: a, inputs: [x]}\n" END,
            "m.yaml:5:", "3 columns");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [z]}\n" END, "m.yaml:3:", "no table \"z\"");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [e]}\n" END, "m.yaml:3:", "table of edges");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [sum e]}\n" END, "m.yaml:3:", "in or out");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in total e]}\n" END, "m.yaml:3:", "attention");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in attention e]}\n" END, "m.yaml:3:", "scores");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in sum x]}\n" END, "m.yaml:3:", "expected edges");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in sum e * sender x]}\n" END, "m.yaml:3:", "do not divide");
    refused(HEAD "updates:\n  - {edges: e, inputs: [in sum e]}\n" END, "m.yaml:3:", "cannot reduce");
    refused(HEAD "updates:\n  - {edges: e, inputs: [sender e]}\n" END, "m.yaml:3:", "tables of nodes");
    refused(HEAD "updates:\n  - {globals: g, inputs: [in sum e]}\n" END, "m.yaml:3:", "globals");
    refused(HEAD "updates:\n  - {nodes: e, inputs: [in sum e]}\n" END, "m.yaml:3:", "table \"e\"");
    refused(HEAD "updates:\n  - {nodes: x, edges: e, inputs: [x]}\n" END, "m.yaml:3:", "more than one");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [x x]}\n" END, "m.yaml:3:", "did not expect");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [x], residual: add}\n" END, "m.yaml:3:", "no table \"y\"");
    refused(HEAD "updates:\n  - {nodes: x, inputs: [x, x], residual: add}\n" END, "m.yaml:3:", "6");
    refused(HEAD "updates:\n  - {nodes: \"x{step}\", inputs: [x]}\n" END, "m.yaml:3:", "{step}");
    refused(HEAD "updates:\n  - {repeat: 0, updates: []}\n" END, "m.yaml:3:", "0");
    refused(HEAD "updates:\n  - outputs: {edges: x}\n", "m.yaml:3:", "not a table of edges");
    refused(HEAD "updates: [{outputs: {nodes: x}}]\nloss: median\n", "m.yaml:3:", "median");
    refused(HEAD "networks: [{name: a, widths: [2], norm: batch, output_norm: batch}]\nupdates:\n  - {globals: g, network: a, inputs: [sum "
                 "x]}\n" END,
            "m.yaml:4:", "batch norms");
}

/* Searched graphs, levels, types and computed inputs. */
static void broken_variants(void **state)
{
    (void)state;
    refused(HEAD "updates:\n  - {graph: delaunay, nodes: x}\n" END, "m.yaml:3:", "delaunay");
    refused(HEAD "updates:\n  - {graph: knn, nodes: x}\n" END, "m.yaml:3:", "'k'");
    refused(HEAD "updates:\n  - {graph: knn, k: 0, nodes: x}\n" END, "m.yaml:3:", "0");
    refused(HEAD "updates:\n  - {graph: knn, k: 2}\n" END, "m.yaml:3:", "'nodes'");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: e}\n" END, "m.yaml:3:", "table of edges");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: x, columns: [3]}\n" END, "m.yaml:3:", "3");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: x, radius: 1}\n" END, "m.yaml:3:", "radius");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: x, time_weight: 1}\n" END, "m.yaml:3:", "light_speed");
    refused(HEAD "updates:\n  - {graph: radius, nodes: x}\n" END, "m.yaml:3:", "'radius'");
    refused(HEAD "updates:\n  - {graph: level, level: 1}\n" END, "m.yaml:3:", "levels");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: x}\n  - {nodes: y, inputs: [in sum e]}\n" END,
            "m.yaml:4:", "graph of line 0) than those of the graph of line 3");
    refused(HEAD "updates:\n  - {graph: knn, k: 2, nodes: x}\n  - {edges: m, inputs: [sender x]}\n  - outputs: {edges: m}\n",
            "m.yaml:5:", "another level or graph");
    refused(HEAD "updates:\n  - {edges: m, inputs: [dot 2 sender x * receiver x]}\n" END, "m.yaml:3:", "3 columns do not fall into 2");
    refused(HEAD "updates:\n  - {edges: m, inputs: [dot e * sender x]}\n" END, "m.yaml:3:", "\"x\" has 3");
    refused(HEAD "updates:\n  - {edges: m, inputs: [dot e]}\n" END, "m.yaml:3:", "second table");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [distance x]}\n" END, "m.yaml:3:", "distances");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [columns 1..3 x]}\n" END, "m.yaml:3:", "3 columns");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [columns a x]}\n" END, "m.yaml:3:", "0..3");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [homophily x]}\n" END, "m.yaml:3:", "homophily");
    refused(HEAD "networks: [{name: a, widths: [4], typed: true}]\nupdates:\n  - {edges: m, network: a, inputs: [e]}\n" END,
            "m.yaml:4:", "no types");
    refused("inputs: {nodes: 3, types: 2}\nnetworks: [{name: a, widths: [4], typed: true}]\nupdates:\n  - {nodes: y, network: a, inputs: "
            "[x]}\n" END,
            "m.yaml:4:", "updates of edges");
    refused(HEAD "networks: [{name: a, widths: [4], groups: 3}]\nupdates: []\n", "m.yaml:2:", "3 equal groups");
    refused(HEAD "networks: [{name: a, widths: [4], groups: 2}]\nupdates:\n  - {nodes: y, network: a, inputs: [x]}\n" END,
            "m.yaml:4:", "3 columns do not fall into 2");
    refused(HEAD "networks: [{name: a, widths: [4], linear: false}]\nupdates:\n  - {nodes: y, network: a, inputs: [x]}\n" END,
            "m.yaml:4:", "found 3");
    refused(HEAD "networks: [{name: a, widths: [4, 4], index: false}]\nupdates: []\n", "m.yaml:2:", "one layer");
    refused(HEAD "networks: [{name: a, widths: [4], output_dropout: 1.5}]\nupdates: []\n", "m.yaml:2:", "1.5");
    refused("inputs: {nodes: 3, levels: 1}\nupdates:\n  - {graph: pool, level: 1}\n  - {nodes: y, inputs: [in sum sender x, x]}\n" END,
            "m.yaml:4:", "level 0");
    refused("inputs: {nodes: 3, levels: 1}\nupdates:\n  - {graph: pool, level: 1}\n  - {edges: m, inputs: [receiver x]}\n" END,
            "m.yaml:4:", "level");
}

static void batch_refused(const hg_model *model, const hg_batch *batch, const char *words)
{
    hg_real nodes[64];
    hg_status status = hg_model_forward(ctx, model, batch, &(hg_outputs){.nodes = nodes});
    if (status != HG_ERR_ARG || !strstr(hg_context_message(ctx), words))
        fail_msg("status %d, message \"%s\", expected \"%s\"", status, hg_context_message(ctx), words);
}

static void broken_types_and_levels(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 3, types: 3, levels: 2, pool_types: 2}\n"
                               "updates:\n"
                               "  - {graph: pool, level: 1}\n"
                               "  - {nodes: y, inputs: [in sum sender x]}\n"
                               "  - {nodes: z, inputs: [out sum receiver y]}\n"
                               "  - outputs: {nodes: z}\n");
    layered s = layered_sample(hg_model_get_widths(model));
    layered_attach(&s);
    hg_batch *b = &s.base.batch;
    const hg_level good = s.level[0];
    s.edge_type[0][3] = 3;
    batch_refused(model, b, "level 0: type of edge 3 is 3, expected 0 .. 2");
    s.edge_type[0][3] = 0;
    s.pool_type[1][2] = -1;
    batch_refused(model, b, "level 2: type of pool edge 2 is -1, expected 0 .. 1");
    s.pool_type[1][2] = 0;
    s.level[0].edge_type = NULL;
    batch_refused(model, b, "level 1: no types of the edges");
    s.level[0] = good;
    s.level[0].edge_type = s.edge_type[1];
    s.level[0].pool_type = s.pool_type[0];
    s.level[0].pool = s.level[1].pool;
    batch_refused(model, b, "level 1: pool from 4 to 3 nodes, expected 8 to 4");
    s.level[0].pool = NULL;
    batch_refused(model, b, "level 1: no pool");
    s.level[0].pool = good.pool;
    b->n_levels = 1;
    batch_refused(model, b, "1 levels above its graph, the model expects 2");
    b->edge_type = NULL;
    batch_refused(model, b, "1 levels");
    layered_clear(&s);
    hg_model_destroy(ctx, model);
}

static void edges_out_of_range(void **state)
{
    (void)state;
    const int32_t sender[] = {0, 4}, receiver[] = {1, 0};
    const int64_t senders[] = {0, 4}, nodes[] = {0, 2}, apart[] = {0, 1, 4}, both[] = {0, 1, 2};
    hg_graph *graph = NULL;
    assert_int_equal(hg_graph_create(ctx, 4, 2, sender, receiver, 1, NULL, &graph), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "edge 1 is 4 -> 0, expected nodes in 0 .. 3"));
    assert_int_equal(hg_graph_create_bipartite(ctx, 4, 2, 2, sender, receiver, 1, senders, nodes, &graph), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "senders in 0 .. 3 and receivers in 0 .. 1"));
    assert_int_equal(hg_graph_create_bipartite(ctx, 4, 2, 1, sender, receiver, 2, apart, both, &graph), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "edge 0 goes from graph 0 to graph 1"));
    assert_int_equal(hg_graph_create_bipartite(ctx, 4, 2, 0, NULL, NULL, 1, NULL, nodes, &graph), HG_ERR_ARG);
    assert_null(graph);
}

/* Attributes, then parameters, then the first update that goes wrong are blamed, in evaluation and in training. */
static void blame(const char *yaml, const char *tensor, hg_real value, const char *words)
{
    hg_model *model = model_of(yaml);
    fill_parameters(model);
    hg_model_widths w = hg_model_get_widths(model);
    sample s = awkward_sample(w);
    results r = results_for(s.graph, w);
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model) + 1, sizeof *gradient);
    double loss;
    for (int64_t t = 0; tensor && t < hg_model_n_tensors(model); ++t) {
        if (!strcmp(hg_model_tensor(model, t).name, tensor)) hg_model_parameters(model)[hg_model_tensor(model, t).offset + 1] = value;
    }
    if (!tensor) s.nodes[7] = value;
    for (int training = 0; training < 2; ++training) {
        hg_status status = training ? hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, NULL)
                                    : hg_model_forward(ctx, model, &s.batch, &r.out);
        if (status != HG_ERR_NUMERIC || !strstr(hg_context_message(ctx), words))
            fail_msg("status %d, message \"%s\", expected \"%s\"", status, hg_context_message(ctx), words);
    }
    free(gradient);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* Read in inference only: training has the batch's own statistics. */
static void negative_variance(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 2}\n"
                               "networks: [{name: a, widths: [2], linear: false, output_norm: batch running, index: false}]\n"
                               "updates: [{nodes: y, network: a, inputs: [x]}, {outputs: {nodes: y}}]\n");
    hg_model_parameters(model)[7] = -1;
    sample s = small_sample(hg_model_get_widths(model));
    hg_real y[12];
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &(hg_outputs){.nodes = y}), HG_ERR_NUMERIC);
    assert_non_null(strstr(hg_context_message(ctx), "\"a.running_var\", element 1 is -1, expected 0 or more"));
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void numbers_that_are_not_finite(void **state)
{
    (void)state;
    const char *searched = "inputs: {nodes: 2}\n"
                           "networks: [{name: a, widths: [3]}, {name: b, widths: [2], activation: relu}]\n"
                           "updates:\n"
                           "  - {nodes: h, network: a, inputs: [x]}\n"
                           "  - {graph: knn, k: 2, nodes: h}\n"
                           "  - {edges: m, network: b, inputs: [sender h, receiver x]}\n"
                           "  - {nodes: y, inputs: [in max m]}\n"
                           "  - outputs: {nodes: y}\n";
    blame(searched, NULL, (hg_real)NAN, "attributes of nodes: row 3, column 1 is nan");
    blame(searched, "a.0.weight", (hg_real)NAN, "parameter \"a.0.weight\", element 1 is nan");
    blame(searched, "b.0.bias", (hg_real)INFINITY, "parameter \"b.0.bias\", element 1 is inf");
    /* a maximum of edges that come late would swallow the NaN */
    blame("inputs: {nodes: 2}\nupdates: [{nodes: y, inputs: [in max sender x]}, {outputs: {nodes: y}}]\n", NULL, (hg_real)NAN,
          "attributes of nodes: row 3, column 1 is nan");
    blame("inputs: {nodes: 2}\n"
          "networks: [{name: first, widths: [2]}, {name: second, widths: [2], output_activation: exp}, {name: third, widths: [1]}]\n"
          "updates:\n"
          "  - {nodes: h, network: first, inputs: [x]}\n"
          "  - {nodes: huge, network: second, inputs: [h], scale: 1.0e30}\n"
          "  - {nodes: y, network: third, inputs: [huge]}\n"
          "  - outputs: {nodes: y}\n",
          "second.0.bias", 80, "model, line 5, \"huge\" by network \"second\": result of nodes: row 0, column 1 is inf");
}

static void broken_batches(void **state)
{
    (void)state;
    hg_model *model = architecture("interaction_network", NULL);
    sample s = small_sample(hg_model_get_widths(model));
    results r = results_for(s.graph, hg_model_get_widths(model));
    hg_batch batch = s.batch;
    batch.edges = NULL;
    assert_int_equal(hg_model_forward(ctx, model, &batch, &r.out), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "edges"));
    batch = s.batch;
    batch.globals = s.nodes;
    assert_int_equal(hg_model_forward(ctx, model, &batch, &r.out), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "globals"));
    r.edges[0] = 42;
    s.nodes[4] = (hg_real)NAN;
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_NUMERIC);
    assert_non_null(strstr(hg_context_message(ctx), "attributes of nodes: row 1, column 1"));
    assert_true(r.edges[0] == 42);
    s.nodes[4] = 0;
    hg_model_parameters(model)[hg_model_n_parameters(model) - 1] = (hg_real)INFINITY;
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_NUMERIC);
    assert_non_null(strstr(hg_context_message(ctx), "\"R2.layers.4.bias\", element 0 is inf"));
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* Every allocation fails once: an error each time, and nothing is left behind. */
static void exhaust(hg_model *model, const hg_batch *batch)
{
    hg_model *other = NULL;
    results r = results_for(batch->graph, hg_model_get_widths(model));
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
    double loss;
    size_t used = hg_memory_used(ctx);
    hg_status status[3] = {HG_ERR_NOMEM, HG_ERR_NOMEM, HG_ERR_NOMEM};
    for (int64_t n = 0; status[0] < 0 || status[1] < 0 || status[2] < 0; ++n) {
        hg_memory_fail_after(ctx, n);
        status[0] = hg_model_create(ctx, "m.yaml", hg_model_yaml(model), 1, &other);
        hg_memory_fail_after(ctx, n);
        status[1] = hg_model_forward(ctx, model, batch, &r.out);
        hg_memory_fail_after(ctx, n);
        status[2] = hg_model_gradient(ctx, model, batch, mixed_loss, model, &loss, gradient, NULL, NULL);
        hg_memory_fail_after(ctx, -1);
        for (int i = 0; i < 3; ++i) assert_true(status[i] == HG_OK || status[i] == HG_ERR_NOMEM);
        hg_model_destroy(ctx, other);
        other = NULL;
        assert_int_equal(hg_memory_used(ctx), used);
        assert_true(n < 5000);
    }
    free(gradient);
    results_clear(&r);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    const char *const edits[] = {"128", "8", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL};
    hg_model *model = architecture("acorn_ignn2", edits);
    sample s = small_sample(hg_model_get_widths(model));
    exhaust(model, &s.batch);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
    static const char *const variants[] = {"dynedge_small", "gaussian_kernel", "graph_transformer", "sparse_unet"};
    for (int i = 0; i < 4; ++i) {
        model = architecture(variants[i], NULL);
        layered l = layered_sample(hg_model_get_widths(model));
        layered_attach(&l);
        l.base.batch.n_levels = i == 3;
        exhaust(model, &l.base.batch);
        layered_clear(&l);
        hg_model_destroy(ctx, model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(broken_descriptions), cmocka_unit_test(broken_variants),
                                       cmocka_unit_test(broken_batches),      cmocka_unit_test(broken_types_and_levels),
                                       cmocka_unit_test(edges_out_of_range),  cmocka_unit_test(numbers_that_are_not_finite),
                                       cmocka_unit_test(negative_variance),   cmocka_unit_test(memory_that_runs_out)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
