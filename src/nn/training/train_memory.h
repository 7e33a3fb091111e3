/* nn/training/train_memory.h — how much of the forward pass a training step keeps, so that it fits the memory limit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TRAIN_MEMORY_H
#define HG_NN_TRAIN_MEMORY_H

#include "hitgraph/train.h"

/* Options for the gradient of one batch: options->checkpoint_every, or where that is 0 the fastest choice that fits the memory limit.
 * bytes: NULL, or receives what it needs. HG_ERR_LIMIT where nothing fits. */
hg_status hg_train_checkpoints(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_train_options *options,
                               hg_workspace *workspace, hg_gradient_options *out, size_t *bytes);

#endif
