/* program.h — the built program as a user runs it, and what it answered. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_PROGRAM_H
#define HG_TESTS_PROGRAM_H

#include "tests/datasets.h"

#include <sys/wait.h>

#include "base/json.h"
#include "base/text.h"

typedef struct answer {
    int code; /* exit code */
    char *out, *err;
} answer;

/* build/VARIANT/hitgraph: the test lies in build/VARIANT/tests/KIND. */
static inline const char *program_path(void)
{
    static char path[512];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    assert_true(length > 0);
    path[length] = '\0';
    for (int level = 0; level < 3; ++level) *strrchr(path, '/') = '\0';
    strcat(path, "/hitgraph");
    if (access(path, X_OK) != 0) fail_msg("%s is missing", path);
    return path;
}

static inline char *text_of(const char *path)
{
    static const size_t limit = (size_t)1 << 28;
    char *text = NULL;
    size_t length = 0;
    must(hg_read_file(ctx, path, limit, &text, &length));
    return text;
}

static inline void forget(answer *a)
{
    hg_free(ctx, a->out);
    hg_free(ctx, a->err);
    *a = (answer){0};
}

/* Runs the program with these arguments in the test's folder, on two threads; forget() the answer. */
__attribute__((format(printf, 1, 2))) static inline answer run(const char *format, ...)
{
    char given[1024], command[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(given, sizeof given, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command, "cd %s && OMP_NUM_THREADS=2 %s %s > stdout 2> stderr", folder, program_path(), given);
    const int status = system(command);
    if (!WIFEXITED(status)) fail_msg("%s: ended by a signal", command);
    return (answer){.code = WEXITSTATUS(status), .out = text_of(in_folder("stdout")), .err = text_of(in_folder("stderr"))};
}

/* The exit code must be this one and the messages must hold each of the texts, which end with NULL. */
static inline void expect_answer(const char *what, const answer *a, int code, const char *const *texts)
{
    if (a->code != code) fail_msg("%s: exit code %d, expected %d; stderr:\n%s", what, a->code, code, a->err);
    for (; *texts; ++texts) {
        if (!strstr(a->err, *texts)) fail_msg("%s: stderr lacks \"%s\":\n%s", what, *texts, a->err);
    }
}

/* One command line that must fail, its exit code and a text that the messages must hold. */
typedef struct mistake {
    const char *arguments;
    int code;
    const char *text;
} mistake;

/* Each mistake is answered as expected, with nothing on stdout. */
static inline void expect_mistakes(const mistake *list, size_t n)
{
    for (size_t i = 0; i < n; ++i) {
        answer a = run("%s", list[i].arguments);
        expect_answer(list[i].arguments, &a, list[i].code, (const char *const[]){list[i].text, NULL});
        if (*a.out) fail_msg("%s: stdout: %s", list[i].arguments, a.out);
        forget(&a);
    }
}

/* Neither results nor temporary files lie in a directory of the test's folder. */
static inline void expect_nothing_in(const char *name)
{
    shell("test -z \"$(ls -A %s/%s 2> /dev/null)\"", folder, name);
}

/* The lines of stdout as JSON objects; each must be one. json_decref by the caller. */
static inline json_t *json_lines(const answer *a)
{
    json_t *list = json_array();
    for (const char *line = a->out; *line;) {
        const char *end = strchr(line, '\n');
        json_t *object = NULL;
        assert_non_null(end);
        must(hg_json_parse(ctx, "stdout", line, (size_t)(end - line), &object));
        json_array_append_new(list, object);
        line = end + 1;
    }
    return list;
}

/* A small event in folder/NAME: one collision, about two thousand hits, all its files and detectors.csv. */
static inline void simulate_small(const char *name, int number)
{
    answer a = run("simulate --quiet --pileup 1 --noise 0.05 --first-event %d --out %s", number, name);
    expect_answer("simulate", &a, 0, (const char *const[]){NULL});
    forget(&a);
}

#endif
