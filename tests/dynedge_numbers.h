/* dynedge_numbers.h — DynEdge (GraphNeT), its graph searched anew between layers: parameter counts, and numbers of PyTorch in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_DYNEDGE_NUMBERS_H
#define HG_TESTS_DYNEDGE_NUMBERS_H

#include "model_tools.h"
#include "near.h"

/* Six pulses of four numbers, two of them equal to those of other pulses, without edges. */
static sample six_pulses(hg_model_widths w)
{
    sample s = {0};
    must(hg_graph_create(ctx, 6, 0, NULL, NULL, 1, NULL, &s.graph));
    sample_attach(&s, w);
    s.nodes[3 * w.node_in] = s.nodes[1 * w.node_in];
    s.nodes[4 * w.node_in + 1] = s.nodes[2 * w.node_in + 1];
    return s;
}

/* What the model gives for the whole graph. */
static void check_globals(hg_model *model, const double *expected, int64_t n, double tolerance)
{
    hg_model_widths w = hg_model_get_widths(model);
    assert_int_equal(w.global_out, n);
    sample s = six_pulses(w);
    results r = results_for(s.graph, w);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    for (int64_t k = 0; k < n; ++k) assert_near((double)r.globals[k], expected[k], tolerance);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static inline void check_dynedge(double tolerance)
{
    static const double event[] = {.396030103, .147174222, -.414046033, -.176118669, 0, .083333333, 0, 0, .778151250};
    static const double features[] = {0, .011528508, 3.297350376};
    hg_model *model = architecture("dynedge_small", NULL);
    assert_int_equal(hg_model_n_parameters(model), 457);
    check_globals(model, features, 3, tolerance);
    model = model_of("inputs: {nodes: 4}\n"
                     "updates:\n"
                     "  - {graph: knn, k: 2, nodes: x, columns: [0, 1, 2]}\n"
                     "  - {globals: event, inputs: [mean x, homophily x, log10_count x]}\n"
                     "  - outputs: {globals: event}\n");
    check_globals(model, event, 9, sizeof(hg_real) == 8 ? 1e-9 : 1e-6);
}

/* 1,283,888 without pooling: each pulse's features go through the read-out. */
static inline void check_dynedge_sizes(void)
{
    const char *const unpooled[] = {"{globals: features, network: _readout, inputs: [min y, max y, mean y, sum y]}",
                                    "{nodes: features, network: _readout, inputs: [y]}", "{globals: features}", "{nodes: features}", NULL};
    const struct {
        const char *file;
        const char *const *edits;
        int64_t parameters;
        const char *last_tensor;
    } versions[] = {{"dynedge", NULL, 1382192, "_readout.0.bias"},
                    {"dynedge", unpooled, 1283888, "_readout.0.bias"},
                    {"dynedge_jinst", NULL, 1375728, "nn3.bias"}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; ++i) {
        hg_model *model = architecture(versions[i].file, versions[i].edits);
        assert_int_equal(hg_model_n_parameters(model), versions[i].parameters);
        assert_string_equal(hg_model_tensor(model, hg_model_n_tensors(model) - 1).name, versions[i].last_tensor);
        hg_model_destroy(ctx, model);
    }
}

#endif
