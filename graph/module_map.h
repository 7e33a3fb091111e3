/* module_map.h — which modules true doublets join. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_MODULE_MAP_H
#define HG_GRAPH_MODULE_MAP_H

#include "graph/doublet_learn.h"

/* Fills module_pair and module_window of a map that has none: minima and maxima of the true doublets of each pair of modules.
 * Variables and their order are those of the ATLAS GNN4ITk module map. */
hg_status hg_module_map_learn(hg_context *ctx, const hg_truth_sample *sample, hg_doublet_map *map);

#endif
