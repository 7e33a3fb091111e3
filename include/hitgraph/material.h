/* hitgraph/material.h — material surfaces of TrackML-like detectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MATERIAL_H
#define HITGRAPH_MATERIAL_H

#include "hitgraph/kalman.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Surfaces of the TrackML detector: beam pipe, pixel layers behind their modules, support tube, strip layers in front of theirs, end
 * plates, discs at their mean |z|. x/X0 is the core of the scattering between true hits of simulated events, within 30 % of what the
 * challenge's own sample shows.
 *  @param layer_loss factor on the energy loss in sensor layers: 1 = as measured in the challenge's sample; 0 = none, for samples whose
 * simulation loses energy in pipe and supports only. @param out owned by the caller (hg_material_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG negative or non-finite factor; HG_ERR_NOMEM. */
HG_API hg_status hg_material_create_trackml(hg_context *ctx, double layer_loss, hg_material **out);

/** A copy of n surfaces. @return HG_OK; HG_ERR_DATA non-finite, negative x/X0 or loss, low > high, cylinder of radius <= 0; HG_ERR_NOMEM.
 */
HG_API hg_status hg_material_create(hg_context *ctx, const hg_material_surface *surface, int64_t n, hg_material **out);
/** Frees material; NULL is fine. */
HG_API void hg_material_destroy(hg_context *ctx, hg_material *material);

#ifdef __cplusplus
}
#endif
#endif
