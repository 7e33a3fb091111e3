/* doublet_learn.h — the steps of learning a doublet map, in their order. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_LEARN_H
#define HG_GRAPH_DOUBLET_LEARN_H

#include "graph/doublet_score.h"

/* A true doublet of a target, going outward. */
typedef struct hg_true_doublet {
    int32_t layer[2], module[2];
    float weight;
    hg_point p1, p2;
} hg_true_doublet;

/* Two true doublets of one target that share a hit: what the triplet windows cut on. */
typedef struct hg_true_triplet {
    int32_t layer[3];
    float weight, dkappa, dcot;
} hg_true_triplet;

/* Step 1: what truth holds, event after event. Zero-initialise; arrays owned. */
typedef struct hg_truth_sample {
    int64_t n_doublets, room_doublets, n_triplets, room_triplets;
    hg_true_doublet *doublet;
    hg_true_triplet *triplet;
    double weight_across, weight_overlap; /* of all true doublets of targets, whether they go outward or not */
    int32_t n_layers;
    int64_t n_events;
    double *r_sum, *z_sum, *n_sum; /* [n_layers] of all hits */
    uint8_t *barrel;               /* [n_layers] */
} hg_truth_sample;
hg_status hg_truth_sample_add(hg_context *ctx, hg_truth_sample *sample, const hg_doublet_hits *hits, const hg_doublet_truth *truth);
void hg_truth_sample_release(hg_context *ctx, hg_truth_sample *sample);

/* Smallest value such that values up to it hold the share q of the weight. pairs: [n] (value, weight), sorted by value. */
typedef struct hg_weighted {
    float value, weight;
} hg_weighted;
void hg_weighted_sort(hg_weighted *values, int64_t n);
float hg_weighted_quantile(const hg_weighted *values, int64_t n, double q);

/* Step 2: layer pairs with their windows and bins, triplet windows, module map; tables still empty. */
hg_status hg_doublet_windows_learn(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                   hg_doublet_map **out);

/* Step 3: candidates of all events counted per pair and cells; positive counts are weights in units of 1/16. */
typedef struct hg_candidate_counts {
    uint32_t *background, *target; /* [n_pairs, HG_BEND_Z0_CELLS, HG_C_C_CELLS] owned */
} hg_candidate_counts;
enum { HG_WEIGHT_UNIT = 16 };
hg_status hg_candidates_count(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                              hg_candidate_counts *counts);

/* Step 4: tables and thresholds from the counts. */
hg_status hg_doublet_tables_fit(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                const hg_candidate_counts *counts, hg_doublet_map *map);

#endif
