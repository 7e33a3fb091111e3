/* doublet_learn.h — the steps of learning a doublet map, in their order. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_LEARN_H
#define HG_GRAPH_DOUBLET_LEARN_H

#include "graph/neighbour_tables.h"

/* A true doublet of a target, going outward. */
typedef struct hg_true_doublet {
    int32_t layer[2], module[2], hit[2]; /* hit: rows of its event */
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
    double weight_clusters;               /* the share of weight_across in events with clusters */
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

/* Step 2: layer pairs with their windows and bins, triplet windows; tables still empty. */
hg_status hg_doublet_windows_learn(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                   hg_doublet_map **out);

/* Step 3: candidates of all events counted per pair and cells; positive counts are weights in units of 1/16. */
typedef struct hg_candidate_counts {
    uint32_t *background, *target; /* [n_pairs, HG_BEND_Z0_CELLS, HG_C_C_CELLS] owned */
} hg_candidate_counts;
enum { HG_WEIGHT_UNIT = 16 };
hg_status hg_candidates_count(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                              hg_candidate_counts *counts);

/* What one candidate pair of hits is: 1 = true doublet of a target, -1 = of another particle, 0 = background. */
int hg_doublet_kind(const hg_doublet_truth *truth, bool overlap, int32_t i, int32_t j);

/* Step 4: tables and thresholds from the counts. */
hg_status hg_doublet_tables_fit(hg_context *ctx, const hg_doublet_learn_options *options, const hg_truth_sample *sample,
                                const hg_candidate_counts *counts, hg_doublet_map *map);

/* What a cell of a table must change by, from the weight of targets in it and the weight expected by the scores; and its value in the map.
 */
double hg_table_correction(double target, double expected);
int8_t hg_table_quantised(double value);

/* Weight by score; and the largest score such that what lies at or above it holds `wanted`, the lowest if there is none. */
enum { HG_SCORE_BINS = 4000 };
void hg_score_histogram_add(double histogram[HG_SCORE_BINS], float score, double weight);
float hg_score_histogram_threshold(const double histogram[HG_SCORE_BINS], double wanted);

/* Step 5: candidates of the events with clusters that pass the first tables; then the tables of cluster shapes. Zero-initialise. */
typedef struct hg_cluster_candidate {
    uint16_t u[2], v[2]; /* cells of both hits */
    float score;         /* of the first tables */
    float weight;        /* 0 = background */
} hg_cluster_candidate;
typedef struct hg_cluster_sample {
    int64_t n;
    hg_cluster_candidate *candidate; /* [n] owned */
} hg_cluster_sample;
hg_status hg_cluster_sample_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                                hg_cluster_sample *sample);
void hg_cluster_sample_release(hg_context *ctx, hg_cluster_sample *sample);

/* wanted: weight of the true doublets that the threshold keeps. */
hg_status hg_cluster_tables_fit(hg_context *ctx, int rounds, double wanted, const hg_cluster_sample *sample, hg_doublet_map *map);

/* Step 6: tables of neighbours and rivals. Empty ones with their axes for a map without any. */
hg_status hg_neighbour_tables_create(hg_context *ctx, hg_doublet_map *map);

/* How far doublets that share a hit differ, by cell; targets are weights in units of 1/16. */
typedef struct hg_link_counts {
    uint64_t background[HG_LINK_CELLS], target[HG_LINK_CELLS];
} hg_link_counts;
hg_status hg_link_counts_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                             hg_link_counts *counts);
void hg_links_fit(const hg_link_counts *counts, hg_doublet_map *map);

/* The candidates of all events in the cells of one of both tables; rivals need the other one fitted. Zero-initialise. */
typedef struct hg_neighbour_candidate {
    int32_t cell;
    float score;  /* to which the table is added */
    float weight; /* 0 = background */
} hg_neighbour_candidate;
typedef struct hg_neighbour_sample {
    int64_t n;
    hg_neighbour_candidate *candidate; /* [n] owned */
} hg_neighbour_sample;
hg_status hg_neighbour_sample_add(hg_context *ctx, const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                                  bool rivals, hg_neighbour_sample *sample);
void hg_neighbour_sample_release(hg_context *ctx, hg_neighbour_sample *sample);
hg_status hg_neighbour_table_fit(hg_context *ctx, int rounds, const hg_neighbour_sample *sample, int8_t *table);

/* sample: of rivals, their table fitted. wanted: weight of the true doublets that the threshold keeps. */
hg_status hg_neighbour_threshold_find(hg_context *ctx, double wanted, const hg_neighbour_sample *sample, hg_doublet_map *map);

#endif
