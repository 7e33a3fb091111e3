/* datasets/telescope_options.c — the settings of the telescope simulator: names, defaults, ranges, sources. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include "datasets/telescope.h"

/* Sources: P1 IceTray's rpdf documentation, P2 IceTray's mue, P3 ppc, P4 JINST 12 P03012. */

#define AT(member) offsetof(hg_telescope_options, member)
#define TEXT(name, member, preset, help)                                                                                                   \
    {                                                                                                                                      \
        "simulate." name, HG_OPTION_TEXT, AT(member), preset, 0, 0, NULL, help                                                             \
    }
#define NUMBER(name, member, preset, low, high, help)                                                                                      \
    {                                                                                                                                      \
        "simulate." name, HG_OPTION_NUMBER, AT(member), preset, low, high, NULL, help                                                      \
    }
#define COUNT(name, member, preset, low, high, help)                                                                                       \
    {                                                                                                                                      \
        "simulate." name, HG_OPTION_INT, AT(member), preset, low, high, NULL, help                                                         \
    }

const hg_option hg_telescope_option_table[] = {
    TEXT("detector.geometry", geometry, "",
         "CSV with dom_x, dom_y, dom_z, string, dom_number, rde, pmt_area (IceCube-86 as GraphNeT exports it); empty = built-in array"),
    TEXT("detector.ice", ice, "", "CSV with depth, scattering_len, absorption_len in m; empty = three layers"),
    NUMBER("detector.centre_depth_m", centre_depth_m, "1948.07", 0, 1e5, "depth of z = 0 (P2)"),
    NUMBER("detector.z_max_m", z_max_m, "1000", -1e5, 1e5, "sensors of the file above this are left out: the surface array"),
    NUMBER("optics.n_phase", n_phase, "1.3194", 1.01, 2, "refractive index of the Cherenkov angle (P3, 400 nm)"),
    NUMBER("optics.n_group", n_group, "1.356", 1.01, 2, "refractive index of the speed of light (P3)"),
    NUMBER("optics.efficiency", efficiency, "0.675", 0, 10, "0.75 x 0.9: cable shadow and others (P2)"),
    NUMBER("optics.dom_radius_m", dom_radius_m, "0.1651", 0.001, 10, "(P2, P3)"),
    NUMBER("optics.photons_per_m", photons_per_m, "2450.08", 0, 1e7, "of a bare muon, acceptance of the module folded in (P3)"),
    NUMBER("optics.flux_norm", flux_norm, "1.26", 0, 100, "factor on all fluxes (P2)"),
    NUMBER("optics.range_factor", range_factor, "1", 0.1, 10, "factor on the propagation length"),
    NUMBER("optics.distance_max_m", distance_max_m, "600", 1, 1e4, "no light beyond"),
    NUMBER("light.track_base", track_base, "0.1880", 0, 100, "small losses: light of a muon is 1 + base + log x ln(E/GeV) (P3)"),
    NUMBER("light.track_log", track_log, "0.0206", 0, 100, "(P3)"),
    NUMBER("light.em_m_per_gev", em_m_per_gev, "5.2540", 0, 1e3, "5.321 x 0.910 / 0.9216: light of electromagnetic cascades (P3)"),
    NUMBER("delay.track_tau_ns", track_tau_ns, "556.7", 1, 1e5, "Pandel, model H2 (P1)"),
    NUMBER("delay.track_lambda_m", track_lambda_m, "33.29", 0.1, 1e4, "Pandel, model H2, at the mean scattering length (P1)"),
    NUMBER("delay.cascade_tau_ns", cascade_tau_ns, "450", 1, 1e5, "(comment in P2)"),
    NUMBER("delay.cascade_lambda_m", cascade_lambda_m, "47", 0.1, 1e4, "(comment in P2)"),
    NUMBER("delay.absorption_m", absorption_m, "98", 0.1, 1e4, "Pandel, model H2 (P1)"),
    NUMBER("delay.spread_ns", time_spread_ns, "3", 0, 1e3, "jitter of a photo-electron's time (P1)"),
    NUMBER("loss.ionisation_gev_per_m", ionisation_gev_per_m, "0.239616", 0, 10, "0.26 x density 0.9216 (P2)"),
    NUMBER("loss.radiation_per_m", radiation_per_m, "3.31776e-4", 0, 1, "0.36e-3 x density 0.9216 (P2)"),
    NUMBER("loss.cascade_min_gev", loss_min_gev, "1", 0.1, 1e3, "radiative losses are point cascades above this, dN/de ~ 1/e"),
    NUMBER("class.through", share[HG_CLASS_THROUGH], "0.25", 0, 1, "level 0: share of tries; 0 leaves the class out at every level"),
    NUMBER("class.starting", share[HG_CLASS_STARTING], "0.25", 0, 1, "the same"),
    NUMBER("class.cascade", share[HG_CLASS_CASCADE], "0.25", 0, 1, "the same"),
    NUMBER("class.bundle", share[HG_CLASS_BUNDLE], "0.25", 0, 1, "the same"),
    NUMBER("aim.impact_m", impact_m, "420", 1, 1e5, "tracks pass the centre within this distance, uniform over the disc"),
    NUMBER("aim.vertex_radius_m", vertex_radius_m, "420", 1, 1e5, "vertices lie in a cylinder of this radius"),
    NUMBER("aim.vertex_height_m", vertex_height_m, "420", 1, 1e5, "and within this of z = 0"),
    NUMBER("through.e_min_gev", through_e_min, "300", 1, 1e8, "energy of the muon where it enters, power law"),
    NUMBER("through.e_max_gev", through_e_max, "1e6", 1, 1e9, "the same"),
    NUMBER("through.index", through_index, "1.4", 0, 10, "dN/dE ~ E^-index"),
    NUMBER("starting.e_min_gev", starting_e_min, "200", 1, 1e8, "energy of the muon neutrino"),
    NUMBER("starting.e_max_gev", starting_e_max, "1e6", 1, 1e9, "the same"),
    NUMBER("starting.index", starting_index, "1.7", 0, 10, "dN/dE ~ E^-index"),
    NUMBER("cascade.e_min_gev", cascade_e_min, "250", 1, 1e8, "energy of the neutrino"),
    NUMBER("cascade.e_max_gev", cascade_e_max, "1e6", 1, 1e9, "the same"),
    NUMBER("cascade.index", cascade_index, "1.4", 0, 10, "dN/dE ~ E^-index"),
    NUMBER("cascade.neutral_share", nc_share, "0.25", 0, 1, "share of neutral-current events: only the hadrons shine"),
    NUMBER("bundle.extra_muons", bundle_extra, "4", 0, 1e4, "n = 1 + whole part of an exponential of this mean"),
    NUMBER("bundle.width_m", bundle_width_m, "9", 0, 1e3, "lateral spread of the muons, each of two directions, normal"),
    NUMBER("bundle.e_min_gev", bundle_e_min, "300", 1, 1e8, "energy of each muon where it enters"),
    NUMBER("bundle.e_max_gev", bundle_e_max, "3000", 1, 1e9, "the same"),
    NUMBER("bundle.index", bundle_index, "2.7", 0, 10, "dN/dE ~ E^-index"),
    NUMBER("bundle.cos_power", bundle_cos_power, "2", -0.9, 20, "down-going directions, at all levels: dN/dcos(zenith) ~ cos^power"),
    NUMBER("bundle.cos_min", bundle_cos_min, "0.1", 0, 0.99, "and cos(zenith) above this"),
    NUMBER("noise.poisson_hz", noise_poisson_hz, "250", 0, 1e6, "of each module, uncorrelated (P4)"),
    NUMBER("noise.burst_hz", noise_burst_hz, "88.6", 0, 1e6, "bursts of each module; with 3.5 hits each the total is 560 Hz (P4)"),
    NUMBER("noise.burst_more", burst_more, "2.5", 0, 100, "mean number of hits after the first of a burst (P4)"),
    NUMBER("noise.burst_log10_mean", burst_log10_mean, "-6", -12, 0, "log10 of the seconds between them: mean (P4)"),
    NUMBER("noise.burst_log10_width", burst_log10_width, "0.85", 0, 5, "and width (P4)"),
    NUMBER("noise.hqe_factor", hqe_noise, "1.393", 0, 100, "780 / 560: modules of high quantum efficiency, rde above 1.2 (P4)"),
    NUMBER("noise.afterpulse_share", afterpulse_share, "0.06", 0, 1, "chance of an afterpulse for each photo-electron"),
    NUMBER("noise.afterpulse_ns", afterpulse_ns, "6000", 0, 1e6, "its delay (P4)"),
    NUMBER("noise.afterpulse_width_ns", afterpulse_width_ns, "2000", 0, 1e6, "and the spread of it (P4)"),
    NUMBER("readout.spe_width", spe_width, "0.3", 0, 10, "charge of a photo-electron: normal about 1"),
    NUMBER("readout.low_charge_share", low_charge_share, "0.15", 0, 1, "share of photo-electrons with an exponential charge instead"),
    NUMBER("readout.low_charge_mean", low_charge_mean, "0.3", 0.01, 10, "mean of that"),
    NUMBER("readout.threshold_pe", threshold_pe, "0.25", 0, 100, "discriminator (P4)"),
    NUMBER("readout.merge_ns", merge_ns, "20", 0, 1e4, "photo-electrons of one sensor this close are one pulse"),
    NUMBER("readout.coincidence_ns", hlc_ns, "1000", 0, 1e5, "hard local coincidence: two modules up or down within this (P4)"),
    COUNT("trigger.hits", trigger_hits, "8", 1, 1000, "coincident launches (P4)"),
    NUMBER("trigger.window_ns", trigger_ns, "5000", 1, 1e6, "within this (P4)"),
    NUMBER("window.before_ns", before_ns, "4000", 0, 1e6, "read-out before the trigger (P4)"),
    NUMBER("window.after_ns", after_ns, "6000", 0, 1e6, "and after it (P4)"),
    NUMBER("window.trigger_at_ns", trigger_at_ns, "10000", -1e7, 1e7, "the trigger's time in the event"),
    COUNT("match.tries", match_tries, "5000", 100, 1000000, "levels 1 and 2: tries of each class from which alikeness is learnt"),
    {NULL, HG_OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL},
};
