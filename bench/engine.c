/* engine.c — how fast networks run on random graphs, forward and in training, against what the machine could do and against PyTorch. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: engine [--quick] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds N] [--case NAME] [--pass inference|training]
 *
 * The bound of a pass is max(F / P, B / W): F flops of the split first layers, B bytes of a fully fused pass, P the measured fp32 peak, W
 * the measured triad bandwidth, both with as many threads. Rounds are interleaved: in each, every number of threads runs once, and with
 * --torch every mode of PyTorch too, on the same graph with the same weights after its results were found equal. Table and
 * build/bench/engine.json. */
#include <math.h>
#include "bench/engine_case.h"
#include "bench/opponent.h"

enum { MOST_TEAMS = 16, MOST_MODES = 8 };
static const char *const pass_names[HG_WORK_PASSES] = {"inference", "training"};
/* Largest difference of results that are compared, as bench/engine_torch.py defines it. Gradients of large graphs hold ReLUs within
 * rounding of changing sides; tests/parity compares them properly. */
static const double limits[HG_WORK_PASSES] = {1e-5, 1e-2};

static const bench_case presets[] = {
    {.name = "IGNN 64 12k", .path = "models/architectures/acorn_ignn.yaml", 12000, 100000, .quick = true, .other = "acorn_ignn"},
    {.name = "IGNN 128 12k", .path = "models/architectures/acorn_ignn_wide.yaml", 12000, 100000, .quick = true, .other = "acorn_ignn_wide"},
    {.name = "IN 250k",
     .path = "models/architectures/interaction_network.yaml",
     40000,
     250000,
     .quick = true,
     .other = "interaction_network"},
    {.name = "doublet 100k", .path = "models/trackml/doublet", 12000, 100000, .quick = true, .other = "doublet"},
    {.name = "triplet 100k", .path = "models/trackml/triplet", 12000, 100000, .quick = true, .other = "triplet"},
    {.name = "doublet 400k", .path = "models/trackml/doublet", 120000, 400000, .other = "doublet"},
    {.name = "triplet 400k", .path = "models/trackml/triplet", 120000, 400000, .other = "triplet"},
    {.name = "IGNN 64 120k", .path = "models/architectures/acorn_ignn.yaml", 120000, 1000000, .large = true, .other = "acorn_ignn"},
    {.name = "IGNN 128 120k",
     .path = "models/architectures/acorn_ignn_wide.yaml",
     120000,
     1000000,
     .large = true,
     .other = "acorn_ignn_wide"},
    {.name = "IGNN 64 1.2M", .path = "models/architectures/acorn_ignn.yaml", 1200000, 10000000, .inference_only = true},
};
enum { CASES = sizeof presets / sizeof *presets };

/* The modes of PyTorch that are tried, by pass; checkpointed ones (a step's inputs kept, the rest computed again) where others do not fit.
 */
static const struct {
    int pass;
    bool large, small;
    const char *name;
} mode_list[] = {{HG_WORK_FORWARD, true, true, "infer-eager-fp32"},
                 {HG_WORK_FORWARD, true, true, "infer-compile-fp32"},
                 {HG_WORK_TRAINING, false, true, "train-eager-fp32"},
                 {HG_WORK_TRAINING, false, true, "train-compile-fp32"},
                 {HG_WORK_TRAINING, true, false, "train-compile-fp32-ckpt"}};

typedef struct settings {
    bool quick, torch;
    const char *python, *only_case;
    int only_pass; /* -1 = both */
    int rounds, n_teams, team[MOST_TEAMS];
} settings;

typedef struct other_mode {
    const char *name;
    int pass;
    double difference, peak_rss, seconds[BENCH_ROUNDS_MAX];
} other_mode;

/* What was measured of one case. */
typedef struct measurement {
    int rounds, n_modes;
    double seconds[HG_WORK_PASSES][MOST_TEAMS][BENCH_ROUNDS_MAX];
    double peak_rss[HG_WORK_PASSES];
    other_mode mode[MOST_MODES];
} measurement;

static bool runs(const settings *set, const bench_case *c, int pass)
{
    return (set->only_pass < 0 || set->only_pass == pass) && !(c->inference_only && pass == HG_WORK_TRAINING);
}

/* The kernel's peak of the resident set starts anew. */
static void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

/* Starts PyTorch on the case's files and prepares its modes; those that fail are named and left out. */
static hg_status prepare_other(hg_context *ctx, const settings *set, const bench_case *c, const char *directory, opponent *o,
                               measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    json_t *answer = NULL;
    HG_TRY(case_write(ctx, c, directory));
    HG_TRY(opponent_start(ctx, set->python, directory, c->other, set->team[set->n_teams - 1], o, &answer));
    printf("PyTorch %s, %s, allocator %s\n", json_string_value(json_object_get(answer, "version")),
           json_string_value(json_object_get(answer, "capability")), *opponent_allocator() ? opponent_allocator() : "of the system");
    json_object_set(root, "pytorch", answer);
    for (size_t k = 0; k < sizeof mode_list / sizeof *mode_list; ++k) {
        if (!runs(set, c, mode_list[k].pass) || !(c->large ? mode_list[k].large : mode_list[k].small)) continue;
        json_decref(answer);
        answer = NULL;
        HG_TRY(opponent_ask(ctx, o, "prepare", mode_list[k].name, &answer));
        const char *error = json_string_value(json_object_get(answer, "error"));
        if (error) {
            printf("%s: PyTorch %s does not run: %.200s\n", c->name, mode_list[k].name, error);
            continue;
        }
        m->mode[m->n_modes++] = (other_mode){.name = mode_list[k].name,
                                             .pass = mode_list[k].pass,
                                             .difference = json_real_value(json_object_get(answer, "difference")),
                                             .peak_rss = (double)json_integer_value(json_object_get(answer, "peak_rss"))};
    }
done:
    json_decref(answer);
    return status;
}

static hg_status time_other(hg_context *ctx, const opponent *o, other_mode *mode, int round)
{
    hg_status status = HG_OK;
    json_t *answer = NULL;
    HG_TRY(opponent_ask(ctx, o, "time", mode->name, &answer));
    HG_CHECK(json_is_real(json_object_get(answer, "seconds")), HG_ERR_IO, "PyTorch %s failed", mode->name);
    mode->seconds[round] = json_real_value(json_object_get(answer, "seconds"));
done:
    json_decref(answer);
    return status;
}

/* Every number of threads once to warm up, then interleaved rounds. */
static hg_status measure(hg_context *ctx, const settings *set, bench_case *c, const char *directory, measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    opponent o = {0};
    const int first = c->inference_only ? set->n_teams - 1 : 0;
    m->rounds = c->inference_only && set->rounds > 3 ? 3 : set->rounds;
    for (int pass = 0; pass < HG_WORK_PASSES; ++pass) {
        if (!runs(set, c, pass)) continue;
        reset_peak();
        HG_TRY(case_run(ctx, c, pass, set->team[set->n_teams - 1], &m->seconds[pass][0][0]));
        m->peak_rss[pass] = (double)hg_peak_rss();
    }
    if (set->torch && c->other) HG_TRY(prepare_other(ctx, set, c, directory, &o, m, root));
    for (int r = 0; r < m->rounds; ++r) {
        for (int pass = 0; pass < HG_WORK_PASSES; ++pass) {
            if (!runs(set, c, pass)) continue;
            for (int t = first; t < set->n_teams; ++t) HG_TRY(case_run(ctx, c, pass, set->team[t], &m->seconds[pass][t][r]));
            for (int k = 0; k < m->n_modes; ++k) {
                if (m->mode[k].pass == pass) HG_TRY(time_other(ctx, &o, &m->mode[k], r));
            }
        }
    }
done:
    opponent_stop(&o);
    return status;
}

/* value[r] = a[r] / b[r]: median, least and largest. */
typedef struct ratio {
    double median, least, most;
} ratio;

static ratio ratio_of(const double *a, const double *b, int n)
{
    double value[BENCH_ROUNDS_MAX], negative[BENCH_ROUNDS_MAX];
    for (int r = 0; r < n; ++r) {
        value[r] = a[r] / b[r];
        negative[r] = -value[r];
    }
    return (ratio){bench_median(value, n), bench_least(value, n), -bench_least(negative, n)};
}

static void report_own(const settings *set, const bench_case *c, const measurement *m, int pass, int t, const hg_roofline *roof,
                       json_t *rows)
{
    const double *seconds = m->seconds[pass][t], flops = c->work[pass].flops, bytes = c->work[pass].bytes;
    const double median = bench_median(seconds, m->rounds), least = bench_least(seconds, m->rounds);
    const double compute = flops / roof->flops, traffic = bytes / roof->bandwidth, bound = fmax(compute, traffic);
    const ratio gain = c->inference_only ? (ratio){0} : ratio_of(m->seconds[pass][0], seconds, m->rounds);
    printf("%-14s %-9s fp32 %3d %9.4f %9.4f %8.1f %7.1f %9.4f %-7s %6.1f %6.1f %8.0f %6.2f\n", c->name, pass_names[pass], set->team[t],
           median, least, flops / median * 1e-9, bytes / median * 1e-9, bound, compute > traffic ? "compute" : "memory",
           100 * bound / median, 100 * bound / least, m->peak_rss[pass] * 1e-6, gain.median);
    json_array_append_new(rows,
                          json_pack("{s:s, s:I, s:I, s:s, s:s, s:i, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "network",
                                    c->name, "nodes", (json_int_t)c->n_nodes, "edges", (json_int_t)c->n_edges, "pass", pass_names[pass],
                                    "precision", "fp32", "threads", set->team[t], "seconds", median, "seconds_least", least,
                                    "seconds_rounds", bench_array(seconds, m->rounds), "flops", flops, "bytes_fused", bytes,
                                    "bound_compute_s", compute, "bound_memory_s", traffic, "share_of_bound", bound / median,
                                    "peak_rss_bytes", m->peak_rss[pass], "speed_up_against_1", gain.median, "graph_seconds", c->graph_s));
}

/* The modes of PyTorch, and the ratio of the fastest of them to us with as many threads. */
static void report_other(const settings *set, const bench_case *c, const measurement *m, int pass, json_t *rows)
{
    const other_mode *best = NULL;
    for (int k = 0; k < m->n_modes; ++k) {
        const other_mode *mode = &m->mode[k];
        if (mode->pass != pass) continue;
        const double median = bench_median(mode->seconds, m->rounds);
        const bool equal = mode->difference <= limits[pass];
        printf("%-14s   PyTorch %-24s %9.4f %9.4f  difference %.1e  peak %6.0f MB%s\n", c->name, mode->name, median,
               bench_least(mode->seconds, m->rounds), mode->difference, mode->peak_rss * 1e-6, equal ? "" : "  NOT THE SAME RESULTS");
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:o, s:f, s:f}", "network", c->name, "pass", pass_names[pass], "mode",
                                              mode->name, "seconds", median, "seconds_rounds", bench_array(mode->seconds, m->rounds),
                                              "difference", mode->difference, "peak_rss_bytes", mode->peak_rss));
        if (equal && (!best || median < bench_median(best->seconds, m->rounds))) best = mode;
    }
    if (!best) return;
    const ratio r = ratio_of(best->seconds, m->seconds[pass][set->n_teams - 1], m->rounds);
    printf("%-14s   %s: PyTorch's best (%s) takes %.2f times as long (%.2f .. %.2f in %d rounds)\n", c->name, pass_names[pass], best->name,
           r.median, r.least, r.most, m->rounds);
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "network", c->name, "pass", pass_names[pass], "best",
                                          best->name, "ratio", r.median, "ratio_least", r.least, "ratio_most", r.most));
}

/* Time grows like edges to this power between the smallest and the largest graph of one network. */
static void report_growth(const settings *set, const measurement *m, json_t *root)
{
    for (int pass = 0; pass < HG_WORK_PASSES; ++pass) {
        int first = -1, last = -1;
        for (int k = 0; k < CASES; ++k) {
            if (m[k].rounds == 0 || !runs(set, &presets[k], pass) || strcmp(presets[k].path, presets[0].path) != 0) continue;
            if (first < 0) first = k;
            last = k;
        }
        if (first < 0 || first == last) continue;
        const int t = set->n_teams - 1;
        const double time =
            bench_median(m[last].seconds[pass][t], m[last].rounds) / bench_median(m[first].seconds[pass][t], m[first].rounds);
        const double exponent = log(time) / log((double)presets[last].n_edges / (double)presets[first].n_edges);
        printf("%s: time grows like edges to the power %.3f from %s to %s\n", pass_names[pass], exponent, presets[first].name,
               presets[last].name);
        json_object_set_new(root, pass == HG_WORK_FORWARD ? "growth_exponent_inference" : "growth_exponent_training",
                            hg_json_number(exponent));
    }
}

static void report_rooflines(const settings *set, const hg_roofline *roof, json_t *root)
{
    json_t *list = json_array();
    for (int t = 0; t < set->n_teams; ++t) {
        printf("%d threads: fp32 FMA %.1f, bf16 dot product %.1f, bf16 tiles %.1f GF/s; triad %.1f GB/s (write-allocate counted)\n",
               set->team[t], roof[t].flops * 1e-9, roof[t].bf16_flops * 1e-9, roof[t].tile_flops * 1e-9, roof[t].bandwidth * 1e-9);
        json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f, s:f}", "threads", set->team[t], "fma_gflops", roof[t].flops * 1e-9,
                                              "bf16_gflops", roof[t].bf16_flops * 1e-9, "bf16_tile_gflops", roof[t].tile_flops * 1e-9,
                                              "triad_gb_per_s", roof[t].bandwidth * 1e-9));
    }
    json_object_set_new(root, "rooflines", list);
    json_object_set_new(root, "rounds", json_integer(set->rounds));
}

static void remove_files(const char *directory)
{
    static const char *const names[] = {"model.yaml", "weights.safetensors", "batch.safetensors", "results.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[HG_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

/* One case from the making of its graph to its rows. */
static hg_status run_case(hg_context *ctx, const settings *set, const bench_case *preset, hg_roofline *roof, measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    char directory[] = "/tmp/hitgraph-engine-XXXXXX";
    bench_case c = *preset;
    HG_CHECK(mkdtemp(directory), HG_ERR_IO, "%s: no such folder can be made", directory);
    HG_TRY(case_prepare(ctx, &c));
    HG_TRY(measure(ctx, set, &c, directory, m, root));
    for (int t = 0; t < set->n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->team[t], &roof[t]));
    for (int pass = 0; pass < HG_WORK_PASSES; ++pass) {
        if (!runs(set, &c, pass)) continue;
        const int first = c.inference_only ? set->n_teams - 1 : 0;
        for (int t = first; t < set->n_teams; ++t) report_own(set, &c, m, pass, t, &roof[t], json_object_get(root, "passes"));
        report_other(set, &c, m, pass, json_object_get(root, "others"));
    }
    fflush(stdout);
done:
    remove_files(directory);
    case_release(ctx, &c);
    return status;
}

static bool chosen(const settings *set, const bench_case *c)
{
    return (!set->quick || c->quick) && (!set->only_case || strstr(c->name, set->only_case));
}

static hg_status run(hg_context *ctx, const settings *set)
{
    hg_status status = HG_OK;
    static measurement all[CASES];
    hg_roofline roof[MOST_TEAMS] = {{0}};
    json_t *root = json_pack("{s:[], s:[]}", "passes", "others");
    HG_CHECK(root, HG_ERR_NOMEM, "out of memory");
    HG_TRY(bench_machine(ctx, root));
    for (int t = 0; t < set->n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->team[t], &roof[t]));
    report_rooflines(set, roof, root);
    printf("%-14s %-9s %4s %3s %9s %9s %8s %7s %9s %-7s %6s %6s %8s %6s\n", "network", "pass", "", "T", "median s", "least s", "GF/s",
           "GB/s", "bound s", "by", "% med", "% best", "peak MB", "x 1T");
    for (int k = 0; k < CASES; ++k) {
        if (chosen(set, &presets[k])) HG_TRY(run_case(ctx, set, &presets[k], roof, &all[k], root));
    }
    report_growth(set, all, root);
    HG_TRY(bench_write(ctx, "engine", root));
done:
    json_decref(root);
    return status;
}

/* 1, 2, 4, ... and all cores. */
static void default_teams(settings *set)
{
    const int cores = omp_get_num_procs();
    for (int n = 1; n < cores && set->n_teams < MOST_TEAMS - 1; n *= 2) set->team[set->n_teams++] = n;
    set->team[set->n_teams++] = cores;
}

static bool read_teams(const char *text, settings *set)
{
    while (*text && set->n_teams < MOST_TEAMS) {
        char *end = NULL;
        const long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 1024 || (*end && *end != ',')) return false;
        set->team[set->n_teams++] = (int)n;
        text = *end ? end + 1 : end;
    }
    return set->n_teams > 0 && !*text;
}

static bool read_settings(int argc, char **argv, settings *set)
{
    *set = (settings){.python = getenv("PYTHON") ? getenv("PYTHON") : "python3", .only_pass = -1, .rounds = 5};
    for (int i = 1; i < argc; ++i) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--quick")) {
            set->quick = true;
        } else if (!strcmp(argv[i], "--torch")) {
            set->torch = true;
        } else if (!value) {
            return false;
        } else {
            ++i;
            if (!strcmp(argv[i - 1], "--python"))
                set->python = value;
            else if (!strcmp(argv[i - 1], "--case"))
                set->only_case = value;
            else if (!strcmp(argv[i - 1], "--pass") && (!strcmp(value, "inference") || !strcmp(value, "training")))
                set->only_pass = *value == 't';
            else if (!strcmp(argv[i - 1], "--rounds"))
                set->rounds = atoi(value);
            else if (strcmp(argv[i - 1], "--threads") != 0 || !read_teams(value, set))
                return false;
        }
    }
    if (set->n_teams == 0) default_teams(set);
    return set->rounds >= 1 && set->rounds <= BENCH_ROUNDS_MAX;
}

int main(int argc, char **argv)
{
    settings set;
    hg_context *ctx = NULL;
    if (!read_settings(argc, argv, &set)) {
        fprintf(stderr,
                "usage: engine [--quick] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds 1 .. %d] [--case NAME] "
                "[--pass inference|training]\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    if (hg_context_create(&ctx) < 0) return 1;
    const hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "engine: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
