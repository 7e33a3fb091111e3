/* datasets/pulses.c — room for a telescope's events, choices of them, and the convention of directions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/pulses.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/pulse_arrays.h"

static const double two_pi = 6.283185307179586476925286766559;

const char *hg_event_class_name(int32_t class_number)
{
    static const char *const names[HG_N_CLASSES] = {"through", "starting", "cascade", "bundle"};
    return class_number >= 0 && class_number < HG_N_CLASSES ? names[class_number] : "unknown";
}

hg_status hg_pulse_events_create(hg_context *ctx, int64_t n_events, int64_t n_pulses, int64_t n_sensors, unsigned parts,
                                 hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_events *events = NULL;
    HG_CHECK(n_events >= 0 && n_pulses >= 0 && n_sensors >= 0, HG_ERR_ARG,
             "%" PRId64 " events, %" PRId64 " pulses, %" PRId64 " sensors: expected 0 or more", n_events, n_pulses, n_sensors);
    HG_CHECK(n_sensors <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " sensors, expected at most %d", n_sensors, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &events, 1));
    events->n_events = n_events;
    events->n_pulses = n_pulses;
    events->sensors.n = n_sensors;
    HG_TRY(hg_alloc(ctx, &events->offset, n_events + 1));
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) {
        if (a->part && !(parts & a->part)) continue;
        HG_TRY(hg_alloc_array(ctx, hg_pulse_array_of(events, a), hg_pulse_array_rows(events, a), hg_pulse_array_bytes(a)));
    }
    *out = events;
    events = NULL;
done:
    hg_pulse_events_destroy(ctx, events);
    return status;
}

void hg_pulse_events_destroy(hg_context *ctx, hg_pulse_events *events)
{
    if (!events) return;
    hg_free(ctx, events->offset);
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) hg_free(ctx, *hg_pulse_array_of(events, a));
    hg_free(ctx, events);
}

unsigned hg_pulse_events_parts(const hg_pulse_events *events)
{
    unsigned parts = 0;
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a)
        if (hg_pulse_array_data(events, a)) parts |= a->part;
    return parts;
}

/* Rows of the chosen events, one event after the other. */
static void copy_rows(const hg_pulse_events *from, const hg_pulse_array *a, const int64_t *chosen, hg_pulse_events *to)
{
    const size_t bytes = hg_pulse_array_bytes(a);
    const char *source = hg_pulse_array_data(from, a);
    char *target = *hg_pulse_array_of(to, a);
    if (!target) return;
    if (a->rows == HG_ROWS_SENSORS) {
        memcpy(target, source, (size_t)to->sensors.n * bytes);
        return;
    }
    for (int64_t i = 0; i < to->n_events; ++i) {
        const int64_t e = chosen[i];
        const int64_t first = a->rows == HG_ROWS_PULSES ? from->offset[e] : e;
        const int64_t n = a->rows == HG_ROWS_PULSES ? from->offset[e + 1] - first : 1;
        memcpy(target, source + (size_t)first * bytes, (size_t)n * bytes);
        target += (size_t)n * bytes;
    }
}

hg_status hg_pulse_events_select(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n, hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_events *copy = NULL;
    int64_t n_pulses = 0;
    for (int64_t i = 0; i < n; ++i) {
        HG_CHECK(chosen[i] >= 0 && chosen[i] < events->n_events, HG_ERR_ARG, "event %" PRId64 " of %" PRId64, chosen[i], events->n_events);
        n_pulses += events->offset[chosen[i] + 1] - events->offset[chosen[i]];
    }
    HG_TRY(hg_pulse_events_create(ctx, n, n_pulses, events->sensors.n, hg_pulse_events_parts(events), &copy));
    for (int64_t i = 0; i < n; ++i) copy->offset[i + 1] = copy->offset[i] + events->offset[chosen[i] + 1] - events->offset[chosen[i]];
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) copy_rows(events, a, chosen, copy);
    *out = copy;
    copy = NULL;
done:
    hg_pulse_events_destroy(ctx, copy);
    return status;
}

void hg_direction_of_travel(double zenith, double azimuth, double dir[3])
{
    dir[0] = -sin(zenith) * cos(azimuth);
    dir[1] = -sin(zenith) * sin(azimuth);
    dir[2] = -cos(zenith);
}

void hg_direction_of_origin(const float dir[3], double *zenith, double *azimuth)
{
    const double x = -(double)dir[0], y = -(double)dir[1], z = -(double)dir[2];
    const double across = sqrt(x * x + y * y);
    *zenith = atan2(across, z);
    *azimuth = across > 0 ? atan2(y, x) : 0;
    if (*azimuth < 0) *azimuth += two_pi;
}
