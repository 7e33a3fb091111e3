/* module_box.h — the variables of module maps, and the boxes that they must lie in. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_MODULE_BOX_H
#define HG_GRAPH_MODULE_BOX_H

#include <math.h>
#include <stdbool.h>
#include "graph/doublet_score.h"
#include "hitgraph/module_map.h"

enum { HG_MODULE_PAIR_VALUES = HG_MODULE_PAIR_WINDOW / 2, HG_MODULE_TRIPLET_VALUES = HG_MODULE_TRIPLET_WINDOW / 2 };

/* One hit; eta is that of the line from the origin. */
typedef struct hg_module_hit {
    hg_point at;
    float eta;
} hg_module_hit;

static inline hg_module_hit hg_module_hit_at(const hg_point *point)
{
    return (hg_module_hit){*point, asinhf(point->z / point->r)};
}

/* z0, dphi, phi slope, deta of a pair from inside out; not finite where both hits have the same radius. */
static inline void hg_module_pair_values(const hg_module_hit *a, const hg_module_hit *b, float values[HG_MODULE_PAIR_VALUES])
{
    const float dr = b->at.r - a->at.r, dphi = hg_wrap_phi(b->at.phi - a->at.phi);
    values[0] = a->at.z - a->at.r * (b->at.z - a->at.z) / dr;
    values[1] = dphi;
    values[2] = dphi / dr;
    values[3] = a->eta - b->eta;
}

/* Difference of two ratios; with both denominators 0 it counts as 0, with one it is not finite and fails every box. */
static inline float hg_ratio_difference(float p, float q, float s, float t)
{
    return q == 0 && t == 0 ? 0 : p / q - s / t;
}

/* Differences of dz/dr and of dy/dx, the latter with the signs of the published maps: see hg_module_triplets. */
static inline void hg_module_triplet_values(const hg_point *a, const hg_point *b, const hg_point *c, float values[2])
{
    values[0] = hg_ratio_difference(b->z - a->z, b->r - a->r, c->z - b->z, c->r - b->r);
    values[1] = hg_ratio_difference(b->y - a->y, a->x - b->x, b->y - c->y, b->x - c->x);
}

/* A box about the same centre, `scale` times as wide; 1 leaves every bit. window, out: [2 n] largest, then smallest. */
static inline void hg_module_box_scale(const float *window, int n, float scale, float *out)
{
    for (int k = 0; k < n; ++k) {
        const float more = 0.5f * (scale - 1) * (window[2 * k] - window[2 * k + 1]);
        out[2 * k] = window[2 * k] + more;
        out[2 * k + 1] = window[2 * k + 1] - more;
    }
}

static inline bool hg_module_box_holds(const float *window, int n, const float *values)
{
    for (int k = 0; k < n; ++k)
        if (!(values[k] < window[2 * k] && values[k] > window[2 * k + 1])) return false;
    return true;
}

/* Places of the arrays in a block, in the order of the struct, and its size at the end. */
enum { HG_MODULE_MAP_ARRAYS = 7 };
void hg_module_map_offsets(int32_t n_modules, int64_t n_pairs, int64_t n_triplets, size_t offset[HG_MODULE_MAP_ARRAYS + 1]);

/* Points the arrays of a map, whose numbers are set, into a block. */
void hg_module_map_view(hg_module_map *map, const void *block);

/* HG_ERR_DATA if a map from a file would lead the search astray. Cost: linear. */
hg_status hg_module_map_check(hg_context *ctx, const hg_module_map *map);

/* Row of a pair, or -1. */
int64_t hg_module_map_find(const hg_module_map *map, int32_t inner, int32_t outer);

#endif
