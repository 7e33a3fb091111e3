/* material_learn.c — thickness and energy loss of material surfaces from how true particles turn and slow down. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "hitgraph/calibration.h"
#include "hitgraph/material.h"
#include "base/check.h"
#include "base/memory.h"
#include "tracking/energy_loss.h"
#include "tracking/material_steps.h"

enum { THICKNESS_TURNS = 40, LOSS_TURNS = 8 };
/* (angle / width)^2 of two projections is exponential with mean 2; beyond the cut lie the tails; the mean below it. */
static const double cut = 9.0, mean_below_cut = 1.8988959, share_min = 20.0;

/* Sums of one iteration: of each surface its shares, and its shares times what was seen. */
static void compare_angles(const hg_kalman *kalman, const hg_material *material, const hg_material_steps *steps, double *share,
                           double *seen)
{
    for (int64_t i = 0; i < material->n; ++i) share[i] = seen[i] = 0.0;
    for (int64_t k = 0; k < steps->n; ++k) {
        const hg_material_step *s = &steps->item[k];
        double part[HG_STEP_CROSSED_MAX], sum = 0.0;
        for (int c = 0; c < s->n; ++c) {
            const double thickness = material->surface[s->surface[c]].x_over_x0 * s->per_cosine[c];
            part[c] = pow(hg_scattering_angle(s->p, kalman->options.mass_gev, thickness), 2);
            sum += part[c];
        }
        const double x = sum > 0.0 ? s->angle2 / sum : cut;
        for (int c = 0; c < s->n && x < cut; ++c) {
            share[s->surface[c]] += part[c] / sum;
            seen[s->surface[c]] += part[c] / sum * x;
        }
    }
}

/* Energy lost on a step across a surface, in units of what the material at hand predicts for the step. */
typedef struct ratio {
    double value, weight; /* weight: the surface's share of the prediction */
} ratio;

static int by_value(const void *left, const void *right)
{
    const ratio *a = left, *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static double weighted_median(ratio *list, int64_t n, double total)
{
    int64_t k = 0;
    double below = 0.0;
    qsort(list, (size_t)n, sizeof *list, by_value);
    while (k < n - 1 && below + list[k].weight < 0.5 * total) below += list[k++].weight;
    return list[k].value;
}

/* What the loss in one surface must be multiplied with so that half of the steps across it lose more; 1 where few tell. */
static double loss_factor(const hg_kalman *kalman, const hg_material *material, const hg_material_steps *steps, int32_t surface,
                          ratio *list)
{
    int64_t n = 0;
    double total = 0.0;
    for (int64_t k = 0; k < steps->n; ++k) {
        const hg_material_step *s = &steps->item[k];
        double mine = 0.0, sum = 0.0;
        for (int c = 0; c < s->n; ++c) {
            const double loss =
                hg_surface_loss(&material->surface[s->surface[c]], s->p, kalman->options.mass_gev, 1.0 / s->per_cosine[c], NULL);
            sum += loss;
            if (s->surface[c] == surface) mine += loss;
        }
        if (!(mine > 0.0)) continue;
        list[n++] = (ratio){s->loss_mev / sum, mine / sum};
        total += mine / sum;
    }
    return total > share_min ? fmax(0.0, weighted_median(list, n, total)) : 1.0;
}

static hg_status learn_losses(hg_context *ctx, const hg_kalman *kalman, const hg_material_steps *steps, hg_material *material)
{
    hg_status status = HG_OK;
    ratio *list = NULL;
    double *factor = NULL;
    HG_TRY(hg_alloc(ctx, &list, steps->n));
    HG_TRY(hg_alloc(ctx, &factor, material->n));
    for (int turn = 0; turn < LOSS_TURNS; ++turn) {
        for (int64_t i = 0; i < material->n; ++i)
            factor[i] = material->surface[i].loss_mev > 0.0 ? loss_factor(kalman, material, steps, (int32_t)i, list) : 1.0;
        for (int64_t i = 0; i < material->n; ++i) material->surface[i].loss_mev *= factor[i];
    }
done:
    hg_free(ctx, list);
    hg_free(ctx, factor);
    return status;
}

hg_status hg_material_learn(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n, double pt_min_gev,
                            hg_material **out)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    double *share = NULL, *seen = NULL;
    hg_material_steps steps = {0};

    HG_CHECK(kalman->material, HG_ERR_ARG, "learning material needs its places, found none");
    HG_TRY(hg_material_create(ctx, kalman->material->surface, kalman->material->n, &material));
    HG_TRY(hg_alloc(ctx, &share, material->n));
    HG_TRY(hg_alloc(ctx, &seen, material->n));
    for (int64_t e = 0; e < n; ++e) HG_TRY(hg_material_steps_add(ctx, kalman, &events[e], pt_min_gev, &steps));
    for (int turn = 0; turn < THICKNESS_TURNS; ++turn) {
        compare_angles(kalman, material, &steps, share, seen);
        for (int64_t i = 0; i < material->n; ++i)
            if (share[i] > share_min) material->surface[i].x_over_x0 *= seen[i] / (share[i] * mean_below_cut);
    }
    HG_TRY(learn_losses(ctx, kalman, &steps, material));
    *out = material;
    material = NULL;
done:
    hg_free(ctx, steps.item);
    hg_free(ctx, share);
    hg_free(ctx, seen);
    hg_material_destroy(ctx, material);
    return status;
}
