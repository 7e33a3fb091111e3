/* graph_goals.c — doublet graphs for three kinds of targets: efficiency and edges of each, with maps learned for it. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: graph_goals [-t THREADS] [-r ROW] [-o NUMBER=VALUE]... [-s SIMULATED] [-l LEARN]... [PREFIX]...
 * Without arguments: learns on the training events of the TrackML-like set under ../shared/data and measures 21007 and 22003; maps of both
 * luminous lengths are learned for each row. SIMULATED events of each length (32) join those learned from in rows 0, 1 and 4: the tables of
 * a few real ones are too thin. -r measures one row; -o changes a NUMBER of its configuration: coverage, search_quantile, efficiency,
 * neighbours, target_pt, shift, neighbour_shift. Seconds are medians of 3 rounds. */
#include <unistd.h>
#include "base/log.h"
#include "bench/bench.h"
#include "hitgraph/material.h"
#include "hitgraph/metrics.h"
#include "hitgraph/simulate.h"
#include "pipeline/labelled_event.h"
#include "pipeline/learn_maps.h"

enum { MOST_EVENTS = 64, ROUNDS = 3, FIRST_PIXELS = 7, LAST_PIXELS = 9 };
#define LIKE "../shared/data/trackml-like/event0000"

/* What is learned and how graphs are built for one kind of targets. Edges inside a layer are no part of layerwise truth: left out. */
typedef struct configuration {
    const char *name;
    bool clusters;
    bool simulated; /* simulated events join those learned from */
    bool filtered;  /* only pixel hits of particles above the pT of the targets; in learning, above learn.target_pt_gev */
    struct {
        double target_pt_gev, coverage, search_quantile, efficiency;
        double neighbour_efficiency; /* 0 = without tables of neighbours */
    } learn;
    double score_shift, neighbour_shift;
    hg_target target;
    struct {
        double efficiency, edges;
    } goal;
} configuration;

/* Tables for somewhat softer particles than the targets: those at the edge lose energy and bend more than it says. */
static const configuration rows[] = {
    {.name = "pT > 0.5, >= 4 hits",
     .simulated = true,
     .learn = {0.4, 0.9999, 0.9999, 0.998, 0.995},
     .neighbour_shift = -0.5,
     .target = {0.5, 100, 4, 0, true},
     .goal = {0.992, 150e3}},
    {.name = "pT > 0.5, >= 4 hits, clusters",
     .clusters = true,
     .simulated = true,
     .learn = {0.4, 0.9999, 0.9999, 0.998, 0.995},
     .neighbour_shift = -0.5,
     .target = {0.5, 100, 4, 0, true},
     .goal = {0.992, 130e3}},
    {.name = "pT > 0.15, >= 4 hits",
     .learn = {0.15, 0.999, 0.9995, 0.995, 0.99},
     .target = {0.15, 100, 4, 0, true},
     .goal = {0.975, 350e3}},
    {.name = "pT > 0.15, >= 4 hits, clusters",
     .clusters = true,
     .learn = {0.15, 0.999, 0.9995, 0.995, 0.99},
     .target = {0.15, 100, 4, 0, true},
     .goal = {0.975, 350e3}},
    {.name = "pixels, only hits of pT > 1",
     .simulated = true,
     .filtered = true,
     .learn = {0.5, 1, 0.9999, 0.995, 0},
     .target = {1, 100, 0, 0, false},
     .goal = {0.995, 22e3}},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

typedef struct settings {
    char *learn[MOST_EVENTS], *test[MOST_EVENTS];
    int n_learn, n_test, n_simulated, row; /* -1 = all */
    const char *change[MOST_EVENTS];
    int n_changes;
} settings;

/* Changes one number of a configuration; false for an unknown name. */
static bool change_number(configuration *c, const char *text)
{
    const struct {
        const char *name;
        double *value;
    } table[] = {{"coverage", &c->learn.coverage},        {"search_quantile", &c->learn.search_quantile},
                 {"efficiency", &c->learn.efficiency},    {"neighbours", &c->learn.neighbour_efficiency},
                 {"target_pt", &c->learn.target_pt_gev},  {"shift", &c->score_shift},
                 {"neighbour_shift", &c->neighbour_shift}};
    const char *equals = strchr(text, '=');
    for (size_t k = 0; equals && k < sizeof table / sizeof *table; ++k) {
        if (strlen(table[k].name) != (size_t)(equals - text) || strncmp(text, table[k].name, strlen(table[k].name)) != 0) continue;
        *table[k].value = strtod(equals + 1, NULL);
        return true;
    }
    return false;
}

/* ---- events ---- */

static bool passes_filter(const hg_labelled_event *from, double pt_min_gev, int64_t i)
{
    const hg_truth_order *order = from->truth->order;
    const int32_t volume = from->event->hits.volume_id[i], particle = order->particle[i];
    return volume >= FIRST_PIXELS && volume <= LAST_PIXELS && particle >= 0 && order->pt_gev[particle] > pt_min_gev;
}

/* The pixel hits of particles above a pT, with their truth. */
static hg_status filter_event(hg_context *ctx, const hg_labelled_event *from, double pt_min_gev, hg_event **out)
{
    hg_status status = HG_OK;
    uint8_t *keep = NULL;
    HG_TRY(hg_alloc(ctx, &keep, from->event->hits.n));
    for (int64_t i = 0; i < from->event->hits.n; ++i) keep[i] = passes_filter(from, pt_min_gev, i);
    HG_TRY(hg_event_select(ctx, from->event, keep, out));
done:
    hg_free(ctx, keep);
    return status;
}

/* Appends n events of a luminous length. */
static hg_status simulate_events(hg_context *ctx, const hg_setup *setup, double sigma_z_mm, uint64_t seed, int64_t n,
                                 hg_labelled_events *events)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    hg_simulate_options options = hg_simulate_default_options();

    options.pileup = 160; /* as many hits as the real events have */
    options.sigma_z_mm = sigma_z_mm;
    HG_TRY(hg_simulate_material(ctx, &material));
    HG_TRY(hg_grow(ctx, &events->event, events->n, events->n + n));
    for (int64_t i = 0; i < n; ++i) {
        hg_labelled_event *to = &events->event[events->n++];
        to->sigma_z_mm = sigma_z_mm;
        HG_TRY(hg_simulate_event(ctx, &options, setup->detector, setup->field, material, seed, (uint64_t)i, &to->event));
        HG_TRY(hg_prepare_event(ctx, to->event, setup->detector, setup->calibration, &to->prepared));
        HG_TRY(hg_prepare_truth(ctx, to->prepared, setup->config.target_pt_gev, &to->truth));
        hg_progress(ctx, "simulate", i + 1, n, "");
    }
done:
    hg_material_destroy(ctx, material);
    return status;
}

/* The events of one row: filtered ones are new, targets are those of the row. Luminous lengths are those of the whole events. */
static hg_status adapt_events(hg_context *ctx, const configuration *c, const hg_labelled_events *whole, double filter_pt_gev,
                              hg_labelled_events *out)
{
    hg_status status = HG_OK;
    hg_labelled_events events = {.n = whole->n};
    HG_TRY(hg_alloc(ctx, &events.event, whole->n));
    for (int64_t i = 0; i < whole->n; ++i) {
        const hg_labelled_event *from = &whole->event[i];
        hg_labelled_event *to = &events.event[i];
        to->sigma_z_mm = from->sigma_z_mm;
        if (c->filtered) HG_TRY(filter_event(ctx, from, filter_pt_gev, &to->event));
        HG_TRY(hg_prepare_event(ctx, c->filtered ? to->event : from->event, from->prepared->detector, NULL, &to->prepared));
        HG_TRY(hg_prepare_truth(ctx, to->prepared, c->learn.target_pt_gev, &to->truth));
        for (int64_t p = 0; c->filtered && p < to->truth->order->n_particles; ++p) to->truth->weight[p] = 1;
    }
    *out = events;
    events = (hg_labelled_events){0};
done:
    hg_labelled_events_clear(ctx, &events);
    return status;
}

/* ---- measurement ---- */

static hg_status measure(hg_context *ctx, const configuration *c, hg_doublet_map *const *maps, int64_t n_maps, const hg_labelled_event *e,
                         json_t *list)
{
    hg_status status = HG_OK;
    hg_doublet_options options = hg_doublet_default_options();
    hg_doublet_graph *d = NULL;
    hg_edge_rates rates;
    double took[ROUNDS];
    const hg_doublet_map *map = hg_doublet_map_select(maps, n_maps, e->sigma_z_mm);

    options.overlaps = false;
    options.clusters = c->clusters;
    options.score_shift = c->score_shift;
    options.triplet_window = 0;
    options.neighbour_shift = c->neighbour_shift;
    for (int round = 0; round < ROUNDS; ++round) {
        hg_doublet_graph_destroy(ctx, d);
        d = NULL;
        const double start = hg_seconds();
        HG_TRY(hg_doublet_graph_create(ctx, &e->prepared->hits, map, &options, &d));
        took[round] = hg_seconds() - start;
    }
    const hg_edge_list edges = {.n = d->graph->n_edges, .sender = d->graph->sender, .receiver = d->graph->receiver};
    HG_TRY(hg_doublet_rates(ctx, e->truth->order, &edges, HG_EDGES_LAYERWISE, &c->target, &rates));
    const uint64_t id = e->prepared->event->event_id;
    const bool good = rates.efficiency.value >= c->goal.efficiency && (double)edges.n <= c->goal.edges;
    const char *shapes = c->clusters && e->prepared->hits.nu ? "yes" : "no";
    printf("%-32s %6" PRIu64 " %8" PRId64 " %-7s %10.4f %8" PRId64 " %8.3f %8.3f   >= %.3f / <= %.0fk%s\n", c->name, id,
           e->prepared->hits.n, shapes, rates.efficiency.value, edges.n, rates.purity_all_true.value, bench_median(took, ROUNDS),
           c->goal.efficiency, c->goal.edges / 1e3, good ? "" : "   missed");
    json_array_append_new(list,
                          json_pack("{s:s, s:I, s:s, s:o, s:I, s:f, s:f, s:f}", "targets", c->name, "event", (json_int_t)id, "clusters",
                                    shapes, "efficiency", hg_json_number(rates.efficiency.value), "edges", (json_int_t)edges.n, "seconds",
                                    bench_median(took, ROUNDS), "wanted_efficiency", c->goal.efficiency, "wanted_edges", c->goal.edges));
done:
    hg_doublet_graph_destroy(ctx, d);
    return status;
}

static hg_status run_row(hg_context *ctx, const configuration *c, const hg_labelled_events *learn, const hg_labelled_events *test,
                         json_t *list)
{
    hg_status status = HG_OK;
    hg_labelled_events learning = {0}, testing = {0};
    hg_doublet_map **maps = NULL;
    int64_t n_maps = 0;
    hg_doublet_learn_options options = hg_doublet_default_learn_options();

    options.coverage = c->learn.coverage;
    options.search_quantile = c->learn.search_quantile;
    options.efficiency = c->learn.efficiency;
    options.neighbour_efficiency = c->learn.neighbour_efficiency;
    options.clusters = c->clusters;
    HG_TRY(adapt_events(ctx, c, learn, c->learn.target_pt_gev, &learning));
    HG_TRY(adapt_events(ctx, c, test, c->target.pt_min_gev, &testing));
    HG_TRY(hg_learn_maps(ctx, &learning, &options, &maps, &n_maps));
    for (int64_t i = 0; i < testing.n; ++i) HG_TRY(measure(ctx, c, maps, n_maps, &testing.event[i], list));
    fflush(stdout);
done:
    for (int64_t m = 0; m < n_maps; ++m) hg_doublet_map_destroy(ctx, maps[m]);
    hg_free(ctx, maps);
    hg_labelled_events_clear(ctx, &learning);
    hg_labelled_events_clear(ctx, &testing);
    return status;
}

static hg_status run(hg_context *ctx, const settings *set)
{
    hg_status status = HG_OK;
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_labelled_events learn = {0}, test = {0};
    json_t *root = json_object(), *list = json_array();

    json_object_set_new(root, "rows", list);
    HG_TRY(bench_machine(ctx, root));
    HG_TRY(hg_track_config_read(ctx, "trackml", NULL, NULL, 0, &config));
    HG_TRY(hg_setup_create(ctx, &config, false, &setup));
    HG_TRY(hg_labelled_events_read(ctx, setup, set->learn, set->n_learn, &learn));
    const int64_t n_real = learn.n, n_simulated = set->row < 0 || rows[set->row].simulated ? set->n_simulated : 0;
    HG_TRY(simulate_events(ctx, setup, 5.5, 7, n_simulated, &learn));
    HG_TRY(simulate_events(ctx, setup, 55, 5, n_simulated, &learn));
    HG_TRY(hg_labelled_events_read(ctx, setup, set->test, set->n_test, &test));
    printf("%-32s %6s %8s %-7s %10s %8s %8s %8s   %s\n", "targets", "event", "hits", "cells", "efficiency", "edges", "purity", "seconds",
           "goal");
    for (int k = 0; k < N_ROWS; ++k) {
        configuration c = rows[k];
        if (set->row >= 0 && set->row != k) continue;
        for (int i = 0; i < set->n_changes; ++i) {
            HG_CHECK(change_number(&c, set->change[i]), HG_ERR_ARG, "there is no number to set in -o %s", set->change[i]);
        }
        const hg_labelled_events events = {c.simulated ? learn.n : n_real, learn.event};
        HG_TRY(run_row(ctx, &c, &events, &test, list));
    }
    HG_TRY(bench_write(ctx, "graph_goals", root));
done:
    json_decref(root);
    hg_labelled_events_clear(ctx, &learn);
    hg_labelled_events_clear(ctx, &test);
    hg_setup_destroy(ctx, setup);
    return status;
}

static void use_defaults(settings *set)
{
    static char learn[][sizeof LIKE "21000"] = {LIKE "21000", LIKE "21001", LIKE "21002", LIKE "21003", LIKE "21004",
                                                LIKE "21005", LIKE "21006", LIKE "22000", LIKE "22001", LIKE "22002"};
    static char test[][sizeof LIKE "21007"] = {LIKE "21007", LIKE "22003"};
    for (size_t k = 0; k < sizeof learn / sizeof *learn; ++k) set->learn[set->n_learn++] = learn[k];
    if (set->n_test > 0) return;
    for (size_t k = 0; k < sizeof test / sizeof *test; ++k) set->test[set->n_test++] = test[k];
}

int main(int argc, char **argv)
{
    settings set = {.n_simulated = 32, .row = -1};
    hg_context *ctx = NULL;
    int option;
    if (hg_context_create(&ctx) < 0) return 1;
    while ((option = getopt(argc, argv, "t:r:o:s:l:")) != -1) {
        bool good = true;
        if (option == 't')
            good = hg_context_set_threads(ctx, atoi(optarg)) == HG_OK;
        else if (option == 'r')
            good = (set.row = atoi(optarg)) >= 0 && set.row < N_ROWS;
        else if (option == 's')
            good = (set.n_simulated = atoi(optarg)) >= 0;
        else if (option == 'o')
            good = set.n_changes < MOST_EVENTS && (set.change[set.n_changes++] = optarg);
        else
            good = option == 'l' && set.n_learn < MOST_EVENTS && (set.learn[set.n_learn++] = optarg);
        if (!good) return fprintf(stderr, "graph_goals: bad option -%c %s\n", option, optarg ? optarg : ""), 2;
    }
    while (optind < argc && set.n_test < MOST_EVENTS) set.test[set.n_test++] = argv[optind++];
    const bool by_default = set.n_learn == 0;
    if (by_default && access(LIKE "21000-hits.csv.gz", R_OK) != 0) {
        printf("SKIP graph_goals: %s* is missing\n", LIKE);
        hg_context_destroy(ctx);
        return 0;
    }
    if (by_default) use_defaults(&set);
    hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "graph_goals: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
