/* unit/base.c — random numbers, text, memory, safe output, YAML and options. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/config.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "tests/context.h"

/* The known answer for a zero counter and key, from the Random123 distribution's own test vectors (kat_vectors). */
static void philox_gives_its_known_answer(void **state)
{
    (void)state;
    hg_random stream = hg_random_stream(0, 0, 0, 0);
    const uint32_t expected[4] = {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u};
    for (int i = 0; i < 4; ++i) assert_int_equal(hg_random_u32(&stream), expected[i]);
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    double sum[4] = {0}, square[4] = {0};
    hg_random stream = hg_random_stream(7, 1, 2, 3);
    for (int i = 0; i < N; ++i) {
        const double draw[4] = {hg_random_normal(&stream), hg_random_exponential(&stream), (double)hg_random_poisson(&stream, 3.5),
                                hg_random_gamma(&stream, 1.5)};
        for (int k = 0; k < 4; ++k) {
            sum[k] += draw[k];
            square[k] += draw[k] * draw[k];
        }
    }
    const double mean[4] = {0, 1, 3.5, 1.5}, variance[4] = {1, 1, 3.5, 1.5};
    for (int k = 0; k < 4; ++k) {
        double m = sum[k] / N, v = square[k] / N - m * m;
        assert_true(fabs(m - mean[k]) < 5 * sqrt(variance[k] / N));
        assert_true(fabs(v - variance[k]) < 0.03 * variance[k]);
    }
}

static void numbers_are_parsed_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "+", ".", "e5", "1e", "0x10", " 1", "1 ", "1,5", "nan", "inf", "1e400", "--1", "1.2.3"};
    double value;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) assert_false(hg_parse_double(bad[i], strlen(bad[i]), &value));
    static const char *const good[] = {"-355.38699999999994", "1e-5",         "0.1",  "+7", ".5", "5.",
                                       "123456789012345678",  "-0.000123e-7", "2.5E3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        assert_true(hg_parse_double(good[i], strlen(good[i]), &value));
        assert_true(value == strtod(good[i], NULL));
    }
    uint64_t id;
    assert_true(hg_parse_uint64("418837445421830145", 18, &id));
    assert_true(id == UINT64_C(418837445421830145));
    assert_false(hg_parse_uint64("18446744073709551616", 20, &id));
    assert_false(hg_parse_uint64("-1", 2, &id));
    int64_t integer;
    assert_true(hg_parse_int64("-9223372036854775808", 20, &integer) && integer == INT64_MIN);
    assert_false(hg_parse_int64("9223372036854775808", 19, &integer));
    assert_false(hg_parse_int64("1.0", 3, &integer));
}

static void text_of_a_double_reads_back(void **state)
{
    (void)state;
    hg_random stream = hg_random_stream(1, 2, 3, 4);
    char buffer[32];
    for (int i = 0; i < 20000; ++i) {
        double value = (hg_random_uniform(&stream) - 0.5) * pow(10, hg_random_range(&stream, -30, 30));
        hg_format_double(buffer, value);
        assert_true(strtod(buffer, NULL) == value);
        hg_format_float(buffer, (float)value);
        assert_true(strtof(buffer, NULL) == (float)value);
    }
}

static void memory_is_counted_and_limited(void **state)
{
    (void)state;
    double *a = NULL;
    size_t before = hg_memory_used(ctx);
    assert_int_equal(hg_alloc(ctx, &a, 1000), HG_OK);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal(hg_memory_used(ctx) - before, 8000);
    assert_int_equal(hg_grow(ctx, &a, 1000, 2000), HG_OK);
    assert_true(a[1999] == 0);
    hg_context_set_memory_limit(ctx, before + 20000);
    double *b = NULL;
    assert_int_equal(hg_alloc(ctx, &b, 1000), HG_ERR_LIMIT);
    assert_null(b);
    hg_context_set_memory_limit(ctx, 0);
    assert_int_equal(hg_alloc(ctx, &b, INT64_MAX), HG_ERR_LIMIT);
    hg_memory_fail_after(ctx, 0);
    assert_int_equal(hg_alloc(ctx, &b, 1), HG_ERR_NOMEM);
    hg_free(ctx, a);
    assert_int_equal(hg_memory_used(ctx), before);
}

static void output_is_whole_or_absent(void **state)
{
    (void)state;
    char directory[] = "/tmp/hitgraph-test-XXXXXX", path[64], *text = NULL;
    size_t length;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    hg_output *output = NULL;
    assert_int_equal(hg_output_begin(ctx, path, &output), HG_OK);
    fputs("half", hg_output_stream(output));
    hg_output_abort(output);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(hg_output_begin(ctx, path, &output), HG_OK);
    fputs("whole", hg_output_stream(output));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(hg_output_commit(ctx, &output), HG_OK);
    assert_int_equal(hg_read_file(ctx, path, 100, &text, &length), HG_OK);
    assert_string_equal(text, "whole");
    hg_free(ctx, text);
    unlink(path);
    assert_int_equal(rmdir(directory), 0); /* nothing else was left behind */
    assert_int_equal(hg_output_begin(ctx, "/nowhere/at/all", &output), HG_ERR_IO);
}

static void yaml_errors_name_their_place(void **state)
{
    (void)state;
    hg_yaml *root = NULL;
    static const struct {
        const char *text, *expected;
    } bad[] = {{"a: 1\nb: [1, 2\n", "t.yaml:3:1"}, {"a: 1\na: 2\n", "t.yaml:2:1: key 'a' stands twice"}, {"a: &x 1\nb: *x\n", "aliases"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        assert_int_equal(hg_yaml_parse(ctx, "t.yaml", bad[i].text, strlen(bad[i].text), &root), HG_ERR_CONFIG);
        assert_non_null(strstr(hg_context_message(ctx), bad[i].expected));
    }
    char deep[400] = "";
    memset(deep, '[', 300);
    assert_int_equal(hg_yaml_parse(ctx, "t.yaml", deep, 300, &root), HG_ERR_CONFIG);
}

typedef struct sample_options {
    bool flag;
    int64_t count;
    double size_mm;
    char name[HG_OPTION_TEXT_SIZE];
    int mode;
} sample_options;

static const char *const modes[] = {"fast", "exact", NULL};
static const hg_option sample_table[] = {
    {"a.flag", HG_OPTION_BOOL, offsetof(sample_options, flag), "true", 0, 0, NULL, "a switch"},
    {"a.b.count", HG_OPTION_INT, offsetof(sample_options, count), "3", 0, 10, NULL, "how many"},
    {"a.b.size_mm", HG_OPTION_NUMBER, offsetof(sample_options, size_mm), "1.5", 0, 100, NULL, "how large, mm"},
    {"name", HG_OPTION_TEXT, offsetof(sample_options, name), "x", 0, 0, NULL, "what"},
    {"mode", HG_OPTION_WORD, offsetof(sample_options, mode), "exact", 0, 0, modes, "how"},
    {NULL, HG_OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

static void options_come_from_yaml_and_text(void **state)
{
    (void)state;
    sample_options options, again;
    hg_yaml *root = NULL;
    char *printed = NULL;
    const char *text = "a:\n  b: {count: 7}\nmode: fast\n";
    assert_int_equal(hg_options_set_defaults(ctx, sample_table, &options), HG_OK);
    assert_int_equal(hg_yaml_parse(ctx, "t.yaml", text, strlen(text), &root), HG_OK);
    assert_int_equal(hg_options_apply_yaml(ctx, sample_table, root, &options), HG_OK);
    hg_yaml_destroy(ctx, root);
    assert_int_equal(hg_options_apply_text(ctx, sample_table, "a.b.size_mm=2.25", &options), HG_OK);
    assert_true(options.flag && options.count == 7 && options.size_mm == 2.25 && options.mode == 0);

    /* what is printed reads back as the same */
    assert_int_equal(hg_options_print(ctx, sample_table, &options, true, &printed), HG_OK);
    assert_non_null(strstr(printed, "mode: fast  # how (fast | exact)\n"));
    assert_int_equal(hg_yaml_parse(ctx, "printed", printed, strlen(printed), &root), HG_OK);
    assert_int_equal(hg_options_set_defaults(ctx, sample_table, &again), HG_OK);
    assert_int_equal(hg_options_apply_yaml(ctx, sample_table, root, &again), HG_OK);
    assert_true(again.count == 7 && again.size_mm == 2.25 && again.mode == 0 && strcmp(again.name, "x") == 0);
    hg_yaml_destroy(ctx, root);
    hg_free(ctx, printed);

    assert_int_equal(hg_options_apply_text(ctx, sample_table, "a.b.cout=2", &options), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "a.b.count"));
    assert_int_equal(hg_options_apply_text(ctx, sample_table, "a.b.count=11", &options), HG_ERR_CONFIG);
    assert_int_equal(hg_options_apply_text(ctx, sample_table, "mode=slow", &options), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "fast | exact"));
    assert_int_equal(options.count, 7);
}

static void json_is_read_strictly(void **state)
{
    (void)state;
    json_t *value = NULL;
    static const char *const bad[] = {"{\"a\":1,\"a\":2}", "{} x", "{\"a\":[[[[[[[[1]]]]]]]]}", "", "{\"a\":NaN}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        assert_int_equal(hg_json_parse(ctx, "t.json", bad[i], strlen(bad[i]), &value), HG_ERR_FORMAT);
    }
}

static void prefix_sum_turns_counts_into_offsets(void **state)
{
    (void)state;
    int64_t counts[5] = {2, 0, 3, 1, -1};
    assert_int_equal(hg_prefix_sum(counts, 4), 6);
    const int64_t expected[5] = {0, 2, 2, 5, 6};
    assert_memory_equal(counts, expected, sizeof expected);
}

/* Every place belongs to the piece that counts it, empty pieces to nobody. */
static void places_of_a_prefix_sum_have_owners(void **state)
{
    (void)state;
    enum { PIECES = 6 };
    const int64_t size[PIECES] = {2, 0, 3, 0, 0, 1};
    int64_t offset[PIECES + 1] = {2, 0, 3, 0, 0, 1}, at = 0;
    hg_prefix_sum(offset, PIECES);
    for (int64_t i = 0; i < PIECES; ++i)
        for (int64_t k = 0; k < size[i]; ++k) assert_int_equal(hg_prefix_owner(offset, PIECES, at++), i);
    assert_int_equal(at, offset[PIECES]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_its_known_answer),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(numbers_are_parsed_strictly),
        cmocka_unit_test(text_of_a_double_reads_back),
        cmocka_unit_test(memory_is_counted_and_limited),
        cmocka_unit_test(output_is_whole_or_absent),
        cmocka_unit_test(yaml_errors_name_their_place),
        cmocka_unit_test(options_come_from_yaml_and_text),
        cmocka_unit_test(json_is_read_strictly),
        cmocka_unit_test(prefix_sum_turns_counts_into_offsets),
        cmocka_unit_test(places_of_a_prefix_sum_have_owners),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
