/* datasets/doublet_map.h — doublet maps as a file: one or more, each for its luminous length. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_DOUBLET_MAP_H
#define HG_DATASETS_DOUBLET_MAP_H

#include "hitgraph/doublets.h"

/* Writes maps as one HDF5 file of format "hitgraph-doublet-map"; the old file stays until the new one is complete. */
hg_status hg_doublet_maps_save(hg_context *ctx, hg_doublet_map *const *maps, int64_t n, const char *path);

/* Reads and checks all maps of a file. *maps: [*n] owned by the caller, each by hg_doublet_map_destroy, the list by hg_free; untouched on
 * error. Errors: HG_ERR_IO, HG_ERR_FORMAT, HG_ERR_DATA (message: file and dataset). */
hg_status hg_doublet_maps_load(hg_context *ctx, const char *path, hg_doublet_map ***maps, int64_t *n);

#endif
