/* tests/unit/verbs.c — the program's contract with scripts: exit codes, what is on stdout, what the main verb answers and writes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#include "hitgraph/submission.h"
#include "hitgraph/trackml.h"

static int make_events(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("events", 7);
    simulate_small("more", 12);
    shell("cd %s && rm more/detectors.csv && mv more/event* events && gzip events/detectors.csv", folder);
    return 0;
}

/* Calls check for each verb that `hitgraph --help` lists. */
static int for_each_verb(void (*check)(const char *verb))
{
    answer a = run("--help");
    int n = 0;
    char verb[32];
    assert_int_equal(a.code, 0);
    const char *line = strstr(a.out, "\nverbs:\n");
    assert_non_null(line);
    for (line += 8; sscanf(line, "  %31s", verb) == 1 && strncmp(line, "  ", 2) == 0; line = strchr(line, '\n') + 1, ++n) check(verb);
    forget(&a);
    return n;
}

static void helps(const char *verb)
{
    char text[64];
    answer a = run("%s --help", verb);
    snprintf(text, sizeof text, "usage: hitgraph %s ", verb);
    expect_answer(verb, &a, 0, (const char *const[]){NULL});
    assert_string_equal(a.err, "");
    if (!strstr(a.out, text) || !strstr(a.out, "--threads N")) fail_msg("hitgraph %s --help:\n%s", verb, a.out);
    forget(&a);
}

static void refuses_unknown_options(const char *verb)
{
    static const char *const wrong[] = {"--no-such-option", "--threads",     "--threads two",
                                        "--threads -1",     "--threads 1.5", "--memory-limit x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        answer a = run("%s %s", verb, wrong[i]);
        expect_answer(wrong[i], &a, 2, (const char *const[]){"hitgraph ", verb, NULL});
        assert_string_equal(a.out, "");
        forget(&a);
    }
}

static void every_verb_helps(void **state)
{
    (void)state;
    assert_true(for_each_verb(helps) >= 7);
}

static void usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *text[2];
    } cases[] = {
        {"", {"usage: hitgraph VERB"}},
        {"fly", {"unknown verb 'fly'"}},
        {"track --out %s/o", {"found 0 inputs", "--help"}},
        {"track events", {"--out DIR is missing"}},
        {"track --out o -s graph.mod=tables events", {"graph.mod", "graph.mode"}},
        {"track --out o -s graph.mode=table events", {"graph.mode", "tables"}},
        {"track --out o -s tracking.chi2_max=abc events", {"tracking.chi2_max", "abc"}},
        {"track --out o -s tracking.chi2_max=-1 events", {"tracking.chi2_max", "-1"}},
        {"track --out o --preset trackmll events", {"unknown preset 'trackmll'", "trackml-barrel"}},
        {"track --out o --config wrong.yaml events", {"wrong.yaml:2:9: mdoe", "graph.mode"}},
        {"track --out o --field dipole:2 events", {"dipole:2", "solenoid"}},
    };
    write_text("wrong.yaml", "graph:\n  mdoe: tables\n");
    for_each_verb(refuses_unknown_options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        answer a = run("%s", cases[i].arguments);
        expect_answer(cases[i].arguments, &a, 2, (const char *const[]){cases[i].text[0], cases[i].text[1], NULL});
        assert_string_equal(a.out, "");
        expect_nothing_in("o");
        forget(&a);
    }
}

/* Every hit of the event has one row; as many different tracks as the report says. */
static void expect_submission(const json_t *report, const char *out, const hg_event_source *source)
{
    char path[256];
    hg_event *event = NULL;
    hg_labels *labels = NULL;
    int64_t most = 0, *label = NULL;
    snprintf(path, sizeof path, "%s/submission.csv", in_folder(out));
    must(hg_event_read(ctx, source, 0, &event));
    must(hg_labels_read(ctx, path, &labels));
    must(hg_alloc(ctx, &label, event->hits.n));
    must(hg_labels_of_event(ctx, labels, event->event_id, &event->hits, label));
    for (int64_t h = 0; h < event->hits.n; ++h) {
        if (label[h] > most) most = label[h];
    }
    assert_int_equal(json_integer_value(json_object_get(report, "event_id")), event->event_id);
    assert_int_equal(json_integer_value(json_object_get(report, "n_hits")), event->hits.n);
    assert_int_equal(json_integer_value(json_object_get(report, "n_tracks")), most);
    assert_true(most > 40);
    hg_free(ctx, label);
    hg_labels_destroy(ctx, labels);
    hg_event_destroy(ctx, event);
}

static void expect_report(const json_t *report)
{
    static const char *const counts[] = {"event_id", "n_hits", "n_edges", "n_triplets", "n_seeds", "n_tracks", "peak_rss_bytes"};
    static const char *const stages[] = {"read", "graph", "doublet_gnn", "triplet_graph", "triplet_gnn", "seeds", "tracks", "fit", "write"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i) {
        const json_t *value = json_object_get(report, counts[i]);
        if (!json_is_integer(value) || json_integer_value(value) <= 0) fail_msg("%s is no positive integer", counts[i]);
    }
    const json_t *seconds = json_object_get(report, "stage_seconds");
    assert_int_equal(json_object_size(seconds), sizeof stages / sizeof *stages);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; ++i) {
        const json_t *value = json_object_get(seconds, stages[i]);
        if (!json_is_number(value) || json_number_value(value) < 0) fail_msg("stage_seconds.%s is no time", stages[i]);
    }
}

static void json_of_the_main_verb(void **state)
{
    (void)state;
    hg_event_list *list = NULL;
    must(hg_event_list_create(ctx, in_folder("events"), &list));
    answer a = run("track --preset trackml --detector events/detectors.csv.gz --field solenoid:1247,5224,1.991,-149,-152,-150 --out out "
                   "--threads 2 --json --quiet events");
    expect_answer("track --json", &a, 0, (const char *const[]){NULL});
    assert_string_equal(a.err, "");
    json_t *lines = json_lines(&a);
    assert_int_equal(json_array_size(lines), 2);
    for (size_t i = 0; i < 2; ++i) {
        const json_t *report = json_array_get(lines, i);
        expect_report(report);
        expect_submission(report, "out", &list->source[i]);
        assert_true(json_real_value(json_object_get(report, "trackml_score")) > 0.9);
    }
    shell("test \"$(ls %s/out)\" = \"$(printf 'submission.csv\\ntracks.h5')\"", folder);
    shell("test \"$(head -1 %s/out/submission.csv)\" = event_id,hit_id,track_id", folder);
    json_decref(lines);
    forget(&a);
    hg_event_list_destroy(ctx, list);
}

static void no_truth_no_score(void **state)
{
    (void)state;
    shell("mkdir %s/bare && cp %s/events/*07-hits.csv %s/bare", folder, folder, folder);
    answer a = run("track --out o --json bare/event000000007");
    expect_answer("hits alone", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    expect_report(json_array_get(lines, 0));
    assert_null(json_object_get(json_array_get(lines, 0), "trackml_score"));
    json_decref(lines);
    forget(&a);
    shell("rm -r %s/o", folder);
}

static void table_and_evaluation_agree(void **state)
{
    (void)state;
    double tracked = 0, evaluated = -1;
    answer a = run("track --quiet --out o events/event000000007");
    expect_answer("track", &a, 0, (const char *const[]){NULL});
    const char *score = strstr(a.out, "TrackML score ");
    assert_non_null(score);
    assert_int_equal(sscanf(score, "TrackML score %lf", &tracked), 1);
    assert_non_null(strstr(a.out, "pulls at the perigee"));
    forget(&a);
    a = run("evaluate --json o/submission.csv events/event000000007");
    expect_answer("evaluate", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *value = json_object_get(json_array_get(lines, 0), "trackml_score");
    evaluated = json_number_value(json_is_object(value) ? json_object_get(value, "value") : value);
    assert_float_equal(tracked, evaluated, 6e-5);
    json_decref(lines);
    forget(&a);
    shell("rm -r %s/o", folder);
}

/* The limit ends the run with its own code, and nothing is written. */
static void memory_limit(void **state)
{
    (void)state;
    answer a = run("track --memory-limit 2 --out o events");
    expect_answer("--memory-limit", &a, 4, (const char *const[]){"memory", NULL});
    assert_string_equal(a.out, "");
    expect_nothing_in("o");
    forget(&a);
    a = run("track --memory-limit 4000 --quiet --json --out o events");
    expect_answer("--memory-limit", &a, 0, (const char *const[]){NULL});
    forget(&a);
    shell("rm -r %s/o", folder);
}

/* What goes wrong with the answer is no fault of the input. */
static void output_cannot_be_written(void **state)
{
    (void)state;
    write_text("file", "in the way");
    answer a = run("track --out file/o events");
    expect_answer("--out below a file", &a, 1, (const char *const[]){"file", NULL});
    assert_string_equal(a.out, "");
    forget(&a);
    shell("test \"$(cat %s/file)\" = 'in the way'", folder);
}

static void interruption(void **state)
{
    (void)state;
    shell("mkdir %s/many && cd %s/many && for n in $(seq 100 499); do ln -s ../events/event000000007-hits.csv event000000$n-hits.csv; done",
          folder, folder);
    shell("cd %s && (timeout --preserve-status -s INT 1 %s track --out o many > /dev/null 2>&1; test $? = 130)", folder, program_path());
    expect_nothing_in("o");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_helps),           cmocka_unit_test(usage_errors),
        cmocka_unit_test(json_of_the_main_verb),      cmocka_unit_test(no_truth_no_score),
        cmocka_unit_test(table_and_evaluation_agree), cmocka_unit_test(memory_limit),
        cmocka_unit_test(output_cannot_be_written),   cmocka_unit_test(interruption),
    };
    return cmocka_run_group_tests(tests, make_events, tear_down);
}
