/* datasets/telescope.c — simulated telescope events: whole tries, run in parallel, until enough of them trigger. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/telescope.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"

enum { TRIES_MOST = 512, TRIES_LEAST = 32, BARREN = 5000 };

/* ---- the telescope ---- */

/* Shares of the classes: at level 1 single muons, through-going and starting, against as many bundles; at level 2 starting against
 * cascades; a class whose setting is 0 is left out. */
static hg_status set_shares(hg_context *ctx, hg_telescope *t)
{
    static const double of_level[3][HG_N_CLASSES] = {{1, 1, 1, 1}, {1, 1, 0, 2}, {0, 1, 1, 0}};
    hg_status status = HG_OK;
    double sum = 0;
    for (int c = 0; c < HG_N_CLASSES; ++c) {
        t->share[c] = of_level[t->level][c] * (t->level == 0 ? t->options.share[c] : (double)(t->options.share[c] > 0));
        sum += t->share[c];
    }
    HG_CHECK(sum > 0, HG_ERR_CONFIG, "simulate.class: all classes of level %" PRId64 " have the share 0, expected at least one above",
             t->level);
    for (int c = 0; c < HG_N_CLASSES; ++c) t->share[c] /= sum;
done:
    return status;
}

static hg_status check_options(hg_context *ctx, const hg_telescope_options *o)
{
    hg_status status = HG_OK;
    const double ranges[][2] = {{o->through_e_min, o->through_e_max},
                                {o->starting_e_min, o->starting_e_max},
                                {o->cascade_e_min, o->cascade_e_max},
                                {o->bundle_e_min, o->bundle_e_max}};
    for (int c = 0; c < HG_N_CLASSES; ++c)
        HG_CHECK(ranges[c][0] < ranges[c][1], HG_ERR_CONFIG, "simulate.%s.e_min_gev %g, e_max_gev %g: expected a range",
                 hg_event_class_name(c), ranges[c][0], ranges[c][1]);
done:
    return status;
}

hg_status hg_telescope_create(hg_context *ctx, const char *preset, const char *config, const char *const *settings, int n_settings,
                              int64_t level, hg_telescope **out)
{
    static const double pi = 3.14159265358979323846;
    hg_status status = HG_OK;
    hg_telescope *t = NULL;
    HG_CHECK(level >= 0 && level <= 2, HG_ERR_ARG, "level: found %" PRId64 ", expected 0, 1 or 2", level);
    HG_TRY(hg_alloc(ctx, &t, 1));
    hg_telescope_options *o = &t->options;
    HG_TRY(hg_config_read(ctx, hg_telescope_option_table, preset ? preset : "icecube", config, settings, n_settings, o));
    HG_TRY(check_options(ctx, o));
    t->level = level;
    t->cos_c = 1 / o->n_phase;
    t->sin_c = sqrt(1 - t->cos_c * t->cos_c);
    t->light_scale = o->efficiency * o->flux_norm * o->photons_per_m * pi * o->dom_radius_m * o->dom_radius_m;
    HG_TRY(set_shares(ctx, t));
    HG_TRY(hg_tel_build(ctx, t));
    if (level > 0) HG_TRY(hg_tel_learn_match(ctx, t));
    *out = t;
    t = NULL;
done:
    hg_telescope_destroy(ctx, t);
    return status;
}

void hg_telescope_destroy(hg_context *ctx, hg_telescope *telescope)
{
    if (!telescope) return;
    hg_sensors *table = &telescope->table;
    void *arrays[] = {table->x,   table->y,    table->z,          table->string,    table->dom,
                      table->rde, table->area, telescope->sensor, telescope->string};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; ++i) hg_free(ctx, arrays[i]);
    hg_free(ctx, telescope);
}

const hg_sensors *hg_telescope_sensors(const hg_telescope *telescope)
{
    return &telescope->table;
}

hg_status hg_telescope_describe(hg_context *ctx, const hg_telescope *telescope, char **out)
{
    return hg_options_print(ctx, hg_telescope_option_table, &telescope->options, true, out);
}

/* ---- tries ---- */

/* One try that is kept. */
typedef struct kept {
    bool triggered, is;
    int64_t n_pulses;
    hg_tel_pulse *pulse; /* owned */
    hg_tel_truth truth;
} kept;

static hg_status keep(hg_context *ctx, const hg_tel_room *room, const hg_tel_truth *truth, kept *out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &out->pulse, room->n_pulses));
    memcpy(out->pulse, room->pulse, (size_t)room->n_pulses * sizeof *out->pulse);
    out->n_pulses = room->n_pulses;
    out->truth = *truth;
    out->is = true;
done:
    return status;
}

/* Tries first .. first + n. Each depends on its number only. */
static hg_status run_tries(hg_context *ctx, const hg_telescope *t, uint64_t seed, uint64_t first, int64_t n, kept *out)
{
    hg_status status = HG_OK;
#pragma omp parallel num_threads(hg_context_threads(ctx))
    {
        hg_tel_room room = {.n_tracks = 0};
        hg_status mine = hg_tel_room_create(ctx, t, &room);
#pragma omp for schedule(dynamic, 8)
        for (int64_t i = 0; i < n; ++i) {
            const uint64_t number = first + (uint64_t)i;
            hg_tel_truth truth = {.label = 0};
            bool triggered = false;
            if (mine >= 0) mine = hg_tel_try(ctx, t, seed, number, &room, &truth, &triggered);
            out[i].triggered = triggered;
            if (triggered && hg_tel_keeps(t, seed, number, &truth, room.charge)) mine = keep(ctx, &room, &truth, &out[i]);
        }
        hg_tel_room_clear(ctx, &room);
        if (mine < 0)
#pragma omp critical
            status = mine;
    }
    return status;
}

/* ---- events ---- */

enum {
    PARTS = HG_PULSE_RDE | HG_PULSE_AREA | HG_PULSE_HLC | HG_PULSE_SENSOR | HG_TRUTH_LABEL | HG_TRUTH_ENERGY | HG_TRUTH_DIR |
            HG_TRUTH_VERTEX | HG_TRUTH_WEIGHT | HG_TRUTH_PDG | HG_TRUTH_INTERACTION | HG_TRUTH_INELASTICITY | HG_TRUTH_MUONS
};

static void put_truth(const hg_tel_truth *from, hg_pulse_truth *to, int64_t e)
{
    to->label[e] = from->label;
    to->energy[e] = (float)from->energy;
    for (int k = 0; k < 3; ++k) to->dir[3 * e + k] = (float)from->dir[k];
    for (int k = 0; k < 4; ++k) to->vertex[4 * e + k] = (float)from->vertex[k];
    to->weight[e] = 1;
    to->pdg[e] = from->pdg;
    to->interaction[e] = from->interaction;
    to->inelasticity[e] = (float)from->inelasticity;
    to->n_muons[e] = from->n_muons;
}

static void put_pulses(const hg_sensors *table, const kept *from, hg_pulses *to, int64_t first)
{
    for (int64_t k = 0; k < from->n_pulses; ++k) {
        const hg_tel_pulse *pulse = &from->pulse[k];
        const int64_t i = first + k;
        to->x[i] = table->x[pulse->sensor];
        to->y[i] = table->y[pulse->sensor];
        to->z[i] = table->z[pulse->sensor];
        to->t[i] = (float)pulse->time;
        to->q[i] = pulse->charge;
        to->rde[i] = table->rde[pulse->sensor];
        to->area[i] = table->area[pulse->sensor];
        to->hlc[i] = pulse->hlc;
        to->sensor[i] = pulse->sensor;
    }
}

static hg_status lay_down(hg_context *ctx, const hg_telescope *t, const kept *events, const uint64_t *number, int64_t n,
                          hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_events *result = NULL;
    int64_t n_pulses = 0;
    for (int64_t e = 0; e < n; ++e) n_pulses += events[e].n_pulses;
    HG_TRY(hg_pulse_events_create(ctx, n, n_pulses, 0, PARTS, &result));
    for (int64_t e = 0; e < n; ++e) {
        result->event_id[e] = number[e];
        result->offset[e + 1] = result->offset[e] + events[e].n_pulses;
        put_truth(&events[e].truth, &result->truth, e);
        put_pulses(&t->table, &events[e], &result->pulses, result->offset[e]);
    }
    *out = result;
done:
    return status;
}

hg_status hg_telescope_simulate(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t *first_try, int64_t n,
                                int64_t *n_triggered, hg_pulse_events **out)
{
    hg_status status = HG_OK;
    kept *events = NULL, *block = NULL;
    uint64_t *number = NULL, next = *first_try;
    int64_t have = 0, barren = 0, triggered = 0;
    HG_CHECK(n >= 0, HG_ERR_ARG, "%" PRId64 " events, expected 0 or more", n);
    HG_TRY(hg_alloc(ctx, &events, n));
    HG_TRY(hg_alloc(ctx, &number, n));
    HG_TRY(hg_alloc(ctx, &block, TRIES_MOST));
    while (have < n) {
        const int64_t wanted = n - have < TRIES_MOST ? n - have : TRIES_MOST, tries = wanted < TRIES_LEAST ? TRIES_LEAST : wanted;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        HG_CHECK(barren < BARREN, HG_ERR_DATA,
                 "%d tries in a row without a trigger; hint: look at the settings of simulate.aim and simulate.trigger", BARREN);
        HG_CHECK(next + (uint64_t)tries <= UINT32_MAX, HG_ERR_LIMIT, "more than %u tries with one seed", UINT32_MAX);
        HG_TRY(run_tries(ctx, telescope, seed, next, tries, block));
        int64_t i = 0;
        for (; i < tries && have < n; ++i) {
            barren = block[i].is ? 0 : barren + 1;
            triggered += block[i].triggered;
            if (!block[i].is) continue;
            number[have] = next + (uint64_t)i;
            events[have++] = block[i];
            block[i] = (kept){.is = false};
        }
        next += (uint64_t)i;
        for (; i < tries; ++i) { /* tries beyond the last event wanted */
            hg_free(ctx, block[i].pulse);
            block[i] = (kept){.is = false};
        }
    }
    HG_TRY(lay_down(ctx, telescope, events, number, n, out));
    *first_try = next;
    if (n_triggered) *n_triggered += triggered;
done:
    for (int64_t i = 0; block && i < TRIES_MOST; ++i) hg_free(ctx, block[i].pulse);
    for (int64_t e = 0; events && e < have; ++e) hg_free(ctx, events[e].pulse);
    hg_free(ctx, block);
    hg_free(ctx, events);
    hg_free(ctx, number);
    return status;
}
