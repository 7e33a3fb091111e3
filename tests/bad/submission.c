/* bad/submission.c — submissions, right and wrong, and the events that they belong to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hitgraph/metrics.h"
#include "hitgraph/submission.h"
#include "tests/context.h"

/* Writes `text` to a file of its own and reads it. */
static hg_status read_text(const char *text, hg_labels **labels)
{
    char path[] = "/tmp/hitgraph-submission-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (int)strlen(text));
    close(descriptor);
    const hg_status status = hg_labels_read(ctx, path, labels);
    unlink(path);
    return status;
}

static void assert_refused(const char *text, hg_status expected, const char *words)
{
    hg_labels *labels = NULL;
    assert_int_equal(read_text(text, &labels), expected);
    assert_null(labels);
    if (strstr(hg_context_message(ctx), words) == NULL) fail_msg("\"%s\" does not say \"%s\"", hg_context_message(ctx), words);
}

static uint64_t hit_id[3] = {30, 10, 20};
static const hg_hits hits = {.n = 3, .hit_id = hit_id};

static void labels_come_in_the_order_of_the_hits(void **state)
{
    (void)state;
    hg_labels *labels = NULL;
    int64_t label[3] = {-1, -1, -1};
    assert_int_equal(read_text("track_id,hit_id,event_id\n5,10,8\n7,20,7\n0,30,7\n9,10,7\n", &labels), HG_OK);
    assert_int_equal(labels->n, 4);
    assert_int_equal(hg_labels_of_event(ctx, labels, 7, &hits, label), HG_OK);
    assert_true(label[0] == 0 && label[1] == 9 && label[2] == 7);

    /* an event that lacks a hit, one that has a hit too many, one that is not there, one without hits */
    label[0] = 77;
    assert_int_equal(hg_labels_of_event(ctx, labels, 8, &hits, label), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "lacks hit 30"));
    const hg_hits two = {.n = 2, .hit_id = hit_id}, none = {0};
    assert_int_equal(hg_labels_of_event(ctx, labels, 7, &two, label), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit 20"));
    assert_int_equal(hg_labels_of_event(ctx, labels, 9, &hits, label), HG_ERR_DATA);
    assert_true(label[0] == 77);
    assert_int_equal(hg_labels_of_event(ctx, labels, 9, &none, label), HG_OK);
    hg_labels_destroy(ctx, labels);
}

static void wrong_submissions_are_refused(void **state)
{
    (void)state;
    assert_refused("event_id,hit_id\n7,10\n", HG_ERR_FORMAT, "track_id");
    assert_refused("event_id,hit_id,track_id\n7,10,x\n", HG_ERR_FORMAT, "x");
    assert_refused("event_id,hit_id,track_id\n7,10,-3\n", HG_ERR_DATA, ":2: track_id is -3");
    assert_refused("event_id,hit_id,track_id\n7,10,3\n7,11,3\n7,10,4\n", HG_ERR_DATA, ":4: hit 10 of event 7");
    assert_refused("event_id,hit_id,track_id\n7,10\n", HG_ERR_FORMAT, ":2:");
    hg_labels *labels = NULL;
    assert_int_equal(hg_labels_read(ctx, "/nowhere/submission.csv", &labels), HG_ERR_IO);
}

static void lists_and_labels_are_the_same(void **state)
{
    (void)state;
    const int64_t label[7] = {4, 0, 9, 4, -1, 9, 2};
    int64_t n = 0, *offset = NULL;
    int32_t *hit = NULL;
    assert_int_equal(hg_lists_from_labels(ctx, 7, label, &n, &offset, &hit), HG_OK);
    const int64_t offsets[4] = {0, 1, 3, 5};
    const int32_t rows[5] = {6, 0, 3, 2, 5};
    assert_int_equal(n, 3);
    assert_memory_equal(offset, offsets, sizeof offsets);
    assert_memory_equal(hit, rows, sizeof rows);
    hg_free(ctx, offset);
    hg_free(ctx, hit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_come_in_the_order_of_the_hits),
        cmocka_unit_test(wrong_submissions_are_refused),
        cmocka_unit_test(lists_and_labels_are_the_same),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
