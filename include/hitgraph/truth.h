/* hitgraph/truth.h — order of a particle's hits, true doublets and triplets, target particles. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRUTH_H
#define HITGRAPH_TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Truth of one event, joined and ordered. Hits of a particle are ordered by distance from its production vertex and grouped:
 *  consecutive hits on one layer (layer_rank) or on one module (module_rank). All arrays owned. */
typedef struct hg_truth_order {
    int64_t n_hits, n_particles;
    int32_t *particle;                                      /* [n_hits] row in the particle table below, -1 = noise or unknown */
    int32_t *layer_rank, *module_rank;                      /* [n_hits] number of the group along the particle, from 0; -1 = noise */
    uint64_t *particle_id;                                  /* [n_particles] */
    double *pt_gev, *eta, *phi, *vertex_r_mm, *vertex_z_mm; /* [n_particles] at production */
    int32_t *n_hits_of, *n_layers_of;                       /* [n_particles] hits here, distinct layers */
    int32_t *generation;                                    /* [n_particles] bits 24..35 of the id; 0 = generator level */
} hg_truth_order;

/** @param event borrowed; needs truth; without a particle table, momentum and vertex come from the innermost truth hit.
 *  @param hit_module borrowed; [n_hits] module index in the detector; NULL = looked up by the hits' ids.
 *  @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_ARG no truth, a module index out of range; HG_ERR_DATA a particle twice, a module that the detector lacks;
 *  HG_ERR_LIMIT; HG_ERR_NOMEM. Cost: O(n log n). Threads: reentrant. */
HG_API hg_status hg_truth_order_create(hg_context *ctx, const hg_event *event, const hg_detector *detector, const int64_t *hit_module,
                                       hg_truth_order **out);
/** Frees a truth order; NULL is fine. */
HG_API void hg_truth_order_destroy(hg_context *ctx, hg_truth_order *order);

/** True doublet i -> j: same particle, consecutive groups. Layerwise: overlap hits of one layer are not linked, both link on. Modulewise:
 * they are. */
HG_API bool hg_truth_is_doublet_layerwise(const hg_truth_order *order, int64_t i, int64_t j);
HG_API bool hg_truth_is_doublet_modulewise(const hg_truth_order *order, int64_t i, int64_t j);

/** Which particles count: generation 0 (if primary_only), pT above min, at least so many hits and layers, |eta| below max. */
typedef struct hg_target {
    double pt_min_gev, eta_max;
    int32_t hits_min, layers_min;
    bool primary_only;
} hg_target;
/** True where a particle (row of the truth order) passes all cuts. Threads: reentrant. */
HG_API bool hg_truth_is_target(const hg_truth_order *order, const hg_target *target, int64_t particle);

/** The true hits of every target particle made closer to the z axis than vertex_r_max_mm, as one track each, in the order of the
 *  particles; hits by module_rank. @param order,target borrowed. @param out owned by the caller (hg_tracks_destroy); untouched on error.
 *  @return HG_OK or HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_truth_tracks(hg_context *ctx, const hg_truth_order *order, const hg_target *target, double vertex_r_max_mm,
                                 hg_tracks **out);

#ifdef __cplusplus
}
#endif
#endif
