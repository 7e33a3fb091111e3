/* run_model.c — evaluates a model on a batch from files, with all gradients: the C side of tests/parity/parity.py. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: run_model DIR. Reads DIR/model.yaml, DIR/weights.safetensors and DIR/batch.safetensors (sender, receiver I32; node_ptr I64;
 * nodes, edges, globals; factor.nodes, factor.edges, factor.globals of the loss, the sum of factor * output). Writes the model to
 * DIR/saved and DIR/results.safetensors: output.*, gradient.* (attributes), weight.TENSOR (gradients). Edges are in the file's order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/model.h"
#include "nn/model/model_files.h"
#include "nn/model/safetensors.h"

static const char *const entities[] = {"nodes", "edges", "globals"};

/* Three arrays, of nodes, edges and globals: attributes, outputs or gradients. */
typedef struct tables {
    hg_real *of[3];
    int64_t rows[3], width[3];
} tables;

typedef struct problem {
    hg_model *model;
    hg_safetensors *file;
    hg_graph *graph;
    tables inputs, factors, outputs, input_gradients;
    hg_real *weights; /* gradient of the parameters */
} problem;

static hg_status make_tables(hg_context *ctx, const hg_graph *g, const int64_t width[3], tables *out)
{
    const int64_t rows[3] = {g->n_nodes, g->n_edges, g->n_graphs};
    hg_status status = HG_OK;
    for (int k = 0; k < 3; ++k) {
        out->rows[k] = rows[k];
        out->width[k] = width[k];
        if (width[k] > 0) HG_TRY(hg_alloc(ctx, &out->of[k], rows[k] * width[k]));
    }
done:
    return status;
}

/* Rows of the file's edges to sorted edges, or back. */
static hg_status reorder(hg_context *ctx, const hg_graph *g, hg_real *edges, int64_t width, bool to_sorted)
{
    hg_status status = HG_OK;
    hg_real *copy = NULL;
    HG_TRY(hg_alloc(ctx, &copy, g->n_edges * width));
    if (g->n_edges > 0) memcpy(copy, edges, (size_t)(g->n_edges * width) * sizeof *edges);
    for (int64_t e = 0; e < g->n_edges; ++e) {
        const int64_t c = g->caller_edge[e], from = to_sorted ? c : e, to = to_sorted ? e : c;
        memcpy(edges + to * width, copy + from * width, (size_t)width * sizeof *edges);
    }
done:
    hg_free(ctx, copy);
    return status;
}

static hg_status read_tables(hg_context *ctx, const problem *p, const char *prefix, tables *out)
{
    hg_status status = HG_OK;
    for (int k = 0; k < 3; ++k) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", prefix, entities[k]);
        if (out->width[k] == 0) continue;
        const hg_stored_tensor *found = hg_safetensors_find(p->file, name);
        HG_CHECK(found && found->size == out->rows[k] * out->width[k], HG_ERR_MODEL, "%s: no \"%s\" of %" PRId64 " x %" PRId64,
                 p->file->source, name, out->rows[k], out->width[k]);
        HG_TRY(hg_safetensors_get(ctx, p->file, found, out->of[k]));
        if (k == 1) HG_TRY(reorder(ctx, p->graph, out->of[k], out->width[k], true));
    }
done:
    return status;
}

static hg_status read_problem(hg_context *ctx, const char *directory, problem *p)
{
    hg_status status = HG_OK;
    char path[1024];
    int32_t *ends = NULL;
    int64_t *node_ptr = NULL;
    HG_TRY(hg_model_load(ctx, directory, &p->model));
    snprintf(path, sizeof path, "%s/batch.safetensors", directory);
    HG_TRY(hg_safetensors_read(ctx, path, &p->file));
    const hg_stored_tensor *sender = hg_safetensors_find(p->file, "sender"), *receiver = hg_safetensors_find(p->file, "receiver");
    const hg_stored_tensor *ptr = hg_safetensors_find(p->file, "node_ptr");
    HG_CHECK(sender && receiver && ptr && sender->size == receiver->size && ptr->size > 0, HG_ERR_FORMAT, "%s: no graph", path);
    HG_TRY(hg_alloc(ctx, &ends, 2 * sender->size));
    HG_TRY(hg_alloc(ctx, &node_ptr, ptr->size));
    memcpy(ends, sender->data, (size_t)sender->size * sizeof *ends);
    memcpy(ends + sender->size, receiver->data, (size_t)sender->size * sizeof *ends);
    memcpy(node_ptr, ptr->data, (size_t)ptr->size * sizeof *node_ptr);
    HG_TRY(hg_graph_create(ctx, node_ptr[ptr->size - 1], sender->size, ends, ends + sender->size, ptr->size - 1, node_ptr, &p->graph));
    const hg_model_widths w = hg_model_get_widths(p->model);
    const int64_t in[3] = {w.node_in, w.edge_in, w.global_in}, out[3] = {w.node_out, w.edge_out, w.global_out};
    HG_TRY(make_tables(ctx, p->graph, in, &p->inputs));
    HG_TRY(make_tables(ctx, p->graph, in, &p->input_gradients));
    HG_TRY(make_tables(ctx, p->graph, out, &p->factors));
    HG_TRY(make_tables(ctx, p->graph, out, &p->outputs));
    HG_TRY(hg_alloc(ctx, &p->weights, hg_model_n_parameters(p->model)));
    HG_TRY(read_tables(ctx, p, "", &p->inputs));
    HG_TRY(read_tables(ctx, p, "factor.", &p->factors));
done:
    hg_free(ctx, ends);
    hg_free(ctx, node_ptr);
    return status;
}

static hg_status factor_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    const problem *p = user;
    const hg_real *y[] = {out->nodes, out->edges, out->globals};
    hg_real *d[] = {gradient->nodes, gradient->edges, gradient->globals};
    (void)ctx;
    (void)batch;
    *loss = 0;
    for (int k = 0; k < 3; ++k) {
        for (int64_t i = 0; i < p->factors.rows[k] * p->factors.width[k]; ++i) {
            *loss += (double)(p->factors.of[k][i] * y[k][i]);
            d[k][i] = p->factors.of[k][i];
        }
    }
    return HG_OK;
}

static hg_status evaluate(hg_context *ctx, problem *p)
{
    hg_status status = HG_OK;
    double loss = 0;
    hg_real *const *in = p->inputs.of, *const *out = p->outputs.of, *const *back = p->input_gradients.of;
    const hg_batch batch = {.graph = p->graph, .nodes = in[0], .edges = in[1], .globals = in[2]};
    const hg_outputs inputs = {back[0], back[1], back[2]};
    HG_TRY(hg_model_forward(ctx, p->model, &batch, &(hg_outputs){out[0], out[1], out[2]}));
    HG_TRY(hg_model_gradient(ctx, p->model, &batch, factor_loss, p, &loss, p->weights, &inputs, NULL));
    if (out[1]) HG_TRY(reorder(ctx, p->graph, out[1], p->outputs.width[1], false));
    if (back[1]) HG_TRY(reorder(ctx, p->graph, back[1], p->inputs.width[1], false));
done:
    return status;
}

static hg_status write_results(hg_context *ctx, const char *directory, const problem *p)
{
    static const char *const names[2][3] = {{"output.nodes", "output.edges", "output.globals"},
                                            {"gradient.nodes", "gradient.edges", "gradient.globals"}};
    const tables *sets[2] = {&p->outputs, &p->input_gradients};
    hg_status status = HG_OK;
    char path[1024];
    hg_tensor_list weights = {0};
    hg_stored_tensor *all = NULL;
    HG_TRY(hg_tensor_list_add(ctx, &weights, p->model, "weight.", p->weights));
    HG_TRY(hg_alloc(ctx, &all, weights.n + 6));
    int64_t n = weights.n;
    memcpy(all, weights.tensor, (size_t)n * sizeof *all);
    for (int i = 0; i < 6; ++i) {
        const tables *t = sets[i / 3];
        const int k = i % 3;
        if (t->width[k] == 0) continue;
        all[n++] = (hg_stored_tensor){names[i / 3][k], HG_DTYPE_REAL, 2, {t->rows[k], t->width[k]}, t->rows[k] * t->width[k], t->of[k]};
    }
    snprintf(path, sizeof path, "%s/results.safetensors", directory);
    HG_TRY(hg_safetensors_write(ctx, path, n, all, 0, NULL));
    snprintf(path, sizeof path, "%s/saved", directory);
    HG_TRY(hg_model_save(ctx, p->model, path));
done:
    hg_tensor_list_clear(ctx, &weights);
    hg_free(ctx, all);
    return status;
}

static void clear(hg_context *ctx, problem *p)
{
    tables *const all[] = {&p->inputs, &p->factors, &p->outputs, &p->input_gradients};
    for (int i = 0; i < 12; ++i) hg_free(ctx, all[i / 3]->of[i % 3]);
    hg_free(ctx, p->weights);
    hg_graph_destroy(ctx, p->graph);
    hg_safetensors_destroy(ctx, p->file);
    hg_model_destroy(ctx, p->model);
}

int main(int argc, char **argv)
{
    hg_status status = HG_OK;
    hg_context *ctx = NULL;
    problem p = {0};
    if (argc != 2) return fprintf(stderr, "usage: run_model DIR\n"), 2;
    if (hg_context_create(&ctx) < 0) return 1;
    HG_TRY(read_problem(ctx, argv[1], &p));
    HG_TRY(evaluate(ctx, &p));
    HG_TRY(write_results(ctx, argv[1], &p));
done:
    if (status < 0) fprintf(stderr, "run_model: %s\n", hg_context_message(ctx));
    clear(ctx, &p);
    hg_context_destroy(ctx);
    return status < 0;
}
