/* tests/unit/hdf5.c — what goes through the HDF5 door comes back bit for bit, and files are reproducible. */
/* SPDX-License-Identifier: Apache-2.0 */
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
#include "base/text.h"
#include "datasets/hdf5.h"

static hg_context *ctx;
static char folder[] = "/tmp/hg-hdf5-XXXXXX";

static void must(hg_status status)
{
    if (status < 0) fail_msg("%s", hg_context_message(ctx));
}

static const char *in_folder(const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const hg_h5_column x_column = {"/hits/x", HG_H5_F64, 0, "mm", "position along x"};
static const hg_h5_column pair_column = {"/nodes/pair", HG_H5_U64, 2, "1", "hits of a doublet"};
static const hg_h5_column zero_column = {"/a/b/zero", HG_H5_F32, 5, "1", "zeros"};
static const hg_h5_column empty_column = {"/empty", HG_H5_I64, 0, "1", "nothing"};

enum { N = 700000, CUT = 190001 }; /* 5.6 MB: several chunks, and pieces that fit no chunk border */

static void write_sample(const char *path, bool in_pieces, double *x, uint64_t *pair, float *zero)
{
    hg_h5 *h5 = NULL;
    const double threshold = 0.25;
    const double scale[3] = {1, 2, 3};
    must(hg_h5_create(ctx, path, "tracks", &h5));
    if (in_pieces) {
        for (int64_t at = 0; at < N; at += CUT) must(hg_h5_append(ctx, h5, &x_column, x + at, at + CUT < N ? CUT : N - at));
        must(hg_h5_append(ctx, h5, &pair_column, pair, 3));
        must(hg_h5_append(ctx, h5, &pair_column, pair + 6, 0));
        must(hg_h5_append(ctx, h5, &pair_column, pair + 6, 7));
        must(hg_h5_append(ctx, h5, &zero_column, zero, N / 5));
        must(hg_h5_append(ctx, h5, &empty_column, NULL, 0));
    } else {
        must(hg_h5_write(ctx, h5, &x_column, x, N));
        must(hg_h5_write(ctx, h5, &pair_column, pair, 10));
        must(hg_h5_write(ctx, h5, &zero_column, zero, N / 5));
        must(hg_h5_write(ctx, h5, &empty_column, NULL, 0));
    }
    must(hg_h5_set_number(ctx, h5, "/", "threshold", &threshold));
    must(hg_h5_set_numbers(ctx, h5, "/hits/x", "scale", HG_H5_F64, 3, scale));
    must(hg_h5_set_string(ctx, h5, "/hits", "note", "µm"));
    must(hg_h5_set_string(ctx, h5, "/", "empty", ""));
    assert_true(hg_h5_handles(h5) >= 1);
    must(hg_h5_commit(ctx, &h5));
}

static void check_sample(const char *path, const double *x, const uint64_t *pair)
{
    hg_h5 *h5 = NULL;
    double *x_back = NULL, threshold = 0, scale[3], some[5];
    uint64_t *pair_back = NULL;
    float *zero_back = NULL;
    int64_t *empty = NULL, rows = -1, width = -1;
    char *text = NULL;
    must(hg_h5_open(ctx, path, "tracks", &h5));
    must(hg_h5_read_array(ctx, h5, "/hits/x", 0, N, &x_back, NULL));
    assert_memory_equal(x, x_back, N * sizeof *x);
    must(hg_h5_read_array(ctx, h5, "/nodes/pair", 2, -1, &pair_back, &rows));
    assert_int_equal(rows, 10);
    assert_memory_equal(pair, pair_back, 20 * sizeof *pair);
    must(hg_h5_shape(ctx, h5, "/a/b/zero", HG_H5_F32, -1, &rows, &width));
    assert_int_equal(width, 5);
    must(hg_h5_read_array(ctx, h5, "/a/b/zero", -1, N / 5, &zero_back, NULL));
    for (int i = 0; i < N; ++i) assert_true(zero_back[i] == 0);
    must(hg_h5_read_array(ctx, h5, "/empty", 0, 0, &empty, &rows));
    must(hg_h5_read(ctx, h5, "/hits/x", HG_H5_F64, 0, N - 5, 5, some));
    assert_memory_equal(some, x + N - 5, sizeof some);
    must(hg_h5_get_number(ctx, h5, "/", "threshold", &threshold));
    assert_true(threshold == 0.25);
    must(hg_h5_get_numbers(ctx, h5, "/hits/x", "scale", HG_H5_F64, 3, scale));
    assert_true(scale[2] == 3);
    must(hg_h5_get_string(ctx, h5, "/hits", "note", &text));
    assert_string_equal(text, "µm");
    assert_true(hg_h5_has(h5, "/nodes/pair") && !hg_h5_has(h5, "/nodes") && !hg_h5_has(h5, "/nodes/pear"));
    assert_int_equal(hg_h5_handles(h5), 1);
    hg_free(ctx, x_back);
    hg_free(ctx, pair_back);
    hg_free(ctx, zero_back);
    hg_free(ctx, empty);
    hg_free(ctx, text);
    hg_h5_close(ctx, h5);
}

static void round_trip(void **state)
{
    (void)state;
    double *x = malloc(N * sizeof *x);
    float *zero = calloc(N, sizeof *zero);
    uint64_t pair[20];
    char *bytes[2] = {NULL, NULL};
    size_t length[2] = {0, 0};
    uint64_t hash[2] = {0, 1};
    for (int i = 0; i < N; ++i) x[i] = i * 0.1 - 3;
    for (int i = 0; i < 20; ++i) pair[i] = 418837445421830145u + (uint64_t)i;
    write_sample(in_folder("a.h5"), false, x, pair, zero);
    check_sample(in_folder("a.h5"), x, pair);
    sleep(1); /* a time stamp would differ now */
    write_sample(in_folder("b.h5"), false, x, pair, zero);
    write_sample(in_folder("c.h5"), true, x, pair, zero);
    check_sample(in_folder("c.h5"), x, pair);
    must(hg_read_file(ctx, in_folder("a.h5"), 1 << 28, &bytes[0], &length[0]));
    must(hg_read_file(ctx, in_folder("b.h5"), 1 << 28, &bytes[1], &length[1]));
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    for (int i = 0; i < 2; ++i) { /* content_hash knows the content, not the way it was written */
        hg_h5 *h5 = NULL;
        must(hg_h5_open(ctx, in_folder(i ? "c.h5" : "a.h5"), NULL, &h5));
        must(hg_h5_get_number(ctx, h5, "/", "content_hash", &hash[i]));
        hg_h5_close(ctx, h5);
        hg_free(ctx, bytes[i]);
    }
    assert_true(hash[0] == hash[1]);
    free(x);
    free(zero);
}

static void wrong_expectations_are_named(void **state)
{
    (void)state;
    hg_h5 *h5 = NULL;
    double x[3] = {1, 2, 3};
    int32_t *ints = NULL;
    must(hg_h5_create(ctx, in_folder("d.h5"), "events", &h5));
    must(hg_h5_write(ctx, h5, &x_column, x, 3));
    must(hg_h5_commit(ctx, &h5));
    h5 = NULL;
    assert_int_equal(hg_h5_open(ctx, in_folder("d.h5"), "tracks", &h5), HG_ERR_FORMAT);
    assert_non_null(strstr(hg_context_message(ctx), "expected \"hitgraph-tracks\""));
    must(hg_h5_open(ctx, in_folder("d.h5"), "events", &h5));
    assert_int_equal(hg_h5_read_array(ctx, h5, "/hits/x", 0, -1, &ints, NULL), HG_ERR_FORMAT);
    assert_non_null(strstr(hg_context_message(ctx), "d.h5:/hits/x: its type does not fit into int32"));
    assert_int_equal(hg_h5_shape(ctx, h5, "/hits/x", HG_H5_F64, 2, NULL, NULL), HG_ERR_FORMAT);
    assert_non_null(strstr(hg_context_message(ctx), "rank 1, expected 2"));
    assert_int_equal(hg_h5_read(ctx, h5, "/hits/x", HG_H5_F64, 0, 1, 3, x), HG_ERR_FORMAT);
    assert_non_null(strstr(hg_context_message(ctx), "has 3 rows, expected rows 1 to 4"));
    assert_int_equal(hg_h5_shape(ctx, h5, "/hits/y", HG_H5_F64, 0, NULL, NULL), HG_ERR_FORMAT);
    assert_non_null(strstr(hg_context_message(ctx), "/hits/y: no such dataset"));
    assert_int_equal(hg_h5_handles(h5), 1);
    hg_h5_close(ctx, h5);
}

static void an_unfinished_file_leaves_nothing(void **state)
{
    (void)state;
    char command[300];
    hg_h5 *h5 = NULL;
    double x = 1;
    must(hg_h5_create(ctx, in_folder("d.h5"), "events", &h5));
    must(hg_h5_append(ctx, h5, &x_column, &x, 1));
    hg_h5_close(ctx, h5);
    snprintf(command, sizeof command, "test -z \"$(ls %s | grep tmp)\"", folder);
    assert_int_equal(system(command), 0);
    must(hg_h5_open(ctx, in_folder("d.h5"), "events", &h5)); /* the old file is still whole */
    hg_h5_close(ctx, h5);
}

static int set_up(void **state)
{
    (void)state;
    return hg_context_create(&ctx) || !mkdtemp(folder);
}

static int tear_down(void **state)
{
    (void)state;
    char command[300];
    const size_t used = hg_memory_used(ctx);
    hg_context_destroy(ctx);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) || used;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(wrong_expectations_are_named),
        cmocka_unit_test(an_unfinished_file_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
