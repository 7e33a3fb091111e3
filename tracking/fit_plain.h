/* tracking/fit_plain.h — one track while the plain fit is at it: what the rejection of outliers and the annealing filter share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FIT_PLAIN_H
#define HG_TRACKING_FIT_PLAIN_H

#include "tracking/fit.h"

/* While a track is fitted its outlier flags tell why: dropped for good, or not reached in this pass, which the next pass may mend. */
enum { HG_HIT_USED = 0, HG_HIT_DROPPED = 1, HG_HIT_MISSED = 2 };

/* Hits with a lower weight are outliers. */
#define HG_HIT_WEIGHT_MIN 0.5f

/* One track while it is fitted. */
typedef struct hg_plain_fit {
    const hg_kalman *kalman;
    const hg_measurement *measurements; /* [n_hits of the event] */
    const int32_t *hit;                 /* [n] rows of the track's measurements */
    const float *slope_errors;          /* NULL = the measurements' errors stand */
    uint8_t *outlier;                   /* [n] */
    float *weight;                      /* [n] */
    int64_t n;
    hg_filter_step *steps; /* [n] */
    int64_t n_steps;
    int64_t start; /* hit on whose module the next pass starts */
    double chi2;
    int n_scalars;
    double start_sigma2[5]; /* diagonal of the start covariance, already inflated */
    double seed_variance;   /* factor on it in the first pass: below 1 an outlier among the first hits cannot lead astray */
    bool refit;             /* there was a pass before this one, and */
    double matter_qop;      /* this is the q/p that it found */
} hg_plain_fit;

/* Hit i with its errors at the track's slope, once that is known. */
hg_measurement hg_plain_measurement(const hg_plain_fit *f, int64_t i);

/* The same as the filter takes it: a weight makes it so much less certain. */
hg_measurement hg_plain_weighted(const hg_plain_fit *f, int64_t i);

/* The cut on the chi2 of a hit: of the options, by its number of coordinates. */
double hg_plain_cut(const hg_plain_fit *f, const hg_measurement *m);

/* Global position of hit i, mm; a coordinate that is not measured counts as given. */
void hg_plain_position(const hg_plain_fit *f, int64_t i, double x[3]);

/* State and loose errors on hit `first`, from it, hit `outer` > first + 1 and the one half way; no pass counts as made. Returns status
 * bits. */
int hg_plain_start(hg_plain_fit *f, int64_t first, int64_t outer, hg_track_state *state);

/* Filter outward from *state, and smoother; hits missed by the pass before are tried again. Fills the steps. Returns status bits. */
int hg_plain_pass(hg_plain_fit *f, hg_track_state *state);

/* The smoothed state on the first hit still in use starts the next pass: the linearisation is then about the track itself. Returns status
 * bits. */
int hg_plain_restart(hg_plain_fit *f, hg_track_state *state);

/* The annealing filter: passes with weights for all hits; hits of low weight are flagged as dropped, the others count fully in the last
 * pass. *state is then the smoothed state on the first hit. Returns status bits. */
int hg_plain_anneal(hg_plain_fit *f, hg_track_state *state);

#endif
