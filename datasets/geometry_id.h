/* datasets/geometry_id.h — geometry identifiers of ACTS: volume 8 bits, boundary 8, layer 12, approach 8, sensitive 20, extra 8. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_GEOMETRY_ID_H
#define HG_DATASETS_GEOMETRY_ID_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/detector.h"

enum {
    HG_ID_VOLUME_SHIFT = 56,
    HG_ID_BOUNDARY_SHIFT = 48,
    HG_ID_LAYER_SHIFT = 36,
    HG_ID_APPROACH_SHIFT = 28,
    HG_ID_SENSITIVE_SHIFT = 8,
    HG_ID_SENSITIVE_BITS = 20,
    HG_ID_VOLUMES = 1 << 8,
    HG_ID_LAYERS = 1 << 12,
    HG_ID_MODULES = 1 << 28
};

/* A sensor; others are boundaries, layers and passive surfaces. */
static inline bool hg_id_is_module(uint64_t id)
{
    return (id >> HG_ID_BOUNDARY_SHIFT & 0xff) == 0 && (id >> HG_ID_APPROACH_SHIFT & 0xff) == 0 &&
           (id >> HG_ID_SENSITIVE_SHIFT & 0xfffff) > 0;
}

static inline int32_t hg_id_volume(uint64_t id)
{
    return (int32_t)(id >> HG_ID_VOLUME_SHIFT);
}

static inline int32_t hg_id_layer(uint64_t id)
{
    return (int32_t)(id >> HG_ID_LAYER_SHIFT & 0xfff);
}

/* The number that tells the modules of a layer apart: the sensitive bits, above them the extra bits, which are mostly 0. */
static inline int32_t hg_id_module(uint64_t id)
{
    return (int32_t)((id >> HG_ID_SENSITIVE_SHIFT & 0xfffff) | (id & 0xff) << HG_ID_SENSITIVE_BITS);
}

/* The identifier of these three numbers, each in its range. */
static inline uint64_t hg_id_of(int32_t volume, int32_t layer, int32_t module)
{
    const uint64_t m = (uint32_t)module;
    return (uint64_t)(uint32_t)volume << HG_ID_VOLUME_SHIFT | (uint64_t)(uint32_t)layer << HG_ID_LAYER_SHIFT |
           (m & 0xfffff) << HG_ID_SENSITIVE_SHIFT | m >> HG_ID_SENSITIVE_BITS;
}

#endif
