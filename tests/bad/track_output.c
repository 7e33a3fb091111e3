/* tests/bad/track_output.c — the main verb's directory: gone where nothing was written, and what a full disk says. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

static int make_event(void **state)
{
    if (set_up(state)) return 1;
    simulate_small("good", 7);
    return 0;
}

/* A directory that the run made goes with it; one that was there stays, and so do the folders above. */
static void nothing_written_leaves_no_directory(void **state)
{
    (void)state;
    static const struct {
        const char *arguments;
        int code;
    } cases[] = {
        {"missing", 3},
        {"-s graph.map=none.h5 good", 3},
        {"--detector none.csv good", 3},
        {"--memory-limit 5 good", 4},
        {"-s tracking.passes=x good", 2},
    };
    shell("mkdir -p %s/kept/above", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        static const char *const directories[] = {"new", "kept", "kept/above/a/b//"};
        for (size_t d = 0; d < sizeof directories / sizeof *directories; ++d) {
            answer a = run("track --quiet --out %s %s", directories[d], cases[i].arguments);
            expect_answer(cases[i].arguments, &a, cases[i].code, (const char *const[]){NULL});
            forget(&a);
            shell("cd %s && test ! -e new && test $(find kept | wc -l) = 2", folder);
        }
    }
}

/* Files may grow to so many blocks only, as on a full disk; the pipe that takes the messages has no such limit. */
static answer run_with_small_files(int blocks)
{
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && rm -f code && (trap '' XFSZ; ulimit -f %d; %s track --json --quiet --out out good 2>&1 > /dev/null; echo $?) | cat "
             "> all; "
             "tail -n 1 all > code; sed '$d' all > stderr; : > stdout",
             folder, blocks, program_path());
    shell("%s", command);
    char *code = text_of(in_folder("code"));
    const answer a = {.code = atoi(code), .out = text_of(in_folder("stdout")), .err = text_of(in_folder("stderr"))};
    hg_free(ctx, code);
    return a;
}

static void full_disk(void **state)
{
    (void)state;
    int failures = 0;
    for (int blocks = 0;; blocks = 2 * blocks + 1) {
        answer a = run_with_small_files(blocks);
        if (a.code == 0) {
            forget(&a);
            break;
        }
        expect_answer("full disk", &a, 1, (const char *const[]){"hitgraph track: out/", "(File too large)", NULL});
        shell("test ! -e %s/out", folder);
        forget(&a);
        ++failures;
    }
    assert_in_range(failures, 5, 20);
    shell("cd %s && test -f out/submission.csv && test -f out/tracks.h5 && test $(ls -A out | wc -l) = 2", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_written_leaves_no_directory),
        cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, make_event, tear_down);
}
