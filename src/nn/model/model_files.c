/* nn/model/model_files.c — a model on disk: DIR/model.yaml and DIR/weights.safetensors, matched by name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "nn/model/model.h"
#include "nn/model/model_files.h"

static const size_t yaml_limit = (size_t)16 << 20;

static hg_status join(hg_context *ctx, const char *left, const char *right, char **out)
{
    hg_text text = {0};
    hg_status status = hg_text_append(ctx, &text, "%s%s", left, right);
    if (status == HG_OK)
        *out = text.data;
    else
        hg_free(ctx, text.data);
    return status;
}

/* "[64, 128]" */
static void print_shape(char *buffer, size_t size, int rank, const int64_t *shape)
{
    size_t used = (size_t)snprintf(buffer, size, "[");
    for (int d = 0; d < rank && used < size; ++d)
        used += (size_t)snprintf(buffer + used, size - used, "%s%" PRId64, d ? ", " : "", shape[d]);
    if (used < size) snprintf(buffer + used, size - used, "]");
}

hg_status hg_parameters_read(hg_context *ctx, const hg_safetensors *file, const hg_model *model, const char *prefix, hg_real *out)
{
    hg_status status = HG_OK;
    char *name = NULL;
    for (int64_t i = 0; i < hg_model_n_tensors(model); ++i) {
        hg_tensor wanted = hg_model_tensor(model, i);
        hg_free(ctx, name);
        name = NULL;
        HG_TRY(join(ctx, prefix, wanted.name, &name));
        const hg_stored_tensor *found = hg_safetensors_find(file, name);
        HG_CHECK(found, HG_ERR_MODEL, "%s: tensor \"%s\" is missing; hint: are these the weights of another architecture?", file->source,
                 name);
        char shape_found[128], shape_wanted[128];
        print_shape(shape_found, sizeof shape_found, found->rank, found->shape);
        print_shape(shape_wanted, sizeof shape_wanted, wanted.rank, wanted.shape);
        HG_CHECK(strcmp(shape_found, shape_wanted) == 0, HG_ERR_MODEL, "%s: tensor \"%s\": shape %s, expected %s", file->source, name,
                 shape_found, shape_wanted);
        HG_TRY(hg_safetensors_get(ctx, file, found, out + wanted.offset));
    }
done:
    hg_free(ctx, name);
    return status;
}

hg_status hg_tensor_list_add(hg_context *ctx, hg_tensor_list *list, const hg_model *model, const char *prefix, const hg_real *data)
{
    hg_status status = HG_OK;
    int64_t more = hg_model_n_tensors(model);
    HG_TRY(hg_grow(ctx, &list->name, list->n, list->n + more));
    HG_TRY(hg_grow(ctx, &list->tensor, list->n, list->n + more));
    for (int64_t i = 0; i < more; ++i) {
        hg_tensor tensor = hg_model_tensor(model, i);
        hg_stored_tensor stored = {.dtype = HG_DTYPE_REAL, .rank = tensor.rank, .size = tensor.size, .data = data + tensor.offset};
        memcpy(stored.shape, tensor.shape, (size_t)tensor.rank * sizeof *tensor.shape);
        HG_TRY(join(ctx, prefix, tensor.name, &list->name[list->n]));
        stored.name = list->name[list->n];
        list->tensor[list->n++] = stored;
    }
done:
    return status;
}

void hg_tensor_list_clear(hg_context *ctx, hg_tensor_list *list)
{
    for (int64_t i = 0; i < list->n; ++i) hg_free(ctx, list->name[i]);
    hg_free(ctx, list->name);
    hg_free(ctx, list->tensor);
    *list = (hg_tensor_list){0};
}

static hg_status check_surplus(hg_context *ctx, const hg_safetensors *file, const hg_model *model)
{
    hg_status status = HG_OK;
    int64_t n_tensors = hg_model_n_tensors(model);
    for (int64_t i = 0; i < file->n; ++i) {
        const char *name = file->tensor[i].name;
        if (hg_text_ends_in(name, "num_batches_tracked")) continue; /* PyTorch's counter of batch norms, no parameter */
        int64_t k = 0;
        while (k < n_tensors && strcmp(hg_model_tensor(model, k).name, name) != 0) ++k;
        HG_CHECK(k < n_tensors, HG_ERR_MODEL,
                 "%s: tensor \"%s\" is not part of the model; hint: are these the weights of another architecture?", file->source, name);
    }
done:
    return status;
}

/* Free-form texts of the file; the format's own ones are not the user's. */
static hg_status take_metadata(hg_context *ctx, const hg_safetensors *file, hg_model *model)
{
    hg_status status = HG_OK;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(file->header, "__metadata__"), key, value)
    {
        bool own =
            strncmp(key, "hash.", 5) == 0 || strcmp(key, "model") == 0 || strcmp(key, "format_version") == 0 || strcmp(key, "format") == 0;
        if (!own) HG_TRY(hg_model_set_metadata(ctx, model, key, json_string_value(value)));
    }
done:
    return status;
}

static hg_status create_from_file(hg_context *ctx, const char *path, uint64_t seed, hg_model **out)
{
    hg_status status = HG_OK;
    char *yaml = NULL;
    size_t length = 0;
    HG_TRY(hg_read_file(ctx, path, yaml_limit, &yaml, &length));
    HG_CHECK(strlen(yaml) == length, HG_ERR_FORMAT, "%s: a zero byte at %zu, expected text", path, strlen(yaml));
    HG_TRY(hg_model_create(ctx, path, yaml, seed, out));
done:
    hg_free(ctx, yaml);
    return status;
}

hg_status hg_model_load(hg_context *ctx, const char *directory, hg_model **out)
{
    hg_status status = HG_OK;
    char *yaml_path = NULL, *weights_path = NULL;
    hg_safetensors *file = NULL;
    hg_model *model = NULL;

    HG_TRY(join(ctx, directory, "/model.yaml", &yaml_path));
    HG_TRY(join(ctx, directory, "/weights.safetensors", &weights_path));
    HG_TRY(create_from_file(ctx, yaml_path, 0, &model));
    HG_TRY(hg_safetensors_read(ctx, weights_path, &file));
    HG_TRY(hg_parameters_read(ctx, file, model, "", hg_model_parameters(model)));
    HG_TRY(check_surplus(ctx, file, model));
    HG_TRY(take_metadata(ctx, file, model));
    *out = model;
    model = NULL;
done:
    hg_model_destroy(ctx, model);
    hg_safetensors_destroy(ctx, file);
    hg_free(ctx, yaml_path);
    hg_free(ctx, weights_path);
    return status;
}

hg_status hg_model_open(hg_context *ctx, const char *path, uint64_t seed, hg_model **out)
{
    static const char suffix[] = ".yaml";
    const size_t length = strlen(path), tail = sizeof suffix - 1;
    const bool described = length > tail && strcmp(path + length - tail, suffix) == 0;
    return described ? create_from_file(ctx, path, seed, out) : hg_model_load(ctx, path, out);
}

hg_status hg_model_save(hg_context *ctx, const hg_model *model, const char *directory)
{
    enum { OWN_TEXTS = 2 };
    hg_status status = HG_OK;
    char *yaml_path = NULL, *weights_path = NULL;
    hg_tensor_list list = {0};
    hg_safetensors_text *texts = NULL;

    HG_TRY(hg_make_directory(ctx, directory));
    HG_TRY(join(ctx, directory, "/model.yaml", &yaml_path));
    HG_TRY(join(ctx, directory, "/weights.safetensors", &weights_path));
    HG_TRY(hg_tensor_list_add(ctx, &list, model, "", model->parameters));
    HG_TRY(hg_alloc(ctx, &texts, model->n_metadata + OWN_TEXTS));
    texts[0] = (hg_safetensors_text){"format_version", "1.0"};
    texts[1] = (hg_safetensors_text){"model", model->yaml};
    for (int64_t i = 0; i < model->n_metadata; ++i)
        texts[OWN_TEXTS + i] = (hg_safetensors_text){model->metadata[i].key, model->metadata[i].value};
    HG_TRY(hg_safetensors_write(ctx, weights_path, list.n, list.tensor, model->n_metadata + OWN_TEXTS, texts));
    HG_TRY(hg_output_print(ctx, yaml_path, "%s", model->yaml));
done:
    hg_tensor_list_clear(ctx, &list);
    hg_free(ctx, texts);
    hg_free(ctx, yaml_path);
    hg_free(ctx, weights_path);
    return status;
}
