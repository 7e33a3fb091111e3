/* pipeline/learn_maps.c — learns doublet maps from events with truth, one per luminous length. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/learn_maps.h"

#include <math.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"

/* The real samples have 5.5 and 55 mm: a gap of a factor of 2.5 tells them apart, and the estimate's scatter has no such gaps. */
static const double group_ratio = 2.5;

typedef struct event_group {
    const hg_labelled_events *events;
    int64_t *member; /* [n] */
    int64_t n;
} event_group;

static hg_status group_event(hg_context *ctx, void *user, int64_t i, hg_doublet_hits *hits, hg_doublet_truth *truth)
{
    (void)ctx;
    const event_group *group = user;
    const hg_labelled_event *event = &group->events->event[group->member[i]];
    *hits = event->prepared->hits;
    *truth = event->truth->truth;
    return HG_OK;
}

/* Takes the free event of shortest luminous length and all that are no gap away from one taken; returns the geometric mean of their
 * lengths. */
static double take_group(const hg_labelled_events *events, uint8_t *taken, event_group *group)
{
    double longest = INFINITY, log_sum = 0;
    for (int64_t i = 0; i < events->n; ++i) {
        if (!taken[i] && events->event[i].sigma_z_mm < longest) longest = events->event[i].sigma_z_mm;
    }
    group->n = 0;
    for (int64_t i = 0; i < events->n; ++i) {
        if (taken[i] || events->event[i].sigma_z_mm > group_ratio * longest) continue;
        taken[i] = 1;
        group->member[group->n++] = i;
        log_sum += log(fmax(events->event[i].sigma_z_mm, 1e-3));
        if (events->event[i].sigma_z_mm <= longest) continue;
        longest = events->event[i].sigma_z_mm;
        i = -1; /* longer ones may be within reach now */
    }
    return exp(log_sum / (double)group->n);
}

hg_status hg_learn_maps(hg_context *ctx, const hg_labelled_events *events, const hg_doublet_learn_options *options, hg_doublet_map ***map,
                        int64_t *n_maps)
{
    hg_status status = HG_OK;
    hg_doublet_map **maps = NULL;
    uint8_t *taken = NULL;
    event_group group = {.events = events};
    int64_t n = 0, left = events->n;

    HG_TRY(hg_alloc(ctx, &maps, events->n));
    HG_TRY(hg_alloc(ctx, &taken, events->n));
    HG_TRY(hg_alloc(ctx, &group.member, events->n));
    while (left > 0) {
        const double sigma_z_mm = take_group(events, taken, &group);
        left -= group.n;
        hg_log(ctx, HG_LOG_INFO, "learning a map from %" PRId64 " events with a luminous length of %.1f mm", group.n, sigma_z_mm);
        HG_TRY(hg_doublet_map_learn(ctx, options, group_event, &group, group.n, sigma_z_mm, &maps[n]));
        n++;
    }
    *map = maps;
    *n_maps = n;
    maps = NULL;
done:
    for (int64_t m = 0; maps && m < n; ++m) hg_doublet_map_destroy(ctx, maps[m]);
    hg_free(ctx, maps);
    hg_free(ctx, taken);
    hg_free(ctx, group.member);
    return status;
}
