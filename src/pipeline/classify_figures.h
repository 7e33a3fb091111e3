/* pipeline/classify_figures.h — single figures of a classifier's report, as JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_FIGURES_H
#define HG_PIPELINE_CLASSIFY_FIGURES_H

#include <stdbool.h>

#include "base/json.h"
#include "hitgraph/real.h"

/* Cosine of the angle between two unit vectors, within -1 .. 1. */
double hg_figures_cosine(const float a[3], const float b[3]);

/* Appends {"name", "auc", "reversed", "efficiency": [{"fpr", "efficiency", "low", "high"}, ...]} to a list; nothing if there is one class
 * only. Efficiency: the largest share of signal kept where at most the share fpr of the others is; low and high are Wilson's limits of
 * 68.27 %; a rate that the number of others cannot show (fewer than 1/fpr of them) is left out.
 * @param turn a cut may look either way: reversed if the area is below 1/2 otherwise. */
hg_status hg_figures_ranking(hg_context *ctx, const char *name, int64_t n, const hg_real *score, const uint8_t *label, bool turn,
                             json_t *list);

/* Sets "calibration": {"ece", "brier", "nll", "temperature"} of the probabilities in rows `row` of `probability` (NULL = left out);
 * temperature: the best one for the logits. */
hg_status hg_figures_calibration(hg_context *ctx, int64_t n, const hg_real *logit, const uint8_t *label, const float *probability,
                                 const int64_t *row, json_t *slice);

/* Appends {"name", "n", "median_deg", "q68_deg", "q90_deg"} and, with kappa, "pull_width" and "coverage_68": kappa (1 - cos psi) is
 * exponential, so psi sqrt(kappa) is Rayleigh; its width is taken from its 68.27 % quantile. @param cosine [n] is used up. */
hg_status hg_figures_angles(hg_context *ctx, const char *name, int64_t n, double *cosine, const double *kappa, json_t *list);

/* Sets KEY: {"n", "bias", "median_error", "q68_error"} and, with widths, "pull_mean", "pull_width" (half the central 68.27 %),
 * "pull_rms" and "coverage_68". @param difference [n] found - true; is used up. */
hg_status hg_figures_pulls(hg_context *ctx, const char *key, int64_t n, double *difference, const double *width, json_t *slice);

#endif
