/* datasets/pulse_screen.c — the one place where bad events are told from good ones, whatever file they come from. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulse_screen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "datasets/pulse_arrays.h"

static const char *const fault_names[HG_N_FAULTS] = {
    "not a number", "negative charge", "unknown sensor", "pulses without truth", "truth more than once", "impossible truth",
};

const char *hg_pulse_fault_name(hg_pulse_fault fault)
{
    return (unsigned)fault < HG_N_FAULTS ? fault_names[fault] : "none";
}

void hg_pulse_origin_name(hg_pulse_origin *origin, size_t offset, const char *column)
{
    for (int i = 0; hg_pulse_array_list[i].column.path && i < HG_PULSE_ARRAYS; ++i)
        if (hg_pulse_array_list[i].offset == offset) origin->column[i] = column;
}

/* What is wrong with an event and where: the array by its place in the list (-1 = no array), the element inside the event. */
typedef struct finding {
    hg_pulse_fault fault;
    int array;
    int64_t element;
    double value;
} finding;

static const finding nothing = {HG_N_FAULTS, -1, 0, 0};

static int place_of(size_t offset)
{
    int i = 0;
    while (hg_pulse_array_list[i].offset != offset) ++i;
    return i;
}

/* The float array's elements of one event must be finite. */
static finding look_for_nan(const hg_pulse_events *events, int place, int64_t e)
{
    const hg_pulse_array *a = &hg_pulse_array_list[place];
    const float *data = hg_pulse_array_data(events, a);
    const int64_t width = a->column.width > 0 ? a->column.width : 1;
    const bool pulses = a->rows == HG_ROWS_PULSES;
    const int64_t first = (pulses ? events->offset[e] : e) * width, end = (pulses ? events->offset[e + 1] : e + 1) * width;
    for (int64_t i = first; i < end; ++i)
        if (!isfinite(data[i]))
            return (finding){pulses ? HG_FAULT_NOT_A_NUMBER : HG_FAULT_BAD_TRUTH, place, (i - first) / width, (double)data[i]};
    return nothing;
}

static finding look_at_pulses(const hg_pulse_events *events, int64_t e)
{
    const hg_pulses *p = &events->pulses;
    for (int64_t i = events->offset[e]; i < events->offset[e + 1]; ++i) {
        if (p->q[i] < 0)
            return (finding){HG_FAULT_NEGATIVE_CHARGE, place_of(offsetof(hg_pulse_events, pulses.q)), i - events->offset[e],
                             (double)p->q[i]};
        if (p->sensor && (p->sensor[i] < 0 || p->sensor[i] >= events->sensors.n))
            return (finding){HG_FAULT_UNKNOWN_SENSOR, place_of(offsetof(hg_pulse_events, pulses.sensor)), i - events->offset[e],
                             (double)p->sensor[i]};
    }
    return nothing;
}

static finding look_at_truth(const hg_pulse_events *events, int64_t e)
{
    const hg_pulse_truth *t = &events->truth;
    if (t->energy && t->energy[e] < 0)
        return (finding){HG_FAULT_BAD_TRUTH, place_of(offsetof(hg_pulse_events, truth.energy)), 0, (double)t->energy[e]};
    if (t->dir) {
        const float *d = t->dir + 3 * e;
        const double length = sqrt((double)d[0] * d[0] + (double)d[1] * d[1] + (double)d[2] * d[2]);
        if (fabs(length - 1) > 1e-3) return (finding){HG_FAULT_BAD_TRUTH, place_of(offsetof(hg_pulse_events, truth.dir)), 0, length};
    }
    return nothing;
}

static finding look_at(const hg_pulse_events *events, const uint8_t *fault, int64_t e)
{
    if (fault && fault[e] != HG_N_FAULTS) return (finding){(hg_pulse_fault)fault[e], -1, 0, 0};
    for (int i = 0; hg_pulse_array_list[i].column.path; ++i) {
        const hg_pulse_array *a = &hg_pulse_array_list[i];
        if (a->rows == HG_ROWS_SENSORS || a->column.type != HG_H5_F32 || !hg_pulse_array_data(events, a)) continue;
        const finding found = look_for_nan(events, i, e);
        if (found.fault != HG_N_FAULTS) return found;
    }
    const finding found = look_at_pulses(events, e);
    return found.fault != HG_N_FAULTS ? found : look_at_truth(events, e);
}

/* "table, column "q": event 12, row 3: -1.5, expected 0 or more". */
static void describe(const hg_pulse_origin *origin, const hg_pulse_events *events, int64_t e, const finding *found, char text[256])
{
    static const char *const expected[HG_N_FAULTS] = {
        "expected a finite number",          "expected 0 or more",
        "expected a sensor of the geometry", "has pulses but no row of truth",
        "has more than one row of truth",    "expected a possible value",
    };
    const uint64_t id = events->event_id[e];
    if (found->array < 0) {
        snprintf(text, 256, "table %s: event %" PRIu64 " %s", origin->truth_table, id, expected[found->fault]);
        return;
    }
    const hg_pulse_array *a = &hg_pulse_array_list[found->array];
    const bool pulses = a->rows == HG_ROWS_PULSES;
    const char *table = pulses ? origin->pulse_table : origin->truth_table;
    const char *column = origin->column[found->array] ? origin->column[found->array] : strrchr(a->column.path, '/') + 1;
    char row[48] = "";
    if (pulses) snprintf(row, sizeof row, ", pulse %" PRId64 " of it", found->element);
    snprintf(text, 256, "%s%s%scolumn %s: event %" PRIu64 "%s: found %g, %s", table ? "table " : "", table ? table : "", table ? ", " : "",
             column, id, row, found->value, expected[found->fault]);
}

/* A line for the log: how many, which first, where the first one is bad. */
static void warn(hg_context *ctx, const hg_pulse_origin *origin, const hg_pulse_report *report)
{
    for (int f = 0; f < HG_N_FAULTS; ++f) {
        char list[160] = "";
        int length = 0;
        if (report->count[f] == 0) continue;
        for (int64_t i = 0; i < report->count[f] && i < HG_FAULT_EXAMPLES; ++i)
            length += snprintf(list + length, sizeof list - (size_t)length, "%s%" PRIu64, i ? ", " : "", report->example[f][i]);
        hg_log(ctx, HG_LOG_WARN, "%s: left out %" PRId64 " events (%s): %s%s; %s", origin->path, report->count[f], fault_names[f], list,
               report->count[f] > HG_FAULT_EXAMPLES ? ", ..." : "", report->first[f]);
    }
}

static void account(const hg_pulse_origin *origin, const hg_pulse_events *events, const uint8_t *fault, const uint8_t *seen,
                    hg_pulse_report *report, int64_t *good)
{
    int64_t n = 0;
    report->n_read = events->n_events;
    for (int64_t e = 0; e < events->n_events; ++e) {
        const int f = seen[e];
        if (f == HG_N_FAULTS) {
            report->n_without_pulses += events->offset[e] == events->offset[e + 1];
            good[n++] = e;
            continue;
        }
        if (report->count[f] < HG_FAULT_EXAMPLES) report->example[f][report->count[f]] = events->event_id[e];
        if (report->count[f]++ == 0) {
            const finding found = look_at(events, fault, e);
            describe(origin, events, e, &found, report->first[f]);
        }
    }
    report->n_left_out = events->n_events - n;
}

hg_status hg_pulse_screen(hg_context *ctx, const hg_pulse_origin *origin, const uint8_t *fault, hg_pulse_events *events,
                          hg_pulse_report *report, hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_report mine = {0};
    uint8_t *seen = NULL;
    int64_t *good = NULL;
    HG_TRY(hg_alloc(ctx, &seen, events->n_events));
    HG_TRY(hg_alloc(ctx, &good, events->n_events));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static)
    for (int64_t e = 0; e < events->n_events; ++e) seen[e] = (uint8_t)look_at(events, fault, e).fault;
    account(origin, events, fault, seen, &mine, good);
    if (report) *report = mine;
    if (mine.n_left_out > 0) {
        const char *first = "";
        for (int f = 0; f < HG_N_FAULTS && !first[0]; ++f) first = mine.first[f];
        HG_CHECK(mine.n_left_out < mine.n_read, HG_ERR_DATA, "%s: %s; none of %" PRId64 " events is good", origin->path, first,
                 mine.n_read);
        warn(ctx, origin, &mine);
        HG_TRY(hg_pulse_events_select(ctx, events, good, mine.n_read - mine.n_left_out, out));
        status = HG_INFO_PARTIAL;
    } else {
        *out = events;
        events = NULL;
    }
done:
    hg_pulse_events_destroy(ctx, events);
    hg_free(ctx, seen);
    hg_free(ctx, good);
    return status;
}
