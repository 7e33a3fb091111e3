/* triplets.c — features of triplets: exact helices have no kinks, and displaced circles show their curvature and impact. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/triplets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "tests/toy_map.h"

enum { DKAPPA, ABS_DKAPPA, DCOT, ABS_DCOT, MATCH, MATCH_TIGHT, KINK_XY, KINK_RZ, CURVATURE, DIFFERENCE, D0, HAS_OVERLAP };

typedef struct fixture {
    hg_doublet_graph *doublets;
    hg_graph *line;
    int64_t *doublet;
    float *score;
    hg_real *nodes, *edges;
} fixture;

static fixture make(void)
{
    fixture f = {0};
    hg_doublet_options options = hg_doublet_default_options();
    options.triplet_window = 0;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, &options, &f.doublets), HG_OK);
    assert_int_equal(hg_line_graph_build(ctx, f.doublets->graph, NULL, &f.doublet, &f.line), HG_OK);
    assert_int_equal(hg_alloc(ctx, &f.score, f.doublets->graph->n_edges), HG_OK);
    assert_int_equal(hg_alloc(ctx, &f.nodes, f.line->n_nodes * HG_TRIPLET_NODE_FEATURES), HG_OK);
    assert_int_equal(hg_alloc(ctx, &f.edges, f.line->n_edges * HG_TRIPLET_EDGE_FEATURES), HG_OK);
    for (int64_t e = 0; e < f.doublets->graph->n_edges; ++e) f.score[e] = (float)(e % 40) - 20;
    assert_int_equal(hg_triplet_features(ctx, &toy.hits, f.doublets, map, f.score, f.line, f.doublet, f.nodes, f.edges), HG_OK);
    return f;
}

static void release(fixture *f)
{
    hg_doublet_graph_destroy(ctx, f->doublets);
    hg_graph_destroy(ctx, f->line);
    hg_free(ctx, f->doublet);
    hg_free(ctx, f->score);
    hg_free(ctx, f->nodes);
    hg_free(ctx, f->edges);
}

/* Hits of a circle with the given curvature that passes the beam line at distance d0, at the barrel radii, z linear in arc length. */
static void circle_event(double kappa, double d0, double cot)
{
    memset(&toy, 0, sizeof toy);
    double radius = 1 / fabs(kappa), centre = radius + d0; /* along y */
    for (int l = 0; l < 4; ++l) {
        double r = toy_radius[l];
        /* intersection of |p| = r with |p - (0, centre)| = radius, on the side of positive x */
        double y = (r * r + centre * centre - radius * radius) / (2 * centre), x = sqrt(r * r - y * y);
        double turned = atan2(x, centre - y); /* angle of travel around the centre */
        toy_add_hit(&toy, r, atan2(kappa > 0 ? y : -y, x), cot * radius * turned, l, l, 0, l, l);
    }
    toy_end_hits(&toy);
}

static void exact_circles_are_recognised(void **state)
{
    (void)state;
    static const double curvature[] = {4e-4, -4e-4, 1e-3, -2e-3}, impact[] = {0, 0, 0, 0.8, -0.8};
    for (int k = 0; k < 4; ++k) {
        for (int i = 0; i < 5; ++i) {
            circle_event(curvature[k], impact[i], 0.7);
            fixture f = make();
            for (int64_t t = 0; t < f.line->n_edges; ++t) {
                const hg_real *e = f.edges + t * HG_TRIPLET_EDGE_FEATURES;
                assert_float_equal(3e-4f * fabsf(sinhf((float)e[CURVATURE])), (float)fabs(curvature[k]), 2e-6f);
                assert_true(impact[i] != 0 || (double)e[CURVATURE] > 0);
                assert_float_equal(fabsf(sinhf((float)e[D0])), (float)fabs(impact[i]), 2e-3f);
                assert_float_equal((float)e[KINK_RZ], 0, 2e-3f);
                assert_float_equal((float)e[HAS_OVERLAP], 0, 0);
                if (impact[i] != 0) continue;
                assert_float_equal((float)e[KINK_XY], 0, 2e-3f);
                assert_float_equal((float)e[DKAPPA], 0, 2e-2f);
                assert_float_equal((float)e[DCOT], 0, 2e-2f);
                assert_true((double)e[MATCH] > 0.97 && (double)e[MATCH_TIGHT] > 0.99);
                assert_float_equal((float)e[DIFFERENCE], 0, 1e-2f);
            }
            assert_true(impact[i] != 0 || f.line->n_edges >= 2);
            release(&f);
        }
    }
}

static void columns_are_finite_and_in_place(void **state)
{
    (void)state;
    toy_make(&toy, 60, 200, 200, 5);
    fixture f = make();
    int64_t overlaps = 0;
    assert_true(f.line->n_edges > 100);
    for (int64_t i = 0; i < f.line->n_nodes; ++i) {
        const hg_real *n = f.nodes + i * HG_TRIPLET_NODE_FEATURES;
        assert_memory_equal(n, f.doublets->edge_features + f.doublet[i] * HG_DOUBLET_EDGE_FEATURES, HG_DOUBLET_EDGE_FEATURES * sizeof *n);
        float score = fmaxf(-9, fminf(9, f.score[f.doublet[i]]));
        assert_float_equal((float)n[HG_DOUBLET_EDGE_FEATURES], score / 3, 1e-6f);
    }
    for (int64_t t = 0; t < f.line->n_edges; ++t) {
        const hg_real *e = f.edges + t * HG_TRIPLET_EDGE_FEATURES;
        for (int k = 0; k < HG_TRIPLET_EDGE_FEATURES; ++k) assert_true(isfinite((double)e[k]));
        bool overlap = f.doublets->same_layer[f.doublet[f.line->sender[t]]] || f.doublets->same_layer[f.doublet[f.line->receiver[t]]];
        assert_true(e[HAS_OVERLAP] == (overlap ? 1 : 0));
        assert_float_equal((float)e[ABS_DKAPPA], fabsf((float)e[DKAPPA]), 0);
        overlaps += overlap;
    }
    assert_true(overlaps > 0);
    release(&f);
}

static void foreign_line_graphs_are_refused(void **state)
{
    (void)state;
    toy_make(&toy, 61, 60, 20, 5);
    fixture f = make();
    int64_t last = f.line->n_nodes - 1, kept = f.doublet[last];
    f.doublet[last] = f.doublets->graph->n_edges;
    assert_int_equal(hg_triplet_features(ctx, &toy.hits, f.doublets, map, f.score, f.line, f.doublet, f.nodes, f.edges), HG_ERR_ARG);
    f.doublet[last] = kept;
    int32_t joined = f.line->sender[0];
    f.line->sender[0] = f.line->receiver[0];
    assert_int_equal(hg_triplet_features(ctx, &toy.hits, f.doublets, map, f.score, f.line, f.doublet, f.nodes, f.edges), HG_ERR_ARG);
    f.line->sender[0] = joined;
    release(&f);
}

/* The feature "match" is made of the same distance. */
static void agreement_is_that_of_the_features(void **state)
{
    (void)state;
    float *distance = NULL;
    circle_event(4e-4, 0.8, 0.7);
    fixture f = make();
    assert_true(f.line->n_edges > 0);
    assert_int_equal(hg_alloc(ctx, &distance, f.line->n_edges), HG_OK);
    assert_int_equal(hg_triplet_agreement(ctx, f.doublets, map, f.line, f.doublet, distance), HG_OK);
    for (int64_t t = 0; t < f.line->n_edges; ++t) {
        const double match = (double)f.edges[t * HG_TRIPLET_EDGE_FEATURES + 4];
        assert_float_equal(exp(-(double)distance[t]), match, 1e-6);
        assert_true(match > 0 || isinf(distance[t]) || distance[t] > 80);
    }
    f.doublet[0] = f.doublets->graph->n_edges;
    assert_int_equal(hg_triplet_agreement(ctx, f.doublets, map, f.line, f.doublet, distance), HG_ERR_ARG);
    hg_free(ctx, distance);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_circles_are_recognised),
        cmocka_unit_test(columns_are_finite_and_in_place),
        cmocka_unit_test(foreign_line_graphs_are_refused),
        cmocka_unit_test(agreement_is_that_of_the_features),
    };
    return cmocka_run_group_tests(tests, learn_toy_map, drop_toy_map);
}
