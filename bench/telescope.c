/* telescope.c — events a second of networks for neutrino telescopes, against what the machine could do and against PyTorch. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: telescope [--events N] [--pulses FACTOR] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds N]
 *                  [--only inference|training|bf16|fp32|small|neighbours]
 *
 * DynEdge on a batch of N (128) events with log-normal pulse counts (median 110, mean 194, both times FACTOR), whose nearest neighbours are
 * searched anew in each of the four layers, and a training step of the same batch; the search alone, in few and in many columns; then the
 * small model that ships, from simulated pulses in memory to scores. The bound of a pass is that of bench/engine: flops of the split first
 * layers over the measured peak of the precision, or bytes of a fused pass over the triad. Rounds are interleaved, with PyTorch's too.
 * Memory is the peak of the resident set in one run. Table and build/bench/telescope.json. */
#include "bench/opponent.h"
#include "bench/options.h"
#include "bench/telescope_case.h"

enum { MOST_MODES = 8, SMALL_EVENTS = 2000 };

typedef struct settings {
    bench_options common;
    int64_t events;
    double pulses;
} settings;

/* One way in which PyTorch runs the network. exact: its order of equal distances is ours, so that the results can be compared. */
static const struct {
    const char *name;
    int variant;
    bool exact;
} mode_list[] = {{"infer-eager-fp32-exact", INFERENCE, true},   {"infer-eager-bf16", INFERENCE_BF16, false},
                 {"infer-compile-bf16", INFERENCE_BF16, false}, {"infer-eager-fp32", INFERENCE, false},
                 {"infer-compile-fp32", INFERENCE, false},      {"train-eager-fp32", TRAINING, false},
                 {"train-compile-fp32", TRAINING, false}};
static const double exact_limit = 1e-4; /* rounding may turn two neighbours at the end of a list */

typedef struct measurement {
    double seconds[VARIANTS][BENCH_TEAMS_MAX][BENCH_ROUNDS_MAX];
    double peak_rss[VARIANTS];
    int n_modes;
    other_mode mode[MOST_MODES];
} measurement;

static bool runs(const settings *set, int v)
{
    return !set->common.only || !strcmp(set->common.only, variants[v].name) || !strcmp(set->common.only, variants[v].precision_name);
}

/* Starts PyTorch on the case's files and prepares its modes; those that fail are named and left out. */
static hg_status prepare_other(hg_context *ctx, const settings *set, const telescope_case *c, const char *directory, opponent *o,
                               measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    json_t *answer = NULL;
    HG_TRY(case_write(ctx, c, directory));
    HG_TRY(opponent_start(ctx, set->common.python, "bench/telescope_torch.py", directory, "dynedge",
                          set->common.team[set->common.n_teams - 1], o, &answer));
    printf("PyTorch %s, %s, allocator %s\n", json_string_value(json_object_get(answer, "version")),
           json_string_value(json_object_get(answer, "capability")), *opponent_allocator() ? opponent_allocator() : "of the system");
    json_object_set(root, "pytorch", answer);
    for (size_t k = 0; k < sizeof mode_list / sizeof *mode_list; ++k) {
        if (!runs(set, mode_list[k].variant)) continue;
        json_decref(answer);
        answer = NULL;
        HG_TRY(opponent_ask(ctx, o, "prepare", mode_list[k].name, &answer));
        const char *error = json_string_value(json_object_get(answer, "error"));
        const double difference = json_real_value(json_object_get(answer, "difference"));
        if (error || mode_list[k].exact) {
            printf("PyTorch %s: %.200s, difference %.1e%s\n", mode_list[k].name, error ? error : "the same search", difference,
                   error || difference <= exact_limit ? "" : "  NOT THE SAME RESULTS");
            continue;
        }
        fprintf(stderr, "PyTorch %s is ready after %.0f s\n", mode_list[k].name, json_number_value(json_object_get(answer, "warm_up_s")));
        m->mode[m->n_modes++] = (other_mode){.name = mode_list[k].name,
                                             .variant = mode_list[k].variant,
                                             .difference = difference,
                                             .peak_rss = (double)json_integer_value(json_object_get(answer, "peak_rss"))};
    }
done:
    json_decref(answer);
    return status;
}

/* Memory, one run to warm up, then interleaved rounds. */
static hg_status measure(hg_context *ctx, const settings *set, telescope_case *c, const char *directory, measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    opponent o = {0};
    const network_pass pass = case_pass(c);
    const int most = set->common.n_teams - 1;
    for (int v = 0; v < VARIANTS; ++v) {
        if (runs(set, v)) HG_TRY(pass_memory(ctx, pass, &variants[v], set->common.team[most], &m->peak_rss[v]));
    }
    for (int v = 0; v < VARIANTS; ++v) {
        if (runs(set, v)) HG_TRY(pass_run(ctx, &pass, &variants[v], set->common.team[most], &m->seconds[v][most][0]));
    }
    if (set->common.torch) HG_TRY(prepare_other(ctx, set, c, directory, &o, m, root));
    for (int r = 0; r < set->common.rounds; ++r) {
        for (int v = 0; v < VARIANTS; ++v) {
            for (int t = 0; runs(set, v) && t < set->common.n_teams; ++t)
                HG_TRY(pass_run(ctx, &pass, &variants[v], set->common.team[t], &m->seconds[v][t][r]));
            for (int k = 0; k < m->n_modes; ++k) {
                if (m->mode[k].variant == v) HG_TRY(opponent_time(ctx, &o, m->mode[k].name, &m->mode[k].seconds[r]));
            }
        }
    }
done:
    opponent_stop(&o);
    return status;
}

static void report_own(const settings *set, const telescope_case *c, const measurement *m, int v, int t, const hg_roofline *roof,
                       json_t *rows)
{
    const hg_work work = pass_work(c->model, c->graph, &variants[v]);
    const double *seconds = m->seconds[v][t], median = bench_median(seconds, set->common.rounds),
                 least = bench_least(seconds, set->common.rounds);
    const double bound = hg_work_bound(&work, bench_peak_of(roof, variants[v].precision), roof->bandwidth);
    const double n_events = (double)c->graph->n_graphs, n_pulses = (double)c->graph->n_nodes;
    printf("%-9s %s %3d %9.4f %9.4f %9.1f %9.2f %8.1f %9.4f %6.1f %6.1f %8.0f\n", variants[v].name, variants[v].precision_name,
           set->common.team[t], median, least, n_events / median, 1e6 * median / n_pulses, work.flops / median * 1e-9, bound,
           100 * bound / median, 100 * bound / least, m->peak_rss[v] * 1e-6);
    json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "pass", variants[v].name,
                                          "precision", variants[v].precision_name, "threads", set->common.team[t], "seconds", median,
                                          "seconds_least", least, "seconds_rounds", bench_array(seconds, set->common.rounds),
                                          "events_per_second", n_events / median, "microseconds_per_pulse", 1e6 * median / n_pulses,
                                          "flops", work.flops, "bytes_fused", work.bytes, "bound_s", bound, "share_of_bound",
                                          bound / median, "peak_rss_bytes", m->peak_rss[v]));
}

/* bf16 without matrix tiles: the bound that a CPU with vectors alone has. */
static void report_vector_bound(const settings *set, const telescope_case *c, const measurement *m, int v, int t, const hg_roofline *roof)
{
    if (variants[v].precision != HG_PRECISION_BF16 || roof->tile_flops == 0) return;
    const hg_work work = pass_work(c->model, c->graph, &variants[v]);
    const double median = bench_median(m->seconds[v][t], set->common.rounds);
    const double bound = hg_work_bound(&work, fmax(roof->flops, roof->bf16_flops), roof->bandwidth);
    printf("  bound of vectors without matrix tiles %.4f s: %.1f %%\n", bound, 100 * bound / median);
}

/* The modes of PyTorch, and the ratio of the fastest of them to us with as many threads. */
static void report_other(const settings *set, const telescope_case *c, const measurement *m, int v, json_t *rows)
{
    const other_mode *best = NULL;
    for (int k = 0; k < m->n_modes; ++k) {
        const other_mode *mode = &m->mode[k];
        if (mode->variant != v) continue;
        const double median = bench_median(mode->seconds, set->common.rounds);
        printf("  PyTorch %-20s %9.4f %9.4f %9.1f events/s  difference %.1e  peak %6.0f MB\n", mode->name, median,
               bench_least(mode->seconds, set->common.rounds), (double)c->graph->n_graphs / median, mode->difference,
               mode->peak_rss * 1e-6);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:f, s:o, s:f, s:f}", "pass", variants[v].name, "mode", mode->name, "seconds",
                                              median, "seconds_rounds", bench_array(mode->seconds, set->common.rounds), "difference",
                                              mode->difference, "peak_rss_bytes", mode->peak_rss));
        if (!best || median < bench_median(best->seconds, set->common.rounds)) best = mode;
    }
    if (!best) return;
    const bench_ratio r = bench_ratio_of(best->seconds, m->seconds[v][set->common.n_teams - 1], set->common.rounds);
    printf("  %s %s: PyTorch's best (%s) takes %.2f times as long (%.2f .. %.2f in %d rounds)\n", variants[v].name,
           variants[v].precision_name, best->name, r.median, r.least, r.most, set->common.rounds);
    json_array_append_new(rows,
                          json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "pass", variants[v].name, "precision", variants[v].precision_name,
                                    "best", best->name, "ratio", r.median, "ratio_least", r.least, "ratio_most", r.most));
}

static hg_status run_dynedge(hg_context *ctx, const settings *set, json_t *root)
{
    hg_status status = HG_OK;
    static measurement m;
    hg_roofline roof[BENCH_TEAMS_MAX] = {{0}};
    char directory[] = "/tmp/hitgraph-telescope-XXXXXX";
    telescope_case c = {0};
    HG_CHECK(mkdtemp(directory), HG_ERR_IO, "%s: no such folder can be made", directory);
    for (int t = 0; t < set->common.n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->common.team[t], &roof[t]));
    HG_TRY(case_prepare(ctx, set->events, set->pulses, &c));
    printf("DynEdge, %" PRId64 " events, %" PRId64 " pulses, %" PRId64 " in the longest event\n", c.graph->n_graphs, c.graph->n_nodes,
           c.longest);
    HG_TRY(measure(ctx, set, &c, directory, &m, root));
    for (int t = 0; t < set->common.n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->common.team[t], &roof[t]));
    bench_report_rooflines(set->common.team, set->common.n_teams, roof, root);
    printf("%-9s %4s %3s %9s %9s %9s %9s %8s %9s %6s %6s %8s\n", "pass", "", "T", "median s", "least s", "events/s", "us/pulse", "GF/s",
           "bound s", "% med", "% best", "peak MB");
    for (int v = 0; v < VARIANTS; ++v) {
        if (!runs(set, v)) continue;
        for (int t = 0; t < set->common.n_teams; ++t) {
            report_own(set, &c, &m, v, t, &roof[t], json_object_get(root, "passes"));
            report_vector_bound(set, &c, &m, v, t, &roof[t]);
        }
        report_other(set, &c, &m, v, json_object_get(root, "others"));
    }
done:
    opponent_remove_files(directory);
    case_release(ctx, &c);
    return status;
}

/* Events of the simulator through the shipped model: graphs, network, scores. */
static hg_status run_small(hg_context *ctx, const settings *set, json_t *root)
{
    hg_status status = HG_OK;
    hg_pulse_events *events = NULL;
    hg_classifier *classifier = NULL;
    double seconds[BENCH_ROUNDS_MAX];
    HG_TRY(small_prepare(ctx, SMALL_EVENTS, &events, &classifier));
    for (int t = 0; t < set->common.n_teams; ++t) {
        HG_TRY(hg_context_set_threads(ctx, set->common.team[t]));
        for (int r = -1; r < set->common.rounds; ++r) HG_TRY(small_run(ctx, classifier, events, &seconds[r < 0 ? 0 : r]));
        const double median = bench_median(seconds, set->common.rounds), pulses = (double)events->n_pulses;
        printf("small model, pulses to scores: %d threads, %.0f events/s, %.2f us/pulse (%.0f pulses an event)\n", set->common.team[t],
               SMALL_EVENTS / median, 1e6 * median / pulses, pulses / SMALL_EVENTS);
        json_array_append_new(json_object_get(root, "small"),
                              json_pack("{s:i, s:f, s:f, s:o}", "threads", set->common.team[t], "events_per_second", SMALL_EVENTS / median,
                                        "microseconds_per_pulse", 1e6 * median / pulses, "seconds_rounds",
                                        bench_array(seconds, set->common.rounds)));
    }
done:
    hg_classifier_destroy(ctx, classifier);
    hg_pulse_events_destroy(ctx, events);
    return status;
}

/* The 8 nearest of each point, in places and in as many latent columns as the search takes. */
static hg_status run_neighbours(hg_context *ctx, const settings *set, json_t *root)
{
    hg_status status = HG_OK;
    static const int64_t columns[] = {3, 16, HG_NEIGHBOUR_COLUMNS};
    hg_real *x = NULL;
    telescope_case c = {0};
    double seconds[BENCH_ROUNDS_MAX];
    HG_TRY(case_prepare(ctx, set->events, set->pulses, &c));
    const double n = (double)c.graph->n_nodes;
    HG_TRY(bench_random_numbers(ctx, c.graph->n_nodes * HG_NEIGHBOUR_COLUMNS, 2, &x));
    for (size_t k = 0; k < sizeof columns / sizeof *columns; ++k) {
        for (int t = 0; t < set->common.n_teams; ++t) {
            HG_TRY(hg_context_set_threads(ctx, set->common.team[t]));
            for (int r = -1; r < set->common.rounds; ++r) HG_TRY(neighbours_run(ctx, c.graph, x, columns[k], &seconds[r < 0 ? 0 : r]));
            const double median = bench_median(seconds, set->common.rounds);
            printf("8 nearest in %2" PRId64 " columns, graph included: %d threads, %.3g points/s, %.3f us/pulse\n", columns[k],
                   set->common.team[t], n / median, 1e6 * median / n);
            json_array_append_new(json_object_get(root, "neighbours"),
                                  json_pack("{s:i, s:i, s:f, s:o}", "columns", (int)columns[k], "threads", set->common.team[t],
                                            "points_per_second", n / median, "seconds_rounds", bench_array(seconds, set->common.rounds)));
        }
    }
done:
    case_release(ctx, &c);
    hg_free(ctx, x);
    return status;
}

static hg_status run(hg_context *ctx, const settings *set)
{
    hg_status status = HG_OK;
    const char *only = set->common.only;
    const bool small = only && !strcmp(only, "small"), neighbours = only && !strcmp(only, "neighbours");
    json_t *root = json_pack("{s:[], s:[], s:[], s:[]}", "passes", "others", "small", "neighbours");
    HG_CHECK(root, HG_ERR_NOMEM, "out of memory");
    HG_TRY(bench_machine(ctx, root));
    if (!small && !neighbours) HG_TRY(run_dynedge(ctx, set, root));
    if (neighbours || !only) HG_TRY(run_neighbours(ctx, set, root));
    if (small || !only) HG_TRY(run_small(ctx, set, root));
    HG_TRY(bench_write(ctx, "telescope", root));
done:
    json_decref(root);
    return status;
}

static int take_option(void *user, const char *name, const char *value)
{
    settings *set = user;
    if (!strcmp(name, "--events") && value && atoll(value) > 0) {
        set->events = atoll(value);
    } else if (!strcmp(name, "--pulses") && value && atof(value) > 0) {
        set->pulses = atof(value);
    } else {
        return 0;
    }
    return 2;
}

int main(int argc, char **argv)
{
    settings set = {.events = 128, .pulses = 1};
    hg_context *ctx = NULL;
    if (!bench_read_options(argc, argv, &set.common, take_option, &set)) {
        fprintf(stderr,
                "usage: telescope [--events N] [--pulses FACTOR] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds 1 .. %d] "
                "[--only inference|training|bf16|fp32|small|neighbours]\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    if (hg_context_create(&ctx) < 0) return 1;
    const hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "telescope: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
