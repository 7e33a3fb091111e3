/* datasets/pulse_arrays.c — the one list of the arrays of hg_pulse_events: where they lie, how wide they are, what files call them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulse_arrays.h"

#define ARRAY(path, type, width, unit, text, rows, member, part)                                                                           \
    {                                                                                                                                      \
        {path, type, width, unit, text}, rows, offsetof(hg_pulse_events, member), part                                                     \
    }
#define EVENTS(path, type, width, unit, text, member, part) ARRAY("/events/" path, type, width, unit, text, HG_ROWS_EVENTS, member, part)
#define PULSES(path, type, width, unit, text, member, part) ARRAY("/pulses/" path, type, width, unit, text, HG_ROWS_PULSES, member, part)
#define SENSORS(path, type, unit, text, member, part) ARRAY("/geometry/" path, type, 0, unit, text, HG_ROWS_SENSORS, member, part)

const hg_pulse_array hg_pulse_array_list[] = {
    EVENTS("event_id", HG_H5_U64, 0, "1", "event number", event_id, 0),
    EVENTS("t0", HG_H5_F64, 0, "ns", "added to the times of the event", t0, 0),
    EVENTS("label", HG_H5_I32, 0, "1", "0 through-going, 1 starting, 2 cascade, 3 bundle, -1 unknown", truth.label, HG_TRUTH_LABEL),
    EVENTS("energy", HG_H5_F32, 0, "GeV", "energy of the primary", truth.energy, HG_TRUTH_ENERGY),
    EVENTS("dir", HG_H5_F32, 3, "1", "direction, see dir_convention", truth.dir, HG_TRUTH_DIR),
    EVENTS("vertex", HG_H5_F32, 4, "m, ns", "x, y, z and time of the vertex", truth.vertex, HG_TRUTH_VERTEX),
    EVENTS("weight", HG_H5_F32, 0, "1", "weight of the event", truth.weight, HG_TRUTH_WEIGHT),
    EVENTS("pdg", HG_H5_I32, 0, "1", "PDG particle code of the primary", truth.pdg, HG_TRUTH_PDG),
    EVENTS("interaction", HG_H5_I32, 0, "1", "1 charged current, 2 neutral current, 0 unknown", truth.interaction, HG_TRUTH_INTERACTION),
    EVENTS("inelasticity", HG_H5_F32, 0, "1", "share of the energy that hadrons get", truth.inelasticity, HG_TRUTH_INELASTICITY),
    EVENTS("n_muons", HG_H5_I32, 0, "1", "muons at the detector", truth.n_muons, HG_TRUTH_MUONS),
    PULSES("x", HG_H5_F32, 0, "m", "position x of the sensor", pulses.x, 0),
    PULSES("y", HG_H5_F32, 0, "m", "position y of the sensor", pulses.y, 0),
    PULSES("z", HG_H5_F32, 0, "m", "position z of the sensor, upwards", pulses.z, 0),
    PULSES("t", HG_H5_F32, 0, "ns", "time, relative to the event's t0", pulses.t, 0),
    PULSES("q", HG_H5_F32, 0, "1", "charge in photo-electrons", pulses.q, 0),
    PULSES("rde", HG_H5_F32, 0, "1", "relative efficiency of the sensor", pulses.rde, HG_PULSE_RDE),
    PULSES("area", HG_H5_F32, 0, "m^2", "area of the photocathode", pulses.area, HG_PULSE_AREA),
    PULSES("hlc", HG_H5_U8, 0, "1", "hard local coincidence", pulses.hlc, HG_PULSE_HLC),
    PULSES("sensor", HG_H5_I32, 0, "1", "row of /geometry", pulses.sensor, HG_PULSE_SENSOR),
    PULSES("tot", HG_H5_F32, 0, "ns", "time over threshold", pulses.tot, HG_PULSE_TOT),
    PULSES("axis", HG_H5_F32, 3, "1", "axis of the photomultiplier", pulses.axis, HG_PULSE_AXIS),
    SENSORS("x", HG_H5_F32, "m", "position x", sensors.x, 0),
    SENSORS("y", HG_H5_F32, "m", "position y", sensors.y, 0),
    SENSORS("z", HG_H5_F32, "m", "position z, upwards", sensors.z, 0),
    SENSORS("string", HG_H5_I32, "1", "string or detection unit", sensors.string, HG_SENSOR_STRING),
    SENSORS("dom", HG_H5_I32, "1", "module on the string, from above", sensors.dom, HG_SENSOR_DOM),
    SENSORS("rde", HG_H5_F32, "1", "relative efficiency", sensors.rde, HG_SENSOR_RDE),
    SENSORS("area", HG_H5_F32, "m^2", "area of the photocathode", sensors.area, HG_SENSOR_AREA),
    SENSORS("source_id", HG_H5_I64, "1", "number of the sensor in the source", sensors.source_id, HG_SENSOR_SOURCE_ID),
    {{NULL, HG_H5_U8, 0, NULL, NULL}, HG_ROWS_EVENTS, 0, 0},
};

void **hg_pulse_array_of(hg_pulse_events *events, const hg_pulse_array *array)
{
    return (void **)(void *)((char *)events + array->offset);
}

const void *hg_pulse_array_data(const hg_pulse_events *events, const hg_pulse_array *array)
{
    return *(const void *const *)(const void *)((const char *)events + array->offset);
}

int64_t hg_pulse_array_rows(const hg_pulse_events *events, const hg_pulse_array *array)
{
    switch (array->rows) {
    case HG_ROWS_EVENTS:
        return events->n_events;
    case HG_ROWS_PULSES:
        return events->n_pulses;
    case HG_ROWS_SENSORS:
        break;
    }
    return events->sensors.n;
}

size_t hg_pulse_array_bytes(const hg_pulse_array *array)
{
    static const size_t element[] = {[HG_H5_I32] = 4, [HG_H5_I64] = 8, [HG_H5_U8] = 1, [HG_H5_U64] = 8, [HG_H5_F32] = 4, [HG_H5_F64] = 8};
    const size_t width = array->column.width > 0 ? (size_t)array->column.width : 1;
    return element[array->column.type] * width;
}
