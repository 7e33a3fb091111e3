/* module_map.c — module maps: seconds to learn one from events, to index it, and to open its file, by the number of threads. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: module_map [--threads 1,2,...] [-n TRIPLETS] [-e EVENTS]
 * Learns from simulated events (8 of pile-up 60) of the built-in detector, then indexes, saves and opens a map of 1,000,000 made-up
 * triplets of its modules. The file is in the page cache. Medians of 5 rounds. */
#include <unistd.h>
#include "base/log.h"
#include "bench/rounds.h"
#include "hitgraph/material.h"
#include "hitgraph/module_map_file.h"
#include "hitgraph/simulate.h"
#include "pipeline/labelled_event.h"

enum { ROUNDS = 5, PILEUP = 60, NEAR_INNER = 4 };
static const char path[] = "build/bench/module_map.hgmap";

typedef struct settings {
    int team[BENCH_TEAMS_MAX], n_teams;
    int64_t n_triplets, n_events;
} settings;

static hg_status simulate_events(hg_context *ctx, const hg_setup *setup, int64_t n, hg_labelled_events *events)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = PILEUP;
    HG_TRY(hg_simulate_material(ctx, &material));
    HG_TRY(hg_alloc(ctx, &events->event, n));
    for (; events->n < n; ++events->n) {
        hg_labelled_event *to = &events->event[events->n];
        HG_TRY(hg_simulate_event(ctx, &options, setup->detector, setup->field, material, 3, (uint64_t)events->n, &to->event));
        HG_TRY(hg_prepare_event(ctx, to->event, setup->detector, setup->calibration, &to->prepared));
        HG_TRY(hg_prepare_truth(ctx, to->prepared, 0, &to->truth));
    }
done:
    hg_material_destroy(ctx, material);
    return status;
}

static hg_status learn(hg_context *ctx, const hg_labelled_events *events, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_learner *learner = NULL;
    HG_TRY(hg_module_learner_create(ctx, NULL, &learner));
    for (int64_t e = 0; e < events->n; ++e)
        HG_TRY(hg_module_learner_add(ctx, learner, &events->event[e].prepared->hits, &events->event[e].truth->truth));
    HG_TRY(hg_module_learner_finish(ctx, learner, out));
done:
    hg_module_learner_destroy(ctx, learner);
    return status;
}

/* Module a with one of the few modules after it, and with one further on: a third as many pairs as triplets, as in maps from events. */
static hg_status make_triplets(hg_context *ctx, int64_t n, int64_t n_modules, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_triplets t = {.n = n};
    HG_TRY(hg_alloc(ctx, &t.module, 3 * n));
    HG_TRY(hg_alloc(ctx, &t.occurrence, n));
    HG_TRY(hg_alloc(ctx, &t.window, n * HG_MODULE_TRIPLET_WINDOW));
    for (int64_t k = 0; k < n; ++k) {
        const int64_t inner = k % n_modules, turn = k / n_modules, middle = (inner + 1 + turn % NEAR_INNER) % n_modules;
        const int64_t outer = (middle + 1 + turn / NEAR_INNER) % n_modules;
        for (int m = 0; m < 3; ++m) t.module[3 * k + m] = (uint64_t)(m == 0 ? inner : m == 1 ? middle : outer);
        t.occurrence[k] = 1;
        for (int w = 0; w < HG_MODULE_TRIPLET_WINDOW; ++w) t.window[k * HG_MODULE_TRIPLET_WINDOW + w] = w % 2 ? -1.0f : 1.0f;
    }
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    return status;
}

typedef struct seconds {
    double learn[ROUNDS], index[ROUNDS], open[ROUNDS];
} seconds;

static hg_status measure_round(hg_context *ctx, const hg_setup *setup, const hg_labelled_events *events, const hg_module_triplets *many,
                               int round, seconds *took)
{
    hg_status status = HG_OK;
    hg_module_triplets learned = {0};
    hg_module_map *map = NULL;
    hg_module_maps maps = {0};
    double start = hg_seconds();
    HG_TRY(learn(ctx, events, &learned));
    took->learn[round] = hg_seconds() - start;
    start = hg_seconds();
    HG_TRY(hg_module_map_create(ctx, many, (int32_t)setup->detector->n_modules, 5.5, &map));
    took->index[round] = hg_seconds() - start;
    if (round == 0) HG_TRY(hg_module_maps_save(ctx, &map, 1, setup->detector, path));
    start = hg_seconds();
    HG_TRY(hg_module_maps_open(ctx, path, setup->detector, &maps));
    took->open[round] = hg_seconds() - start;
done:
    hg_module_triplets_clear(ctx, &learned);
    hg_module_map_destroy(ctx, map);
    hg_module_maps_close(ctx, &maps);
    return status;
}

static hg_status run(hg_context *ctx, const settings *set)
{
    hg_status status = HG_OK;
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_labelled_events events = {0};
    hg_module_triplets many = {0};
    json_t *root = json_object(), *list = json_array();

    json_object_set_new(root, "rows", list);
    HG_TRY(bench_machine(ctx, root));
    HG_TRY(hg_make_directory(ctx, "build/bench"));
    HG_TRY(hg_track_config_read(ctx, "simulated", NULL, NULL, 0, &config));
    HG_TRY(hg_setup_create(ctx, &config, false, &setup));
    HG_TRY(simulate_events(ctx, setup, set->n_events, &events));
    HG_TRY(make_triplets(ctx, set->n_triplets, setup->detector->n_modules, &many));
    printf("%" PRId64 " events to learn from, %" PRId64 " triplets to index and open; milliseconds\n%8s %10s %10s %10s\n", events.n, many.n,
           "threads", "learn", "index", "open");
    for (int k = 0; k < set->n_teams; ++k) {
        seconds took;
        HG_TRY(hg_context_set_threads(ctx, set->team[k]));
        for (int round = 0; round < ROUNDS; ++round) HG_TRY(measure_round(ctx, setup, &events, &many, round, &took));
        const double ms[3] = {1e3 * bench_median(took.learn, ROUNDS), 1e3 * bench_median(took.index, ROUNDS),
                              1e3 * bench_median(took.open, ROUNDS)};
        printf("%8d %10.1f %10.1f %10.1f\n", set->team[k], ms[0], ms[1], ms[2]);
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:f, s:f, s:f}", "threads", set->team[k], "events", (json_int_t)events.n,
                                              "triplets", (json_int_t)many.n, "learn_ms", ms[0], "index_ms", ms[1], "open_ms", ms[2]));
    }
    HG_TRY(bench_write(ctx, "module_map", root));
done:
    unlink(path);
    json_decref(root);
    hg_module_triplets_clear(ctx, &many);
    hg_labelled_events_clear(ctx, &events);
    hg_setup_destroy(ctx, setup);
    return status;
}

int main(int argc, char **argv)
{
    settings set = {.n_triplets = 1000000, .n_events = 8};
    hg_context *ctx = NULL;
    set.n_teams = bench_default_teams(set.team);
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        const bool good = !strcmp(argv[i], "--threads") ? (set.n_teams = bench_read_teams(value, set.team)) > 0
                          : !strcmp(argv[i], "-n")      ? (set.n_triplets = atoll(value)) > 0
                                                        : !strcmp(argv[i], "-e") && (set.n_events = atoll(value)) > 0;
        if (!good) return fprintf(stderr, "module_map: bad option %s %s\n", argv[i], value), 2;
    }
    if (hg_context_create(&ctx) < 0) return 1;
    const hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "module_map: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
