/* published_models.h — logits, gradient norms and parameter counts of published networks, computed in PyTorch in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_PUBLISHED_MODELS_H
#define HG_TESTS_PUBLISHED_MODELS_H

#include "near.h"
#include "model_tools.h"

typedef struct published {
    const char *what, *file;
    const char *edits[14];
    int64_t parameters;
    bool probabilities, double_only;
    double edge[7];
    double gradient_norm, loss; /* 0 = not given */
} published;

static const published models[] = {
    {"IN",
     "interaction_network",
     {NULL},
     6448,
     false,
     false,
     {-.098937294, .458082642, .129753205, .761607723, .489707984, .441089785, .350862461},
     .570653072,
     .675076563},
    {"2007.00149 doublets",
     "exatrkx_doublet",
     {NULL},
     42753,
     false,
     false,
     {.500036847, -1.460456200, -.432501067, -.291533270, -.735812001, -.338003876, -1.002924526},
     7.551485536,
     .724735194},
    {"2007.00149 triplets",
     "exatrkx_triplet",
     {NULL},
     43009,
     false,
     false,
     {.244050297, .050974368, .510187242, .232352503, .417298005, .507883364, .708611111},
     3.617852617,
     .759161626},
    {"HEP.TrkX 128",
     "heptrkx",
     {NULL},
     101249,
     true,
     false,
     {.453646728, .395125587, .425031346, .420935657, .461174309, .473720826, .412654222},
     0,
     0},
    {"HEP.TrkX 64",
     "heptrkx_medium",
     {NULL},
     26049,
     true,
     false,
     {.448883914, .578020222, .554926017, .582691724, .542908578, .530009266, .680712545},
     1.813828087,
     .751163611},
    {"IGNN example 3",
     "acorn_ignn_example3",
     {NULL},
     362241,
     false,
     false,
     {.091813713, -.785753885, .026176711, .413311865, -.648462495, -.158814502, -.317408037},
     0,
     0},
    {"IGNN 64",
     "acorn_ignn",
     {NULL},
     87233,
     false,
     false,
     {.814578539, .842128792, .656360897, .949980047, .707171397, .813874064, .741285604},
     3.860327780,
     .675971042},
    {"IGNN 128",
     "acorn_ignn_wide",
     {NULL},
     346497,
     false,
     false,
     {.165990926, .390779180, .729570123, .276517314, .434076961, .581926422, .471543070},
     0,
     0},
    {"IGNN2 128",
     "acorn_ignn2",
     {NULL},
     1985921,
     false,
     true,
     {.752339599, .700069512, -.746264984, .494922763, .724175219, .134014331, .539425999},
     0,
     0},
    {"IGNN2 16",
     "acorn_ignn2",
     {"128", "16", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL},
     10353,
     false,
     false,
     {.113431960, .716112588, .361579396, -.268596201, -.838705675, 1.654461228, 1.369577951},
     27.618008981,
     .698977014},
    {"ResIN 14,4,5,4",
     "resin",
     {"{nodes: 3,", "{nodes: 14,", "ec_node_encoder.layers, widths: [40,", "ec_node_encoder.layers, widths: [14,",
      "ec_edge_encoder.layers, widths: [40,", "ec_edge_encoder.layers, widths: [4,", "relational_model.layers\", widths: [40, 40,",
      "relational_model.layers\", widths: [14, 14,", "object_model.layers\", widths: [40, 40,", "object_model.layers\", widths: [9, 9,",
      "W.layers, widths: [40, 40,", "W.layers, widths: [26, 26,", NULL},
     3859,
     true,
     false,
     {.545703696, .497438405, .539854290, .569116244, .569318604, .498417246, .541754334},
     0,
     0},
    {"ResIN 3,4,5,4,40",
     "resin",
     {NULL},
     17348,
     true,
     false,
     {.319636273, .457669524, .282563090, .349692318, .300307155, .363286245, .399687201},
     1.485735608,
     .740704832},
};
enum { N_PUBLISHED = sizeof models / sizeof *models };

static double norm_of(const hg_real *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void check_published(const published *p, double tolerance)
{
    hg_model *model = architecture(p->file, p->edits);
    hg_model_widths w = hg_model_get_widths(model);
    sample s = small_sample(w);
    results r = results_for(s.graph, w);
    assert_int_equal(hg_model_n_parameters(model), p->parameters);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    for (int64_t e = 0; e < 7; ++e) {
        double found = (double)r.edges[e], expected = p->edge[s.graph->caller_edge[e]];
        if (!(fabs(found - expected) <= tolerance)) fail_msg("%s: edge %d: found %.10f, expected %.10f", p->what, (int)e, found, expected);
    }
    if (p->gradient_norm > 0) {
        hg_real *gradient = calloc((size_t)p->parameters, sizeof *gradient);
        int probabilities = p->probabilities;
        double loss;
        must(hg_model_gradient(ctx, model, &s.batch, labelled_bce, &probabilities, &loss, gradient, NULL, NULL));
        assert_near(loss, p->loss, tolerance);
        double norm = norm_of(gradient, p->parameters);
        if (!(fabs(norm / p->gradient_norm - 1) <= tolerance))
            fail_msg("%s: gradient norm %.10f, expected %.10f", p->what, norm, p->gradient_norm);
        free(gradient);
    }
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* With source and destination exchanged the logits are others: a test that passes with both orders is broken. */
static void check_reversed(double tolerance)
{
    const double expected[] = {.305076348, .103695228, .058455476, .231054833, .104011864, .057426895, -.065782450};
    const int32_t sender[] = {2, 0, 3, 0, 1, 1, 0}, receiver[] = {3, 1, 4, 2, 3, 2, 4};
    hg_model *model = architecture("interaction_network", NULL);
    hg_model_widths w = hg_model_get_widths(model);
    sample s = {0};
    must(hg_graph_create(ctx, 6, 7, receiver, sender, 1, NULL, &s.graph));
    sample_attach(&s, w);
    results r = results_for(s.graph, w);
    must(hg_model_forward(ctx, model, &s.batch, &r.out));
    for (int64_t e = 0; e < 7; ++e) assert_near((double)r.edges[e], expected[s.graph->caller_edge[e]], tolerance);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* The graph_nets demo after one and after two steps. */
static void check_graph_nets(double tolerance)
{
    const double edge[2][7] = {{.153738865, .292681887, .338267396, -.806400145, -.401999048, -.046583079, -.030128960},
                               {.822951329, -1.142194817, -1.233425248, -1.050772773, -1.215195038, -.910116981, -.777483414}};
    const double global[2] = {2.295212929, .424441714};
    const char *const one_step[] = {"repeat: 2", "repeat: 1", NULL};
    for (int steps = 1; steps <= 2; ++steps) {
        hg_model *model = architecture("graph_nets", steps == 1 ? one_step : NULL);
        hg_model_widths w = hg_model_get_widths(model);
        sample s = small_sample(w);
        results r = results_for(s.graph, w);
        assert_int_equal(hg_model_n_parameters(model), 8196);
        must(hg_model_forward(ctx, model, &s.batch, &r.out));
        for (int64_t e = 0; e < 7; ++e) assert_near((double)r.edges[e], edge[steps - 1][s.graph->caller_edge[e]], tolerance);
        assert_near((double)r.globals[0], global[steps - 1], tolerance);
        if (steps == 2) {
            assert_near((double)r.nodes[0], -.981530572, tolerance);
            assert_near((double)r.nodes[1], .473255515, tolerance);
        }
        results_clear(&r);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
}

#endif
