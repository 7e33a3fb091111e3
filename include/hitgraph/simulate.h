/* hitgraph/simulate.h — simulated TrackML-like events on any detector of flat modules. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_SIMULATE_H
#define HITGRAPH_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/kalman.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Particles shot one by one instead of collisions: each quantity is drawn between its low and high value. */
typedef struct hg_gun {
    int64_t n;         /* particles per event; 0 = collisions instead */
    int64_t pdg;       /* 11, 13, 211, 321 or 2212 or their negatives */
    bool both_charges; /* draw the sign */
    bool log_pt;       /* uniform in log pT instead of pT */
    double pt_gev[2], eta[2], phi[2];
    double d0_mm[2], z0_mm[2]; /* perigee to the z axis, sign of d0 as in ACTS */
} hg_gun;

/** What is simulated. Start from hg_simulate_default_options. */
typedef struct hg_simulate_options {
    double pileup;                  /* mean number of collisions beside the hard one; 200 */
    double sigma_xy_mm, sigma_z_mm; /* luminous region: 0.015, 5.5 (TrackML accuracy phase; 55 for the throughput phase) */
    double multiplicity;            /* mean charged particles of a collision inside the acceptance; 40 */
    double eta_max, pt_min_gev;     /* of generated particles: 4, 0.15 */
    bool decays, scattering, energy_loss, interactions; /* all on */
    double scattering_tail;                             /* share of scatterings drawn three times as wide; 0 */
    double inefficiency;                                /* chance to lose the hit of a module crossing; 0.003 */
    double grazing_cosine;   /* no hit where |cos(angle to the sensor's normal)| is below; 0.1, as both phases of the challenge show */
    double noise_per_module; /* mean noise hits per module; negative = 0.9 (pileup + 1) / 201, that is 15 % of the hits; none with a gun */
    double max_turns;        /* a particle is followed for so many turns in the field; 0.5 as in the challenge */
    bool drift;              /* Lorentz drift of the charge in the volumes 8, 13, 17; on */
    bool phase2_bias;        /* hits are shifted by the drift correction of the throughput phase; off: hits have no bias */
    bool merge;              /* touching clusters of one module become one hit; on */
    bool gaussian_hits;      /* no cells: hits are smeared by pitch / sqrt(12) in u and v; off */
    int64_t weight_rule;     /* 1 or 2, see hitgraph/weights.h; 2 */
    hg_gun gun;
} hg_simulate_options;

/** The defaults written above; the gun has n = 0, muons of both charges, pT 0.5 .. 50 GeV (log), |eta| < 2.5, d0 = z0 = 0.
 *  Threads: reentrant. */
HG_API hg_simulate_options hg_simulate_default_options(void);

/** Material of the TrackML detector as the challenge's own tracks show it: what makes simulated events look like the challenge's.
 *  @param out owned by the caller (hg_material_destroy); untouched on error. @return HG_OK or HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_simulate_material(hg_context *ctx, hg_material **out);

/** Simulates one event: vertices, particles, decays, flight through field and material, clusters, noise, truth with TrackML weights.
 *
 *  The event has hits, cells (unless gaussian_hits), truth and particles; hit ids run from 1 by volume, layer and module. Particle ids are
 *  TrackML barcodes: vertex 12 bits | particle 16 | generation 12 | secondary 12 | 12. The recipe follows arXiv:1904.06778 and the figures
 *  measured on the challenge's data; call the result "simulated TrackML-like".
 *
 *  @param options  borrowed; NULL = defaults.
 *  @param detector borrowed; every module needs size, thickness and pitch.
 *  @param field    borrowed. @param material borrowed; NULL = vacuum.
 *  @param seed, event_number  name the event: the same pair gives the same event for any number of threads.
 *  @param out      owned by the caller (hg_event_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG an option out of range; HG_ERR_DATA a module without size or pitch (message: which); HG_ERR_NOMEM;
 *          HG_ERR_INTERRUPTED. Cost: about a second for 1e5 hits on two threads. Threads: the context's. */
HG_API hg_status hg_simulate_event(hg_context *ctx, const hg_simulate_options *options, const hg_detector *detector, const hg_field *field,
                                   const hg_material *material, uint64_t seed, uint64_t event_number, hg_event **out);

#ifdef __cplusplus
}
#endif
#endif
