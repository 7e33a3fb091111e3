/* pipeline/labelled_event.h — events with truth, read and prepared: what learning and training start from. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_LABELLED_EVENT_H
#define HG_PIPELINE_LABELLED_EVENT_H

#include "hitgraph/trackml.h"
#include "pipeline/prepare.h"
#include "pipeline/setup.h"

typedef struct hg_labelled_event {
    hg_event *event;
    hg_prepared *prepared;
    hg_prepared_truth *truth;
    double sigma_z_mm; /* luminous length: the setting, or the estimate from the hits */
} hg_labelled_event;

/* Reads one event, as far as its hits can be used (pipeline/usable_hits.h). *out must be zero; on error what was made is still there.
 * Errors: HG_ERR_DATA no truth or particles; those of reading.
 */
hg_status hg_labelled_event_read(hg_context *ctx, const hg_setup *setup, const hg_event_source *source, hg_labelled_event *out);
void hg_labelled_event_clear(hg_context *ctx, hg_labelled_event *event);

typedef struct hg_labelled_events {
    int64_t n;
    hg_labelled_event *event; /* [n] owned, in the order of the inputs */
} hg_labelled_events;

/* Reads all events of the inputs (directories, prefixes, files); all need truth and particles.
 * Errors: HG_ERR_DATA an event has none; those of reading. *out owned by the caller. */
hg_status hg_labelled_events_read(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, hg_labelled_events *out);
void hg_labelled_events_clear(hg_context *ctx, hg_labelled_events *events);

#endif
