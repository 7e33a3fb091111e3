/* datasets/hdf5_reader.c — datasets of untrusted HDF5 files: shape, storage, ranges and hashes are checked before and after reading. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/chunk.h"
#include "datasets/hdf5_door.h"

enum {
    CHUNK_LIMIT = 64 * 1024 * 1024,
    CHUNK_SLACK = 512,  /* bytes that filters may add to a small chunk */
    RATIO_LIMIT = 1000, /* declared bytes per stored byte: deflate reaches 1032 at best */
};
static const int64_t file_limit = 64LL << 30;

/* A dataset open for reading, checked. */
typedef struct source {
    const hg_h5 *h5;
    const char *path;
    hg_h5_dataset dataset;
    int64_t rows, width; /* width 0 = rank 1 */
    int64_t columns;     /* width, or 1 */
    int64_t chunk_rows, chunk_columns;
    hg_filters filters;
} source;

/* ---- the file ---- */

static hg_status check_magic(hg_context *ctx, const char *path)
{
    static const unsigned char magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[8] = {0};
    struct stat info;
    hg_status status = HG_OK;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
    HG_CHECK(fd >= 0 && fstat(fd, &info) == 0, HG_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    HG_CHECK(S_ISREG(info.st_mode), HG_ERR_IO, "%s: is not a regular file", path);
    HG_CHECK(info.st_size <= file_limit, HG_ERR_LIMIT, "%s: has %lld bytes, expected at most %" PRId64, path, (long long)info.st_size,
             file_limit);
    HG_CHECK(read(fd, head, sizeof head) == (ssize_t)sizeof head && memcmp(head, magic, sizeof magic) == 0, HG_ERR_FORMAT,
             "%s: is not an HDF5 file (wrong first 8 bytes)", path);
done:
    if (fd >= 0) close(fd);
    return status;
}

static hg_status check_format(hg_context *ctx, hg_h5 *h5, const char *format)
{
    hg_status status = HG_OK;
    char *found = NULL;
    int32_t version[2] = {0, 0};
    HG_TRY(hg_h5_get_string(ctx, h5, "/", "format", &found));
    HG_CHECK(strncmp(found, "hitgraph-", 9) == 0 && strcmp(found + 9, format) == 0, HG_ERR_FORMAT,
             "%s:/: format is \"%.60s\", expected \"hitgraph-%s\"", h5->name, found, format);
    HG_TRY(hg_h5_get_numbers(ctx, h5, "/", "format_version", HG_H5_I32, 2, version));
    HG_CHECK(version[0] >= 1 && version[0] <= HG_H5_MAJOR, HG_ERR_FORMAT,
             "%s:/: format_version is %d.%d, expected %d.x; hint: a newer hitgraph wrote it", h5->name, version[0], version[1],
             HG_H5_MAJOR);
done:
    hg_free(ctx, found);
    return status;
}

hg_status hg_h5_open(hg_context *ctx, const char *path, const char *format, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(check_magic(ctx, path));
    HG_TRY(hg_h5_new(ctx, path, &h5));
    HG_TRY(hg_h5_door_open(ctx, h5));
    if (format) HG_TRY(check_format(ctx, h5, format));
    *out = h5;
    h5 = NULL;
done:
    hg_h5_close(ctx, h5);
    return status;
}

/* ---- what the file says of a dataset ---- */

static hg_status check_filters(hg_context *ctx, source *s)
{
    hg_status status = HG_OK;
    const hg_h5_dataset *d = &s->dataset;
    int seen[4] = {0};
    HG_CHECK(d->n_filters >= 0 && d->n_filters <= 3, HG_ERR_FORMAT, "%s:%s: %d filters, expected at most 3", s->h5->name, s->path,
             d->n_filters);
    for (int i = 0; i < d->n_filters; ++i) {
        const int filter = d->filter[i];
        HG_CHECK((filter == HG_FILTER_DEFLATE || filter == HG_FILTER_SHUFFLE || filter == HG_FILTER_FLETCHER32) && !seen[filter]++,
                 HG_ERR_FORMAT, "%s:%s: filter %d, expected shuffle, deflate, fletcher32, each at most once", s->h5->name, s->path, filter);
        s->filters.id[i] = filter;
    }
    s->filters.n = d->n_filters;
done:
    return status;
}

/* Layout, filters and chunk of a dataset, seen before any data is touched. */
static hg_status check_storage(hg_context *ctx, source *s)
{
    hg_status status = HG_OK;
    hg_h5_dataset *d = &s->dataset;
    const uint64_t *chunk = d->chunk;

    HG_CHECK(hg_h5_door_storage(d), HG_ERR_FORMAT, "%s:%s: damaged creation properties", s->h5->name, s->path);
    HG_CHECK(d->n_external == 0, HG_ERR_FORMAT, "%s:%s: data is in an external file, expected inside", s->h5->name, s->path);
    HG_CHECK(d->layout != HG_H5_OTHER_LAYOUT, HG_ERR_FORMAT, "%s:%s: virtual or unknown layout, expected compact, contiguous or chunked",
             s->h5->name, s->path);
    HG_TRY(check_filters(ctx, s));
    if (d->layout == HG_H5_IN_CHUNKS) {
        HG_CHECK(d->chunk_rank == d->rank, HG_ERR_FORMAT, "%s:%s: damaged chunk shape", s->h5->name, s->path);
        HG_CHECK(chunk[0] > 0 && chunk[1] > 0 && chunk[0] <= CHUNK_LIMIT && chunk[1] <= CHUNK_LIMIT &&
                     chunk[0] * chunk[1] * 8 <= CHUNK_LIMIT,
                 HG_ERR_LIMIT, "%s:%s: chunk of more than 64 MiB", s->h5->name, s->path);
    }
    s->chunk_rows = (int64_t)chunk[0];
    s->chunk_columns = (int64_t)chunk[1];
done:
    return status;
}

static hg_status check_space(hg_context *ctx, source *s, int64_t width)
{
    hg_status status = HG_OK;
    hg_h5_dataset *d = &s->dataset;
    const uint64_t *dims = d->dims;
    uint64_t declared = 0;

    HG_CHECK(hg_h5_door_dims(d), HG_ERR_FORMAT, "%s:%s: damaged shape", s->h5->name, s->path);
    HG_CHECK(width <= 0 || dims[1] == (uint64_t)width, HG_ERR_FORMAT, "%s:%s: %" PRIu64 " columns, expected %" PRId64, s->h5->name, s->path,
             dims[1], width);
    HG_CHECK(dims[0] <= INT64_MAX / 16 && dims[1] <= 65536 && !__builtin_mul_overflow(dims[0], dims[1] * d->element, &declared) &&
                 declared <= (uint64_t)file_limit * RATIO_LIMIT,
             HG_ERR_LIMIT, "%s:%s: %" PRIu64 " x %" PRIu64 " elements", s->h5->name, s->path, dims[0], dims[1]);
    const uint64_t stored = hg_h5_door_stored_bytes(d);
    HG_CHECK(stored <= (uint64_t)file_limit && declared <= RATIO_LIMIT * stored + HG_H5_ONE_CHUNK, HG_ERR_LIMIT,
             "%s:%s: declares %" PRIu64 " bytes but stores %" PRIu64 "; hint: a file that is not what it says", s->h5->name, s->path,
             declared, stored);
    HG_CHECK(d->layout == HG_H5_IN_CHUNKS || stored == declared, HG_ERR_FORMAT, "%s:%s: stores %" PRIu64 " bytes, expected %" PRIu64,
             s->h5->name, s->path, stored, declared);
    s->rows = (int64_t)dims[0];
    s->columns = (int64_t)dims[1];
    s->width = d->rank == 2 ? s->columns : 0;
done:
    return status;
}

/* On error too, the dataset of *s is to be closed. */
static hg_status open_source(hg_context *ctx, const hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, source *s)
{
    hg_status status = HG_OK;
    hg_h5_dataset *d = &s->dataset;
    *s = (source){.h5 = h5, .path = path, .dataset = {.id = -1, .type = -1, .rank = width ? 2 : 1}};

    HG_CHECK(hg_h5_has(h5, path), HG_ERR_FORMAT, "%s:%s: no such dataset, expected %s", h5->name, path, hg_h5_type_name(type));
    HG_CHECK(hg_h5_door_dataset(h5, path, d), HG_ERR_FORMAT, "%s:%s: the dataset is damaged", h5->name, path);
    HG_CHECK(hg_h5_door_type_fits(d->type, type), HG_ERR_FORMAT, "%s:%s: its type does not fit into %s", h5->name, path,
             hg_h5_type_name(type));
    const int rank = hg_h5_door_rank(d);
    HG_CHECK(rank == d->rank, HG_ERR_FORMAT, "%s:%s: rank %d, expected %d", h5->name, path, rank, d->rank);
    HG_TRY(check_storage(ctx, s));
    HG_TRY(check_space(ctx, s, width));
done:
    return status;
}

hg_status hg_h5_shape(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t *rows, int64_t *width_found)
{
    hg_status status = HG_OK;
    source s;
    HG_TRY(open_source(ctx, h5, path, type, width, &s));
    if (rows) *rows = s.rows;
    if (width_found) *width_found = s.width;
done:
    hg_h5_door_dataset_close(&s.dataset);
    return status;
}

/* ---- the data ---- */

static hg_status check_finite(hg_context *ctx, const hg_h5 *h5, const char *path, hg_h5_type type, int64_t n, const void *data)
{
    if (!hg_h5_type_is_float(type)) return HG_OK;
    for (int64_t i = 0; i < n; ++i) {
        const double value = type == HG_H5_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
        if (!isfinite(value))
            return hg_fail(ctx, HG_ERR_DATA, "%s:%s[%" PRId64 "]: %g, expected a finite number", h5->name, path, i, value);
    }
    return HG_OK;
}

/* The hash covers the bytes as stored, so it can be checked only where the stored type is the one that was read. */
static hg_status check_hash(hg_context *ctx, hg_h5 *h5, const source *s, hg_h5_type type, size_t n_bytes, const void *data)
{
    hg_status status = HG_OK;
    uint64_t expected = 0;
    if (!hg_h5_has_attribute(h5, s->path, "hash") || !hg_h5_door_type_equals(s->dataset.type, type)) return HG_OK;
    HG_TRY(hg_h5_get_number(ctx, h5, s->path, "hash", &expected));
    const uint64_t found = XXH3_64bits(data, n_bytes);
    HG_CHECK(found == expected, HG_ERR_DATA, "%s:%s: hash is %016" PRIx64 ", expected %016" PRIx64 "; hint: the file is damaged", h5->name,
             s->path, found, expected);
done:
    return status;
}

/* One chunk, decoded here and not by the library, in the type of memory. plain: room for its elements in either type. */
static hg_status read_chunk(hg_context *ctx, const source *s, const int64_t at[2], hg_h5_type type, uint8_t *plain)
{
    hg_status status = HG_OK;
    const size_t n = (size_t)(s->chunk_rows * s->chunk_columns), n_plain = n * s->dataset.element;
    uint32_t skipped = 0;
    uint8_t *bytes = NULL;
    char where[2 * HG_H5_PATH];

    snprintf(where, sizeof where, "%s:%s", s->h5->name, s->path);
    const uint64_t n_stored = hg_h5_door_chunk_bytes(&s->dataset, at);
    HG_CHECK(n_stored > 0 && n_stored <= n_plain + n_plain / 8 + CHUNK_SLACK, HG_ERR_FORMAT,
             "%s: the chunk at row %" PRId64 " is missing or damaged", where, at[0]);
    HG_TRY(hg_alloc(ctx, &bytes, (int64_t)n_stored));
    HG_CHECK(hg_h5_door_read_chunk(&s->dataset, at, bytes, &skipped), HG_ERR_FORMAT, "%s: cannot be read; hint: the file is truncated",
             where);
    HG_TRY(hg_chunk_decode(ctx, where, &s->filters, skipped, s->dataset.element, bytes, (size_t)n_stored, plain, n_plain));
    HG_CHECK(hg_h5_door_convert(&s->dataset, type, n, plain), HG_ERR_FORMAT, "%s: cannot be converted to %s", where, hg_h5_type_name(type));
done:
    hg_free(ctx, bytes);
    return status;
}

/* The part of a chunk that lies in the wanted rows. */
static void copy_chunk(const source *s, const int64_t at[2], size_t size, const uint8_t *plain, int64_t first, int64_t rows, uint8_t *out)
{
    const int64_t top = at[0], left = at[1], columns = s->columns;
    const int64_t from = top > first ? top : first, end = top + s->chunk_rows < first + rows ? top + s->chunk_rows : first + rows;
    const int64_t across = left + s->chunk_columns < columns ? s->chunk_columns : columns - left;
    if (across == columns && s->chunk_columns == columns) {
        memcpy(out + (size_t)((from - first) * columns) * size, plain + (size_t)((from - top) * columns) * size,
               (size_t)((end - from) * columns) * size);
        return;
    }
    for (int64_t r = from; r < end; ++r)
        memcpy(out + (size_t)((r - first) * columns + left) * size, plain + (size_t)((r - top) * s->chunk_columns) * size,
               (size_t)across * size);
}

static hg_status read_chunks(hg_context *ctx, const source *s, hg_h5_type type, int64_t first, int64_t rows, uint8_t *out)
{
    hg_status status = HG_OK;
    const int64_t top = first / s->chunk_rows * s->chunk_rows;
    uint8_t *plain = NULL;
    HG_TRY(hg_alloc(ctx, &plain, 8 * s->chunk_rows * s->chunk_columns));
    for (int64_t row = top; row < first + rows; row += s->chunk_rows) {
        for (int64_t left = 0; left < s->columns; left += s->chunk_columns) {
            const int64_t at[2] = {row, left};
            HG_TRY(read_chunk(ctx, s, at, type, plain));
            copy_chunk(s, at, (size_t)hg_h5_type_size(type), plain, first, rows, out);
        }
    }
done:
    hg_free(ctx, plain);
    return status;
}

/* finite: NaN and infinity are errors. */
static hg_status read_rows(hg_context *ctx, hg_h5 *h5, const hg_h5_column *column, int64_t first, int64_t rows, bool finite, void *out)
{
    hg_status status = HG_OK;
    const char *path = column->path;
    const hg_h5_type type = column->type;
    source s;

    HG_TRY(open_source(ctx, h5, path, type, column->width, &s));
    HG_CHECK(first >= 0 && rows >= 0 && first <= s.rows && rows <= s.rows - first, HG_ERR_FORMAT,
             "%s:%s: has %" PRId64 " rows, expected rows %" PRId64 " to %" PRId64, h5->name, path, s.rows, first, first + rows);
    const int64_t n = rows * s.columns;
    if (n > 0) {
        if (s.dataset.layout == HG_H5_IN_CHUNKS)
            HG_TRY(read_chunks(ctx, &s, type, first, rows, out));
        else
            HG_CHECK(hg_h5_door_read_rows(&s.dataset, type, first, rows, out), HG_ERR_FORMAT,
                     "%s:%s: cannot be read; hint: the file is truncated or damaged", h5->name, path);
        if (finite) HG_TRY(check_finite(ctx, h5, path, type, n, out));
    }
    if (rows == s.rows) HG_TRY(check_hash(ctx, h5, &s, type, (size_t)(n * hg_h5_type_size(type)), out));
done:
    hg_h5_door_dataset_close(&s.dataset);
    return status;
}

hg_status hg_h5_read(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t first, int64_t rows, void *out)
{
    return read_rows(ctx, h5, &(hg_h5_column){path, type, width, NULL, NULL}, first, rows, true, out);
}

hg_status hg_h5_read_unchecked(hg_context *ctx, hg_h5 *h5, const hg_h5_column *column, int64_t first, int64_t rows, void *out)
{
    return read_rows(ctx, h5, column, first, rows, false, out);
}

hg_status hg_h5_read_all(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t rows_expected, void **out,
                         int64_t *rows)
{
    hg_status status = HG_OK;
    int64_t n = 0, columns = 0;
    void *data = NULL;
    HG_TRY(hg_h5_shape(ctx, h5, path, type, width, &n, &columns));
    HG_CHECK(rows_expected < 0 || n == rows_expected, HG_ERR_FORMAT, "%s:%s: has %" PRId64 " rows, expected %" PRId64, h5->name, path, n,
             rows_expected);
    HG_TRY(hg_alloc_array(ctx, &data, n * (width ? columns : 1), (size_t)hg_h5_type_size(type)));
    HG_TRY(hg_h5_read(ctx, h5, path, type, width, 0, n, data));
    *out = data;
    data = NULL;
    if (rows) *rows = n;
done:
    hg_free(ctx, data);
    return status;
}
