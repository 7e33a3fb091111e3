/* nn/training/evaluation.c — loss, ROC area, efficiency and purity of a model on a set of samples. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "hitgraph/classification.h"
#include "hitgraph/loss.h"
#include "nn/training/train_loss.h"

int64_t hg_train_elements(const hg_train_options *options, const hg_batch *batch)
{
    if (options->target == HG_TRAIN_EDGES) return batch->graph->n_edges;
    return options->target == HG_TRAIN_NODES ? batch->graph->n_nodes : batch->graph->n_graphs;
}

hg_real **hg_train_output(const hg_train_options *options, hg_outputs *outputs)
{
    if (options->target == HG_TRAIN_EDGES) return &outputs->edges;
    return options->target == HG_TRAIN_NODES ? &outputs->nodes : &outputs->globals;
}

int64_t hg_train_width(const hg_train_options *options, const hg_model *model)
{
    const hg_model_widths widths = hg_model_get_widths(model);
    if (options->target == HG_TRAIN_EDGES) return widths.edge_out;
    return options->target == HG_TRAIN_NODES ? widths.node_out : widths.global_out;
}

hg_status hg_train_check_model(hg_context *ctx, const hg_train_options *options, const hg_model *model, const hg_sample_set *set)
{
    static const char *const names[] = {"edges", "nodes", "globals"};
    const int64_t width = hg_train_width(options, model);
    if (set->loss ? width < 1 : width != 1)
        return hg_fail(ctx, HG_ERR_MODEL, "train.target: the model gives %" PRId64 " numbers for each of the %s, expected 1%s", width,
                       names[options->target], set->loss ? " or more" : "");
    return HG_OK;
}

hg_status hg_train_sample_loss(hg_context *ctx, const hg_train_options *options, const hg_sample *sample, int64_t n, const hg_real *logit,
                               double *loss, hg_real *gradient)
{
    hg_status status = HG_OK;
    hg_real *target = NULL;
    HG_TRY(hg_alloc(ctx, &target, n));
    for (int64_t i = 0; i < n; ++i) target[i] = sample->label[i] ? 1 : 0;
    if (options->loss == HG_TRAIN_FOCAL)
        HG_TRY(hg_loss_focal(ctx, n, logit, target, sample->weight, options->focal_alpha, options->focal_gamma,
                             (hg_loss_reduction)options->reduction, loss, gradient));
    else
        HG_TRY(
            hg_loss_bce(ctx, n, logit, target, sample->weight, options->pos_weight, (hg_loss_reduction)options->reduction, loss, gradient));
done:
    hg_free(ctx, target);
    return status;
}

/* Elements of all samples that count, gathered for the ranking. */
typedef struct gathered {
    int64_t n, room;
    hg_real *score;
    uint8_t *label;
} gathered;

/* logit [n, width]: the first column ranks. */
static hg_status gather(hg_context *ctx, gathered *g, const hg_sample *sample, int64_t n, const hg_real *logit, int64_t width)
{
    hg_status status = HG_OK;
    if (g->n + n > g->room) {
        int64_t room = 2 * g->room > g->n + n ? 2 * g->room : g->n + n;
        HG_TRY(hg_grow(ctx, &g->score, g->n, room));
        HG_TRY(hg_grow(ctx, &g->label, g->n, room));
        g->room = room;
    }
    for (int64_t i = 0; i < n; ++i) {
        if (sample->weight && sample->weight[i] == 0) continue;
        g->score[g->n] = logit[i * width];
        g->label[g->n++] = sample->label[i] != 0;
    }
done:
    return status;
}

static hg_status evaluate_sample(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set,
                                 const hg_sample *sample, gathered *g, double *loss)
{
    hg_status status = HG_OK;
    hg_real *logit = NULL;
    hg_outputs outputs = {0};
    const int64_t n = hg_train_elements(options, &sample->batch), width = hg_train_width(options, model);
    HG_TRY(hg_alloc(ctx, &logit, n * width));
    *hg_train_output(options, &outputs) = logit;
    HG_TRY(hg_model_forward(ctx, model, &sample->batch, &outputs));
    if (set->loss)
        HG_TRY(set->loss(ctx, sample->truth, &sample->batch, &outputs, &(hg_outputs){0}, loss));
    else
        HG_TRY(hg_train_sample_loss(ctx, options, sample, n, logit, loss, NULL));
    HG_CHECK(isfinite(*loss), HG_ERR_NUMERIC, "the loss is %g", *loss);
    if (sample->label) HG_TRY(gather(ctx, g, sample, n, logit, width));
done:
    hg_free(ctx, logit);
    return status;
}

static hg_status rank(hg_context *ctx, const hg_train_options *options, const gathered *g, hg_epoch *figures)
{
    double cut = log(options->threshold / (1 - options->threshold)); /* scores are logits */
    hg_confusion confusion = hg_metric_confusion(g->n, g->score, g->label, NULL, cut);
    figures->efficiency = hg_metric_efficiency(&confusion);
    figures->purity = hg_metric_purity(&confusion);
    figures->auc = NAN;
    if (confusion.true_positive + confusion.false_negative == 0 || confusion.false_positive + confusion.true_negative == 0) return HG_OK;
    return hg_metric_auc(ctx, g->n, g->score, g->label, NULL, &figures->auc);
}

hg_status hg_train_evaluate(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set,
                            hg_epoch *figures)
{
    hg_status status = HG_OK;
    gathered all = {0};
    hg_epoch result = {0};

    HG_CHECK(options->threshold > 0 && options->threshold < 1, HG_ERR_ARG, "train.threshold: %g, expected between 0 and 1",
             options->threshold);
    HG_TRY(hg_train_check_model(ctx, options, model, set));
    for (int64_t i = 0; i < set->n; ++i) {
        hg_sample sample = {0};
        double loss = 0;
        if (hg_interrupted(ctx)) {
            status = hg_fail(ctx, HG_ERR_INTERRUPTED, "interrupted while validating");
            goto done;
        }
        HG_TRY(set->get(ctx, set->user, i, &sample));
        status = evaluate_sample(ctx, model, options, set, &sample, &all, &loss);
        if (set->release) set->release(ctx, set->user, i, &sample);
        if (status < 0) {
            hg_fail_prefix(ctx, "validation sample %" PRId64, i);
            goto done;
        }
        result.validation_loss += loss / (double)set->n;
    }
    if (set->n == 0) result.validation_loss = NAN;
    HG_TRY(rank(ctx, options, &all, &result));
    *figures = result;
done:
    hg_free(ctx, all.score);
    hg_free(ctx, all.label);
    return status;
}
