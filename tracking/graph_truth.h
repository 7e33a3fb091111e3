/* tracking/graph_truth.h — what rates and losses share: which edges, triplets and seeds are true, and whether rows are in range. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_GRAPH_TRUTH_H
#define HG_TRACKING_GRAPH_TRUTH_H

#include "hitgraph/metrics.h"

/* HG_ERR_ARG unless both ends of all edges are in 0 .. n - 1; `what` names an edge in the message. */
hg_status hg_truth_check_rows(hg_context *ctx, const char *what, int64_t n_edges, const int32_t *sender, const int32_t *receiver,
                              int64_t n);
hg_status hg_truth_check_triplets(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, int64_t n_nodes,
                                  const int64_t *doublet_of, const hg_edge_list *triplets);
hg_status hg_truth_check_lists(hg_context *ctx, const char *what, const hg_truth_order *order, const hg_hit_lists *lists);

/* TRUE_OVERLAP: at least one doublet joins two hits of one layer; true for purities, but no part of the efficiency. */
typedef enum hg_edge_label { HG_EDGE_FALSE, HG_EDGE_TRUE, HG_EDGE_TRUE_OVERLAP } hg_edge_label;
hg_edge_label hg_truth_doublet_label(const hg_truth_order *order, hg_edge_truth truth, const hg_edge_list *doublets, int64_t e);
/* *particle: whose triplet it is; untouched when false. */
hg_edge_label hg_truth_triplet_label(const hg_truth_order *order, hg_edge_truth truth, const hg_edge_list *doublets,
                                     const int64_t *doublet_of, const hg_edge_list *triplets, int64_t t, int32_t *particle);

/* Particle of a seed whose hits are all its own; -1 = none. */
int32_t hg_truth_seed_particle(const hg_truth_order *order, const hg_hit_lists *seeds, int64_t s);

#endif
