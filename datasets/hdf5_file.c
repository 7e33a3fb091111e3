/* datasets/hdf5_file.c — an HDF5 file of ours as an object: its life and the paths inside it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_door.h"

enum { DEPTH_LIMIT = 8 };

/* ---- life ---- */

hg_status hg_h5_new(hg_context *ctx, const char *path, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(hg_alloc(ctx, &h5, 1));
    h5->file = -1;
    HG_TRY(hg_copy_string(ctx, path, &h5->name));
    *out = h5;
    h5 = NULL;
done:
    hg_h5_close(ctx, h5);
    return status;
}

/* Frees what waits to be written. */
static void free_queues(hg_context *ctx, hg_h5 *h5)
{
    for (int64_t i = 0; i < h5->n_columns; ++i) {
        hg_h5_open_column *c = &h5->columns[i];
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

void hg_h5_close(hg_context *ctx, hg_h5 *h5)
{
    if (!h5) return;
    hg_h5_door_release(h5);
    hg_output_abort(h5->output);
    free_queues(ctx, h5);
    hg_free(ctx, h5->name);
    hg_free(ctx, h5);
}

const char *hg_h5_name(const hg_h5 *h5)
{
    return h5->name;
}

/* ---- paths ---- */

bool hg_h5_leads_to(const hg_h5 *h5, const char *path, hg_h5_kind wanted)
{
    char prefix[HG_H5_PATH];
    int depth = 0;

    const size_t length = strlen(path);
    if (strcmp(path, "/") == 0) return wanted == HG_H5_GROUP;
    if (path[0] != '/' || path[length - 1] == '/' || length >= sizeof prefix) return false;
    for (const char *at = path + 1; *at;) {
        const char *slash = strchr(at, '/'), *end = slash ? slash : at + strlen(at);
        memcpy(prefix, path, (size_t)(end - path));
        prefix[end - path] = '\0';
        if (++depth > DEPTH_LIMIT) return false;
        if (hg_h5_door_kind(h5, prefix) != (slash ? HG_H5_GROUP : wanted)) return false;
        at = slash ? slash + 1 : end;
    }
    return true;
}

bool hg_h5_has(const hg_h5 *h5, const char *path)
{
    return hg_h5_leads_to(h5, path, HG_H5_DATASET);
}
