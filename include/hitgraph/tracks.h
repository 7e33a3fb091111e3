/* hitgraph/tracks.h — found and fitted tracks as structures of arrays. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRACKS_H
#define HITGRAPH_TRACKS_H

#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Status bits of a fitted track; 0 = all well. Bits below HG_TRACK_FAILED inform; from it on the fit failed and params are 0, never NaN.
 */
typedef enum hg_track_status {
    HG_TRACK_OK = 0,
    HG_TRACK_OUTLIERS = 1 << 0, /* at least one hit was left out of the fit */
    HG_TRACK_CHI2_LARGE = 1 << 1,
    HG_TRACK_FEW_HITS = 1 << 2, /* fewer than 5 measured coordinates beyond the parameters */
    HG_TRACK_FAILED = 1 << 8,
    HG_TRACK_TOO_FEW_HITS = 1 << 9,
    HG_TRACK_NOT_REACHED = 1 << 10, /* a surface was missed */
    HG_TRACK_TANGENT = 1 << 11,     /* the track runs along a surface */
    HG_TRACK_COV_NOT_POSITIVE = 1 << 12,
    HG_TRACK_NONFINITE = 1 << 13,
    HG_TRACK_SEED_BAD = 1 << 14,
    HG_TRACK_MOMENTUM_LOW = 1 << 15
} hg_track_status;

/** Tracks of one event. Hits of track t are hit[hit_offset[t] .. hit_offset[t + 1]), rows of the event's hit table, from inside out.
 *  Parameters at the perigee to the z axis: d0, z0 (mm), phi, theta (rad), q/p (1/GeV); sign of d0 as in ACTS. All arrays owned. */
typedef struct hg_tracks {
    int64_t n, n_hits;
    int64_t *hit_offset; /* [n + 1] */
    int32_t *hit;        /* [n_hits] */
    uint8_t *outlier;    /* [n_hits] 1 = the fit left the hit out */
    float *weight;       /* [n_hits] of the hit in the fit, 0..1; other than 0 and 1 with the annealing filter only */
    double *params;      /* [n, 5] */
    double *cov;         /* [n, 15] lower triangle by rows */
    double *chi2;        /* [n] */
    int32_t *ndf;        /* [n] */
    int32_t *status;     /* [n] bits of hg_track_status */
    int32_t *n_hole;     /* [n] */
    float *score;        /* [n] quality that ranked the track; larger is better */
} hg_tracks;

/** Zeroed room for n tracks with n_hits hits in all. @param out owned by the caller; untouched on error. */
HG_API hg_status hg_tracks_create(hg_context *ctx, int64_t n, int64_t n_hits, hg_tracks **out);
/** Frees tracks; NULL is fine. */
HG_API void hg_tracks_destroy(hg_context *ctx, hg_tracks *tracks);

#ifdef __cplusplus
}
#endif
#endif
