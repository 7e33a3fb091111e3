/* nn/training/train_options.c — the settings of training: one table feeds defaults, YAML and the command line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/text.h"
#include "hitgraph/loss.h"
#include "nn/training/train_options.h"

_Static_assert((int)HG_TRAIN_TEXT_SIZE == (int)HG_OPTION_TEXT_SIZE, "texts are filled by the table of options");

static const char *const target_words[] = {"edges", "nodes", "globals", NULL};
static const char *const loss_words[] = {"bce", "focal", NULL};
static const char *const reduction_words[] = {"mean", "weighted_mean", "sum", NULL};
static const char *const optimiser_words[] = {"sgd", "adam", "adamw", NULL};
static const char *const schedule_words[] = {"constant", "step",     "multistep", "exponential", "linear",
                                             "cosine",   "restarts", "onecycle",  "plateau",     NULL};
static const char *const unit_words[] = {"epoch", "step", NULL};
static const char *const watch_words[] = {"loss", "auc", NULL};

#define AT(field) offsetof(hg_train_options, field)
#define INT(name, field, preset, low, high, help)                                                                                          \
    {                                                                                                                                      \
        "train." name, HG_OPTION_INT, AT(field), preset, low, high, NULL, help                                                             \
    }
#define NUMBER(name, field, preset, low, high, help)                                                                                       \
    {                                                                                                                                      \
        "train." name, HG_OPTION_NUMBER, AT(field), preset, low, high, NULL, help                                                          \
    }
#define WORD(name, field, preset, words, help)                                                                                             \
    {                                                                                                                                      \
        "train." name, HG_OPTION_WORD, AT(field), preset, 0, 0, words, help                                                                \
    }
#define BOOL(name, field, preset, help)                                                                                                    \
    {                                                                                                                                      \
        "train." name, HG_OPTION_BOOL, AT(field), preset, 0, 0, NULL, help                                                                 \
    }
#define TEXT(name, field, preset, help)                                                                                                    \
    {                                                                                                                                      \
        "train." name, HG_OPTION_TEXT, AT(field), preset, 0, 0, NULL, help                                                                 \
    }

const hg_option hg_train_option_table[] = {
    INT("epochs", epochs, "20", 0, 1e6, "passes over the training set"),
    INT("batch_graphs", batch_graphs, "1", 1, 1e6, "samples whose gradients are averaged for one step"),
    INT("seed", seed, "1", 0, 9e15, "order of the samples"),
    WORD("target", target, "edges", target_words, "what is classified"),
    WORD("loss", loss, "bce", loss_words, "binary cross-entropy or focal loss, on logits"),
    WORD("reduction", reduction, "mean", reduction_words, "how a sample's losses become one number"),
    NUMBER("pos_weight", pos_weight, "1", 1e-6, 1e6, "factor on true elements (bce)"),
    NUMBER("focal_alpha", focal_alpha, "0.25", 0, 1, "weight of true elements (focal)"),
    NUMBER("focal_gamma", focal_gamma, "2", 0, 100, "focusing power (focal)"),
    WORD("optimiser", optimiser, "adamw", optimiser_words, "rule of a step"),
    NUMBER("learning_rate", learning_rate, "1e-3", 1e-12, 1e3, "base learning rate"),
    NUMBER("weight_decay", weight_decay, "0.01", 0, 1e3, "decay of the weights"),
    NUMBER("momentum", momentum, "0.9", 0, 0.999999, "momentum (sgd)"),
    BOOL("nesterov", nesterov, "false", "Nesterov's momentum (sgd)"),
    NUMBER("beta1", beta1, "0.9", 0, 0.999999, "memory of the mean gradient (adam, adamw)"),
    NUMBER("beta2", beta2, "0.999", 0, 0.9999999, "memory of the squared gradient (adam, adamw)"),
    NUMBER("epsilon", epsilon, "1e-8", 1e-30, 1, "floor of the denominator (adam, adamw)"),
    BOOL("amsgrad", amsgrad, "false", "keep the largest squared gradient (adam, adamw)"),
    NUMBER("clip", clip, "0", 0, 1e12, "largest norm of the gradient; 0 = no clipping"),
    WORD("schedule", schedule, "constant", schedule_words, "course of the learning rate"),
    WORD("schedule_unit", schedule_unit, "epoch", unit_words, "what the schedule counts"),
    INT("schedule_period", schedule_period, "0", 0, 1e12, "period of the schedule in its units; 0 = the whole training"),
    NUMBER("schedule_factor", schedule_factor, "0.1", 1e-12, 1e6, "factor of step, multistep, exponential, plateau; end of linear"),
    NUMBER("schedule_start", schedule_start, "1", 0, 1e6, "factor at the start of linear"),
    NUMBER("schedule_floor", schedule_floor, "0", 0, 1e3, "lowest learning rate of cosine"),
    NUMBER("schedule_growth", schedule_growth, "1", 1, 1e3, "growth of the periods of restarts"),
    INT("schedule_patience", schedule_patience, "10", 0, 1e6, "epochs without improvement that plateau allows"),
    TEXT("schedule_milestones", schedule_milestones, "", "milestones of multistep, such as 5,10,15"),
    INT("warmup", warmup, "0", 0, 1e9, "length of the linear warm-up in units of the schedule"),
    NUMBER("threshold", threshold, "0.5", 1e-9, 0.999999999, "probability at which efficiency and purity are given"),
    WORD("watch", watch, "loss", watch_words, "validation figure that decides which epoch is best"),
    INT("patience", patience, "0", 0, 1e6, "epochs without improvement before training stops; 0 = never"),
    NUMBER("min_delta", min_delta, "0", 0, 1e6, "smallest change of the watched figure that is an improvement"),
    TEXT("checkpoint_directory", checkpoint_directory, "", "directory of checkpoints; empty = none"),
    BOOL("resume", resume, "false", "continue from the newest good checkpoint"),
    {"engine.checkpoint_every", HG_OPTION_INT, AT(checkpoint_every), "0", -1, 1e6, NULL,
     "tables of edges kept for the way back: every k-th, -1 = none; 0 = as many as the memory limit allows"},
    {0},
};

hg_train_options hg_train_default_options(void)
{
    return (hg_train_options){
        .epochs = 20,
        .batch_graphs = 1,
        .seed = 1,
        .pos_weight = 1,
        .focal_alpha = 0.25,
        .focal_gamma = 2,
        .optimiser = HG_OPTIMISER_ADAMW,
        .learning_rate = 1e-3,
        .weight_decay = 0.01,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .schedule_factor = 0.1,
        .schedule_start = 1,
        .schedule_growth = 1,
        .schedule_patience = 10,
        .threshold = 0.5,
    };
}

hg_status hg_train_optimiser(hg_context *ctx, const hg_train_options *options, hg_optimiser_options *out)
{
    bool sgd = options->optimiser == HG_OPTIMISER_SGD;
    if (sgd && options->nesterov && options->momentum == 0)
        return hg_fail(ctx, HG_ERR_CONFIG, "train.nesterov: needs train.momentum above 0");
    *out = (hg_optimiser_options){.kind = (hg_optimiser_kind)options->optimiser,
                                  .weight_decay = options->weight_decay,
                                  .momentum = sgd ? options->momentum : 0,
                                  .nesterov = sgd && options->nesterov,
                                  .beta1 = options->beta1,
                                  .beta2 = options->beta2,
                                  .epsilon = options->epsilon,
                                  .amsgrad = options->amsgrad};
    return HG_OK;
}

/* "5,10,15" with increasing whole numbers. */
static hg_status read_milestones(hg_context *ctx, const char *text, hg_schedule *out)
{
    hg_status status = HG_OK;
    for (const char *start = text; *text && start;) {
        const char *comma = strchr(start, ',');
        size_t length = comma ? (size_t)(comma - start) : strlen(start);
        int64_t value = 0;
        HG_CHECK(hg_parse_int64(start, length, &value) && value >= 0, HG_ERR_CONFIG,
                 "train.schedule_milestones: found \"%s\", expected whole numbers such as 5,10,15", text);
        HG_CHECK(out->n_milestones < HG_SCHEDULE_MILESTONES, HG_ERR_CONFIG, "train.schedule_milestones: more than %d numbers",
                 HG_SCHEDULE_MILESTONES);
        out->milestone[out->n_milestones++] = value;
        start = comma ? comma + 1 : NULL;
    }
done:
    return status;
}

hg_status hg_train_schedule(hg_context *ctx, const hg_train_options *options, int64_t n_samples, hg_schedule *out)
{
    hg_status status = HG_OK;
    hg_schedule s = hg_schedule_default(options->learning_rate);
    bool per_step = options->schedule_unit == 1;
    int64_t steps = (n_samples + options->batch_graphs - 1) / options->batch_graphs;
    int64_t whole = options->epochs * (per_step ? steps : 1);

    HG_CHECK(!per_step || options->schedule != HG_SCHEDULE_PLATEAU, HG_ERR_CONFIG,
             "train.schedule_unit: found step, expected epoch: plateau looks at the figures of an epoch");
    s.kind = (hg_schedule_kind)options->schedule;
    s.period = options->schedule_period > 0 ? options->schedule_period : whole > 0 ? whole : 1;
    s.factor = options->schedule_factor;
    s.start = options->schedule_start;
    s.floor = options->schedule_floor;
    s.growth = options->schedule_growth;
    s.patience = options->schedule_patience;
    s.warmup = options->warmup;
    HG_TRY(read_milestones(ctx, options->schedule_milestones, &s));
    HG_TRY(hg_schedule_check(ctx, &s));
    *out = s;
done:
    return status;
}
