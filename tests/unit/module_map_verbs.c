/* module_map_verbs.c — module maps from the command line: learned, used, converted, refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#define USE "-s graph.mode=module-map -s graph.module_map="

static int make_events(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("events", 7);
    shell("cd %s && awk -F, -v OFS=, 'NR > 1 {$4 += 1} {print}' events/detectors.csv > moved.csv", folder);
    shell("cd %s && awk -F, -v OFS=, 'NR > 1 && $1 == 8 {$1 = 6} {print}' events/detectors.csv > renamed.csv", folder);
    return 0;
}

static void succeeds(const char *arguments)
{
    answer a = run("%s", arguments);
    expect_answer(arguments, &a, 0, (const char *const[]){NULL});
    forget(&a);
}

static void maps_are_learned_and_used(void **state)
{
    (void)state;
    succeeds("build --learn-modules --threads 1 --out one.hgmap events");
    succeeds("build --learn-modules --threads 3 --out map.hgmap events");
    succeeds("build --learn-modules --out map.txt events");
    shell("cd %s && cmp one.hgmap map.hgmap && test \"$(head -1 map.txt | wc -w)\" = 24", folder);
    succeeds("build " USE "map.hgmap --threads 1 --out graphs1.h5 events");
    succeeds("build " USE "map.txt --threads 4 --out graphs4.h5 events");
    succeeds("build " USE "map.hgmap -s graph.module_triplets=false --out pairs.h5 events");
    succeeds("track " USE "map.hgmap --out tracks events");
    answer a = run("build --losses " USE "map.hgmap events");
    assert_int_equal(a.code, 0);
    assert_non_null(strstr(a.out, "no module pair"));
    forget(&a);
    a = run("build " USE "map.hgmap --json --out graphs.h5 events");
    answer b = run("build " USE "map.txt --json --out graphs.h5 events");
    json_t *from_mapped = json_lines(&a), *from_text = json_lines(&b);
    const json_t *mapped = json_array_get(from_mapped, 0), *text = json_array_get(from_text, 0);
    assert_true(json_integer_value(json_object_get(mapped, "n_edges")) > 100);
    assert_true(json_equal(json_object_get(mapped, "n_edges"), json_object_get(text, "n_edges")));
    /* what it was learned from is found again, but for particles on two layers */
    assert_true(json_number_value(json_object_get(mapped, "efficiency_layerwise")) > 0.95);
    json_decref(from_mapped);
    json_decref(from_text);
    forget(&a);
    forget(&b);
}

static void conversions_lose_nothing(void **state)
{
    (void)state;
    succeeds("convert map.hgmap again.txt");
    succeeds("convert map.txt map.h5");
    succeeds("convert map.h5 again.hgmap");
    succeeds("convert --detector events/detectors.csv again.hgmap last.txt");
    shell("cd %s && cmp map.txt again.txt && cmp map.txt last.txt", folder);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    shell("cd %s && head -c 3000 map.hgmap > short.hgmap && cp map.hgmap bad.hgmap && printf x | dd of=bad.hgmap bs=1 seek=5000 "
          "conv=notrunc 2> /dev/null && head -c -4 map.txt > short.txt",
          folder);
    static const mistake list[] = {
        {"build -s graph.mode=module-map --out g.h5 events", 2, "graph.mode=module-map needs graph.module_map=FILE"},
        {"build " USE "none.hgmap --out g.h5 events", 3, "none.hgmap"},
        {"build " USE "short.hgmap --out g.h5 events", 3, "short.hgmap: 3000 bytes, expected"},
        {"build " USE "bad.hgmap --out g.h5 events", 3, "bad.hgmap: checksum"},
        {"track " USE "bad.hgmap --out g events", 3, "bad.hgmap: checksum"},
        {"build --detector moved.csv " USE "map.hgmap --out g.h5 events", 3, "map.hgmap: a module map of another detector"},
        {"convert --detector renamed.csv map.txt bad.hgmap", 3, "map.txt: a module map of another detector: triplet 1"},
        {"convert bad.hgmap bad.txt", 3, "bad.hgmap: checksum"},
        {"convert --detector moved.csv map.hgmap bad.txt", 3, "map.hgmap: a module map of another detector"},
        {"build --learn --learn-modules --out x events", 2, "exclude each other"},
        {"build --learn-modules events", 2, "--out FILE is missing"},
        {"build --losses --learn-modules events", 2, "--losses goes with neither"},
    };
    expect_mistakes(list, sizeof list / sizeof *list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_learned_and_used),
        cmocka_unit_test(conversions_lose_nothing),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, make_events, tear_down);
}
