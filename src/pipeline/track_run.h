/* pipeline/track_run.h — the main verb: all events of the inputs through the pipeline, answers into a directory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_RUN_H
#define HG_PIPELINE_TRACK_RUN_H

#include "pipeline/run_report.h"

typedef struct hg_track_run_options {
    const hg_track_config *config;
    char *const *input; /* directories, prefixes, files */
    int n_inputs;
    const char *directory; /* gets submission.csv and tracks.h5 */
} hg_track_run_options;

/* Called after each event. On success failure is NULL; otherwise it says what was wrong and report is NULL. */
typedef void hg_track_run_fn(void *user, const char *event, const hg_run_report *report, const char *failure);

/* What became of a run; filled on error too. */
typedef struct hg_track_outcome {
    hg_run_report total; /* sum of all good events; hg_run_report_clear */
    int64_t n_failed;    /* bad events, and inputs without events */
    bool output_failed;  /* the error that ended the run is of writing, not of reading */
} hg_track_outcome;

/* Events that cannot be read or tracked, and inputs without events, are reported and left out; the others are written. If no event is
 * good, nothing is written. Errors: of loading models and maps, of writing; HG_ERR_INTERRUPTED, HG_ERR_LIMIT and HG_ERR_NOMEM end the run
 * and write nothing. */
hg_status hg_track_run(hg_context *ctx, const hg_track_run_options *options, hg_track_run_fn *fn, void *user, hg_track_outcome *outcome);

#endif
