/* datasets/telescope_match.c — levels 1 and 2: the classes get the same distributions of zenith, charge and impact. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "datasets/telescope.h"

/* Triggered events of a class are kept with probability scale x product of a factor for each variable's bin. The factors are found by
 * iterative proportional fitting on tries of their own: after it the kept events of every class have the same share in each bin of
 * each variable; the bins are quantiles of all classes together. Factors are capped so that rare corners do not starve the rest. */

enum { ROUNDS = 40 };
static const double factor_most = 8;     /* a bin counts at most so many times its class's mean */
static const uint64_t pilot_seed = 2718; /* the factors belong to the settings, not to the seed of the events */

typedef struct pilot {
    int32_t label;
    double value[HG_MATCH_VARIABLES];
    int32_t bin[HG_MATCH_VARIABLES];
    double weight;
} pilot;

static void set_values(const hg_tel_truth *truth, double charge, double value[HG_MATCH_VARIABLES])
{
    value[0] = -truth->dir[2];
    value[1] = log(fmax(charge, 1e-3));
    value[2] = truth->impact;
}

static int32_t bin_of(const hg_tel_match *match, int variable, double value)
{
    int32_t bin = 0;
    while (bin < HG_MATCH_BINS - 1 && value >= match->edge[variable][bin]) ++bin;
    return bin;
}

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* Quantiles of all events where the bins begin. The upper ones are narrow: a few events brighter than any of another class would be told
 * by their charge alone. */
static const double quantile[HG_MATCH_BINS - 1] = {0.08, 0.16, 0.25, 0.33, 0.42, 0.5, 0.58, 0.67, 0.75, 0.83, 0.9, 0.95, 0.98, 0.99, 0.995};

static hg_status set_edges(hg_context *ctx, pilot *events, int64_t n, hg_tel_match *match)
{
    hg_status status = HG_OK;
    double *sorted = NULL;
    HG_TRY(hg_alloc(ctx, &sorted, n));
    for (int v = 0; v < HG_MATCH_VARIABLES; ++v) {
        for (int64_t i = 0; i < n; ++i) sorted[i] = events[i].value[v];
        qsort(sorted, (size_t)n, sizeof *sorted, by_value);
        for (int b = 0; b < HG_MATCH_BINS - 1; ++b) match->edge[v][b] = sorted[(int64_t)(quantile[b] * (double)n)];
        for (int64_t i = 0; i < n; ++i) events[i].bin[v] = bin_of(match, v, events[i].value[v]);
    }
done:
    hg_free(ctx, sorted);
    return status;
}

/* Share of each bin in what all classes have in common: the smallest of their shares, made to sum to 1. */
static void set_target(const pilot *events, int64_t n, int v, double target[HG_MATCH_BINS])
{
    double count[HG_N_CLASSES][HG_MATCH_BINS] = {{0}}, total[HG_N_CLASSES] = {0}, sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        count[events[i].label][events[i].bin[v]]++;
        total[events[i].label]++;
    }
    for (int b = 0; b < HG_MATCH_BINS; ++b) {
        target[b] = 1;
        for (int c = 0; c < HG_N_CLASSES; ++c)
            if (total[c] > 0) target[b] = fmin(target[b], count[c][b] / total[c]);
        sum += target[b];
    }
    for (int b = 0; b < HG_MATCH_BINS; ++b) target[b] = sum > 0 ? target[b] / sum : 1.0 / HG_MATCH_BINS;
}

static void fit_factors(pilot *events, int64_t n, double target[HG_MATCH_VARIABLES][HG_MATCH_BINS], hg_tel_match *match)
{
    for (int round = 0; round < ROUNDS; ++round) {
        for (int v = 0; v < HG_MATCH_VARIABLES; ++v) {
            double sum[HG_N_CLASSES][HG_MATCH_BINS] = {{0}}, total[HG_N_CLASSES] = {0};
            for (int64_t i = 0; i < n; ++i) {
                pilot *e = &events[i];
                e->weight = 1;
                for (int k = 0; k < HG_MATCH_VARIABLES; ++k) e->weight *= match->factor[e->label][k][e->bin[k]];
                sum[e->label][e->bin[v]] += e->weight;
                total[e->label] += e->weight;
            }
            for (int c = 0; c < HG_N_CLASSES; ++c)
                for (int b = 0; b < HG_MATCH_BINS; ++b)
                    if (sum[c][b] > 0)
                        match->factor[c][v][b] = fmin(match->factor[c][v][b] * target[v][b] * total[c] / sum[c][b], factor_most);
        }
    }
}

/* The class's largest product among the pilot events is kept for sure; rarer combinations are cut at 1. */
static void set_scales(const pilot *events, int64_t n, const int64_t tries[HG_N_CLASSES], hg_telescope *t)
{
    hg_tel_match *match = &t->match;
    double largest[HG_N_CLASSES] = {0}, kept[HG_N_CLASSES] = {0}, sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        const pilot *e = &events[i];
        double weight = 1;
        for (int k = 0; k < HG_MATCH_VARIABLES; ++k) weight *= match->factor[e->label][k][e->bin[k]];
        largest[e->label] = fmax(largest[e->label], weight);
        kept[e->label] += weight;
    }
    for (int c = 0; c < HG_N_CLASSES; ++c) {
        if (largest[c] <= 0) continue;
        match->scale[c] = 1 / largest[c];
        t->share[c] *= (double)tries[c] * largest[c] / kept[c];
        sum += t->share[c];
    }
    for (int c = 0; c < HG_N_CLASSES; ++c) t->share[c] /= sum;
}

/* Triggered events of all classes of the level, in the order of the tries. */
static hg_status fly_pilots(hg_context *ctx, const hg_telescope *t, int64_t tries, pilot *events)
{
    hg_status status = HG_OK;
#pragma omp parallel num_threads(hg_context_threads(ctx))
    {
        hg_tel_room room = {.n_tracks = 0};
        hg_status mine = hg_tel_room_create(ctx, t, &room);
#pragma omp for schedule(dynamic, 16)
        for (int64_t i = 0; i < tries; ++i) {
            hg_tel_truth truth = {.label = 0};
            bool triggered = false;
            events[i].label = -1;
            if (mine >= 0) mine = hg_tel_try(ctx, t, pilot_seed, (uint64_t)i, &room, &truth, &triggered);
            events[i].label = truth.label;
            events[i].weight = triggered;
            if (triggered) set_values(&truth, room.charge, events[i].value);
        }
        hg_tel_room_clear(ctx, &room);
        if (mine < 0)
#pragma omp critical
            status = mine;
    }
    return status;
}

hg_status hg_tel_learn_match(hg_context *ctx, hg_telescope *telescope)
{
    hg_status status = HG_OK;
    hg_tel_match *match = &telescope->match;
    pilot *events = NULL;
    double target[HG_MATCH_VARIABLES][HG_MATCH_BINS];
    int64_t n = 0, tries[HG_N_CLASSES] = {0}, n_classes = 0;
    for (int c = 0; c < HG_N_CLASSES; ++c) n_classes += telescope->share[c] > 0;
    const int64_t total = telescope->options.match_tries * n_classes;
    HG_TRY(hg_alloc(ctx, &events, total));
    HG_TRY(fly_pilots(ctx, telescope, total, events));
    for (int64_t i = 0; i < total; ++i) {
        tries[events[i].label]++;
        if (events[i].weight > 0) events[n++] = events[i];
    }
    HG_CHECK(n >= 10 * HG_MATCH_BINS, HG_ERR_DATA,
             "%" PRId64 " of %" PRId64
             " tries trigger, too few to make the classes alike; hint: look at the settings of simulate.aim and simulate.trigger",
             n, total);
    for (int c = 0; c < HG_N_CLASSES; ++c)
        for (int v = 0; v < HG_MATCH_VARIABLES; ++v)
            for (int b = 0; b < HG_MATCH_BINS; ++b) match->factor[c][v][b] = 1;
    HG_TRY(set_edges(ctx, events, n, match));
    for (int v = 0; v < HG_MATCH_VARIABLES; ++v) set_target(events, n, v, target[v]);
    fit_factors(events, n, target, match);
    set_scales(events, n, tries, telescope);
    match->on = true;
done:
    hg_free(ctx, events);
    return status;
}

bool hg_tel_keeps(const hg_telescope *telescope, uint64_t seed, uint64_t number, const hg_tel_truth *truth, double charge)
{
    const hg_tel_match *match = &telescope->match;
    double value[HG_MATCH_VARIABLES], chance = match->scale[truth->label];
    if (!match->on) return true;
    hg_random random = hg_random_stream(seed, HG_TEL_MATCH, number, 0);
    set_values(truth, charge, value);
    for (int v = 0; v < HG_MATCH_VARIABLES; ++v) chance *= match->factor[truth->label][v][bin_of(match, v, value[v])];
    return hg_random_uniform(&random) < chance;
}
