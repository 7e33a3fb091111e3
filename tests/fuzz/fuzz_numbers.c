/* fuzz_numbers.c — changes to numbers in the datasets of the project's HDF5 files, written anew with the right checksums. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

enum { MOST_COLUMNS = 48, CHANGE_BYTES = 12 };

/* A dataset of the seed: rows of `width` elements. */
typedef struct numbers {
    uint8_t *data; /* [rows * width * size] owned */
    int64_t rows;
} numbers;

static size_t size_of(hg_h5_type type)
{
    static const size_t size[] = {[HG_H5_I32] = 4, [HG_H5_I64] = 8, [HG_H5_U8] = 1, [HG_H5_U64] = 8, [HG_H5_F32] = 4, [HG_H5_F64] = 8};
    return size[type];
}

static int64_t width_of(const fuzz_column *column)
{
    return column->width ? column->width : 1;
}

static size_t row_bytes(const fuzz_column *column)
{
    return size_of(column->type) * (size_t)width_of(column);
}

/* One change: byte 0 = the dataset, 1 = what happens, 2-3 = the element, 4-11 = a value, little-endian. Elements that take part get the
 * low bytes of the value, or a small number is added to them, or they become a copy of another one; or the dataset gets another length. */
static void change(const fuzz_column *column, numbers *n, const uint8_t *c)
{
    const size_t size = size_of(column->type);
    const int64_t count = n->rows * width_of(column);
    uint64_t value;
    memcpy(&value, c + 4, sizeof value);
    if (c[1] % 4 == 3) {
        const int64_t rows = (int64_t)(value % (uint64_t)(n->rows + 3));
        n->data = realloc(n->data, (size_t)rows * row_bytes(column) + 1);
        fuzz_require(n->data);
        if (rows > n->rows) memset(n->data + (size_t)n->rows * row_bytes(column), 0, (size_t)(rows - n->rows) * row_bytes(column));
        n->rows = rows;
        return;
    }
    if (count == 0) return;
    uint8_t *element = n->data + size * (size_t)((c[2] | c[3] << 8) % count);
    if (c[1] % 4 == 0) {
        memcpy(element, &value, size);
    } else if (c[1] % 4 == 1) {
        uint64_t old = 0;
        memcpy(&old, element, size);
        old += (uint64_t)(int64_t)(int8_t)c[4];
        memcpy(element, &old, size);
    } else {
        memmove(element, n->data + size * (size_t)(value % (uint64_t)count), size);
    }
}

/* The datasets of the seed, as far as it has them: rows < 0 where not. Read once. */
static const numbers *seed_numbers(const fuzz_target *target)
{
    static numbers seed[MOST_COLUMNS];
    static bool known;
    hg_h5 *h5 = NULL;
    if (known) return seed;
    fuzz_must(hg_h5_open(fuzz_ctx, fuzz_path(target->file), target->format, &h5));
    for (int k = 0; target->columns[k].path; ++k) {
        const fuzz_column *column = &target->columns[k];
        fuzz_require(k < MOST_COLUMNS);
        seed[k].rows = -1;
        if (!hg_h5_has(h5, column->path)) continue;
        fuzz_must(hg_h5_shape(fuzz_ctx, h5, column->path, column->type, column->width, &seed[k].rows, NULL));
        seed[k].data = malloc((size_t)seed[k].rows * row_bytes(column) + 1);
        fuzz_must(hg_h5_read(fuzz_ctx, h5, column->path, column->type, column->width, 0, seed[k].rows, seed[k].data));
    }
    hg_h5_close(fuzz_ctx, h5);
    known = true;
    return seed;
}

static void write_file(const fuzz_target *target, const numbers *n)
{
    hg_h5 *h5 = NULL;
    fuzz_must(hg_h5_create(fuzz_ctx, fuzz_path(target->file), target->format, &h5));
    for (int k = 0; target->columns[k].path; ++k) {
        const fuzz_column *c = &target->columns[k];
        const hg_h5_column column = {c->path, c->type, c->width, "1", ""};
        if (n[k].rows >= 0) fuzz_must(hg_h5_write(fuzz_ctx, h5, &column, n[k].data, n[k].rows));
    }
    fuzz_must(hg_h5_set_string(fuzz_ctx, h5, "/", "dir_convention", "to")); /* pulses need it */
    fuzz_must(hg_h5_commit(fuzz_ctx, &h5));
}

void fuzz_write_changed(const fuzz_target *target, const uint8_t *input, size_t length)
{
    numbers n[MOST_COLUMNS];
    const numbers *seed = seed_numbers(target);
    int n_columns = 0;
    for (; target->columns[n_columns].path; ++n_columns) {
        const size_t bytes = seed[n_columns].rows > 0 ? (size_t)seed[n_columns].rows * row_bytes(&target->columns[n_columns]) : 0;
        n[n_columns] = (numbers){malloc(bytes + 1), seed[n_columns].rows};
        fuzz_require(n[n_columns].data);
        if (bytes > 0) memcpy(n[n_columns].data, seed[n_columns].data, bytes);
    }
    for (; length >= CHANGE_BYTES; input += CHANGE_BYTES, length -= CHANGE_BYTES) {
        const int k = input[0] % n_columns;
        if (n[k].rows >= 0) change(&target->columns[k], &n[k], input);
    }
    write_file(target, n);
    for (int k = 0; k < n_columns; ++k) free(n[k].data);
}
