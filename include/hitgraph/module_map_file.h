/* hitgraph/module_map_file.h — module maps as files: mapped into memory as they are, or imported from and exported to text. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MODULE_MAP_FILE_H
#define HITGRAPH_MODULE_MAP_FILE_H

#include "hitgraph/detector.h"
#include "hitgraph/module_map.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The maps of one detector, one for each luminous length. Owned (hg_module_maps_close). */
typedef struct hg_module_maps {
    int64_t n;
    hg_module_map **map; /* [n] owned; their arrays lie in the mapped file, if there is one */
    void *file;          /* NULL = the maps own their arrays */
    size_t file_bytes;
} hg_module_maps;
/** Frees the maps, unmaps their file and zeroes the structure. */
HG_API void hg_module_maps_close(hg_context *ctx, hg_module_maps *maps);

/** Chooses the map whose luminous length is nearest in ratio. @param sigma_z_mm <= 0 = unknown: the longest. @return borrowed; NULL if
 * there is none. */
HG_API const hg_module_map *hg_module_maps_select(const hg_module_maps *maps, double sigma_z_mm);

/** Opens a file of module maps: one that hg_module_maps_save wrote (mapped read-only: its pages are shared by all processes that use it,
 * and it must not be changed meanwhile), text of 24 columns, or the HDF5 form of hg_module_triplets, told apart by their first bytes.
 *
 *  A mapped file begins with a header: "hgmodmap", u32 version 2, u32 0x01020304, u64 bytes of the file, u64 checksum of all that follows
 * (XXH3-64 over the XXH3-64 of each MiB of it), u64 fingerprint of the detector (XXH3-64 over the ids and centres of its modules), i32
 * modules, i32 maps, then f64 luminous length (mm), i64 pairs, i64 triplets for each map; then the arrays of hg_module_map in their order,
 * map after map, each at a multiple of 64 bytes.
 *
 *  @param detector borrowed; the maps must be of this one. @param out untouched on error.
 *  @return HG_OK; HG_ERR_IO; HG_ERR_FORMAT no module map, cut short, damaged (message: the file, what was expected and found); HG_ERR_DATA
 *  numbers that would lead a search astray; HG_ERR_MODEL a module map of another detector; HG_ERR_NOMEM. Cost: linear. */
HG_API hg_status hg_module_maps_open(hg_context *ctx, const char *path, const hg_detector *detector, hg_module_maps *out);

/** Writes maps of a detector, to be mapped; the old file stays until the new one is complete.
 *  @return HG_OK; HG_ERR_ARG no map, or modules that the detector lacks; HG_ERR_IO; HG_ERR_NOMEM. */
HG_API hg_status hg_module_maps_save(hg_context *ctx, hg_module_map *const *maps, int64_t n, const hg_detector *detector, const char *path);

/** Whether a file begins as hg_module_maps_save writes them. */
HG_API bool hg_module_maps_is_mapped(const char *path);

/** Ids of modules as in text: the geometry identifier of ACTS, volume << 56 | layer << 36 | module << 8; what a module's number has above
 *  20 bits goes into the 8 extra bits below. */
HG_API uint64_t hg_module_geometry_id(const hg_module *module);

/** Replaces ids by numbers of the detector's modules, or numbers by ids, in place.
 *  @return HG_OK; HG_ERR_MODEL an id that the detector lacks (message: which triplet and id); HG_ERR_ARG a number out of range. */
HG_API hg_status hg_module_triplets_to_numbers(hg_context *ctx, const hg_detector *detector, hg_module_triplets *triplets);
HG_API hg_status hg_module_triplets_to_ids(hg_context *ctx, const hg_detector *detector, hg_module_triplets *triplets);

#ifdef __cplusplus
}
#endif
#endif
