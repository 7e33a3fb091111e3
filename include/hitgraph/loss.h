/* hitgraph/loss.h — losses with their gradients: classification, regression, directions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_LOSS_H
#define HITGRAPH_LOSS_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Common to all losses. Arrays are borrowed and row-major. `gradient` has the shape of the prediction and is overwritten; NULL = not
 * wanted. weight: one per element (row for classes and directions), >= 0; NULL = all 1. Sums are made in double over fixed blocks: the same
 * bits for any number of threads. n = 0 gives loss 0. Errors: HG_ERR_ARG a parameter out of range; HG_ERR_NOMEM. Non-finite inputs give a
 * non-finite loss, which the caller must look at. Threads: reentrant; uses the context's. Cost: O(n). */

/** How the elements' losses become one number. MEAN divides by the number of elements (as PyTorch does), WEIGHTED_MEAN by the sum of
 * weights. */
typedef enum hg_loss_reduction { HG_LOSS_MEAN, HG_LOSS_WEIGHTED_MEAN, HG_LOSS_SUM } hg_loss_reduction;

/** Binary cross-entropy of logits, with a factor on the positive class.
 *  l = (1-y) z + (1 + (p-1) y) (log1p(exp(-|z|)) + max(-z, 0)), stable for any z.
 *  @param logit,target [n]; target in 0..1. @param pos_weight p > 0; 1 = none. */
HG_API hg_status hg_loss_bce(hg_context *ctx, int64_t n, const hg_real *logit, const hg_real *target, const hg_real *weight,
                             double pos_weight, hg_loss_reduction reduction, double *loss, hg_real *gradient);

/** Focal loss of logits (Lin et al., arXiv:1708.02002). @param target [n]; above 0.5 = positive.
 *  @param alpha weight of the positive class in 0..1 (1 - alpha of the other). @param gamma >= 0 focusing power. */
HG_API hg_status hg_loss_focal(hg_context *ctx, int64_t n, const hg_real *logit, const hg_real *target, const hg_real *weight, double alpha,
                               double gamma, hg_loss_reduction reduction, double *loss, hg_real *gradient);

/** Softmax cross-entropy over classes.
 *  @param logit [n, n_classes]. @param label [n] in 0 .. n_classes - 1. @param class_weight [n_classes] or NULL; the mean then divides by
 * the sum of the weights of the labels (PyTorch's rule), so MEAN and WEIGHTED_MEAN are the same. @param smoothing in 0..1: that part of the
 *  target is spread evenly over the classes. */
HG_API hg_status hg_loss_cross_entropy(hg_context *ctx, int64_t n, int64_t n_classes, const hg_real *logit, const int32_t *label,
                                       const double *class_weight, double smoothing, hg_loss_reduction reduction, double *loss,
                                       hg_real *gradient);

/** Regression losses of d = prediction - target. `parameter` is delta of HUBER, beta of SMOOTH_L1, q of QUANTILE; ignored by the others. */
typedef enum hg_regression {
    HG_REGRESSION_MSE,
    HG_REGRESSION_MAE,
    HG_REGRESSION_HUBER,
    HG_REGRESSION_SMOOTH_L1,
    HG_REGRESSION_LOG_COSH,
    HG_REGRESSION_QUANTILE
} hg_regression;

/** @param prediction,target [n]. */
HG_API hg_status hg_loss_regression(hg_context *ctx, hg_regression kind, double parameter, int64_t n, const hg_real *prediction,
                                    const hg_real *target, const hg_real *weight, hg_loss_reduction reduction, double *loss,
                                    hg_real *gradient);

/** Gaussian with predicted variance: l = (s + d^2 exp(-s)) / 2, s = log variance clamped to [-20, 20] (no gradient beyond).
 *  @param prediction [n, 2] rows (mean, s). @param target [n]. @param gradient [n, 2]. */
HG_API hg_status hg_loss_gaussian(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                                  hg_loss_reduction reduction, double *loss, hg_real *gradient);

/** von Mises-Fisher on the sphere: l = -log C3(|p|) - p.t, accurate from |p| = 0 to the largest numbers.
 *  @param prediction [n, 3], its length is the concentration. @param target [n, 3] unit vectors. */
HG_API hg_status hg_loss_vmf3(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                              hg_loss_reduction reduction, double *loss, hg_real *gradient);

/** von Mises on the circle: l = log(2 pi) + log I0(k) - k cos(f - f*).
 *  @param prediction [n, 2] rows (angle f in rad, concentration k >= 0). @param target [n] angles. */
HG_API hg_status hg_loss_vmf2(hg_context *ctx, int64_t n, const hg_real *prediction, const hg_real *target, const hg_real *weight,
                              hg_loss_reduction reduction, double *loss, hg_real *gradient);

/** log C3(k) = log(k / (4 pi sinh k)) and A(k) / k = (coth k - 1/k) / k of the von Mises-Fisher density on the sphere, k >= 0. */
HG_API double hg_vmf3_log_norm(double k);
HG_API double hg_vmf3_mean_over_k(double k);
/** log I0(k) and I1(k) / I0(k) of the modified Bessel functions, k >= 0; no overflow. Relative error about 1e-15. */
HG_API double hg_log_bessel_i0(double k);
HG_API double hg_bessel_ratio(double k);

#ifdef __cplusplus
}
#endif
#endif
