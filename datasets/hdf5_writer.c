/* datasets/hdf5_writer.c — gathers rows into chunks, hashes and attributes of HDF5 files being written. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/hdf5_writer.h"

#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"

typedef hg_h5_open_column column;

void hg_h5_writer_release(hg_context *ctx, hg_h5 *h5)
{
    for (int64_t i = 0; i < h5->n_columns; ++i) {
        column *c = &h5->columns[i];
        hg_free(ctx, c->path);
        hg_free(ctx, c->unit);
        hg_free(ctx, c->long_name);
        hg_free(ctx, c->buffer);
        hg_free(ctx, c->state);
    }
    for (int64_t i = 0; i < h5->n_attributes; ++i) {
        hg_free(ctx, h5->attributes[i].path);
        hg_free(ctx, h5->attributes[i].name);
        hg_free(ctx, h5->attributes[i].bytes);
    }
    hg_free(ctx, h5->columns);
    hg_free(ctx, h5->attributes);
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
    HG_TRY(hg_h5_door_create(ctx, h5, c, rows, false));
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
    const int64_t chunk = hg_h5_door_chunk_rows(c, HG_H5_ONE_CHUNK), full = c->buffered / chunk * chunk;
    if (c->dataset < 0) HG_TRY(hg_h5_door_create(ctx, h5, c, 0, true));
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
        HG_TRY(hg_h5_door_create(ctx, h5, c, c->buffered, false));
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

static hg_status queue_attribute(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n,
                                 const void *bytes, int64_t n_bytes, bool text)
{
    hg_status status = HG_OK;
    HG_TRY(hg_grow(ctx, &h5->attributes, h5->n_attributes, h5->n_attributes + 1));
    hg_h5_open_attribute *a = &h5->attributes[h5->n_attributes++];
    a->type = type;
    a->n = n;
    a->text = text;
    HG_TRY(hg_copy_string(ctx, path, &a->path));
    HG_TRY(hg_copy_string(ctx, name, &a->name));
    HG_TRY(hg_alloc(ctx, &a->bytes, n_bytes + 1));
    memcpy(a->bytes, bytes, (size_t)n_bytes);
done:
    return status;
}

hg_status hg_h5_set_string(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, const char *text)
{
    return queue_attribute(ctx, h5, path, name, HG_H5_U8, (int64_t)strlen(text), text, (int64_t)strlen(text), true);
}

hg_status hg_h5_set_numbers(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n, const void *values)
{
    return queue_attribute(ctx, h5, path, name, type, n, values, hg_h5_type_size(type) * (n ? n : 1), false);
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

hg_status hg_h5_commit(hg_context *ctx, hg_h5 *h5)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < h5->n_columns; ++i)
        if (h5->columns[i].state) HG_TRY(finish_growing(ctx, h5, &h5->columns[i]));
    HG_TRY(content_hash(ctx, h5));
    for (int64_t i = 0; i < h5->n_attributes; ++i) HG_TRY(hg_h5_door_attribute(ctx, h5, &h5->attributes[i]));
    HG_TRY(hg_h5_door_finish(ctx, h5));
    hg_output *output = h5->output;
    h5->output = NULL;
    HG_TRY(hg_output_commit(ctx, output));
done:
    hg_h5_close(ctx, h5);
    return status;
}
