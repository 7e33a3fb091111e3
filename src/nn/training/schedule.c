/* nn/training/schedule.c — how the learning rate changes in the course of training. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "hitgraph/optimiser.h"

hg_schedule hg_schedule_default(double base)
{
    return (hg_schedule){.kind = HG_SCHEDULE_CONSTANT,
                         .base = base,
                         .period = 1,
                         .factor = 1,
                         .start = 1,
                         .growth = 1,
                         .patience = 10,
                         .threshold = 1e-4,
                         .scale = 1,
                         .best = INFINITY};
}

hg_status hg_schedule_check(hg_context *ctx, const hg_schedule *s)
{
    hg_status status = HG_OK;
    HG_CHECK(s->base > 0 && isfinite(s->base), HG_ERR_ARG, "schedule: learning rate %g, expected a positive number", s->base);
    HG_CHECK(s->period >= 1, HG_ERR_ARG, "schedule: period %" PRId64 ", expected 1 or more", s->period);
    HG_CHECK(s->factor > 0 && isfinite(s->factor), HG_ERR_ARG, "schedule: factor %g, expected a positive number", s->factor);
    HG_CHECK(s->start >= 0 && s->floor >= 0, HG_ERR_ARG, "schedule: start %g and floor %g, expected 0 or more", s->start, s->floor);
    HG_CHECK(s->growth >= 1 && isfinite(s->growth), HG_ERR_ARG, "schedule: growth %g, expected 1 or more", s->growth);
    HG_CHECK(s->patience >= 0 && s->warmup >= 0, HG_ERR_ARG, "schedule: patience %" PRId64 " and warm-up %" PRId64 ", expected 0 or more",
             s->patience, s->warmup);
    HG_CHECK(s->n_milestones >= 0 && s->n_milestones <= HG_SCHEDULE_MILESTONES, HG_ERR_ARG, "schedule: %d milestones, expected at most %d",
             s->n_milestones, HG_SCHEDULE_MILESTONES);
    for (int i = 1; i < s->n_milestones; ++i)
        HG_CHECK(s->milestone[i - 1] < s->milestone[i], HG_ERR_ARG,
                 "schedule: milestone %" PRId64 " after %" PRId64 ", expected increasing numbers", s->milestone[i], s->milestone[i - 1]);
done:
    return status;
}

/* Half a cosine from `from` at x = 0 to `to` at x = 1. */
static double half_cosine(double from, double to, double x)
{
    return to + (from - to) * (1 + cos(M_PI * x)) / 2;
}

static double restarts_rate(const hg_schedule *s, int64_t e)
{
    double length = (double)s->period, place = (double)e;
    while (place >= length) {
        place -= length;
        length *= s->growth;
    }
    return half_cosine(s->base, 0, place / length);
}

static double onecycle_rate(const hg_schedule *s, int64_t e)
{
    double last = (double)s->period - 1, top = 0.3 * (double)s->period - 1, x = fmin((double)e, last);
    if (x <= top) return half_cosine(s->base / 25, s->base, top > 0 ? x / top : 1);
    return half_cosine(s->base, s->base / 25e4, last > top ? (x - top) / (last - top) : 1);
}

static double multistep_rate(const hg_schedule *s, int64_t e)
{
    int passed = 0;
    while (passed < s->n_milestones && s->milestone[passed] <= e) ++passed;
    return s->base * pow(s->factor, passed);
}

double hg_schedule_rate(const hg_schedule *s, int64_t e)
{
    if (e < s->warmup) return s->base * (double)(e + 1) / (double)s->warmup;
    switch (s->kind) {
    case HG_SCHEDULE_CONSTANT:
        break;
    case HG_SCHEDULE_STEP:
        return s->base * pow(s->factor, (double)(e / s->period));
    case HG_SCHEDULE_MULTISTEP:
        return multistep_rate(s, e);
    case HG_SCHEDULE_EXPONENTIAL:
        return s->base * pow(s->factor, (double)e);
    case HG_SCHEDULE_LINEAR:
        return s->base * (s->start + (s->factor - s->start) * fmin(1, (double)e / (double)s->period));
    case HG_SCHEDULE_COSINE:
        return half_cosine(s->base, s->floor, (double)e / (double)s->period);
    case HG_SCHEDULE_RESTARTS:
        return restarts_rate(s, e);
    case HG_SCHEDULE_ONECYCLE:
        return onecycle_rate(s, e);
    case HG_SCHEDULE_PLATEAU:
        return s->base * s->scale;
    }
    return s->base;
}

void hg_schedule_report(hg_schedule *s, double metric)
{
    if (s->kind != HG_SCHEDULE_PLATEAU) return;
    if (metric < s->best - s->threshold * fabs(s->best) || (isinf(s->best) && isfinite(metric))) {
        s->best = metric;
        s->bad = 0;
    } else if (++s->bad > s->patience) {
        s->scale *= s->factor;
        s->bad = 0;
    }
}
