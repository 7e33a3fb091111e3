/* pipeline/classify_report.h — how good a classifier's scores are against the truth, and how good the classical ways are beside it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_REPORT_H
#define HG_PIPELINE_CLASSIFY_REPORT_H

#include "base/json.h"
#include "datasets/score_table.h"
#include "pipeline/telescope_baselines.h"

typedef struct hg_classify_report_options {
    bool is_signal[HG_N_CLASSES];  /* which classes are signal */
    const hg_baselines *baselines; /* of all events; NULL = not wanted */
} hg_classify_report_options;

/* Compares the rows of a table of scores with the events of the same numbers.
 * The report: {"events", "without_scores", "without_truth", "slices": [{"name", "n", "signal": [...], "calibration": {...},
 * "class": {...}, "energy": {...}, "direction": [...], "vertex": {...}}, ...]}; the first slice is all events, the others are classes
 * (where there are several), ranges of energy and of the number of pulses. Figures that do not exist (one class only, no truth) are left
 * out.
 * @param out json_decref by the caller. @return HG_OK; HG_ERR_DATA no event is in both, or the events have no truth. */
hg_status hg_classify_report(hg_context *ctx, const hg_score_table *scores, const hg_pulse_events *events,
                             const hg_classify_report_options *options, json_t **out);

/* The report as text for people. *out owned by the caller (hg_free). */
hg_status hg_classify_report_print(hg_context *ctx, const json_t *report, char **out);

#endif
