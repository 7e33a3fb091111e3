/* pipeline/network_scores.h — doublets and triplets scored by the networks; each stage needs the ones before. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_NETWORK_SCORES_H
#define HG_PIPELINE_NETWORK_SCORES_H

#include "pipeline/setup.h"
#include "pipeline/track_result.h"

hg_status hg_stage_doublet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, hg_track_result *result);
/* The line graph and its features: nodes [doublets kept, HG_TRIPLET_NODE_FEATURES] and edges [triplets, HG_TRIPLET_EDGE_FEATURES] are
 * owned by the caller. */
hg_status hg_stage_triplet_graph(hg_context *ctx, const hg_setup *setup, hg_track_result *result, hg_real **nodes, hg_real **edges);
hg_status hg_stage_triplet_network(hg_context *ctx, const hg_setup *setup, const hg_model *model, const hg_real *nodes,
                                   const hg_real *edges, hg_track_result *result);

#endif
