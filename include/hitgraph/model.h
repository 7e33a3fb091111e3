/* hitgraph/model.h — graph networks as data: a YAML description plus weights. One block, every model a configuration of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MODEL_H
#define HITGRAPH_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque: description and parameters. Read-only during forward, so threads may share it. */
typedef struct hg_model hg_model;

/** Coarser nodes of the same graphs, for example cells that hold the cells of the level below. All borrowed. */
typedef struct hg_level {
    const hg_graph *graph;    /* nodes of this level, and the edges among them (there may be none) */
    const int32_t *edge_type; /* [graph->n_edges] 0 .. types - 1; NULL where the model has no edge types */
    const hg_graph *pool;     /* bipartite: nodes of the level below -> nodes of this level; NULL when the model does not use it */
    const int32_t *pool_type; /* [pool->n_edges] 0 .. pool types - 1; NULL where the model has none */
} hg_level;

/** A batch of graphs with attributes. All arrays are borrowed, row-major, in the order of the graph's (sorted) edges. */
typedef struct hg_batch {
    const hg_graph *graph;
    const hg_real *nodes;     /* [n_nodes, node width] or NULL when the width is 0 */
    const hg_real *edges;     /* [n_edges, edge width] or NULL when the width is 0 */
    const hg_real *globals;   /* [n_graphs, global width] or NULL when the width is 0 */
    const int32_t *edge_type; /* [n_edges] 0 .. types - 1; NULL where the model has no edge types */
    const hg_level *level;    /* [n_levels] level 1, 2, ...; NULL when the model has none */
    int64_t n_levels;
    uint64_t draw; /* names the dropout masks of hg_model_gradient: another number, other masks; nothing else depends on it */
} hg_batch;

/** What a model gives. Arrays are owned by the caller; NULL = not wanted. */
typedef struct hg_outputs {
    hg_real *nodes;   /* [n_nodes, node output width] */
    hg_real *edges;   /* [n_edges, edge output width]; for classifiers width 1 */
    hg_real *globals; /* [n_graphs, global output width] */
} hg_outputs;

typedef struct hg_model_widths {
    int64_t node_in, edge_in, global_in;    /* attributes that the model reads; 0 = none */
    int64_t node_out, edge_out, global_out; /* outputs; 0 = none */
} hg_model_widths;

/** Builds a model from YAML text (see src/nn/model.md for the language) with initial weights drawn from (seed, tensor, element).
 *  @param name used in messages. @param out owned by the caller; untouched on error. @return HG_OK, HG_ERR_CONFIG, HG_ERR_NOMEM,
 * HG_ERR_LIMIT. */
HG_API hg_status hg_model_create(hg_context *ctx, const char *name, const char *yaml_text, uint64_t seed, hg_model **out);
/** Frees a model; NULL is fine. */
HG_API void hg_model_destroy(hg_context *ctx, hg_model *model);

/** Reads DIR/model.yaml and DIR/weights.safetensors. Missing, surplus or wrongly shaped tensors are HG_ERR_MODEL and name the tensor. */
HG_API hg_status hg_model_load(hg_context *ctx, const char *directory, hg_model **out);

/** Opens a directory as hg_model_load does, or a description FILE.yaml alone, with initial weights drawn from the seed. */
HG_API hg_status hg_model_open(hg_context *ctx, const char *path, uint64_t seed, hg_model **out);
/** Writes DIR/model.yaml and DIR/weights.safetensors, each whole or not at all. */
HG_API hg_status hg_model_save(hg_context *ctx, const hg_model *model, const char *directory);

/** The widths of its inputs and outputs. Threads: reentrant. */
HG_API hg_model_widths hg_model_get_widths(const hg_model *model);

/** Parameters as tensors, in state order: weight then bias of each module, modules in the order of the description. */
HG_API int64_t hg_model_n_tensors(const hg_model *model);
HG_API int64_t hg_model_n_parameters(const hg_model *model);
typedef struct hg_tensor {
    const char *name; /* PyTorch-style, borrowed */
    int64_t shape[3];
    int rank;
    int64_t offset, size; /* elements inside the flat parameter array */
    bool statistic;       /* running mean or variance of a batch norm: no optimiser touches it, see hg_model_take_statistics */
} hg_tensor;
HG_API hg_tensor hg_model_tensor(const hg_model *model, int64_t i);
/** The flat parameter array [n_parameters]; the caller may change it between calls. */
HG_API hg_real *hg_model_parameters(hg_model *model);
/** The description as given, and free-form key=value metadata (seed, data, command) stored with the weights. Borrowed. */
HG_API const char *hg_model_yaml(const hg_model *model);
HG_API hg_status hg_model_set_metadata(hg_context *ctx, hg_model *model, const char *key, const char *value);
/** NULL when the key is not there. */
HG_API const char *hg_model_metadata(const hg_model *model, const char *key);

/** Evaluates the model. Outputs are what the description says (logits for classifiers).
 *  @return HG_OK; HG_ERR_ARG widths that do not fit (message: found and expected); HG_ERR_NUMERIC a non-finite output (message: where);
 * HG_ERR_NOMEM; the outputs are untouched on error. The context keeps the memory of the tables for the next call.
 *  Threads: uses the context's; the same bits for any number. */
HG_API hg_status hg_model_forward(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out);

/** A loss seen by the gradient: called once with the outputs of the model at one step (or the last step only, if the description
 *  says so); writes the loss and the gradient with respect to each output (arrays of the same shapes, zeroed before the call). */
typedef hg_status hg_loss_fn(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss);

/** Forward and exact backward.
 *  @param gradient [n_parameters] overwritten. @param input_gradient NULL, or arrays (NULL = not wanted) for the gradient of the
 * attributes.
 *  @param used NULL, or [n_tensors]: 1 where the tensor took part (the others get no optimiser step).
 *  Threads: uses the context's; the same bits for any number. */
HG_API hg_status hg_model_gradient(hg_context *ctx, const hg_model *model, const hg_batch *batch, hg_loss_fn *loss_fn, void *user,
                                   double *loss, hg_real *gradient, const hg_outputs *input_gradient, uint8_t *used);

/** Batch norms with running statistics: after hg_model_gradient, `gradient` holds at their tensors the mean and the (unbiased) variance of
 *  this batch instead of a gradient. This call moves them into the model, running = 0.9 running + 0.1 batch, and leaves zeros. Gradients of
 *  several batches may be averaged before. To be called before every optimiser step; does nothing for other models. */
HG_API void hg_model_take_statistics(hg_model *model, hg_real *gradient);

/** Memory that successive gradients reuse, so that training does not ask the system for it again at every step. Used by one call at a
 *  time. */
typedef struct hg_workspace hg_workspace;
HG_API hg_status hg_workspace_create(hg_context *ctx, hg_workspace **out);
/** NULL is fine. */
HG_API void hg_workspace_destroy(hg_context *ctx, hg_workspace *workspace);

/** What a gradient keeps of its forward pass; the rest it computes again. All choices give the same bits. Zeroed = defaults. */
typedef struct hg_gradient_options {
    /** 0: everything. k >= 1: the tables of every k-th update of edges that reads edges (k = 1: every step of a recurrent network), all
     *  tables of nodes and graphs, no sums. HG_CHECKPOINT_NONE: no table of edges; time grows with the square of the steps. */
    int64_t checkpoint_every;
    hg_workspace *workspace; /**< borrowed; NULL = memory is freed at the end */
} hg_gradient_options;
enum { HG_CHECKPOINT_NONE = -1 };

/** hg_model_gradient with options (NULL = defaults). HG_ERR_LIMIT before any work where the memory limit does not suffice (message: bytes
 *  needed and allowed). */
HG_API hg_status hg_model_gradient_with(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options,
                                        hg_loss_fn *loss_fn, void *user, double *loss, hg_real *gradient, const hg_outputs *input_gradient,
                                        uint8_t *used);

/** The most bytes that such a gradient (without that of the inputs) holds at one time, on top of graph, batch, model and what the loss
 *  function allocates. @param bytes untouched on error. Cost: a walk over the model's updates, no arithmetic on tables; of the
 *  batch only the graphs and the types are read. */
HG_API hg_status hg_model_gradient_bytes(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_gradient_options *options,
                                         size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
