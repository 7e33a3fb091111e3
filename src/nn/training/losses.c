/* nn/training/losses.c — losses of classifiers: binary cross-entropy, focal, cross-entropy over classes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include "base/check.h"
#include "hitgraph/loss.h"
#include "nn/training/loss_sum.h"

typedef struct binary_terms {
    const hg_real *logit, *target, *weight;
    double pos_weight, alpha, gamma;
    hg_real *gradient;
} binary_terms;

static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* log(1 + exp(x)) without overflow. */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double bce_term(const void *terms, int64_t i, double scale)
{
    const binary_terms *t = terms;
    double z = (double)t->logit[i], y = (double)t->target[i], w = t->weight ? (double)t->weight[i] : 1;
    double factor = 1 + (t->pos_weight - 1) * y;
    if (t->gradient) t->gradient[i] = (hg_real)(scale * w * (factor * sigmoid(z) - t->pos_weight * y));
    /* a masked element stays out even when its logit is infinite */
    return w != 0 ? w * ((1 - y) * z + factor * softplus(-z)) : 0;
}

hg_status hg_loss_bce(hg_context *ctx, int64_t n, const hg_real *logit, const hg_real *target, const hg_real *weight, double pos_weight,
                      hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    if (!(pos_weight > 0) || !isfinite(pos_weight))
        return hg_fail(ctx, HG_ERR_ARG, "binary cross-entropy: weight of the positive class %g, expected a positive number", pos_weight);
    binary_terms terms = {.logit = logit, .target = target, .weight = weight, .pos_weight = pos_weight, .gradient = gradient};
    return hg_loss_reduce(ctx, n, bce_term, &terms, weight, reduction, loss);
}

/* The negative class is the positive one seen from -z: p becomes 1 - p, alpha becomes 1 - alpha. */
static double focal_term(const void *terms, int64_t i, double scale)
{
    const binary_terms *t = terms;
    double w = t->weight ? (double)t->weight[i] : 1;
    bool positive = t->target[i] > (hg_real)0.5;
    double z = positive ? (double)t->logit[i] : -(double)t->logit[i], alpha = positive ? t->alpha : 1 - t->alpha;
    double p = sigmoid(z), q = sigmoid(-z), log_p = -softplus(-z);
    double focus = alpha * pow(q, t->gamma);
    double slope = focus * (t->gamma * p * log_p - q);
    if (t->gradient) t->gradient[i] = (hg_real)(scale * w * (positive ? slope : -slope));
    return w != 0 ? -w * focus * log_p : 0;
}

hg_status hg_loss_focal(hg_context *ctx, int64_t n, const hg_real *logit, const hg_real *target, const hg_real *weight, double alpha,
                        double gamma, hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    if (!(alpha >= 0 && alpha <= 1)) return hg_fail(ctx, HG_ERR_ARG, "focal loss: alpha %g, expected 0 to 1", alpha);
    if (!(gamma >= 0) || !isfinite(gamma)) return hg_fail(ctx, HG_ERR_ARG, "focal loss: gamma %g, expected 0 or more", gamma);
    binary_terms terms = {.logit = logit, .target = target, .weight = weight, .alpha = alpha, .gamma = gamma, .gradient = gradient};
    return hg_loss_reduce(ctx, n, focal_term, &terms, weight, reduction, loss);
}

typedef struct class_terms {
    const hg_real *logit;
    const int32_t *label;
    const double *class_weight;
    int64_t n_classes;
    double smoothing;
    hg_real *gradient;
} class_terms;

static double class_weight_of(const class_terms *t, int64_t c)
{
    return t->class_weight ? t->class_weight[c] : 1;
}

static double label_weight_term(const void *terms, int64_t i, double scale)
{
    const class_terms *t = terms;
    (void)scale;
    return class_weight_of(t, t->label[i]);
}

/* l = sum_c target_c weight_c (logsumexp(z) - z_c), with target = (1 - a) onehot + a / C. */
static double class_term(const void *terms, int64_t i, double scale)
{
    const class_terms *t = terms;
    const hg_real *z = t->logit + i * t->n_classes;
    double top = (double)z[0], sum = 0, value = 0, mass = 0, spread = t->smoothing / (double)t->n_classes;
    for (int64_t c = 1; c < t->n_classes; ++c) top = fmax(top, (double)z[c]);
    for (int64_t c = 0; c < t->n_classes; ++c) sum += exp((double)z[c] - top);
    double log_sum = top + log(sum);
    for (int64_t c = 0; c < t->n_classes; ++c) {
        double q = class_weight_of(t, c) * (spread + (c == t->label[i] ? 1 - t->smoothing : 0));
        mass += q;
        if (q != 0) value += q * (log_sum - (double)z[c]);
    }
    for (int64_t c = 0; t->gradient && c < t->n_classes; ++c) {
        double q = class_weight_of(t, c) * (spread + (c == t->label[i] ? 1 - t->smoothing : 0));
        t->gradient[i * t->n_classes + c] = (hg_real)(scale * (mass * exp((double)z[c] - log_sum) - q));
    }
    return value;
}

hg_status hg_loss_cross_entropy(hg_context *ctx, int64_t n, int64_t n_classes, const hg_real *logit, const int32_t *label,
                                const double *class_weight, double smoothing, hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    hg_status status = HG_OK;
    double norm = 1, sum = 0;

    HG_CHECK(n >= 0 && n_classes >= 1, HG_ERR_ARG, "cross-entropy: %" PRId64 " rows of %" PRId64 " classes", n, n_classes);
    HG_CHECK(smoothing >= 0 && smoothing <= 1, HG_ERR_ARG, "cross-entropy: smoothing %g, expected 0 to 1", smoothing);
    for (int64_t i = 0; i < n; ++i)
        HG_CHECK(label[i] >= 0 && label[i] < n_classes, HG_ERR_ARG,
                 "cross-entropy: label %" PRId32 " in row %" PRId64 ", expected 0 to %" PRId64, label[i], i, n_classes - 1);

    class_terms terms = {logit, label, class_weight, n_classes, smoothing, gradient};
    if (reduction != HG_LOSS_SUM) HG_TRY(hg_loss_sum(ctx, n, label_weight_term, &terms, 0, &norm));
    HG_TRY(hg_loss_sum(ctx, n, class_term, &terms, norm > 0 ? 1 / norm : 0, &sum));
    *loss = norm > 0 ? sum / norm : 0 * sum;
done:
    return status;
}
