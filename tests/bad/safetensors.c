/* tests/bad/safetensors.c — every way in which a weights file can be wrong has its status and names its place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <math.h>
#include "base/memory.h"
#include "base/text.h"
#include "nn/model/safetensors.h"
#include "tests/leaks.h"

static hg_context *ctx;
static char directory[] = "/tmp/hitgraph-safetensors-XXXXXX";

/* Parses a file made of a length, a header text and n_data bytes of zeros; length < 0: that of the header. */
static hg_status parse(int64_t length, const char *header, size_t n_data, hg_safetensors **out)
{
    size_t used = strlen(header), total = 8 + used + n_data;
    uint64_t declared = length < 0 ? used : (uint64_t)length;
    char *buffer = NULL;
    hg_status status = hg_alloc(ctx, &buffer, (int64_t)total);
    if (status < 0) return status;
    memcpy(buffer, &declared, 8);
    memcpy(buffer + 8, header, used);
    return hg_safetensors_parse(ctx, "case", buffer, total, out);
}

static void assert_refused(const char *header, size_t n_data, hg_status expected, const char *message)
{
    hg_safetensors *file = NULL;
    hg_status status = parse(-1, header, n_data, &file);
    if (status != expected || !strstr(hg_context_message(ctx), message))
        fail_msg("%s\ngave %s (%s), expected %s with \"%s\"", header, hg_status_name(status), hg_context_message(ctx),
                 hg_status_name(expected), message);
    assert_null(file);
}

#define TENSOR(name, dtype, shape, offsets) "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void header_length(void **state)
{
    (void)state;
    const uint64_t lengths[] = {0, 1, 3, 100000001, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
        hg_safetensors *file = NULL;
        char *buffer = NULL;
        assert_int_equal(hg_alloc(ctx, &buffer, 10), HG_OK);
        memcpy(buffer, &lengths[i], 8);
        memcpy(buffer + 8, "{}", 2);
        assert_int_equal(hg_safetensors_parse(ctx, "case", buffer, 10, &file), HG_ERR_FORMAT);
        assert_non_null(strstr(hg_context_message(ctx), "header of"));
    }
    for (int64_t length = 0; length < 10; ++length) {
        hg_safetensors *file = NULL;
        char *buffer = NULL;
        assert_int_equal(hg_alloc(ctx, &buffer, length), HG_OK);
        assert_int_equal(hg_safetensors_parse(ctx, "case", buffer, (size_t)length, &file), HG_ERR_FORMAT);
    }
}

static void header_text(void **state)
{
    (void)state;
    assert_refused("[]", 0, HG_ERR_FORMAT, "one JSON object");
    assert_refused(" {}", 0, HG_ERR_FORMAT, "one JSON object");
    assert_refused("{}\n", 0, HG_ERR_FORMAT, "one JSON object");
    assert_refused("{} x", 0, HG_ERR_FORMAT, "one JSON object");
    assert_refused("{}{}", 0, HG_ERR_FORMAT, "case:1");
    assert_refused("{\"a\xff\":1}", 0, HG_ERR_FORMAT, "case:1");
    assert_refused("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}", 0, HG_ERR_FORMAT, "deep");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[0,4]") "}", 4, HG_ERR_FORMAT, "duplicate");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HG_ERR_FORMAT, "duplicate");
    assert_refused("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, HG_ERR_FORMAT, "duplicate");
    assert_refused("{\"__metadata__\":{\"k\":1}}", 0, HG_ERR_FORMAT, "metadata \"k\"");
    assert_refused("{\"__metadata__\":[]}", 0, HG_ERR_FORMAT, "__metadata__");
    char *bomb = malloc(200001);
    memset(bomb, '[', 200000);
    memcpy(bomb, "{\"a\":", 5);
    bomb[199999] = '}';
    bomb[200000] = '\0';
    assert_refused(bomb, 0, HG_ERR_FORMAT, "deep");
    free(bomb);
}

static void entries(void **state)
{
    (void)state;
    assert_refused("{\"a\":1}", 0, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{" TENSOR("a", "F8_E4M3", "[4]", "[0,4]") "}", 4, HG_ERR_FORMAT, "F8_E4M3");
    assert_refused("{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HG_ERR_FORMAT, "dtype");
    assert_refused("{" TENSOR("a", "F32", "1", "[0,4]") "}", 4, HG_ERR_FORMAT, "shape");
    assert_refused("{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", 4, HG_ERR_FORMAT, "dimension 0");
    assert_refused("{" TENSOR("a", "F32", "[1.0]", "[0,4]") "}", 4, HG_ERR_FORMAT, "dimension 0");
    assert_refused("{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,4]") "}", 4, HG_ERR_FORMAT, "overflows");
    assert_refused("{" TENSOR("a", "F32", "[4611686018427387904]", "[0,0]") "}", 0, HG_ERR_FORMAT, "elements");
    assert_refused("{" TENSOR("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, HG_ERR_FORMAT, "case:1");
    assert_refused("{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, HG_ERR_LIMIT, "dimensions");
    assert_refused("{" TENSOR("a", "F32", "[2]", "[0,4]") "}", 4, HG_ERR_FORMAT, "4 bytes of data");
}

static void offsets(void **state)
{
    (void)state;
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0]") "}", 4, HG_ERR_FORMAT, "data_offsets");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0,4,8]") "}", 4, HG_ERR_FORMAT, "data_offsets");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", 4, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[4,0]") "}", 4, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 4, HG_ERR_FORMAT, "tensor \"a\"");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, HG_ERR_FORMAT, "a hole");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[8,12]") "}", 12, HG_ERR_FORMAT,
                   "\"b\" starts at byte 8");
    assert_refused("{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[2]", "[4,12]") "}", 12, HG_ERR_FORMAT, "overlaps");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4, HG_ERR_FORMAT, "overlaps");
    assert_refused("{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 5, HG_ERR_FORMAT, "the file has 5 bytes");
    assert_refused("{}", 1, HG_ERR_FORMAT, "the file has 1 bytes");
}

static void a_million_tensors(void **state)
{
    (void)state;
    size_t room = 1000000 * 8 + 2, used = 1;
    char *header = malloc(room);
    header[0] = '{';
    for (int i = 0; i < 1000000; ++i) used += (size_t)snprintf(header + used, room - used, "%s\"a\":{}", i ? "," : "");
    header[used - 1] = '}';
    header[used] = '\0';
    assert_refused(header, 0, HG_ERR_LIMIT, "100000 tensors");
    free(header);
}

static void legal_corners(void **state)
{
    (void)state;
    hg_safetensors *file = NULL;
    assert_int_equal(parse(-1, "{}", 0, &file), HG_OK);
    assert_int_equal(file->n, 0);
    assert_null(hg_safetensors_find(file, "a"));
    hg_safetensors_destroy(ctx, file);
    /* entries in any order, trailing spaces, a scalar, tensors without elements at a shared offset */
    const char *header =
        "{" TENSOR("b", "F32", "[1]", "[8,12]") "," TENSOR("empty", "F32", "[0,3]", "[8,8]") "," TENSOR("a", "F64", "[]", "[0,8]") "}   ";
    assert_int_equal(parse(-1, header, 12, &file), HG_OK);
    assert_int_equal(file->n, 3);
    assert_int_equal(hg_safetensors_find(file, "a")->rank, 0);
    assert_int_equal(hg_safetensors_find(file, "a")->size, 1);
    assert_int_equal(hg_safetensors_find(file, "empty")->size, 0);
    hg_real value = 7;
    assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "b"), &value), HG_OK);
    assert_true(value == 0);
    hg_safetensors_destroy(ctx, file);
}

static void element_types(void **state)
{
    (void)state;
    const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555}, brain[] = {0x3f80, 0xc000, 0x4049};
    const hg_stored_tensor tensors[] = {{.name = "half", .dtype = HG_DTYPE_F16, .rank = 1, .shape = {5}, .size = 5, .data = half},
                                        {.name = "brain", .dtype = HG_DTYPE_BF16, .rank = 1, .shape = {3}, .size = 3, .data = brain}};
    char path[64];
    snprintf(path, sizeof path, "%s/types", directory);
    assert_int_equal(hg_safetensors_write(ctx, path, 2, tensors, 0, NULL), HG_OK);
    hg_safetensors *file = NULL;
    assert_int_equal(hg_safetensors_read(ctx, path, &file), HG_OK);
    hg_real value[5];
    assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "half"), value), HG_OK);
    assert_true(value[0] == 1 && value[1] == -2 && value[2] == (hg_real)ldexp(1, -24) && value[3] == 65504);
    assert_true(fabs((double)value[4] - 0.333251953125) < 1e-12);
    assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "brain"), value), HG_OK);
    assert_true(value[0] == 1 && value[1] == -2 && value[2] == (hg_real)3.140625);
    hg_safetensors_destroy(ctx, file);
}

static void write_two(const char *path, const float *a)
{
    const int64_t steps[] = {3, 4};
    const hg_stored_tensor tensors[] = {{.name = "weights", .dtype = HG_DTYPE_F32, .rank = 2, .shape = {1, 3}, .size = 3, .data = a},
                                        {.name = "steps", .dtype = HG_DTYPE_I64, .rank = 1, .shape = {2}, .size = 2, .data = steps}};
    const hg_safetensors_text texts[] = {{"note", "line one\nline \"two\""}};
    assert_int_equal(hg_safetensors_write(ctx, path, 2, tensors, 1, texts), HG_OK);
}

static void round_trip_and_damage(void **state)
{
    (void)state;
    const float a[] = {1.5f, -0.25f, 3e-41f}, bad[] = {1, NAN, 2}, worse[] = {1, INFINITY, 2};
    char path[64], second[64], *bytes = NULL, *again = NULL;
    size_t length, length2;
    hg_safetensors *file = NULL;
    hg_real value[3];
    snprintf(path, sizeof path, "%s/weights", directory);
    snprintf(second, sizeof second, "%s/second", directory);
    write_two(path, a);
    write_two(second, a);
    assert_int_equal(hg_safetensors_read(ctx, path, &file), HG_OK);
    assert_string_equal(hg_safetensors_metadata(file, "note"), "line one\nline \"two\"");
    assert_null(hg_safetensors_metadata(file, "other"));
    assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "weights"), value), HG_OK);
    for (int i = 0; i < 3; ++i) assert_true(value[i] == (hg_real)a[i]);
    assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "steps"), value), HG_ERR_MODEL);
    assert_non_null(strstr(hg_context_message(ctx), "\"steps\" is I64"));
    hg_safetensors_destroy(ctx, file);

    assert_int_equal(hg_read_file(ctx, path, 1 << 20, &bytes, &length), HG_OK);
    assert_int_equal(hg_read_file(ctx, second, 1 << 20, &again, &length2), HG_OK);
    assert_true(length == length2 && memcmp(bytes, again, length) == 0);
    hg_free(ctx, again);
    /* every prefix is refused, and so is every flipped bit of the data */
    for (size_t cut = 0; cut < length; ++cut) {
        char *part = NULL;
        assert_int_equal(hg_alloc(ctx, &part, (int64_t)cut), HG_OK);
        memcpy(part, bytes, cut);
        assert_int_equal(hg_safetensors_parse(ctx, "cut", part, cut, &file), HG_ERR_FORMAT);
    }
    for (size_t place = length - 28; place < length; ++place) {
        char *part = NULL;
        assert_int_equal(hg_alloc(ctx, &part, (int64_t)length), HG_OK);
        memcpy(part, bytes, length);
        part[place] ^= 4;
        assert_int_equal(hg_safetensors_parse(ctx, "flip", part, length, &file), HG_ERR_FORMAT);
        assert_non_null(strstr(hg_context_message(ctx), place < length - 12 ? "\"steps\": hash" : "\"weights\": hash"));
    }
    hg_free(ctx, bytes);

    const float *numbers[] = {bad, worse};
    for (int i = 0; i < 2; ++i) {
        write_two(path, numbers[i]);
        assert_int_equal(hg_safetensors_read(ctx, path, &file), HG_OK);
        assert_int_equal(hg_safetensors_get(ctx, file, hg_safetensors_find(file, "weights"), value), HG_ERR_DATA);
        assert_non_null(strstr(hg_context_message(ctx), "\"weights\": element 1"));
        hg_safetensors_destroy(ctx, file);
    }
}

static void files_that_are_none(void **state)
{
    (void)state;
    hg_safetensors *file = NULL;
    assert_int_equal(hg_safetensors_read(ctx, "/nowhere/weights", &file), HG_ERR_IO);
    assert_int_equal(hg_safetensors_read(ctx, directory, &file), HG_ERR_IO);
    assert_int_equal(hg_safetensors_write(ctx, "/nowhere/weights", 0, NULL, 0, NULL), HG_ERR_IO);
    assert_int_equal(hg_safetensors_write(ctx, directory, 0, NULL, 0, NULL), HG_ERR_IO);
    const hg_safetensors_text texts[] = {{"note", "\xff"}};
    assert_int_equal(hg_safetensors_write(ctx, "/nowhere/weights", 0, NULL, 1, texts), HG_ERR_ARG);
    assert_null(file);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3};
    char path[64];
    snprintf(path, sizeof path, "%s/brutal", directory);
    write_two(path, a);
    size_t before = hg_memory_used(ctx);
    for (int64_t n = 0;; ++n) {
        hg_safetensors *file = NULL;
        hg_memory_fail_after(ctx, n);
        hg_status status = hg_safetensors_read(ctx, path, &file);
        hg_memory_fail_after(ctx, -1);
        hg_safetensors_destroy(ctx, file);
        assert_int_equal(hg_memory_used(ctx), before);
        if (status == HG_OK) break;
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_true(n < 100);
    }
}

static int open_context(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    return hg_context_create(&ctx);
}

static int close_context(void **state)
{
    (void)state;
    const char *const names[] = {"types", "weights", "second", "brutal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
    return close_without_leaks(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_length),
        cmocka_unit_test(header_text),
        cmocka_unit_test(entries),
        cmocka_unit_test(offsets),
        cmocka_unit_test(a_million_tensors),
        cmocka_unit_test(legal_corners),
        cmocka_unit_test(element_types),
        cmocka_unit_test(round_trip_and_damage),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
