/* tests/repro/classify.c — from simulated pulses to evaluated scores with the program: the same bits over threads and after a resume; bad
 * input. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#define SMALL "--preset icecube --task signal,class,energy,quantiles,direction,vertex -s classify.batch_events=16"

static int make_files(void **state)
{
    if (set_up(state)) return 1;
    answer a = run("simulate --preset icecube --events 60 --seed 3 --quiet --out events.h5");
    if (a.code != 0) return 1;
    forget(&a);
    return 0;
}

static void expect_ok(const char *what, answer a)
{
    expect_answer(what, &a, 0, (const char *const[]){NULL});
    forget(&a);
}

static void same_bits_over_threads(void **state)
{
    (void)state;
    expect_ok("train", run("train " SMALL " -s train.epochs=2 --quiet --threads 2 --out two events.h5"));
    expect_ok("train", run("train " SMALL " -s train.epochs=2 --quiet --threads 1 --out two1 events.h5"));
    shell("cmp %s/two/model.yaml %s/two1/model.yaml", folder, folder);
    expect_ok("classify", run("classify --quiet --threads 2 --model two --out a.csv events.h5"));
    expect_ok("classify", run("classify --quiet --threads 1 --model two1 --out b.csv events.h5"));
    shell("cmp %s/a.csv %s/b.csv && test $(wc -l < %s/a.csv) = 61", folder, folder, folder);
}

/* Stopped after one epoch of two and continued: the same scores. The schedule must not know how long the training is. */
static void resumes(void **state)
{
    (void)state;
    static const char *const constant = "-s train.schedule=constant -s train.schedule_unit=epoch --quiet";
    expect_ok("train", run("train " SMALL " %s -s train.epochs=2 --out whole events.h5", constant));
    expect_ok("train", run("train " SMALL " %s -s train.epochs=1 -s train.checkpoint_directory=c --out part events.h5", constant));
    expect_ok("train", run("train " SMALL " %s -s train.epochs=2 -s train.checkpoint_directory=c -s train.resume=true --out part events.h5",
                           constant));
    expect_ok("classify", run("classify --quiet --model whole --out w.csv events.h5"));
    expect_ok("classify", run("classify --quiet --model part --out p.csv events.h5"));
    shell("cmp %s/w.csv %s/p.csv", folder, folder);
}

static void evaluates(void **state)
{
    (void)state;
    expect_ok("classify", run("classify --quiet --model two --out s.h5 events.h5"));
    answer a = run("evaluate --json --baselines s.h5 events.h5");
    expect_answer("evaluate", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *slice = json_array_get(json_object_get(json_array_get(lines, 0), "slices"), 0);
    static const char *const parts[] = {"signal", "calibration", "class", "energy", "quantiles", "direction", "vertex"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) assert_non_null(json_object_get(slice, parts[i]));
    assert_int_equal(json_array_size(json_object_get(slice, "signal")), 6);
    assert_int_equal(json_array_size(json_object_get(slice, "direction")), 3);
    json_decref(lines);
    forget(&a);
    a = run("evaluate s.h5 events.h5");
    expect_answer("evaluate", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, "60 events compared"));
    forget(&a);
}

/* One event of a batch has a charge that cannot be: the others get their scores. */
static void good_events_survive(void **state)
{
    (void)state;
    write_text("dom.csv", "event_no,dom_x,dom_y,dom_z,dom_time,charge,hlc\n"
                          "1,0,0,0,10000,1,1\n1,100,0,50,10500,1,1\n2,0,0,0,10000,-3,1\n2,0,5,9,10100,1,1\n3,10,20,30,9000,2,0\n");
    answer a = run("classify --model two --out bad.csv dom.csv");
    expect_answer("classify", &a, 3, (const char *const[]){"left out 1 of 3 events", "negative charge", NULL});
    shell("test \"$(cut -d, -f1 %s/bad.csv | tr '\\n' ' ')\" = 'event_id 1 3 '", folder);
    forget(&a);
}

static void bad_inputs(void **state)
{
    (void)state;
    static const mistake cases[] = {
        {"classify --model two --out x.csv missing.h5", 3, "missing.h5"},
        {"classify --model nowhere --out x.csv events.h5", 3, "nowhere"},
        {"classify --model two --out x.txt events.h5", 2, ".csv"},
        {"classify --model two events.h5", 2, "--out FILE is missing"},
        {"classify --model two --out x.csv cut.h5", 3, "cut.h5"},
        {"train --preset icecube --out m --task charm events.h5", 2, "charm"},
        {"train --preset icecube events.h5", 2, "--out DIR is missing"},
        {"train --preset icecube --out m -s graph.columns=x,y events.h5", 2, ""},
        {"train --preset icecube --out m --no-truth bare.csv", 3, ""},
        {"evaluate none.csv events.h5", 3, "none.csv"},
    };
    shell("head -c 3000 %s/events.h5 > %s/cut.h5", folder, folder);
    write_text("bare.csv", "event_no,dom_x,dom_y,dom_z,dom_time,charge,hlc\n1,0,0,0,10000,1,1\n");
    expect_mistakes(cases, sizeof cases / sizeof *cases);
    shell("test ! -e %s/x.csv && test ! -e %s/m", folder, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_over_threads), cmocka_unit_test(resumes),    cmocka_unit_test(evaluates),
        cmocka_unit_test(good_events_survive),    cmocka_unit_test(bad_inputs),
    };
    return cmocka_run_group_tests(tests, make_files, tear_down);
}
