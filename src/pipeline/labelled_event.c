/* pipeline/labelled_event.c — events with truth, read and prepared. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/labelled_event.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "pipeline/usable_hits.h"

hg_status hg_labelled_event_read(hg_context *ctx, const hg_setup *setup, const hg_event_source *source, hg_labelled_event *out)
{
    hg_status status = HG_OK;
    hg_left_out left_out;

    HG_TRY(hg_event_read_usable(ctx, setup, source, &out->event, &left_out));
    HG_CHECK(out->event->has_truth && out->event->has_particles, HG_ERR_DATA, "%s: truth and particles are needed for learning",
             source->path);
    HG_TRY(hg_prepare_event(ctx, out->event, setup->detector, setup->calibration, &out->prepared));
    HG_TRY(hg_prepare_truth(ctx, out->prepared, setup->config.target_pt_gev, &out->truth));
    out->sigma_z_mm = setup->config.sigma_z_mm;
    if (!(out->sigma_z_mm > 0)) HG_TRY(hg_luminous_sigma_z(ctx, &out->prepared->hits, &out->sigma_z_mm));
done:
    return status;
}

static hg_status read_input(hg_context *ctx, const hg_setup *setup, const char *input, hg_labelled_events *events)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;

    HG_TRY(hg_event_list_create(ctx, input, &list));
    HG_TRY(hg_grow(ctx, &events->event, events->n, events->n + list->n));
    for (int64_t i = 0; i < list->n; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        HG_TRY(hg_labelled_event_read(ctx, setup, &list->source[i], &events->event[events->n++]));
        hg_progress(ctx, "read events", i + 1, list->n, input);
    }
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

hg_status hg_labelled_events_read(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, hg_labelled_events *out)
{
    hg_status status = HG_OK;
    hg_labelled_events events = {0};

    for (int i = 0; i < n_inputs; ++i) HG_TRY(read_input(ctx, setup, input[i], &events));
    *out = events;
    memset(&events, 0, sizeof events);
done:
    hg_labelled_events_clear(ctx, &events);
    return status;
}

void hg_labelled_event_clear(hg_context *ctx, hg_labelled_event *event)
{
    hg_prepared_truth_destroy(ctx, event->truth);
    hg_prepared_destroy(ctx, event->prepared);
    hg_event_destroy(ctx, event->event);
    memset(event, 0, sizeof *event);
}

void hg_labelled_events_clear(hg_context *ctx, hg_labelled_events *events)
{
    for (int64_t i = 0; i < events->n; ++i) hg_labelled_event_clear(ctx, &events->event[i]);
    hg_free(ctx, events->event);
    memset(events, 0, sizeof *events);
}
