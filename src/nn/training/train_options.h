/* nn/training/train_options.h — the settings of training as a table of options, and what they mean to optimiser and schedule. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TRAIN_OPTIONS_H
#define HG_NN_TRAIN_OPTIONS_H

#include "base/config.h"
#include "hitgraph/optimiser.h"
#include "hitgraph/train.h"

/* Rows "train.*" with offsets inside hg_train_options, ended by name == NULL. A larger structure that holds hg_train_options copies the
 * rows and adds its own offset. */
extern const hg_option hg_train_option_table[];

/* HG_ERR_CONFIG names the setting. n_samples: of the training set, for schedules that span the whole training. */
hg_status hg_train_optimiser(hg_context *ctx, const hg_train_options *options, hg_optimiser_options *out);
hg_status hg_train_schedule(hg_context *ctx, const hg_train_options *options, int64_t n_samples, hg_schedule *out);

#endif
