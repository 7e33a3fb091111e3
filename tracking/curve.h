/* tracking/curve.h — tracks as curves in space, for the eye. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_CURVE_H
#define HG_TRACKING_CURVE_H

#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/tracks.h"

enum { HG_CURVE_POINTS = 240 };

/* Points along track t from the perigee (or the first hit) to its last hit; returns their number, 0 when there is nothing to draw. */
int hg_track_curve(const hg_hits *hits, const hg_field *field, const hg_tracks *tracks, int64_t t, double point[HG_CURVE_POINTS][3]);

/* Transverse momentum in GeV, of the fit or from three hits; 0 when there are fewer. */
double hg_track_pt(const hg_hits *hits, const hg_field *field, const hg_tracks *tracks, int64_t t);

#endif
