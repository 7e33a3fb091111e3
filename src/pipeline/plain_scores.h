/* pipeline/plain_scores.h — doublets and triplets scored without networks: what the networks are compared with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_PLAIN_SCORES_H
#define HG_PIPELINE_PLAIN_SCORES_H

#include "pipeline/setup.h"
#include "pipeline/track_result.h"

/* Scores of doublets, the triplet graph, scores of triplets, in place of both networks; needs the graph. With tracking.seeds tables a
 * doublet's score is the probability of its likelihood tables; with ca all doublets, the automaton's cells, count alike. A triplet's score
 * is 2 to the power of minus the squared distance of its doublets (hg_triplet_agreement): one half at the learned window. The chains of
 * the track finder then are those of a cellular automaton whose states, the lengths of the longest chains, are found in one sweep. */
hg_status hg_stage_plain_scores(hg_context *ctx, const hg_setup *setup, hg_track_result *result);

#endif
