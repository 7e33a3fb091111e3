/* pipeline/usable_hits.c — hits of volumes that are not asked for, or that lie where their module is not: left out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/usable_hits.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"

/* More than one hit in so many off its module: the detector is another one. */
enum { MISMATCH = 5 };

static void describe(const hg_hits *hits, int64_t i, double off_mm, char *text, size_t size)
{
    const int n = snprintf(text, size, "hit_id %" PRIu64 ", volume %d layer %d module %d", hits->hit_id[i], hits->volume_id[i],
                           hits->layer_id[i], hits->module_id[i]);
    if (isfinite(off_mm))
        snprintf(text + n, size - (size_t)n, ", %.3g mm off", off_mm);
    else
        snprintf(text + n, size - (size_t)n, ", is not in the detector or has no place");
}

hg_status hg_usable_hits(hg_context *ctx, const hg_setup *setup, const hg_event *event, uint8_t *keep, int64_t *n_left_out)
{
    hg_status status = HG_OK;
    const hg_hits *hits = &event->hits;
    const hg_cells *cells = event->has_cells ? &event->cells : NULL;
    char first[160] = "";
    int64_t n = 0, n_unused = 0;

    for (int64_t i = 0; i < hits->n; ++i) {
        const int64_t module = hg_detector_find(setup->detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
        keep[i] = module < 0 || setup->layer_used[setup->detector->module_layer[module]];
        n_unused += !keep[i];
        if (!keep[i]) continue;
        const double off = hg_hit_misplaced(setup->detector, hits, module, cells, setup->calibration, i);
        keep[i] = off == 0.0;
        if (!keep[i] && n++ == 0) describe(hits, i, off, first, sizeof first);
    }
    HG_CHECK(MISMATCH * n <= hits->n - n_unused, HG_ERR_DATA,
             "event %" PRIu64 ": %" PRId64 " of %" PRId64 " hits lie outside their modules: is the detector another one? (first: %s)",
             event->event_id, n, hits->n - n_unused, first);
    if (n > 0)
        hg_log(ctx, HG_LOG_WARN, "event %" PRIu64 ": %" PRId64 " hit%s outside %s (first: %s)", event->event_id, n,
               n == 1 ? " lies" : "s lie", n == 1 ? "its module" : "their modules", first);
    *n_left_out = n + n_unused;
done:
    return status;
}
