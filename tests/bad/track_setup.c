/* tests/bad/track_setup.c — the main verb with detectors, fields and maps that are damaged, or of another experiment. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

static int make_event(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("good", 7);
    shell("cd %s/good && rm simulation.json && mv detectors.csv ../good.csv", folder);
    return 0;
}

/* A command makes folder/FILE; the events are then tracked with it. */
static void expect_track(const char *make, const char *option, int code, const char *const *texts)
{
    shell("cd %s && %s", folder, make);
    answer a = run("track --json --quiet --out out %s good", option);
    expect_answer(make, &a, code, texts);
    if (code != 0) {
        assert_string_equal(a.out, "");
        shell("test ! -e %s/out", folder);
    }
    forget(&a);
}

static void damaged_detectors(void **state)
{
    (void)state;
    static const struct {
        const char *change; /* of the awk program that copies rows; $1-3 ids, $4-6 centre, $7-15 rotation, $17-19 sizes */
        const char *text[2];
    } cases[] = {
        {"NR == 2 {print}", {"d.csv: module (7, 2, 1) is there twice"}},
        {"NR == 2 {$7 = 0.5}", {"d.csv: module (7, 2, 1): expected an orthonormal rotation", "found a deviation of"}},
        {"NR == 2 {$7 = -$7; $10 = -$10; $13 = -$13}", {"module (7, 2, 1): expected an orthonormal rotation", "deviation of 2"}},
        {"NR == 2 {for (i = 7; i < 16; ++i) $i = 0}", {"module (7, 2, 1): expected an orthonormal rotation", "deviation of 1"}},
        {"NR == 3 {$17 = $18 = 0}", {"module (7, 2, 2): expected a size along u and v or none, found half widths 0 and 0, half length 36"}},
        {"NR == 3 {$19 = 0}", {"module (7, 2, 2): expected a size along u and v or none", "half length 0"}},
        {"NR == 4 {$4 = \"inf\"}", {"d.csv:4: column 'cx': found \"inf\""}},
        {"NR == 4 {$1 = 1e10}", {"d.csv:4: column 'volume_id'"}},
        {"NR > 1 {next}", {"d.csv: has no modules"}},
        {"$1 == 18 {next}", {"the doublet map is of a detector with 48 layers, this one has 42"}},
    };
    char make[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        snprintf(make, sizeof make, "awk -F, -v OFS=, '%s {print}' good.csv > d.csv", cases[i].change);
        expect_track(make, "--detector d.csv", 3, (const char *const[]){cases[i].text[0], cases[i].text[1], NULL});
    }
}

/* Modules on top of each other are legal, and named where they share their centre; sizes may be unknown. The tracks stay. */
static void unusual_detectors(void **state)
{
    (void)state;
    static const struct {
        const char *change, *text;
    } cases[] = {
        {"NR > 1 && NR < 4 {print $1, $2, $3 + 9000, substr($0, length($1 $2 $3) + 4)}",
         "d.csv: 2 pairs of modules overlap, the first is (7, 2, 1) and (7, 2, 9001) with the same centre"},
        {"$1 == 8 && $2 == 2 {save = $0; $3 += 9000; $6 += 5; print; $0 = save}", ""}, /* shifted within the plane */
        {"NR > 1 {$17 = $18 = $19 = -1}", ""},
    };
    char make[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        snprintf(make, sizeof make, "awk -F, -v OFS=, '%s {print}' good.csv > d.csv", cases[i].change);
        expect_track(make, "--detector d.csv", 0, (const char *const[]){cases[i].text, NULL});
        shell("cd %s && cut -d, -f3 out/submission.csv | sort -u | wc -l > n && test $(cat n) -gt 150 && rm -r out", folder);
    }
}

/* A regular map of 3 x 3 x 3 points, 27 lines after the header. */
static void damaged_fields(void **state)
{
    (void)state;
    static const struct {
        const char *change, *text[2];
    } cases[] = {
        {"5d", {"f.csv: 26 rows, expected 27 for a full grid; the first gap is at x = -1100, y = 0, z = -3100"}},
        {"5s/2$/nan/", {"f.csv:5: column 'bz': found \"nan\", expected a number"}},
        {"5s/,0,/,,/", {"f.csv:5: column 'y': found \"\""}},
        {"5p", {"f.csv:6: this grid point appeared before"}},
        {"s/,3100,/,4100,/", {"f.csv: column 'z': grid plane 1 is at 0, expected 500 for equal steps of 3600"}},
        {"2,$d", {"f.csv: 0 rows, expected a grid"}},
        {"1s/bz/b/", {"f.csv:1: column 'bz' is missing"}},
    };
    char make[256];
    shell("cd %s && (echo x,y,z,bx,by,bz; for x in -1100 0 1100; do for y in -1100 0 1100; do for z in -3100 0 3100; do "
          "echo $x,$y,$z,0,0,2; done; done; done) > map.csv",
          folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        snprintf(make, sizeof make, "sed '%s' map.csv > f.csv", cases[i].change);
        expect_track(make, "--field map:f.csv", 3, (const char *const[]){cases[i].text[0], cases[i].text[1], NULL});
    }
    expect_track("true", "--field map:none.csv", 3, (const char *const[]){"none.csv: cannot be opened: No such file", NULL});
    expect_track("true", "--field constant:nan", 2, (const char *const[]){"field \"constant:nan\"", NULL});
    /* a map that ends inside the detector is used, and said */
    expect_track("sed 's/1100/500/g' map.csv > f.csv", "--field map:f.csv", 0,
                 (const char *const[]){"warning: map:f.csv: the map covers x = -500 .. 500 mm, the detector -10", "no field beyond", NULL});
    shell("cd %s && rm -r out", folder);
    expect_track("true", "--field map:map.csv", 0, (const char *const[]){NULL});
    shell("cd %s && ! grep -q warning stderr && rm -r out", folder);
}

/* The map that the program ships is of the TrackML detector; these have as many layers, elsewhere. */
static void map_of_another_detector(void **state)
{
    (void)state;
    static const struct {
        const char *change, *text;
    } cases[] = {
        {"NR > 1 {$6 *= 1.3}", "doublets.h5: the doublet map is of another detector: its layer 0 is a disc at z = -1500"},
        {"NR > 1 {$4 *= 1.5; $5 *= 1.5}", "volume 8, layer 4 here is a cylinder at"},
        {"$1 == 8 {$8 = $11 = $13 = $15 = 0; $7 = $12 = $14 = 1; $9 = $10 = 0; $11 = 1; $12 = 0; $14 = 0; $15 = 1}",
         "its layer 7 is a cylinder at r = 32"},
    };
    char make[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        snprintf(make, sizeof make, "awk -F, -v OFS=, '%s {print}' good.csv > d.csv", cases[i].change);
        expect_track(make, "--detector d.csv", 3, (const char *const[]){"models/trackml/doublets.h5", cases[i].text, NULL});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_detectors),
        cmocka_unit_test(unusual_detectors),
        cmocka_unit_test(damaged_fields),
        cmocka_unit_test(map_of_another_detector),
    };
    return cmocka_run_group_tests(tests, make_event, tear_down);
}
