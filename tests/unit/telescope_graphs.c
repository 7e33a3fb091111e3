/* tests/unit/telescope_graphs.c — events as graphs, LineFit, the Pandel likelihood, figures of a report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pulse_events.h"

#include <math.h>

#include "base/random.h"
#include "pipeline/classify_figures.h"
#include "pipeline/classify_heads.h"
#include "pipeline/pulse_graphs.h"
#include "pipeline/telescope_baselines.h"
#include "pipeline/telescope_pandel.h"

static void read_config(hg_classify_config *config, const char *const *setting, int n)
{
    must(hg_classify_config_read(ctx, NULL, NULL, setting, n, config));
}

/* Numbers worked out by hand from the table of GraphNeT's constants. */
static void pulses_become_nodes(void **state)
{
    (void)state;
    hg_classify_config config;
    hg_graph_layout layout;
    hg_pulse_graphs g = {0};
    hg_pulse_events *events = three_events();
    const int64_t all[] = {0, 1, 2};
    read_config(&config,
                (const char *const[]){"graph.nodes=pulses", "graph.columns=x,z,t,q,hlc", "graph.standardisation=icecube86",
                                      "graph.time_zero=absolute", "graph.edges=nearest", "graph.k=1", "graph.edge_columns=2",
                                      "graph.summary=false"},
                8);
    must(hg_graph_layout_read(ctx, &config, &layout));
    must(hg_pulse_graphs_make(ctx, &layout, events, NULL, all, 3, &g));
    assert_int_equal(g.graph->n_graphs, 3);
    assert_memory_equal(g.graph->node_ptr, ((const int64_t[]){0, 3, 3, 4}), 4 * sizeof(int64_t));
    const double expected[] = {0.1, -0.7, 0, 0, 0, 0.2, 0, 0.01, 1, 1, 0.1, -0.7, 0.1, 0.47712125, 1, -0.5, 1, -0.01, 2, 0};
    for (int i = 0; i < 20; ++i) near((double)g.nodes[i], expected[i], 1e-6);
    /* the nearest other pulse of each: the two of one sensor see each other; the lone one sees none */
    assert_int_equal(g.graph->n_edges, 3);
    assert_memory_equal(g.graph->sender, ((const int32_t[]){2, 0, 0}), 3 * sizeof(int32_t));
    hg_pulse_graphs_clear(ctx, &g);
    hg_pulse_events_destroy(ctx, events);
}

static void sensors_become_nodes(void **state)
{
    (void)state;
    hg_classify_config config;
    hg_graph_layout layout;
    hg_pulse_graphs g = {0};
    hg_pulse_events *events = three_events();
    read_config(&config,
                (const char *const[]){"graph.nodes=sensors", "graph.columns=x,t,q,hlc,t10,t90,count", "graph.standardisation=event",
                                      "graph.time_zero=first", "graph.summary=false"},
                5);
    must(hg_graph_layout_read(ctx, &config, &layout));
    must(hg_pulse_graphs_make(ctx, &layout, events, NULL, (const int64_t[]){2, 0}, 2, &g));
    assert_memory_equal(g.graph->node_ptr, ((const int64_t[]){0, 1, 3}), 3 * sizeof(int64_t));
    const double expected[] = {-0.5, 0, 2, 0, 0, 0, 0, 0.1, 0, log10(4), 1, 0, 2, log10(2), 0.2, 0.2, 1, 1, 0.2, 0.2, 0};
    for (int i = 0; i < 21; ++i) near((double)g.nodes[i], expected[i], 1e-6);
    hg_pulse_graphs_clear(ctx, &g);
    config.nodes_max = 1; /* both are coincident: the brighter one stays */
    must(hg_pulse_graphs_make(ctx, &layout, events, NULL, (const int64_t[]){0}, 1, &g));
    assert_int_equal(g.graph->n_nodes, 1);
    near((double)g.nodes[0], 0.2, 1e-6);
    hg_pulse_graphs_clear(ctx, &g);
    hg_pulse_events_destroy(ctx, events);
}

static void words_are_checked(void **state)
{
    (void)state;
    hg_classify_config config;
    hg_graph_layout layout;
    hg_heads heads;
    read_config(&config, (const char *const[]){"classify.task=signal,direction,energy"}, 1);
    must(hg_classify_heads(ctx, &config, &heads));
    assert_true(heads.width == 6 && heads.head[1].column == 1 && heads.head[2].column == 4);
    assert_true(heads.is_signal[0] && heads.is_signal[1] && heads.is_signal[2] && !heads.is_signal[3]);
    strcpy(config.task, "signal,signal");
    assert_int_equal(hg_classify_heads(ctx, &config, &heads), HG_ERR_CONFIG);
    strcpy(config.task, "charm");
    assert_int_equal(hg_classify_heads(ctx, &config, &heads), HG_ERR_CONFIG);
    config.nodes = 0;
    strcpy(config.columns, "x,t50");
    assert_int_equal(hg_graph_layout_read(ctx, &config, &layout), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "t50"));
}

/* ---- baselines ---- */

static void linefit_finds_a_line(void **state)
{
    (void)state;
    hg_pulse_events *e = NULL;
    int64_t row[20];
    double place[3], dir[3], time;
    const double v[3] = {0.12, -0.2, -0.15}, speed = sqrt(0.12 * 0.12 + 0.2 * 0.2 + 0.15 * 0.15);
    must(hg_pulse_events_create(ctx, 1, 20, 0, 0, &e));
    for (int i = 0; i < 20; ++i) {
        const double t = 10000 + 37.0 * i * i;
        row[i] = i;
        e->pulses.t[i] = (float)t;
        e->pulses.x[i] = (float)(40 + v[0] * (t - 12000));
        e->pulses.y[i] = (float)(-10 + v[1] * (t - 12000));
        e->pulses.z[i] = (float)(7 + v[2] * (t - 12000));
    }
    near(hg_linefit(&e->pulses, row, 20, place, dir, &time), speed, 1e-6);
    for (int k = 0; k < 3; ++k) near(dir[k], v[k] / speed, 1e-6);
    near(place[0], 40 + v[0] * (time - 12000), 1e-3);
    assert_true(hg_linefit(&e->pulses, row, 1, place, dir, &time) == 0);
    hg_pulse_events_destroy(ctx, e);
}

/* At the distance where the shape is 1 the density is an exponential: its mean over the triangle is known. */
static void pandel_density_is_a_density(void **state)
{
    (void)state;
    const double rate = 1 / 556.7 + 0.299792458 / (1.356 * 98), half = 10 * sqrt(6), d = (33.29 - 3.094) / 0.8395;
    near(hg_pandel_density(300, d, 0, 10), exp(-rate * 300) * 2 * (cosh(rate * half) - 1) / (rate * half * half), 1e-9);
    for (int k = 0; k < 3; ++k) {
        const double at[] = {5, 40, 150};
        double sum = 0;
        for (double t = -50; t < 8000; t += 1) sum += hg_pandel_density(t, at[k], 0.3, 10);
        near(sum, 1, 5e-3);
        assert_true(hg_pandel_density(-50, at[k], 0.3, 10) == 0);
    }
}

/* Read between knots anywhere, the table is the direct formula; beyond its ends there is noise alone. */
static void pandel_table_is_the_density(void **state)
{
    (void)state;
    hg_random random = hg_random_stream(5, 1, 1, 1);
    hg_pandel_table *tables = NULL;
    must(hg_pandel_tables_make(ctx, &tables));
    for (int k = 0; k < HG_PANDEL_JITTERS; ++k) {
        const double jitter = hg_pandel_jitter_ns[k], half = jitter * sqrt(6);
        const hg_pandel_table *table = &tables[k];
        double squares = 0;
        for (int i = 0; i < 3000; ++i) {
            const double late = (i % 2 ? -half : half) + exp(hg_random_range(&random, log(0.2 * jitter), log(6000)));
            const double distance = exp(hg_random_range(&random, log(0.5), log(400)));
            const double error = hg_pandel_table_sum(table, 1, &late, &distance) - hg_pandel_log_density(late, distance, jitter);
            squares += error * error / 3000;
            assert_true(fabs(error) < 0.25);
        }
        assert_true(sqrt(squares) < 0.02);
        const double outside[2] = {-half - 1, 1e6}, far[2] = {30, 30};
        near(hg_pandel_table_sum(table, 2, outside, far), 2 * log(0.05 / 1e4), 0.02);
        near(hg_pandel_log_density(-half - 1, 30, jitter), log(0.05 / 1e4), 1e-12);
    }
    near(hg_pandel_log_density(100, hg_pandel_distance(20, 0.3), 10), log(0.95 * hg_pandel_density(100, 20, 0.3, 10) + 0.05 / 1e4), 1e-12);
    hg_free(ctx, tables);
}

/* Unscattered light of a known track; the search starts 12 degrees away. */
static void pandel_fit_finds_the_track(void **state)
{
    (void)state;
    enum { HITS = 60 };
    hg_first_hit hit[HITS];
    const double truth[3] = {0.48, 0.6, -0.64}, cos_c = 1 / 1.3194, sin_c = sqrt(1 - cos_c * cos_c), cot = cos_c / sin_c;
    hg_random random = hg_random_stream(3, 1, 1, 1);
    for (int i = 0; i < HITS; ++i) {
        double along = 0, r2 = 0;
        const double on = hg_random_range(&random, -400, 400);
        for (int k = 0; k < 3; ++k) {
            hit[i].x[k] = on * truth[k] + hg_random_range(&random, -15, 15);
            along += hit[i].x[k] * truth[k];
            r2 += hit[i].x[k] * hit[i].x[k];
        }
        hit[i].t = 10000 + (along + sqrt(r2 - along * along) * (1.356 / sin_c - cot)) / 0.299792458 + hg_random_range(&random, 0, 15);
    }
    double place[3] = {10, -5, 8}, dir[3] = {0.48 * cos(0.2) + 0.8 * sin(0.2), 0.6 * cos(0.2) - 0.6 * sin(0.2) * 0.8 / 0.75, 0},
           time = 10050;
    dir[2] = -sqrt(fmax(1 - dir[0] * dir[0] - dir[1] * dir[1], 0));
    assert_true(dir[0] * truth[0] + dir[1] * truth[1] + dir[2] * truth[2] < cos(0.1));
    hg_pandel_table *tables = NULL;
    must(hg_pandel_tables_make(ctx, &tables));
    hg_pandel_fit(tables, hit, HITS, place, dir, &time);
    hg_free(ctx, tables);
    assert_true(dir[0] * truth[0] + dir[1] * truth[1] + dir[2] * truth[2] > cos(0.02));
}

/* ---- figures ---- */

/* Against a count over all cuts. */
static void rankings_match_a_count(void **state)
{
    (void)state;
    enum { N = 1500 };
    hg_real score[N];
    uint8_t label[N];
    hg_random random = hg_random_stream(4, 1, 1, 1);
    int64_t positives = 0, best = 0;
    double wins = 0;
    for (int i = 0; i < N; ++i) {
        label[i] = i % 3 == 0;
        positives += label[i];
        score[i] = (hg_real)(floor(hg_random_normal(&random) * 20 + (label[i] ? 30 : 0)) / 20); /* with ties */
    }
    for (int c = 0; c < N; ++c) {
        int64_t kept[2] = {0, 0};
        for (int i = 0; i < N; ++i) kept[label[i]] += score[i] >= score[c];
        if (kept[0] <= 10 && kept[1] > best) best = kept[1]; /* 1 % of 1000 negatives */
        for (int i = 0; i < N; ++i)
            if (label[c] && !label[i]) wins += score[c] > score[i] ? 1 : score[c] == score[i] ? 0.5 : 0;
    }
    json_t *list = json_array();
    must(hg_figures_ranking(ctx, "a", N, score, label, false, list));
    const json_t *ranking = json_array_get(list, 0), *rates = json_object_get(ranking, "efficiency");
    near(json_number_value(json_object_get(ranking, "auc")), wins / ((double)positives * (double)(N - positives)), 1e-9);
    assert_int_equal(json_array_size(rates), 2); /* 1000 negatives show no rate of 1e-4 */
    near(json_number_value(json_object_get(json_array_get(rates, 0), "efficiency")), (double)best / (double)positives, 1e-12);
    json_decref(list);
}

/* Truth drawn from a von Mises-Fisher density of kappa 1e3 and 1e4: pull width 1, coverage 68 %; half of kappa told is learnt. */
static void vmf_widths(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double cosine[N], kappa[N];
    static hg_real output[3 * N];
    for (int power = 3; power <= 4; ++power) {
        const double true_kappa = pow(10, power);
        const hg_heads heads = {.n = 1, .head = {{HG_HEAD_DIRECTION, 0, 3, 1}}, .width = 3};
        hg_head_calibration calibration;
        hg_head_targets targets = {0};
        hg_random random = hg_random_stream(5, (uint32_t)power, 1, 1);
        must(hg_head_targets_room(ctx, &heads, N, &targets));
        for (int i = 0; i < N; ++i) {
            const double u = -log1p(-hg_random_uniform(&random)) / true_kappa, sine = sqrt(2 * u - u * u);
            cosine[i] = 1 - u;
            kappa[i] = true_kappa;
            output[3 * i + 2] = (hg_real)(true_kappa / 2);
            targets.direction[3 * i] = (hg_real)sine;
            targets.direction[3 * i + 2] = (hg_real)cosine[i];
            targets.weight[HG_HEAD_DIRECTION][i] = 1;
        }
        must(hg_heads_calibrate(ctx, &heads, output, &targets, &calibration));
        near(calibration.factor[HG_HEAD_DIRECTION], 2, 0.08);
        json_t *list = json_array();
        must(hg_figures_angles(ctx, "a", N, cosine, kappa, list));
        near(json_number_value(json_object_get(json_array_get(list, 0), "pull_width")), 1, 0.02);
        near(json_number_value(json_object_get(json_array_get(list, 0), "coverage_68")), 0.6827, 0.01);
        near(json_number_value(json_object_get(json_array_get(list, 0), "median_deg")), sqrt(2 * log(2) / true_kappa) * 180 / M_PI, 0.05);
        json_decref(list);
        hg_head_targets_clear(ctx, &targets);
    }
    near(hg_vmf_quantile(0, 0.25), 0.5, 1e-12); /* uniform on the sphere */
}

/* ---- tables ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pulses_become_nodes),
        cmocka_unit_test(sensors_become_nodes),
        cmocka_unit_test(words_are_checked),
        cmocka_unit_test(linefit_finds_a_line),
        cmocka_unit_test(pandel_density_is_a_density),
        cmocka_unit_test(pandel_table_is_the_density),
        cmocka_unit_test(pandel_fit_finds_the_track),
        cmocka_unit_test(rankings_match_a_count),
        cmocka_unit_test(vmf_widths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
