/* hitgraph/classical_seeds.h — triplets of space points by cuts on helices, without graph or network. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_CLASSICAL_SEEDS_H
#define HITGRAPH_CLASSICAL_SEEDS_H

#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Cuts; start from hg_classical_default_options. Lengths mm. */
typedef struct hg_classical_options {
    double field_tesla;            /* along z at the beam line; not 0; default 2 */
    double pt_min_gev;             /* of the circle through the three points; default 0.25 */
    double d0_max, z0_max;         /* of the helix at the beam line; defaults 1, 200 */
    double radial_min, radial_max; /* distance in r of neighbouring points; defaults 2, 160 */
    double along_max;              /* the same in z; default 450 */
    double cot_max;                /* |z| / r of both halves; default 27.3 (|eta| = 4) */
    double point_sigma;            /* error of a point along z and r; default 0.05 */
    double x_over_x0;              /* material at the middle point, normal incidence; default 0.02 */
    double deviations;             /* both halves agree in slope within so many standard deviations; default 3 */
    int32_t per_middle;            /* 1..16: best triplets kept of each middle point; default 5 */
} hg_classical_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_classical_options hg_classical_default_options(void);

/** Space points of one event. All arrays borrowed. */
typedef struct hg_space_points {
    int64_t n;
    const double *x, *y, *z; /* [n] mm */
    const int32_t *layer;    /* [n] 0 .. n_layers - 1 */
    int32_t n_layers;
    const uint8_t *use; /* [n] 0 = not a precise space point, left out; NULL = all are used */
} hg_space_points;

/** Triplets from inside out. Arrays owned (hg_classical_triplets_clear). */
typedef struct hg_classical_triplets {
    int64_t n;
    int32_t *hit; /* [n, 3] rows of the points; sorted by the middle one, best first */
    float *score; /* [n] 0.25 .. 1: 2^-(a^2 + b^2) with slope difference and impact a, b in units of their cuts */
} hg_classical_triplets;

/** All triplets that the cuts leave: for each middle point the inner and outer points on other layers whose straight line in r-z meets the
 *  luminous region, then pairs of them whose slopes agree within errors and scattering and whose circle has the curvature and the impact
 *  parameter asked for (the seeding of the ACTS tool chain, arXiv:2106.13593, section 5.1).
 *  @param options NULL = defaults. @param out untouched on error.
 *  @return HG_OK; HG_ERR_ARG a cut out of range; HG_ERR_DATA a layer out of range or a point not finite (message: which); HG_ERR_NOMEM.
 *  Cost: points times points in their windows. Threads: the context's; same bits for any number. */
HG_API hg_status hg_classical_triplets_find(hg_context *ctx, const hg_space_points *points, const hg_classical_options *options,
                                            hg_classical_triplets *out);
/** Frees the arrays and zeroes the structure. */
HG_API void hg_classical_triplets_clear(hg_context *ctx, hg_classical_triplets *triplets);

#ifdef __cplusplus
}
#endif
#endif
