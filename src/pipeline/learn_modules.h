/* pipeline/learn_modules.h — a file of module maps from events with truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_LEARN_MODULES_H
#define HG_PIPELINE_LEARN_MODULES_H

#include "pipeline/labelled_event.h"

typedef struct hg_learned_modules {
    double sigma_z_mm; /* geometric mean of the events */
    int64_t n_events, n_pairs, n_triplets;
} hg_learned_modules;

/* Learns a module map from the events of the inputs, read one after the other, for each luminous length (an event within a factor of 2.5 of
 * those before belongs to their map), and writes them to path: text of 24 columns if it ends in .txt, which holds one map; otherwise to be
 * mapped. Particles from the configuration's graph.target_pt_gev on count. *learned: [*n], owned by the caller.
 * Errors: those of reading and writing; HG_ERR_DATA an event without truth, no triplet to learn from, text for more than one map. */
hg_status hg_learn_modules(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path,
                           hg_learned_modules **learned, int64_t *n);

#endif
