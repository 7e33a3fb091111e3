/* nn/training/optimiser.c — SGD with momentum, Adam and AdamW with PyTorch's conventions, and clipping of gradients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "hitgraph/optimiser.h"

enum { MAX_SLOTS = 3 };

struct hg_optimiser {
    hg_optimiser_options options;
    int64_t n_tensors;
    int64_t *offset; /* [n_tensors + 1] owned */
    int64_t *steps;  /* [n_tensors] owned */
    int n_slots;
    const char *slot_name[MAX_SLOTS];
    hg_real *slot[MAX_SLOTS]; /* each [n_parameters], owned */
};

hg_optimiser_options hg_optimiser_default_options(void)
{
    return (hg_optimiser_options){.kind = HG_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

static hg_status check_options(hg_context *ctx, const hg_optimiser_options *o)
{
    hg_status status = HG_OK;
    HG_CHECK(o->weight_decay >= 0 && isfinite(o->weight_decay), HG_ERR_ARG, "optimiser: weight decay %g, expected 0 or more",
             o->weight_decay);
    HG_CHECK(o->momentum >= 0 && o->momentum < 1, HG_ERR_ARG, "optimiser: momentum %g, expected 0 <= momentum < 1", o->momentum);
    HG_CHECK(o->dampening >= 0 && o->dampening <= 1, HG_ERR_ARG, "optimiser: dampening %g, expected 0 to 1", o->dampening);
    HG_CHECK(!o->nesterov || (o->momentum > 0 && o->dampening == 0), HG_ERR_ARG, "optimiser: Nesterov needs momentum and no dampening");
    if (o->kind != HG_OPTIMISER_SGD) {
        HG_CHECK(o->beta1 >= 0 && o->beta1 < 1, HG_ERR_ARG, "optimiser: beta1 %g, expected 0 <= beta1 < 1", o->beta1);
        HG_CHECK(o->beta2 >= 0 && o->beta2 < 1, HG_ERR_ARG, "optimiser: beta2 %g, expected 0 <= beta2 < 1", o->beta2);
        HG_CHECK(o->epsilon > 0, HG_ERR_ARG, "optimiser: epsilon %g, expected a positive number", o->epsilon);
    }
done:
    return status;
}

hg_status hg_optimiser_create(hg_context *ctx, const hg_optimiser_options *options, int64_t n_tensors, const int64_t *tensor_offset,
                              hg_optimiser **out)
{
    static const char *const adam_slots[] = {"m", "v", "vmax"};
    hg_status status = HG_OK;
    hg_optimiser *o = NULL;

    HG_TRY(check_options(ctx, options));
    HG_CHECK(n_tensors >= 0 && tensor_offset[0] == 0, HG_ERR_ARG, "optimiser: the first tensor starts at parameter %" PRId64 ", expected 0",
             tensor_offset[0]);
    HG_TRY(hg_alloc(ctx, &o, 1));
    o->options = *options;
    o->n_tensors = n_tensors;
    HG_TRY(hg_alloc(ctx, &o->offset, n_tensors + 1));
    HG_TRY(hg_alloc(ctx, &o->steps, n_tensors));
    memcpy(o->offset, tensor_offset, (size_t)(n_tensors + 1) * sizeof *tensor_offset);
    if (options->kind == HG_OPTIMISER_SGD)
        o->n_slots = options->momentum > 0 ? 1 : 0;
    else
        o->n_slots = options->amsgrad ? 3 : 2;
    for (int s = 0; s < o->n_slots; ++s) {
        o->slot_name[s] = options->kind == HG_OPTIMISER_SGD ? "momentum" : adam_slots[s];
        HG_TRY(hg_alloc(ctx, &o->slot[s], tensor_offset[n_tensors]));
    }
    *out = o;
    o = NULL;
done:
    hg_optimiser_destroy(ctx, o);
    return status;
}

void hg_optimiser_destroy(hg_context *ctx, hg_optimiser *optimiser)
{
    if (!optimiser) return;
    for (int s = 0; s < MAX_SLOTS; ++s) hg_free(ctx, optimiser->slot[s]);
    hg_free(ctx, optimiser->offset);
    hg_free(ctx, optimiser->steps);
    hg_free(ctx, optimiser);
}

static void sgd_tensor(const hg_optimiser_options *o, double rate, bool first, int64_t n, hg_real *w, const hg_real *gradient,
                       hg_real *velocity)
{
    for (int64_t i = 0; i < n; ++i) {
        double g = (double)gradient[i] + o->weight_decay * (double)w[i], move = g;
        if (velocity) {
            double v = first ? g : o->momentum * (double)velocity[i] + (1 - o->dampening) * g;
            velocity[i] = (hg_real)v;
            move = o->nesterov ? g + o->momentum * v : v;
        }
        w[i] = (hg_real)((double)w[i] - rate * move);
    }
}

static void adam_tensor(const hg_optimiser_options *o, double rate, int64_t step, int64_t n, hg_real *w, const hg_real *gradient,
                        hg_real *m, hg_real *v, hg_real *v_max)
{
    bool decoupled = o->kind == HG_OPTIMISER_ADAMW;
    double rate1 = rate / (1 - pow(o->beta1, (double)step)), root2 = sqrt(1 - pow(o->beta2, (double)step));
    for (int64_t i = 0; i < n; ++i) {
        double x = (double)w[i], g = (double)gradient[i];
        if (decoupled)
            x *= 1 - rate * o->weight_decay;
        else
            g += o->weight_decay * x;
        double mean = o->beta1 * (double)m[i] + (1 - o->beta1) * g, square = o->beta2 * (double)v[i] + (1 - o->beta2) * g * g;
        m[i] = (hg_real)mean;
        v[i] = (hg_real)square;
        if (v_max) {
            square = fmax((double)v_max[i], square);
            v_max[i] = (hg_real)square;
        }
        w[i] = (hg_real)(x - rate1 * mean / (sqrt(square) / root2 + o->epsilon));
    }
}

void hg_optimiser_step(hg_context *ctx, hg_optimiser *optimiser, double learning_rate, hg_real *parameters, const hg_real *gradient,
                       const uint8_t *used)
{
    hg_optimiser *o = optimiser;
    /* elements are independent: which thread has a tensor does not matter */
#pragma omp parallel for schedule(dynamic, 1) num_threads(hg_context_threads(ctx)) if (o->offset[o->n_tensors] > HG_SUM_BLOCK)
    for (int64_t t = 0; t < o->n_tensors; ++t) {
        int64_t first = o->offset[t], n = o->offset[t + 1] - first;
        if (used && !used[t]) continue;
        int64_t step = ++o->steps[t];
        hg_real *slot[MAX_SLOTS];
        for (int s = 0; s < MAX_SLOTS; ++s) slot[s] = o->slot[s] ? o->slot[s] + first : NULL;
        if (o->options.kind == HG_OPTIMISER_SGD)
            sgd_tensor(&o->options, learning_rate, step == 1, n, parameters + first, gradient + first, slot[0]);
        else
            adam_tensor(&o->options, learning_rate, step, n, parameters + first, gradient + first, slot[0], slot[1], slot[2]);
    }
}

int hg_optimiser_n_slots(const hg_optimiser *optimiser)
{
    return optimiser->n_slots;
}

const char *hg_optimiser_slot_name(const hg_optimiser *optimiser, int slot)
{
    return optimiser->slot_name[slot];
}

hg_real *hg_optimiser_slot(hg_optimiser *optimiser, int slot)
{
    return optimiser->slot[slot];
}

int64_t *hg_optimiser_steps(hg_optimiser *optimiser)
{
    return optimiser->steps;
}

hg_status hg_gradient_clip(hg_context *ctx, int64_t n, hg_real *gradient, double limit, double *norm)
{
    hg_status status = HG_OK;
    double *partial = NULL, sum = 0;
    int64_t n_blocks = hg_block_count(n, HG_SUM_BLOCK);

    HG_TRY(hg_alloc(ctx, &partial, n_blocks));
#pragma omp parallel for schedule(static) num_threads(hg_context_threads(ctx)) if (n_blocks > 1)
    for (int64_t b = 0; b < n_blocks; ++b)
        for (int64_t i = b * HG_SUM_BLOCK; i < n && i < (b + 1) * HG_SUM_BLOCK; ++i)
            partial[b] += (double)gradient[i] * (double)gradient[i];
    for (int64_t b = 0; b < n_blocks; ++b) sum += partial[b];
    *norm = sqrt(sum);
    double scale = limit > 0 ? fmin(1, limit / (*norm + 1e-6)) : 1;
    if (scale < 1)
        for (int64_t i = 0; i < n; ++i) gradient[i] = (hg_real)(scale * (double)gradient[i]);
done:
    hg_free(ctx, partial);
    return status;
}
