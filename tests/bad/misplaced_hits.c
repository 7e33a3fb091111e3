/* misplaced_hits.c — events with hits off their modules: every verb that reads them does without those hits, warns, and goes on. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

/* good: an event; bad: the same with three hits moved, a module that is not there and a layer that is not; wrong: a quarter moved. */
static int make_events(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("good", 7);
    shell("cd %s && mv good/detectors.csv . && rm good/simulation.json && cp -r good bad && cp -r good wrong", folder);
    shell(
        "cd %s/bad && awk -F, -v OFS=, 'NR == 7 || NR == 90 {$2 += 300} NR == 800 {$3 += 90} NR == 40 {$7 = 0} NR == 70 {$6 = 3} {print}' "
        "*-hits.csv > t && mv t event000000007-hits.csv",
        folder);
    shell("cd %s/wrong && awk -F, -v OFS=, 'NR %% 4 == 0 {$2 += 300} {print}' *-hits.csv > t && mv t event000000007-hits.csv", folder);
    return 0;
}

#define WARNING "event 7: 5 hits lie outside their modules (first: hit_id 6, volume 7 layer 2 module"

static json_int_t integer_of(const json_t *report, const char *name)
{
    const json_t *value = json_object_get(report, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* The first line of JSON that the program prints; json_decref by the caller. */
static json_t *first_report(const char *arguments, const char *warning)
{
    answer a = run("%s", arguments);
    expect_answer(arguments, &a, 0, (const char *const[]){warning, NULL});
    json_t *lines = json_lines(&a), *report = json_incref(json_array_get(lines, 0));
    json_decref(lines);
    forget(&a);
    return report;
}

/* The same tracks get the same score from their maker, from their file, and from the submission: the hits left out count nowhere. */
static void tracks_and_their_evaluation(void **state)
{
    (void)state;
    static const char *const evaluations[] = {"evaluate --json --losses --detector detectors.csv out/tracks.h5 bad",
                                              "evaluate --json --detector detectors.csv out/submission.csv bad"};
    json_t *whole = first_report("track --json --quiet --preset simulated --detector detectors.csv --out whole good", "");
    json_t *made = first_report("track --json --preset simulated --detector detectors.csv --out out bad", WARNING);
    assert_int_equal(integer_of(whole, "n_hits_misplaced"), 0);
    assert_int_equal(integer_of(made, "n_hits_misplaced"), 5);
    assert_int_equal(integer_of(made, "n_hits_unused"), 0);
    assert_int_equal(integer_of(made, "n_hits"), integer_of(whole, "n_hits") - 5);
    const double score = json_real_value(json_object_get(made, "trackml_score"));
    for (size_t i = 0; i < sizeof evaluations / sizeof *evaluations; ++i) {
        json_t *judged = first_report(evaluations[i], WARNING);
        assert_int_equal(integer_of(judged, "n_hits"), integer_of(made, "n_hits"));
        assert_int_equal(integer_of(judged, "n_hits_misplaced"), 5);
        assert_true(json_real_value(json_object_get(judged, "trackml_score")) == score);
        json_decref(judged);
    }
    json_decref(whole);
    json_decref(made);
}

/* Tracks of whoever used the hits all the same lose them; the other hits stay where they are. */
static void hits_in_the_tracks_of_others(void **state)
{
    (void)state;
    json_t *tracked = first_report("track --json --quiet --preset simulated --detector detectors.csv --out whole good", "");
    json_t *file = first_report("evaluate --json --losses --detector detectors.csv whole/tracks.h5 bad", WARNING);
    json_t *submission = first_report("evaluate --json --detector detectors.csv whole/submission.csv bad", WARNING);
    const double score = json_real_value(json_object_get(file, "trackml_score"));
    assert_true(score == json_real_value(json_object_get(submission, "trackml_score")));
    assert_true(score > 0.9 * json_real_value(json_object_get(tracked, "trackml_score")));
    assert_int_equal(integer_of(file, "n_tracks"), integer_of(tracked, "n_tracks"));
    json_decref(tracked);
    json_decref(file);
    json_decref(submission);
}

static void graphs_and_training(void **state)
{
    (void)state;
    json_t *graph = first_report("build --json --preset simulated --detector detectors.csv --out g.h5 bad", WARNING);
    assert_int_equal(integer_of(graph, "n_hits_misplaced"), 5);
    json_decref(graph);
    static const char *const others[] = {
        "build --preset simulated --detector detectors.csv --losses bad",
        "build --preset simulated --detector detectors.csv --learn --out learned.h5 bad",
        "build --preset simulated --detector detectors.csv --learn-modules --out learned.txt bad",
        "build --preset simulated --detector detectors.csv --learn-calibration --out learned.yaml bad",
        "train --preset simulated -s detector.file=detectors.csv -s train.epochs=1 --validate bad --out trained bad",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
        answer a = run("%s", others[i]);
        expect_answer(others[i], &a, 0, (const char *const[]){WARNING, NULL});
        forget(&a);
    }
}

/* The text for people says it too. */
static void reports_as_text(void **state)
{
    (void)state;
    answer a = run("track --quiet --preset simulated --detector detectors.csv -s detector.volumes=8,13 --out some bad");
    expect_answer("text", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, " hits off their modules are left out\n"));
    assert_non_null(strstr(a.out, " hits of other volumes are left out\n"));
    forget(&a);
}

/* A quarter of the hits off their modules: another detector, for every verb, and nothing is written. */
static void another_detector(void **state)
{
    (void)state;
    static const char *const verbs[] = {
        "track --quiet --preset simulated --detector detectors.csv --out none wrong",
        "evaluate --detector detectors.csv whole/submission.csv wrong",
        "build --preset simulated --detector detectors.csv --out none wrong",
        "build --preset simulated --detector detectors.csv --losses wrong",
        "build --preset simulated --detector detectors.csv --learn --out none wrong",
        "build --preset simulated --detector detectors.csv --learn-modules --out none.txt wrong",
        "build --preset simulated --detector detectors.csv --learn-calibration --out none wrong",
        "train --preset simulated -s detector.file=detectors.csv --out none wrong",
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; ++i) {
        answer a = run("%s", verbs[i]);
        expect_answer(verbs[i], &a, 3,
                      (const char *const[]){"wrong/event000000007: event 7: ", "hits lie outside their modules: is the detector", NULL});
        forget(&a);
        shell("cd %s && test ! -e none && test ! -e none.txt", folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracks_and_their_evaluation),
        cmocka_unit_test(hits_in_the_tracks_of_others),
        cmocka_unit_test(graphs_and_training),
        cmocka_unit_test(reports_as_text),
        cmocka_unit_test(another_detector),
    };
    return cmocka_run_group_tests(tests, make_events, tear_down);
}
