/* datasets/telescope_light.c — mean light of muons and cascades in ice: the formulas of IceTray's mue and of ppc. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/telescope.h"

static const double pi = 3.14159265358979323846;

/* lp = sqrt(le la / 3) / 1.07, lc = exp(le / la) le / 3, lu = (lc / sin theta_c)^2 2 / (pi lp). */
hg_ice hg_tel_ice(const hg_telescope_options *options, double scattering_m, double absorption_m)
{
    const double lp = options->range_factor * sqrt(scattering_m * absorption_m / 3) / 1.07;
    const double lc = exp(scattering_m / absorption_m) * scattering_m / 3;
    const double sin2 = 1 - 1 / (options->n_phase * options->n_phase);
    return (hg_ice){.scattering_m = scattering_m, .absorption_m = absorption_m, .lp = lp, .lc = lc, .lu = lc * lc / sin2 * 2 / (pi * lp)};
}

/* Sensitivity of the module (ppc, as.dat) and its mean over all directions; far away the light has lost its direction. */
double hg_tel_angular(double cos_eta, double distance_in_scattering_lengths)
{
    static const double mean = 0.34;
    const double x = cos_eta, x2 = x * x;
    const double s = 0.34 + x * (0.16 + x2 * (0.88 + x2 * (-1.05 + x2 * 0.35)));
    if (distance_in_scattering_lengths > 20) return mean;
    const double e = exp(distance_in_scattering_lengths), y = (e - 1 / e) / 2;
    return (s + mean * y) / (1 + y);
}

/* tanh for x that are not small: half the time of the library's. */
static double tanh_of(double x)
{
    const double e = exp(-2 * x);
    return (1 - e) / (1 + e);
}

double hg_tel_track_charge(const hg_telescope *telescope, const hg_ice *ice, double d, double cos_eta, double metres)
{
    const double near = sqrt(d / ice->lu);
    const double flux = exp(-d / ice->lp) / (2 * pi * telescope->sin_c * sqrt(ice->lu * d) * tanh_of(near));
    return telescope->light_scale * metres * flux * hg_tel_angular(cos_eta, d / ice->scattering_m);
}

double hg_tel_cascade_charge(const hg_telescope *telescope, const hg_ice *ice, double d, double cos_eta, double metres)
{
    const double flux = exp(-d / ice->lp) / (4 * pi * ice->lc * d * tanh_of(d / ice->lc));
    return telescope->light_scale * metres * flux * hg_tel_angular(cos_eta, d / ice->scattering_m);
}

double hg_tel_muon_light(const hg_telescope_options *options, double energy_gev)
{
    return 1 + fmax(0, options->track_base + options->track_log * log(energy_gev));
}

double hg_tel_em_light(const hg_telescope_options *options, double energy_gev)
{
    return options->em_m_per_gev * energy_gev;
}

/* F = 1 - (E / E0)^-m (1 - f0), sigma = F 0.959 (ln E)^-1.3559 (ppc, f2k); below e GeV the fit means nothing. */
double hg_tel_hadron_share(double energy_gev, double *sigma)
{
    const double e = fmax(energy_gev, 2.71828182845904523536);
    const double share = 1 - pow(e / 0.18792, -0.16268) * (1 - 0.30974);
    if (sigma) *sigma = share * 0.95900 * pow(log(e), -1.35590);
    return share;
}
