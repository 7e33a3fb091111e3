/* nn/training/train_state.h — everything that decides how training goes on: what a checkpoint holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TRAIN_STATE_H
#define HG_NN_TRAIN_STATE_H

#include "hitgraph/optimiser.h"
#include "hitgraph/train.h"

typedef struct hg_train_state {
    int64_t epoch;   /* completed epochs */
    int64_t cursor;  /* samples of the current epoch that went into steps */
    int64_t step;    /* optimiser steps */
    double loss_sum; /* of those samples */
    double best_metric;
    int64_t bad_epochs; /* since the best one */
    hg_epoch best;
    int64_t seed;
    uint64_t dataset_hash;
    int64_t n_samples;
    hg_schedule schedule;
    hg_optimiser *optimiser; /* owned */
    hg_real *best_weights;   /* [n_parameters] owned */
} hg_train_state;

/* Writes DIR/checkpoint.safetensors, keeping the one before as DIR/checkpoint.previous.safetensors. */
hg_status hg_checkpoint_write(hg_context *ctx, const char *directory, hg_model *model, hg_train_state *state);

/* Fills state and the model's weights from the newest good checkpoint; both untouched on error. *found = false when there is no checkpoint.
 * A damaged newest one is told as a warning and the one before is taken. HG_ERR_MODEL: of another model, optimiser or data set. */
hg_status hg_checkpoint_read(hg_context *ctx, const char *directory, hg_model *model, hg_train_state *state, bool *found);

#endif
