/* kernels/functions.h — exp, sigmoid and tanh that vectorise: branch-free, relative error below 3e-7 in float; libm in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_FUNCTIONS_H
#define HG_KERNELS_FUNCTIONS_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "hitgraph/real.h"

#ifdef HG_REAL_DOUBLE

static inline hg_real hg_select(int condition, hg_real a, hg_real b)
{
    return condition ? a : b;
}
static inline hg_real hg_exp_negative(hg_real x)
{
    return exp(x);
}
static inline hg_real hg_tanh(hg_real x)
{
    return tanh(x);
}
static inline hg_real hg_erf(hg_real x)
{
    return erf(x);
}
static inline hg_real hg_log1p(hg_real x)
{
    return log1p(x);
}
#define HG_ABS fabs
#define HG_SQRT sqrt

#else

/* a where the condition holds, else b; by bits, because a branch keeps the compiler from vectorising, and by
 * exclusive or, because gcc 12 fails on its own pattern for selecting bits when it compiles for SVE. */
static inline float hg_select(int condition, float a, float b)
{
    uint32_t mask = 0u - (uint32_t)(condition != 0), x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    y ^= (x ^ y) & mask;
    memcpy(&a, &y, sizeof a);
    return a;
}

/* exp(x) for x <= 0; 0 below -87 (the last normal number); NaN stays NaN. Cephes' expf polynomial. */
static inline hg_real hg_exp_negative(hg_real x)
{
    float t = hg_select(x > -87.0f, x, -87.0f);
    int32_t n = (int32_t)(t * 1.44269504f - 0.5f);
    float m = (float)n;
    float r = (t - m * 0.693359375f) + m * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    float y = hg_select(x >= -87.0f, p * scale, 0.0f);
    return hg_select(x != x, x, y);
}

/* Cephes' tanhf: a polynomial near 0, the exponential form elsewhere. */
static inline hg_real hg_tanh(hg_real x)
{
    float a = fabsf(x), s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    float near = p * s * x + x;
    float e = hg_exp_negative(-2.0f * a);
    float far = copysignf((1.0f - e) / (1.0f + e), x);
    return hg_select(a < 0.625f, near, far);
}
static inline hg_real hg_erf(hg_real x)
{
    return erff(x);
}
static inline hg_real hg_log1p(hg_real x)
{
    return log1pf(x);
}
#define HG_ABS fabsf
#define HG_SQRT sqrtf

#endif

static inline hg_real hg_sigmoid(hg_real x)
{
    hg_real e = hg_exp_negative(-HG_ABS(x));
    return hg_select(x < 0, e, 1) / (1 + e);
}

#endif
