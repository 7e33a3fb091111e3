/* datasets/pulse_rows.c — the columns that sources have, by all their names. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulse_rows.h"

#include <string.h>
#include "base/memory.h"

#define PULSE(member, type, needed, target, ...)                                                                                           \
    {                                                                                                                                      \
        offsetof(hg_pulse_rows, member), type, needed, {__VA_ARGS__, NULL}, target                                                         \
    }
#define TRUTH(member, type, needed, target, ...)                                                                                           \
    {                                                                                                                                      \
        offsetof(hg_truth_rows, member), type, needed, {__VA_ARGS__, NULL}, target                                                         \
    }
#define TO(member) offsetof(hg_pulse_events, member)
#define END                                                                                                                                \
    {                                                                                                                                      \
        0, HG_SQLITE_I64, false, {NULL}, 0                                                                                                 \
    }

const hg_row_column hg_pulse_row_columns[] = {
    PULSE(event, HG_SQLITE_I64, true, 0, "event_no"),
    PULSE(x, HG_SQLITE_F32, true, TO(pulses.x), "dom_x", "sensor_pos_x"),
    PULSE(y, HG_SQLITE_F32, true, TO(pulses.y), "dom_y", "sensor_pos_y"),
    PULSE(z, HG_SQLITE_F32, true, TO(pulses.z), "dom_z", "sensor_pos_z"),
    PULSE(t, HG_SQLITE_F64, true, TO(pulses.t), "dom_time", "time", "t", "hit_time"),
    PULSE(q, HG_SQLITE_F32, false, TO(pulses.q), "charge"),
    PULSE(rde, HG_SQLITE_F32, false, TO(pulses.rde), "rde"),
    PULSE(area, HG_SQLITE_F32, false, TO(pulses.area), "pmt_area"),
    PULSE(hlc, HG_SQLITE_F32, false, 0, "hlc"),
    PULSE(auxiliary, HG_SQLITE_F32, false, 0, "auxiliary"),
    PULSE(tot, HG_SQLITE_F32, false, TO(pulses.tot), "tot"),
    PULSE(axis_x, HG_SQLITE_F32, false, TO(pulses.axis), "pmt_dir_x"),
    PULSE(axis_y, HG_SQLITE_F32, false, 0, "pmt_dir_y"),
    PULSE(axis_z, HG_SQLITE_F32, false, 0, "pmt_dir_z"),
    PULSE(sensor_id, HG_SQLITE_I64, false, TO(pulses.sensor), "sensor_id"),
    PULSE(string, HG_SQLITE_I64, false, 0, "string", "sensor_string_id", "string_id"),
    PULSE(dom, HG_SQLITE_I64, false, 0, "dom_number"),
    PULSE(pmt, HG_SQLITE_I64, false, 0, "pmt_number"),
    END,
};

const hg_row_column hg_truth_row_columns[] = {
    TRUTH(event, HG_SQLITE_I64, true, 0, "event_no"),
    TRUTH(zenith, HG_SQLITE_F64, true, TO(truth.dir), "zenith", "injection_zenith", "initial_state_zenith"),
    TRUTH(azimuth, HG_SQLITE_F64, true, 0, "azimuth", "injection_azimuth", "initial_state_azimuth"),
    TRUTH(energy, HG_SQLITE_F64, false, TO(truth.energy), "energy", "injection_energy", "initial_state_energy"),
    TRUTH(x, HG_SQLITE_F64, false, TO(truth.vertex), "position_x", "injection_position_x", "initial_state_x"),
    TRUTH(y, HG_SQLITE_F64, false, 0, "position_y", "injection_position_y", "initial_state_y"),
    TRUTH(z, HG_SQLITE_F64, false, 0, "position_z", "injection_position_z", "initial_state_z"),
    TRUTH(pdg, HG_SQLITE_I64, false, 0, "pid", "injection_type", "initial_state_type"),
    TRUTH(interaction, HG_SQLITE_I64, false, 0, "interaction_type", "injection_interaction_type", "interaction"),
    TRUTH(inelasticity, HG_SQLITE_F64, false, TO(truth.inelasticity), "inelasticity", "injection_bjorkeny", "bjorken_y"),
    END,
};

void **hg_row_array(void *rows, const hg_row_column *column)
{
    return (void **)(void *)((char *)rows + column->offset);
}

static void clear(hg_context *ctx, void *rows, const hg_row_column *column)
{
    for (; column->names[0]; ++column) {
        hg_free(ctx, *hg_row_array(rows, column));
        *hg_row_array(rows, column) = NULL;
    }
}

void hg_pulse_rows_clear(hg_context *ctx, hg_pulse_rows *rows)
{
    clear(ctx, rows, hg_pulse_row_columns);
    rows->n = 0;
}

void hg_truth_rows_clear(hg_context *ctx, hg_truth_rows *rows)
{
    clear(ctx, rows, hg_truth_row_columns);
    rows->n = 0;
}
