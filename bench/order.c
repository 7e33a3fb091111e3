/* order.c — what each order of the nodes gains, on the doublet graph of a real event and on a random graph, and what ordering costs. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: order [-t THREADS] [-g event|random] [-w] ; -w leaves the wide network out.
 * gather: out[d] = sum over the edges s -> d of P[s] + Q[d]. Rounds are interleaved: every order once, then again; medians. */
#include <math.h>
#include <unistd.h>
#include "bench/random_input.h"
#include "hitgraph/ordered_forward.h"
#include "hitgraph/trackml.h"
#include "pipeline/track_graphs.h"

enum { ROUNDS = 5, ORDERS = 8, TASKS = 4, NODES = 120000, EDGES = 400000 };
#define EVENT "../shared/data/trackml-like/event000021007"
static const char *const task_names[TASKS] = {"gather 64", "gather 128", "doublet network", "acorn_ignn"};
static const int64_t gather_width[2] = {64, 128};
static const char *const model_paths[2] = {"models/trackml/doublet", "models/architectures/acorn_ignn.yaml"};

static const struct row {
    const char *name;
    hg_order_kind kind;
    bool layers, azimuth, shuffled;
    int64_t part_nodes;
} rows[ORDERS] = {
    {"none (as it comes)", HG_ORDER_NONE, false, false, false, 1},
    {"shuffled", HG_ORDER_INPUT, false, false, true, 1},
    {"azimuth", HG_ORDER_INPUT, false, true, false, 1},
    {"input (layer, azimuth)", HG_ORDER_INPUT, true, true, false, 1},
    {"rcm", HG_ORDER_RCM, false, false, false, 1},
    {"metis 512 nodes", HG_ORDER_METIS, true, true, false, 512},
    {"metis 2048 nodes", HG_ORDER_METIS, true, true, false, 2048},
    {"metis 8192 nodes", HG_ORDER_METIS, true, true, false, 8192},
};

typedef struct bench_graph {
    const char *name;
    hg_graph *graph;
    int32_t *layer;        /* [N] */
    float *phi, *shuffled; /* [N] */
    hg_order *order[ORDERS];
    hg_batch batch[2]; /* of each network, in the graph's own order; arrays owned */
    hg_model *model[2];
    double cost[ORDERS], difference[ORDERS], second[TASKS][ORDERS][ROUNDS];
} bench_graph;

/* ---- the graphs ---- */

static hg_status random_graph(hg_context *ctx, bench_graph *g)
{
    hg_status status = HG_OK;
    hg_random stream = hg_random_stream(1, 2, 0, 1);
    g->name = "random";
    HG_TRY(bench_random_graph(ctx, NODES, EDGES, &g->graph, NULL));
    HG_TRY(hg_alloc(ctx, &g->layer, NODES));
    HG_TRY(hg_alloc(ctx, &g->phi, NODES));
    for (int64_t i = 0; i < NODES; ++i) {
        g->layer[i] = (int32_t)(10 * i / NODES);
        g->phi[i] = (float)hg_random_uniform(&stream);
    }
done:
    return status;
}

/* The doublet graph that the main job builds. */
static hg_status event_graph(hg_context *ctx, bench_graph *g)
{
    hg_status status = HG_OK;
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_event_list *list = NULL;
    hg_event *event = NULL;
    hg_track_result result = {0};
    g->name = "event 21007";
    HG_TRY(hg_track_config_read(ctx, "trackml", NULL, NULL, 0, &config));
    HG_TRY(hg_setup_create(ctx, &config, true, &setup));
    HG_TRY(hg_event_list_create(ctx, EVENT, &list));
    HG_TRY(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &event));
    HG_TRY(hg_stage_graph(ctx, setup, event, &result));
    const int64_t n = result.doublets->graph->n_nodes;
    HG_TRY(hg_alloc(ctx, &g->layer, n));
    HG_TRY(hg_alloc(ctx, &g->phi, n));
    for (int64_t i = 0; i < n; ++i) {
        g->layer[i] = result.prepared->layer[i];
        g->phi[i] = atan2f((float)event->hits.y[i], (float)event->hits.x[i]);
    }
    g->graph = result.doublets->graph;
    g->batch[0].nodes = result.doublets->node_features;
    g->batch[0].edges = result.doublets->edge_features;
    result.doublets->graph = NULL;
    result.doublets->node_features = result.doublets->edge_features = NULL;
done:
    hg_track_result_clear(ctx, &result);
    hg_event_destroy(ctx, event);
    hg_event_list_destroy(ctx, list);
    hg_setup_destroy(ctx, setup);
    return status;
}

static hg_status make_batches(hg_context *ctx, bench_graph *g)
{
    hg_status status = HG_OK;
    hg_random stream = hg_random_stream(1, 3, 0, 0);
    HG_TRY(hg_alloc(ctx, &g->shuffled, g->graph->n_nodes));
    for (int64_t i = 0; i < g->graph->n_nodes; ++i) g->shuffled[i] = (float)hg_random_uniform(&stream);
    for (int m = 0; m < 2; ++m) {
        hg_real *nodes = NULL, *edges = NULL;
        HG_TRY(bench_model(ctx, model_paths[m], &g->model[m]));
        const hg_model_widths w = hg_model_get_widths(g->model[m]);
        g->batch[m].graph = g->graph;
        if (g->batch[m].nodes) continue;
        HG_TRY(bench_random_numbers(ctx, g->graph->n_nodes * w.node_in, 0, &nodes));
        g->batch[m].nodes = nodes;
        if (w.edge_in == 0) continue;
        HG_TRY(bench_random_numbers(ctx, g->graph->n_edges * w.edge_in, 1, &edges));
        g->batch[m].edges = edges;
    }
done:
    return status;
}

static hg_status make_orders(hg_context *ctx, bench_graph *g)
{
    hg_status status = HG_OK;
    for (int k = 0; k < ORDERS; ++k) {
        hg_order_options options = hg_order_default_options();
        options.kind = rows[k].kind;
        options.part_nodes = rows[k].part_nodes;
        options.layer = rows[k].layers ? g->layer : NULL;
        options.phi_rad = rows[k].shuffled ? g->shuffled : rows[k].azimuth ? g->phi : NULL;
        const double start = hg_seconds();
        HG_TRY(hg_order_create(ctx, g->graph, &options, &g->order[k]));
        g->cost[k] = hg_seconds() - start;
    }
done:
    return status;
}

static void release(hg_context *ctx, bench_graph *g)
{
    for (int k = 0; k < ORDERS; ++k) hg_order_destroy(ctx, g->order[k]);
    for (int m = 0; m < 2; ++m) {
        hg_free(ctx, (void *)(uintptr_t)g->batch[m].nodes);
        hg_free(ctx, (void *)(uintptr_t)g->batch[m].edges);
        hg_model_destroy(ctx, g->model[m]);
    }
    hg_graph_destroy(ctx, g->graph);
    hg_free(ctx, g->layer);
    hg_free(ctx, g->phi);
    hg_free(ctx, g->shuffled);
}

/* ---- the work ---- */

static void gather_sum(const hg_graph *g, int threads, int64_t width, const float *p, const float *q, float *out)
{
#pragma omp parallel for num_threads(threads) schedule(dynamic, 512)
    for (int64_t i = 0; i < g->n_nodes; ++i) {
        float *sum = out + i * width;
        const float *own = q + i * width;
        for (int64_t c = 0; c < width; ++c) sum[c] = (float)(g->in_ptr[i + 1] - g->in_ptr[i]) * own[c];
        for (int64_t e = g->in_ptr[i]; e < g->in_ptr[i + 1]; ++e) {
            const float *row = p + g->sender[e] * width;
            for (int64_t c = 0; c < width; ++c) sum[c] += row[c];
        }
    }
}

static hg_status time_gathers(hg_context *ctx, bench_graph *g, int threads)
{
    hg_status status = HG_OK;
    float *memory = NULL;
    const int64_t n = g->graph->n_nodes;
    HG_TRY(hg_alloc(ctx, &memory, 3 * n * gather_width[1]));
    for (int64_t i = 0; i < 2 * n * gather_width[1]; ++i) memory[i] = (float)(i % 7);
    for (int task = 0; task < 2; ++task) {
        const int64_t size = n * gather_width[task];
        for (int round = -1; round < ROUNDS; ++round) { /* the first one warms up */
            for (int k = 0; k < ORDERS; ++k) {
                const double start = hg_seconds();
                gather_sum(g->order[k] ? g->order[k]->graph : g->graph, threads, gather_width[task], memory, memory + size,
                           memory + 2 * size);
                if (round >= 0) g->second[task][k][round] = hg_seconds() - start;
            }
        }
    }
done:
    hg_free(ctx, memory);
    return status;
}

/* The pass itself on rows that lie in the order already; the scores of all orders are compared. */
static hg_status time_network(hg_context *ctx, bench_graph *g, int m)
{
    hg_status status = HG_OK;
    hg_real *nodes = NULL, *edges = NULL, *logit = NULL, *first = NULL, *back = NULL;
    const hg_model_widths w = hg_model_get_widths(g->model[m]);
    const int64_t n = g->graph->n_nodes, n_edges = g->graph->n_edges;
    HG_TRY(hg_alloc(ctx, &nodes, n * w.node_in));
    HG_TRY(hg_alloc(ctx, &edges, n_edges * w.edge_in));
    HG_TRY(hg_alloc(ctx, &logit, n_edges));
    HG_TRY(hg_alloc(ctx, &first, n_edges));
    HG_TRY(hg_alloc(ctx, &back, n_edges));
    for (int round = -1; round < ROUNDS; ++round) {
        for (int k = 0; k < (round < 0 ? 1 : ORDERS); ++k) {
            const hg_order *order = g->order[k];
            hg_batch batch = g->batch[m];
            if (order) {
                hg_order_nodes(ctx, order, (size_t)w.node_in * sizeof *nodes, batch.nodes, nodes);
                if (batch.edges) hg_order_edges(ctx, order, (size_t)w.edge_in * sizeof *edges, batch.edges, edges);
                batch = (hg_batch){.graph = order->graph, .nodes = nodes, .edges = batch.edges ? edges : NULL};
            }
            const double start = hg_seconds();
            HG_TRY(hg_model_forward(ctx, g->model[m], &batch, &(hg_outputs){.edges = logit}));
            if (round >= 0) g->second[2 + m][k][round] = hg_seconds() - start;
            if (!order) memcpy(first, logit, (size_t)n_edges * sizeof *first);
            if (!order || round > 0) continue;
            hg_order_edges_back(ctx, order, sizeof *back, logit, back);
            for (int64_t e = 0; e < n_edges; ++e) {
                const double apart = fabs(1 / (1 + exp(-(double)back[e])) - 1 / (1 + exp(-(double)first[e])));
                if (apart > g->difference[k]) g->difference[k] = apart;
            }
        }
    }
done:
    hg_free(ctx, nodes);
    hg_free(ctx, edges);
    hg_free(ctx, logit);
    hg_free(ctx, first);
    hg_free(ctx, back);
    return status;
}

/* ---- the table ---- */

static void report(const bench_graph *g, int threads, int n_tasks, json_t *list)
{
    printf("\n%s: %" PRId64 " nodes, %" PRId64 " edges, %d threads; ms, medians of %d interleaved rounds, in brackets: none / this\n",
           g->name, g->graph->n_nodes, g->graph->n_edges, threads, ROUNDS);
    printf("%-24s %9s", "order", "ordering");
    for (int task = 0; task < n_tasks; ++task) printf(" %18s", task_names[task]);
    printf(" %14s\n", "scores differ");
    for (int k = 0; k < ORDERS; ++k) {
        json_t *row = json_pack("{s:s, s:I, s:I, s:i, s:s, s:f, s:f}", "graph", g->name, "nodes", (json_int_t)g->graph->n_nodes, "edges",
                                (json_int_t)g->graph->n_edges, "threads", threads, "order", rows[k].name, "ordering_s", g->cost[k],
                                "largest_score_difference", g->difference[k]);
        printf("%-24s %9.1f", rows[k].name, g->cost[k] * 1e3);
        for (int task = 0; task < n_tasks; ++task) {
            double ratio[ROUNDS];
            for (int r = 0; r < ROUNDS; ++r) ratio[r] = g->second[task][0][r] / g->second[task][k][r];
            const double median = bench_median(g->second[task][k], ROUNDS);
            printf(" %9.2f [%6.2f]", median * 1e3, bench_median(ratio, ROUNDS));
            json_object_set_new(row, task_names[task],
                                json_pack("{s:f, s:o, s:f}", "seconds", median, "seconds_rounds", bench_array(g->second[task][k], ROUNDS),
                                          "none_over_this", bench_median(ratio, ROUNDS)));
        }
        printf(" %14.1e\n", g->difference[k]);
        json_array_append_new(list, row);
    }
}

static hg_status run_graph(hg_context *ctx, bench_graph *g, int n_tasks, json_t *list)
{
    hg_status status = HG_OK;
    HG_TRY(make_batches(ctx, g));
    HG_TRY(make_orders(ctx, g));
    HG_TRY(time_gathers(ctx, g, hg_context_threads(ctx)));
    for (int m = 0; m + 2 < n_tasks; ++m) HG_TRY(time_network(ctx, g, m));
    report(g, hg_context_threads(ctx), n_tasks, list);
done:
    return status;
}

static hg_status run(hg_context *ctx, const char *wanted, int n_tasks)
{
    hg_status status = HG_OK;
    static bench_graph event, random;
    json_t *root = json_object(), *list = json_array();
    json_object_set_new(root, "orders", list);
    HG_TRY(bench_machine(ctx, root));
    if (strcmp(wanted, "random") != 0 && access(EVENT "-hits.csv.gz", F_OK) != 0) {
        printf("SKIP %s: ../shared/data is missing\n", EVENT);
    } else if (strcmp(wanted, "random") != 0) {
        HG_TRY(event_graph(ctx, &event));
        HG_TRY(run_graph(ctx, &event, n_tasks, list));
    }
    if (strcmp(wanted, "event") != 0) {
        HG_TRY(random_graph(ctx, &random));
        HG_TRY(run_graph(ctx, &random, n_tasks, list));
    }
    HG_TRY(bench_write(ctx, "order", root));
done:
    release(ctx, &event);
    release(ctx, &random);
    json_decref(root);
    return status;
}

int main(int argc, char **argv)
{
    hg_context *ctx = NULL;
    const char *wanted = "all";
    int n_tasks = TASKS, threads = 0;
    for (int option; (option = getopt(argc, argv, "t:g:w")) != -1;) {
        if (option == 't') threads = (int)strtol(optarg, NULL, 10);
        if (option == 'g') wanted = optarg;
        if (option == 'w') n_tasks = TASKS - 1;
        if (option == '?') return 2;
    }
    if (hg_context_create(&ctx) < 0) return 1;
    hg_status status = hg_context_set_threads(ctx, threads);
    if (status >= 0) status = run(ctx, wanted, n_tasks);
    if (status < 0) fprintf(stderr, "order: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
