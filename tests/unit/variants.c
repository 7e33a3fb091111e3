/* tests/unit/variants.c — attention, edge types, levels, kernels, dropout and running norms against plain loops and written numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../near.h"
#include "../variant_tools.h"
#include "hitgraph/neighbours.h"
#include "nn/forward/reference.h"
#include "nn/fused/fused.h"
#include "tests/leaks.h"

static const double close_enough = 2e-5;

/* A tensor of the model as doubles; free() it. */
static double *weights_of(hg_model *model, const char *name)
{
    for (int64_t t = 0; t < hg_model_n_tensors(model); ++t) {
        hg_tensor tensor = hg_model_tensor(model, t);
        if (strcmp(tensor.name, name) != 0) continue;
        double *w = calloc((size_t)tensor.size, sizeof *w);
        for (int64_t i = 0; i < tensor.size; ++i) w[i] = (double)hg_model_parameters(model)[tensor.offset + i];
        return w;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* out[rows, n_out] = x W^T + b; free() it. Without the tensor NAME.bias there is no b. */
static double *linear(hg_model *model, const char *name, const double *x, int64_t rows, int64_t n_in, int64_t n_out, bool bias)
{
    char tensor[128];
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    double *w = weights_of(model, tensor), *b = NULL, *out = calloc((size_t)(rows * n_out), sizeof *out);
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    if (bias) b = weights_of(model, tensor);
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t o = 0; o < n_out; ++o) {
            out[i * n_out + o] = b ? b[o] : 0;
            for (int64_t k = 0; k < n_in; ++k) out[i * n_out + o] += w[o * n_in + k] * x[i * n_in + k];
        }
    }
    free(w);
    free(b);
    return out;
}

static double *as_doubles(const hg_real *x, int64_t n)
{
    double *out = calloc((size_t)n + 1, sizeof *out);
    for (int64_t i = 0; i < n; ++i) out[i] = (double)x[i];
    return out;
}

static void assert_close(const char *what, const hg_real *found, const double *expected, int64_t n)
{
    for (int64_t i = 0; i < n; ++i) {
        if (!(fabs((double)found[i] - expected[i]) <= close_enough * fmax(1, fabs(expected[i]))))
            fail_msg("%s, element %d: found %.9g, expected %.9g", what, (int)i, (double)found[i], expected[i]);
    }
}

static double leaky(double x)
{
    return x > 0 ? x : 0.2 * x;
}

/* Score of edge (sender, receiver) in one head. */
typedef double score_fn(const void *data, int32_t sender, int32_t receiver, int64_t edge, int head);

/* out[nodes, heads * size]: softmax over the incoming edges of each head's scores, as weights of the senders' messages. */
static double *attend(const hg_graph *g, const double *message, int heads, int size, score_fn *score, const void *data)
{
    int width = heads * size;
    double *out = calloc((size_t)(g->n_nodes * width), sizeof *out);
    for (int32_t i = 0; i < g->n_nodes; ++i) {
        for (int h = 0; h < heads; ++h) {
            double total = 0;
            for (int64_t e = 0; e < g->n_edges; ++e) {
                if (g->receiver[e] == i) total += exp(score(data, g->sender[e], i, e, h));
            }
            for (int64_t e = 0; e < g->n_edges; ++e) {
                if (g->receiver[e] != i) continue;
                double alpha = exp(score(data, g->sender[e], i, e, h)) / total;
                for (int c = h * size; c < (h + 1) * size; ++c) out[i * width + c] += alpha * message[g->sender[e] * width + c];
            }
        }
    }
    return out;
}

/* The model's result, its `head` applied to [silu(attention), x] as the two attention networks end. */
static void check_attention(hg_model *model, const sample *s, double *attention, int width)
{
    int64_t n = s->graph->n_nodes, in = width + 4;
    double *both = calloc((size_t)(n * in), sizeof *both);
    for (int64_t i = 0; i < n; ++i) {
        for (int c = 0; c < width; ++c) {
            double a = attention[i * width + c];
            both[i * in + c] = a / (1 + exp(-a));
        }
        for (int c = 0; c < 4; ++c) both[i * in + width + c] = (double)s->nodes[i * 4 + c];
    }
    double *expected = linear(model, "head", both, n, in, 2, true);
    results r = results_for(s->graph, hg_model_get_widths(model));
    must(hg_model_forward(ctx, model, &s->batch, &r.out));
    assert_close("attention", r.nodes, expected, n * 2);
    results_clear(&r);
    free(both);
    free(expected);
    free(attention);
}

typedef struct attention_data {
    const double *left, *right, *weight, *weight_right, *bias;
} attention_data;

static double additive_score(const void *data, int32_t sender, int32_t receiver, int64_t edge, int head)
{
    const attention_data *a = data;
    double sum = 0;
    (void)edge;
    for (int c = 0; c < 8; ++c)
        sum += a->weight[head * 8 + c] * a->left[sender * 64 + head * 8 + c] +
               a->weight_right[head * 8 + c] * a->left[receiver * 64 + head * 8 + c];
    return leaky(sum);
}

static double dynamic_score(const void *data, int32_t sender, int32_t receiver, int64_t edge, int head)
{
    const attention_data *a = data;
    double sum = 0;
    (void)edge;
    for (int c = head * 8; c < (head + 1) * 8; ++c) sum += a->weight[c] * leaky(a->left[sender * 64 + c] + a->right[receiver * 64 + c]);
    return sum;
}

static void graph_attention(void **state)
{
    (void)state;
    hg_model *model = architecture("graph_attention", NULL);
    sample s = awkward_sample(hg_model_get_widths(model));
    double *x = as_doubles(s.nodes, s.graph->n_nodes * 4), *h = linear(model, "lin", x, s.graph->n_nodes, 4, 64, false);
    double *from = weights_of(model, "att_src.weight"), *to = weights_of(model, "att_dst.weight");
    const attention_data data = {.left = h, .weight = from, .weight_right = to};
    check_attention(model, &s, attend(s.graph, h, 8, 8, additive_score, &data), 64);
    free(x);
    free(h);
    free(from);
    free(to);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void graph_attention_with_dynamic_scores(void **state)
{
    (void)state;
    hg_model *model = architecture("graph_attention2", NULL);
    sample s = awkward_sample(hg_model_get_widths(model));
    int64_t n = s.graph->n_nodes;
    double *x = as_doubles(s.nodes, n * 4), *left = linear(model, "lin_l", x, n, 4, 64, true);
    double *right = linear(model, "lin_r", x, n, 4, 64, true), *att = weights_of(model, "att.weight");
    const attention_data data = {.left = left, .right = right, .weight = att};
    check_attention(model, &s, attend(s.graph, left, 8, 8, dynamic_score, &data), 64);
    free(x);
    free(left);
    free(right);
    free(att);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static double product_score(const void *data, int32_t sender, int32_t receiver, int64_t edge, int head)
{
    const attention_data *a = data;
    double sum = a->bias[edge * 2 + head];
    for (int c = head * 3; c < (head + 1) * 3; ++c) sum += a->right[receiver * 6 + c] * a->left[sender * 6 + c] / sqrt(3);
    return sum;
}

static void transformer_heads(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 4, edges: 2}\n"
                               "networks:\n"
                               "  - {name: q, widths: [6], index: false}\n"
                               "  - {name: k, widths: [6], index: false}\n"
                               "  - {name: v, widths: [6], index: false}\n"
                               "updates:\n"
                               "  - {nodes: q, network: q, inputs: [x]}\n"
                               "  - {nodes: k, network: k, inputs: [x]}\n"
                               "  - {nodes: v, network: v, inputs: [x]}\n"
                               "  - {edges: s, inputs: [e]}\n"
                               "  - {edges: s, inputs: [dot 2 receiver q * sender k], scale: 0.5773502692, residual: add}\n"
                               "  - {nodes: y, inputs: [in attention s * sender v]}\n"
                               "  - outputs: {nodes: y}\n");
    fill_parameters(model);
    hg_model_widths w = hg_model_get_widths(model);
    sample s = awkward_sample(w);
    int64_t n = s.graph->n_nodes;
    double *x = as_doubles(s.nodes, n * 4), *bias = as_doubles(s.edges, s.graph->n_edges * 2), *q = linear(model, "q", x, n, 4, 6, true);
    double *k = linear(model, "k", x, n, 4, 6, true), *v = linear(model, "v", x, n, 4, 6, true);
    const attention_data data = {.left = k, .right = q, .bias = bias};
    double *expected = attend(s.graph, v, 2, 3, product_score, &data);
    results r = results_for(s.graph, w);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    assert_close("transformer", r.nodes, expected, n * 6);
    results_clear(&r);
    free(x);
    free(bias);
    free(q);
    free(k);
    free(v);
    free(expected);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* One GravNet layer on a given space: the two nearest in it, weights exp(-10 d^2), mean and largest value. */
static void gravnet_layer(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 3}\n"
                               "updates:\n"
                               "  - {nodes: s, inputs: [columns 0..1 x]}\n"
                               "  - {nodes: f, inputs: [columns 2 x]}\n"
                               "  - {graph: knn, k: 2, nodes: s}\n"
                               "  - {edges: d, inputs: [distance s], scale: -10}\n"
                               "  - {edges: w, inputs: [d], activation: exp}\n"
                               "  - {nodes: y, inputs: [in mean w * sender f, in max w * sender f]}\n"
                               "  - outputs: {nodes: y}\n");
    hg_model_widths w = hg_model_get_widths(model);
    sample s = {0};
    must(hg_graph_create(ctx, 6, 0, NULL, NULL, 1, NULL, &s.graph));
    sample_attach(&s, w);
    double expected[12];
    for (int i = 0; i < 6; ++i) {
        double nearest[2] = {HUGE_VAL, HUGE_VAL}, value[2] = {0, 0};
        for (int j = 0; j < 6; ++j) {
            double dx = (double)s.nodes[3 * i] - (double)s.nodes[3 * j], dy = (double)s.nodes[3 * i + 1] - (double)s.nodes[3 * j + 1];
            double d = dx * dx + dy * dy;
            if (j == i || d >= nearest[1]) continue;
            int at = d < nearest[0] ? 0 : 1;
            nearest[1] = at == 0 ? nearest[0] : d;
            value[1] = at == 0 ? value[0] : (double)s.nodes[3 * j + 2];
            if (at == 0) nearest[0] = d, value[0] = (double)s.nodes[3 * j + 2];
        }
        for (int k = 0; k < 2; ++k) value[k] *= exp(-10 * nearest[k]);
        expected[2 * i] = (value[0] + value[1]) / 2;
        expected[2 * i + 1] = fmax(value[0], value[1]);
    }
    results r = results_for(s.graph, w);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    assert_close("gravnet", r.nodes, expected, 12);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* A table that nothing reads but the search is there when it is needed, also from within the second step of a repeat. */
static void table_for_the_search_alone(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 3}\n"
                               "updates:\n"
                               "  - repeat: 2\n"
                               "    updates:\n"
                               "      - {nodes: s, inputs: [columns 1..2 x], scale: -2}\n"
                               "      - {nodes: z, inputs: [x], scale: 2}\n"
                               "      - {graph: knn, k: 3, nodes: s}\n"
                               "      - {nodes: x, inputs: [in max sender z]}\n"
                               "  - outputs: {nodes: x}\n");
    sample s = awkward_sample(hg_model_get_widths(model));
    const int64_t column[] = {1, 2}, n = s.graph->n_nodes;
    hg_real x[24];
    memcpy(x, s.nodes, (size_t)n * 3 * sizeof *x);
    for (int step = 0; step < 2; ++step) {
        hg_graph *graph = NULL;
        hg_real next[24] = {0};
        const hg_points points = {
            .x = x, .n = n, .stride = 3, .column = column, .n_columns = 2, .n_graphs = s.graph->n_graphs, .node_ptr = s.graph->node_ptr};
        must(hg_graph_nearest(ctx, &points, 3, &graph));
        for (int64_t e = 0; e < graph->n_edges; ++e) {
            hg_real *to = next + graph->receiver[e] * 3;
            const hg_real *from = x + graph->sender[e] * 3;
            for (int c = 0; c < 3; ++c) to[c] = e == graph->in_ptr[graph->receiver[e]] || 2 * from[c] > to[c] ? 2 * from[c] : to[c];
        }
        memcpy(x, next, sizeof x);
        hg_graph_destroy(ctx, graph);
    }
    results r = results_for(s.graph, hg_model_get_widths(model));
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    assert_memory_equal(r.nodes, x, (size_t)n * 3 * sizeof *x);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* Occupied sites of a 3 x 3 plane, kernel 3 x 3, one type per offset: every site is its own neighbour too. */
static void submanifold_convolution(void **state)
{
    (void)state;
    const int site[4][2] = {{0, 0}, {0, 1}, {1, 1}, {2, 2}};
    const double kernel[] = {.1, .2, .3, .4, .5, .6, .7, .8, .9}, expected[] = {.8, .6, .45, .15};
    hg_real x[] = {1, 2, -1, (hg_real).5}, y[4];
    int32_t sender[16], receiver[16], type[16];
    int n = 0;
    for (int32_t to = 0; to < 4; ++to) {
        for (int32_t from = 0; from < 4; ++from) {
            int row = site[from][0] - site[to][0], column = site[from][1] - site[to][1];
            if (abs(row) > 1 || abs(column) > 1) continue;
            type[n] = (row + 1) * 3 + column + 1;
            sender[n] = from;
            receiver[n++] = to;
        }
    }
    hg_graph *graph = NULL;
    must(hg_graph_create(ctx, 4, n, sender, receiver, 1, NULL, &graph));
    hg_model *model = model_of("inputs: {nodes: 1, types: 9}\n"
                               "networks: [{name: kernel, widths: [1], bias: false, typed: true, index: false}]\n"
                               "updates:\n"
                               "  - {edges: m, network: kernel, inputs: [sender x]}\n"
                               "  - {nodes: y, inputs: [in sum m]}\n"
                               "  - outputs: {nodes: y}\n");
    hg_tensor tensor = hg_model_tensor(model, 0);
    assert_int_equal(tensor.rank, 3);
    assert_true(tensor.shape[0] == 9 && tensor.shape[1] == 1 && tensor.shape[2] == 1);
    for (int k = 0; k < 9; ++k) hg_model_parameters(model)[k] = (hg_real)kernel[k];
    hg_outputs out = {.nodes = y};
    must(hg_model_forward(ctx, model, &(hg_batch){.graph = graph, .nodes = x, .edge_type = type}, &out));
    assert_close("convolution", y, expected, 4);
    hg_model_destroy(ctx, model);
    hg_graph_destroy(ctx, graph);
}

static void weights_per_type(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 3, edges: 2, types: 3}\n"
                               "networks: [{name: w, widths: [5], typed: true, output_activation: tanh}]\n"
                               "updates:\n"
                               "  - {edges: m, network: w, inputs: [e, difference x]}\n"
                               "  - outputs: {edges: m}\n");
    fill_parameters(model);
    hg_model_widths w = hg_model_get_widths(model);
    layered s = layered_sample(w);
    layered_attach(&s);
    const hg_graph *g = s.base.graph;
    double *weight = weights_of(model, "w.0.weight"), *bias = weights_of(model, "w.0.bias"), expected[8 * 5];
    for (int64_t e = 0; e < g->n_edges; ++e) {
        double in[5];
        for (int c = 0; c < 2; ++c) in[c] = (double)s.base.edges[e * 2 + c];
        for (int c = 0; c < 3; ++c) in[2 + c] = (double)s.base.nodes[g->sender[e] * 3 + c] - (double)s.base.nodes[g->receiver[e] * 3 + c];
        for (int o = 0; o < 5; ++o) {
            double sum = bias[s.edge_type[0][e] * 5 + o];
            for (int c = 0; c < 5; ++c) sum += weight[(s.edge_type[0][e] * 5 + o) * 5 + c] * in[c];
            expected[e * 5 + o] = tanh(sum);
        }
    }
    results r = results_for(g, w);
    must(hg_model_forward(ctx, model, &s.base.batch, &r.out));
    assert_close("typed", r.edges, expected, g->n_edges * 5);
    results_clear(&r);
    free(weight);
    free(bias);
    layered_clear(&s);
    hg_model_destroy(ctx, model);
}

/* Up two levels by means and maxima, down again by the edges reversed. */
static void pooling_and_unpooling(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 1, levels: 1}\n"
                               "updates:\n"
                               "  - {graph: pool, level: 1}\n"
                               "  - {nodes: up, inputs: [in mean sender x, in max sender x]}\n"
                               "  - {nodes: y, inputs: [out sum receiver up, x]}\n"
                               "  - {globals: g, inputs: [sum up, count up]}\n"
                               "  - outputs: {nodes: y, globals: g}\n");
    hg_model_widths w = hg_model_get_widths(model);
    layered s = layered_sample(w);
    layered_attach(&s);
    s.base.batch.n_levels = 1;
    const double x[] = {1, -2, 3, 4, 0.5, -1, 7, 2};
    for (int i = 0; i < 8; ++i) s.base.nodes[i] = (hg_real)x[i];
    /* children of nodes 0 .. 3: {1, 2, 4}, none, {0, 3, 5}, {7}; node 6 has no parent */
    const double mean[] = {0.5, 0, 4.0 / 3, 2}, most[] = {3, 0, 4, 2};
    const int parent[] = {2, 0, 0, 2, 0, 2, -1, 3};
    double expected[8 * 3], globals[] = {0.5 + 4.0 / 3, 7, 3, 0, 0, 0, 2, 2, 1};
    for (int i = 0; i < 8; ++i) {
        expected[3 * i] = parent[i] < 0 ? 0 : mean[parent[i]];
        expected[3 * i + 1] = parent[i] < 0 ? 0 : most[parent[i]];
        expected[3 * i + 2] = x[i];
    }
    results r = results_for(s.base.graph, w);
    must(hg_model_forward(ctx, model, &s.base.batch, &r.out));
    assert_close("unpooled", r.nodes, expected, 24);
    assert_close("read out", r.globals, globals, 9);
    results_clear(&r);
    layered_clear(&s);
    hg_model_destroy(ctx, model);
}

/* The sum of all nodes after a dropout: its input gradient shows the mask. */
static void read_mask(hg_model *model, sample *s, uint64_t draw, hg_real *mask)
{
    double loss, coefficients[4002];
    hg_real unused[4];
    for (int i = 0; i < 4000; ++i) coefficients[i] = 1;
    coefficients[4000] = NAN;
    s->batch.draw = draw;
    linear_coefficients c = {.nodes = coefficients};
    must(hg_model_gradient(ctx, model, &s->batch, linear_loss, &c, &loss, unused, &(hg_outputs){.nodes = mask}, NULL));
}

static void dropout_masks(void **state)
{
    (void)state;
    static hg_real first[4000], again[4000], other[4000], found[4000];
    hg_model *model = model_of("inputs: {nodes: 4}\n"
                               "networks: [{name: d, widths: [4], linear: false, output_dropout: 0.25}]\n"
                               "updates: [{nodes: y, network: d, inputs: [x]}, {outputs: {nodes: y}}]\n");
    sample s = {0};
    must(hg_graph_create(ctx, 1000, 0, NULL, NULL, 1, NULL, &s.graph));
    sample_attach(&s, hg_model_get_widths(model));
    must(hg_context_set_threads(ctx, 1));
    read_mask(model, &s, 7, first);
    must(hg_context_set_threads(ctx, 3));
    read_mask(model, &s, 7, again);
    read_mask(model, &s, 8, other);
    must(hg_context_set_threads(ctx, 2));
    assert_memory_equal(first, again, sizeof first);
    int kept = 0, both = 0;
    for (int i = 0; i < 4000; ++i) {
        assert_true(first[i] == 0 || fabs((double)first[i] - 4.0 / 3) < 1e-6);
        kept += first[i] != 0;
        both += first[i] != 0 && other[i] != 0;
    }
    /* five standard deviations of a binomial */
    assert_near(kept / 4000.0, 0.75, 5 * sqrt(0.75 * 0.25 / 4000));
    assert_near(both / 4000.0, 0.5625, 5 * sqrt(0.5625 * 0.4375 / 4000));
    must(hg_model_forward(ctx, model, &s.batch, &(hg_outputs){.nodes = found}));
    assert_memory_equal(found, s.nodes, sizeof found);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static hg_status keep_nodes(hg_context *context, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient,
                            double *loss)
{
    (void)context, (void)gradient;
    memcpy(user, out->nodes, (size_t)batch->graph->n_nodes * 2 * sizeof(hg_real));
    *loss = 0;
    return HG_OK;
}

/* Numbers of PyTorch's BatchNorm1d in double: two batches in training, then inference. */
static void running_batch_norm(void **state)
{
    (void)state;
    static const double batch[2][6] = {{1, 2, 3, -1, -2, .5}, {.5, 1, -1, 0, 2, 3}};
    static const double trained[2][6] = {{0.162029657382, 2.941365376313, 1.134207601675, -1.941365376313, -1.296237259057, 0.5},
                                         {0, -0.032812615447, -1.220682688157, -1.631250461788, 1.220682688157, 3.164063077235}};
    static const double running[2][4] = {{0.066666666667, 0.05, 1.533333333333, 1.125}, {0.11, 0.178333333333, 1.605, 1.245833333333}};
    static const double inferred[] = {0.700331633075, 3.751119283893, 2.274110583804, -1.602965538620, -1.660336793019, 1.074076872636};
    hg_model *model =
        model_of("inputs: {nodes: 2}\n"
                 "networks: [{name: bn, widths: [2], linear: false, output_norm: batch running, norm_eps: 0.01, index: false}]\n"
                 "updates: [{nodes: y, network: bn, inputs: [x]}, {outputs: {nodes: y}}]\n");
    hg_real *p = hg_model_parameters(model), gradient[8], x[6], y[6];
    uint8_t used[4];
    double loss;
    assert_int_equal(hg_model_n_parameters(model), 8);
    assert_string_equal(hg_model_tensor(model, 2).name, "bn.running_mean");
    assert_string_equal(hg_model_tensor(model, 3).name, "bn.running_var");
    assert_true(p[4] == 0 && p[6] == 1);
    p[1] = 2;
    p[3] = (hg_real)0.5;
    hg_graph *graph = NULL;
    must(hg_graph_create(ctx, 3, 0, NULL, NULL, 1, NULL, &graph));
    for (int k = 0; k < 2; ++k) {
        for (int i = 0; i < 6; ++i) x[i] = (hg_real)batch[k][i];
        must(hg_model_gradient(ctx, model, &(hg_batch){.graph = graph, .nodes = x}, keep_nodes, y, &loss, gradient, NULL, used));
        assert_close("training", y, trained[k], 6);
        assert_true(used[0] && used[1] && !used[2] && !used[3]);
        hg_model_take_statistics(model, gradient);
        assert_close("running", p + 4, running[k], 4);
        for (int i = 4; i < 8; ++i) assert_true(gradient[i] == 0);
    }
    for (int i = 0; i < 6; ++i) x[i] = (hg_real)batch[0][i];
    must(hg_model_forward(ctx, model, &(hg_batch){.graph = graph, .nodes = x}, &(hg_outputs){.nodes = y}));
    assert_close("inference", y, inferred, 6);
    hg_graph_destroy(ctx, graph);
    hg_model_destroy(ctx, model);
}

/* What hg_model_forward gives is what the reference path gives, for every activation before and every norm after it, for networks that
 * start without weights, with and without padded rows. */
static void fast_path_is_the_reference(void **state)
{
    (void)state;
    static const char *const activation[] = {"none", "relu",      "leaky_relu", "sigmoid", "tanh",          "silu",
                                             "gelu", "gelu_tanh", "softplus",   "exp",     "leaky_relu 0.2"};
    static const char *const norm[] = {"none", "layer", "layer affine"};
    for (int i = 0; i < 11 * 3 * 2; ++i) {
        char yaml[900];
        int width = i % 2 ? 16 : 5;
        snprintf(yaml, sizeof yaml,
                 "inputs: {nodes: 3, edges: 2}\n"
                 "networks:\n"
                 "  - {name: a, widths: [7, %d], activation: tanh, output_activation: %s, final_norm: %s, output_dropout: 0.1}\n"
                 "  - {name: b, widths: [%d], linear: false, output_norm: %s, output_activation: %s}\n"
                 "updates:\n"
                 "  - {edges: m, network: a, inputs: [sender x, e, receiver x]}\n"
                 "  - {nodes: y, network: b, inputs: [in mean m, x]}\n"
                 "  - outputs: {nodes: y, edges: m}\n",
                 width, activation[i / 6], norm[i / 2 % 3], width + 3, norm[(i / 2 + 1) % 3], activation[(i / 6 + 5) % 11]);
        hg_model *model = model_of(yaml);
        fill_parameters(model);
        hg_model_widths w = hg_model_get_widths(model);
        sample s = awkward_sample(w);
        results fast = results_for(s.graph, w), plain = results_for(s.graph, w);
        must(hg_model_forward(ctx, model, &s.batch, &fast.out));
        must(hg_model_forward_reference(ctx, model, &s.batch, &plain.out));
        for (int64_t k = 0; k < s.graph->n_nodes * w.node_out; ++k)
            if (!(fabs((double)fast.nodes[k] - (double)plain.nodes[k]) <= close_enough)) fail_msg("nodes differ in\n%s", yaml);
        for (int64_t k = 0; k < s.graph->n_edges * w.edge_out; ++k)
            if (!(fabs((double)fast.edges[k] - (double)plain.edges[k]) <= close_enough)) fail_msg("edges differ in\n%s", yaml);
        results_clear(&fast);
        results_clear(&plain);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
}

/* Every description that ships: its number of parameters, and that it can be evaluated and trained on graphs with corners. */
static void shipped_descriptions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t parameters;
    } shipped[] = {{"graph_network", 6851},    {"deep_sets", 56830},     {"relation_network", 13121}, {"message_passing", 14945},
                   {"comm_net", 6466},         {"gravnet", 105130},      {"graph_attention", 522},    {"graph_attention2", 842},
                   {"gaussian_kernel", 17412}, {"relational_gcn", 4738}, {"sparse_unet", 50531},      {"graph_transformer", 67154},
                   {"edge_conv", 6562}};
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; ++i) {
        hg_model *model = architecture(shipped[i].name, NULL);
        int64_t n = hg_model_n_parameters(model);
        if (n != shipped[i].parameters) fail_msg("%s: %d parameters, expected %d", shipped[i].name, (int)n, (int)shipped[i].parameters);
        hg_model_widths w = hg_model_get_widths(model);
        layered s = layered_sample(w);
        layered_attach(&s);
        for (int64_t e = 0; e < s.base.graph->n_edges; ++e) s.edge_type[0][e] %= 3;
        s.base.batch.n_levels = !strcmp(shipped[i].name, "sparse_unet");
        results r = results_for(s.base.graph, w);
        hg_real *gradient = calloc((size_t)n, sizeof *gradient);
        double loss;
        must(hg_model_forward(ctx, model, &s.base.batch, &r.out));
        must(hg_model_gradient(ctx, model, &s.base.batch, mixed_loss, model, &loss, gradient, NULL, NULL));
        free(gradient);
        results_clear(&r);
        layered_clear(&s);
        hg_model_destroy(ctx, model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(graph_attention),
                                       cmocka_unit_test(graph_attention_with_dynamic_scores),
                                       cmocka_unit_test(transformer_heads),
                                       cmocka_unit_test(gravnet_layer),
                                       cmocka_unit_test(table_for_the_search_alone),
                                       cmocka_unit_test(submanifold_convolution),
                                       cmocka_unit_test(weights_per_type),
                                       cmocka_unit_test(pooling_and_unpooling),
                                       cmocka_unit_test(dropout_masks),
                                       cmocka_unit_test(running_batch_norm),
                                       cmocka_unit_test(fast_path_is_the_reference),
                                       cmocka_unit_test(shipped_descriptions)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
