/* track_events.c — events that no experiment wants: noise only, hits off their modules, too large for the memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>
#include "tests/program.h"

static int make_event(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("good", 7);
    shell("cd %s/good && rm detectors.csv simulation.json", folder);
    return 0;
}

/* The truth holds no particle: tracks are found as without it, and figures that need particles are null, not 0 and not NaN. */
static void noise_only(void **state)
{
    (void)state;
    shell("cd %s && cp -r good noise && cd noise && sed -i '2,$d' *-particles.csv && "
          "awk -F, -v OFS=, 'NR > 1 {$2 = 0; $9 = 0} {print}' *-truth.csv > t && mv t event000000007-truth.csv",
          folder);
    answer a = run("track --json --quiet --out out good");
    expect_answer("good", &a, 0, (const char *const[]){NULL});
    forget(&a);
    a = run("track --json --quiet --out noisy noise");
    expect_answer("noise", &a, 0, (const char *const[]){"truth.csv: the weights sum to 0", NULL});
    json_t *lines = json_lines(&a);
    const json_t *report = json_array_get(lines, 0);
    static const char *const figures[] = {"trackml_score", "doublet_auc", "triplet_auc"};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; ++i) assert_true(json_is_null(json_object_get(report, figures[i])));
    json_decref(lines);
    forget(&a);
    shell("cd %s && cmp out/submission.csv noisy/submission.csv", folder);
    a = run("track --quiet --out noisy noise");
    expect_answer("noise", &a, 0, (const char *const[]){NULL});
    assert_non_null(strstr(a.out, "no TrackML score: no hit has a weight in the truth"));
    assert_null(strstr(a.out, "nan"));
    assert_null(strstr(a.out, "AUC"));
    forget(&a);
}

/* The hit alone is lost: it belongs to no track, and a warning names it; all others are tracked. */
static void hits_off_their_modules(void **state)
{
    (void)state;
    static const struct {
        const char *change, *text;
    } cases[] = {
        {"$2 += 300", "hit_id 6, volume 7 layer 2 module"},
        {"$4 += 2", " mm off)"},
        {"$2 = $3 = $4 = 9000", " mm off)"},
        {"$5 = 99", "hit_id 6, volume 99 layer 2 module"},
        {"$6 = 3", "hit_id 6, volume 7 layer 3 module"},
        {"$7 = 0", "hit_id 6, volume 7 layer 2 module 0, is not in the detector"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        shell("cd %s && rm -rf bad off && cp -r good bad && cd bad && awk -F, -v OFS=, 'NR == 7 {%s} {print}' *-hits.csv > t && "
              "mv t event000000007-hits.csv",
              folder, cases[i].change);
        answer a = run("track --json --out off bad");
        expect_answer(cases[i].change, &a, 0, (const char *const[]){"event 7: 1 hit lies outside its module", cases[i].text, NULL});
        forget(&a);
        shell(
            "cd %s && test $(wc -l < off/submission.csv) = $(wc -l < bad/event000000007-hits.csv) && grep -q '^7,6,0$' off/submission.csv",
            folder);
    }
}

/* Most hits off their modules: another detector, and nothing is written. */
static void another_detector(void **state)
{
    (void)state;
    shell("cd %s && rm -rf bad off && cp -r good bad && cd bad && awk -F, -v OFS=, 'NR %% 4 == 0 {$2 += 300} {print}' *-hits.csv > t && "
          "mv t event000000007-hits.csv",
          folder);
    answer a = run("track --json --quiet --out off bad");
    expect_answer("another detector", &a, 3,
                  (const char *const[]){"bad/event000000007: event 7: ", "hits lie outside their modules", NULL});
    shell("test ! -e %s/off", folder);
    forget(&a);
}

/* Hits of volumes that are not asked for belong to no track; volumes that the detector has not are refused. */
static void volumes_asked_for(void **state)
{
    (void)state;
    answer a = run("track --json --quiet -s detector.volumes=8,13 --out some good");
    expect_answer("two volumes", &a, 0, (const char *const[]){NULL});
    forget(&a);
    shell("cd %s && awk -F, 'FNR == 1 {next} NR == FNR {volume[$1] = $5; next} $3 {++n[volume[$2]]} "
          "END {for (v in n) if (v != 8 && v != 13) exit 1; exit !(n[8] && n[13])}' good/*-hits.csv some/submission.csv",
          folder);
    static const char *const wrong[] = {"99", ",8", "8 13", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        a = run("track --quiet -s detector.volumes='%s' --out other good", wrong[i]);
        expect_answer(wrong[i], &a, 2, (const char *const[]){"detector.volumes: expected volumes of the detector", wrong[i], NULL});
        forget(&a);
    }
}

/* Whatever the limit, the run ends well or says how much was asked for: never with a signal, never with half an answer. */
static void memory_limits(void **state)
{
    (void)state;
    int refused = 0;
    for (int megabytes = 1; megabytes < 400; megabytes += 1 + megabytes / 2) {
        answer a = run("track --json --quiet --memory-limit %d --out limited good", megabytes);
        if (a.code != 0) {
            expect_answer("memory limit", &a, 4, (const char *const[]){"memory limit of", "more asked for", NULL});
            assert_string_equal(a.out, "");
            shell("test ! -e %s/limited", folder);
            ++refused;
        } else {
            shell("cd %s && cmp out/submission.csv limited/submission.csv && rm -r limited", folder);
        }
        forget(&a);
    }
    assert_in_range(refused, 3, 9);
}

/* A muon along the beam line, which no module sees, and noise in all modules. */
static void simulate_noise(const char *name, double hits_per_module)
{
    answer a =
        run("simulate --quiet --gaussian-hits --format h5 --gun n=1,pdg=13,pt=1:1.1,eta=5.9:6 --noise %g --out %s", hits_per_module, name);
    expect_answer("simulate", &a, 0, (const char *const[]){NULL});
    forget(&a);
}

/* No hit is of a particle: the answer is whole, and few tracks are made of chance. */
static void hits_of_noise_only(void **state)
{
    (void)state;
    simulate_noise("random", 0.4);
    answer a = run("track --json --quiet --out found random/events.h5");
    expect_answer("random", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *report = json_array_get(lines, 0);
    const int64_t hits = json_integer_value(json_object_get(report, "n_hits")),
                  tracks = json_integer_value(json_object_get(report, "n_tracks"));
    assert_in_range(hits, 6000, 9000);
    assert_in_range(tracks, 0, hits / 50);
    shell("test $(wc -l < %s/found/submission.csv) = %lld", folder, (long long)hits + 1);
    assert_true(json_is_null(json_object_get(report, "trackml_score")));
    json_decref(lines);
    forget(&a);
}

/* Half a million hits of noise, five times a full event: the limit is kept, and said. */
static void too_many_hits(void **state)
{
    (void)state;
    const int megabytes = 300;
    simulate_noise("crowd", 27);
    answer a = run("track --json --quiet --memory-limit %d --out crowded crowd/events.h5", megabytes);
    expect_answer("crowd", &a, 4, (const char *const[]){"crowd/events.h5: memory limit of", "more asked for", NULL});
    assert_string_equal(a.out, "");
    shell("test ! -e %s/crowded", folder);
    forget(&a);
#ifndef __SANITIZE_ADDRESS__ /* which takes memory of its own */
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
    assert_in_range(used.ru_maxrss >> 10, megabytes / 2, megabytes + 64);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_only),        cmocka_unit_test(hits_off_their_modules), cmocka_unit_test(another_detector),
        cmocka_unit_test(volumes_asked_for), cmocka_unit_test(memory_limits),          cmocka_unit_test(hits_of_noise_only),
        cmocka_unit_test(too_many_hits),
    };
    return cmocka_run_group_tests(tests, make_event, tear_down);
}
