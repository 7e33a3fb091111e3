/* block_numbers.h — pieces of networks against numbers computed by hand or in PyTorch: norms, reductions, the full block, EdgeConv. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_BLOCK_NUMBERS_H
#define HG_TESTS_BLOCK_NUMBERS_H

#include "near.h"
#include "model_tools.h"
#include "tests/leaks.h"

static const double close_enough = sizeof(hg_real) == 8 ? 1e-8 : 1e-4;

static void assert_rows(const char *what, const hg_real *found, const double *expected, int64_t n)
{
    for (int64_t i = 0; i < n; ++i) {
        double tolerance = close_enough * fmax(1, fabs(expected[i]));
        if (!(fabs((double)found[i] - expected[i]) <= tolerance))
            fail_msg("%s[%d]: found %.10g, expected %.10g", what, (int)i, (double)found[i], expected[i]);
    }
}

/* One linear loss through a model: outputs, weight gradient and gradients of the attributes. */
typedef struct evaluated {
    hg_real nodes[64], edges[64], globals[64], d_nodes[64], d_edges[64], d_globals[64], weights[256];
    double loss;
} evaluated;

static evaluated evaluate(const char *yaml, const double *parameters, const hg_batch *batch, const linear_coefficients *c)
{
    evaluated v = {0};
    hg_model *model = model_of(yaml);
    hg_real *p = hg_model_parameters(model);
    for (int64_t i = 0; i < hg_model_n_parameters(model); ++i) p[i] = (hg_real)parameters[i];
    hg_outputs out = {v.nodes, v.edges, v.globals}, d = {v.d_nodes, v.d_edges, v.d_globals};
    linear_coefficients copy = *c;
    must(hg_model_forward(ctx, model, batch, &out));
    must(hg_model_gradient(ctx, model, batch, linear_loss, &copy, &v.loss, v.weights, &d, NULL));
    hg_model_destroy(ctx, model);
    return v;
}

static void copy_real(hg_real *to, const double *from, int n)
{
    for (int i = 0; i < n; ++i) to[i] = (hg_real)from[i];
}

static evaluated evaluate_rows(const char *yaml, const double *parameters, int rows, const double *x, int width, const double *c)
{
    hg_graph *graph = NULL;
    hg_real nodes[32];
    copy_real(nodes, x, rows * width);
    must(hg_graph_create(ctx, rows, 0, NULL, NULL, 1, NULL, &graph));
    hg_batch batch = {.graph = graph, .nodes = nodes};
    linear_coefficients coefficients = {.nodes = c};
    evaluated v = evaluate(yaml, parameters, &batch, &coefficients);
    hg_graph_destroy(ctx, graph);
    return v;
}

static void linear_norm_silu(void **state)
{
    (void)state;
    const double p[] = {.5, -1, .25, 1, .5, -.5, -.75, .2, 1, .1, -.2, .3}, x[] = {1, -2, .5, 0, 1, 2}, c[] = {1, 2, -1, .5, -1, 3, NAN};
    const double y[] = {1.137074697, -.2391457484, -.2273388546, -.2127370399, -.2491885221, 1.13239378};
    const double dx[] = {.322460121, .04699368627, -.2745113914, .007248355958, .03180636409, -.01315919217};
    const double dw[] = {.0058582163,  -.03332719235, -.04029241134, .1800784861,   -.3405787975, .1291955924,
                         -.1859367024, .3739059899,   -.08890318101, -.01575254345, .1996566607,  -.1839041173};
    evaluated v = evaluate_rows("inputs: {nodes: 3}\n"
                                "networks: [{name: n, widths: [3], output_norm: layer, output_activation: silu}]\n"
                                "updates: [{nodes: y, network: n, inputs: [x]}, {outputs: {nodes: y}}]\n",
                                p, 2, x, 3, c);
    assert_rows("y", v.nodes, y, 6);
    assert_rows("dX", v.d_nodes, dx, 6);
    assert_rows("dW, db", v.weights, dw, 12);
}

static void affine_layer_norm(void **state)
{
    (void)state;
    const double p[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, .5, .1, 0, -.1}, z[] = {2.725, -.45, -.35, -.4, -.7, 2.5};
    const double c[] = {1, 2, -1, .5, -1, 3, NAN};
    const double y[] = {1.513667562, -1.481523605, -.4364528798, -.5006030203, -1.617008132, .604553543};
    const double dz[] = {.04855670505, 1.493174529, -1.541731234, .822430879, -.7453331323, -.07709774663};
    const double d_affine[] = {1.113366052, -.6730195396, 4.900227018, 1.5, 1, 2};
    evaluated v = evaluate_rows("inputs: {nodes: 3}\n"
                                "networks: [{name: n, widths: [3], output_norm: layer affine}]\n"
                                "updates: [{nodes: y, network: n, inputs: [x]}, {outputs: {nodes: y}}]\n",
                                p, 2, z, 3, c);
    assert_rows("y", v.nodes, y, 6);
    assert_rows("dz", v.d_nodes, dz, 6);
    assert_rows("dgamma, dbeta", v.weights + 12, d_affine, 6);
}

static void layer_norm_of_two(void **state)
{
    (void)state;
    const double p[] = {1, 0, 0, 1, 0, 0}, x[] = {1, 3}, c[] = {1, 2, NAN}, y[] = {-.9999950000, .9999950000};
    const double dx[] = {-4.999925e-6, 4.999925e-6};
    evaluated v = evaluate_rows("inputs: {nodes: 2}\n"
                                "networks: [{name: n, widths: [2], output_norm: layer}]\n"
                                "updates: [{nodes: y, network: n, inputs: [x]}, {outputs: {nodes: y}}]\n",
                                p, 1, x, 2, c);
    assert_rows("y", v.nodes, y, 2);
    assert_rows("dx", v.d_nodes, dx, 2);
    if (sizeof(hg_real) == 8) assert_near((double)v.d_nodes[0], dx[0], 1e-11);
}

static void batch_norm(void **state)
{
    (void)state;
    const double p[] = {1, 0, 0, 1, 0, 0, 1, 2, 0, .5}, x[] = {1, 2, 3, -1, -2, .5}, c[] = {1, -1, 2, .5, 0, 3, NAN};
    const double y[] = {.1622202685, 2.949440754, 1.13554188, -1.949440754, -1.297762148, .5};
    const double dx[] = {-.06403340657, -1.769089532, .03842695955, -1.768991558, .02560644702, 3.53808109};
    const double d_affine[] = {2.433304028, -1.837080566, 3, 2.5}, beta[] = {0, .5}, none[] = {0, 0};
    const char *yaml = "inputs: {nodes: 2}\n"
                       "networks: [{name: n, widths: [2], output_norm: batch, norm_eps: 6.0e-5}]\n"
                       "updates: [{nodes: y, network: n, inputs: [x]}, {outputs: {nodes: y}}]\n";
    evaluated v = evaluate_rows(yaml, p, 3, x, 2, c);
    assert_rows("y", v.nodes, y, 6);
    assert_rows("dX", v.d_nodes, dx, 6);
    assert_rows("dgamma, dbeta", v.weights + 6, d_affine, 4);
    /* one row: nothing to compare with, so y = beta and no gradient */
    const double one[] = {1, -1, NAN};
    v = evaluate_rows(yaml, p, 1, x, 2, one);
    assert_rows("y", v.nodes, beta, 2);
    assert_rows("dX", v.d_nodes, none, 2);
}

/* Edges (0,1), (0,2), (1,2) of three nodes: sorted by receiver as they are. */
static hg_graph *triangle(void)
{
    const int32_t sender[] = {0, 0, 1}, receiver[] = {1, 2, 2};
    hg_graph *graph = NULL;
    must(hg_graph_create(ctx, 3, 3, sender, receiver, 1, NULL, &graph));
    return graph;
}

static void reductions(void **state)
{
    (void)state;
    static const struct {
        const char *term;
        double value[6], de[6];
    } rows[] = {{"in sum", {0, 0, 1, -2, 2, 4.5}, {3, -1, .5, 1, .5, 1}},
                {"in mean", {0, 0, 1, -2, 1, 2.25}, {3, -1, .25, .5, .25, .5}},
                {"in max", {0, 0, 1, -2, 3, 4}, {3, -1, .5, 0, 0, 1}},
                {"in min", {0, 0, 1, -2, -1, .5}, {3, -1, 0, 1, .5, 0}},
                {"in std", {0, 0, 0, 0, 2, 1.75}, {0, 0, .25, -.5, -.25, .5}},
                {"in softmax", {0, 0, 1, -2, 2.92805516, 3.897407192}, {3, -1, .5263323074, -.07027335283, -.02633230745, 1.070273353}},
                {"out sum", {4, -1.5, -1, 4, 0, 0}, {1, 2, 1, 2, 3, -1}},
                {"out std", {1, 1.25, 0, 0, 0, 0}, {-.5, -1, .5, 1, 0, 0}},
                {"out softmax", {2.761594156, .3103545499, -1, 4, 0, 0}, {-.09078424878, -.1988022227, 1.090784249, 2.198802223, 3, -1}}};
    const double e[] = {1, -2, 3, .5, -1, 4}, c[] = {1, 2, 3, -1, .5, 1, NAN};
    hg_graph *graph = triangle();
    hg_real edges[6];
    copy_real(edges, e, 6);
    hg_batch batch = {.graph = graph, .edges = edges};
    linear_coefficients coefficients = {.nodes = c};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        char yaml[256];
        snprintf(yaml, sizeof yaml, "inputs: {edges: 2}\nupdates: [{nodes: a, inputs: [%s e]}, {outputs: {nodes: a}}]\n", rows[i].term);
        evaluated v = evaluate(yaml, NULL, &batch, &coefficients);
        assert_rows(rows[i].term, v.nodes, rows[i].value, 6);
        assert_rows(rows[i].term, v.d_edges, rows[i].de, 6);
    }
    hg_graph_destroy(ctx, graph);
}

static void attention(void **state)
{
    (void)state;
    /* columns: score, then the two columns of the message; two networks pick them apart */
    const double e[] = {.2, 1, -2, -.5, 3, .5, 1, -1, 4}, c[] = {1, 2, 3, -1, .5, 1, NAN}, p[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const double value[] = {0, 0, 1, -2, -.2702979048, 3.361510667};
    const double de[] = {0, 3, -1, -.2237196781, .0912127619, .1824255238, .2237196781, .4087872381, .8175744762};
    hg_graph *graph = triangle();
    hg_real edges[9];
    copy_real(edges, e, 9);
    hg_batch batch = {.graph = graph, .edges = edges};
    linear_coefficients coefficients = {.nodes = c};
    evaluated v = evaluate("inputs: {edges: 3}\n"
                           "networks: [{name: q, widths: [1], bias: false}, {name: m, widths: [2], bias: false}]\n"
                           "updates: [{edges: q, network: q, inputs: [e]}, {edges: m, network: m, inputs: [e]},\n"
                           "  {nodes: a, inputs: [in attention q * m]}, {outputs: {nodes: a}}]\n",
                           p, &batch, &coefficients);
    assert_rows("attention", v.nodes, value, 6);
    assert_rows("attention de", v.d_edges, de, 9);
    hg_graph_destroy(ctx, graph);
}

static void rule_weights(double *w, int rows, int columns, double c)
{
    for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < columns; ++j) w[i * columns + j] = c * ((3 * i + 5 * j) % 7 - 3) / 4;
    }
}

/* The full block on three graphs: three nodes and edges; one node without edges; empty. */
static void full_block(void **state)
{
    (void)state;
    const int32_t sender[] = {0, 0, 1}, receiver[] = {1, 2, 2};
    const int64_t node_ptr[] = {0, 3, 4, 4};
    const double v_in[] = {1, 0, .5, -1, -1, 2, .25, .5}, e_in[] = {.1, -.2, .3}, u_in[] = {.5, -1, 2};
    double p[42] = {0};
    rule_weights(p, 2, 6, 1);
    p[12] = .1, p[13] = -.1;
    rule_weights(p + 14, 2, 7, .8);
    p[28] = -.2, p[29] = .2;
    rule_weights(p + 30, 2, 5, .6);
    p[40] = .05, p[41] = -.05;
    const double ce[] = {1, -1, 1, -1, 1, -1, NAN}, cv[] = {.5, 2, .5, 2, .5, 2, .5, 2, NAN}, cu[] = {1, 1, 1, 1, 1, 1, NAN};
    const double e[] = {-.3363755443, -.537049567, .9936546343, -.9384622813, .9780261147, -.976912495};
    const double v[] = {.7114948417, .2906399201, .1759212158, .9062718376, -.9851921967, .1646377066, .2449186624, -.5005202112};
    const double u[] = {-.922429585, .647487594, -.2447719549, .1343187365, .7397830513, -.3363755443};
    const double dv[] = {.9495093488, -1.601943677, -.4062801397, 1.062355378, -.4964689184, -1.056413841, .2516334559, -.661711507};
    const double de[] = {-1.072295908, -.01936829382, -.03711082052}, du[] = {2.446132247, .6578607488, .0706967427};
    const double dw[] = {.1526522376,  1.480292816,  -.04948109403, .6395584528,   -1.279116906, .7525166815,  -.04275475255,
                         -.7890693425, .09755855943, .0301226358,   -.06024527159, -.4189243111, 1.505033363,  -.8378486222,
                         -.2040435263, -.4390916241, .9686598407,   -1.275437845,  .943786466,   -.2503271629, -.3173364041,
                         3.795015088,  -4.001859425, 1.585911668,   -3.115481176,  .4147891507,  4.308109898,  .712912729,
                         2.021474457,  5.619765414,  .2438626987,   -.3657144959,  .2156640389,  -.2674931482, .03991721441,
                         .9497195493,  -1.42426951,  .1837155042,   .2992431516,   1.082124417,  1.541931388,  2.449569786};
    hg_graph *graph = NULL;
    hg_real nodes[8], edges[3], globals[3];
    must(hg_graph_create(ctx, 4, 3, sender, receiver, 3, node_ptr, &graph));
    copy_real(nodes, v_in, 8);
    copy_real(edges, e_in, 3);
    copy_real(globals, u_in, 3);
    hg_batch batch = {.graph = graph, .nodes = nodes, .edges = edges, .globals = globals};
    linear_coefficients c = {cv, ce, cu};
    evaluated r = evaluate("inputs: {nodes: 2, edges: 1, globals: 1}\n"
                           "networks:\n"
                           "  - {name: e, widths: [2], output_activation: tanh}\n"
                           "  - {name: v, widths: [2], output_activation: tanh}\n"
                           "  - {name: u, widths: [2], output_activation: tanh}\n"
                           "updates:\n"
                           "  - {edges: e, network: e, inputs: [e, sender x, receiver x, u]}\n"
                           "  - {nodes: x, network: v, inputs: [in sum e, out sum e, x, u]}\n"
                           "  - {globals: u, network: u, inputs: [sum e, sum x, u]}\n"
                           "  - outputs: {nodes: x, edges: e, globals: u}\n",
                           p, &batch, &c);
    assert_near(r.loss, 5.901371613, close_enough);
    assert_rows("e'", r.edges, e, 6);
    assert_rows("v'", r.nodes, v, 8);
    assert_rows("u'", r.globals, u, 6);
    assert_rows("dv", r.d_nodes, dv, 8);
    assert_rows("de", r.d_edges, de, 3);
    assert_rows("du", r.d_globals, du, 3);
    assert_rows("dW, db", r.weights, dw, 42);
    hg_graph_destroy(ctx, graph);
}

static void edge_convolution(void **state)
{
    (void)state;
    /* sorted by receiver: (1,0) (2,0) (0,1) (2,1) (0,2) (1,2) */
    const int32_t sender[] = {1, 2, 0, 2, 0, 1}, receiver[] = {0, 0, 1, 1, 2, 2};
    const double x[] = {1, 0, 2, -1, 0, 3}, c[] = {1, 1, 1, 1, 1, 1, NAN};
    const double message[] = {0, .7, 0, .2, 0, .2, 0, .2, 3.1, 0, 3.6, 0}, sums[] = {0, .9, 0, .4, 6.7, 0},
                 maxima[] = {0, .7, 0, .2, 3.6, 0};
    double p[10];
    rule_weights(p, 2, 4, 1);
    p[8] = .1, p[9] = .2;
    hg_graph *graph = NULL;
    hg_real nodes[6];
    copy_real(nodes, x, 6);
    must(hg_graph_create(ctx, 3, 6, sender, receiver, 1, NULL, &graph));
    hg_batch batch = {.graph = graph, .nodes = nodes};
    linear_coefficients coefficients = {.nodes = c};
    for (int maximum = 0; maximum < 2; ++maximum) {
        char yaml[400];
        snprintf(yaml, sizeof yaml,
                 "inputs: {nodes: 2}\nnetworks: [{name: n, widths: [2], output_activation: relu}]\n"
                 "updates: [{edges: m, network: n, inputs: [receiver x, difference x]},\n"
                 "  {nodes: x, inputs: [in %s m]}, {outputs: {nodes: x, edges: m}}]\n",
                 maximum ? "max" : "sum");
        evaluated v = evaluate(yaml, p, &batch, &coefficients);
        assert_rows("message", v.edges, message, 12);
        assert_rows("x", v.nodes, maximum ? maxima : sums, 6);
    }
    hg_graph_destroy(ctx, graph);
}

/* Occupied sites only: an edge from every occupied neighbour (and from the site itself), its kernel element picked by a one-hot attribute.
 */
static void sparse_convolution(void **state)
{
    (void)state;
    const int site[4][2] = {{0, 0}, {0, 1}, {1, 1}, {2, 2}};
    const double x[] = {1, 2, -1, .5}, kernel[] = {.1, .2, .3, .4, .5, .6, .7, .8, .9}, out[] = {.8, .6, .45, .15};
    int32_t sender[16], receiver[16];
    hg_real nodes[4], edges[16 * 9] = {0};
    int n = 0;
    for (int32_t to = 0; to < 4; ++to) {
        for (int32_t from = 0; from < 4; ++from) {
            int row = site[from][0] - site[to][0], column = site[from][1] - site[to][1];
            if (abs(row) > 1 || abs(column) > 1) continue;
            sender[n] = from;
            receiver[n] = to;
            edges[n * 9 + (row + 1) * 3 + column + 1] = 1;
            ++n;
        }
    }
    copy_real(nodes, x, 4);
    hg_graph *graph = NULL;
    must(hg_graph_create(ctx, 4, n, sender, receiver, 1, NULL, &graph));
    hg_batch batch = {.graph = graph, .nodes = nodes, .edges = edges};
    hg_real y[4];
    hg_model *model = model_of("inputs: {nodes: 1, edges: 9}\nnetworks: [{name: kernel, widths: [1], bias: false}]\n"
                               "updates: [{edges: w, network: kernel, inputs: [e]}, {nodes: y, inputs: [in sum w * sender x]},\n"
                               "  {outputs: {nodes: y}}]\n");
    copy_real(hg_model_parameters(model), kernel, 9);
    hg_outputs outputs = {.nodes = y};
    must(hg_model_forward(ctx, model, &batch, &outputs));
    assert_rows("convolution", y, out, 4);
    hg_model_destroy(ctx, model);
    hg_graph_destroy(ctx, graph);
}

static int run_block_numbers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_norm_silu), cmocka_unit_test(affine_layer_norm), cmocka_unit_test(layer_norm_of_two),
        cmocka_unit_test(batch_norm),       cmocka_unit_test(reductions),        cmocka_unit_test(attention),
        cmocka_unit_test(full_block),       cmocka_unit_test(edge_convolution),  cmocka_unit_test(sparse_convolution)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}

#endif
