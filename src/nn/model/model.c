/* nn/model/model.c — a model: its description, its tensors with names, and their initial values. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "nn/model/description_reader.h"

enum { RANDOM_WEIGHTS = 0x77656967, NAME_ROOM = 320 };
static const int64_t parameters_max = INT64_C(1) << 31;

/* shape: up to three sizes, 0 = there are no more. */
static hg_status add_tensor(hg_context *ctx, hg_model *m, int network, int index, const char *kind, const int64_t shape[3], int64_t *offset)
{
    hg_status status = HG_OK;
    char name[NAME_ROOM];
    hg_tensor t = {.shape = {1, 1, 1}, .size = 1, .offset = m->n_parameters};
    for (; t.rank < 3 && shape[t.rank] > 0; ++t.rank) {
        t.shape[t.rank] = shape[t.rank];
        HG_CHECK(t.size <= parameters_max / shape[t.rank], HG_ERR_LIMIT, "tensor %s.%d.%s has more than %" PRId64 " parameters",
                 m->description.network[network].name, index, kind, parameters_max);
        t.size *= shape[t.rank];
    }
    t.statistic = !strncmp(kind, "running", 7);
    const hg_network *net = &m->description.network[network];
    if (net->unnumbered) {
        snprintf(name, sizeof name, "%s.%s", net->name, kind);
    } else {
        snprintf(name, sizeof name, "%s.%d.%s", net->name, index, kind);
    }
    HG_TRY(hg_grow(ctx, &m->tensor, m->n_tensors, m->n_tensors + 1));
    HG_TRY(hg_grow(ctx, &m->tensor_network, m->n_tensors, m->n_tensors + 1));
    char *copy = NULL;
    HG_TRY(hg_copy_string(ctx, name, &copy));
    t.name = copy;
    m->tensor_network[m->n_tensors] = network;
    m->tensor[m->n_tensors++] = t;
    m->n_parameters += t.size;
    *offset = t.offset;
    HG_CHECK(m->n_parameters <= parameters_max, HG_ERR_LIMIT, "model has more than %" PRId64 " parameters", parameters_max);
done:
    return status;
}

/* Names count every module of the sequence, also those without tensors: linear, norm, activation. */
static hg_status add_network_tensors(hg_context *ctx, hg_model *m, int network)
{
    hg_status status = HG_OK;
    int index = 0;
    hg_network *net = &m->description.network[network];
    for (int l = 0; l < net->n_layers; ++l) {
        hg_mlp_layer *layer = &net->layer[l];
        const int64_t out = layer->out, vector[3] = {out};
        layer->weight = layer->bias = layer->gamma = layer->beta = layer->mean = layer->variance = -1;
        if (layer->linear) {
            const int64_t matrix[3] = {out, layer->in / layer->groups}, typed[3] = {layer->types, out, layer->in};
            HG_TRY(add_tensor(ctx, m, network, index, "weight", layer->types > 0 ? typed : matrix, &layer->weight));
            const int64_t biases[3] = {layer->types, out};
            if (net->bias) HG_TRY(add_tensor(ctx, m, network, index, "bias", layer->types > 0 ? biases : vector, &layer->bias));
            ++index;
        }
        if (layer->norm == HG_NORM_LAYER_AFFINE || hg_norm_is_batch(layer->norm)) {
            HG_TRY(add_tensor(ctx, m, network, index, "weight", vector, &layer->gamma));
            HG_TRY(add_tensor(ctx, m, network, index, "bias", vector, &layer->beta));
        }
        if (layer->norm == HG_NORM_BATCH_RUNNING) {
            HG_TRY(add_tensor(ctx, m, network, index, "running_mean", vector, &layer->mean));
            HG_TRY(add_tensor(ctx, m, network, index, "running_var", vector, &layer->variance));
        }
        index += (layer->norm != HG_NORM_NONE) + (layer->activation != HG_ACTIVATION_NONE) + (layer->dropout > 0);
    }
done:
    return status;
}

/* Normal with the tails beyond two widths drawn again. */
static double truncated_normal(hg_random *stream)
{
    double x;
    do {
        x = hg_random_normal(stream);
    } while (fabs(x) > 2);
    return x;
}

static double initial_weight(hg_random *stream, hg_initial rule, int64_t in, int64_t out)
{
    double n = (double)in, range = 1 / sqrt(n);
    switch (rule) {
    case HG_INITIAL_XAVIER:
        range = sqrt(6 / (n + (double)out));
        break;
    case HG_INITIAL_KAIMING:
        return sqrt(2 / n) * hg_random_normal(stream);
    case HG_INITIAL_SONNET:
        return truncated_normal(stream) / sqrt(n);
    case HG_INITIAL_DEFAULT:
        break;
    }
    return hg_random_range(stream, -range, range);
}

/* Every element has its own stream, so values depend on (seed, tensor, element) alone. */
static void initialise(hg_model *m, uint64_t seed)
{
    for (int64_t t = 0; t < m->n_tensors; ++t) {
        const hg_tensor *tensor = &m->tensor[t];
        const hg_network *net = &m->description.network[m->tensor_network[t]];
        for (int l = 0; l < net->n_layers; ++l) {
            const hg_mlp_layer *layer = &net->layer[l];
            bool weight = tensor->offset == layer->weight, bias = tensor->offset == layer->bias,
                 gamma = tensor->offset == layer->gamma || tensor->offset == layer->variance;
            int64_t fan_in = layer->linear ? layer->in / layer->groups : 0;
            for (int64_t i = 0; (weight || bias || gamma) && i < tensor->size; ++i) {
                hg_random stream = hg_random_stream(seed, RANDOM_WEIGHTS, (uint64_t)t, (uint64_t)i);
                double value = gamma ? 1 : 0;
                if (weight) value = initial_weight(&stream, net->initial, fan_in, layer->out);
                if (bias && net->initial == HG_INITIAL_DEFAULT) value = initial_weight(&stream, net->initial, fan_in, layer->out);
                m->parameters[tensor->offset + i] = (hg_real)value;
            }
        }
    }
}

hg_status hg_model_create(hg_context *ctx, const char *name, const char *yaml_text, uint64_t seed, hg_model **out)
{
    hg_status status = HG_OK;
    hg_model *m = NULL;
    HG_CHECK(name && yaml_text && out, HG_ERR_ARG, "model: name, text and out must not be NULL");
    HG_TRY(hg_alloc(ctx, &m, 1));
    HG_TRY(hg_copy_string(ctx, yaml_text, &m->yaml));
    HG_TRY(hg_description_read(ctx, name, yaml_text, &m->description));
    for (int i = 0; i < m->description.n_networks; ++i) HG_TRY(add_network_tensors(ctx, m, i));
    HG_TRY(hg_alloc(ctx, &m->parameters, m->n_parameters));
    initialise(m, seed);
    *out = m;
    m = NULL;
done:
    hg_model_destroy(ctx, m);
    return status;
}

void hg_model_destroy(hg_context *ctx, hg_model *m)
{
    if (!m) return;
    for (int64_t i = 0; i < m->n_tensors; ++i) hg_free(ctx, (void *)(uintptr_t)m->tensor[i].name);
    for (int64_t i = 0; i < m->n_metadata; ++i) {
        hg_free(ctx, m->metadata[i].key);
        hg_free(ctx, m->metadata[i].value);
    }
    hg_description_clear(ctx, &m->description);
    hg_free(ctx, m->tensor);
    hg_free(ctx, m->tensor_network);
    hg_free(ctx, m->parameters);
    hg_free(ctx, m->metadata);
    hg_free(ctx, m->yaml);
    hg_free(ctx, m);
}

hg_model_widths hg_model_get_widths(const hg_model *m)
{
    const hg_description *d = &m->description;
    int64_t out[HG_ENTITIES];
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        int value = d->output[d->n_outputs - 1].value[entity];
        out[entity] = value < 0 ? 0 : d->value[value].width;
    }
    return (hg_model_widths){d->width[HG_NODES], d->width[HG_EDGES], d->width[HG_GLOBALS], out[HG_NODES], out[HG_EDGES], out[HG_GLOBALS]};
}

int64_t hg_model_n_tensors(const hg_model *m)
{
    return m->n_tensors;
}

int64_t hg_model_n_parameters(const hg_model *m)
{
    return m->n_parameters;
}

hg_tensor hg_model_tensor(const hg_model *m, int64_t i)
{
    return m->tensor[i];
}

hg_real *hg_model_parameters(hg_model *m)
{
    return m->parameters;
}

void hg_model_take_statistics(hg_model *m, hg_real *gradient)
{
    static const hg_real momentum = (hg_real)0.1; /* PyTorch's */
    for (int64_t t = 0; t < m->n_tensors; ++t) {
        const hg_tensor *tensor = &m->tensor[t];
        for (int64_t i = tensor->offset; tensor->statistic && i < tensor->offset + tensor->size; ++i) {
            m->parameters[i] += momentum * (gradient[i] - m->parameters[i]);
            gradient[i] = 0;
        }
    }
}

const char *hg_model_yaml(const hg_model *m)
{
    return m->yaml;
}

const char *hg_model_metadata(const hg_model *m, const char *key)
{
    for (int64_t i = 0; i < m->n_metadata; ++i) {
        if (!strcmp(m->metadata[i].key, key)) return m->metadata[i].value;
    }
    return NULL;
}

hg_status hg_model_set_metadata(hg_context *ctx, hg_model *m, const char *key, const char *value)
{
    hg_status status = HG_OK;
    char *new_key = NULL, *new_value = NULL;
    HG_TRY(hg_copy_string(ctx, value, &new_value));
    for (int64_t i = 0; i < m->n_metadata; ++i) {
        if (strcmp(m->metadata[i].key, key) != 0) continue;
        hg_free(ctx, m->metadata[i].value);
        m->metadata[i].value = new_value;
        new_value = NULL;
        goto done;
    }
    HG_TRY(hg_copy_string(ctx, key, &new_key));
    HG_TRY(hg_grow(ctx, &m->metadata, m->n_metadata, m->n_metadata + 1));
    m->metadata[m->n_metadata++] = (hg_metadata){new_key, new_value};
    new_key = new_value = NULL;
done:
    hg_free(ctx, new_key);
    hg_free(ctx, new_value);
    return status;
}
