/* bench/engine_report.h — the table and the JSON rows of bench/engine.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_ENGINE_REPORT_H
#define HG_BENCH_ENGINE_REPORT_H

#include "bench/engine_case.h"
#include "bench/options.h"

enum { MOST_MODES = 8 };
/* bf16 first, so that the logits which are handed over to the other program are those of float32 */
static const variant variants[] = {{"inference", "bf16", HG_WORK_FORWARD, HG_PRECISION_BF16},
                                   {"inference", "fp32", HG_WORK_FORWARD, HG_PRECISION_FLOAT32},
                                   {"training", "fp32", HG_WORK_TRAINING, HG_PRECISION_FLOAT32}};
enum { VARIANTS = sizeof variants / sizeof *variants, INFERENCE_BF16 = 0, INFERENCE, TRAINING };
/* Largest difference of results that are compared, as bench/engine_torch.py defines it: bf16 has three digits; gradients of large
 * graphs hold ReLUs within rounding of changing sides, tests/parity compares them properly. */
static const double limits[VARIANTS] = {1, 1e-5, 1e-2};

typedef struct settings {
    bench_options common;
    bool quick;
    const char *only_case;
} settings;

/* What was measured of one case. */
typedef struct measurement {
    int rounds, n_modes;
    double seconds[VARIANTS][BENCH_TEAMS_MAX][BENCH_ROUNDS_MAX];
    double peak_rss[VARIANTS];
    other_mode mode[MOST_MODES];
} measurement;

static bool runs(const settings *set, const bench_case *c, int v)
{
    const bool wanted =
        !set->common.only || !strcmp(set->common.only, variants[v].name) || !strcmp(set->common.only, variants[v].precision_name);
    return wanted && !(c->inference_only && variants[v].pass == HG_WORK_TRAINING);
}

static void report_own(const settings *set, const bench_case *c, const measurement *m, int v, int t, const hg_roofline *roof, json_t *rows)
{
    const hg_work counted = pass_work(c->model, c->graph, &variants[v]), *work = &counted;
    const double *seconds = m->seconds[v][t], flops = work->flops, bytes = work->bytes;
    const double median = bench_median(seconds, m->rounds), least = bench_least(seconds, m->rounds);
    const double compute = flops / bench_peak_of(roof, variants[v].precision), traffic = bytes / roof->bandwidth,
                 bound = fmax(compute, traffic);
    const bench_ratio gain = c->inference_only ? (bench_ratio){0} : bench_ratio_of(m->seconds[v][0], seconds, m->rounds);
    printf("%-14s %-9s %s %3d %9.4f %9.4f %8.1f %7.1f %9.4f %-7s %6.1f %6.1f %8.0f %6.2f\n", c->name, variants[v].name,
           variants[v].precision_name, set->common.team[t], median, least, flops / median * 1e-9, bytes / median * 1e-9, bound,
           compute > traffic ? "compute" : "memory", 100 * bound / median, 100 * bound / least, m->peak_rss[v] * 1e-6, gain.median);
    json_array_append_new(rows,
                          json_pack("{s:s, s:I, s:I, s:s, s:s, s:i, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "network",
                                    c->name, "nodes", (json_int_t)c->n_nodes, "edges", (json_int_t)c->n_edges, "pass", variants[v].name,
                                    "precision", "fp32", "threads", set->common.team[t], "seconds", median, "seconds_least", least,
                                    "seconds_rounds", bench_array(seconds, m->rounds), "flops", flops, "bytes_fused", bytes,
                                    "bound_compute_s", compute, "bound_memory_s", traffic, "share_of_bound", bound / median,
                                    "peak_rss_bytes", m->peak_rss[v], "speed_up_against_1", gain.median, "graph_seconds", c->graph_s));
}

/* The modes of PyTorch, and the ratio of the fastest of them to us with as many threads. */
static void report_other(const settings *set, const bench_case *c, const measurement *m, int v, json_t *rows)
{
    const other_mode *best = NULL;
    for (int k = 0; k < m->n_modes; ++k) {
        const other_mode *mode = &m->mode[k];
        if (mode->variant != v) continue;
        const double median = bench_median(mode->seconds, m->rounds);
        const bool equal = mode->difference <= limits[v];
        printf("%-14s   PyTorch %-24s %9.4f %9.4f  difference %.1e  peak %6.0f MB%s\n", c->name, mode->name, median,
               bench_least(mode->seconds, m->rounds), mode->difference, mode->peak_rss * 1e-6, equal ? "" : "  NOT THE SAME RESULTS");
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:o, s:f, s:f}", "network", c->name, "pass", variants[v].name, "mode",
                                              mode->name, "seconds", median, "seconds_rounds", bench_array(mode->seconds, m->rounds),
                                              "difference", mode->difference, "peak_rss_bytes", mode->peak_rss));
        if (equal && (!best || median < bench_median(best->seconds, m->rounds))) best = mode;
    }
    if (!best) return;
    const bench_ratio r = bench_ratio_of(best->seconds, m->seconds[v][set->common.n_teams - 1], m->rounds);
    printf("%-14s   %s: PyTorch's best (%s) takes %.2f times as long (%.2f .. %.2f in %d rounds)\n", c->name, variants[v].name, best->name,
           r.median, r.least, r.most, m->rounds);
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "network", c->name, "pass", variants[v].name, "best",
                                          best->name, "ratio", r.median, "ratio_least", r.least, "ratio_most", r.most));
}

/* Time grows like edges to this power between the smallest and the largest graph of one network. */
static void report_growth(const settings *set, const bench_case *presets, const measurement *m, int n_cases, json_t *root)
{
    for (int v = 0; v < VARIANTS; ++v) {
        static const char *const growth_names[VARIANTS] = {"growth_exponent_inference_bf16", "growth_exponent_inference",
                                                           "growth_exponent_training"};
        int first = -1, last = -1;
        for (int k = 0; k < n_cases; ++k) {
            if (m[k].rounds == 0 || !runs(set, &presets[k], v) || strcmp(presets[k].path, presets[0].path) != 0) continue;
            if (first < 0) first = k;
            last = k;
        }
        if (first < 0 || first == last) continue;
        const int t = set->common.n_teams - 1;
        const double time = bench_median(m[last].seconds[v][t], m[last].rounds) / bench_median(m[first].seconds[v][t], m[first].rounds);
        const double exponent = log(time) / log((double)presets[last].n_edges / (double)presets[first].n_edges);
        printf("%s %s: time grows like edges to the power %.3f from %s to %s\n", variants[v].name, variants[v].precision_name, exponent,
               presets[first].name, presets[last].name);
        json_object_set_new(root, growth_names[v], hg_json_number(exponent));
    }
}

#endif
