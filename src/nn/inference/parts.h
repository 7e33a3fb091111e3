/* nn/inference/parts.h — a batch of many graphs, evaluated some graphs at a time by every thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_PARTS_H
#define HG_NN_PARTS_H

#include "nn/model/model.h"

/* True where the batch can be cut between its graphs and is large enough for it. */
bool hg_parts_are_possible(const hg_model *model, const hg_batch *batch);
/* As hg_model_forward where parts are possible; messages of a part count its rows, not those of the batch. */
hg_status hg_forward_in_parts(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_outputs *out);

#endif
