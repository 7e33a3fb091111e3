/* hitgraph/doublet_losses.h — why true doublets are not in the doublet graph. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_DOUBLET_LOSSES_H
#define HITGRAPH_DOUBLET_LOSSES_H

#include "hitgraph/doublets.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the builder does to a true doublet: the first condition that it does not meet. */
typedef enum hg_doublet_fate {
    HG_DOUBLET_FOUND,      /* in the graph */
    HG_DOUBLET_SKIPPED,    /* the particle left no hit on a layer in between: the map joins both ends only through it */
    HG_DOUBLET_NO_PAIR,    /* the map does not join these layers at all */
    HG_DOUBLET_INWARD,     /* does not go outward */
    HG_DOUBLET_NO_MODULES, /* module-map mode: the map does not join these modules */
    HG_DOUBLET_WINDOW,     /* outside the search windows or the tables of the layer pair */
    HG_DOUBLET_SCORE,      /* below the threshold of the tables; other modes: outside the box, or in no triplet of modules */
    HG_DOUBLET_NEIGHBOUR,  /* no neighbour agrees in curvature and slope, or the tables of neighbours and rivals refuse it */
    HG_DOUBLET_FATES
} hg_doublet_fate;
/** "found", "layer skipped", ... ; static text. Threads: reentrant. */
HG_API const char *hg_doublet_fate_name(hg_doublet_fate fate);

/** True doublets of targets and their fates. Arrays owned. */
typedef struct hg_doublet_fates {
    int64_t n;
    int32_t *hit;  /* [n, 2] rows, from inside out along the particle; sorted by particle */
    uint8_t *fate; /* [n] hg_doublet_fate */
} hg_doublet_fates;

/** Follows every true doublet of the targets (weight above 0) through the building of a graph: layerwise doublets, and with
 *  options->overlaps two hits of one group on different modules.
 *  @param hits,truth,map borrowed. @param options NULL = defaults. @param doublets borrowed; the graph built from these.
 *  @param out untouched on error; free with hg_doublet_fates_clear.
 *  @return HG_OK; HG_ERR_DATA a particle row out of range; the errors of hg_doublet_graph_create. Cost: builds the graph once more, without
 *  the condition on neighbours. Threads: the context's; same bits for any number. */
HG_API hg_status hg_doublet_fates_find(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_truth *truth,
                                       const hg_doublet_map *map, const hg_doublet_options *options, const hg_doublet_graph *doublets,
                                       hg_doublet_fates *out);
/** Frees the arrays and zeroes the structure. */
HG_API void hg_doublet_fates_clear(hg_context *ctx, hg_doublet_fates *fates);

#ifdef __cplusplus
}
#endif
#endif
