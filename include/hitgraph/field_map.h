/* hitgraph/field_map.h — magnetic fields from a short text or a file. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_FIELD_MAP_H
#define HITGRAPH_FIELD_MAP_H

#include "hitgraph/context.h"
#include "hitgraph/field.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Builds a field from a text:
 *    constant:B_TESLA                                     along z
 *    solenoid:RADIUS_MM,LENGTH_MM,B_TESLA[,X_MM,Y_MM,Z_MM]  LENGTH_MM is the full length of the coil, twice its half length;
 *                                                         B at the centre of the coil, which is X,Y,Z (default 0,0,0)
 *    map:FILE                                             see hg_field_map_read
 *  @param spec borrowed. @param out owned by the caller (hg_field_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_CONFIG the text is none of these (message: which part, what was expected); errors of hg_field_map_read. */
HG_API hg_status hg_field_create_spec(hg_context *ctx, const char *spec, hg_field **out);

/** Reads a field map: a CSV table (plain, .gz or .zst) with a header line, in mm and tesla, rows in any order, on a regular grid:
 *    x,y,z,bx,by,bz   each of the n0 n1 n2 grid points once; trilinear between them
 *    r,z,br,bz        axially symmetric about z, r from 0; resampled to a grid in x, y with the step of r: zero outside the largest r
 *  Outside the grid the field is zero.
 *  @return HG_OK; HG_ERR_FORMAT columns or numbers; HG_ERR_DATA not a regular grid, a point missing or twice (message: which);
 *          HG_ERR_LIMIT more than 2^26 points; HG_ERR_IO; HG_ERR_NOMEM. */
HG_API hg_status hg_field_map_read(hg_context *ctx, const char *path, hg_field **out);

#ifdef __cplusplus
}
#endif
#endif
