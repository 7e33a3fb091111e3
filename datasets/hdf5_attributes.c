/* datasets/hdf5_attributes.c — attributes of HDF5 files: queued for the commit, or read from untrusted files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_door.h"

enum { STRING_LIMIT = 1024 * 1024 };

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

bool hg_h5_has_attribute(const hg_h5 *h5, const char *path, const char *name)
{
    const bool is_object = hg_h5_leads_to(h5, path, HG_H5_DATASET) || hg_h5_leads_to(h5, path, HG_H5_GROUP);
    return is_object && hg_h5_door_has_attribute(h5, path, name);
}

static hg_status open_attribute(hg_context *ctx, const hg_h5 *h5, const char *path, const char *name, hg_h5_stored_attribute *out)
{
    if (!hg_h5_has_attribute(h5, path, name))
        return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" is missing", h5->name, path, name);
    if (!hg_h5_door_stored_attribute(h5, path, name, out))
        return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" is damaged", h5->name, path, name);
    return HG_OK;
}

hg_status hg_h5_get_string(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, char **out)
{
    hg_status status = HG_OK;
    hg_h5_stored_attribute stored = {.id = -1, .type = -1};
    char *text = NULL;
    HG_TRY(open_attribute(ctx, h5, path, name, &stored));
    HG_CHECK(stored.n_values == 1 && stored.text_bytes >= 0 && stored.text_bytes <= STRING_LIMIT, HG_ERR_FORMAT,
             "%s:%s: attribute \"%s\" is not one string of fixed length", h5->name, path, name);
    HG_TRY(hg_alloc(ctx, &text, stored.text_bytes + 1));
    HG_CHECK(hg_h5_door_read_text(&stored, text), HG_ERR_FORMAT, "%s:%s: attribute \"%s\" cannot be read", h5->name, path, name);
    *out = text;
    text = NULL;
done:
    hg_free(ctx, text);
    hg_h5_door_attribute_close(&stored);
    return status;
}

hg_status hg_h5_get_numbers(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n, void *out)
{
    hg_status status = HG_OK;
    hg_h5_stored_attribute stored = {.id = -1, .type = -1};
    HG_TRY(open_attribute(ctx, h5, path, name, &stored));
    HG_CHECK(hg_h5_door_type_fits(stored.type, type), HG_ERR_FORMAT, "%s:%s: attribute \"%s\" does not fit into %s", h5->name, path, name,
             hg_h5_type_name(type));
    HG_CHECK(stored.n_values == (n ? n : 1), HG_ERR_FORMAT,
             "%s:%s: attribute \"%s\" has another number of values than the expected %" PRId64, h5->name, path, name, n ? n : 1);
    HG_CHECK(hg_h5_door_read_numbers(&stored, type, out), HG_ERR_FORMAT, "%s:%s: attribute \"%s\" cannot be read", h5->name, path, name);
done:
    hg_h5_door_attribute_close(&stored);
    return status;
}
