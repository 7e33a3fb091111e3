/* pipeline/training_sets.h — events with truth turned into training samples for the doublet and the triplet network. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRAINING_SETS_H
#define HG_PIPELINE_TRAINING_SETS_H

#include "hitgraph/train.h"
#include "pipeline/labelled_event.h"

typedef enum hg_training_task { HG_TASK_DOUBLETS, HG_TASK_TRIPLETS } hg_training_task;

/* One graph with features, labels and weights; all arrays owned. */
typedef struct hg_stored_sample {
    hg_graph *graph;
    hg_real *nodes, *edges;
    uint8_t *label;
    hg_real *weight;
    char name[64]; /* event and section */
} hg_stored_sample;

typedef struct hg_stored_set {
    int64_t n;
    hg_stored_sample *sample; /* [n] owned */
    uint64_t hash;            /* of the samples' shapes and labels */
} hg_stored_set;

/* Graphs of the events, cut into `sections` sectors of azimuth (1 = whole events): smaller samples give more optimiser steps.
 * Doublets: every edge of the doublet graph. Triplets: every edge of the line graph of the doublets that `doublet_model` keeps.
 * True edges of particles that are no targets weigh half. *out owned by the caller (hg_stored_set_clear). */
hg_status hg_training_set_make(hg_context *ctx, const hg_setup *setup, hg_training_task task, const hg_model *doublet_model,
                               const hg_labelled_events *events, int sections, hg_stored_set *out);
void hg_stored_set_clear(hg_context *ctx, hg_stored_set *set);

/* The view that hg_train wants. `set` must outlive it. */
hg_sample_set hg_stored_set_view(hg_stored_set *set);

#endif
