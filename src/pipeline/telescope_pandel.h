/* pipeline/telescope_pandel.h — arrival times of light from a track in ice: the Pandel density, direct and from a table. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TELESCOPE_PANDEL_H
#define HG_PIPELINE_TELESCOPE_PANDEL_H

#include "hitgraph/context.h"

/* When light that is not scattered reaches a sensor [ns]: along [m] is where the sensor is along the track, d [m] how far from it; the
 * track is at along = 0 at time 0. Phase and group velocity differ (IceTray's rpdf documentation). */
double hg_cherenkov_delay(double along, double d);

/* Metres of ice in which light is scattered as much as on its way to a sensor at distance d [m]; cos_eta as for the simulator's light. */
double hg_pandel_distance(double d, double cos_eta);

/* Both for a sensor that looks down at r from a place of a track along dir: the delay, and hg_pandel_distance. */
double hg_pandel_look(const double r[3], const double dir[3], double *distance);

/* Density [1/ns] of the residual time of a photo-electron at distance d [m] from a track, smoothed by a jitter > 0. */
double hg_pandel_density(double residual_ns, double d, double cos_eta, double jitter_ns);

/* Smoothings that are tabulated: the last is that of the photomultiplier and of what the ice model does not know; a search begins with
 * wider ones, in which far starts still see where to go. */
enum { HG_PANDEL_JITTERS = 3, HG_PANDEL_LATE_CELLS = 512, HG_PANDEL_FAR_CELLS = 96 };
extern const double hg_pandel_jitter_ns[HG_PANDEL_JITTERS];

/* Logarithms of the density of one smoothing with a floor of noise, at knots: equal steps of r / (c + |r|) of the residual and of
 * d / (c + d) of the distance, which are fine where the density is steep. */
typedef struct hg_pandel_table {
    double late_scale, far_scale; /* the constants c [ns], [m] */
    float log_density[HG_PANDEL_FAR_CELLS + 1][HG_PANDEL_LATE_CELLS + 1];
} hg_pandel_table;

/* The tables of all smoothings: [HG_PANDEL_JITTERS], hg_free by the caller. */
hg_status hg_pandel_tables_make(hg_context *ctx, hg_pandel_table **out);

/* Sum over n residuals and distances (of hg_pandel_distance) of the logarithm of density and floor, read from the table bilinearly. */
double hg_pandel_table_sum(const hg_pandel_table *table, int n, const double *residual_ns, const double *distance);

/* What the table holds, without it: log((1 - share) density + share / width) with the noise's share and width. */
double hg_pandel_log_density(double residual_ns, double distance, double jitter_ns);

#endif
