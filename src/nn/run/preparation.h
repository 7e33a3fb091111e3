/* nn/run/preparation.h — begins and ends one evaluation of a model on a batch. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_PREPARATION_H
#define HG_NN_PREPARATION_H

#include "nn/run/run.h"

/* Checks the batch against the model and prepares a run; end it with hg_run_clear, also after an error. pool: NULL = one of its own. */
hg_status hg_run_begin(hg_context *ctx, const hg_model *model, const hg_batch *batch, bool training, hg_pool *pool, hg_run *run);
/* Packs the weights of one network for the reference path, unless that was done; network -1: nothing. */
hg_status hg_run_pack(hg_run *run, int network);
void hg_run_clear(hg_run *run);

#endif
