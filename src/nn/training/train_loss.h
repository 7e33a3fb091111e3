/* nn/training/train_loss.h — the loss of one sample, shared by training steps and evaluation. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TRAIN_LOSS_H
#define HG_NN_TRAIN_LOSS_H

#include "hitgraph/train.h"

/* Number of classified elements of a sample: its edges, nodes or graphs. */
int64_t hg_train_elements(const hg_train_options *options, const hg_batch *batch);

/* The array of *outputs that is classified. */
hg_real **hg_train_output(const hg_train_options *options, hg_outputs *outputs);

/* Loss of n logits against the sample's labels and weights; gradient [n] or NULL. */
hg_status hg_train_sample_loss(hg_context *ctx, const hg_train_options *options, const hg_sample *sample, int64_t n, const hg_real *logit,
                               double *loss, hg_real *gradient);

/* Numbers that the model gives per classified element. */
int64_t hg_train_width(const hg_train_options *options, const hg_model *model);

/* HG_ERR_MODEL unless the model gives one number per classified element; any number where the set has its own loss. */
hg_status hg_train_check_model(hg_context *ctx, const hg_train_options *options, const hg_model *model, const hg_sample_set *set);

#endif
