/* datasets/telescope.h — what the parts of the telescope simulator share: its settings, detector, light and photons. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_TELESCOPE_H
#define HG_DATASETS_TELESCOPE_H

#include "base/config.h"
#include "base/random.h"
#include "hitgraph/simulate_pulses.h"

/* Names of the random streams of one try. */
enum { HG_TEL_PRIMARY = 0x54000001, HG_TEL_LOSSES, HG_TEL_LIGHT, HG_TEL_NOISE, HG_TEL_READOUT, HG_TEL_MATCH };

/* The settings; meaning and source of each in hg_telescope_option_table. Lengths in m, times in ns, energies in GeV, rates in Hz. */
typedef struct hg_telescope_options {
    char geometry[HG_OPTION_TEXT_SIZE], ice[HG_OPTION_TEXT_SIZE];
    double centre_depth_m, z_max_m;
    double n_phase, n_group, efficiency, dom_radius_m, photons_per_m, flux_norm, range_factor, distance_max_m;
    double track_base, track_log, em_m_per_gev;
    double track_tau_ns, track_lambda_m, cascade_tau_ns, cascade_lambda_m, absorption_m, time_spread_ns;
    double ionisation_gev_per_m, radiation_per_m, loss_min_gev;
    double share[HG_N_CLASSES];
    double impact_m, through_e_min, through_e_max, through_index, starting_e_min, starting_e_max, starting_index;
    double cascade_e_min, cascade_e_max, cascade_index, nc_share, vertex_radius_m, vertex_height_m;
    double bundle_extra, bundle_width_m, bundle_e_min, bundle_e_max, bundle_index, bundle_cos_power, bundle_cos_min;
    double noise_poisson_hz, noise_burst_hz, burst_more, burst_log10_mean, burst_log10_width, hqe_noise, afterpulse_share, afterpulse_ns,
        afterpulse_width_ns;
    double spe_width, low_charge_share, low_charge_mean, threshold_pe, merge_ns, hlc_ns, trigger_ns, before_ns, after_ns, trigger_at_ns;
    int64_t trigger_hits, match_tries;
} hg_telescope_options;

extern const hg_option hg_telescope_option_table[];

/* How light spreads around a sensor: the ice at its depth. */
typedef struct hg_ice {
    double scattering_m, absorption_m; /* effective scattering length, absorption length */
    double lp, lc, lu;                 /* propagation length, and the near-field lengths of cascades and tracks */
} hg_ice;

/* Strings of sensors from above; neighbours[k]: two up, one up, one down, two down, -1 = none. */
typedef struct hg_tel_sensor {
    double x, y, z, rde;
    hg_ice ice;
    int32_t neighbour[4];
} hg_tel_sensor;

typedef struct hg_tel_string {
    double x, y, spread, z_low, z_high; /* axis, largest distance of a sensor from it, ends */
    int32_t first, n;                   /* sensors */
} hg_tel_string;

/* How the classes of a level are made alike: acceptance of a triggered event is the product of three factors, see telescope_match.c. */
enum { HG_MATCH_BINS = 16, HG_MATCH_VARIABLES = 3 };
typedef struct hg_tel_match {
    bool on;
    double edge[HG_MATCH_VARIABLES][HG_MATCH_BINS - 1];
    double factor[HG_N_CLASSES][HG_MATCH_VARIABLES][HG_MATCH_BINS];
    double scale[HG_N_CLASSES];
} hg_tel_match;

struct hg_telescope {
    hg_telescope_options options;
    int64_t level;
    double share[HG_N_CLASSES]; /* of the level, sum 1 */
    hg_sensors table;           /* owned */
    hg_tel_sensor *sensor;      /* [table.n] owned */
    hg_tel_string *string;      /* [n_strings] owned */
    int64_t n_strings;
    double cos_c, sin_c, scattering_mean; /* Cherenkov angle; mean of the sensors' scattering lengths */
    hg_ice clear;                         /* with the longest lp */
    double radius;                        /* of a ball about the centre with all sensors */
    double noise_weight;                  /* modules, those of high efficiency counted by their noise */
    double light_scale;                   /* photo-electrons per metre of light and unit of flux: efficiency x photons x area */
    hg_tel_match match;
};

/* ---- telescope_detector.c ---- */

/* Fills table, sensors and strings of a telescope whose options are set: from files, or the built-in array and ice. */
hg_status hg_tel_build(hg_context *ctx, hg_telescope *telescope);
hg_ice hg_tel_ice(const hg_telescope_options *options, double scattering_m, double absorption_m);

/* ---- telescope_light.c: the formulas ---- */

/* Mean charge [PE] of a sensor of relative efficiency 1 at distance d from a track with `metres` of light per metre (1 = bare muon), or
 * from a cascade of `metres` of light; cos_eta: of the photon against the photomultiplier's axis, 1 = light from below. */
double hg_tel_track_charge(const hg_telescope *telescope, const hg_ice *ice, double d, double cos_eta, double metres);
double hg_tel_cascade_charge(const hg_telescope *telescope, const hg_ice *ice, double d, double cos_eta, double metres);
/* Relative sensitivity of the photomultiplier, mixed to its mean with distance. */
double hg_tel_angular(double cos_eta, double distance_in_scattering_lengths);
/* Metres of light per metre of a muon of this energy with its small losses; of an electromagnetic cascade; mean share of that light that a
 * hadronic one gives, and its fluctuation. */
double hg_tel_muon_light(const hg_telescope_options *options, double energy_gev);
double hg_tel_em_light(const hg_telescope_options *options, double energy_gev);
double hg_tel_hadron_share(double energy_gev, double *sigma);

/* ---- an event on its way ---- */

typedef struct hg_tel_track {
    double start[3], dir[3], time, length, light; /* straight, at the speed of light; metres of light per metre */
} hg_tel_track;
typedef struct hg_tel_cascade {
    double at[3], time, light; /* metres of light */
} hg_tel_cascade;
typedef struct hg_tel_photon {
    int32_t sensor;
    float charge; /* of the photo-electrons it stands for */
    double time;
} hg_tel_photon;
/* A sensor that a source reaches. */
typedef struct hg_tel_target {
    double mean, sum;         /* mean charge; of this and all before */
    double time, delay_shape; /* of a photon that is not scattered; shape of the gamma distribution of the delay */
    int32_t sensor;
} hg_tel_target;
typedef struct hg_tel_pulse {
    double time;
    int32_t sensor;
    float charge;
    bool hlc, launch; /* launch: opens a read-out of its module, counts for the trigger */
} hg_tel_pulse;

typedef struct hg_tel_truth {
    int32_t label, pdg, interaction, n_muons;
    double energy, dir[3], vertex[4], inelasticity;
    double impact; /* distance of the axis from the centre of the telescope */
} hg_tel_truth;

/* One thread's room; arrays owned, grown as needed. */
typedef struct hg_tel_room {
    hg_tel_track *track;
    hg_tel_cascade *cascade;
    hg_tel_photon *photon, *sorted; /* as they come; by sensor and time */
    hg_tel_pulse *pulse;
    struct hg_tel_target *target; /* [sensors] those that one source reaches */
    int32_t *first;               /* [sensors + 1] first photo-electron, then first pulse of each */
    double *moment;               /* [room_pulses] times of coincident launches */
    int64_t n_tracks, n_cascades, n_photons, n_pulses;
    int64_t room_tracks, room_cascades, room_photons, room_pulses;
    double charge; /* of the signal, before noise */
} hg_tel_room;

hg_status hg_tel_room_create(hg_context *ctx, const hg_telescope *telescope, hg_tel_room *out);
void hg_tel_room_clear(hg_context *ctx, hg_tel_room *room);
hg_status hg_tel_add_track(hg_context *ctx, hg_tel_room *room, const hg_tel_track *track);
hg_status hg_tel_add_cascade(hg_context *ctx, hg_tel_room *room, const hg_tel_cascade *cascade);
hg_status hg_tel_add_photon(hg_context *ctx, hg_tel_room *room, hg_tel_photon photon);
/* Makes sorted, pulse and moment as long as there is room for photo-electrons. */
hg_status hg_tel_room_for_pulses(hg_context *ctx, hg_tel_room *room);

/* telescope_events.c: what happens in a try; fills tracks, cascades and truth. */
hg_status hg_tel_draw(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room,
                      hg_tel_truth *truth);
/* telescope_photons.c: photo-electrons of all sources, and their sum in room->charge. */
hg_status hg_tel_shine(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room);
/* telescope_noise.c: the telescope's noise_weight. Adds noise and afterpulses around the signal. */
double hg_tel_noise_weight(const hg_telescope *telescope);
hg_status hg_tel_add_noise(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room);
/* telescope_readout.c: photo-electrons become pulses; *triggered; pulses of the window, times relative to it, by time. */
hg_status hg_tel_read_out(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room,
                          hg_tel_truth *truth, bool *triggered);
/* telescope_try.c: one whole try, the match left aside. */
hg_status hg_tel_try(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room, hg_tel_truth *truth,
                     bool *triggered);
/* telescope_match.c: learns the factors from tries of its own; whether a triggered event is kept. */
hg_status hg_tel_learn_match(hg_context *ctx, hg_telescope *telescope);
bool hg_tel_keeps(const hg_telescope *telescope, uint64_t seed, uint64_t number, const hg_tel_truth *truth, double charge);

#endif
