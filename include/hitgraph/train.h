/* hitgraph/train.h — training of classifiers: samples in, best weights out, with checkpoints. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRAIN_H
#define HITGRAPH_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What one training step sees: graphs and the truth of each classified element (edge, node or graph, see hg_train_target).
 *  A set with a loss of its own reads `truth`; labels are then optional and serve the ranking by the first column of the output alone. */
typedef struct hg_sample {
    hg_batch batch;
    const uint8_t *label;  /* borrowed; [n] 0 or 1, in the order of the model's output */
    const hg_real *weight; /* borrowed; [n] >= 0, 0 = masked from loss and metrics; NULL = all 1 */
    const char *name;      /* borrowed; for messages, such as "event 21001, section 3"; NULL = none */
    void *truth;           /* borrowed; handed to the set's loss */
} hg_sample;

/** A set of samples 0 .. n - 1, at hand or built when asked for. Sample i must always be the same. */
typedef struct hg_sample_set {
    void *user; /* borrowed; handed back unchanged */
    int64_t n;
    /** Fills *out; its arrays must stay valid until `release`. One sample at a time is held. A negative status stops the training. */
    hg_status (*get)(hg_context *ctx, void *user, int64_t i, hg_sample *out);
    void (*release)(hg_context *ctx, void *user, int64_t i, hg_sample *sample); /* NULL = nothing to do */
    /** NULL, or called before the samples of an epoch (from 0) are got: what is in sample i may then be drawn anew from the epoch's number,
     *  by which a training that is continued finds it again. hg_train_plan sees the set as it is
     *  before. */
    hg_status (*begin_epoch)(hg_context *ctx, void *user, int64_t epoch);
    uint64_t hash; /* of the data, 0 = unknown; a checkpoint of other data is refused */
    /** NULL = the loss of the options on labels. Otherwise called with the sample's `truth` as user, on outputs of any width; in validation
     *  with a gradient of NULL arrays, which must then not be written. Only the kind of output that options.target names is there. */
    hg_loss_fn *loss;
} hg_sample_set;

typedef enum hg_train_target { HG_TRAIN_EDGES, HG_TRAIN_NODES, HG_TRAIN_GLOBALS } hg_train_target;
typedef enum hg_train_loss { HG_TRAIN_BCE, HG_TRAIN_FOCAL } hg_train_loss;
typedef enum hg_train_watch { HG_WATCH_LOSS, HG_WATCH_AUC } hg_train_watch;

enum { HG_TRAIN_TEXT_SIZE = 512 };

/** Settings; the words are ints so that a table of options can fill them. See hitgraph train --help for each. */
typedef struct hg_train_options {
    int64_t epochs, batch_graphs, seed;
    int target;    /* hg_train_target */
    int loss;      /* hg_train_loss */
    int reduction; /* hg_loss_reduction */
    double pos_weight, focal_alpha, focal_gamma;
    int optimiser; /* hg_optimiser_kind */
    double learning_rate, weight_decay, momentum, beta1, beta2, epsilon, clip;
    bool nesterov, amsgrad;
    int schedule;      /* hg_schedule_kind */
    int schedule_unit; /* 0 = epochs, 1 = optimiser steps */
    int64_t schedule_period, schedule_patience, warmup;
    double schedule_factor, schedule_start, schedule_floor, schedule_growth;
    char schedule_milestones[HG_TRAIN_TEXT_SIZE]; /* "5,10,15" */
    double threshold;                             /* probability at which efficiency and purity are given */
    int watch;                                    /* hg_train_watch */
    int64_t patience;
    double min_delta;
    char checkpoint_directory[HG_TRAIN_TEXT_SIZE]; /* "" = none */
    bool resume;
    int64_t checkpoint_every; /* of hg_gradient_options; 0 = the fastest choice that the memory limit allows */
} hg_train_options;
/** What a training runs with unless it is told otherwise: the defaults of the settings train.*. */
HG_API hg_train_options hg_train_default_options(void);

/** Figures of one epoch. Validation figures are NaN without a validation set; auc also when only one class is there. Losses are means over
 *  samples; auc, efficiency and purity count every element with weight > 0 once. */
typedef struct hg_epoch {
    int64_t epoch; /* from 1 */
    int64_t steps; /* optimiser steps so far */
    double loss, validation_loss, auc, efficiency, purity, learning_rate;
    bool best; /* the best epoch so far by the watched figure */
} hg_epoch;

typedef struct hg_train_result {
    int64_t epochs;     /* done, those before a resume included */
    hg_epoch best;      /* the epoch whose weights the model has; epoch 0 when none was done */
    bool stopped_early; /* patience ran out */
} hg_train_result;

/** Trains a model on logits.
 *
 *  Each epoch visits the training samples in an order drawn from (seed, epoch); gradients of batch_graphs samples are averaged for one
 * step. After each epoch the validation set is evaluated and, with a checkpoint directory, DIR/checkpoint.safetensors is written (the one
 * before stays as DIR/checkpoint.previous.safetensors). With `resume` the newest good checkpoint is continued; the result is then the same,
 *  bit for bit, as without the interruption. Progress and a log line per epoch go to the context's sinks.
 *
 *  @param model      its weights at the start are the initial ones; at the end (errors included) it has the best weights so far.
 *  @param training   n >= 1 unless epochs is 0. @param validation NULL or n = 0: the training loss is watched instead.
 *  @param on_epoch   NULL, or called after each epoch with `user`.
 *  @param result     NULL, or receives the outcome; untouched on error.
 *  @return HG_OK; HG_ERR_CONFIG, HG_ERR_ARG settings out of range; HG_ERR_NUMERIC a loss or gradient is not finite (message: epoch, sample,
 * step); HG_ERR_INTERRUPTED after hg_context_interrupt, with a checkpoint written; HG_ERR_FORMAT, HG_ERR_MODEL a checkpoint that cannot be
 *          continued; HG_ERR_IO; HG_ERR_NOMEM; what the sample sets return.
 *  Threads: uses the context's; the same bits for any number. */
HG_API hg_status hg_train(hg_context *ctx, hg_model *model, const hg_train_options *options, const hg_sample_set *training,
                          const hg_sample_set *validation, void (*on_epoch)(void *user, const hg_epoch *epoch), void *user,
                          hg_train_result *result);

/** What the largest step of a training takes. */
typedef struct hg_train_memory {
    size_t bytes;             /* at most at one time, on top of samples, model and optimiser */
    int64_t sample;           /* which sample that is, -1 = none */
    int64_t checkpoint_every; /* chosen for it */
} hg_train_memory;

/** Plans the steps of a training without doing them: every sample is got and released once.
 *  @param options target and checkpoint_every are read. @param out untouched on error.
 *  @return HG_OK; HG_ERR_LIMIT where no choice fits the context's memory limit (message: sample, bytes needed and allowed); HG_ERR_ARG the
 *          model searches edges within a radius: their number is not known beforehand; what the sample set returns. */
HG_API hg_status hg_train_plan(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set,
                               hg_train_memory *out);

/** Validation figures of a model on a set: fills validation_loss, auc, efficiency and purity of *figures, the rest is 0.
 *  @param options target, loss and threshold are read. Errors as hg_train. */
HG_API hg_status hg_train_evaluate(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set,
                                   hg_epoch *figures);

#ifdef __cplusplus
}
#endif
#endif
