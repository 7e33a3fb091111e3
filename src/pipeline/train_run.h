/* pipeline/train_run.h — the verb train: events with truth in, a trained network out. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRAIN_RUN_H
#define HG_PIPELINE_TRAIN_RUN_H

#include "hitgraph/train.h"
#include "pipeline/track_config.h"

/* Settings of a training: those of the main job (which graph is trained on) and of the loop. */
typedef struct hg_train_config {
    hg_track_config track;
    hg_train_options train;
    char architecture[HG_OPTION_TEXT_SIZE]; /* YAML description of the network */
    int64_t sections;                       /* sectors of azimuth that a training event is cut into */
} hg_train_config;

/* The rows of the main job's table, of the training table and "train.architecture", "train.sections", with offsets in hg_train_config.
 * *out owned by the caller (hg_free). */
hg_status hg_train_config_table(hg_context *ctx, hg_option **out);

typedef struct hg_train_run_options {
    const hg_train_config *config;
    bool triplets; /* false: the doublet network; true: the triplet network, on doublets kept by config->track.doublet_model */
    char *const *training, *const *validation;
    int n_training, n_validation;
    const char *directory; /* gets model.yaml and weights.safetensors */
    const char *command;   /* stored with the weights */
} hg_train_run_options;

/* Trains and saves the best weights. After an interruption the checkpoint (train.checkpoint_directory) can be resumed. */
hg_status hg_train_run(hg_context *ctx, const hg_train_run_options *options, hg_train_result *result);

#endif
