/* pipeline/classify_run.h — a trained model applied to telescope events: scores out. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_RUN_H
#define HG_PIPELINE_CLASSIFY_RUN_H

#include "datasets/score_table.h"
#include "pipeline/classify_heads.h"
#include "pipeline/pulse_graphs.h"

/* A model and all that it needs to be told of events and to be understood. Everything that a directory holds. */
typedef struct hg_classifier {
    hg_model *model;           /* owned */
    hg_classify_config config; /* of its training; only graph.* and classify.* matter */
    hg_heads heads;
    hg_graph_layout layout; /* borrows config: a classifier must not be copied */
    hg_head_calibration calibration;
} hg_classifier;

/* HG_ERR_MODEL: no model of telescope events. @param out owned by the caller (hg_classifier_destroy). */
hg_status hg_classifier_load(hg_context *ctx, const char *directory, hg_classifier **out);
void hg_classifier_destroy(hg_context *ctx, hg_classifier *classifier);

/* Stores what the classifier knows with its model and writes the directory. */
hg_status hg_classifier_save(hg_context *ctx, hg_classifier *classifier, const char *directory);

/* The model's numbers of some events; directions are kappa times the direction in the array's frame, however the model gives them.
 * @param seed as for hg_pulse_graphs_make. @param output [n, heads.width] */
hg_status hg_classifier_outputs(hg_context *ctx, const hg_classifier *classifier, const hg_pulse_events *events, const hg_track_seed *seed,
                                const int64_t *chosen, int64_t n, hg_real *output);

enum { HG_CLASSIFY_BATCH = 128, HG_CLASSIFY_EXAMPLES = 20 };

/* Events whose scores are no numbers. */
typedef struct hg_classify_failures {
    int64_t n;
    uint64_t example[HG_CLASSIFY_EXAMPLES];
    char first[256]; /* message of the first one */
} hg_classify_failures;

/* Scores of all events; those that fail are left out and listed.
 * @return HG_OK; HG_INFO_PARTIAL some failed; HG_ERR_DATA pulses lack what the model reads. Threads: the same bits for any number. */
hg_status hg_classifier_apply(hg_context *ctx, const hg_classifier *classifier, const hg_pulse_events *events,
                              hg_classify_failures *failures, hg_score_table *out);

#endif
