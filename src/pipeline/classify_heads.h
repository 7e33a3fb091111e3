/* pipeline/classify_heads.h — the heads of a model: targets from truth, losses, and what their columns mean once calibrated. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_HEADS_H
#define HG_PIPELINE_CLASSIFY_HEADS_H

#include "hitgraph/model.h"
#include "pipeline/classify_config.h"

/* What the heads should say of n events; also the user of hg_heads_loss. Arrays owned. */
typedef struct hg_head_targets {
    const hg_heads *heads; /* borrowed */
    int64_t n;
    uint8_t *signal;                      /* [n] */
    int32_t *label;                       /* [n] */
    hg_real *energy, *direction, *vertex; /* [n] log10(E/GeV) - centre; [n, 3]; [n, 3] in units */
    hg_real *weight[HG_N_HEADS];          /* [n] of each head: 0 where the truth does not know */
} hg_head_targets;

/* Targets of all events of a file. HG_ERR_DATA: truth that a head needs is missing, or known of no event. */
hg_status hg_head_targets_make(hg_context *ctx, const hg_heads *heads, const hg_pulse_events *events, bool class_weights,
                               hg_head_targets *out);
/* Zeroed targets of n events that nothing is known of. */
hg_status hg_head_targets_room(hg_context *ctx, const hg_heads *heads, int64_t n, hg_head_targets *out);
/* Copies the rows of some events behind one another, from row `first` on. */
void hg_head_targets_copy(const hg_head_targets *all, const int64_t *chosen, int64_t n, int64_t first, hg_head_targets *to);
/* The rows of some events, as targets of their own. */
hg_status hg_head_targets_select(hg_context *ctx, const hg_head_targets *all, const int64_t *chosen, int64_t n, hg_head_targets *out);
void hg_head_targets_clear(hg_context *ctx, hg_head_targets *targets);

/* What the model gives for a direction as kappa times it, in place: exp(|r|) r, so that concentrations of 1e4 are as near as those of 10.
 */
void hg_direction_expand(hg_real r[3]);

/* The weighted sum of the losses of all heads; user is a hg_head_targets of the batch's events. */
hg_status hg_heads_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss);

/* One number per head, learnt on validation events: the temperature of logits; the factor on predicted widths so that 68.27 % of the truth
 * lies within them; for directions the factor on kappa. 1 where there is nothing to learn from. */
typedef struct hg_head_calibration {
    double factor[HG_N_HEADS];
} hg_head_calibration;

/* @param output [n, heads->width] of the events of `targets`. */
hg_status hg_heads_calibrate(hg_context *ctx, const hg_heads *heads, const hg_real *output, const hg_head_targets *targets,
                             hg_head_calibration *out);

/* The share of vMF directions within an angle: 1 - cos(psi) at which it is `share`, for concentration kappa >= 0. */
double hg_vmf_quantile(double kappa, double share);

#endif
