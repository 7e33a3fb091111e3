/* nn/model/safetensors_writer.c — writes safetensors: the same tensors give the same bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "nn/model/safetensors.h"

static size_t bytes_of(const hg_stored_tensor *tensor)
{
    return (size_t)tensor->size * hg_dtype_size(tensor->dtype);
}

static int by_size_and_name(const void *a, const void *b)
{
    const hg_stored_tensor *x = a, *y = b;
    size_t size_x = hg_dtype_size(x->dtype), size_y = hg_dtype_size(y->dtype);
    if (size_x != size_y) return size_x > size_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Moves the value into the object; jansson takes care of NULL from a failed creation. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static json_t *entry_of(const hg_stored_tensor *tensor, int64_t begin)
{
    json_t *shape = json_array();
    for (int d = 0; d < tensor->rank; ++d)
        if (json_array_append_new(shape, json_integer(tensor->shape[d])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", hg_dtype_name(tensor->dtype), "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)begin + (json_int_t)bytes_of(tensor));
}

static bool fill_header(json_t *header, int64_t n, const hg_stored_tensor *tensor, int64_t n_metadata, const hg_safetensors_text *metadata)
{
    json_t *texts = json_object();
    if (!put(header, "__metadata__", texts)) return false;
    for (int64_t i = 0; i < n_metadata; ++i)
        if (!put(texts, metadata[i].key, json_string(metadata[i].value))) return false;
    int64_t begin = 0;
    for (int64_t i = 0; i < n; ++i) {
        char key[512], hash[17];
        snprintf(hash, sizeof hash, "%016" PRIx64, (uint64_t)XXH3_64bits(tensor[i].size > 0 ? tensor[i].data : "", bytes_of(&tensor[i])));
        bool fits = snprintf(key, sizeof key, "hash.%s", tensor[i].name) < (int)sizeof key;
        if (fits && !put(texts, key, json_string(hash))) return false;
        if (!put(header, tensor[i].name, entry_of(&tensor[i], begin))) return false;
        begin += (int64_t)bytes_of(&tensor[i]);
    }
    return true;
}

static hg_status write_all(hg_context *ctx, hg_output *output, const char *path, const char *text, int64_t n,
                           const hg_stored_tensor *tensor)
{
    static const char spaces[] = "       ";
    hg_status status = HG_OK;
    size_t used = strlen(text), padding = (8 - used % 8) % 8;
    uint64_t length = used + padding;
    FILE *stream = hg_output_stream(output);

    HG_CHECK(stream, HG_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    bool good = fwrite(&length, sizeof length, 1, stream) == 1 && fwrite(text, 1, used, stream) == used &&
                fwrite(spaces, 1, padding, stream) == padding;
    for (int64_t i = 0; good && i < n; ++i) good = fwrite(tensor[i].data, 1, bytes_of(&tensor[i]), stream) == bytes_of(&tensor[i]);
    HG_CHECK(good, HG_ERR_IO, "%s: writing failed: %s", path, strerror(errno));
done:
    return status;
}

hg_status hg_safetensors_write(hg_context *ctx, const char *path, int64_t n, const hg_stored_tensor *tensor, int64_t n_metadata,
                               const hg_safetensors_text *metadata)
{
    hg_status status = HG_OK;
    hg_stored_tensor *sorted = NULL;
    json_t *header = json_object();
    hg_output *output = NULL;
    char *text = NULL;

    HG_TRY(hg_alloc(ctx, &sorted, n));
    if (n > 0) {
        memcpy(sorted, tensor, (size_t)n * sizeof *tensor);
        qsort(sorted, (size_t)n, sizeof *sorted, by_size_and_name);
    }
    HG_CHECK(header && fill_header(header, n, sorted, n_metadata, metadata), HG_ERR_ARG,
             "%s: the header cannot be made; hint: are all names and texts valid UTF-8?", path);
    HG_TRY(hg_json_print(ctx, header, &text));
    HG_TRY(hg_output_begin(ctx, path, &output));
    HG_TRY(write_all(ctx, output, path, text, n, sorted));
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    hg_free(ctx, text);
    hg_free(ctx, sorted);
    json_decref(header);
    return status;
}
