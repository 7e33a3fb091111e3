/* tests/bad/archive.c — compressed streams: whole ones are read, broken ones are errors and never short files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "datasets/archive.h"

/* Reads a whole stream into `text` (room for `room` bytes). */
static hg_status read_all(const char *name, char *text, size_t room, size_t *length)
{
    hg_reader *reader = NULL;
    const char *bytes = NULL;
    size_t n = 0;
    *length = 0;
    hg_status status = hg_reader_open(ctx, in_folder(name), &reader);
    while (status == HG_OK) {
        status = hg_reader_next(ctx, reader, &bytes, &n);
        if (status < 0 || n == 0) break;
        for (size_t i = 0; i < n && *length < room; ++i) text[(*length)++] = bytes[i];
    }
    hg_reader_close(ctx, reader);
    return status;
}

static size_t load(const char *name, char *bytes, size_t room)
{
    FILE *file = fopen(in_folder(name), "rb");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

static char text[400000], other[400000], packed[200000];
static size_t length;

static void make_text(size_t n)
{
    for (size_t i = 0; i < n; ++i) text[i] = (char)("0123456789,\n"[(i * i / 7 + i / 3) % 12]);
}

static void pack(const char *name, size_t n)
{
    hg_writer *writer = NULL;
    must(hg_writer_begin(ctx, in_folder(name), &writer));
    must(hg_writer_put(ctx, writer, text, n / 2));
    must(hg_writer_put(ctx, writer, text + n / 2, n - n / 2));
    must(hg_writer_commit(ctx, writer));
}

static void whole_streams(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        make_text(sizes[i]);
        pack("a.gz", sizes[i]);
        pack("a.txt", sizes[i]);
        must(read_all("a.gz", other, sizeof other, &length));
        assert_int_equal(length, sizes[i]);
        assert_memory_equal(text, other, length);
        must(read_all("a.txt", other, sizeof other, &length));
        assert_int_equal(length, sizes[i]);
        shell("gzip -t %s/a.gz", folder);
    }
    shell("cd %s && cat a.gz a.gz > b.gz && printf '' | gzip -n > empty.gz && cat a.gz empty.gz a.gz > c.gz", folder);
    must(read_all("b.gz", other, sizeof other, &length));
    assert_int_equal(length, sizeof other); /* 600000 bytes: the buffer is full */
    must(read_all("c.gz", other, sizeof other, &length));
    assert_memory_equal(other, text, 300000);
    assert_memory_equal(other + 300000, text, 100000);
    must(read_all("empty.gz", other, sizeof other, &length));
    assert_int_equal(length, 0);
    if (system("zstd --version > /dev/null 2>&1") != 0) return;
    shell("cd %s && zstd -q a.txt -o a.zst && head -c -20 a.zst > cut.zst", folder);
    must(read_all("a.zst", other, sizeof other, &length));
    assert_true(length == 300000 && memcmp(other, text, length) == 0);
    expect_failure(read_all("cut.zst", other, sizeof other, &length), HG_ERR_FORMAT, "cut.zst: damaged zstd stream");
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    make_text(500);
    pack("a.gz", 500);
    const size_t n = load("a.gz", packed, sizeof packed);
    for (size_t cut = 2; cut < n; ++cut) { /* with fewer than 2 bytes it is no gzip file */
        write_bytes("cut.gz", packed, cut);
        expect_failure(read_all("cut.gz", other, sizeof other, &length), HG_ERR_FORMAT, "cut.gz: the gzip data is truncated");
    }
    memcpy(packed + n, packed, n);
    for (size_t cut = n + 1; cut < 2 * n; ++cut) { /* inside a second member */
        write_bytes("cut.gz", packed, cut);
        expect_failure(read_all("cut.gz", other, sizeof other, &length), HG_ERR_FORMAT, "cut.gz: the gzip data is truncated");
    }
}

static void damaged_streams(void **state)
{
    (void)state;
    make_text(5000);
    pack("a.gz", 5000);
    const size_t n = load("a.gz", packed, sizeof packed);
    for (size_t at = n - 8; at < n; ++at) { /* CRC and length of the trailer */
        packed[at] ^= 1;
        write_bytes("bad.gz", packed, n);
        expect_failure(read_all("bad.gz", other, sizeof other, &length), HG_ERR_FORMAT, "bad.gz: damaged gzip data: incorrect");
        packed[at] ^= 1;
    }
    for (size_t at = 10; at < n - 8; at += 7) { /* the deflate data: an error of some kind, never another text */
        packed[at] ^= 0x10;
        write_bytes("bad.gz", packed, n);
        assert_int_equal(read_all("bad.gz", other, sizeof other, &length), HG_ERR_FORMAT);
        packed[at] ^= 0x10;
    }
    memcpy(packed + n, "garbage", 7);
    write_bytes("bad.gz", packed, n + 7);
    expect_failure(read_all("bad.gz", other, sizeof other, &length), HG_ERR_FORMAT, "bad.gz: other bytes follow the gzip data");
}

static void bombs_meet_a_limit(void **state)
{
    (void)state;
    shell("head -c 100000000 /dev/zero | gzip -9 > %s/bomb.gz", folder);
    expect_failure(read_all("bomb.gz", other, sizeof other, &length), HG_ERR_LIMIT, "bomb.gz: ");
}

static void an_aborted_file_leaves_nothing(void **state)
{
    (void)state;
    hg_writer *writer = NULL;
    must(hg_writer_begin(ctx, in_folder("aborted.gz"), &writer));
    must(hg_writer_put(ctx, writer, text, 5000));
    must(hg_writer_finish(ctx, writer));
    hg_writer_abort(ctx, writer);
    shell("test -z \"$(ls %s | grep -e aborted -e tmp)\"", folder);
    expect_failure(hg_writer_begin(ctx, "/nowhere/a.csv", &writer), HG_ERR_IO, "/nowhere/a.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_streams),      cmocka_unit_test(truncated_at_every_byte),        cmocka_unit_test(damaged_streams),
        cmocka_unit_test(bombs_meet_a_limit), cmocka_unit_test(an_aborted_file_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
