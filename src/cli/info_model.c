/* cli/info_model.c — shapes, parameters and cost of a model. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/info_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/roofline.h"
#include "nn/backward/gradient_work.h"
#include "nn/model/work.h"

enum { ARITHMETICS = 3, CHECKPOINTS = 3, EDGES_PLANNED = 50000000 };
static const int64_t checkpoint_every[CHECKPOINTS] = {0, 1, HG_CHECKPOINT_NONE};
static const char *const checkpoint_names[CHECKPOINTS] = {"all tables stored", "edges of every step", "no edges"};
static const char *const checkpoint_keys[CHECKPOINTS] = {"memory_bytes_all", "memory_bytes_every_step", "memory_bytes_no_edges"};
static const char *const pass_names[HG_WORK_PASSES] = {"inference", "training step"};
static const char *const pass_keys[HG_WORK_PASSES] = {"inference", "training"};

/* One way to multiply, and how many bytes the numbers that it stores take. */
typedef struct arithmetic {
    const char *name, *key;
    double flops; /* per second; 0 = this CPU has none */
    double number_bytes;
} arithmetic;

/* Everything that is told of the cost. */
typedef struct cost {
    int threads;
    hg_roofline roof;
    arithmetic arithmetic[ARITHMETICS];
    hg_work work[ARITHMETICS][HG_WORK_PASSES];
    double bytes[ARITHMETICS][HG_WORK_PASSES]; /* memory that the budget allows */
    double gradient_bytes[CHECKPOINTS];        /* memory that training takes; 0 = not known */
} cost;

static hg_status find_cost(hg_context *ctx, const hg_model *model, const hg_cli_model_flags *flags, cost *out)
{
    hg_status status = HG_OK;
    HG_CHECK(flags->nodes >= 0 && flags->edges >= 0 && flags->graphs >= 1, HG_ERR_ARG,
             "--nodes %" PRId64 ", --edges %" PRId64 ", --graphs %" PRId64 ": expected 0, 0, 1 or more", flags->nodes, flags->edges,
             flags->graphs);
    out->threads = hg_context_threads(ctx);
    HG_TRY(hg_roofline_measure(ctx, out->threads, &out->roof));
    const arithmetic list[ARITHMETICS] = {{"fp32", "fp32", out->roof.flops, 4},
                                          {"bf16 vectors", "bf16", out->roof.bf16_flops, 2},
                                          {"bf16 tiles", "bf16_tiles", out->roof.tile_flops, 2}};
    memcpy(out->arithmetic, list, sizeof list);
    for (int k = 0; k < ARITHMETICS; ++k) {
        const hg_work_size size = {flags->nodes, flags->edges, flags->graphs, (double)hg_last_cache_bytes(), list[k].number_bytes};
        hg_work_count(model, &size, out->work[k]);
        out->bytes[k][HG_WORK_FORWARD] = hg_work_inference_bytes(model, &size);
        out->bytes[k][HG_WORK_TRAINING] = hg_work_training_bytes(model, &size);
    }
    const hg_work_size size = {flags->nodes, flags->edges, flags->graphs, 0, sizeof(hg_real)};
    /* the levels above a graph have sizes of their own, and a plan needs the graph */
    for (int k = 0; k < CHECKPOINTS && model->description.n_levels == 0 && flags->edges <= EDGES_PLANNED; ++k) {
        size_t bytes = 0;
        HG_TRY(hg_work_gradient_bytes(ctx, model, &size, checkpoint_every[k], &bytes));
        out->gradient_bytes[k] = (double)bytes;
    }
done:
    return status;
}

/* ---- as text ---- */

static void print_networks(const hg_model *model)
{
    const hg_description *d = &model->description;
    printf("networks\n");
    for (int i = 0; i < d->n_networks; ++i) {
        const hg_network *net = &d->network[i];
        int64_t parameters = 0;
        for (int64_t t = 0; t < model->n_tensors; ++t) parameters += model->tensor_network[t] == i ? model->tensor[t].size : 0;
        printf("  %-32s %8" PRId64 " parameters  %" PRId64, net->name, parameters, net->layer[0].in);
        for (int l = 0; l < net->n_layers; ++l) {
            const hg_mlp_layer *layer = &net->layer[l];
            if (layer->linear) printf(" -> %" PRId64, layer->out);
            if (layer->norm != HG_NORM_NONE) printf(" %s", hg_norm_is_batch(layer->norm) ? "batch norm" : "layer norm");
            if (layer->activation != HG_ACTIVATION_NONE) printf(" %s", hg_activation_words[layer->activation]);
        }
        printf("\n");
    }
}

static void print_tensors(const hg_model *model)
{
    printf("tensors\n");
    for (int64_t i = 0; i < hg_model_n_tensors(model); ++i) {
        const hg_tensor tensor = hg_model_tensor(model, i);
        printf("  %-36s %8" PRId64 "  [", tensor.name, tensor.size);
        for (int k = 0; k < tensor.rank; ++k) printf("%s%" PRId64, k ? ", " : "", tensor.shape[k]);
        printf("]\n");
    }
}

static void print_cost(const cost *c, const hg_cli_model_flags *flags)
{
    const double bandwidth = c->roof.bandwidth;
    printf("cost of %" PRId64 " nodes and %" PRId64 " edges; this machine, %d threads: %.1f GB/s\n", flags->nodes, flags->edges, c->threads,
           bandwidth * 1e-9);
    for (int pass = 0; pass < HG_WORK_PASSES; ++pass) {
        const hg_work *work = &c->work[0][pass];
        printf("  %s: %.1f GF with concatenated first layers, %.1f GF executed (first layers split)\n", pass_names[pass],
               work->nominal_flops * 1e-9, work->flops * 1e-9);
        for (int k = 0; k < ARITHMETICS; ++k) {
            const arithmetic *a = &c->arithmetic[k];
            if (a->flops <= 0) continue;
            work = &c->work[k][pass];
            const double compute = work->flops / a->flops, traffic = work->bytes / bandwidth;
            printf("    %-12s %7.1f GF/s  moves %6.2f GB  budget %7.1f MB  bound %.4f s by %s (arithmetic %.4f, traffic %.4f)\n", a->name,
                   a->flops * 1e-9, work->bytes * 1e-9, c->bytes[k][pass] * 1e-6, hg_work_bound(work, a->flops, bandwidth),
                   compute > traffic ? "arithmetic" : "traffic", compute, traffic);
        }
    }
    for (int k = 0; k < CHECKPOINTS && c->gradient_bytes[k] > 0; ++k)
        printf("%s%s %.1f MB%s", k == 0 ? "  training takes: " : ", ", checkpoint_names[k], c->gradient_bytes[k] * 1e-6,
               k + 1 == CHECKPOINTS ? "\n" : "");
}

static void print_text(const hg_model *model, const char *path, const cost *c, const hg_cli_model_flags *flags)
{
    const hg_model_widths w = hg_model_get_widths(model);
    printf("model %s\n  reads  %" PRId64 " node, %" PRId64 " edge, %" PRId64 " global features\n  gives  %" PRId64 " node, %" PRId64
           " edge, %" PRId64 " global numbers\n  %" PRId64 " parameters in %" PRId64 " tensors\n",
           path, w.node_in, w.edge_in, w.global_in, w.node_out, w.edge_out, w.global_out, hg_model_n_parameters(model),
           hg_model_n_tensors(model));
    static const char *const keys[] = {"command", "seed", "events"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; ++k) {
        const char *value = hg_model_metadata(model, keys[k]);
        if (value) printf("  %s: %s\n", keys[k], value);
    }
    print_networks(model);
    print_tensors(model);
    print_cost(c, flags);
}

/* ---- as JSON ---- */

static json_t *json_tensors(const hg_model *model)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < hg_model_n_tensors(model); ++i) {
        const hg_tensor tensor = hg_model_tensor(model, i);
        json_t *shape = json_array();
        for (int k = 0; k < tensor.rank; ++k) json_array_append_new(shape, json_integer(tensor.shape[k]));
        json_array_append_new(list, json_pack("{s:s, s:o, s:I}", "name", tensor.name, "shape", shape, "size", (json_int_t)tensor.size));
    }
    return list;
}

static json_t *json_pass(const cost *c, int pass)
{
    json_t *root = json_pack("{s:f, s:f}", "nominal_flops", c->work[0][pass].nominal_flops, "flops", c->work[0][pass].flops);
    for (int k = 0; k < ARITHMETICS; ++k) {
        const arithmetic *a = &c->arithmetic[k];
        const hg_work *work = &c->work[k][pass];
        if (a->flops <= 0) continue;
        json_object_set_new(root, a->key,
                            json_pack("{s:f, s:f, s:f, s:f, s:f}", "flops_per_second", a->flops, "bytes_fused", work->bytes, "budget_bytes",
                                      c->bytes[k][pass], "bound_compute_s", work->flops / a->flops, "bound_memory_s",
                                      work->bytes / c->roof.bandwidth));
    }
    for (int k = 0; pass == HG_WORK_TRAINING && k < CHECKPOINTS && c->gradient_bytes[k] > 0; ++k)
        json_object_set_new(root, checkpoint_keys[k], hg_json_number(c->gradient_bytes[k]));
    return root;
}

static hg_status print_json(hg_context *ctx, const hg_model *model, const char *path, const cost *c, const hg_cli_model_flags *flags)
{
    const hg_model_widths w = hg_model_get_widths(model);
    char *text = NULL;
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "model", path, "node_in", (json_int_t)w.node_in, "edge_in",
                             (json_int_t)w.edge_in, "global_in", (json_int_t)w.global_in, "node_out", (json_int_t)w.node_out, "edge_out",
                             (json_int_t)w.edge_out, "global_out", (json_int_t)w.global_out, "parameters",
                             (json_int_t)hg_model_n_parameters(model), "tensors", json_tensors(model));
    json_object_set_new(root, "cost",
                        json_pack("{s:I, s:I, s:I, s:i, s:f, s:o, s:o}", "nodes", (json_int_t)flags->nodes, "edges",
                                  (json_int_t)flags->edges, "graphs", (json_int_t)flags->graphs, "threads", c->threads, "bytes_per_second",
                                  c->roof.bandwidth, pass_keys[HG_WORK_FORWARD], json_pass(c, HG_WORK_FORWARD), pass_keys[HG_WORK_TRAINING],
                                  json_pass(c, HG_WORK_TRAINING)));
    const hg_status status = hg_json_print(ctx, root, &text);
    if (status >= 0) printf("%s\n", text);
    hg_free(ctx, text);
    json_decref(root);
    return status;
}

/* A file that is no description cannot be looked into as a directory. */
static hg_status check_kind(hg_context *ctx, const char *path)
{
    hg_status status = HG_OK;
    struct stat info;
    const char *end = strrchr(path, '.');
    const bool described = end && strcmp(end, ".yaml") == 0;
    HG_CHECK(described || stat(path, &info) != 0 || !S_ISREG(info.st_mode), HG_ERR_FORMAT,
             "%s: is neither a model (a directory, or a description .yaml) nor telescope events (HDF5 with pulses, SQLite .db, CSV)", path);
done:
    return status;
}

hg_status hg_cli_info_model(hg_cli *cli, const hg_cli_model_flags *flags)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];
    hg_model *model = NULL;
    cost c = {0};
    HG_TRY(hg_data_path(cli->ctx, cli->input[0], path));
    HG_TRY(check_kind(cli->ctx, path));
    HG_TRY(hg_model_open(cli->ctx, path, 1, &model));
    HG_TRY(find_cost(cli->ctx, model, flags, &c));
    if (cli->json)
        HG_TRY(print_json(cli->ctx, model, path, &c, flags));
    else
        print_text(model, path, &c, flags);
done:
    hg_model_destroy(cli->ctx, model);
    return status;
}
