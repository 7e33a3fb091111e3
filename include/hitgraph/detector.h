/* hitgraph/detector.h — modules, layers and material of a tracking detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_DETECTOR_H
#define HITGRAPH_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One flat sensor. global = center + rotation * (u, v, w); u is the precise direction, w the normal. Lengths in mm. */
typedef struct hg_module {
    int32_t volume_id, layer_id, module_id;
    double center[3];
    double rotation[9];                    /* row-major; columns are the axes u, v, w in global coordinates */
    double half_u_min, half_u_max, half_v; /* trapezoid: half width half_u_min at v = -half_v, half_u_max at +half_v; 0 = unknown */
    double thickness;                      /* 0 = unknown */
    double pitch_u, pitch_v;               /* 0 = unknown */
} hg_module;

/** All modules of one (volume, layer). Barrel: a cylinder of mean radius r; otherwise a disc at mean z. */
typedef struct hg_layer {
    int32_t volume_id, layer_id;
    bool barrel;
    double r, z;                       /* mean over modules, mm */
    double r_min, r_max, z_min, z_max; /* range of the modules' corners, mm */
    int64_t first_module, n_modules;   /* modules of a layer are contiguous */
} hg_layer;

/** Modules sorted by (volume, layer, module); layers in the same order. Read-only after creation, so threads may share it. */
typedef struct hg_detector {
    int64_t n_modules, n_layers;
    hg_module *modules;    /* [n_modules] owned */
    int32_t *module_layer; /* [n_modules] owned: index of the layer of each module */
    hg_layer *layers;      /* [n_layers] owned */
} hg_detector;

/** Builds a detector from modules in any order.
 *  @param modules borrowed; [n]. @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_DATA rotation not orthonormal, duplicate module, non-finite number (message: which module); HG_ERR_NOMEM. */
HG_API hg_status hg_detector_create(hg_context *ctx, const hg_module *modules, int64_t n, hg_detector **out);
/** Frees a detector; NULL is fine. */
HG_API void hg_detector_destroy(hg_context *ctx, hg_detector *detector);

/** Index of a module, or -1 if the detector has none with these ids. Cost: O(log n). Threads: reentrant. */
HG_API int64_t hg_detector_find(const hg_detector *detector, int32_t volume_id, int32_t layer_id, int32_t module_id);

#ifdef __cplusplus
}
#endif
#endif
