/* tests/bad/csv.c — tables that are not what they should be: each gives its status and says where. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <sys/stat.h>
#include "datasets/csv.h"

static hg_csv_column columns[] = {
    {"id", HG_CSV_U64, false, NULL}, {"n", HG_CSV_I32, false, NULL}, {"x", HG_CSV_F64, false, NULL},
    {"y", HG_CSV_F32, true, NULL},   {"m", HG_CSV_I64, true, NULL},  {NULL, HG_CSV_LINE, false, NULL},
};
enum { COLUMNS = sizeof columns / sizeof *columns, LINE = COLUMNS - 1 };

static hg_status read_table(const char *name, int64_t *rows)
{
    return hg_csv_read(ctx, in_folder(name), columns, COLUMNS, 1000, rows);
}

static void refuse(hg_status status, const char *message)
{
    int64_t rows = -5;
    const size_t used = hg_memory_used(ctx);
    expect_failure(read_table("t.csv", &rows), status, message);
    assert_int_equal(rows, -5);
    assert_int_equal(hg_memory_used(ctx), used);
}

static void accept(int64_t expected)
{
    int64_t rows = -1;
    must(read_table("t.csv", &rows));
    assert_int_equal(rows, expected);
    hg_csv_free(ctx, columns, COLUMNS);
}

static void refused_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        hg_status status;
    } bad[] = {
        {"", "t.csv: is empty, expected a header line with 'id'", HG_ERR_FORMAT},
        {"\n\n \n", "t.csv", HG_ERR_FORMAT},
        {"id,n\n1,2\n", "t.csv:1: column 'x' is missing; found 2 columns: id,n", HG_ERR_FORMAT},
        {"ID,n,x\n", "t.csv:1: column 'id' is missing; hint: 'ID' differs in upper and lower case", HG_ERR_FORMAT},
        {"id,n,x,n\n", "t.csv:1: column 'n' appears twice (columns 2 and 4)", HG_ERR_FORMAT},
        {"id,n,x,z,z\n", "t.csv:1: column 'z' appears twice", HG_ERR_FORMAT},
        {"id,n,,x\n", "t.csv:1: column 3 has no name", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3\n\n1,2\n", "t.csv:4: 2 fields, expected 3 as in the header; hint: the 1 rows before", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3,4\n", "t.csv:2: 4 fields, expected 3", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3,\n", "t.csv:2: 4 fields, expected 3", HG_ERR_FORMAT},
        {"id,n,x\r\n1,2,3\r\n1,2\r\n", "t.csv:3: 2 fields", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3\nid,n,x\n", "t.csv:3: column 'id': found \"id\", expected an unsigned 64-bit integer; hint: the header is repeated",
         HG_ERR_FORMAT},
        {"id,n,x\n4.5e17,2,3\n",
         "t.csv:2: column 'id': found \"4.5e17\", expected an unsigned 64-bit integer; hint: the file was saved "
         "through floating point",
         HG_ERR_FORMAT},
        {"id,n,x\n1.0,2,3\n", "saved through floating point", HG_ERR_FORMAT},
        {"id,n,x\n-1,2,3\n", "column 'id': found \"-1\", expected an unsigned 64-bit integer; hint: an id is never negative",
         HG_ERR_FORMAT},
        {"id,n,x\n18446744073709551616,2,3\n", "the number is too large", HG_ERR_FORMAT},
        {"id,n,x\n1,2147483648,3\n", "column 'n': found \"2147483648\", expected an integer; hint: the number is too large", HG_ERR_FORMAT},
        {"id,n,x\n1,x2,3\n", "t.csv:2: column 'n': found \"x2\", expected an integer", HG_ERR_FORMAT},
        {"id,n,x\n1,,3\n", "column 'n': found \"\", expected an integer; hint: the field is empty", HG_ERR_FORMAT},
        {"id,n,x\n1,2,nan\n", "column 'x': found \"nan\", expected a number; hint: missing and infinite values", HG_ERR_FORMAT},
        {"id,n,x\n1,2,-inf\n", "missing and infinite values", HG_ERR_FORMAT},
        {"id,n,x\n1,2,1e400\n", "column 'x': found \"1e400\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,0x10\n", "column 'x': found \"0x10\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,\"1,5\"\n", "found \"1,5\", expected a number; hint: decimals are written with a point", HG_ERR_FORMAT},
        {"id,n,x\n1,2,1 5\n", "found \"1 5\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,+\n", "found \"+\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,.\n", "found \".\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,e5\n", "found \"e5\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,\xe2\x88\x92"
         "5\n",
         "found \"\\xe2\\x88\\x925\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,\x06\n", "found \"\\x06\"", HG_ERR_FORMAT},
        {"id,n,x,y\n1,2,3,1e39\n", "column 'y': found \"1e39\"", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3\n1,2,\"3\n4,5,6\n", "stray or unterminated quote", HG_ERR_FORMAT},
        {"id,n,x\n1,2,3\n1,2,3\"4\n", "t.csv:3: stray or unterminated quote", HG_ERR_FORMAT},
        {"id,n,x\n1,2,\"3\"4\n", "t.csv:2: stray or unterminated quote", HG_ERR_FORMAT},
        {"\xff\xfei\0d\0", "t.csv", HG_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        write_text("t.csv", bad[i].text);
        refuse(bad[i].status, bad[i].message);
    }
    write_bytes("t.csv", "id,n,x\n1,2,3\n1,\0,3\n", 20);
    refuse(HG_ERR_FORMAT, "t.csv:3: NUL byte");
    write_bytes("t.csv", "i\0d\0,\0n\0", 8);
    refuse(HG_ERR_FORMAT, "t.csv:1: NUL byte; hint: UTF-16");
}

static void accepted_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t rows;
    } good[] = {
        {"id,n,x", 0},
        {"id,n,x\n", 0},
        {"\n\nid,n,x\n\n\n1,2,3\n\n", 1},
        {"\xef\xbb\xbfid,n,x\r\n1,2,3\r\n", 1},
        {"\"id\",\"n\",\"x\"\n\"1\",\"2\",\"3\"", 1},
        {"x,q,n,m,id\n1.5e3,\"a \"\"b\"\", c\nd\",-2147483648,-9223372036854775808,18446744073709551615\n", 1},
        {"id,n,x\r1,2,3\r4,5,6\r", 2},
        {" id , n ,x\n1 , +2, -0 \n", 1},
        {"id,n,x,\xff\xfe\n1,2,1e-400,\xff\xff\xff\n", 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        write_text("t.csv", good[i].text);
        accept(good[i].rows);
    }
    int64_t rows = 0;
    write_text("t.csv", "n,id,x\n\n1,418837445421830145,2\n\n3,4,0.1");
    must(read_table("t.csv", &rows));
    assert_true(rows == 2 && *(uint64_t *)columns[0].data == 418837445421830145u && ((double *)columns[2].data)[1] == 0.1);
    assert_true(((int64_t *)columns[LINE].data)[0] == 3 && ((int64_t *)columns[LINE].data)[1] == 5);
    assert_null(columns[3].data);
    hg_csv_free(ctx, columns, COLUMNS);
}

static void endless_things_meet_a_limit(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("t.csv"), "w");
    fputs("id,n,x\n1,2,", file);
    for (int i = 0; i < 1 << 22; ++i) fputc('1', file); /* one field */
    fclose(file);
    refuse(HG_ERR_LIMIT, "t.csv:2: row of more than 65536 bytes");
    file = fopen(in_folder("t.csv"), "w");
    fputs("id,n,x\n1,2,\"3\n", file); /* the quote swallows all lines */
    for (int i = 0; i < 1 << 17; ++i) fputs("1,2,3\n", file);
    fclose(file);
    refuse(HG_ERR_LIMIT, "hint: an unterminated quote?");
    file = fopen(in_folder("t.csv"), "w");
    for (int i = 0; i < 1000; ++i) fprintf(file, "c%d,", i);
    fclose(file);
    refuse(HG_ERR_LIMIT, "t.csv:1: more than 256 columns");
    file = fopen(in_folder("t.csv"), "w");
    fputs("id,n,x\n", file);
    for (int i = 0; i < 1001; ++i) fputs("1,2,3\n", file);
    fclose(file);
    refuse(HG_ERR_LIMIT, "t.csv:1002: more than 1000 rows");
    file = fopen(in_folder("t.csv"), "w");
    fputs("id,n,x\n", file);
    for (int i = 0; i < 1 << 17; ++i) fputc('\n', file); /* more blank lines than a row may have bytes */
    fputs("1,2,3\n", file);
    fclose(file);
    accept(1);
}

static void things_that_are_no_files(void **state)
{
    (void)state;
    int64_t rows;
    shell("rm -f %s/t.csv && mkfifo %s/fifo && ln -s loop %s/loop && mkdir %s/dir", folder, folder, folder, folder);
    refuse(HG_ERR_IO, "t.csv: cannot be opened: No such file");
    expect_failure(read_table("fifo", &rows), HG_ERR_IO, "fifo: is not a regular file");
    expect_failure(read_table("dir", &rows), HG_ERR_IO, "dir: is not a regular file");
    expect_failure(read_table("loop", &rows), HG_ERR_IO, "loop: cannot be opened");
    expect_failure(hg_csv_read(ctx, "/dev/zero", columns, COLUMNS, 10, &rows), HG_ERR_IO, "/dev/zero: is not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_texts),
        cmocka_unit_test(accepted_texts),
        cmocka_unit_test(endless_things_meet_a_limit),
        cmocka_unit_test(things_that_are_no_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
