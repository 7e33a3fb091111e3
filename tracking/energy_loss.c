/* energy_loss.c — Bethe and Landau losses in silicon, Highland scattering, and a crossing of thin material. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/energy_loss.h"

static const double electron_mass = 0.51099895; /* MeV */
static const double excitation = 173e-6;        /* MeV, silicon */
static const double z_over_a = 0.49848, density = 2.329;
static const double minimum_ionising = 3.5; /* beta gamma where a unit charge loses least in silicon, nearly */
static const double thickness_min = 1e-3;   /* mm; keeps the logarithm of a surface without x/X0 finite */

/* Sternheimer's density effect of silicon (PDG). */
static double density_effect(double beta_gamma)
{
    double x = log10(beta_gamma), ten = 2.302585092994046;
    if (x >= 2.8716) return 2.0 * ten * x - 4.4355;
    if (x >= 0.2015) return 2.0 * ten * x - 4.4355 + 0.14921 * pow(2.8716 - x, 3.2546);
    return 0.14 * exp(2.0 * ten * (x - 0.2015));
}

double hg_silicon_stopping_power(double momentum_gev, double mass_gev)
{
    double beta_gamma = momentum_gev / mass_gev, bg2 = beta_gamma * beta_gamma, gamma = sqrt(1.0 + bg2), beta2 = bg2 / (1.0 + bg2);
    double ratio = electron_mass / (1e3 * mass_gev);
    double w_max = 2.0 * electron_mass * bg2 / (1.0 + 2.0 * gamma * ratio + ratio * ratio);
    double logarithm = 0.5 * log(2.0 * electron_mass * bg2 * w_max / (excitation * excitation));
    return 0.307075 * z_over_a / beta2 * (logarithm - beta2 - density_effect(beta_gamma) / 2.0);
}

static double landau_xi(double beta2, double thickness_mm)
{
    return 0.1535375 * z_over_a * density * thickness_mm / 10.0 / beta2;
}

static double probable_loss(double beta_gamma, double thickness_mm)
{
    double bg2 = beta_gamma * beta_gamma, beta2 = bg2 / (1.0 + bg2), xi = landau_xi(beta2, thickness_mm);
    return xi * (log(2.0 * electron_mass * bg2 / excitation) + log(xi / excitation) + 0.200 - beta2 - density_effect(beta_gamma));
}

double hg_silicon_xi(double momentum_gev, double mass_gev, double thickness_mm)
{
    double bg2 = momentum_gev * momentum_gev / (mass_gev * mass_gev);
    return landau_xi(bg2 / (1.0 + bg2), thickness_mm);
}

double hg_silicon_probable_loss(double momentum_gev, double mass_gev, double thickness_mm)
{
    return probable_loss(momentum_gev / mass_gev, thickness_mm);
}

double hg_scattering_angle(double momentum_gev, double mass_gev, double x_over_x0)
{
    if (!(x_over_x0 > 0.0)) return 0.0;
    double beta2 = 1.0 / (1.0 + mass_gev * mass_gev / (momentum_gev * momentum_gev));
    double bracket = fmax(0.2, 1.0 + 0.038 * log(x_over_x0 / beta2));
    return 0.0136 / (sqrt(beta2) * momentum_gev) * sqrt(x_over_x0) * bracket;
}

double hg_surface_loss(const hg_material_surface *surface, double momentum_gev, double mass_gev, double cos_incidence, double *sigma_mev)
{
    double normal = fmax(thickness_min, surface->x_over_x0 * HG_SILICON_X0_MM), along = normal / fmax(HG_COSINE_MIN, fabs(cos_incidence));
    double scale = surface->loss_mev / probable_loss(minimum_ionising, normal);
    if (sigma_mev) *sigma_mev = 1.706 * scale * hg_silicon_xi(momentum_gev, mass_gev, along);
    return scale * fmax(0.0, probable_loss(momentum_gev / mass_gev, along));
}

static void apply_loss(double mass, double p, double loss_gev, double sigma_gev, double sign, hg_crossing *out)
{
    double e = sqrt(p * p + mass * mass), after = e - loss_gev, p_after = sqrt(after * after - mass * mass);
    out->qop = sign / p_after;
    out->qop_derivative = p * p * p / (p_after * p_after * p_after) * after / e;
    out->qop_variance = pow(after / (p_after * p_after * p_after) * sigma_gev, 2.0);
}

int hg_material_cross(const hg_kalman_options *options, const hg_material_surface *surface, double qop, double cos_incidence, int direction,
                      hg_crossing *out)
{
    hg_crossing crossing = {.qop = qop, .qop_derivative = 1.0};
    if (qop != 0.0) {
        double p = 1.0 / fabs(qop), mass = options->mass_gev, sign = qop > 0 ? 1.0 : -1.0;
        if (options->scattering) {
            double theta0 = hg_scattering_angle(p, mass, surface->x_over_x0 / fmax(HG_COSINE_MIN, fabs(cos_incidence)));
            crossing.theta0_squared = theta0 * theta0;
        }
        if (options->energy_loss && surface->loss_mev > 0.0) {
            double sigma, loss = 1e-3 * hg_surface_loss(surface, p, mass, cos_incidence, &sigma);
            if (direction < 0) { /* the loss belongs to the momentum before the surface, which is what we look for: one iteration */
                double e = sqrt(p * p + mass * mass) + loss;
                loss = -1e-3 * hg_surface_loss(surface, sqrt(e * e - mass * mass), mass, cos_incidence, &sigma);
            }
            double kinetic = p * p / (sqrt(p * p + mass * mass) + mass);
            if (!(loss < 0.9 * kinetic)) return HG_TRACK_MOMENTUM_LOW;
            apply_loss(mass, p, loss, 1e-3 * sigma, sign, &crossing);
        }
    }
    *out = crossing;
    return 0;
}
