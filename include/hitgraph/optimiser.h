/* hitgraph/optimiser.h — steps, clipping and learning-rate schedules, with PyTorch's conventions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_OPTIMISER_H
#define HITGRAPH_OPTIMISER_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hg_optimiser_kind { HG_OPTIMISER_SGD, HG_OPTIMISER_ADAM, HG_OPTIMISER_ADAMW } hg_optimiser_kind;

typedef struct hg_optimiser_options {
    hg_optimiser_kind kind;
    double weight_decay;          /* added to the gradient (SGD, ADAM) or taken off the weights (ADAMW) */
    double momentum, dampening;   /* SGD */
    bool nesterov;                /* SGD; needs momentum > 0 and dampening 0 */
    double beta1, beta2, epsilon; /* ADAM, ADAMW */
    bool amsgrad;
} hg_optimiser_options;

/** Adam with beta 0.9 and 0.999, epsilon 1e-8, no decay; momentum 0. */
HG_API hg_optimiser_options hg_optimiser_default_options(void);

/** Opaque: the moments of each parameter and the number of steps of each tensor. */
typedef struct hg_optimiser hg_optimiser;

/** @param tensor_offset borrowed; [n_tensors + 1] first parameter of each tensor, the last is the number of parameters.
 *  @param out owned by the caller; untouched on error. @return HG_OK, HG_ERR_ARG an option out of range, HG_ERR_NOMEM. */
HG_API hg_status hg_optimiser_create(hg_context *ctx, const hg_optimiser_options *options, int64_t n_tensors, const int64_t *tensor_offset,
                                     hg_optimiser **out);
/** NULL is fine. */
HG_API void hg_optimiser_destroy(hg_context *ctx, hg_optimiser *optimiser);

/** One step (MODELS 5.1; Kingma and Ba, arXiv:1412.6980; Loshchilov and Hutter, arXiv:1711.05101).
 *  @param parameters [n_parameters] changed in place. @param gradient borrowed; [n_parameters].
 *  @param used [n_tensors]; tensors with 0 are left alone entirely: no decay, no moments, no step count. NULL = all are used.
 *  Threads: uses the context's; same bits for any number. Cost: O(n_parameters). */
HG_API void hg_optimiser_step(hg_context *ctx, hg_optimiser *optimiser, double learning_rate, hg_real *parameters, const hg_real *gradient,
                              const uint8_t *used);

/** State for checkpoints: slots such as "m", "v", "vmax", "momentum", each [n_parameters], and [n_tensors] step counts. Borrowed; may be
 * written. */
HG_API int hg_optimiser_n_slots(const hg_optimiser *optimiser);
HG_API const char *hg_optimiser_slot_name(const hg_optimiser *optimiser, int slot);
HG_API hg_real *hg_optimiser_slot(hg_optimiser *optimiser, int slot);
HG_API int64_t *hg_optimiser_steps(hg_optimiser *optimiser);

/** Scales a gradient by min(1, limit / (norm + 1e-6)), norm = its Euclidean length, summed in double over fixed blocks.
 *  @param limit 0 = measure only. @param norm receives the length before scaling. @return HG_OK or HG_ERR_NOMEM. */
HG_API hg_status hg_gradient_clip(hg_context *ctx, int64_t n, hg_real *gradient, double limit, double *norm);

typedef enum hg_schedule_kind {
    HG_SCHEDULE_CONSTANT,
    HG_SCHEDULE_STEP,        /* times factor every `period` */
    HG_SCHEDULE_MULTISTEP,   /* times factor at each milestone */
    HG_SCHEDULE_EXPONENTIAL, /* times factor each time */
    HG_SCHEDULE_LINEAR,      /* from start to factor (both times base) over period */
    HG_SCHEDULE_COSINE,      /* from base to floor in half a cosine of `period`, periodic */
    HG_SCHEDULE_RESTARTS,    /* cosine to 0 with restarts; cycles of period, period growth, period growth^2 ... */
    HG_SCHEDULE_ONECYCLE,    /* base / 25 up to base at 30 % of period, down to base / 250000; half cosines */
    HG_SCHEDULE_PLATEAU      /* times factor when the metric has not improved for more than `patience` reports */
} hg_schedule_kind;

enum { HG_SCHEDULE_MILESTONES = 16 };

/** Plain data; the last three fields are the state of PLATEAU, changed by hg_schedule_report only. */
typedef struct hg_schedule {
    hg_schedule_kind kind;
    double base;    /* learning rate that everything else scales, > 0 */
    int64_t period; /* in units of the caller's steps or epochs, >= 1 */
    double factor, start, floor, growth;
    int n_milestones;
    int64_t milestone[HG_SCHEDULE_MILESTONES]; /* increasing */
    int64_t patience;
    double threshold; /* relative improvement that counts, default 1e-4 */
    int64_t warmup;   /* while e < warmup the rate is base (e + 1) / warmup; 0 = none */
    double scale, best;
    int64_t bad;
} hg_schedule;

/** A constant schedule with neutral values in all fields. */
HG_API hg_schedule hg_schedule_default(double base);
/** @return HG_OK or HG_ERR_ARG with the field that is out of range. */
HG_API hg_status hg_schedule_check(hg_context *ctx, const hg_schedule *schedule);
/** Learning rate after e completed scheduler steps (MODELS 5.2). */
HG_API double hg_schedule_rate(const hg_schedule *schedule, int64_t e);
/** Tells PLATEAU a metric to be minimised; the others ignore it. NaN counts as no improvement. */
HG_API void hg_schedule_report(hg_schedule *schedule, double metric);

#ifdef __cplusplus
}
#endif
#endif
