/* engine.c — how fast networks run on random graphs, forward and in training, against what the machine could do and against PyTorch. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: engine [--quick] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds N] [--case NAME] [--only inference|training|bf16|fp32]
 *
 * The bound of a pass is max(F / P, B / W): F flops of the split first layers, B bytes of a fully fused pass, P the measured peak of the
 * precision, W the measured triad bandwidth, both with as many threads. Rounds are interleaved: in each, every number of threads runs
 * once, and with --torch every mode of PyTorch too, on the same graph with the same weights after its results were found equal.
 * Memory is the peak of the resident set in one run. Training keeps the tables of every step. Table and build/bench/engine.json. */
#include "bench/engine_report.h"
#include "bench/opponent.h"

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

/* The modes of PyTorch that are tried, by variant; checkpointed ones (a step's inputs kept, the rest computed again) where others do not
 * fit. */
static const struct {
    int variant;
    bool large, small;
    const char *name;
} mode_list[] = {{INFERENCE_BF16, true, true, "infer-eager-bf16"},  {INFERENCE_BF16, true, true, "infer-compile-bf16"},
                 {INFERENCE, true, true, "infer-eager-fp32"},       {INFERENCE, true, true, "infer-compile-fp32"},
                 {TRAINING, false, true, "train-eager-fp32"},       {TRAINING, false, true, "train-compile-fp32"},
                 {TRAINING, true, false, "train-compile-fp32-ckpt"}};

/* Starts PyTorch on the case's files and prepares its modes; those that fail are named and left out. */
static hg_status prepare_other(hg_context *ctx, const settings *set, const bench_case *c, const char *directory, opponent *o,
                               measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    json_t *answer = NULL;
    HG_TRY(case_write(ctx, c, directory));
    HG_TRY(opponent_start(ctx, set->common.python, "bench/engine_torch.py", directory, c->other, set->common.team[set->common.n_teams - 1],
                          o, &answer));
    printf("PyTorch %s, %s, allocator %s\n", json_string_value(json_object_get(answer, "version")),
           json_string_value(json_object_get(answer, "capability")), *opponent_allocator() ? opponent_allocator() : "of the system");
    json_object_set(root, "pytorch", answer);
    for (size_t k = 0; k < sizeof mode_list / sizeof *mode_list; ++k) {
        if (!runs(set, c, mode_list[k].variant) || !(c->large ? mode_list[k].large : mode_list[k].small)) continue;
        json_decref(answer);
        answer = NULL;
        HG_TRY(opponent_ask(ctx, o, "prepare", mode_list[k].name, &answer));
        const char *error = json_string_value(json_object_get(answer, "error"));
        fprintf(stderr, "%s: PyTorch %s %s after %.0f s\n", c->name, mode_list[k].name, error ? "failed" : "is ready",
                json_number_value(json_object_get(answer, "warm_up_s")));
        if (error) {
            printf("%s: PyTorch %s does not run: %.200s\n", c->name, mode_list[k].name, error);
            continue;
        }
        m->mode[m->n_modes++] = (other_mode){.name = mode_list[k].name,
                                             .variant = mode_list[k].variant,
                                             .difference = json_real_value(json_object_get(answer, "difference")),
                                             .peak_rss = (double)json_integer_value(json_object_get(answer, "peak_rss"))};
    }
done:
    json_decref(answer);
    return status;
}

/* Memory, one run to warm up, then interleaved rounds. */
static hg_status measure(hg_context *ctx, const settings *set, bench_case *c, const char *directory, measurement *m, json_t *root)
{
    hg_status status = HG_OK;
    opponent o = {0};
    const network_pass pass = case_pass(c);
    const int most = set->common.n_teams - 1, first = c->inference_only ? most : 0;
    m->rounds = c->inference_only && set->common.rounds > 3 ? 3 : set->common.rounds;
    for (int v = 0; v < VARIANTS; ++v) {
        if (runs(set, c, v)) HG_TRY(pass_memory(ctx, pass, &variants[v], set->common.team[most], &m->peak_rss[v]));
    }
    if (set->common.torch && c->other) HG_TRY(prepare_other(ctx, set, c, directory, &o, m, root));
    for (int r = -1; r < m->rounds; ++r) {
        for (int v = 0; v < VARIANTS; ++v) {
            if (!runs(set, c, v)) continue;
            for (int t = r < 0 ? most : first; t <= most; ++t) {
                HG_TRY(pass_run(ctx, &pass, &variants[v], set->common.team[t], &m->seconds[v][t][r < 0 ? 0 : r]));
            }
            for (int k = 0; r >= 0 && k < m->n_modes; ++k) {
                if (m->mode[k].variant == v) HG_TRY(opponent_time(ctx, &o, m->mode[k].name, &m->mode[k].seconds[r]));
            }
        }
    }
done:
    opponent_stop(&o);
    return status;
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
    for (int t = 0; t < set->common.n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->common.team[t], &roof[t]));
    for (int v = 0; v < VARIANTS; ++v) {
        if (!runs(set, &c, v)) continue;
        const int first = c.inference_only ? set->common.n_teams - 1 : 0;
        for (int t = first; t < set->common.n_teams; ++t) report_own(set, &c, m, v, t, &roof[t], json_object_get(root, "passes"));
        report_other(set, &c, m, v, json_object_get(root, "others"));
    }
    fflush(stdout);
done:
    opponent_remove_files(directory);
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
    hg_roofline roof[BENCH_TEAMS_MAX] = {{0}};
    json_t *root = json_pack("{s:[], s:[]}", "passes", "others");
    HG_CHECK(root, HG_ERR_NOMEM, "out of memory");
    HG_TRY(bench_machine(ctx, root));
    for (int t = 0; t < set->common.n_teams; ++t) HG_TRY(hg_roofline_measure(ctx, set->common.team[t], &roof[t]));
    bench_report_rooflines(set->common.team, set->common.n_teams, roof, root);
    json_object_set_new(root, "rounds", json_integer(set->common.rounds));
    printf("%-14s %-9s %4s %3s %9s %9s %8s %7s %9s %-7s %6s %6s %8s %6s\n", "network", "pass", "", "T", "median s", "least s", "GF/s",
           "GB/s", "bound s", "by", "% med", "% best", "peak MB", "x 1T");
    for (int k = 0; k < CASES; ++k) {
        if (chosen(set, &presets[k])) HG_TRY(run_case(ctx, set, &presets[k], roof, &all[k], root));
    }
    report_growth(set, presets, all, CASES, root);
    HG_TRY(bench_write(ctx, "engine", root));
done:
    json_decref(root);
    return status;
}

static int take_option(void *user, const char *name, const char *value)
{
    settings *set = user;
    if (!strcmp(name, "--quick")) {
        set->quick = true;
        return 1;
    }
    if (strcmp(name, "--case") != 0 || !value) return 0;
    set->only_case = value;
    return 2;
}

int main(int argc, char **argv)
{
    settings set = {0};
    hg_context *ctx = NULL;
    if (!bench_read_options(argc, argv, &set.common, take_option, &set)) {
        fprintf(stderr,
                "usage: engine [--quick] [--torch [--python PROGRAM]] [--threads 1,2,...] [--rounds 1 .. %d] [--case NAME] "
                "[--only inference|training|bf16|fp32]\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    if (hg_context_create(&ctx) < 0) return 1;
    const hg_status status = run(ctx, &set);
    if (status < 0) fprintf(stderr, "engine: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
