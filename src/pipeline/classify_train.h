/* pipeline/classify_train.h — training on telescope events: files with truth in, a model directory out. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_TRAIN_H
#define HG_PIPELINE_CLASSIFY_TRAIN_H

#include "hitgraph/pulse_files.h"
#include "pipeline/classify_config.h"

typedef struct hg_classify_train_options {
    const hg_classify_config *config;
    const hg_pulse_read_options *reading;
    char *const *training; /* [n_training] files */
    int n_training;
    char *const *validation; /* [n_validation] files; none = a share of the training events */
    int n_validation;
    const char *directory; /* of the model */
    const char *command;   /* stored with it */
} hg_classify_train_options;

/* HG_INFO_PARTIAL: some events of the files were left out; the model is there. */
hg_status hg_classify_train(hg_context *ctx, const hg_classify_train_options *options, hg_train_result *result);

#endif
