/* graph/doublet_measure.h — circle through the beam line and two hits: the arithmetic that plain code and batch kernels share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_MEASURE_H
#define HG_GRAPH_DOUBLET_MEASURE_H

#include <math.h>
#include <stdint.h>
#include "hitgraph/doublets.h"

/* Functions have no branches and no calls, so that the compiler can look at many hits together; all units are compiled without
 * contraction to multiply-adds, so that every instruction set gives the same bits. */

/* asin(u) / u for s = u^2, 0 <= u <= hg_asin_near. Coefficients: Cephes, asinf. */
static const float hg_asin_near = 0.5f;
static inline float hg_asin_series(float s)
{
    return 1 + s * (1.6666752422e-1f + s * (7.4953002686e-2f + s * (4.5470025998e-2f + s * (2.4181311049e-2f + s * 4.2163199048e-2f))));
}

/* asin(u) / u for 0 <= u <= 1; 3e-7 relative. Above 1/2 by asin(u) = pi/2 - 2 asin(sqrt((1 - u) / 2)). */
static inline float hg_asin_over(float u)
{
    float half = 0.5f * (1 - u);
    float s = u > hg_asin_near ? (half > 0 ? half : 0) : u * u;
    float over = hg_asin_series(s);
    float far = 1.5707963268f - 2 * sqrtf(s) * over;
    return u > hg_asin_near ? far / u : over;
}

/* Largest |dphi| that a circle through the beam line with |curvature| <= kappa_max can have between radii r1 < r2. */
static inline float hg_doublet_dphi(float kappa_max, float r1, float r2)
{
    /* the angle grows with the curvature up to the tightest circle that still reaches r2 > r1 */
    float tightest = 1 / r2, half = 0.5f * kappa_max < tightest ? 0.5f * kappa_max : tightest;
    float u1 = half * r1, u2 = half * r2;
    u1 = u1 < 1 ? u1 : 1;
    u2 = u2 < 1 ? u2 : 1;
    return u2 * hg_asin_over(u2) - u1 * hg_asin_over(u1);
}

typedef struct hg_circle {
    float kappa, cot, z0; /* signed, 1/mm; dz over arc length; mm */
} hg_circle;

/* Signed curvature of the circle through the beam line and two hits; *outward: 0 if the doublet does not go outward, and nothing of the
 * circle means anything. */
static inline float hg_circle_kappa(float x1, float y1, float r1, float x2, float y2, float r2, int32_t *outward)
{
    float dx = x2 - x1, dy = y2 - y1;
    float d = sqrtf(dx * dx + dy * dy);
    /* an obtuse angle at the inner hit: the outer one lies before the point of the circle that is farthest from the beam line */
    *outward = (r2 > r1) & (r1 > 0.1f) & (x1 * dx + y1 * dy >= 0);
    return 2 * (x1 * y2 - x2 * y1) / (r1 * r2 * d);
}

/* Sine of half the angle of the arc from the beam line to radius r. */
static inline float hg_circle_half_angle(float kappa, float r)
{
    float u = 0.5f * fabsf(kappa) * r;
    return u < 1 ? u : 1;
}

/* The circle through the beam line and two hits. Returns 0 if the doublet does not go outward; the values then mean nothing. */
static inline int32_t hg_circle_through(float x1, float y1, float z1, float r1, float x2, float y2, float z2, float r2, hg_circle *out)
{
    int32_t outward;
    float kappa = hg_circle_kappa(x1, y1, r1, x2, y2, r2, &outward);
    float t1 = r1 * hg_asin_over(hg_circle_half_angle(kappa, r1)), t2 = r2 * hg_asin_over(hg_circle_half_angle(kappa, r2));
    out->kappa = kappa;
    out->cot = (z2 - z1) / (t2 - t1);
    out->z0 = z1 - t1 * out->cot;
    return outward;
}

static inline int32_t hg_doublet_clamped_bin(float at, int32_t bins)
{
    int32_t bin = (int32_t)at;
    bin = bin < 0 ? 0 : bin;
    return bin >= bins ? bins - 1 : bin;
}

/* Bin of a table's axis along a layer. */
static inline int32_t hg_doublet_c_bin(float c, float low, float high)
{
    return hg_doublet_clamped_bin((c - low) / (high - low) * (float)HG_DOUBLET_C_BINS, HG_DOUBLET_C_BINS);
}

/* Bin of the first table's axis of curvatures, even in their square root; bend <= pair->bend_max. */
static inline int32_t hg_doublet_bend_bin(const hg_doublet_pair *pair, float bend)
{
    return hg_doublet_clamped_bin(sqrtf(bend / pair->bend_max) * (float)HG_DOUBLET_BEND_BINS, HG_DOUBLET_BEND_BINS);
}

#endif
