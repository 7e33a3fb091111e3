/* datasets.h — what the tests of the readers and writers share: a context, a folder of their own, small files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_DATASETS_H
#define HG_TESTS_DATASETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "hitgraph/context.h"
#include "tests/leaks.h"

static hg_context *ctx;
static char folder[64];

static inline void must(hg_status status)
{
    if (status < 0) fail_msg("%s", hg_context_message(ctx));
}

/* A path in the test's folder; valid until four more calls. */
static inline const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static inline void write_bytes(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) fail_msg("%s", command);
}

/* The call must fail with this status and a message that holds the text; nothing of the failed call stays allocated. */
static inline void expect_failure(hg_status found, hg_status expected, const char *text)
{
    if (found != expected || !strstr(hg_context_message(ctx), text))
        fail_msg("status %d \"%s\", expected %d with \"%s\"", found, hg_context_message(ctx), expected, text);
}

static inline int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hitgraph-test-XXXXXX");
    return hg_context_create(&ctx) || !mkdtemp(folder);
}

/* Fails when memory is still in use. */
static inline int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    const int removed = system(command) == 0;
    return close_without_leaks(ctx) || !removed;
}

/* True when a sample lies beside the checkout; prints why not otherwise. */
static inline int has_sample(const char *path)
{
    if (access(path, F_OK) == 0) return 1;
    printf("SKIP %s: ../shared/data is missing\n", path);
    return 0;
}

#endif
