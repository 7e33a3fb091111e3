/* nn/model/safetensors.c — reads safetensors from anybody: every number of the header is checked before it is used. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/model/safetensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are stored and copied as little-endian bytes");

enum { HEADER_LIMIT = 100000000, TENSOR_LIMIT = 100000, PREFIX = 8 };
static const size_t file_limit = (size_t)64 << 30;

const char *hg_dtype_name(hg_dtype dtype)
{
    static const char *const names[HG_DTYPES] = {"F64", "I64", "U64", "F32", "I32", "U32", "F16", "BF16", "I16", "U16", "I8", "U8", "BOOL"};
    return names[dtype];
}

size_t hg_dtype_size(hg_dtype dtype)
{
    return dtype <= HG_DTYPE_U64 ? 8 : dtype <= HG_DTYPE_U32 ? 4 : dtype <= HG_DTYPE_U16 ? 2 : 1;
}

/* A header of a million small objects would become gigabytes as a JSON tree: the objects are counted first. */
static int64_t count_objects(const char *text, size_t length)
{
    int64_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < length; ++i) {
        if (inside && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            inside = !inside;
        else if (!inside && text[i] == '{')
            ++count;
    }
    return count;
}

static hg_status read_dtype(hg_context *ctx, const char *source, const json_t *entry, hg_stored_tensor *tensor)
{
    hg_status status = HG_OK;
    const char *word = json_string_value(json_object_get(entry, "dtype"));
    HG_CHECK(word, HG_ERR_FORMAT, "%s: tensor \"%s\": no \"dtype\" text", source, tensor->name);
    tensor->dtype = 0;
    while (tensor->dtype < HG_DTYPES && strcmp(word, hg_dtype_name(tensor->dtype)) != 0) ++tensor->dtype;
    HG_CHECK(tensor->dtype < HG_DTYPES, HG_ERR_FORMAT, "%s: tensor \"%s\": dtype \"%.16s\" is not known", source, tensor->name, word);
done:
    return status;
}

static hg_status read_shape(hg_context *ctx, const char *source, const json_t *entry, hg_stored_tensor *tensor)
{
    hg_status status = HG_OK;
    const json_t *shape = json_object_get(entry, "shape");
    HG_CHECK(json_is_array(shape), HG_ERR_FORMAT, "%s: tensor \"%s\": no \"shape\" list", source, tensor->name);
    HG_CHECK(json_array_size(shape) <= HG_TENSOR_RANK, HG_ERR_LIMIT, "%s: tensor \"%s\": %zu dimensions, expected at most %d", source,
             tensor->name, json_array_size(shape), HG_TENSOR_RANK);
    tensor->rank = (int)json_array_size(shape);
    tensor->size = 1;
    for (int d = 0; d < tensor->rank; ++d) {
        const json_t *extent = json_array_get(shape, (size_t)d);
        HG_CHECK(json_is_integer(extent) && json_integer_value(extent) >= 0, HG_ERR_FORMAT,
                 "%s: tensor \"%s\": dimension %d, expected a whole number, 0 or more", source, tensor->name, d);
        tensor->shape[d] = json_integer_value(extent);
        HG_CHECK(!__builtin_mul_overflow(tensor->size, tensor->shape[d], &tensor->size), HG_ERR_FORMAT,
                 "%s: tensor \"%s\": the product of its dimensions overflows", source, tensor->name);
    }
done:
    return status;
}

/* On success *begin and *end are inside 0 .. room and span exactly the tensor. */
static hg_status read_offsets(hg_context *ctx, const char *source, const json_t *entry, const hg_stored_tensor *tensor, int64_t room,
                              int64_t *begin, int64_t *end)
{
    hg_status status = HG_OK;
    const json_t *pair = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(pair, 0), *last = json_array_get(pair, 1);
    int64_t bytes;
    HG_CHECK(json_is_array(pair) && json_array_size(pair) == 2 && json_is_integer(first) && json_is_integer(last), HG_ERR_FORMAT,
             "%s: tensor \"%s\": \"data_offsets\", expected two whole numbers", source, tensor->name);
    *begin = json_integer_value(first);
    *end = json_integer_value(last);
    HG_CHECK(0 <= *begin && *begin <= *end && *end <= room, HG_ERR_FORMAT,
             "%s: tensor \"%s\": bytes %" PRId64 " to %" PRId64 ", expected inside 0 to %" PRId64, source, tensor->name, *begin, *end,
             room);
    HG_CHECK(!__builtin_mul_overflow(tensor->size, (int64_t)hg_dtype_size(tensor->dtype), &bytes) && bytes == *end - *begin, HG_ERR_FORMAT,
             "%s: tensor \"%s\": %" PRId64 " bytes of data, expected %" PRId64 " elements of %zu bytes", source, tensor->name,
             *end - *begin, tensor->size, hg_dtype_size(tensor->dtype));
done:
    return status;
}

static hg_status read_entry(hg_context *ctx, hg_safetensors *file, const char *name, const json_t *entry, char *data, int64_t room)
{
    hg_status status = HG_OK;
    hg_stored_tensor *tensor = &file->tensor[file->n];
    int64_t begin = 0, end = 0;

    tensor->name = name;
    HG_CHECK(json_is_object(entry) && json_object_size(entry) == 3, HG_ERR_FORMAT,
             "%s: tensor \"%s\": expected an object of dtype, shape and data_offsets", file->source, name);
    HG_TRY(read_dtype(ctx, file->source, entry, tensor));
    HG_TRY(read_shape(ctx, file->source, entry, tensor));
    HG_TRY(read_offsets(ctx, file->source, entry, tensor, room, &begin, &end));
    tensor->data = data + begin;
    ++file->n;
done:
    return status;
}

static size_t bytes_of(const hg_stored_tensor *tensor)
{
    return (size_t)tensor->size * hg_dtype_size(tensor->dtype);
}

/* By place; tensors without data come before one that starts at the same byte. */
static int by_place(const void *a, const void *b)
{
    const hg_stored_tensor *x = a, *y = b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    if (bytes_of(x) != bytes_of(y)) return bytes_of(x) < bytes_of(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const hg_stored_tensor *)a)->name, ((const hg_stored_tensor *)b)->name);
}

static hg_status check_cover(hg_context *ctx, hg_safetensors *file, const char *data, int64_t room)
{
    hg_status status = HG_OK;
    const char *expected = data;
    if (file->n > 0) qsort(file->tensor, (size_t)file->n, sizeof *file->tensor, by_place);
    for (int64_t i = 0; i < file->n; ++i) {
        const hg_stored_tensor *tensor = &file->tensor[i];
        HG_CHECK((const char *)tensor->data == expected, HG_ERR_FORMAT, "%s: tensor \"%s\" starts at byte %td, expected %td (%s)",
                 file->source, tensor->name, (const char *)tensor->data - data, expected - data,
                 (const char *)tensor->data < expected ? "it overlaps another" : "a hole before it");
        expected += bytes_of(tensor);
    }
    HG_CHECK(expected - data == room, HG_ERR_FORMAT, "%s: the tensors end at byte %td, the file has %" PRId64 " bytes of data",
             file->source, expected - data, room);
done:
    return status;
}

static hg_status check_metadata(hg_context *ctx, const hg_safetensors *file)
{
    hg_status status = HG_OK;
    json_t *metadata = json_object_get(file->header, "__metadata__"), *value;
    const char *key;
    HG_CHECK(!metadata || json_is_object(metadata), HG_ERR_FORMAT, "%s: \"__metadata__\" is not an object", file->source);
    json_object_foreach(metadata, key, value)
    {
        HG_CHECK(json_is_string(value), HG_ERR_FORMAT, "%s: metadata \"%s\" is not text", file->source, key);
    }
    for (int64_t i = 0; metadata && i < file->n; ++i) {
        const hg_stored_tensor *tensor = &file->tensor[i];
        char hash_key[512], found[17];
        if (snprintf(hash_key, sizeof hash_key, "hash.%s", tensor->name) >= (int)sizeof hash_key) continue;
        const char *expected = json_string_value(json_object_get(metadata, hash_key));
        snprintf(found, sizeof found, "%016" PRIx64, (uint64_t)XXH3_64bits(tensor->data, bytes_of(tensor)));
        HG_CHECK(!expected || strcmp(expected, found) == 0, HG_ERR_FORMAT,
                 "%s: tensor \"%s\": hash %s, expected %.16s; hint: the file is damaged", file->source, tensor->name, found, expected);
    }
done:
    return status;
}

static hg_status read_header(hg_context *ctx, hg_safetensors *file, size_t length, size_t *header_length)
{
    hg_status status = HG_OK;
    uint64_t n;
    const char *text = file->buffer + PREFIX;

    HG_CHECK(length >= PREFIX + 2, HG_ERR_FORMAT, "%s: %zu bytes, too short for safetensors", file->source, length);
    memcpy(&n, file->buffer, sizeof n);
    HG_CHECK(n >= 2 && n <= HEADER_LIMIT, HG_ERR_FORMAT, "%s: header of %" PRIu64 " bytes, expected 2 to %d", file->source, n,
             HEADER_LIMIT);
    HG_CHECK(n <= length - PREFIX, HG_ERR_FORMAT, "%s: header of %" PRIu64 " bytes, the file has %zu", file->source, n, length - PREFIX);
    size_t used = (size_t)n;
    while (used > 0 && text[used - 1] == ' ') --used;
    HG_CHECK(used >= 2 && text[0] == '{' && text[used - 1] == '}', HG_ERR_FORMAT, "%s: the header is not one JSON object", file->source);
    int64_t objects = count_objects(text, used);
    HG_CHECK(objects <= TENSOR_LIMIT + 2, HG_ERR_LIMIT, "%s: more than %d tensors (%" PRId64 " objects in the header)", file->source,
             TENSOR_LIMIT, objects);
    HG_TRY(hg_json_parse(ctx, file->source, text, used, &file->header));
    *header_length = (size_t)n;
done:
    return status;
}

hg_status hg_safetensors_parse(hg_context *ctx, const char *source, char *buffer, size_t length, hg_safetensors **out)
{
    hg_status status = HG_OK;
    hg_safetensors *file = NULL;
    size_t header_length = 0;
    const char *name;
    json_t *entry;

    HG_TRY(hg_alloc(ctx, &file, 1));
    file->buffer = buffer;
    buffer = NULL;
    HG_TRY(hg_copy_string(ctx, source, &file->source));
    HG_TRY(read_header(ctx, file, length, &header_length));
    HG_TRY(hg_alloc(ctx, &file->tensor, (int64_t)json_object_size(file->header)));
    char *data = file->buffer + PREFIX + header_length;
    int64_t room = (int64_t)(length - PREFIX - header_length);
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0) HG_TRY(read_entry(ctx, file, name, entry, data, room));
    }
    HG_TRY(check_cover(ctx, file, data, room));
    if (file->n > 0) qsort(file->tensor, (size_t)file->n, sizeof *file->tensor, by_name);
    HG_TRY(check_metadata(ctx, file));
    *out = file;
    file = NULL;
done:
    hg_safetensors_destroy(ctx, file);
    hg_free(ctx, buffer);
    return status;
}

hg_status hg_safetensors_read(hg_context *ctx, const char *path, hg_safetensors **out)
{
    char *buffer = NULL;
    size_t length = 0;
    hg_status status = hg_read_file(ctx, path, file_limit, &buffer, &length);
    return status < 0 ? status : hg_safetensors_parse(ctx, path, buffer, length, out);
}

void hg_safetensors_destroy(hg_context *ctx, hg_safetensors *file)
{
    if (!file) return;
    json_decref(file->header);
    hg_free(ctx, file->tensor);
    hg_free(ctx, file->buffer);
    hg_free(ctx, file->source);
    hg_free(ctx, file);
}

const hg_stored_tensor *hg_safetensors_find(const hg_safetensors *file, const char *name)
{
    hg_stored_tensor key = {.name = name};
    return file->n > 0 ? bsearch(&key, file->tensor, (size_t)file->n, sizeof *file->tensor, by_name) : NULL;
}

const char *hg_safetensors_metadata(const hg_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, size;
    if (exponent == 31)
        size = fraction > 0 ? NAN : INFINITY;
    else
        size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
}

static double element(const hg_stored_tensor *tensor, int64_t i)
{
    const char *place = (const char *)tensor->data + (size_t)i * hg_dtype_size(tensor->dtype);
    double number;
    float single;
    uint16_t half;
    uint32_t bits;
    switch (tensor->dtype) {
    case HG_DTYPE_F64:
        memcpy(&number, place, sizeof number);
        return number;
    case HG_DTYPE_F32:
        memcpy(&single, place, sizeof single);
        return (double)single;
    case HG_DTYPE_F16:
        memcpy(&half, place, sizeof half);
        return half_value(half);
    default: /* BF16: the upper half of a float */
        memcpy(&half, place, sizeof half);
        bits = (uint32_t)half << 16;
        memcpy(&single, &bits, sizeof single);
        return (double)single;
    }
}

hg_status hg_safetensors_get(hg_context *ctx, const hg_safetensors *file, const hg_stored_tensor *tensor, hg_real *out)
{
    hg_status status = HG_OK;
    bool real =
        tensor->dtype == HG_DTYPE_F64 || tensor->dtype == HG_DTYPE_F32 || tensor->dtype == HG_DTYPE_F16 || tensor->dtype == HG_DTYPE_BF16;
    HG_CHECK(real, HG_ERR_MODEL, "%s: tensor \"%s\" is %s, expected F32, F64, F16 or BF16", file->source, tensor->name,
             hg_dtype_name(tensor->dtype));
    for (int64_t i = 0; i < tensor->size; ++i)
        HG_CHECK(isfinite((hg_real)element(tensor, i)), HG_ERR_DATA, "%s: tensor \"%s\": element %" PRId64 " is not a finite number",
                 file->source, tensor->name, i);
    for (int64_t i = 0; i < tensor->size; ++i) out[i] = (hg_real)element(tensor, i);
done:
    return status;
}
