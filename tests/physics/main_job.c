/* tests/physics/main_job.c — what the main job reaches with the networks that ship: scores, efficiencies, pulls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/main_job.h"

#include <math.h>

static const char challenge_detector[] = "../shared/data/trackml/detector/detectors.csv.gz";
static const char full_event[] = "../shared/data/trackml-like/event000021007";

static int set_up_threads(void **state)
{
    return set_up(state) || hg_context_set_threads(ctx, 2);
}

/* Fails unless low <= value <= high; prints the figure either way. */
static void expect(const char *what, double value, double low, double high)
{
    printf("  %-28s %.4f (%g .. %g)\n", what, value, low, high);
    if (!(value >= low && value <= high)) fail_msg("%s is %g, expected %g .. %g", what, value, low, high);
}

typedef struct outcome {
    hg_track_result result;
    hg_run_report report;
} outcome;

static void track(const job *j, const hg_event *event, outcome *out)
{
    *out = (outcome){0};
    must(hg_track_event(ctx, j->setup, &j->models, event, &out->result));
    must(hg_run_report_make(ctx, j->setup, &out->result, &out->report));
    printf("event %d: %d hits, %d tracks\n", (int)event->event_id, (int)event->hits.n, (int)out->report.n_tracks);
}

static void clear(outcome *o)
{
    hg_run_report_clear(ctx, &o->report);
    hg_track_result_clear(ctx, &o->result);
}

static hg_event *read_only_event(const char *input)
{
    hg_event_list *list = NULL;
    hg_event *event = NULL;
    must(hg_event_list_create(ctx, input, &list));
    assert_int_equal(list->n, 1);
    must(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &event));
    hg_event_list_destroy(ctx, list);
    return event;
}

static void expect_score_of_file(const char *preset, const char *input)
{
    if (!has_sample(input)) skip();
    outcome o;
    job j = open_job(preset, challenge_detector);
    hg_event *event = read_only_event(input);
    track(&j, event, &o);
    expect("TrackML score", o.report.tracks.trackml_score.value, 0.85, 1);
    clear(&o);
    hg_event_destroy(ctx, event);
    close_job(&j);
}

static void sample_of_the_challenge(void **state)
{
    (void)state;
    expect_score_of_file("trackml", "../shared/data/trackml/sample5pct");
}

static void barrel_sample(void **state)
{
    (void)state;
    expect_score_of_file("trackml-barrel", "../shared/data/trackml/event1000-barrel-density-0.2");
}

/* No file needed: simulated with the challenge's material on the built-in detector. */
static void simulated_event(void **state)
{
    (void)state;
    outcome o;
    job j = open_job("trackml", "");
    hg_event *event = simulate_for(&j, 50, 17);
    track(&j, event, &o);
    assert_int_equal(o.report.n_truth_events, 1);
    expect("TrackML score", o.report.tracks.trackml_score.value, 0.85, 1);
    expect("doublet AUC", o.report.doublet_auc.sum, 0.99, 1);
    expect("fakes, double majority", o.report.tracks.target[1].fake[HG_MATCH_DOUBLE_MAJORITY].value, 0, 0.02);
    expect("efficiency, pT > 0.9 GeV", o.report.tracks.target[1].efficiency[HG_MATCH_DOUBLE_MAJORITY].value, 0.95, 1);
    clear(&o);
    hg_event_destroy(ctx, event);
    close_job(&j);
}

/* Share of the module-wise true doublets of particles with pT > 1 GeV on 5 layers or more that the graph has. */
static double graph_efficiency(const hg_track_result *result)
{
    const hg_target target = {.pt_min_gev = 1, .eta_max = 4, .hits_min = 5, .layers_min = 5};
    const hg_graph *graph = result->doublets->graph;
    const hg_edge_list edges = {.n = graph->n_edges, .sender = graph->sender, .receiver = graph->receiver};
    hg_prepared_truth *truth = NULL;
    hg_edge_rates rates;
    must(hg_prepare_truth(ctx, result->prepared, 0, &truth));
    must(hg_doublet_rates(ctx, truth->order, &edges, HG_EDGES_MODULEWISE, &target, &rates));
    assert_true(rates.efficiency.denominator > 5000);
    hg_prepared_truth_destroy(ctx, truth);
    return rates.efficiency.value;
}

static void full_trackml_like_event(void **state)
{
    (void)state;
    if (!has_sample("../shared/data/trackml-like")) skip();
    outcome o;
    hg_pull_summary pulls[HG_PULLS];
    job j = open_job("trackml", challenge_detector);
    hg_event *event = read_only_event(full_event);
    track(&j, event, &o);
    const hg_stage_rates *above_1_gev = &o.report.stage[2];
    expect("TrackML score", o.report.tracks.trackml_score.value, 0.85, 1);
    expect("doublet efficiency", graph_efficiency(&o.result), 0.99, 1);
    expect("doublet AUC", o.report.doublet_auc.sum, 0.99, 1);
    expect("doublet purity at .99", o.report.working_point.purity_all_true.value, 0.95, 1);
    expect("GFLOP of the doublet network", o.report.work.doublet.executed * 1e-9, 1, 3);
    assert_true(o.report.work.doublet.nominal > o.report.work.doublet.executed);
    expect("triplet network efficiency", above_1_gev->triplet_network.value, 0.97, 1);
    expect("triplet purity, all-true", above_1_gev->triplet.purity_all_true.value, 0.93, 1);
    must(hg_pulls_summarise(ctx, o.report.n_pulls, o.report.pull, pulls));
    for (int p = 0; p < HG_PULLS; ++p) {
        char what[32];
        assert_true(pulls[p].n > 400);
        snprintf(what, sizeof what, "pull width of %s", hg_pull_name(p));
        expect(what, pulls[p].mad_width, 0.8, 1.2);
        snprintf(what, sizeof what, "pull mean of %s", hg_pull_name(p));
        expect(what, pulls[p].core_mean, -0.2, 0.2);
    }
    clear(&o);
    hg_event_destroy(ctx, event);
    close_job(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_event),
        cmocka_unit_test(sample_of_the_challenge),
        cmocka_unit_test(barrel_sample),
        cmocka_unit_test(full_trackml_like_event),
    };
    return cmocka_run_group_tests(tests, set_up_threads, tear_down);
}
