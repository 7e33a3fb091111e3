/* datasets/telescope_readout.c — photo-electrons become pulses; local coincidence, trigger, window. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/parallel.h"
#include "datasets/telescope.h"

static const double launch_ns = 6400; /* a module that was launched takes part in the trigger again after this */

static int by_time(const void *a, const void *b)
{
    const hg_tel_photon *p = a, *q = b;
    if (p->time != q->time) return p->time < q->time ? -1 : 1;
    return (p->charge > q->charge) - (p->charge < q->charge);
}

static void sort_by_time(hg_tel_photon *photon, int64_t n)
{
    enum { FEW = 24 };
    if (n > FEW) {
        qsort(photon, (size_t)n, sizeof *photon, by_time);
        return;
    }
    for (int64_t i = 1; i < n; ++i) {
        const hg_tel_photon moved = photon[i];
        int64_t k = i;
        for (; k > 0 && by_time(&photon[k - 1], &moved) > 0; --k) photon[k] = photon[k - 1];
        photon[k] = moved;
    }
}

/* Photo-electrons by sensor, then time. */
static void sort_photons(const hg_telescope *t, hg_tel_room *room)
{
    const int64_t n = t->table.n;
    for (int64_t s = 0; s <= n; ++s) room->first[s] = 0;
    for (int64_t i = 0; i < room->n_photons; ++i) room->first[room->photon[i].sensor + 1]++;
    for (int64_t s = 0; s < n; ++s) room->first[s + 1] += room->first[s];
    for (int64_t i = 0; i < room->n_photons; ++i) room->sorted[room->first[room->photon[i].sensor]++] = room->photon[i];
    for (int64_t s = n; s > 0; --s) room->first[s] = room->first[s - 1];
    room->first[0] = 0;
    for (int64_t s = 0; s < n; ++s) sort_by_time(room->sorted + room->first[s], room->first[s + 1] - room->first[s]);
}

/* Charge that is seen of one photo-electron, or of several at once: their mean is 1, their spread falls with the root of the number. */
static double seen_charge(const hg_telescope_options *o, double charge, hg_random *random)
{
    if (charge > 1) return charge * fmax(0, 1 + o->spe_width / sqrt(charge) * hg_random_normal(random));
    if (hg_random_uniform(random) < o->low_charge_share) return o->low_charge_mean * hg_random_exponential(random);
    return fmax(0, 1 + o->spe_width * hg_random_normal(random));
}

/* Pulses of each sensor, above threshold; first[] becomes that of the pulses. */
static void make_pulses(const hg_telescope *t, hg_random *random, hg_tel_room *room)
{
    const hg_telescope_options *o = &t->options;
    int32_t begin = 0, n = 0;
    for (int32_t s = 0; s < t->table.n; ++s) {
        const int32_t end = room->first[s + 1];
        double launched = -INFINITY;
        for (int32_t i = begin; i < end;) {
            hg_tel_pulse pulse = {.time = room->sorted[i].time, .sensor = s};
            double charge = 0;
            for (; i < end && room->sorted[i].time - pulse.time < o->merge_ns; ++i)
                charge += seen_charge(o, (double)room->sorted[i].charge, random);
            if (charge < o->threshold_pe) continue;
            pulse.charge = (float)charge;
            pulse.launch = pulse.time - launched >= launch_ns;
            if (pulse.launch) launched = pulse.time;
            room->pulse[n++] = pulse;
        }
        begin = end;
        room->first[s + 1] = n;
    }
    room->n_pulses = n;
}

static bool has_pulse_near(const hg_tel_room *room, int32_t sensor, double time, double window)
{
    for (int32_t i = room->first[sensor]; i < room->first[sensor + 1]; ++i)
        if (fabs(room->pulse[i].time - time) <= window) return true;
    return false;
}

static void find_coincidences(const hg_telescope *t, hg_tel_room *room)
{
    for (int64_t i = 0; i < room->n_pulses; ++i) {
        hg_tel_pulse *pulse = &room->pulse[i];
        for (int k = 0; k < 4 && !pulse->hlc; ++k) {
            const int32_t neighbour = t->sensor[pulse->sensor].neighbour[k];
            pulse->hlc = neighbour >= 0 && has_pulse_near(room, neighbour, pulse->time, t->options.hlc_ns);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* First and last launch of the first run of overlapping windows with enough coincident launches. */
static bool find_trigger(const hg_telescope_options *o, hg_tel_room *room, double *start, double *end)
{
    int64_t n = 0;
    bool found = false;
    for (int64_t i = 0; i < room->n_pulses; ++i)
        if (room->pulse[i].hlc && room->pulse[i].launch) room->moment[n++] = room->pulse[i].time;
    qsort(room->moment, (size_t)n, sizeof *room->moment, by_value);
    for (int64_t i = o->trigger_hits - 1; i < n; ++i) {
        const double oldest = room->moment[i - o->trigger_hits + 1];
        if (room->moment[i] - oldest > o->trigger_ns) continue;
        if (!found) *start = oldest;
        if (found && oldest > *end) break;
        *end = room->moment[i];
        found = true;
    }
    return found;
}

static int by_pulse_time(const void *a, const void *b)
{
    const hg_tel_pulse *p = a, *q = b;
    if (p->time != q->time) return p->time < q->time ? -1 : 1;
    return (p->sensor > q->sensor) - (p->sensor < q->sensor);
}

static void cut_window(const hg_telescope_options *o, double start, double end, hg_tel_room *room, hg_tel_truth *truth)
{
    const double shift = o->trigger_at_ns - start;
    int64_t n = 0;
    for (int64_t i = 0; i < room->n_pulses; ++i) {
        hg_tel_pulse pulse = room->pulse[i];
        if (pulse.time < start - o->before_ns || pulse.time > end + o->after_ns) continue;
        pulse.time += shift;
        room->pulse[n++] = pulse;
    }
    room->n_pulses = n;
    qsort(room->pulse, (size_t)n, sizeof *room->pulse, by_pulse_time);
    truth->vertex[3] += shift;
}

hg_status hg_tel_read_out(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room,
                          hg_tel_truth *truth, bool *triggered)
{
    hg_random random = hg_random_stream(seed, HG_TEL_READOUT, number, 0);
    double start = 0, end = 0;
    const hg_status status = hg_tel_room_for_pulses(ctx, room);
    if (status < 0) return status;
    sort_photons(telescope, room);
    make_pulses(telescope, &random, room);
    find_coincidences(telescope, room);
    *triggered = find_trigger(&telescope->options, room, &start, &end);
    if (*triggered) cut_window(&telescope->options, start, end, room, truth);
    return HG_OK;
}
