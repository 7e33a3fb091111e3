/* graph/doublet_inclination.h — inclination of a doublet to the modules of its hits: the arithmetic that plain code and batch kernels
 * share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_INCLINATION_H
#define HG_GRAPH_DOUBLET_INCLINATION_H

#include <math.h>
#include "graph/doublet_measure.h"

/* As in doublet_measure.h: no branches, no calls. */

/* Beyond these inclinations there are few targets, and clusters tell them no more apart. */
static const float hg_largest_s_u = 0.6f, hg_largest_s_v = 8;

/* Directions in the plane across the beam line, of a circle at both ends of a chord. */
typedef struct hg_tangents {
    float x1, y1, x2, y2;
} hg_tangents;

/* The chord turned by the angle that spans half of it. */
static inline hg_tangents hg_chord_tangents(float dx, float dy, float kappa)
{
    float d = sqrtf(dx * dx + dy * dy), turn = 0.5f * kappa * d;
    float sine = turn > 1 ? 1 : turn < -1 ? -1 : turn, cosine = sqrtf(1 - sine * sine), ex = dx / d, ey = dy / d;
    return (hg_tangents){cosine * ex + sine * ey, cosine * ey - sine * ex, cosine * ex - sine * ey, cosine * ey + sine * ex};
}

static inline float hg_limited_slope(float along, float across, float largest)
{
    float slope = fabsf(along) / across;
    return slope < largest ? slope : largest;
}

/* along: the tangent's parts along the axes of the module. Bins: even in |s_u| and in the root of |s_v|. */
static inline void hg_inclination_bins(float along_u, float along_v, float along_w, int32_t *u, int32_t *v)
{
    float across = fabsf(along_w) > 1e-6f ? fabsf(along_w) : 1e-6f;
    float s_u = hg_limited_slope(along_u, across, hg_largest_s_u), s_v = hg_limited_slope(along_v, across, hg_largest_s_v);
    *u = hg_doublet_clamped_bin(s_u / hg_largest_s_u * (float)HG_CLUSTER_BINS, HG_CLUSTER_BINS);
    *v = hg_doublet_clamped_bin(sqrtf(s_v / hg_largest_s_v) * (float)HG_CLUSTER_BINS, HG_CLUSTER_BINS);
}

#endif
