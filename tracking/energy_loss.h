/* tracking/energy_loss.h — what matter does to a charged particle: mean and most probable loss, multiple scattering. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_ENERGY_LOSS_H
#define HG_TRACKING_ENERGY_LOSS_H

#include "hitgraph/kalman.h"

#define HG_SILICON_X0_MM 93.70
#define HG_COSINE_MIN 0.05 /* a thin surface seen edge-on is not infinitely thick */

/* Mean loss by ionisation in silicon, MeV cm^2/g (Bethe with density effect; PDG, Passage of particles through matter). mass_gev > 0. */
double hg_silicon_stopping_power(double momentum_gev, double mass_gev);

/* Landau parameter xi (MeV) and most probable loss (MeV) of unit charge in `thickness_mm` > 0 of silicon. */
double hg_silicon_xi(double momentum_gev, double mass_gev, double thickness_mm);
double hg_silicon_probable_loss(double momentum_gev, double mass_gev, double thickness_mm);

/* Highland's width (rad) of the projected scattering angle; x_over_x0 along the path, over the whole layer; 0 for x_over_x0 <= 0. */
double hg_scattering_angle(double momentum_gev, double mass_gev, double x_over_x0);

/* Most probable loss and its width sigma (MeV) in a material surface crossed with |cos(incidence)|: the surface's loss at normal incidence
 * of a minimum-ionising particle, scaled like silicon of the same x/X0. sigma may be NULL. */
double hg_surface_loss(const hg_material_surface *surface, double momentum_gev, double mass_gev, double cos_incidence, double *sigma_mev);

/* The effect of one crossing on a fit. direction +1 along the momentum, -1 against it (the particle gets its energy back). */
typedef struct hg_crossing {
    double theta0_squared; /* rad^2 */
    double qop;            /* after the crossing */
    double qop_derivative; /* d(after)/d(before) */
    double qop_variance;
} hg_crossing;

/* Returns 0, or HG_TRACK_MOMENTUM_LOW when the particle would stop (then *out is untouched). q/p = 0 passes undisturbed. */
int hg_material_cross(const hg_kalman_options *options, const hg_material_surface *surface, double qop, double cos_incidence, int direction,
                      hg_crossing *out);

#endif
