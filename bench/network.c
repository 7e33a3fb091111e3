/* network.c — how fast networks run on random graphs, forward and with gradient, against what the machine could do at best. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: network. The bound of a pass is max(F / P, B / W): F flops of the split first layers, B bytes of a fully fused pass, P the
 * measured fp32 FMA peak, W the measured triad bandwidth, both with as many threads. Interleaved rounds. */
#include "base/data_path.h"
#include "base/log.h"
#include "base/random.h"
#include "base/roofline.h"
#include "base/text.h"
#include "bench/bench.h"
#include "hitgraph/loss.h"
#include "nn/work.h"

enum { CASES = 5, TEAMS = 2, PASSES = HG_WORK_PASSES, ROUNDS = 5 };
static const int teams[TEAMS] = {1, 2};
static const char *const pass_names[PASSES] = {"forward", "forward + backward"};

typedef struct bench_case {
    const char *name, *path;
    int64_t n_nodes, n_edges;
    hg_model *model;
    hg_graph *graph;
    hg_real *nodes, *edges, *target, *logit, *gradient;
    hg_work work[PASSES];
    double second[PASSES][TEAMS][ROUNDS];
} bench_case;

static const bench_case presets[CASES] = {
    {.name = "doublet (ships)", .path = "models/trackml/doublet", .n_nodes = 12000, .n_edges = 100000},
    {.name = "triplet (ships)", .path = "models/trackml/triplet", .n_nodes = 12000, .n_edges = 100000},
    {.name = "doublet (ships)", .path = "models/trackml/doublet", .n_nodes = 120000, .n_edges = 400000},
    {.name = "triplet (ships)", .path = "models/trackml/triplet", .n_nodes = 120000, .n_edges = 400000},
    {.name = "acorn_ignn", .path = "models/architectures/acorn_ignn.yaml", .n_nodes = 12000, .n_edges = 100000},
};

static hg_status load_model(hg_context *ctx, const char *name, hg_model **out)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE], *yaml = NULL;
    size_t length = 0;
    HG_TRY(hg_data_path(ctx, name, path));
    if (strstr(name, ".yaml")) {
        HG_TRY(hg_read_file(ctx, path, 1 << 20, &yaml, &length));
        HG_TRY(hg_model_create(ctx, name, yaml, 1, out));
    } else {
        HG_TRY(hg_model_load(ctx, path, out));
    }
done:
    hg_free(ctx, yaml);
    return status;
}

static hg_status random_numbers(hg_context *ctx, int64_t n, uint64_t index, hg_real **out)
{
    hg_random stream = hg_random_stream(1, 1, 0, index);
    hg_status status = hg_alloc(ctx, out, n);
    if (status < 0) return status;
    for (int64_t i = 0; i < n; ++i) (*out)[i] = (hg_real)hg_random_normal(&stream);
    return HG_OK;
}

static hg_status random_graph(hg_context *ctx, int64_t n_nodes, int64_t n_edges, hg_graph **out)
{
    hg_status status = HG_OK;
    int32_t *end = NULL;
    hg_random stream = hg_random_stream(1, 2, 0, 0);
    HG_TRY(hg_alloc(ctx, &end, 2 * n_edges));
    for (int64_t i = 0; i < 2 * n_edges; ++i) end[i] = (int32_t)hg_random_below(&stream, n_nodes);
    HG_TRY(hg_graph_create(ctx, n_nodes, n_edges, end, end + n_edges, 1, NULL, out));
done:
    hg_free(ctx, end);
    return status;
}

static hg_status prepare(hg_context *ctx, const bench_case *preset, double cache_bytes, bench_case *c)
{
    hg_status status = HG_OK;
    *c = *preset;
    HG_TRY(load_model(ctx, c->path, &c->model));
    HG_TRY(random_graph(ctx, c->n_nodes, c->n_edges, &c->graph));
    const hg_model_widths widths = hg_model_get_widths(c->model);
    HG_TRY(random_numbers(ctx, c->n_nodes * widths.node_in, 0, &c->nodes));
    HG_TRY(random_numbers(ctx, c->n_edges * widths.edge_in, 1, &c->edges));
    HG_TRY(hg_alloc(ctx, &c->target, c->n_edges));
    HG_TRY(hg_alloc(ctx, &c->logit, c->n_edges));
    HG_TRY(hg_alloc(ctx, &c->gradient, hg_model_n_parameters(c->model)));
    for (int64_t e = 0; e < c->n_edges; e += 2) c->target[e] = 1;
    hg_work_count(
        c->model,
        &(hg_work_size){
            .n_nodes = c->n_nodes, .n_edges = c->n_edges, .n_graphs = 1, .cache_bytes = cache_bytes, .number_bytes = sizeof(float)},
        c->work);
done:
    return status;
}

static void release(hg_context *ctx, bench_case *c)
{
    hg_model_destroy(ctx, c->model);
    hg_graph_destroy(ctx, c->graph);
    hg_free(ctx, c->nodes);
    hg_free(ctx, c->edges);
    hg_free(ctx, c->target);
    hg_free(ctx, c->logit);
    hg_free(ctx, c->gradient);
}

static hg_status loss_of(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    const bench_case *c = user;
    return hg_loss_bce(ctx, batch->graph->n_edges, out->edges, c->target, NULL, 1, HG_LOSS_MEAN, loss, gradient->edges);
}

static hg_status measure(hg_context *ctx, bench_case *c, int team, int round)
{
    hg_status status = HG_OK;
    const hg_model_widths widths = hg_model_get_widths(c->model);
    const hg_batch batch = {.graph = c->graph, .nodes = c->nodes, .edges = widths.edge_in > 0 ? c->edges : NULL};
    double loss = 0;
    HG_TRY(hg_context_set_threads(ctx, teams[team]));
    const double start = hg_seconds();
    HG_TRY(hg_model_forward(ctx, c->model, &batch, &(hg_outputs){.edges = c->logit}));
    const double middle = hg_seconds();
    HG_TRY(hg_model_gradient(ctx, c->model, &batch, loss_of, c, &loss, c->gradient, NULL, NULL));
    c->second[0][team][round] = middle - start;
    c->second[1][team][round] = hg_seconds() - middle;
done:
    return status;
}

static void report(const bench_case *c, int pass, int team, const hg_roofline *roof, json_t *rows)
{
    const double *seconds = c->second[pass][team];
    const double median = bench_median(seconds, ROUNDS), least = bench_least(seconds, ROUNDS);
    const double compute = c->work[pass].flops / roof->flops, traffic = c->work[pass].bytes / roof->bandwidth;
    const double bound = compute > traffic ? compute : traffic;
    double ratio[ROUNDS];
    for (int r = 0; r < ROUNDS; ++r) ratio[r] = c->second[pass][0][r] / seconds[r];
    printf("%-16s %6" PRId64 " %6" PRId64 "  %-18s %d %8.4f %8.4f %8.2f %8.1f %9.4f %-7s %6.1f %6.1f %6.2f\n", c->name, c->n_nodes,
           c->n_edges, pass_names[pass], teams[team], median, least, (double)c->n_edges / median * 1e-6,
           c->work[pass].flops / median * 1e-9, bound, compute > traffic ? "compute" : "memory", 100 * bound / median, 100 * bound / least,
           bench_median(ratio, ROUNDS));
    json_array_append_new(rows, json_pack("{s:s, s:I, s:I, s:s, s:i, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "network",
                                          c->name, "nodes", (json_int_t)c->n_nodes, "edges", (json_int_t)c->n_edges, "pass",
                                          pass_names[pass], "threads", teams[team], "seconds", median, "seconds_least", least,
                                          "seconds_rounds", bench_array(seconds, ROUNDS), "edges_per_second", (double)c->n_edges / median,
                                          "flops", c->work[pass].flops, "bytes_fused", c->work[pass].bytes, "gflops_executed",
                                          c->work[pass].flops / median * 1e-9, "bound_compute_s", compute, "bound_memory_s", traffic,
                                          "share_of_bound", bound / median, "speed_up_against_1", bench_median(ratio, ROUNDS)));
}

static hg_status run(hg_context *ctx, bench_case *cases)
{
    hg_status status = HG_OK;
    hg_roofline roof[TEAMS] = {{0}};
    json_t *root = json_object(), *rows = json_array(), *roofs = json_array();
    const double cache_bytes = (double)hg_last_cache_bytes();
    json_object_set_new(root, "rooflines", roofs);
    json_object_set_new(root, "passes", rows);
    HG_TRY(bench_machine(ctx, root));
    for (int k = 0; k < CASES; ++k) HG_TRY(prepare(ctx, &presets[k], cache_bytes, &cases[k]));
    for (int k = 0; k < CASES; ++k) HG_TRY(measure(ctx, &cases[k], 0, 0)); /* warms up; written over by the first round */
    for (int r = 0; r < ROUNDS; ++r) {
        for (int t = 0; t < TEAMS; ++t) HG_TRY(hg_roofline_measure(ctx, teams[t], &roof[t]));
        for (int k = 0; k < CASES; ++k) {
            for (int t = 0; t < TEAMS; ++t) HG_TRY(measure(ctx, &cases[k], t, r));
        }
    }
    for (int t = 0; t < TEAMS; ++t) {
        printf("%d threads: fp32 FMA peak %.1f GF/s, triad %.1f GB/s (write-allocate counted), best of %d; L3 %.0f MB\n", teams[t],
               roof[t].flops * 1e-9, roof[t].bandwidth * 1e-9, ROUNDS, cache_bytes / 1048576);
        json_array_append_new(roofs, json_pack("{s:i, s:f, s:f, s:f}", "threads", teams[t], "fma_gflops", roof[t].flops * 1e-9,
                                               "triad_gb_per_s", roof[t].bandwidth * 1e-9, "l3_bytes", cache_bytes));
    }
    printf("%-16s %6s %6s  %-18s %s %8s %8s %8s %8s %9s %-7s %6s %6s %6s\n", "network", "nodes", "edges", "pass", "T", "median s",
           "least s", "Medges/s", "GF/s", "bound s", "by", "% med", "% best", "x 1T");
    for (int k = 0; k < CASES; ++k) {
        for (int pass = 0; pass < PASSES; ++pass) {
            for (int t = 0; t < TEAMS; ++t) report(&cases[k], pass, t, &roof[t], rows);
        }
    }
    json_object_set_new(root, "rounds", json_integer(ROUNDS));
    HG_TRY(bench_write(ctx, "network", root));
done:
    json_decref(root);
    return status;
}

int main(void)
{
    hg_context *ctx = NULL;
    static bench_case cases[CASES];
    if (hg_context_create(&ctx) < 0) return 1;
    hg_status status = run(ctx, cases);
    if (status < 0) fprintf(stderr, "network: %s\n", hg_context_message(ctx));
    for (int k = 0; k < CASES; ++k) release(ctx, &cases[k]);
    hg_context_destroy(ctx);
    return status < 0;
}
