/* tests/bad/track.c — the main verb on damaged events, models and maps: exit code 3, what and where, nothing half done, good events done.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

static int make_event(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("good", 7);
    shell("cd %s/good && rm detectors.csv simulation.json", folder);
    return 0;
}

/* The good event, changed by a command in its directory, then tracked; output goes to folder/out. */
static answer track_changed(const char *change, const char *more)
{
    shell("cd %s && rm -rf bad out && cp -r good bad && cd bad && %s", folder, change);
    return run("track --json --out out %s bad", more);
}

static void expect_refused(const char *change, const char *more, const char *const *texts)
{
    answer a = track_changed(change, more);
    expect_answer(change, &a, 3, texts);
    assert_string_equal(a.out, "");
    assert_int_not_equal(access(in_folder("out"), F_OK), 0);
    forget(&a);
}

static void damaged_files(void **state)
{
    (void)state;
    static const struct {
        const char *change, *text[3];
    } cases[] = {
        {"rm *-hits.csv", {"event000000007: the hits file is missing"}},
        {"cut -d, -f1-6 *-hits.csv > t; mv t event000000007-hits.csv", {"hits.csv:1: column 'module_id' is missing"}},
        {"sed -i '1s/,y,/,x,/' *-hits.csv", {"hits.csv:1: column 'x'"}},
        {"sed -i '5s/,[^,]*$//' *-hits.csv", {"hits.csv:5:", "6", "expected 7"}},
        {"sed -i '6s/$/,1/' *-hits.csv", {"hits.csv:6:", "8", "expected 7"}},
        {"sed -i '4s/,[^,]*/,nan/' *-hits.csv", {"hits.csv:4: column 'x': found \"nan\"", "expected"}},
        {"sed -i '4s/,[^,]*/,-inf/' *-hits.csv", {"hits.csv:4: column 'x': found \"-inf\"", "expected"}},
        {"sed -i '4s/[^,]*$/x2/' *-hits.csv", {"hits.csv:4: column 'module_id': found \"x2\"", "expected an integer"}},
        {"sed -i '9p' *-hits.csv", {"hits.csv:10: column 'hit_id'", "is already on line 9"}},
        {"> event000000007-hits.csv", {"hits.csv: is empty"}},
        {"sed -i '3s/^[0-9]*/9999999/' *-truth.csv", {"truth.csv:3: column 'hit_id': found 9999999", "expected a hit of"}},
        {"sed -i '4d' *-truth.csv", {"truth.csv: no row for hit_id 3"}},
        {"sed -i '3s/,[^,]*/,1.5/' *-cells.csv", {"cells.csv:3: column 'ch0': found \"1.5\"", "expected an integer"}},
        {"gzip *-hits.csv; truncate -s 20000 *-hits.csv.gz", {"hits.csv.gz: the gzip data is truncated after 20000 bytes"}},
        {"gzip *-truth.csv; truncate -s -4 *-truth.csv.gz", {"truth.csv.gz: the gzip data is truncated"}},
        {"rm *", {"no events in this directory, expected files event<number>-hits.csv"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        expect_refused(cases[i].change, "--quiet",
                       (const char *const[]){cases[i].text[0], cases[i].text[1] ? cases[i].text[1] : "",
                                             cases[i].text[1] && cases[i].text[2] ? cases[i].text[2] : "", NULL});
}

/* HDF5 events cut at many places, and bytes that are none. */
static void truncated_hdf5(void **state)
{
    (void)state;
    answer a = run("simulate --quiet --pileup 1 --noise 0.05 --format h5 --out h5");
    assert_int_equal(a.code, 0);
    forget(&a);
    shell("cd %s && mv h5/*.h5 whole.h5", folder);
    a = run("track --quiet --json --out out whole.h5");
    assert_int_equal(a.code, 0);
    forget(&a);
    for (int percent = 0; percent < 100; percent += 11) {
        shell("cd %s && rm -rf out && head -c $(($(stat -c %%s whole.h5) * %d / 100)) whole.h5 > cut.h5", folder, percent);
        a = run("track --quiet --json --out out cut.h5");
        expect_answer("truncated HDF5", &a, 3, (const char *const[]){"cut.h5", NULL});
        expect_nothing_in("out");
        forget(&a);
    }
}

static void damaged_models_and_maps(void **state)
{
    (void)state;

    static const struct {
        const char *change, *setting, *text[2];
    } cases[] = {
        {"true", "doublets.model=models/trackml/triplet", {"models/trackml/triplet: reads", "expected 9"}},
        {"true", "triplets.model=none", {"none: not found", "looked in"}},
        {"mkdir ../m && cp $M/doublet/model.yaml ../m && cp $M/triplet/weights.safetensors ../m", "doublets.model=m", {"m/", "expected"}},
        {"rm ../m/weights.safetensors", "doublets.model=m", {"m/weights.safetensors", "No such file"}},
        {"head -c 9999 $M/doublet/weights.safetensors > ../m/weights.safetensors", "doublets.model=m", {"m/weights.safetensors", ""}},
        {"cp $M/doublet/weights.safetensors ../m && sed -i s/relu/rule/ ../m/model.yaml", "doublets.model=m", {"m/model.yaml:", "rule"}},
        {"true", "graph.map=none.h5", {"none.h5: not found", ""}},
        {"head -c 99999 $M/doublets.h5 > ../map.h5", "graph.map=map.h5", {"map.h5", ""}},
        {"echo no map > ../map.h5", "graph.map=map.h5", {"map.h5", ""}},
        {"true", "detector.file=none.csv", {"none.csv", "No such file"}},
        {"echo volume_id,layer_id > ../d.csv", "detector.file=d.csv", {"d.csv:1: column 'module_id' is missing", ""}},
    };
    char setting[256], change[512], here[256];
    assert_non_null(getcwd(here, sizeof here));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        snprintf(change, sizeof change, "M=%s/datasets/models/trackml; %s", here, cases[i].change);
        snprintf(setting, sizeof setting, "--quiet -s %s", cases[i].setting);
        expect_refused(change, setting, (const char *const[]){cases[i].text[0], cases[i].text[1], NULL});
    }
}

static json_int_t count(const json_t *lines, size_t line, const char *key)
{
    const json_t *value = json_object_get(json_array_get(lines, line), key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* What is unusual but legal: the answer must be right, not only accepted. */
static void legal_events(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        int n_hits;
    } cases[] = {
        {"rm *-cells.csv *-truth.csv *-particles.csv; sed -i '2,$d' *-hits.csv", 0},
        {"rm *-cells.csv *-truth.csv *-particles.csv; sed -i '3,$d' *-hits.csv", 1},
        {"sed -i '2,$d' *.csv", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        answer a = track_changed(cases[i].change, "--quiet");
        expect_answer(cases[i].change, &a, 0, (const char *const[]){NULL});
        json_t *lines = json_lines(&a);
        assert_int_equal(json_array_size(lines), 1);
        assert_int_equal(count(lines, 0, "n_hits"), cases[i].n_hits);
        assert_int_equal(count(lines, 0, "n_tracks"), 0);
        shell("cd %s/out && test $(wc -l < submission.csv) = %d && test -f tracks.h5", folder, 1 + cases[i].n_hits);
        json_decref(lines);
        forget(&a);
    }
    /* the order of the columns says nothing; neither do line ends */
    answer a = track_changed("true", "--quiet");
    assert_int_equal(a.code, 0);
    forget(&a);
    shell("cd %s && mv out straight", folder);
    a = track_changed("awk -F, -v OFS=, '{print $7,$3,$1,$5,$2,$4,$6}' *-hits.csv > t; mv t event000000007-hits.csv; "
                      "sed -i 's/$/\\r/' *-truth.csv",
                      "--quiet");
    assert_int_equal(a.code, 0);
    forget(&a);
    shell("cd %s && cmp straight/submission.csv out/submission.csv && rm -r straight", folder);
}

/* Bad events beside good ones: the good ones are done as if alone, the bad ones are named at the end. */
static void good_events_survive(void **state)
{
    (void)state;
    static const char *const texts[] = {"event000000008-hits.csv:3: column 'z': found \"?\"", "event000000009: the hits file is missing",
                                        "2 of 4 events failed", NULL};
    answer a = track_changed("true", "--quiet");
    assert_int_equal(a.code, 0);
    forget(&a);
    shell("cd %s && mv out alone", folder);
    a = track_changed(
        "for n in 8 9 10; do for f in *07-*; do cp $f $(echo $f | sed s/0*7-/$(printf %09d $n)-/); done; done; "
        "sed -i '3s/\\(.*,\\)\\([^,]*,[^,]*,[^,]*\\)$/\\1\\2/; 3s/^\\([^,]*,[^,]*,[^,]*\\),[^,]*/\\1,?/' *08-hits.csv; rm *09-hits.csv",
        "--quiet");
    expect_answer("good and bad events", &a, 3, texts);
    json_t *lines = json_lines(&a);
    assert_int_equal(json_array_size(lines), 2);
    assert_int_equal(count(lines, 0, "event_id"), 7);
    assert_int_equal(count(lines, 1, "event_id"), 10);
    json_decref(lines);
    forget(&a);
    shell("cd %s && cp out/submission.csv . && (cat alone/submission.csv; sed '1d;s/^7,/10,/' alone/submission.csv) | cmp - submission.csv",
          folder);
    /* the same when inputs are named one by one, and one is not there at all */
    a = run("track --json --quiet --out out bad/event000000007 bad/event000000011 bad/event000000010");
    expect_answer("an input that is missing", &a, 3, (const char *const[]){"event000000011", "1 of 3 events failed", NULL});
    forget(&a);
    shell("cd %s && cmp out/submission.csv submission.csv", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files), cmocka_unit_test(truncated_hdf5),      cmocka_unit_test(damaged_models_and_maps),
        cmocka_unit_test(legal_events),  cmocka_unit_test(good_events_survive),
    };
    return cmocka_run_group_tests(tests, make_event, tear_down);
}
