/* other_networks.h — outputs, losses and gradient norms of more networks, printed by tests/parity/stored_numbers.py (PyTorch in double). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_OTHER_NETWORKS_H
#define HG_TESTS_OTHER_NETWORKS_H

#include "model_tools.h"
#include "near.h"

/* On the small graph with mixed_loss; output: of the edges, else of the graph, else of the nodes. */
typedef struct other_network {
    const char *file;
    int64_t parameters;
    int n;
    double output[12];
    double loss, weight_norm, input_norm; /* norms of the gradients of all weights, of all attributes */
} other_network;

static const other_network other_networks[] = {
    {"acorn_ignn_unshared",
     376641,
     7,
     {1.532000087, 1.520909962, 1.586419782, 1.136168733, 1.443286074, 1.858578678, 1.603168245},
     4.952972588,
     96.29162005,
     1.092420637},
    {"graph_nets_tracking",
     264321,
     7,
     {0.5180212812, 0.5977515765, 0.5402534013, 0.5840633196, 0.6360998052, 0.6030951093, 0.5624122352},
     12.9060652,
     39.21574523,
     1.384409048},
    {"edge_conv", 6562, 2, {-0.03859000707, 0.3175771083}, 5.423997879, 26.30899558, 6.205311845},
    {"graph_attention",
     522,
     12,
     {-0.4003038854, 0.2580801731, 0.05395924273, 0.6989949702, 0.326157614, 0.6029279581, 0.5523569067, 0.1346727184, 0.4069573964,
      -0.3044561028, 0.4168771683, -0.3705694149},
     0.396611236,
     6.354947713,
     1.551175475},
    {"graph_attention2",
     842,
     12,
     {0.1399577784, 0.1733655121, 0.2248871758, -0.9079088201, -0.1582331835, -0.9837216974, -0.8957386577, -1.092324759, -0.3825053262,
      -0.752777669, -0.2528377878, -0.2205495929},
     -0.3780079983,
     5.690245448,
     1.740423488},
    {"graph_transformer",
     67154,
     12,
     {-0.1952105487, 1.278296821, 1.759295641, 0.2060144551, 4.443837607, -1.17747143, 6.704105808, -3.095075064, 4.236156774, -2.917944196,
      1.951232968, -1.551241067},
     8.794682393,
     300.2387295,
     52.06216016},
};
enum { N_OTHER = sizeof other_networks / sizeof *other_networks };

static double square_sum(const hg_real *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void check_relative(const char *file, const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found / expected - 1) <= tolerance)) fail_msg("%s: %s %.10f, expected %.10f", file, what, found, expected);
}

static void check_other_network(const other_network *o, double tolerance)
{
    hg_model *model = architecture(o->file, NULL);
    const hg_model_widths w = hg_model_get_widths(model);
    const hg_model_widths back = {.node_out = w.node_in, .edge_out = w.edge_in, .global_out = w.global_in};
    sample s = small_sample(w);
    results r = results_for(s.graph, w), d = results_for(s.graph, back);
    const hg_outputs inputs = {d.nodes, w.edge_in ? d.edges : NULL, w.global_in ? d.globals : NULL};
    hg_real *gradient = calloc((size_t)o->parameters, sizeof *gradient);
    double loss = 0;
    assert_int_equal(hg_model_n_parameters(model), o->parameters);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    const hg_real *output = w.edge_out ? r.edges : w.global_out ? r.globals : r.nodes;
    for (int k = 0; k < o->n; ++k) assert_near((double)output[k], o->output[k], tolerance);
    must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, &inputs, NULL));
    const double input_sum = square_sum(d.nodes, s.graph->n_nodes * w.node_in) + square_sum(d.edges, s.graph->n_edges * w.edge_in);
    check_relative(o->file, "loss", loss, o->loss, tolerance * 10);
    check_relative(o->file, "gradient norm of the weights", sqrt(square_sum(gradient, o->parameters)), o->weight_norm, tolerance);
    check_relative(o->file, "gradient norm of the attributes", sqrt(input_sum), o->input_norm, tolerance);
    free(gradient);
    results_clear(&d);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

#endif
