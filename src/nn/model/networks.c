/* nn/model/networks.c — reads the list of networks: names, copies, layers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "nn/model/reader.h"

enum { NAME_SIZE = 256, WIDTHS_MAX = HG_MAX_LAYERS / 2 - 1 }; /* each width may bring a dropout, and one norm may follow */

static const char *const norm_words[] = {"none", "layer", "layer affine", "batch", "batch running", NULL};
static const char *const initial_words[] = {"default", "xavier", "kaiming", "sonnet", NULL};
static const char *const network_keys[] = {
    "name", "copies",  "widths", "activation", "norm",  "norm_eps", "output_norm", "final_norm",     "output_activation",
    "bias", "initial", "index",  "linear",     "typed", "groups",   "dropout",     "output_dropout", NULL};
static const char *const group_keys[] = {"copies", "networks", NULL};

static hg_status read_word(hg_context *ctx, const hg_yaml *map, const char *key, const char *const *words, int *out)
{
    const hg_yaml *node = hg_yaml_get(map, key);
    return node ? hg_yaml_word(ctx, node, words, out) : HG_OK;
}

/* Norms and activations of one network: those of hidden layers, of the output layer, and a norm after everything. */
typedef struct layer_words {
    int activation, norm, output_activation, output_norm, final_norm, initial;
    double eps, dropout, output_dropout;
    int64_t groups;
} layer_words;

static hg_status read_words(hg_context *ctx, const hg_yaml *map, layer_words *w)
{
    hg_status status = HG_OK;
    *w = (layer_words){.eps = 1e-5, .groups = 1};
    HG_TRY(read_word(ctx, map, "activation", hg_activation_words, &w->activation));
    HG_TRY(read_word(ctx, map, "norm", norm_words, &w->norm));
    HG_TRY(read_word(ctx, map, "output_activation", hg_activation_words, &w->output_activation));
    HG_TRY(read_word(ctx, map, "output_norm", norm_words, &w->output_norm));
    HG_TRY(read_word(ctx, map, "final_norm", norm_words, &w->final_norm));
    HG_TRY(read_word(ctx, map, "initial", initial_words, &w->initial));
    if (hg_yaml_get(map, "norm_eps")) HG_TRY(hg_yaml_number(ctx, hg_yaml_get(map, "norm_eps"), 1e-12, 1, &w->eps));
    if (hg_yaml_get(map, "groups")) HG_TRY(hg_yaml_int(ctx, hg_yaml_get(map, "groups"), 1, HG_MAX_WIDTH, &w->groups));
    if (hg_yaml_get(map, "dropout")) HG_TRY(hg_yaml_number(ctx, hg_yaml_get(map, "dropout"), 0, 0.999, &w->dropout));
    if (hg_yaml_get(map, "output_dropout")) HG_TRY(hg_yaml_number(ctx, hg_yaml_get(map, "output_dropout"), 0, 0.999, &w->output_dropout));
done:
    return status;
}

/* The layer reads what the one before gives; without weights it keeps the width. */
static void add_layer(hg_network *net, hg_mlp_layer layer)
{
    layer.in = net->out;
    if (!layer.linear && net->n_layers > 0) layer.out = layer.in;
    net->layer[net->n_layers++] = layer;
    net->out = layer.out;
}

static hg_status read_layers(hg_context *ctx, const hg_yaml *map, hg_network *net)
{
    hg_status status = HG_OK;
    layer_words w;
    const hg_yaml *widths = hg_yaml_get(map, "widths");
    if (!widths) {
        status = hg_yaml_fail(ctx, map, "network without key 'widths': expected the list of its layers' widths");
        goto done;
    }
    HG_TRY(hg_yaml_expect(ctx, widths, HG_YAML_SEQUENCE));
    if (widths->n < 1 || widths->n > WIDTHS_MAX) {
        status = hg_yaml_fail(ctx, widths, "found %" PRId64 " widths, expected 1 .. %d", widths->n, WIDTHS_MAX);
        goto done;
    }
    HG_TRY(read_words(ctx, map, &w));
    net->initial = (hg_initial)w.initial;
    net->bias = true;
    if (hg_yaml_get(map, "bias")) HG_TRY(hg_yaml_bool(ctx, hg_yaml_get(map, "bias"), &net->bias));
    bool numbered = true;
    if (hg_yaml_get(map, "index")) HG_TRY(hg_yaml_bool(ctx, hg_yaml_get(map, "index"), &numbered));
    net->unnumbered = !numbered;
    bool linear = true;
    if (hg_yaml_get(map, "linear")) HG_TRY(hg_yaml_bool(ctx, hg_yaml_get(map, "linear"), &linear));
    if (hg_yaml_get(map, "typed")) HG_TRY(hg_yaml_bool(ctx, hg_yaml_get(map, "typed"), &net->typed));
    for (int64_t l = 0; l < widths->n; ++l) {
        bool last = l == widths->n - 1;
        hg_mlp_layer layer = {.linear = linear, .eps = w.eps, .groups = w.groups};
        HG_TRY(hg_yaml_int(ctx, widths->child[l], 1, HG_MAX_WIDTH, &layer.out));
        if (layer.out % w.groups != 0 || (net->typed && w.groups > 1)) {
            status = hg_yaml_fail(ctx, widths->child[l],
                                  net->typed ? "groups do not go with typed: true"
                                             : "%" PRId64 " columns do not fall into %" PRId64 " equal groups",
                                  layer.out, w.groups);
            goto done;
        }
        layer.norm = (hg_norm)(last ? w.output_norm : w.norm);
        layer.activation = (hg_activation)(last ? w.output_activation : w.activation);
        add_layer(net, layer);
        double dropout = last ? w.output_dropout : w.dropout;
        if (dropout > 0) add_layer(net, (hg_mlp_layer){.dropout = dropout});
    }
    if (!linear && (widths->n > 1 || net->typed || w.groups > 1)) {
        status = hg_yaml_fail(ctx, map, "linear: false is for networks of one layer without typed or groups");
        goto done;
    }
    if (net->unnumbered && (widths->n > 1 || (linear && w.output_norm > HG_NORM_LAYER) || w.final_norm > HG_NORM_LAYER)) {
        status = hg_yaml_fail(ctx, map, "index: false is for networks of one layer without norms that have tensors");
        goto done;
    }
    if (w.final_norm) add_layer(net, (hg_mlp_layer){.eps = w.eps, .norm = (hg_norm)w.final_norm});
    for (int l = 0; l < net->n_layers; ++l) net->batch_norm = net->batch_norm || hg_norm_is_batch(net->layer[l].norm);
done:
    return status;
}

static hg_status add_network(hg_context *ctx, const hg_yaml *map, int64_t copy, hg_description *out)
{
    hg_status status = HG_OK;
    char name[NAME_SIZE];
    const hg_yaml *node = hg_yaml_get(map, "name");
    if (!node) {
        status = hg_yaml_fail(ctx, map, "network without key 'name'");
        goto done;
    }
    HG_TRY(hg_yaml_expect(ctx, node, HG_YAML_SCALAR));
    HG_TRY(hg_substitute(ctx, node, "copy", copy, name, sizeof name));
    for (int i = 0; i < out->n_networks; ++i) {
        if (!strcmp(out->network[i].name, name)) {
            status = hg_yaml_fail(ctx, node, "network \"%s\" stands twice%s", name, copy >= 0 ? "; write {copy} into the name" : "");
            goto done;
        }
    }
    if (out->n_networks == HG_MAX_NETWORKS) {
        status = hg_yaml_fail(ctx, map, "more than %d networks", HG_MAX_NETWORKS);
        goto done;
    }
    HG_TRY(hg_grow(ctx, &out->network, out->n_networks, out->n_networks + 1));
    hg_network *net = &out->network[out->n_networks++];
    net->line = map->line;
    net->column = map->column;
    HG_TRY(hg_copy_string(ctx, name, &net->name));
    HG_TRY(read_layers(ctx, map, net));
done:
    return status;
}

static hg_status read_copies(hg_context *ctx, const hg_yaml *map, int64_t *copies)
{
    const hg_yaml *node = hg_yaml_get(map, "copies");
    *copies = 0;
    return node ? hg_yaml_int(ctx, node, 1, HG_MAX_NETWORKS, copies) : HG_OK;
}

/* An item is one network, copies of one network, or copies of a group of networks. */
static hg_status read_item(hg_context *ctx, const hg_yaml *item, hg_description *out)
{
    hg_status status = HG_OK;
    int64_t copies;
    HG_TRY(hg_yaml_expect(ctx, item, HG_YAML_MAP));
    const hg_yaml *group = hg_yaml_get(item, "networks");
    HG_TRY(hg_yaml_known_keys(ctx, item, group ? group_keys : network_keys));
    HG_TRY(read_copies(ctx, item, &copies));
    if (group) HG_TRY(hg_yaml_expect(ctx, group, HG_YAML_SEQUENCE));
    for (int64_t copy = copies ? 0 : -1; copy < copies; ++copy) {
        if (!group) HG_TRY(add_network(ctx, item, copy, out));
        for (int64_t i = 0; group && i < group->n; ++i) {
            HG_TRY(hg_yaml_expect(ctx, group->child[i], HG_YAML_MAP));
            HG_TRY(hg_yaml_known_keys(ctx, group->child[i], network_keys));
            if (hg_yaml_get(group->child[i], "copies")) {
                status = hg_yaml_fail(ctx, hg_yaml_get(group->child[i], "copies"), "copies inside a group of copies");
                goto done;
            }
            HG_TRY(add_network(ctx, group->child[i], copy, out));
        }
        if (copy < 0) break;
    }
done:
    return status;
}

hg_status hg_networks_read(hg_context *ctx, const hg_yaml *sequence, hg_description *out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_yaml_expect(ctx, sequence, HG_YAML_SEQUENCE));
    for (int64_t i = 0; i < sequence->n; ++i) HG_TRY(read_item(ctx, sequence->child[i], out));
done:
    return status;
}
