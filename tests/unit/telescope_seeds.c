/* tests/unit/telescope_seeds.c — first tracks and their frames, heads that look at weights, hand-made features. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "base/random.h"
#include "hitgraph/pulses.h"
#include "hitgraph/simulate_pulses.h"
#include "pipeline/classify_heads.h"
#include "pipeline/pulse_graphs.h"
#include "pipeline/telescope_baselines.h"
#include "pipeline/telescope_features.h"

static void near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) fail_msg("found %.9g, expected %.9g", found, expected);
}

/* A vertical track downwards through (30, 40, .) is the one whose axes across cannot be level by themselves. */
static hg_track_seed a_seed(double x, double y, double z)
{
    hg_track_seed seed = {.axis[HG_ALONG] = {x, y, z}, .place = {30, 40, 0}, .time = 100};
    hg_track_seed_complete(&seed, (const double[]){130, -40, 200});
    return seed;
}

static void frames_turn_there_and_back(void **state)
{
    (void)state;
    const double along[][3] = {{0, 0, -1}, {0, 0, 1}, {0.6, 0, 0.8}, {-0.36, 0.48, -0.8}};
    for (size_t i = 0; i < sizeof along / sizeof *along; ++i) {
        const hg_track_seed seed = a_seed(along[i][0], along[i][1], along[i][2]);
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) {
                double dot = 0;
                for (int k = 0; k < 3; ++k) dot += seed.axis[a][k] * seed.axis[b][k];
                near(dot, a == b, 1e-12);
            }
        near(seed.axis[HG_SIDE][2], 0, 1e-12);
        hg_real v[3] = {(hg_real)along[i][0], (hg_real)along[i][1], (hg_real)along[i][2]};
        hg_track_seed_turn(&seed, v);
        near((double)v[HG_ALONG], 1, 1e-6);
        near((double)v[HG_SIDE], 0, 1e-6);
        hg_real w[3] = {1, -2, 3};
        hg_track_seed_turn(&seed, w);
        hg_track_seed_turn_back(&seed, w);
        for (int k = 0; k < 3; ++k) near((double)w[k], ((const double[]){1, -2, 3})[k], 1e-6);
    }
}

/* Light on the Cherenkov cone is on time wherever it is seen: emitted d / tan(theta) behind, d / sin(theta) on the way at c / n_group. */
static void direct_light_is_on_time(void **state)
{
    (void)state;
    const double c = 0.299792458, cone = acos(1 / 1.3194), n_group = 1.356;
    const hg_track_seed seed = a_seed(0.6, 0, 0.8);
    near(seed.time, 100 + (100 * 0.6 + 200 * 0.8) / c, 1e-9);
    for (double d = 5; d < 200; d *= 3)
        for (double from = -300; from < 300; from += 70) {
            const double local[3] = {0.6 * d, -0.8 * d, from + d / tan(cone)};
            double x[3], back[3];
            for (int k = 0; k < 3; ++k) {
                x[k] = seed.place[k];
                for (int a = 0; a < 3; ++a) x[k] += local[a] * seed.axis[a][k];
            }
            hg_track_seed_place(&seed, x, back);
            for (int a = 0; a < 3; ++a) near(back[a], local[a], 1e-9);
            near(hg_track_seed_residual(&seed, back, seed.time + from / c + d / sin(cone) * n_group / c + 7), 7, 1e-9);
        }
}

static hg_pulse_events *simulated(int64_t n)
{
    hg_telescope *telescope = NULL;
    hg_pulse_events *events = NULL;
    uint64_t next = 0;
    must(hg_telescope_create(ctx, "icecube", NULL, NULL, 0, 0, &telescope));
    must(hg_telescope_simulate(ctx, telescope, 5, &next, n, NULL, &events));
    hg_telescope_destroy(ctx, telescope);
    return events;
}

/* Seeds are the fits of the baselines; seeds made before and seeds made on the way give the same graphs. */
static void seeds_are_the_baselines(void **state)
{
    (void)state;
    enum { N = 12 };
    hg_pulse_events *events = simulated(N);
    hg_baselines b = {0};
    hg_track_seed seed[N];
    int64_t all[N];
    hg_classify_config config;
    hg_graph_layout layout;
    hg_pulse_graphs made = {0}, given = {0};
    for (int64_t e = 0; e < N; ++e) all[e] = e;
    must(hg_baselines_make(ctx, events, true, &b));
    must(hg_track_seeds(ctx, events, all, N, HG_SEED_LINEFIT, seed));
    for (int i = 0; i < 3 * N; ++i) near(seed[i / 3].axis[HG_ALONG][i % 3], (double)b.linefit[i], 1e-6);
    near(seed[0].linefit[HG_ALONG], 1, 1e-9);
    must(hg_track_seeds(ctx, events, all, N, HG_SEED_PANDEL, seed));
    for (int i = 0; i < 3 * N; ++i) near(seed[i / 3].axis[HG_ALONG][i % 3], (double)b.pandel[i], 1e-6);
    must(hg_classify_config_read(ctx, "icecube-direction", NULL, NULL, 0, &config));
    must(hg_graph_layout_read(ctx, &config, &layout));
    assert_int_equal(layout.n_globals, HG_SEED_COLUMNS);
    const int64_t chosen[] = {7, 2};
    must(hg_pulse_graphs_make(ctx, &layout, events, NULL, chosen, 2, &made));
    must(hg_pulse_graphs_make(ctx, &layout, events, seed, chosen, 2, &given));
    assert_memory_equal(made.nodes, given.nodes, (size_t)(made.graph->n_nodes * layout.n_columns) * sizeof(hg_real));
    assert_memory_equal(made.globals, given.globals, 2 * HG_SEED_COLUMNS * sizeof(hg_real));
    near((double)made.globals[0], seed[7].axis[HG_ALONG][0], 1e-6);
    hg_pulse_graphs_clear(ctx, &made);
    hg_pulse_graphs_clear(ctx, &given);
    hg_baselines_clear(ctx, &b);
    hg_pulse_events_destroy(ctx, events);
}

/* Fits of cascades run away; what a network sees of them stays where it was trained. */
static void far_tracks_are_alike(void **state)
{
    (void)state;
    hg_pulse_events *events = simulated(1);
    hg_classify_config config;
    hg_graph_layout layout;
    hg_pulse_graphs g = {0};
    hg_track_seed seed = a_seed(0, 0.6, -0.8);
    for (int k = 0; k < 3; ++k) seed.place[k] += 1e5 * (seed.axis[HG_SIDE][k] - seed.axis[HG_UP][k]);
    must(
        hg_classify_config_read(ctx, "icecube-direction", NULL, (const char *const[]){"graph.columns=side,up,distance,along"}, 1, &config));
    must(hg_graph_layout_read(ctx, &config, &layout));
    must(hg_pulse_graphs_make(ctx, &layout, events, &seed, (const int64_t[]){0}, 1, &g));
    assert_true(g.graph->n_nodes > 1);
    for (int64_t i = 0; i < g.graph->n_nodes; ++i) {
        near((double)g.nodes[4 * i], -10, 0);
        near((double)g.nodes[4 * i + 1], 10, 0);
        near((double)g.nodes[4 * i + 2], 10, 0);
        assert_true(fabs((double)g.nodes[4 * i + 3]) < 10);
    }
    hg_pulse_graphs_clear(ctx, &g);
    hg_pulse_events_destroy(ctx, events);
}

/* ---- heads ---- */

enum { EVENTS = 4 };

/* Loss and gradient of one head on events of the classes 0, 3, 3, 1 with the given weights. */
static double loss_of(const char *task, const char *kappa, const float weight[EVENTS], const hg_real *output, hg_real *gradient)
{
    hg_classify_config config;
    hg_heads heads;
    hg_head_targets targets;
    hg_pulse_events *events = NULL;
    hg_graph *graph = NULL;
    double loss = 0;
    must(hg_classify_config_read(ctx, NULL, NULL, (const char *const[]){task, kappa}, 2, &config));
    must(hg_classify_heads(ctx, &config, &heads));
    must(hg_pulse_events_create(ctx, EVENTS, 0, 0, HG_TRUTH_LABEL | HG_TRUTH_DIR | HG_TRUTH_WEIGHT, &events));
    memcpy(events->truth.label, ((const int32_t[]){0, 3, 3, 1}), EVENTS * sizeof(int32_t));
    for (int e = 0; e < EVENTS; ++e) {
        events->truth.weight[e] = weight[e];
        events->truth.dir[3 * e + e % 3] = 1;
    }
    must(hg_head_targets_make(ctx, &heads, events, false, &targets));
    must(hg_graph_create(ctx, 0, 0, NULL, NULL, EVENTS, (const int64_t[EVENTS + 1]){0}, &graph));
    hg_outputs out = {.globals = (hg_real *)(uintptr_t)output}, slope = {.globals = gradient};
    must(hg_heads_loss(ctx, &targets, &(hg_batch){.graph = graph}, &out, &slope, &loss));
    hg_graph_destroy(ctx, graph);
    hg_head_targets_clear(ctx, &targets);
    hg_pulse_events_destroy(ctx, events);
    return loss;
}

/* An event of weight 2 counts as two, and one of a tiny weight not at all. */
static void classes_respect_weights(void **state)
{
    (void)state;
    const hg_real output[4 * EVENTS] = {1, 0, 0, 0, 0, 0, 2, 1, 0, 1, 0, -1, 3, 0, 0, 0};
    hg_real gradient[4 * EVENTS];
    const double sum = exp(2) + exp(1) + 2, first = log(exp(1) + 3) - 1, second = log(sum) - 1;
    const double loss = loss_of("classify.task=class", "classify.kappa=direct", (const float[]){2, 1, 1e-12f, 1e-12f}, output, gradient);
    near(loss, (2 * first + second) / 3, 1e-6);
    near((double)gradient[0], 2.0 / 3 * (exp(1) / (exp(1) + 3) - 1), 1e-6);
    near((double)gradient[6], 1.0 / 3 * exp(2) / sum, 1e-6);
    near((double)gradient[12], 0, 1e-9);
}

/* The gradient of exp(|r|) r under the von Mises-Fisher loss against differences, from next to nothing up to kappa of 5e4. */
static void exponential_directions(void **state)
{
    (void)state;
    static const char task[] = "classify.task=direction", kappa[] = "classify.kappa=exponential";
    const float weight[EVENTS] = {1, 2, 1, 1};
    hg_real output[3 * EVENTS] = {0.01f, 0.02f, 0, 0.5f, 1.5f, -0.5f, 0.1f, 0, 5, 8.5f, 0.3f, -0.2f}, gradient[3 * EVENTS];
    loss_of(task, kappa, weight, output, gradient);
    for (int i = 0; i < 3 * EVENTS; ++i) {
        const hg_real at = output[i], h = (hg_real)1e-2;
        double slope = 0;
        const double step[] = {-2, -1, 1, 2}, share[] = {1, -8, 8, -1};
        for (int k = 0; k < 4; ++k) {
            output[i] = (hg_real)((double)at + step[k] * (double)h);
            slope += share[k] * loss_of(task, kappa, weight, output, NULL) / (12 * (double)h);
        }
        output[i] = at;
        near((double)gradient[i], slope, 2e-3 * (1 + fabs(slope)));
    }
    hg_real r[3] = {0, 3, 4};
    hg_direction_expand(r);
    near((double)r[2], 4 * exp(5), 1e-3);
}

/* ---- features ---- */

static void features_of_a_track(void **state)
{
    (void)state;
    hg_pulse_events *events = simulated(20);
    hg_score_table table = {0};
    must(hg_hand_features(ctx, events, &table));
    assert_int_equal(table.n, 20);
    for (int c = 0; c < table.n_columns; ++c)
        for (int64_t e = 0; e < table.n; ++e) assert_true(isfinite(table.column[c].data[e]));
    const float *pulses = hg_score_table_find(&table, "pulses"), *z = hg_score_table_find(&table, "centre_z");
    for (int64_t e = 0; e < table.n; ++e) {
        double n = 0, charge = 0, sum = 0;
        for (int64_t i = events->offset[e]; i < events->offset[e + 1]; ++i) {
            if (!events->pulses.hlc[i]) continue;
            n += 1;
            charge += (double)events->pulses.q[i];
            sum += (double)events->pulses.q[i] * (double)events->pulses.z[i];
        }
        near((double)pulses[e], n, 0);
        near((double)z[e], sum / charge, 1e-2);
    }
    hg_score_table_clear(ctx, &table);
    hg_pulse_events_destroy(ctx, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_turn_there_and_back), cmocka_unit_test(direct_light_is_on_time), cmocka_unit_test(seeds_are_the_baselines),
        cmocka_unit_test(far_tracks_are_alike),       cmocka_unit_test(classes_respect_weights), cmocka_unit_test(exponential_directions),
        cmocka_unit_test(features_of_a_track),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
