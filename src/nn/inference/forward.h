/* nn/inference/forward.h — checks and outputs that evaluation and gradient share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FORWARD_H
#define HG_NN_FORWARD_H

#include "nn/run/run.h"

/* HG_ERR_NUMERIC naming row and column unless every number of the tables of one output is finite (view[entity] where the mark has one);
 * blames the attributes where they are not finite. */
hg_status hg_check_views(hg_run *run, const hg_output_mark *mark, const hg_view view[HG_ENTITIES]);
/* The same for the run's own tables. */
hg_status hg_check_output(hg_run *run, const hg_output_mark *mark);
hg_real *hg_output_array(const hg_outputs *out, int entity);
/* As hg_model_forward, by the plain path that knows every configuration and that the fused path is tested against. */
hg_status hg_model_forward_reference(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out);

/* The most bytes that hg_model_forward will have allocated at one time, beyond the batch and the outputs, on a graph of such size with the
 * context's threads: exact to a few percent for models whose updates all run fused on the edges of the batch; tables of levels and of
 * searched edges are not counted. Errors: HG_ERR_NOMEM, HG_ERR_ARG (kernels). */
hg_status hg_plan_bytes(hg_context *ctx, const hg_model *model, int64_t n_nodes, int64_t n_edges, int64_t n_graphs, int64_t *bytes);

#endif
