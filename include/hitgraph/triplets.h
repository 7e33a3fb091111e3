/* hitgraph/triplets.h — features of the line graph: doublets as nodes, triplets as edges. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRIPLETS_H
#define HITGRAPH_TRIPLETS_H

#include "hitgraph/doublets.h"
#include "hitgraph/line_graph.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HG_TRIPLET_NODE_FEATURES = HG_DOUBLET_EDGE_FEATURES + 1, /* the doublet's features, then its network score */
    HG_TRIPLET_EDGE_FEATURES = 12                            /* see hg_triplet_feature_names */
};

extern HG_API const char *const hg_triplet_feature_names[HG_TRIPLET_EDGE_FEATURES];

/** Features of a line graph made by hg_line_graph_build from doublets->graph.
 *
 *  @param hits,doublets,map borrowed; the ones that belong together.
 *  @param score   borrowed; [E doublets] logit of the doublet network.
 *  @param line    borrowed; the line graph. @param doublet borrowed; [line nodes] edge of doublets->graph of each node.
 *  @param nodes   [line nodes, HG_TRIPLET_NODE_FEATURES] overwritten. @param edges [line edges, HG_TRIPLET_EDGE_FEATURES] overwritten.
 *  @return HG_OK; HG_ERR_ARG the line graph does not belong to the doublets. Threads: the context's; same bits for any number.
 *  The deviations of curvature and slope are in units of the windows that the map learned. */
HG_API hg_status hg_triplet_features(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_graph *doublets,
                                     const hg_doublet_map *map, const float *score, const hg_graph *line, const int64_t *doublet,
                                     hg_real *nodes, hg_real *edges);

/** Distance of the two doublets of each triplet in curvature and slope, in units of the windows that the map learned: 99 % of true triplets
 *  lie below 1 (hg_doublet_graph_create has the formula). Infinite for triplets with an overlap, which has no direction.
 *  @param doublets,map,line,doublet borrowed, as for hg_triplet_features. @param distance [line edges] overwritten.
 *  @return HG_OK; HG_ERR_ARG a node of the line graph stands for no doublet. Threads: the context's; same bits for any number. */
HG_API hg_status hg_triplet_agreement(hg_context *ctx, const hg_doublet_graph *doublets, const hg_doublet_map *map, const hg_graph *line,
                                      const int64_t *doublet, float *distance);

#ifdef __cplusplus
}
#endif
#endif
