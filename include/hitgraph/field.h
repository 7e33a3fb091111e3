/* hitgraph/field.h — the magnetic field: constant, thin solenoid (displaced or not), or a sampled map. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_FIELD_H
#define HITGRAPH_FIELD_H

#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque, read-only after creation: threads may share it. */
typedef struct hg_field hg_field;

/** Uniform field along z, in tesla. */
HG_API hg_status hg_field_create_constant(hg_context *ctx, double b_tesla, hg_field **out);

/** Field of a finite thin solenoid along z (Derby and Olbert, Am. J. Phys. 78 (2010) 229), tabulated on a (rho, zeta) grid.
 *  @param radius_mm,half_length_mm > 0. @param b_tesla field at the centre. @param center_mm [3] or NULL = origin. */
HG_API hg_status hg_field_create_solenoid(hg_context *ctx, double radius_mm, double half_length_mm, double b_tesla, const double *center_mm,
                                          hg_field **out);

/** Field sampled on a regular grid, trilinear between points, zero outside.
 *  @param n [3] points per axis, each >= 2. @param origin_mm,step_mm [3]. @param b_tesla borrowed; [n0 * n1 * n2 * 3], z fastest. */
HG_API hg_status hg_field_create_map(hg_context *ctx, const int64_t *n, const double *origin_mm, const double *step_mm,
                                     const double *b_tesla, hg_field **out);
/** Frees a field; NULL is fine. */
HG_API void hg_field_destroy(hg_context *ctx, hg_field *field);

/** Field in tesla at a point in mm. Cost: a table look-up. Threads: reentrant. */
HG_API void hg_field_at(const hg_field *field, const double position_mm[3], double b_tesla[3]);

#ifdef __cplusplus
}
#endif
#endif
