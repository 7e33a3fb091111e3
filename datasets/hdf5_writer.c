/* datasets/hdf5_writer.c — gathers rows into chunks, and hashes, of HDF5 files being written. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/hdf5_door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"

typedef hg_h5_open_column column;

hg_status hg_h5_create(hg_context *ctx, const char *path, const char *format, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    const int32_t version[2] = {HG_H5_MAJOR, 0};
    char name[64];

    HG_TRY(hg_h5_new(ctx, path, &h5));
    HG_TRY(hg_h5_door_begin(ctx, h5));
    snprintf(name, sizeof name, "hitgraph-%s", format);
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "format", name));
    HG_TRY(hg_h5_set_numbers(ctx, h5, "/", "format_version", HG_H5_I32, 2, version));
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "producer", "hitgraph " HG_VERSION));
    *out = h5;
    h5 = NULL;
done:
    hg_h5_close(ctx, h5);
    return status;
}

static hg_status add_column(hg_context *ctx, hg_h5 *h5, const hg_h5_column *spec, column **out)
{
    hg_status status = HG_OK;
    HG_CHECK(h5->output, HG_ERR_ARG, "%s:%s: the file is open for reading", h5->name, spec->path);
    HG_TRY(hg_grow(ctx, &h5->columns, h5->n_columns, h5->n_columns + 1));
    column *c = &h5->columns[h5->n_columns++];
    c->dataset = -1;
    c->type = spec->type;
    c->width = spec->width;
    c->row_bytes = hg_h5_type_size(spec->type) * (spec->width ? spec->width : 1);
    HG_CHECK(spec->width >= 0 && c->row_bytes <= HG_H5_CHUNK, HG_ERR_LIMIT, "%s:%s: rows of %" PRId64 " bytes, expected at most %d",
             h5->name, spec->path, c->row_bytes, HG_H5_CHUNK);
    HG_TRY(hg_copy_string(ctx, spec->path, &c->path));
    HG_TRY(hg_copy_string(ctx, spec->unit, &c->unit));
    HG_TRY(hg_copy_string(ctx, spec->long_name, &c->long_name));
    *out = c;
done:
    return status;
}

static int64_t chunk_rows_of(const column *c, int64_t rows)
{
    if (rows * c->row_bytes < HG_H5_ONE_CHUNK) return rows;
    const int64_t fit = HG_H5_CHUNK / c->row_bytes;
    return fit > 0 ? fit : 1;
}

/* Groups are made one by one: those that HDF5 would make by itself carry time stamps. */
static hg_status make_groups(hg_context *ctx, hg_h5 *h5, const char *path)
{
    hg_status status = HG_OK;
    char prefix[HG_H5_PATH];
    HG_CHECK(path[0] == '/' && strlen(path) < sizeof prefix, HG_ERR_ARG, "%s: bad dataset path \"%s\"", h5->name, path);
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(prefix, path, (size_t)(slash - path));
        prefix[slash - path] = '\0';
        HG_TRY(hg_h5_door_make_group(ctx, h5, prefix));
    }
done:
    return status;
}

/* rows 0 with growing: the dataset starts empty and is extended chunk by chunk. */
static hg_status create_dataset(hg_context *ctx, hg_h5 *h5, column *c, int64_t rows, bool growing)
{
    hg_status status = HG_OK;
    HG_TRY(make_groups(ctx, h5, c->path));
    HG_TRY(hg_h5_door_create(ctx, h5, c, rows, chunk_rows_of(c, growing ? HG_H5_ONE_CHUNK : rows), growing));
done:
    return status;
}

static hg_status finish_column(hg_context *ctx, hg_h5 *h5, column *c)
{
    hg_status status = HG_OK;
    HG_TRY(hg_h5_door_close(ctx, h5, c));
    HG_TRY(hg_h5_set_string(ctx, h5, c->path, "unit", c->unit));
    HG_TRY(hg_h5_set_string(ctx, h5, c->path, "long_name", c->long_name));
    HG_TRY(hg_h5_set_number(ctx, h5, c->path, "hash", &c->hash));
done:
    return status;
}

hg_status hg_h5_write(hg_context *ctx, hg_h5 *h5, const hg_h5_column *spec, const void *data, int64_t rows)
{
    hg_status status = HG_OK;
    column *c = NULL;
    HG_TRY(add_column(ctx, h5, spec, &c));
    HG_TRY(create_dataset(ctx, h5, c, rows, false));
    if (rows > 0) HG_TRY(hg_h5_door_put(ctx, h5, c, data, rows));
    c->hash = XXH3_64bits(rows > 0 ? data : "", (size_t)(rows * c->row_bytes));
    HG_TRY(finish_column(ctx, h5, c));
done:
    return status;
}

/* Writes the full chunks of the buffer and keeps the rest. */
static hg_status flush_chunks(hg_context *ctx, hg_h5 *h5, column *c)
{
    hg_status status = HG_OK;
    const int64_t chunk = chunk_rows_of(c, HG_H5_ONE_CHUNK), full = c->buffered / chunk * chunk;
    if (c->dataset < 0) HG_TRY(create_dataset(ctx, h5, c, 0, true));
    HG_TRY(hg_h5_door_extend(ctx, h5, c, c->written + full));
    HG_TRY(hg_h5_door_put(ctx, h5, c, c->buffer, full));
    c->buffered -= full;
    memmove(c->buffer, c->buffer + full * c->row_bytes, (size_t)(c->buffered * c->row_bytes));
done:
    return status;
}

static hg_status make_room(hg_context *ctx, column *c, int64_t rows, int64_t most)
{
    hg_status status = HG_OK;
    if (rows <= c->room) goto done;
    int64_t room = 2 * rows < most ? 2 * rows : most;
    HG_TRY(hg_grow_array(ctx, (void **)&c->buffer, c->buffered, room, (size_t)c->row_bytes));
    c->room = room;
done:
    return status;
}

hg_status hg_h5_append(hg_context *ctx, hg_h5 *h5, const hg_h5_column *spec, const void *data, int64_t rows)
{
    hg_status status = HG_OK;
    column *c = NULL;
    for (int64_t i = 0; i < h5->n_columns && !c; ++i)
        if (strcmp(h5->columns[i].path, spec->path) == 0) c = &h5->columns[i];
    if (!c) HG_TRY(add_column(ctx, h5, spec, &c));
    HG_CHECK(c->type == spec->type && c->width == spec->width && (c->state || !c->written), HG_ERR_ARG,
             "%s:%s: rows of another type than before", h5->name, spec->path);
    if (!c->state) {
        HG_TRY(hg_alloc(ctx, &c->state, 1));
        XXH3_64bits_reset(c->state);
    }
    const int64_t most = (HG_H5_ONE_CHUNK + HG_H5_CHUNK) / c->row_bytes;
    const uint8_t *bytes = data;
    while (rows > 0) {
        const int64_t take = rows < most - c->buffered ? rows : most - c->buffered, n_bytes = take * c->row_bytes;
        HG_TRY(make_room(ctx, c, c->buffered + take, most));
        memcpy(c->buffer + c->buffered * c->row_bytes, bytes, (size_t)n_bytes);
        XXH3_64bits_update(c->state, bytes, (size_t)n_bytes);
        c->buffered += take;
        bytes += n_bytes;
        rows -= take;
        if (c->buffered == most) HG_TRY(flush_chunks(ctx, h5, c));
    }
done:
    return status;
}

static hg_status finish_growing(hg_context *ctx, hg_h5 *h5, column *c)
{
    hg_status status = HG_OK;
    if (c->dataset < 0 && c->buffered * c->row_bytes < HG_H5_ONE_CHUNK)
        HG_TRY(create_dataset(ctx, h5, c, c->buffered, false));
    else
        HG_TRY(flush_chunks(ctx, h5, c));
    if (c->buffered > 0) {
        if (c->written > 0) HG_TRY(hg_h5_door_extend(ctx, h5, c, c->written + c->buffered));
        HG_TRY(hg_h5_door_put(ctx, h5, c, c->buffer, c->buffered));
    }
    c->hash = XXH3_64bits_digest(c->state);
    HG_TRY(finish_column(ctx, h5, c));
done:
    return status;
}

static int by_path(const void *a, const void *b)
{
    const column *const *left = a, *const *right = b;
    return strcmp((*left)->path, (*right)->path);
}

static hg_status content_hash(hg_context *ctx, hg_h5 *h5)
{
    hg_status status = HG_OK;
    column **order = NULL;
    XXH3_state_t *state = NULL;
    HG_TRY(hg_alloc(ctx, &order, h5->n_columns));
    HG_TRY(hg_alloc(ctx, &state, 1));
    for (int64_t i = 0; i < h5->n_columns; ++i) order[i] = &h5->columns[i];
    qsort(order, (size_t)h5->n_columns, sizeof *order, by_path);
    XXH3_64bits_reset(state);
    for (int64_t i = 0; i < h5->n_columns; ++i) {
        XXH3_64bits_update(state, order[i]->path, strlen(order[i]->path));
        XXH3_64bits_update(state, &order[i]->hash, sizeof order[i]->hash);
    }
    const uint64_t hash = XXH3_64bits_digest(state);
    HG_TRY(hg_h5_set_number(ctx, h5, "/", "content_hash", &hash));
done:
    hg_free(ctx, order);
    hg_free(ctx, state);
    return status;
}

hg_status hg_h5_commit(hg_context *ctx, hg_h5 **moved)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = *moved;

    *moved = NULL;
    for (int64_t i = 0; i < h5->n_columns; ++i)
        if (h5->columns[i].state) HG_TRY(finish_growing(ctx, h5, &h5->columns[i]));
    HG_TRY(content_hash(ctx, h5));
    for (int64_t i = 0; i < h5->n_attributes; ++i) HG_TRY(hg_h5_door_attribute(ctx, h5, &h5->attributes[i]));
    HG_TRY(hg_h5_door_finish(ctx, h5));
    HG_TRY(hg_output_commit(ctx, &h5->output));
done:
    hg_h5_close(ctx, h5);
    return status;
}
