/* pipeline/usable_hits.c — hits of volumes that are not asked for, or that lie where their module is not: left out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/usable_hits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"

/* More than one hit in so many off its module: the detector is another one. */
enum { MISMATCH = 5 };

void hg_left_out_add(const hg_left_out *more, hg_left_out *sum)
{
    sum->misplaced += more->misplaced;
    sum->unused += more->unused;
}

hg_hit_rule hg_setup_hit_rule(const hg_setup *setup)
{
    return (hg_hit_rule){setup->detector, setup->layer_used, setup->calibration};
}

static void describe(const hg_hits *hits, int64_t i, double off_mm, char *text, size_t size)
{
    const int n = snprintf(text, size, "hit_id %" PRIu64 ", volume %d layer %d module %d", hits->hit_id[i], hits->volume_id[i],
                           hits->layer_id[i], hits->module_id[i]);
    if (isfinite(off_mm))
        snprintf(text + n, size - (size_t)n, ", %.3g mm off", off_mm);
    else
        snprintf(text + n, size - (size_t)n, ", is not in the detector or has no place");
}

/* Marks the usable hits, keep [n hits] = 1, counts the others, and warns of those off their modules. */
static hg_status mark_usable(hg_context *ctx, const hg_hit_rule *rule, const hg_event *event, uint8_t *keep, hg_left_out *left_out)
{
    hg_status status = HG_OK;
    const hg_detector *detector = rule->detector;
    const hg_hits *hits = &event->hits;
    const hg_cells *cells = event->has_cells ? &event->cells : NULL;
    char first[160] = "";
    hg_left_out n = {0};

    for (int64_t i = 0; i < hits->n; ++i) {
        const int64_t module = hg_detector_find(detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
        keep[i] = module < 0 || !rule->layer_used || rule->layer_used[detector->module_layer[module]];
        n.unused += !keep[i];
        if (!keep[i]) continue;
        const double off = hg_hit_misplaced(detector, hits, module, cells, rule->calibration, i);
        keep[i] = off == 0.0;
        if (!keep[i] && n.misplaced++ == 0) describe(hits, i, off, first, sizeof first);
    }
    HG_CHECK(MISMATCH * n.misplaced <= hits->n - n.unused, HG_ERR_DATA,
             "event %" PRIu64 ": %" PRId64 " of %" PRId64 " hits lie outside their modules: is the detector another one? (first: %s)",
             event->event_id, n.misplaced, hits->n - n.unused, first);
    if (n.misplaced > 0)
        hg_log(ctx, HG_LOG_WARN, "event %" PRIu64 ": %" PRId64 " hit%s outside %s (first: %s)", event->event_id, n.misplaced,
               n.misplaced == 1 ? " lies" : "s lie", n.misplaced == 1 ? "its module" : "their modules", first);
    *left_out = n;
done:
    return status;
}

hg_status hg_usable_event_read(hg_context *ctx, const hg_hit_rule *rule, const hg_event_source *source, unsigned parts,
                               hg_usable_event *out)
{
    hg_status status = HG_OK;

    HG_TRY(hg_event_read(ctx, source, parts, &out->whole));
    HG_TRY(hg_alloc(ctx, &out->keep, out->whole->hits.n));
    status = mark_usable(ctx, rule, out->whole, out->keep, &out->left_out);
    if (status < 0) hg_fail_prefix(ctx, "%s", source->path);
    HG_TRY(status);
    if (out->left_out.unused + out->left_out.misplaced > 0)
        HG_TRY(hg_event_select(ctx, out->whole, out->keep, &out->usable));
    else
        out->usable = out->whole;
done:
    return status;
}

void hg_usable_event_clear(hg_context *ctx, hg_usable_event *event)
{
    if (event->usable != event->whole) hg_event_destroy(ctx, event->usable);
    hg_event_destroy(ctx, event->whole);
    hg_free(ctx, event->keep);
    memset(event, 0, sizeof *event);
}

hg_status hg_event_read_usable(hg_context *ctx, const hg_setup *setup, const hg_event_source *source, hg_event **out, hg_left_out *left_out)
{
    const hg_hit_rule rule = hg_setup_hit_rule(setup);
    hg_usable_event event = {0};
    const hg_status status = hg_usable_event_read(ctx, &rule, source, HG_PART_ALL, &event);

    if (status >= 0) {
        *out = event.usable;
        *left_out = event.left_out;
        if (event.whole == event.usable) event.whole = NULL;
        event.usable = NULL;
    }
    hg_usable_event_clear(ctx, &event);
    return status;
}
