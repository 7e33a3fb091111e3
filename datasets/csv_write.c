/* datasets/csv_write.c — rows of numbers as CSV text: shortest decimals that read back to the same bits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/csv_write.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

hg_status hg_csv_begin(hg_context *ctx, const char *path, const char *header, hg_csv_file *out)
{
    hg_status status = HG_OK;
    hg_csv_file file = {NULL, NULL, 0};
    HG_CHECK(strlen(header) < HG_CSV_ROW_MOST, HG_ERR_ARG, "%s: header line too long", path);
    HG_TRY(hg_alloc(ctx, &file.text, HG_CSV_BLOCK + HG_CSV_ROW_MOST));
    HG_TRY(hg_writer_begin(ctx, path, &file.writer));
    file.length = (int64_t)strlen(header);
    memcpy(file.text, header, (size_t)file.length);
    file.text[file.length++] = '\n';
    *out = file;
    file = (hg_csv_file){NULL, NULL, 0};
done:
    hg_csv_abort(ctx, &file);
    return status;
}

void hg_csv_put_u64(hg_csv_file *file, uint64_t value)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0) file->text[file->length++] = digits[--n];
    file->text[file->length++] = ',';
}

void hg_csv_put_i64(hg_csv_file *file, int64_t value)
{
    if (value < 0) file->text[file->length++] = '-';
    hg_csv_put_u64(file, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void hg_csv_put_f64(hg_csv_file *file, double value)
{
    file->length += hg_format_double(file->text + file->length, value);
    file->text[file->length++] = ',';
}

void hg_csv_put_f32(hg_csv_file *file, float value)
{
    file->length += hg_format_float(file->text + file->length, value);
    file->text[file->length++] = ',';
}

static hg_status flush_text(hg_context *ctx, hg_csv_file *file)
{
    const hg_status status = hg_writer_put(ctx, file->writer, file->text, (size_t)file->length);
    file->length = 0;
    return status;
}

hg_status hg_csv_end_row(hg_context *ctx, hg_csv_file *file)
{
    file->text[file->length - 1] = '\n'; /* in place of the last comma */
    return file->length >= HG_CSV_BLOCK ? flush_text(ctx, file) : HG_OK;
}

hg_status hg_csv_finish(hg_context *ctx, hg_csv_file *file)
{
    hg_status status = HG_OK;
    HG_TRY(flush_text(ctx, file));
    HG_TRY(hg_writer_finish(ctx, file->writer));
done:
    return status;
}

hg_status hg_csv_commit(hg_context *ctx, hg_csv_file *file)
{
    hg_status status = HG_OK;
    if (file->length > 0) HG_TRY(flush_text(ctx, file));
    hg_writer *writer = file->writer;
    file->writer = NULL;
    HG_TRY(hg_writer_commit(ctx, writer));
done:
    hg_csv_abort(ctx, file);
    return status;
}

void hg_csv_abort(hg_context *ctx, hg_csv_file *file)
{
    hg_writer_abort(ctx, file->writer);
    hg_free(ctx, file->text);
    *file = (hg_csv_file){NULL, NULL, 0};
}
