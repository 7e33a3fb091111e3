/* graph.c — how good and how fast the doublet graph is: learn a map from some events, build and measure others. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: graph [-d DETECTORS] [-l PREFIX]... [-m MAP.h5] [-s MAP.h5] [-o NAME=VALUE]... [-t THREADS] [PREFIX]...
 * A PREFIX of the form sim:SIGMA_Z:NUMBER is an event simulated with that luminous length (mm).
 * Without arguments: learns on two of the TrackML-like events under ../shared/data and measures event 21007; where they are missing,
 * simulated events of the built-in detector take their place. Seconds are medians of 3 rounds. */
#include <unistd.h>
#include "base/log.h"
#include "bench/bench.h"
#include "datasets/builtin_detector.h"
#include "datasets/doublet_map.h"
#include "hitgraph/detector.h"
#include "hitgraph/doublets.h"
#include "hitgraph/line_graph.h"
#include "hitgraph/field.h"
#include "hitgraph/material.h"
#include "hitgraph/metrics.h"
#include "hitgraph/simulate.h"
#include "hitgraph/trackml.h"
#include "hitgraph/truth.h"

enum { MOST_EVENTS = 128, ROUNDS = 3 };
#define LIKE "../shared/data/trackml-like/event0000"

typedef struct settings {
    const char *detector, *map_path, *save_path;
    const char *learn[MOST_EVENTS], *test[MOST_EVENTS];
    int n_learn, n_test;
    double sigma_z_mm;
    hg_doublet_learn_options learning;
    hg_doublet_options building;
} settings;

/* One event in the shape that graph/ wants. */
typedef struct sample {
    hg_event *event;
    hg_truth_order *order;
    int64_t *module;
    int32_t *layer, *module32;
    float *weight;
    hg_doublet_hits hits;
    hg_doublet_truth truth;
} sample;

typedef struct learner {
    const settings *set;
    const hg_detector *detector;
    uint8_t *barrel;
    sample now;
    json_t *measured; /* one object per event */
} learner;

/* Seconds of the steps, by round. */
typedef struct seconds {
    double length[ROUNDS], graph[ROUNDS], line[ROUNDS];
} seconds;

static void release(hg_context *ctx, sample *s)
{
    hg_event_destroy(ctx, s->event);
    hg_truth_order_destroy(ctx, s->order);
    hg_free(ctx, s->module);
    hg_free(ctx, s->layer);
    hg_free(ctx, s->module32);
    hg_free(ctx, s->weight);
    *s = (sample){0};
}

static hg_status simulate(hg_context *ctx, const hg_detector *detector, const char *name, hg_event **event)
{
    hg_status status = HG_OK;
    static const double centre[3] = {-149, -152, -150};
    hg_simulate_options options = hg_simulate_default_options();
    hg_field *field = NULL;
    hg_material *material = NULL;
    char *rest = NULL;
    options.sigma_z_mm = strtod(name, &rest);
    options.pileup = 140;
    long long number = *rest == ':' ? atoll(rest + 1) : 0;
    HG_TRY(hg_field_create_solenoid(ctx, 1247, 2612, 1.991, centre, &field));
    HG_TRY(hg_simulate_material(ctx, &material));
    HG_TRY(hg_simulate_event(ctx, &options, detector, field, material, 1, (uint64_t)number, event));
done:
    hg_field_destroy(ctx, field);
    hg_material_destroy(ctx, material);
    return status;
}

static hg_status load(hg_context *ctx, const hg_detector *detector, const uint8_t *barrel, const char *prefix, sample *s)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;
    release(ctx, s);
    if (strncmp(prefix, "sim:", 4) == 0) {
        HG_TRY(simulate(ctx, detector, prefix + 4, &s->event));
    } else {
        HG_TRY(hg_event_list_create(ctx, prefix, &list));
        HG_TRY(hg_event_read(ctx, &list->source[0], HG_PART_TRUTH | HG_PART_PARTICLES, &s->event));
    }
    const hg_hits *h = &s->event->hits;
    HG_TRY(hg_alloc(ctx, &s->module, h->n));
    HG_TRY(hg_alloc(ctx, &s->layer, h->n));
    HG_TRY(hg_alloc(ctx, &s->module32, h->n));
    for (int64_t i = 0; i < h->n; ++i) {
        s->module[i] = hg_detector_find(detector, h->volume_id[i], h->layer_id[i], h->module_id[i]);
        HG_CHECK(s->module[i] >= 0, HG_ERR_DATA, "%s: hit row %" PRId64 " is on no module of the detector", prefix, i);
        s->module32[i] = (int32_t)s->module[i];
        s->layer[i] = detector->module_layer[s->module[i]];
    }
    HG_TRY(hg_truth_order_create(ctx, s->event, detector, s->module, &s->order));
    const hg_truth_order *o = s->order;
    HG_TRY(hg_alloc(ctx, &s->weight, o->n_particles));
    for (int64_t p = 0; p < o->n_particles; ++p) s->weight[p] = hg_doublet_target_weight(o->pt_gev[p], o->generation[p], o->n_hits_of[p]);
    s->hits = (hg_doublet_hits){.n = h->n,
                                .x = h->x,
                                .y = h->y,
                                .z = h->z,
                                .layer = s->layer,
                                .module = s->module32,
                                .n_layers = (int32_t)detector->n_layers,
                                .layer_barrel = barrel};
    s->truth = (hg_doublet_truth){o->n_particles, o->particle, o->layer_rank, o->module_rank, s->weight};
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

static hg_status next_event(hg_context *ctx, void *user, int64_t i, hg_doublet_hits *hits, hg_doublet_truth *truth)
{
    learner *l = user;
    hg_status status = load(ctx, l->detector, l->barrel, l->set->learn[i], &l->now);
    if (status < 0) return status;
    *hits = l->now.hits;
    *truth = l->now.truth;
    return HG_OK;
}

static hg_status print_rates(hg_context *ctx, const sample *s, const hg_doublet_graph *d, json_t *list)
{
    static const struct row {
        const char *name;
        hg_edge_truth truth;
        hg_target target;
    } rows[] = {
        {"pT > 1, >= 5 layers, modulewise", HG_EDGES_MODULEWISE, {1, 100, 0, 5, false}},
        {"pT > 1, >= 5 layers, primary, modulewise", HG_EDGES_MODULEWISE, {1, 100, 0, 5, true}},
        {"pT > 1, >= 5 layers, primary, layerwise", HG_EDGES_LAYERWISE, {1, 100, 0, 5, true}},
        {"pT > 0.5, >= 4 hits, primary, modulewise", HG_EDGES_MODULEWISE, {0.5, 100, 4, 0, true}},
        {"pT > 0.5, >= 4 hits, primary, layerwise", HG_EDGES_LAYERWISE, {0.5, 100, 4, 0, true}},
        {"pT > 0.15, >= 4 hits, primary, modulewise", HG_EDGES_MODULEWISE, {0.15, 100, 4, 0, true}},
        {"pT > 0.15, >= 4 hits, primary, layerwise", HG_EDGES_LAYERWISE, {0.15, 100, 4, 0, true}},
        {"0.15 < all, any particle, modulewise", HG_EDGES_MODULEWISE, {0.15, 100, 0, 0, false}},
    };
    hg_edge_list edges = {d->graph->n_edges, d->graph->sender, d->graph->receiver, NULL};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; ++k) {
        hg_edge_rates rates;
        hg_status status = hg_doublet_rates(ctx, s->order, &edges, rows[k].truth, &rows[k].target, &rates);
        if (status < 0) return status;
        printf("    %-44s efficiency %.4f of %6.0f   purity all-true %.3f target %.3f\n", rows[k].name, rates.efficiency.value,
               rates.efficiency.denominator, rates.purity_all_true.value, rates.purity_total.value);
        json_array_append_new(list, json_pack("{s:s, s:o, s:f, s:o, s:o}", "particles", rows[k].name, "efficiency",
                                              hg_json_number(rates.efficiency.value), "of", rates.efficiency.denominator, "purity_all_true",
                                              hg_json_number(rates.purity_all_true.value), "purity_target",
                                              hg_json_number(rates.purity_total.value)));
    }
    return HG_OK;
}

/* The three steps, timed; the graphs of the last round stay. */
static hg_status build(hg_context *ctx, const settings *set, const sample *s, hg_doublet_map *const *maps, int64_t n_maps, seconds *took,
                       double *sigma, const hg_doublet_map **map, hg_doublet_graph **d, hg_graph **line)
{
    hg_status status = HG_OK;
    for (int round = 0; round < ROUNDS; ++round) {
        hg_doublet_graph_destroy(ctx, *d);
        hg_graph_destroy(ctx, *line);
        *d = NULL;
        *line = NULL;
        const double start = hg_seconds();
        HG_TRY(hg_luminous_sigma_z(ctx, &s->hits, sigma));
        const double estimated = hg_seconds();
        *map = hg_doublet_map_select(maps, n_maps, *sigma);
        HG_TRY(hg_doublet_graph_create(ctx, &s->hits, *map, &set->building, d));
        const double built = hg_seconds();
        HG_TRY(hg_line_graph_build(ctx, (*d)->graph, NULL, NULL, line));
        took->length[round] = estimated - start;
        took->graph[round] = built - estimated;
        took->line[round] = hg_seconds() - built;
    }
done:
    return status;
}

static hg_status measure(hg_context *ctx, const settings *set, const learner *l, hg_doublet_map *const *maps, int64_t n_maps,
                         const char *prefix)
{
    hg_status status = HG_OK;
    sample s = {0};
    seconds took;
    hg_doublet_graph *d = NULL;
    hg_graph *line = NULL;
    const hg_doublet_map *map = NULL;
    uint8_t *label = NULL;
    double sigma = 0;
    HG_TRY(load(ctx, l->detector, l->barrel, prefix, &s));
    HG_TRY(build(ctx, set, &s, maps, n_maps, &took, &sigma, &map, &d, &line));
    HG_TRY(hg_alloc(ctx, &label, d->graph->n_edges));
    hg_doublet_labels(d, &s.truth, label, NULL);
    int64_t overlaps = 0, true_overlaps = 0, true_edges = 0;
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        overlaps += d->same_layer[e];
        true_overlaps += d->same_layer[e] && label[e];
        true_edges += label[e];
    }
    const double length = bench_median(took.length, ROUNDS), graph = bench_median(took.graph, ROUNDS);
    const double joined = bench_median(took.line, ROUNDS);
    printf("%s: %" PRId64 " hits, sigma_z %.2f mm, map of %.1f mm with %d pairs\n", prefix, s.hits.n, sigma, map->sigma_z_mm, map->n_pairs);
    printf("  %" PRId64 " edges (%.3f true), of them %" PRId64 " overlaps (%" PRId64 " true); %" PRId64 " triplets\n", d->graph->n_edges,
           (double)true_edges / (double)d->graph->n_edges, overlaps, true_overlaps, line->n_edges);
    printf("  seconds: luminous length %.3f, graph %.3f, line graph %.3f\n", length, graph, joined);
    json_t *rates = json_array();
    json_array_append_new(l->measured,
                          json_pack("{s:s, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:i, s:f, s:f, s:f, s:o}", "event", prefix, "hits",
                                    (json_int_t)s.hits.n, "sigma_z_mm", sigma, "map_sigma_z_mm", map->sigma_z_mm, "edges",
                                    (json_int_t)d->graph->n_edges, "true_edges", (json_int_t)true_edges, "overlaps", (json_int_t)overlaps,
                                    "triplets", (json_int_t)line->n_edges, "threads", hg_context_threads(ctx), "luminous_length_s", length,
                                    "graph_s", graph, "line_graph_s", joined, "rates", rates));
    HG_TRY(print_rates(ctx, &s, d, rates));
done:
    hg_doublet_graph_destroy(ctx, d);
    hg_graph_destroy(ctx, line);
    hg_free(ctx, label);
    release(ctx, &s);
    return status;
}

static bool set_number(settings *set, const char *text)
{
    const struct {
        const char *name;
        double *value;
    } table[] = {{"coverage", &set->learning.coverage},
                 {"search_quantile", &set->learning.search_quantile},
                 {"efficiency", &set->learning.efficiency},
                 {"overlap_efficiency", &set->learning.overlap_efficiency},
                 {"triplet_quantile", &set->learning.triplet_quantile},
                 {"box_quantile", &set->learning.box_quantile},
                 {"score_shift", &set->building.score_shift},
                 {"window_scale", &set->building.window_scale},
                 {"triplet_window", &set->building.triplet_window},
                 {"sigma_z", &set->sigma_z_mm}};
    const char *equals = strchr(text, '=');
    if (!equals) return false;
    size_t length = (size_t)(equals - text);
    double value = strtod(equals + 1, NULL);
    for (size_t k = 0; k < sizeof table / sizeof *table; ++k) {
        if (strlen(table[k].name) == length && strncmp(text, table[k].name, length) == 0) {
            *table[k].value = value;
            return true;
        }
    }
    if (strncmp(text, "mode", length) == 0)
        set->building.mode = (hg_doublet_mode)(int)value;
    else if (strncmp(text, "max_pairs", length) == 0)
        set->learning.max_pairs = (int32_t)value;
    else
        return false;
    return true;
}

static hg_status run(hg_context *ctx, const settings *set)
{
    hg_status status = HG_OK;
    hg_detector *detector = NULL;
    learner l = {.set = set};
    hg_doublet_map *learned = NULL, **maps = &learned;
    hg_doublet_map **loaded = NULL;
    int64_t n_maps = 1;
    json_t *root = json_object();
    l.measured = json_array();
    json_object_set_new(root, "events", l.measured);
    HG_TRY(bench_machine(ctx, root));
    HG_TRY(set->detector ? hg_detector_read(ctx, set->detector, &detector) : hg_builtin_detector_create(ctx, &detector));
    HG_TRY(hg_alloc(ctx, &l.barrel, detector->n_layers));
    for (int64_t k = 0; k < detector->n_layers; ++k) l.barrel[k] = detector->layers[k].barrel;
    l.detector = detector;
    if (set->n_learn > 0) {
        double start = hg_seconds();
        HG_TRY(hg_doublet_map_learn(ctx, &set->learning, next_event, &l, set->n_learn, set->sigma_z_mm, &learned));
        printf("learned on %d events in %.1f s: %d pairs, threshold %.2f, overlaps %.2f\n", set->n_learn, hg_seconds() - start,
               learned->n_pairs, (double)learned->threshold, (double)learned->overlap_threshold);
    } else {
        HG_TRY(hg_doublet_maps_load(ctx, set->map_path, &loaded, &n_maps));
        maps = loaded;
    }
    if (set->save_path) HG_TRY(hg_doublet_maps_save(ctx, maps, n_maps, set->save_path));
    for (int k = 0; k < set->n_test; ++k) HG_TRY(measure(ctx, set, &l, maps, n_maps, set->test[k]));
    HG_TRY(bench_write(ctx, "graph", root));
done:
    json_decref(root);
    for (int64_t k = 0; loaded && k < n_maps; ++k) hg_doublet_map_destroy(ctx, loaded[k]);
    hg_free(ctx, loaded);
    hg_doublet_map_destroy(ctx, learned);
    release(ctx, &l.now);
    hg_free(ctx, l.barrel);
    hg_detector_destroy(ctx, detector);
    return status;
}

int main(int argc, char **argv)
{
    settings set = {.detector = "../shared/data/trackml/detector/detectors.csv.gz",
                    .sigma_z_mm = 5.5,
                    .learning = hg_doublet_default_learn_options(),
                    .building = hg_doublet_default_options()};
    hg_context *ctx = NULL;
    int option;
    if (hg_context_create(&ctx) < 0) return 1;
    while ((option = getopt(argc, argv, "d:l:m:s:o:t:")) != -1) {
        bool good = true;
        if (option == 'd')
            set.detector = optarg;
        else if (option == 'l')
            good = set.n_learn < MOST_EVENTS && (set.learn[set.n_learn++] = optarg);
        else if (option == 'm')
            set.map_path = optarg;
        else if (option == 's')
            set.save_path = optarg;
        else if (option == 't')
            good = hg_context_set_threads(ctx, atoi(optarg)) == HG_OK;
        else
            good = option == 'o' && set_number(&set, optarg);
        if (!good) return fprintf(stderr, "graph: bad option -%c %s\n", option, optarg ? optarg : ""), 2;
    }
    while (optind < argc && set.n_test < MOST_EVENTS) set.test[set.n_test++] = argv[optind++];
    if (argc == 1) {
        const bool there = access(LIKE "21007-hits.csv.gz", R_OK) == 0 && access(set.detector, R_OK) == 0;
        if (!there) set.detector = NULL;
        set.learn[set.n_learn++] = there ? LIKE "21000" : "sim:5.5:0";
        set.learn[set.n_learn++] = there ? LIKE "21001" : "sim:5.5:1";
        set.test[set.n_test++] = there ? LIKE "21007" : "sim:5.5:7";
    }
    hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "graph: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
