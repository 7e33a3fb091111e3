/* module_search.h — all candidate doublets of an event that a module map accepts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_MODULE_SEARCH_H
#define HG_GRAPH_MODULE_SEARCH_H

#include "graph/doublet_search.h"

/* The same as hg_candidates_create for the module-map mode: doublets on layer pairs of `map` that go outward and lie in the box of their
 * pair of modules, and of a triplet if options->module_triplets. */
hg_status hg_module_candidates_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_hit_grid *grid, const hg_doublet_map *map,
                                      const hg_doublet_options *options, hg_candidates *out);

#endif
