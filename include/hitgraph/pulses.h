/* hitgraph/pulses.h — events of a neutrino telescope as structures of arrays: pulses on sensors, and the truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_PULSES_H
#define HITGRAPH_PULSES_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Conventions of everything here.
 *  Length in metres, time in ns, energy in GeV, charge in photo-electrons. The z axis points up; z = 0 is the centre of the telescope.
 *  A direction is the unit vector along which the particle TRAVELS: a vertical down-going muon has (0, 0, -1). Zenith and azimuth name
 *  where it comes FROM: that muon has zenith 0. Files of the other convention are turned while they are read. */

/** What happened in an event. The first four are the classes of the simulator. */
typedef enum hg_event_class {
    HG_CLASS_UNKNOWN = -1,
    HG_CLASS_THROUGH = 0,  /* a muon neutrino's muon that enters and leaves */
    HG_CLASS_STARTING = 1, /* muon neutrino, charged current, vertex inside: cascade and muon */
    HG_CLASS_CASCADE = 2,  /* electron neutrino or neutral current: one cascade */
    HG_CLASS_BUNDLE = 3,   /* muons of an air shower, one or several in parallel */
    HG_N_CLASSES = 4
} hg_event_class;

/** Short name of a class ("through", "starting", "cascade", "bundle"; "unknown" for others). Never NULL. Threads: reentrant. */
HG_API const char *hg_event_class_name(int32_t class_number);

/** Pulses of all events, one event after the other; inside an event in the source's order (the simulator's: by time, then sensor).
 *  All arrays [n], owned by the events. */
typedef struct hg_pulses {
    float *x, *y, *z; /* m: position of the sensor */
    float *t;         /* ns, relative to the event's t0 */
    float *q;         /* photo-electrons, never negative; 1 where the source has no charge */
    /* optional: NULL when the source lacks them */
    float *rde;      /* relative efficiency of the sensor */
    float *area;     /* m^2 of the photocathode */
    uint8_t *hlc;    /* 1 = hard local coincidence (for KM3NeT: part of the trigger) */
    int32_t *sensor; /* row of the sensor table */
    float *tot;      /* ns over threshold */
    float *axis;     /* [n, 3] unit vector of the photomultiplier's axis */
} hg_pulses;

/** The sensors; n = 0 when the source has no table of them. All arrays [n], owned by the events; each of the optional ones may be NULL. */
typedef struct hg_sensors {
    int64_t n;
    float *x, *y, *z;   /* m */
    int32_t *string;    /* optional: number of the string or detection unit */
    int32_t *dom;       /* optional: number of the module on its string, counted from above */
    float *rde, *area;  /* optional, as for pulses */
    int64_t *source_id; /* optional: the sensor's number in the source */
} hg_sensors;

/** Truth of each event. All arrays [n_events], owned by the events; NULL when the source lacks them. */
typedef struct hg_pulse_truth {
    int32_t *label;       /* hg_event_class, -1 = unknown */
    float *energy;        /* GeV, of the primary */
    float *dir;           /* [n_events, 3] unit vector of travel */
    float *vertex;        /* [n_events, 4] x, y, z in m and time in ns relative to t0; of the interaction, or where the track is nearest */
    float *weight;        /* 1 where events count alike */
    int32_t *pdg;         /* particle code of the primary */
    int32_t *interaction; /* 1 charged current, 2 neutral current, 0 = neither or unknown */
    float *inelasticity;  /* share of the energy that the hadrons get */
    int32_t *n_muons;     /* simulator: muons at the detector */
} hg_pulse_truth;

/** Many events. Event e has the pulses offset[e] .. offset[e + 1]; none and one are legal. */
typedef struct hg_pulse_events {
    int64_t n_events, n_pulses;
    int64_t *offset;    /* [n_events + 1] owned */
    uint64_t *event_id; /* [n_events] owned */
    double *t0;         /* [n_events] owned: ns, to be added to the times of the event's pulses and vertex */
    hg_pulses pulses;
    hg_pulse_truth truth;
    hg_sensors sensors;
} hg_pulse_events;

/** Which optional arrays hg_pulse_events_create makes. */
typedef enum hg_pulse_parts {
    HG_PULSE_RDE = 1 << 0,
    HG_PULSE_AREA = 1 << 1,
    HG_PULSE_HLC = 1 << 2,
    HG_PULSE_SENSOR = 1 << 3,
    HG_PULSE_TOT = 1 << 4,
    HG_PULSE_AXIS = 1 << 5,
    HG_TRUTH_LABEL = 1 << 8,
    HG_TRUTH_ENERGY = 1 << 9,
    HG_TRUTH_DIR = 1 << 10,
    HG_TRUTH_VERTEX = 1 << 11,
    HG_TRUTH_WEIGHT = 1 << 12,
    HG_TRUTH_PDG = 1 << 13,
    HG_TRUTH_INTERACTION = 1 << 14,
    HG_TRUTH_INELASTICITY = 1 << 15,
    HG_TRUTH_MUONS = 1 << 16,
    HG_SENSOR_STRING = 1 << 20,
    HG_SENSOR_DOM = 1 << 21,
    HG_SENSOR_RDE = 1 << 22,
    HG_SENSOR_AREA = 1 << 23,
    HG_SENSOR_SOURCE_ID = 1 << 24
} hg_pulse_parts;

/** Allocates zeroed room for n_events events with n_pulses pulses altogether and n_sensors sensors.
 *  @param parts sum of hg_pulse_parts. @param out owned by the caller (hg_pulse_events_destroy); untouched on error.
 *  @return HG_OK, HG_ERR_ARG a negative number, HG_ERR_NOMEM, HG_ERR_LIMIT. Threads: reentrant. */
HG_API hg_status hg_pulse_events_create(hg_context *ctx, int64_t n_events, int64_t n_pulses, int64_t n_sensors, unsigned parts,
                                        hg_pulse_events **out);

/** Frees events and their arrays; NULL is fine. */
HG_API void hg_pulse_events_destroy(hg_context *ctx, hg_pulse_events *events);

/** The optional arrays that are there, as a sum of hg_pulse_parts. Threads: reentrant. */
HG_API unsigned hg_pulse_events_parts(const hg_pulse_events *events);

/** A copy of some events in the order asked for, sensors included: for splits and shuffles.
 *  @param chosen borrowed; [n] numbers of events, 0 .. n_events - 1; may repeat.
 *  @param out owned by the caller; untouched on error. @return HG_OK, HG_ERR_ARG a number out of range, HG_ERR_NOMEM, HG_ERR_LIMIT. */
HG_API hg_status hg_pulse_events_select(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n,
                                        hg_pulse_events **out);

/** Unit vector of travel of a particle that comes from a zenith and azimuth [rad]:
 *  -(sin zenith cos azimuth, sin zenith sin azimuth, cos zenith). Threads: reentrant. */
HG_API void hg_direction_of_travel(double zenith, double azimuth, double dir[3]);

/** The inverse: zenith in 0 .. pi, azimuth in 0 .. 2 pi (0 for vertical directions). Threads: reentrant. */
HG_API void hg_direction_of_origin(const float dir[3], double *zenith, double *azimuth);

#ifdef __cplusplus
}
#endif
#endif
