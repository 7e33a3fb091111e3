/* tracking/batch.h — track states carried, updated and smoothed many at a time: one track per lane of a vector.
 * The arithmetic is one source (batch_body.h) in float and in double, compiled once per instruction set. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_BATCH_H
#define HG_TRACKING_BATCH_H

#include "hitgraph/kalman.h"
#include "tracking/batch_world.h"

/* A state takes HG_BATCH_STATE numbers: 5 parameters, 15 of the covariance (lower triangle by rows), and room to fill a cache line. */
enum { HG_BATCH_STATE = 32, HG_BATCH_COV = 5, HG_BATCH_LANES_MAX = 16, HG_BATCH_ROOM_MAX = 64 };

/* Beside the bits of hg_track_status: the batch does not treat this lane; the scalar code must (a track that curls, leaves the table of the
 * field, ...). */
enum { HG_BATCH_HARD = 1 << 20 };

/* Predictions: job i carries state from_index[i] of `from`, on module from_module[i], to module to_module[i]. Arrays of n. */
typedef struct hg_batch_jobs {
    int64_t n;
    const int32_t *from_index, *from_module, *to_module;
    int32_t *status; /* 0, or why the state in `to` is not there */
} hg_batch_jobs;

/* One group of tracks in lanes, filtered from hit 0 on: along the track or against it, as the hits lie. Arrays of the kernels' real type,
 * [..][lanes]; a lane's hits come first, the rest of its steps have module -1. */
typedef struct hg_batch_fit {
    int32_t n_steps;            /* of the longest lane */
    const int32_t *module;      /* [n_steps][lanes] */
    const void *local;          /* [n_steps][2][lanes] */
    const void *variance;       /* [n_steps][2][lanes]; 0 = not measured */
    const void *start;          /* [5][lanes] state on the module of step 0 */
    const void *start_variance; /* [5][lanes] its diagonal covariance */
    bool smooth, full;          /* full: with the smoothed covariances */
    bool refit;                 /* matter acts by the q/p of the start, that of an earlier fit, instead of the filtered one */
    void *work;                 /* [n_steps * HG_BATCH_WORK][lanes] */
    /* results */
    int32_t *status;    /* [n_steps][lanes] why a hit was not taken in; 0 = it was */
    void *last;         /* [20][lanes] filtered state at the last hit taken in */
    int32_t *last_step; /* [lanes] which one; -1 = none */
    void *chi2;         /* [lanes] of the predicted residuals */
    void *parameters;   /* [n_steps][5][lanes] smooth: smoothed */
    void *hit_chi2;     /* [n_steps][lanes] smooth: of the hit against all others */
    void *covariance;   /* [n_steps][15][lanes] full: smoothed; not checked for positivity */
} hg_batch_fit;

/* Numbers per step that the filter keeps for the smoother. */
enum { HG_BATCH_WORK = 56 };

/* Layers in columns: barrels, then discs by z, either padded to a multiple of HG_BATCH_LANES_MAX with layers that are never met. */
typedef enum hg_layer_number {
    HG_LAYER_POSITION, /* radius or z */
    HG_LAYER_LOW,
    HG_LAYER_HIGH,
    HG_LAYER_DEPTH,
    HG_LAYER_SIGMA_PHI,
    HG_LAYER_SIGMA_C,
    HG_BATCH_LAYER_NUMBERS
} hg_layer_number;

typedef struct hg_batch_layers {
    int64_t n_barrels, n_discs; /* columns of either kind */
    const float *table[HG_BATCH_LAYER_NUMBERS];
    const int32_t *layer; /* of each column; -1 = padding */
} hg_batch_layers;

/* Where a track is expected on a layer and how far around to look. c = z of a barrel, r of a disc. */
typedef struct hg_window {
    int32_t layer;
    bool inside;                    /* the track surely crosses sensitive modules */
    float length;                   /* of the path, mm */
    float phi, c, half_phi, half_c; /* rad, mm */
    float scale_phi, scale_c;       /* mm across the track per rad and per mm */
} hg_window;

/* The next layers that tracks meet, nearest first, without the layer they are on. Track i: state index i of `from`. */
typedef struct hg_batch_search {
    int64_t n;
    const int32_t *module, *own_layer, *direction; /* +1 along the momentum, -1 against */
    int room;                                      /* windows per track */
    int32_t *n_windows;
    hg_window *windows; /* [n][room] */
} hg_batch_search;

typedef struct hg_batch_kernels {
    const char *name;
    int lanes;
    size_t real_size;
    /* from, to: [..][HG_BATCH_STATE] aligned to 64 bytes. A failed job leaves its place in `to` as it was. */
    void (*predict)(const hg_batch_world *world, const void *from, const hg_batch_jobs *jobs, void *to);
    /* The same to the closest approach to the z axis; to_module is not looked at. */
    void (*predict_perigee)(const hg_batch_world *world, const void *from, const hg_batch_jobs *jobs, void *to);
    void (*windows)(const hg_batch_world *world, const hg_batch_layers *layers, const void *from, const hg_batch_search *search);
    /* Which of `lanes` hits lie in a window, by their phi and c: bit l for hit l. */
    unsigned (*inside)(const hg_window *window, const float *phi, const float *c);
    /* Filter and, if asked, smoother. */
    void (*fit)(const hg_batch_world *world, const hg_batch_fit *fit);
} hg_batch_kernels;

/* The best kernels of this CPU, or those that HG_ISA names (see hg_kernels_select). */
hg_status hg_batch_select(hg_context *ctx, bool of_double, const hg_batch_kernels **out);

#endif
