/* base/text.c — growing text, whole files, and number parsing that knows no locale. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/memory.h"

hg_status hg_text_append(hg_context *ctx, hg_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (needed < 0) return hg_fail(ctx, HG_ERR_ARG, "text cannot be formatted");
    if (text->length + (size_t)needed + 1 > text->room) {
        size_t room = 2 * (text->length + (size_t)needed) + 64;
        hg_status status = hg_grow(ctx, &text->data, (int64_t)text->length, (int64_t)room);
        if (status < 0) return status;
        text->room = room;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->length, text->room - text->length, format, arguments);
    va_end(arguments);
    text->length += (size_t)needed;
    return HG_OK;
}

hg_status hg_text_append_words(hg_context *ctx, hg_text *text, const char *const *words)
{
    hg_status status = HG_OK;
    for (int i = 0; status >= 0 && words[i]; ++i) status = hg_text_append(ctx, text, "%s%s", i ? " | " : "", words[i]);
    return status;
}

bool hg_text_ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), last = strlen(end);
    return length > last && strcmp(text + length - last, end) == 0;
}

hg_status hg_read_file(hg_context *ctx, const char *path, size_t max_bytes, char **out, size_t *length)
{
    hg_status status = HG_OK;
    char *data = NULL;
    struct stat info;
    FILE *file = fopen(path, "rb");

    HG_CHECK(file, HG_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    HG_CHECK(fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode), HG_ERR_IO, "%s: not a regular file", path);
    HG_CHECK((size_t)info.st_size <= max_bytes, HG_ERR_LIMIT, "%s: %lld bytes, expected at most %zu", path, (long long)info.st_size,
             max_bytes);
    HG_TRY(hg_alloc(ctx, &data, info.st_size + 1));
    size_t got = fread(data, 1, (size_t)info.st_size, file);
    HG_CHECK(got == (size_t)info.st_size, HG_ERR_IO, "%s: read %zu of %lld bytes", path, got, (long long)info.st_size);
    *out = data;
    *length = got;
    data = NULL;
done:
    if (file) fclose(file);
    hg_free(ctx, data);
    return status;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to 15 digits and a power of ten up to 22 are exact in double arithmetic: one rounding, the correct result. */
static bool parse_exact(const char *text, size_t length, double *out)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = text[0] == '-' || text[0] == '+';
    int64_t mantissa = 0;
    int digits = 0, scale = 0;
    for (bool fraction = false; i < length; ++i) {
        if (text[i] == '.' && !fraction) {
            fraction = true;
        } else if (digit(text[i]) && digits < 15) {
            mantissa = 10 * mantissa + (text[i] - '0');
            digits += mantissa > 0;
            scale += fraction;
        } else {
            return false;
        }
    }
    if (scale > 22) return false;
    double value = (double)mantissa / power[scale];
    *out = text[0] == '-' ? -value : value;
    return true;
}

static bool is_number(const char *text, size_t length)
{
    size_t i = length > 0 && (text[0] == '-' || text[0] == '+'), digits = 0;
    for (; i < length && digit(text[i]); ++i) digits++;
    if (i < length && text[i] == '.') {
        for (++i; i < length && digit(text[i]); ++i) digits++;
    }
    if (digits == 0) return false;
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < length && (text[i] == '-' || text[i] == '+')) i++;
        size_t first = i;
        while (i < length && digit(text[i])) ++i;
        if (i == first) return false;
    }
    return i == length;
}

bool hg_parse_double(const char *text, size_t length, double *out)
{
    enum { LONGEST = 400 };
    if (length == 0 || length >= LONGEST || !is_number(text, length)) return false;
    if (parse_exact(text, length, out)) return true;
    char copy[LONGEST];
    memcpy(copy, text, length);
    copy[length] = '\0';
    double value = strtod(copy, NULL); /* the program never calls setlocale, so this is the C locale */
    if (!isfinite(value)) return false;
    *out = value;
    return true;
}

bool hg_parse_uint64(const char *text, size_t length, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = length > 0 && text[0] == '+';
    if (i == length) return false;
    for (; i < length; ++i) {
        if (!digit(text[i])) return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) || __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool hg_parse_int64(const char *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    uint64_t magnitude;
    if (!hg_parse_uint64(text + negative, length - negative, &magnitude)) return false;
    if (negative && text[1] == '+') return false;
    if (magnitude > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

int hg_format_double(char *buffer, double value)
{
    for (int precision = 15; precision < 17; ++precision) {
        int length = snprintf(buffer, 32, "%.*g", precision, value);
        if (strtod(buffer, NULL) == value) return length;
    }
    return snprintf(buffer, 32, "%.17g", value);
}

int hg_format_float(char *buffer, float value)
{
    for (int precision = 6; precision < 9; ++precision) {
        int length = snprintf(buffer, 32, "%.*g", precision, (double)value);
        if (strtof(buffer, NULL) == value) return length;
    }
    return snprintf(buffer, 32, "%.9g", (double)value);
}
