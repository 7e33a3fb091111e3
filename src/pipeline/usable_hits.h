/* pipeline/usable_hits.h — the hits of an event that are used: those of the volumes asked for that lie on their modules. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_USABLE_HITS_H
#define HG_PIPELINE_USABLE_HITS_H

#include "hitgraph/trackml.h"
#include "pipeline/track_pipeline.h"

/* What a hit must fit. All borrowed. */
typedef struct hg_hit_rule {
    const hg_detector *detector;
    const bool *layer_used;            /* [detector->n_layers]; NULL = all are */
    const hg_calibration *calibration; /* errors of hits; NULL = by the pitch */
} hg_hit_rule;

/* Numbers of hits that are not used. */
typedef struct hg_left_out {
    int64_t misplaced; /* off their modules, or of none */
    int64_t unused;    /* of volumes that are not asked for */
} hg_left_out;

void hg_left_out_add(const hg_left_out *more, hg_left_out *sum);

hg_hit_rule hg_setup_hit_rule(const hg_setup *setup);

/* An event as it was read, and without the hits that cannot be used. All owned; hg_usable_event_clear frees them. */
typedef struct hg_usable_event {
    hg_event *whole, *usable; /* the same if all hits can be used */
    uint8_t *keep;            /* [n hits of whole] 1 = is in usable */
    hg_left_out left_out;
} hg_usable_event;

/* Reads an event and warns of hits off their modules. Messages begin with the path. *out must be zero; on error what was made is still
 * there. Errors: HG_ERR_DATA more than a fifth of all hits are off their modules: the event is of another detector; those of reading. */
hg_status hg_usable_event_read(hg_context *ctx, const hg_hit_rule *rule, const hg_event_source *source, unsigned parts,
                               hg_usable_event *out);
void hg_usable_event_clear(hg_context *ctx, hg_usable_event *event);

/* As hg_usable_event_read for all parts of an event, of which only the hits that can be used are wanted. *out owned by the caller;
 * untouched on error. */
hg_status hg_event_read_usable(hg_context *ctx, const hg_setup *setup, const hg_event_source *source, hg_event **out,
                               hg_left_out *left_out);

#endif
