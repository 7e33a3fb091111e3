/* nn/backward/gradient_work.h — the memory that a gradient needs on a graph of given size. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_GRADIENT_WORK_H
#define HG_NN_GRADIENT_WORK_H

#include "nn/model/work.h"

/* hg_model_gradient_bytes for a graph of this size, whose edges are drawn up for it. Errors: those of that function; HG_ERR_LIMIT more
 * than 2^31 - 1 nodes. */
hg_status hg_work_gradient_bytes(hg_context *ctx, const hg_model *model, const hg_work_size *size, int64_t checkpoint_every, size_t *bytes);

#endif
