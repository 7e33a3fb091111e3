/* datasets/pulse_assemble.c — rows of pulses and truth become events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "datasets/pulse_rows.h"
#include "datasets/sensor_keys.h"

static const double near_ns = 1e6; /* times up to this are stored as they are */

/* Where a pulse stands in the source. */
typedef struct place {
    int64_t event;
    int32_t part;
    int32_t row;
} place;

typedef struct assembly {
    const hg_pulse_source *source;
    const hg_pulse_rows *rows; /* the first part: which columns there are */
    int64_t n_pulses, n_events, n_sensors;
    place *order;    /* [n_pulses] owned: by event, then place */
    int64_t *number; /* [n_events] owned: event numbers, rising */
    int64_t *offset; /* [n_events + 1] owned: into order */
    int64_t *truth;  /* [n_events] owned: row of truth, -1 = none */
    uint8_t *fault;  /* [n_events] owned */
    int64_t *key;    /* [n_sensors] owned: numbers of the sensors, rising */
    hg_pulse_events *events;
} assembly;

/* ---- pulses by event ---- */

static int by_place(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->event != q->event) return p->event < q->event ? -1 : 1;
    if (p->part != q->part) return p->part < q->part ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* Tables are nearly always in the order of their events already. */
static hg_status order_pulses(hg_context *ctx, assembly *a)
{
    hg_status status = HG_OK;
    const hg_pulse_source *s = a->source;
    bool sorted = true;
    int64_t n = 0;
    for (int64_t p = 0; p < s->n_parts; ++p) a->n_pulses += s->parts[p].n;
    HG_CHECK(a->n_pulses <= INT32_MAX, HG_ERR_LIMIT, "%s: %" PRId64 " pulses, expected at most %d", s->origin.path, a->n_pulses, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &a->order, a->n_pulses));
    for (int64_t p = 0; p < s->n_parts; ++p) {
        for (int64_t i = 0; i < s->parts[p].n; ++i, ++n) {
            const int64_t event = s->parts[p].event[i];
            HG_CHECK(event >= 0, HG_ERR_FORMAT, "%s: %s, row %" PRId64 ": the event has no number from 0 on", s->origin.path,
                     s->origin.pulse_table ? s->origin.pulse_table : "pulses", n + 1);
            a->order[n] = (place){event, (int32_t)p, (int32_t)i};
            sorted = sorted && (n == 0 || event >= a->order[n - 1].event);
        }
    }
    if (!sorted) qsort(a->order, (size_t)n, sizeof *a->order, by_place);
done:
    return status;
}

/* ---- events of pulses and truth ---- */

typedef struct truth_place {
    int64_t event, row;
} truth_place;

static int by_truth(const void *a, const void *b)
{
    const truth_place *p = a, *q = b;
    if (p->event != q->event) return p->event < q->event ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static hg_status sort_truth(hg_context *ctx, const assembly *a, truth_place **out)
{
    hg_status status = HG_OK;
    const hg_truth_rows *truth = a->source->truth;
    truth_place *list = NULL;
    HG_TRY(hg_alloc(ctx, &list, truth ? truth->n : 0));
    for (int64_t i = 0; truth && i < truth->n; ++i) {
        HG_CHECK(truth->event[i] >= 0, HG_ERR_FORMAT, "%s: table %s, row %" PRId64 ": event_no is no number from 0 on",
                 a->source->origin.path, a->source->origin.truth_table, i + 1);
        list[i] = (truth_place){truth->event[i], i};
    }
    if (truth) qsort(list, (size_t)truth->n, sizeof *list, by_truth);
    *out = list;
    list = NULL;
done:
    hg_free(ctx, list);
    return status;
}

/* All events that have pulses, truth or both. */
static hg_status list_events(hg_context *ctx, assembly *a)
{
    hg_status status = HG_OK;
    const int64_t n_truth = a->source->truth ? a->source->truth->n : 0;
    truth_place *truth = NULL;
    int64_t n_with_pulses = 0, i = 0, j = 0;
    HG_TRY(sort_truth(ctx, a, &truth));
    for (int64_t k = 0; k < a->n_pulses; ++k) n_with_pulses += k == 0 || a->order[k].event != a->order[k - 1].event;
    const int64_t most = n_with_pulses + n_truth;
    HG_TRY(hg_alloc(ctx, &a->number, most));
    HG_TRY(hg_alloc(ctx, &a->offset, most + 1));
    HG_TRY(hg_alloc(ctx, &a->truth, most));
    HG_TRY(hg_alloc(ctx, &a->fault, most));
    while (i < a->n_pulses || j < n_truth) {
        const int64_t e = a->n_events++;
        a->number[e] = j == n_truth || (i < a->n_pulses && a->order[i].event < truth[j].event) ? a->order[i].event : truth[j].event;
        a->truth[e] = -1;
        a->fault[e] = HG_N_FAULTS;
        while (i < a->n_pulses && a->order[i].event == a->number[e]) ++i;
        a->offset[e + 1] = i;
        for (int64_t first = j; j < n_truth && truth[j].event == a->number[e]; ++j) {
            if (j > first) a->fault[e] = HG_FAULT_TRUTH_TWICE;
            a->truth[e] = truth[j].row;
        }
        if (a->source->truth && a->truth[e] < 0) a->fault[e] = HG_FAULT_NO_TRUTH;
    }
done:
    hg_free(ctx, truth);
    return status;
}

/* ---- sensors ---- */

static int64_t find_key(const int64_t *key, int64_t n, int64_t wanted)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (key[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && key[low] == wanted ? low : -1;
}

static int32_t or_unknown(const int64_t *column, int64_t row)
{
    return column[row] >= 0 && column[row] <= INT32_MAX ? (int32_t)column[row] : -1;
}

/* A sensor is as its first pulse says. */
static void describe_sensor(const hg_pulse_rows *rows, int64_t i, int64_t s, hg_sensors *to)
{
    to->x[s] = isfinite(rows->x[i]) ? rows->x[i] : 0;
    to->y[s] = isfinite(rows->y[i]) ? rows->y[i] : 0;
    to->z[s] = isfinite(rows->z[i]) ? rows->z[i] : 0;
    if (to->string) to->string[s] = or_unknown(rows->string, i);
    if (to->dom) to->dom[s] = or_unknown(rows->dom, i);
    if (to->rde) to->rde[s] = isfinite(rows->rde[i]) ? rows->rde[i] : 1;
    if (to->area) to->area[s] = isfinite(rows->area[i]) ? rows->area[i] : 0;
}

static hg_status describe_sensors(hg_context *ctx, const assembly *a, hg_sensors *to)
{
    hg_status status = HG_OK;
    uint8_t *seen = NULL;
    int64_t left = to->n;
    HG_TRY(hg_alloc(ctx, &seen, to->n));
    memcpy(to->source_id, a->key, (size_t)to->n * sizeof *a->key);
    for (int64_t p = 0; p < a->source->n_parts; ++p) {
        const hg_pulse_rows *rows = &a->source->parts[p];
        for (int64_t i = 0; i < rows->n && left > 0; ++i) {
            const int64_t s = find_key(a->key, a->n_sensors, hg_sensor_key(rows, i));
            if (s < 0 || seen[s]) continue;
            describe_sensor(rows, i, s, to);
            seen[s] = 1;
            --left;
        }
    }
done:
    hg_free(ctx, seen);
    return status;
}

static void copy_sensors(const hg_sensors *from, hg_sensors *to)
{
    const size_t n = (size_t)from->n;
    memcpy(to->x, from->x, n * sizeof *to->x);
    memcpy(to->y, from->y, n * sizeof *to->y);
    memcpy(to->z, from->z, n * sizeof *to->z);
    memcpy(to->source_id, from->source_id, n * sizeof *to->source_id);
}

/* ---- filling ---- */

static void fill_pulse(const assembly *a, const hg_pulse_rows *rows, int64_t row, double t0, int64_t i)
{
    hg_pulses *to = &a->events->pulses;
    const int64_t s = to->sensor ? find_key(a->key, a->n_sensors, hg_sensor_key(rows, row)) : -1;
    const bool placed = !rows->x;
    to->x[i] = !placed ? rows->x[row] : s >= 0 ? a->events->sensors.x[s] : 0;
    to->y[i] = !placed ? rows->y[row] : s >= 0 ? a->events->sensors.y[s] : 0;
    to->z[i] = !placed ? rows->z[row] : s >= 0 ? a->events->sensors.z[s] : 0;
    to->t[i] = (float)(rows->t[row] - t0);
    to->q[i] = rows->q ? rows->q[row] : 1;
    if (to->sensor) to->sensor[i] = (int32_t)s;
    if (to->rde) to->rde[i] = rows->rde[row];
    if (to->area) to->area[i] = rows->area[row];
    if (to->tot) to->tot[i] = rows->tot[row];
    if (to->hlc) to->hlc[i] = rows->hlc ? rows->hlc[row] > 0 : rows->auxiliary[row] == 0;
    if (to->axis) {
        to->axis[3 * i] = rows->axis_x[row];
        to->axis[3 * i + 1] = rows->axis_y[row];
        to->axis[3 * i + 2] = rows->axis_z[row];
    }
}

/* 0, or the earliest whole ns of an event whose times a float would round to more than a tenth of a ns. */
static double start_of(const assembly *a, int64_t e)
{
    double earliest = INFINITY, largest = 0;
    for (int64_t i = a->offset[e]; i < a->offset[e + 1]; ++i) {
        const double t = a->source->parts[a->order[i].part].t[a->order[i].row];
        if (!isfinite(t)) continue;
        earliest = fmin(earliest, t);
        largest = fmax(largest, fabs(t));
    }
    return largest > near_ns ? floor(earliest) : 0;
}

static void fill_pulses(hg_context *ctx, const assembly *a)
{
    memcpy(a->events->offset, a->offset, (size_t)(a->n_events + 1) * sizeof *a->offset);
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static)
    for (int64_t e = 0; e < a->n_events; ++e) {
        a->events->event_id[e] = (uint64_t)a->number[e];
        a->events->t0[e] = start_of(a, e);
        for (int64_t i = a->offset[e]; i < a->offset[e + 1]; ++i)
            fill_pulse(a, &a->source->parts[a->order[i].part], a->order[i].row, a->events->t0[e], i);
    }
}

/* Charged current of a muon neutrino: a muon, which starts inside if the vertex lies among the sensors. */
static int32_t label_of(int64_t pdg, int64_t interaction, bool inside)
{
    const int64_t kind = llabs(pdg);
    if (kind == 13) return HG_CLASS_BUNDLE;
    if (kind == 12 || ((kind == 14 || kind == 16) && interaction == 2)) return HG_CLASS_CASCADE;
    if (kind == 14 && interaction == 1) return inside ? HG_CLASS_STARTING : HG_CLASS_THROUGH;
    return HG_CLASS_UNKNOWN;
}

typedef struct box {
    float low[3], high[3];
} box;

static box box_of_pulses(const hg_pulse_events *events)
{
    const float *const axis[] = {events->pulses.x, events->pulses.y, events->pulses.z};
    box b = {{INFINITY, INFINITY, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}};
    for (int k = 0; k < 3; ++k) {
        for (int64_t i = 0; i < events->n_pulses; ++i) {
            if (axis[k][i] < b.low[k]) b.low[k] = axis[k][i];
            if (axis[k][i] > b.high[k]) b.high[k] = axis[k][i];
        }
    }
    return b;
}

static bool is_inside(const box *b, const float *vertex)
{
    bool inside = true;
    for (int k = 0; k < 3; ++k) inside = inside && vertex[k] >= b->low[k] && vertex[k] <= b->high[k];
    return inside;
}

static int32_t small_integer(const int64_t *column, int64_t row)
{
    return column[row] > INT32_MIN && column[row] <= INT32_MAX ? (int32_t)column[row] : 0;
}

static void fill_truth(const assembly *a)
{
    const hg_truth_rows *from = a->source->truth;
    hg_pulse_truth *to = &a->events->truth;
    const box around = box_of_pulses(a->events);
    for (int64_t e = 0; e < a->n_events; ++e) {
        const int64_t row = a->truth[e];
        double dir[3];
        if (row < 0) continue;
        hg_direction_of_travel(from->zenith[row], from->azimuth[row], dir);
        for (int k = 0; k < 3; ++k) to->dir[3 * e + k] = (float)(a->source->direction == HG_DIR_TO ? -dir[k] : dir[k]);
        if (to->energy) to->energy[e] = (float)from->energy[row];
        if (to->vertex) {
            to->vertex[4 * e] = (float)from->x[row];
            to->vertex[4 * e + 1] = (float)from->y[row];
            to->vertex[4 * e + 2] = (float)from->z[row];
        }
        if (to->inelasticity) to->inelasticity[e] = (float)from->inelasticity[row];
        if (to->pdg) to->pdg[e] = small_integer(from->pdg, row);
        if (to->interaction) to->interaction[e] = small_integer(from->interaction, row);
        if (to->label)
            to->label[e] =
                label_of(to->pdg[e], to->interaction ? to->interaction[e] : 0, to->vertex && is_inside(&around, to->vertex + 4 * e));
    }
}

static unsigned parts_of(const assembly *a)
{
    const hg_pulse_rows *p = a->rows;
    const hg_truth_rows *t = a->source->truth;
    const bool key = hg_sensor_has_key(p), own = !a->source->sensors;
    unsigned parts = (p->rde ? HG_PULSE_RDE : 0u) | (p->area ? HG_PULSE_AREA : 0u) | (p->hlc || p->auxiliary ? HG_PULSE_HLC : 0u) |
                     (p->tot ? HG_PULSE_TOT : 0u) | (p->axis_x && p->axis_y && p->axis_z ? HG_PULSE_AXIS : 0u);
    if (key) parts |= HG_PULSE_SENSOR | HG_SENSOR_SOURCE_ID;
    if (key && own)
        parts |= (p->string ? HG_SENSOR_STRING : 0u) | (p->dom ? HG_SENSOR_DOM : 0u) | (p->rde ? HG_SENSOR_RDE : 0u) |
                 (p->area ? HG_SENSOR_AREA : 0u);
    if (!t) return parts;
    return parts | HG_TRUTH_DIR | (t->energy ? HG_TRUTH_ENERGY : 0u) | (t->x && t->y && t->z ? HG_TRUTH_VERTEX : 0u) |
           (t->pdg ? HG_TRUTH_PDG | HG_TRUTH_LABEL : 0u) | (t->interaction ? HG_TRUTH_INTERACTION : 0u) |
           (t->inelasticity ? HG_TRUTH_INELASTICITY : 0u);
}

static hg_status find_sensors(hg_context *ctx, assembly *a)
{
    hg_status status = HG_OK;
    const hg_sensors *given = a->source->sensors;
    if (!hg_sensor_has_key(a->rows)) return HG_OK;
    if (!given) return hg_sensor_keys(ctx, a->source->parts, a->source->n_parts, &a->key, &a->n_sensors);
    HG_TRY(hg_alloc(ctx, &a->key, given->n));
    memcpy(a->key, given->source_id, (size_t)given->n * sizeof *a->key);
    a->n_sensors = given->n;
done:
    return status;
}

hg_status hg_pulse_assemble(hg_context *ctx, const hg_pulse_source *source, hg_pulse_report *report, hg_pulse_events **out)
{
    hg_status status = HG_OK;
    assembly a = {.source = source, .rows = source->parts};
    hg_pulse_events *events;
    HG_TRY(order_pulses(ctx, &a));
    HG_TRY(list_events(ctx, &a));
    HG_TRY(find_sensors(ctx, &a));
    HG_TRY(hg_pulse_events_create(ctx, a.n_events, a.n_pulses, a.n_sensors, parts_of(&a), &a.events));
    if (a.n_sensors > 0 && source->sensors) copy_sensors(source->sensors, &a.events->sensors);
    if (a.n_sensors > 0 && !source->sensors) HG_TRY(describe_sensors(ctx, &a, &a.events->sensors));
    fill_pulses(ctx, &a);
    if (source->truth) fill_truth(&a);
    events = a.events;
    a.events = NULL;
    status = hg_pulse_screen(ctx, &source->origin, a.fault, events, report, out);
done:
    hg_pulse_events_destroy(ctx, a.events);
    hg_free(ctx, a.order);
    hg_free(ctx, a.number);
    hg_free(ctx, a.offset);
    hg_free(ctx, a.truth);
    hg_free(ctx, a.fault);
    hg_free(ctx, a.key);
    return status;
}
