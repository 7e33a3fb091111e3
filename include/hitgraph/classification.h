/* hitgraph/classification.h — how good a classifier is: ranking, rates at a threshold, calibration, intervals. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_CLASSIFICATION_H
#define HITGRAPH_CLASSIFICATION_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Common: score, label, weight are borrowed, [n]. label: 0 = negative, else positive. weight >= 0, NULL = all 1; elements of weight 0 do
 * not count at all. A NaN score or a negative weight is HG_ERR_DATA. Sums are made in double, in an order that follows the data. Threads:
 * reentrant. */

/** Area under the ROC curve: the chance that a positive scores above a negative, ties counting half, pairs weighted by w_i w_j.
 *  @return HG_OK; HG_ERR_DATA only one class is there (the area is undefined); HG_ERR_NOMEM. Cost: O(n) (radix sort). */
HG_API hg_status hg_metric_auc(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight, double *auc);

/** Average precision: sum over groups of equal score of (step in recall) x (precision after the group). Errors and cost as hg_metric_auc;
 *  undefined only without positives. */
HG_API hg_status hg_metric_average_precision(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight,
                                             double *precision);

/** Sums of weights in the four cells, an element being accepted when score >= threshold. */
typedef struct hg_confusion {
    double true_positive, false_positive, false_negative, true_negative;
} hg_confusion;
/** @param score,label [n]; label 1 = positive. @param weight [n] or NULL = all 1. Sums in double, in the order of the data. Threads:
 *  reentrant. */
HG_API hg_confusion hg_metric_confusion(int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight, double threshold);
/** TP / (TP + FN) and TP / (TP + FP); NaN when the denominator is 0. */
HG_API double hg_metric_efficiency(const hg_confusion *confusion);
HG_API double hg_metric_purity(const hg_confusion *confusion);

/** Largest threshold (a score of the data) at which the efficiency reaches `efficiency` in (0, 1]. Errors as hg_metric_average_precision.
 */
HG_API hg_status hg_metric_threshold(hg_context *ctx, int64_t n, const hg_real *score, const uint8_t *label, const hg_real *weight,
                                     double efficiency, double *threshold);

/** Reliability of probabilities. ece = sum over bins of (n_b / n) |mean p - mean y|, brier = mean (p - y)^2, nll = mean of -log likelihood.
 */
typedef struct hg_score_calibration {
    double ece, brier, nll;
} hg_score_calibration;

/** @param probability [n] in 0..1, else HG_ERR_DATA. @param n_bins equal bins of 0..1, 1 .. 10000.
 *  @return HG_OK, HG_ERR_ARG, HG_ERR_DATA (also for a sum of weights 0), HG_ERR_NOMEM. */
HG_API hg_status hg_metric_calibration(hg_context *ctx, int64_t n, const hg_real *probability, const uint8_t *label, const hg_real *weight,
                                       int n_bins, hg_score_calibration *out);

/** Temperature T > 0 that minimises the mean negative log likelihood of sigmoid(logit / T) (Guo et al., arXiv:1706.04599).
 *  @param nll receives the minimum; may be NULL. @return HG_OK; HG_ERR_DATA one class only, or logits that separate the classes (T -> 0).
 */
HG_API hg_status hg_metric_temperature(hg_context *ctx, int64_t n, const hg_real *logit, const uint8_t *label, const hg_real *weight,
                                       double *temperature, double *nll);

/* ---- intervals for a fraction passed / total (PHYSICS 9.2) ---- */

/** Wilson score interval; z = 1 for 68.27 %. total may be an effective number of weighted entries; 0 gives [0, 1]. */
HG_API void hg_interval_wilson(double passed, double total, double z, double *low, double *high);
/** Clopper-Pearson interval that leaves out `outside` in all (0.3173 for 68.27 %); never under-covers. */
HG_API void hg_interval_clopper_pearson(double passed, double total, double outside, double *low, double *high);
/** Regularised incomplete beta function I_x(a, b), a, b > 0, and its inverse in x. Relative accuracy about 1e-13. */
HG_API double hg_incomplete_beta(double a, double b, double x);
HG_API double hg_incomplete_beta_inverse(double a, double b, double p);

#ifdef __cplusplus
}
#endif
#endif
