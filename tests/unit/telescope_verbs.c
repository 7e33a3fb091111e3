/* tests/unit/telescope_verbs.c — the verbs on telescope events as a user runs them: every design trains, and what the messages say. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#include <math.h>

#include "hitgraph/pulse_files.h"

static int make_events(void **state)
{
    if (set_up(state)) return 1;
    answer a = run("simulate --preset icecube --events 40 --seed 3 --out events.h5");
    expect_answer("simulate", &a, 0, (const char *const[]){NULL});
    forget(&a);
    return 0;
}

/* All heads at once on each design that ships; DynEdge itself is too wide for a quick test. */
static void every_design_trains(void **state)
{
    (void)state;
    static const char *const designs[] = {"small",         "designs/deep_sets",    "designs/no_edges", "designs/graph_network",
                                          "designs/choma", "designs/dynedge_small"};
    for (size_t i = 0; i < sizeof designs / sizeof *designs; ++i) {
        answer a = run("train --preset icecube --task signal,class,energy,quantiles,direction,vertex -s train.epochs=1 "
                       "-s classify.architecture=models/icecube/%s.yaml --out model events.h5",
                       designs[i]);
        expect_answer(designs[i], &a, 0, (const char *const[]){NULL});
        forget(&a);
    }
    answer a = run("classify --model model --out scores.csv events.h5");
    expect_answer("classify", &a, 0, (const char *const[]){NULL});
    forget(&a);
    a = run("evaluate --baselines scores.csv events.h5");
    expect_answer("evaluate", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, "direction network"));
    forget(&a);
}

/* Same bits when continued: batches are drawn anew in every epoch from its number. */
static void directions_resume(void **state)
{
    (void)state;
    static const char common[] = "train --preset icecube-direction -s train.seed=4 -s train.schedule=constant";
    answer a = run("%s -s train.epochs=3 --out whole events.h5", common);
    expect_answer("at once", &a, 0, (const char *const[]){NULL});
    forget(&a);
    for (int epochs = 1; epochs <= 3; epochs += 2) {
        a = run("%s -s train.epochs=%d -s train.checkpoint_directory=kept -s train.resume=true --out parts events.h5", common, epochs);
        expect_answer("in parts", &a, 0, (const char *const[]){NULL});
        forget(&a);
    }
    a = run("classify --model whole --out whole.csv events.h5");
    forget(&a);
    a = run("classify --model parts --threads 1 --out parts.csv events.h5");
    forget(&a);
    char *whole = text_of(in_folder("whole.csv")), *parts = text_of(in_folder("parts.csv"));
    assert_non_null(strstr(whole, "kappa"));
    assert_string_equal(whole, parts);
    hg_free(ctx, whole);
    hg_free(ctx, parts);
}

static double figure(const json_t *slice, const char *part, const char *key)
{
    return json_number_value(json_object_get(json_object_get(slice, part), key));
}

/* Far from what is measured on many events, and farther from what an untrained network gives. */
static void shipped_heads_are_trained(void **state)
{
    (void)state;
    answer a = run("simulate --preset icecube --events 400 --seed 8 --out others.h5");
    forget(&a);
    a = run("classify --model models/icecube/events --out events.csv others.h5");
    expect_answer("classify", &a, 0, (const char *const[]){NULL});
    forget(&a);
    a = run("evaluate --json --baselines events.csv others.h5");
    json_t *lines = json_lines(&a);
    const json_t *slice = json_array_get(json_object_get(json_array_get(lines, 0), "slices"), 0);
    const json_t *signal = json_object_get(slice, "signal");
    assert_true(json_number_value(json_object_get(json_array_get(signal, 0), "auc")) > 0.97);
    assert_true(figure(slice, "class", "accuracy") > 0.7);
    assert_true(figure(slice, "energy", "median_error") < 0.25);
    assert_true(fabs(figure(slice, "energy", "pull_width") - 1) < 0.2);
    assert_true(fabs(figure(slice, "quantiles", "coverage") - 0.68) < 0.1);
    assert_true(figure(slice, "vertex", "median_distance") < 0.6 * figure(slice, "vertex", "centre_of_charge_distance"));
    json_decref(lines);
    forget(&a);
}

static void answers_name_things(void **state)
{
    (void)state;
    hg_pulse_events *events = NULL;
    must(hg_pulse_events_create(ctx, 2, 4, 0, 0, &events));
    events->offset[1] = 3;
    events->offset[2] = 4;
    must(hg_pulses_h5_write(ctx, in_folder("bare.h5"), &(hg_provenance){.source = "test"}, events));
    hg_pulse_events_destroy(ctx, events);
    static const mistake list[] = {
        {"classify --model models/icecube/level1 --out scores.csv bare.h5", 3, "bare.h5: pulses: no coincidence (hlc)"},
        {"classify --model models/icecube/level1 --features --out scores.csv events.h5", 2, "either --model DIR or --features"},
        {"classify --out scores.csv events.h5", 2, "either --model DIR or --features"},
        {"classify --features --out scores.txt none.h5", 2, "scores.txt: expected a name that ends in .h5"},
        {"info stdout", 3, "is neither a model"},
        {"train --preset icecube -s graph.columns=x,late --out model events.h5", 2, "late needs graph.seed=linefit or pandel"},
    };
    expect_mistakes(list, sizeof list / sizeof *list);
    answer a = run("info --config --preset icecube-classify");
    expect_answer("info", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, "class_weights"));
    forget(&a);
    a = run("simulate --preset icecube --level 1 --events 5 --out level1.h5 -s simulate.match.tries=500");
    expect_answer("simulate", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, " triggered ("));
    assert_non_null(strstr(a.out, ", 5 kept ("));
    forget(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_design_trains),
        cmocka_unit_test(directions_resume),
        cmocka_unit_test(shipped_heads_are_trained),
        cmocka_unit_test(answers_name_things),
    };
    return cmocka_run_group_tests(tests, make_events, tear_down);
}
