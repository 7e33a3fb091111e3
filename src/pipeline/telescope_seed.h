/* pipeline/telescope_seed.h — a first track of an event, and the frame that goes along with it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TELESCOPE_SEED_H
#define HG_PIPELINE_TELESCOPE_SEED_H

#include "hitgraph/pulses.h"
#include "hitgraph/real.h"

/* Which fit the frame belongs to. */
typedef enum hg_seed_kind { HG_SEED_NONE, HG_SEED_LINEFIT, HG_SEED_PANDEL } hg_seed_kind;

enum { HG_SIDE, HG_UP, HG_ALONG };

typedef struct hg_track_seed {
    double axis[3][3]; /* unit vectors: level across the track, up across it, along its travel */
    double place[3];   /* of the track, nearest to the mean place of the pulses it was fitted to */
    double time;       /* there */
    double likelihood; /* log per hit sensor of the Pandel fit; 0 for LineFit */
    double linefit[3]; /* LineFit's direction of travel in the frame */
} hg_track_seed;

/* Seeds of some events; a track straight down through the array's centre where no line can be fitted.
 * @param chosen [n] events; NULL = the first n. @param out [n]. HG_ERR_NOMEM, HG_ERR_INTERRUPTED. Threads: the context's; the same bits for
 * any number. Cost: the tables of a Pandel fit are made by each call, in the time of some hundred fits. */
hg_status hg_track_seeds(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n, hg_seed_kind kind,
                         hg_track_seed *out);

/* Completes a seed whose place, axis[HG_ALONG] and time are those of a fit: the axes across, and the place nearest to `centre`. */
void hg_track_seed_complete(hg_track_seed *seed, const double centre[3]);

/* A point in the frame [m], and how late a pulse there is for Cherenkov light that was not scattered [ns]. */
void hg_track_seed_place(const hg_track_seed *seed, const double x[3], double local[3]);
double hg_track_seed_residual(const hg_track_seed *seed, const double local[3], double time);

/* Turns a vector of three numbers into the frame, and back, in place. */
void hg_track_seed_turn(const hg_track_seed *seed, hg_real vector[3]);
void hg_track_seed_turn_back(const hg_track_seed *seed, hg_real vector[3]);

/* What a network is told of a seed: its direction (3), its likelihood, LineFit's direction in the frame (3). */
enum { HG_SEED_COLUMNS = 7 };
void hg_track_seed_columns(const hg_track_seed *seed, hg_real out[HG_SEED_COLUMNS]);

#endif
