/* dynedge_numbers.h — DynEdge (GraphNeT) put together from blocks, its graph rebuilt between them, against PyTorch in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_DYNEDGE_NUMBERS_H
#define HG_TESTS_DYNEDGE_NUMBERS_H

#include "model_tools.h"
#include "near.h"

enum { PULSES = 6, COLUMNS = 4, NEIGHBOURS = 2, SUMMARY = 9, WIDE = COLUMNS + SUMMARY, CONV = 5, ALL = WIDE + 2 * CONV, ANSWERS = 3 };

static const char *const conv_yaml = "inputs: {nodes: %d}\n"
                                     "networks: [{name: nn, widths: [%d, 5], activation: relu, output_activation: relu}]\n"
                                     "updates:\n"
                                     "  - {edges: m, network: nn, inputs: [receiver x, difference x]}\n"
                                     "  - {nodes: y, inputs: [in sum m]}\n"
                                     "  - outputs: {nodes: y}\n";
static const char *const readout_yaml = "inputs: {nodes: 23}\n"
                                        "networks:\n"
                                        "  - {name: post, widths: [6, 4], activation: relu, output_activation: relu}\n"
                                        "  - {name: readout, widths: [3], output_activation: relu}\n"
                                        "updates:\n"
                                        "  - {nodes: y, network: post, inputs: [x]}\n"
                                        "  - {globals: answer, network: readout, inputs: [min y, max y, mean y, sum y]}\n"
                                        "  - outputs: {globals: answer}\n";

/* Linear weights 4u/sqrt(in), biases 0.2u; the elements go on counting from model to model. Returns the last number used. */
static int64_t fill_from(hg_model *model, int64_t first)
{
    hg_real *p = hg_model_parameters(model);
    for (int64_t t = 0; t < hg_model_n_tensors(model); ++t) {
        const hg_tensor tensor = hg_model_tensor(model, t);
        const double scale = tensor.rank == 2 ? 4 / sqrt((double)tensor.shape[1]) : 0.2;
        for (int64_t q = tensor.offset; q < tensor.offset + tensor.size; ++q) p[q] = (hg_real)(scale * hashed((uint32_t)(first + q + 1)));
    }
    return first + hg_model_n_parameters(model);
}

/* Edge j -> i for the nearest other pulses j of each pulse i in three columns; equal distances: smaller row first. */
static hg_graph *nearest_neighbours(const double *x, int64_t width)
{
    int32_t sender[PULSES * NEIGHBOURS], receiver[PULSES * NEIGHBOURS];
    int n = 0;
    for (int32_t i = 0; i < PULSES; ++i) {
        bool taken[PULSES] = {0};
        taken[i] = true;
        for (int k = 0; k < NEIGHBOURS; ++k) {
            double least = HUGE_VAL;
            int32_t best = -1;
            for (int32_t j = 0; j < PULSES; ++j) {
                double d = 0;
                for (int c = 0; c < 3; ++c) d += (x[i * width + c] - x[j * width + c]) * (x[i * width + c] - x[j * width + c]);
                if (taken[j] || d >= least) continue;
                least = d;
                best = j;
            }
            taken[best] = true;
            sender[n] = best;
            receiver[n++] = i;
        }
    }
    hg_graph *graph = NULL;
    must(hg_graph_create(ctx, PULSES, n, sender, receiver, 1, NULL, &graph));
    return graph;
}

/* Means, homophilies (share of edges whose ends have the same value) and log10 of the number of pulses. */
static void summarise(const double *x, const hg_graph *graph, double summary[SUMMARY])
{
    for (int c = 0; c < COLUMNS; ++c) {
        summary[c] = summary[COLUMNS + c] = 0;
        for (int i = 0; i < PULSES; ++i) summary[c] += x[i * COLUMNS + c] / PULSES;
        for (int64_t e = 0; e < graph->n_edges; ++e) {
            summary[COLUMNS + c] += (x[graph->sender[e] * COLUMNS + c] == x[graph->receiver[e] * COLUMNS + c]) / (double)graph->n_edges;
        }
    }
    summary[2 * COLUMNS] = log10(PULSES);
}

/* One model on one graph: nodes [PULSES, width] in, an array of numbers out. */
static void apply(const hg_model *model, const hg_graph *graph, const double *nodes, int64_t width, bool pooled, double *out)
{
    hg_real in[PULSES * ALL], result[PULSES * CONV];
    for (int64_t i = 0; i < PULSES * width; ++i) in[i] = (hg_real)nodes[i];
    const hg_outputs outputs = {.nodes = pooled ? NULL : result, .globals = pooled ? result : NULL};
    must(hg_model_forward(ctx, model, &(hg_batch){.graph = graph, .nodes = in}, &outputs));
    for (int i = 0; i < (pooled ? ANSWERS : PULSES * CONV); ++i) out[i] = result[i];
}

static void append_columns(double *all, int at, const double *columns, int width)
{
    for (int i = 0; i < PULSES; ++i) memcpy(all + i * ALL + at, columns + i * width, (size_t)width * sizeof *all);
}

static inline void check_dynedge(double tolerance)
{
    static const double expected_summary[SUMMARY] = {.396030103, .147174222, -.414046033, -.176118669, 0, .083333333, 0, 0, .778151250};
    static const double expected[ANSWERS] = {0, .011528508, 3.297350376};
    double x[PULSES * COLUMNS], summary[SUMMARY], wide[PULSES * WIDE], y1[PULSES * CONV], y2[PULSES * CONV], all[PULSES * ALL],
        answer[ANSWERS];
    char text[512];

    for (int i = 0; i < PULSES; ++i) {
        for (int j = 0; j < COLUMNS; ++j) x[i * COLUMNS + j] = sin(0.7 * i + 1.3 * j + 0.2);
    }
    x[3 * COLUMNS] = x[1 * COLUMNS];
    x[4 * COLUMNS + 1] = x[2 * COLUMNS + 1];
    hg_graph *graph = nearest_neighbours(x, COLUMNS);
    summarise(x, graph, summary);
    for (int k = 0; k < SUMMARY; ++k) assert_near(summary[k], expected_summary[k], 1e-9);
    for (int i = 0; i < PULSES; ++i) {
        memcpy(wide + i * WIDE, x + i * COLUMNS, COLUMNS * sizeof *x);
        memcpy(wide + i * WIDE + COLUMNS, summary, sizeof summary);
    }

    snprintf(text, sizeof text, conv_yaml, WIDE, 4);
    hg_model *conv1 = model_of(text);
    snprintf(text, sizeof text, conv_yaml, CONV, 6);
    hg_model *conv2 = model_of(text), *readout = model_of(readout_yaml);
    assert_int_equal(fill_from(readout, fill_from(conv2, fill_from(conv1, 0))), 457);

    apply(conv1, graph, wide, WIDE, false, y1);
    hg_graph *latent = nearest_neighbours(y1, CONV);
    apply(conv2, latent, y1, CONV, false, y2);
    append_columns(all, 0, wide, WIDE);
    append_columns(all, WIDE, y1, CONV);
    append_columns(all, WIDE + CONV, y2, CONV);
    apply(readout, latent, all, ALL, true, answer);
    for (int k = 0; k < ANSWERS; ++k) assert_near(answer[k], expected[k], tolerance);

    hg_model_destroy(ctx, conv1);
    hg_model_destroy(ctx, conv2);
    hg_model_destroy(ctx, readout);
    hg_graph_destroy(ctx, graph);
    hg_graph_destroy(ctx, latent);
}

#endif
