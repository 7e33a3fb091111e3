/* pipeline/evaluation.h — tracks given as labels of hits, or as lists, against the truth of their events. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_EVALUATION_H
#define HG_PIPELINE_EVALUATION_H

#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/metrics.h"
#include "hitgraph/tracks_file.h"
#include "pipeline/metric_tables.h"

typedef struct hg_evaluation {
    hg_track_report tracks;
    bool with_losses; /* count where targets were lost; set by the caller, with the cuts on the scores */
    double doublet_min, triplet_min;
    int64_t n_misplaced;      /* hits off their modules, which the events lack; counted by the caller */
    hg_metric_tables *tables; /* borrowed, set by the caller; NULL = no tables */
    int64_t loss[HG_DEFAULT_TARGETS][HG_LOSS_STAGES];
} hg_evaluation;

/* Adds one event. *evaluation must be zero at first, but for what the caller sets.
 * Errors: HG_ERR_DATA no truth, or a hit's module is not in the detector (message: which). */
hg_status hg_evaluation_add(hg_context *ctx, const hg_event *event, const hg_detector *detector, const hg_tracks_content *found,
                            hg_evaluation *evaluation);

/* All definitions side by side as a table, and as one JSON object. Texts are owned by the caller (hg_free). */
hg_status hg_evaluation_print(hg_context *ctx, const hg_evaluation *evaluation, char **out);
hg_status hg_evaluation_json(hg_context *ctx, const hg_evaluation *evaluation, char **out);

#endif
