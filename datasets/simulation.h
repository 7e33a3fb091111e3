/* datasets/simulation.h — what the parts of the event simulator share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_SIMULATION_H
#define HG_DATASETS_SIMULATION_H

#include "hitgraph/simulate.h"
#include "base/random.h"
#include "tracking/propagate.h"

/* Names of the random streams: one per vertex, particle, module. */
enum { HG_SIM_VERTEX = 0x51000001, HG_SIM_PARTICLE, HG_SIM_FLIGHT, HG_SIM_NOISE, HG_SIM_ORDER };

typedef struct hg_sim_particle {
    uint64_t id;
    int32_t pdg, q;
    double mass_gev, vertex[3], p[3]; /* mm, GeV */
} hg_sim_particle;

typedef struct hg_sim_cell {
    int32_t ch0, ch1;
    float value;
} hg_sim_cell;

typedef struct hg_sim_hit {
    int64_t module;
    uint64_t particle_id;  /* 0 = noise */
    double local[2];       /* measured u, v */
    double truth[3], p[3]; /* true crossing and momentum there */
    int64_t first_cell;
    int32_t n_cells;
    double signal; /* sum of the cells' values */
} hg_sim_hit;

/* Growing tables; all arrays owned. */
typedef struct hg_sim_buffer {
    hg_sim_particle *particle;
    hg_sim_hit *hit;
    hg_sim_cell *cell;
    int64_t n_particles, n_hits, n_cells;
    int64_t room_particles, room_hits, room_cells;
} hg_sim_buffer;

/* simulate_buffer.c */
hg_status hg_sim_add_particle(hg_context *ctx, hg_sim_buffer *buffer, const hg_sim_particle *particle);
hg_status hg_sim_add_hit(hg_context *ctx, hg_sim_buffer *buffer, const hg_sim_hit *hit);
hg_status hg_sim_add_cell(hg_context *ctx, hg_sim_buffer *buffer, hg_sim_cell cell);
void hg_sim_buffer_clear(hg_context *ctx, hg_sim_buffer *buffer);

/* Modules of one layer by bins of phi and of z (barrel) or r (disc): bin_offset[bin] .. bin_offset[bin + 1] of bin_module. */
typedef struct hg_sim_layer {
    bool barrel;
    double r_min, r_max, z_min, z_max; /* of the modules */
    int32_t n_phi, n_other;
    double low, step;
    int64_t *bin_offset; /* owned */
    int32_t *bin_module; /* owned */
} hg_sim_layer;

/* All that a flight needs; read-only, shared by the threads. */
typedef struct hg_sim_world {
    hg_simulate_options options;
    const hg_detector *detector;
    const hg_field *field;
    hg_material material; /* n = 0: vacuum; surfaces borrowed */
    hg_sim_layer *layer;  /* [n_layers] owned */
    double r_max, z_max;  /* particles beyond are gone */
    uint64_t seed, event;
} hg_sim_world;

/* simulate_geometry.c */
hg_status hg_sim_world_fill(hg_context *ctx, hg_sim_world *world);
void hg_sim_world_clear(hg_context *ctx, hg_sim_world *world);

enum { HG_SIM_MAX_CANDIDATES = 64 };

/* Modules near a curved path from a to b that leaves the chord by at most `sagitta`; returns how many were put into module[]. */
int hg_sim_candidates(const hg_sim_world *world, const double a[3], const double b[3], double sagitta,
                      int64_t module[HG_SIM_MAX_CANDIDATES]);
bool hg_sim_inside(const hg_module *module, double u, double v);
void hg_sim_to_local(const hg_module *module, const double global[3], double local[3]);
void hg_sim_turn_to_local(const hg_module *module, const double direction[3], double local[3]);
void hg_sim_to_global(const hg_module *module, double u, double v, double global[3]);

/* simulate_vertices.c: all particles of the event as they are born, neutral hadrons that may interact included (q = 0). */
hg_status hg_sim_generate(hg_context *ctx, const hg_sim_world *world, hg_sim_buffer *out);
double hg_sim_draw_pt(hg_random *random, double pt_min_gev);
double hg_sim_mass_gev(int32_t pdg); /* a neutron's for unknown kinds */
int32_t hg_sim_charge(int32_t pdg);

/* simulate_interactions.c */

/* Charged products of a hadronic interaction of `parent` at a point where it had momentum p_gev and this direction; appended to out,
 * numbered from *n_secondaries + 1. */
hg_status hg_sim_interact(hg_context *ctx, const hg_sim_particle *parent, const double point[3], const double direction[3], double p_gev,
                          int32_t *n_secondaries, hg_random *random, hg_sim_buffer *out);
/* Turns a unit vector by two small angles about two axes at right angles to it. */
void hg_sim_deflect(double direction[3], double angle_1, double angle_2);

/* simulate_flight.c: one particle with all its descendants; hits, cells and listed particles are appended to out. */
hg_status hg_sim_fly(hg_context *ctx, const hg_sim_world *world, const hg_sim_particle *primary, hg_random *random, hg_sim_buffer *out);

/* simulate_clusters.c: the cluster of a straight path through a module at local u, v with a local direction; appended to out. */
hg_status hg_sim_digitise(hg_context *ctx, const hg_sim_world *world, hg_sim_hit *hit, const double local[2], const double direction[3],
                          hg_random *random, hg_sim_buffer *out);
/* Measured position of hit `hit` from its cells in `buffer`. */
void hg_sim_centroid(const hg_sim_world *world, hg_sim_hit *hit, const hg_sim_cell *cells);

/* simulate_readout.c: the hits of one module (borrowed rows and their buffers) become final ones: merged, with noise, in random order. */
hg_status hg_sim_read_out(hg_context *ctx, const hg_sim_world *world, int64_t module, const hg_sim_hit *const *hits,
                          const hg_sim_cell *const *cells, int64_t n, hg_sim_buffer *out);

#endif
