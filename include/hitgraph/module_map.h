/* hitgraph/module_map.h — module maps as the graph builder uses them: which modules doublets and triplets join, with a box each. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MODULE_MAP_H
#define HITGRAPH_MODULE_MAP_H

#include "hitgraph/doublets.h"
#include "hitgraph/module_triplets.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Numbers of a pair's box: largest, then smallest z0 (mm), dphi (rad), phi slope (rad/mm), deta, as in hg_module_triplets. */
enum { HG_MODULE_PAIR_WINDOW = 8 };

/** Modules are numbered 0 .. n_modules - 1 as in the detector and in hg_doublet_hits. Arrays are read-only, so threads may share them; they
 *  lie in `block`, or in a mapped file. */
struct hg_module_map {
    double sigma_z_mm; /* rms of the vertices along the beam line that it was learned at; 0 = unknown */
    int32_t n_modules;
    int64_t n_pairs, n_triplets;
    const int64_t *pair_first;    /* [n_modules + 1] first pair of each inner module */
    const int32_t *pair_outer;    /* [n_pairs] ascending for each inner module */
    const float *pair_window;     /* [n_pairs, HG_MODULE_PAIR_WINDOW] what any triplet with the pair allows */
    const int64_t *triplet_first; /* [n_modules + 1] first triplet of each middle module */
    const int32_t *triplet_pair;  /* [n_triplets, 2] rows of its pairs; ascending for each middle module */
    const int64_t *occurrence;    /* [n_triplets] tracks seen there */
    const float *window;          /* [n_triplets, HG_MODULE_TRIPLET_WINDOW] */
    void *block;                  /* owned; NULL = the arrays belong to somebody else */
};

/** Sorts and indexes triplets. @param triplets borrowed; modules are numbers 0 .. n_modules - 1 here, rows in any order.
 *  @param out owned by the caller (hg_module_map_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_DATA a module out of range, twice in a triplet, a triplet listed twice, a smallest value that is not at most the
 *  largest; HG_ERR_LIMIT more than 2^31 - 1 triplets; HG_ERR_NOMEM. Cost: O(n log n). Threads: reentrant. */
HG_API hg_status hg_module_map_create(hg_context *ctx, const hg_module_triplets *triplets, int32_t n_modules, double sigma_z_mm,
                                      hg_module_map **out);
/** Frees a map; NULL is fine. */
HG_API void hg_module_map_destroy(hg_context *ctx, hg_module_map *map);

/** The triplets of a map, sorted by their modules. @param out untouched on error; free with hg_module_triplets_clear. */
HG_API hg_status hg_module_map_list(hg_context *ctx, const hg_module_map *map, hg_module_triplets *out);

/* ---- learning ---- */

typedef struct hg_module_learn_options {
    double efficiency; /* triplets seen in fewest tracks are left out as long as this share of all remains; default 1 */
    double margin;     /* a box of n tracks is widened by this times its range / n on each side, and by what one track stands for;
                          default 3 */
    int64_t fewest;    /* tracks of a triplet that is kept; default 1 */
    bool overlaps;     /* doublets inside a layer belong to triplets too; default true */
} hg_module_learn_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_module_learn_options hg_module_default_learn_options(void);

/** Triplets of modules of true tracks, gathered event by event. Opaque. */
typedef struct hg_module_learner hg_module_learner;
HG_API hg_status hg_module_learner_create(hg_context *ctx, const hg_module_learn_options *options, hg_module_learner **out);
/** Frees a learner; NULL is fine. */
HG_API void hg_module_learner_destroy(hg_context *ctx, hg_module_learner *learner);

/** Adds the tracks of targets (weight above 0) of one event: two true doublets that share a hit make a triplet. Doublets join the groups of
 *  hits on consecutive layers, and hits on different modules of one layer.
 *  @return HG_OK; HG_ERR_DATA a particle row or layer out of range; HG_ERR_LIMIT a module number of 2^21 or more; HG_ERR_NOMEM.
 *  Cost: O(n log n). Threads: the context's; same bits for any number. */
HG_API hg_status hg_module_learner_add(hg_context *ctx, hg_module_learner *learner, const hg_doublet_hits *hits,
                                       const hg_doublet_truth *truth);

/** Boxes from the smallest and largest values seen. The learner may go on afterwards. The order of events does not matter.
 *  @param out untouched on error; modules are the numbers of the hits. @return HG_OK; HG_ERR_DATA no triplet was seen; HG_ERR_LIMIT as
 * above; HG_ERR_NOMEM. Threads: the context's; same bits for any number. */
HG_API hg_status hg_module_learner_finish(hg_context *ctx, hg_module_learner *learner, hg_module_triplets *out);

#ifdef __cplusplus
}
#endif
#endif
