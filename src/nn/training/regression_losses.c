/* nn/training/regression_losses.c — losses of real numbers and of directions (von Mises-Fisher). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "hitgraph/loss.h"
#include "nn/training/loss_sum.h"

typedef struct regression_terms {
    hg_regression kind;
    double parameter;
    const hg_real *prediction, *target, *weight;
    hg_real *gradient;
} regression_terms;

static double huber(double d, double delta, double *slope)
{
    double size = fabs(d);
    *slope = size <= delta ? d : copysign(delta, d);
    return size <= delta ? d * d / 2 : delta * (size - delta / 2);
}

static double regression_value(hg_regression kind, double a, double d, double *slope)
{
    double value = 0;
    switch (kind) {
    case HG_REGRESSION_MSE:
        *slope = 2 * d;
        return d * d;
    case HG_REGRESSION_MAE:
        *slope = d > 0 ? 1 : d < 0 ? -1 : 0;
        return fabs(d);
    case HG_REGRESSION_HUBER:
        return huber(d, a, slope);
    case HG_REGRESSION_SMOOTH_L1:
        value = huber(d, a, slope) / a;
        *slope /= a;
        return value;
    case HG_REGRESSION_LOG_COSH:
        *slope = tanh(d);
        return fabs(d) + log1p(exp(-2 * fabs(d))) - M_LN2;
    case HG_REGRESSION_QUANTILE:
        *slope = d <= 0 ? -a : 1 - a;
        return d * *slope;
    }
    return value;
}

static double term_weight(const regression_terms *t, int64_t i)
{
    return t->weight ? (double)t->weight[i] : 1;
}

static double regression_term(const void *terms, int64_t i, double scale)
{
    const regression_terms *t = terms;
    double slope = 0, w = term_weight(t, i);
    double value = regression_value(t->kind, t->parameter, (double)t->prediction[i] - (double)t->target[i], &slope);
    if (t->gradient) t->gradient[i] = (hg_real)(scale * w * slope);
    return w * value;
}

hg_status hg_loss_regression(hg_context *ctx, hg_regression kind, double parameter, int64_t n, const hg_real *prediction,
                             const hg_real *target, const hg_real *weight, hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    if ((kind == HG_REGRESSION_HUBER || kind == HG_REGRESSION_SMOOTH_L1) && !(parameter > 0))
        return hg_fail(ctx, HG_ERR_ARG, "Huber loss: width %g, expected a positive number", parameter);
    if (kind == HG_REGRESSION_QUANTILE && !(parameter > 0 && parameter < 1))
        return hg_fail(ctx, HG_ERR_ARG, "quantile loss: quantile %g, expected between 0 and 1", parameter);
    regression_terms terms = {kind, parameter, prediction, target, weight, gradient};
    return hg_loss_reduce(ctx, n, regression_term, &terms, weight, reduction, loss);
}

static double gaussian_term(const void *terms, int64_t i, double scale)
{
    const regression_terms *t = terms;
    double w = term_weight(t, i), d = (double)t->prediction[2 * i] - (double)t->target[i], raw = (double)t->prediction[2 * i + 1];
    double s = raw < -20 ? -20 : raw > 20 ? 20 : raw, precision = exp(-s);
    if (t->gradient) {
        t->gradient[2 * i] = (hg_real)(scale * w * d * precision);
        t->gradient[2 * i + 1] = (hg_real)(s != raw ? 0 : scale * w * (1 - d * d * precision) / 2);
    }
    return w * (s + d * d * precision) / 2;
}

hg_status hg_loss_gaussian(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                           hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    regression_terms terms = {.prediction = prediction, .target = target, .weight = weight, .gradient = gradient};
    return hg_loss_reduce(ctx, n, gaussian_term, &terms, weight, reduction, loss);
}

/* -log C3(k) - k: what is left of -log C3(k) - p.t when p points at t. One formula for all k above the series: switching at large k would
 * cap the concentration that a network can learn. */
static double vmf3_rest(double k)
{
    if (k < 1e-2) return log(4 * M_PI) + k * k / 6 - k * k * k * k / 180 - k;
    return log(2 * M_PI) - log(k / -expm1(-2 * k));
}

double hg_vmf3_log_norm(double k)
{
    return -(vmf3_rest(k) + k);
}

double hg_vmf3_mean_over_k(double k)
{
    if (k < 1e-2) return 1.0 / 3 - k * k / 45 + 2 * k * k * k * k / 945;
    return (1 / tanh(k) - 1 / k) / k;
}

static double vmf3_term(const void *terms, int64_t i, double scale)
{
    const regression_terms *t = terms;
    const hg_real *p = t->prediction + 3 * i, *u = t->target + 3 * i;
    double w = term_weight(t, i);
    double k = sqrt((double)p[0] * (double)p[0] + (double)p[1] * (double)p[1] + (double)p[2] * (double)p[2]);
    double slope = hg_vmf3_mean_over_k(k), distance = 0;
    for (int c = 0; c < 3; ++c) {
        /* k - p.t = k |t - p/k|^2 / 2 does not cancel at large k */
        double d = k > 0 ? (double)u[c] - (double)p[c] / k : (double)u[c];
        distance += d * d;
        if (t->gradient) t->gradient[3 * i + c] = (hg_real)(scale * w * (slope * (double)p[c] - (double)u[c]));
    }
    return w * (vmf3_rest(k) + k * distance / 2);
}

hg_status hg_loss_vmf3(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                       hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    regression_terms terms = {.prediction = prediction, .target = target, .weight = weight, .gradient = gradient};
    return hg_loss_reduce(ctx, n, vmf3_term, &terms, weight, reduction, loss);
}

/* exp(-k) I_order(k): power series below 30, where all terms are positive; asymptotic series above (Abramowitz and Stegun 9.6.10, 9.7.1).
 */
static double scaled_bessel(int order, double k)
{
    double term = 1, sum = 1;
    if (k < 30) {
        term = order ? k / 2 : 1;
        sum = term;
        for (int m = 1; m < 200 && term > 1e-17 * sum; ++m) {
            term *= k * k / (4.0 * m * (m + order));
            sum += term;
        }
        return sum * exp(-k);
    }
    for (int m = 1; m < 60 && fabs(term) > 1e-17; ++m) {
        double odd = 2.0 * m - 1;
        term *= -(4.0 * order - odd * odd) / (8 * k * m);
        sum += term;
    }
    return sum / sqrt(2 * M_PI * k);
}

double hg_log_bessel_i0(double k)
{
    return log(scaled_bessel(0, k)) + k;
}

double hg_bessel_ratio(double k)
{
    return scaled_bessel(1, k) / scaled_bessel(0, k);
}

static double vmf2_term(const void *terms, int64_t i, double scale)
{
    const regression_terms *t = terms;
    double w = term_weight(t, i), d = (double)t->prediction[2 * i] - (double)t->target[i], k = (double)t->prediction[2 * i + 1];
    double half = sin(d / 2);
    if (t->gradient) {
        t->gradient[2 * i] = (hg_real)(scale * w * k * sin(d));
        t->gradient[2 * i + 1] = (hg_real)(scale * w * (hg_bessel_ratio(k) - cos(d)));
    }
    /* k (1 - cos d) = 2 k sin^2(d / 2): no cancellation at large k */
    return w * (log(2 * M_PI) + log(scaled_bessel(0, k)) + 2 * k * half * half);
}

hg_status hg_loss_vmf2(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                       hg_loss_reduction reduction, double *loss, hg_real *gradient)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < n; ++i)
        HG_CHECK(!(prediction[2 * i + 1] < 0), HG_ERR_ARG, "von Mises loss: concentration %g in row %" PRId64 ", expected 0 or more",
                 (double)prediction[2 * i + 1], i);
    regression_terms terms = {.prediction = prediction, .target = target, .weight = weight, .gradient = gradient};
    HG_TRY(hg_loss_reduce(ctx, n, vmf2_term, &terms, weight, reduction, loss));
done:
    return status;
}
