/* tracking/batch_world.h — detector, field and material in tables that vectors can gather from. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_BATCH_WORLD_H
#define HG_TRACKING_BATCH_WORLD_H

#include "hitgraph/kalman.h"
#include "tracking/field.h"

/* Numbers per module: centre, axes u, v, normal, layer (as a number), padding. */
enum { HG_BATCH_MODULE = 16, HG_BATCH_LAYER_AT = 12 };
/* Numbers per material surface: cylinder (1) or disc (0), position, low, high, x/X0, loss factor (MeV per mm of silicon-like xi). */
enum { HG_BATCH_SURFACE = 8 };
/* The most probable loss over xi, less the logarithm of the thickness in mm: a table in the logarithm of p/m. */
enum { HG_BATCH_LOSS_NODES = 160 };

/* Tables of one precision; `real` is float or double. All owned, but for module and field of a world with `shares`. */
typedef struct hg_batch_tables {
    void *module;  /* real [n_modules][HG_BATCH_MODULE] */
    void *surface; /* real [n_surfaces][HG_BATCH_SURFACE] */
    void *loss;    /* real [HG_BATCH_LOSS_NODES] */
    void *field;   /* real: SOLENOID [n_rho2 + 1][n_zeta + 1][2] of (B_rho / rho, B_zeta), MAP [n0][n1][n2][3] */
} hg_batch_tables;

/* Read-only after creation: threads may share it. */
struct hg_batch_world {
    const hg_kalman *kalman; /* borrowed */
    bool of_double;
    bool shares; /* module, field, pair_first and between are those of kalman->tables */
    hg_batch_tables tables;
    int64_t n_modules, n_layers, n_surfaces;
    /* Surfaces that may lie between two layers: between[pair_first[a * (n_layers + 1) + b] ..]; layer n_layers is the beam line. */
    int32_t *pair_first; /* [(n_layers + 1)^2 + 1] owned */
    int32_t *between;    /* owned */
    hg_field_shape field;
    int32_t n_rho2, n_zeta; /* cells of the solenoid's table */
    double per_rho2, per_zeta;
    double loss_low, per_loss; /* first node and nodes per unit of log(p/m) */
};
typedef struct hg_batch_world hg_batch_world;

hg_status hg_batch_world_create(hg_context *ctx, const hg_kalman *kalman, bool of_double, hg_batch_world **out);
void hg_batch_world_destroy(hg_context *ctx, hg_batch_world *world);

#endif
