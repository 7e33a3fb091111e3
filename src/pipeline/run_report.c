/* pipeline/run_report.c — the figures of one event, and sums over events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/run_report.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classification.h"

static void set_counts(const hg_track_result *result, hg_run_report *report)
{
    report->event_id = result->event_id;
    report->n_events = 1;
    report->n_hits = result->prepared->event->hits.n;
    report->n_edges = result->doublets->graph->n_edges;
    report->n_triplets = result->line->n_edges;
    report->n_seeds = result->seeds->n;
    report->n_tracks = result->tracks->n;
    report->work = result->work;
    memcpy(report->seconds, result->seconds, sizeof report->seconds);
    memcpy(report->peak_rss, result->peak_rss, sizeof report->peak_rss);
}

static const double working_efficiency = 0.99;

hg_target hg_working_target(void)
{
    return (hg_target){.pt_min_gev = 0.5, .eta_max = 100, .hits_min = 4, .primary_only = true};
}

/* One offset per seed: three hits each. */
static hg_status seed_offsets(hg_context *ctx, int64_t n, int64_t **out)
{
    hg_status status = hg_alloc(ctx, out, n + 1);
    for (int64_t s = 0; status >= 0 && s <= n; ++s) (*out)[s] = 3 * s;
    return status;
}

typedef struct stage_lists {
    hg_edge_list graph, doublets, line, triplets;
    hg_hit_lists seeds, tracks;
    uint8_t *kept_doublet, *kept_triplet; /* owned */
    int64_t *seed_offset;                 /* owned */
} stage_lists;

static hg_status make_lists(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, stage_lists *lists)
{
    hg_status status = HG_OK;
    const hg_graph *graph = result->doublets->graph, *line = result->line;

    HG_TRY(hg_alloc(ctx, &lists->kept_doublet, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &lists->kept_triplet, line->n_edges));
    HG_TRY(seed_offsets(ctx, result->seeds->n, &lists->seed_offset));
    for (int64_t e = 0; e < graph->n_edges; ++e) lists->kept_doublet[e] = result->doublet_score[e] >= (float)setup->config.doublet_min;
    for (int64_t t = 0; t < line->n_edges; ++t) lists->kept_triplet[t] = result->triplet_score[t] >= (float)setup->config.triplet_min;
    lists->graph = (hg_edge_list){.n = graph->n_edges, .sender = graph->sender, .receiver = graph->receiver};
    lists->doublets = lists->graph;
    lists->doublets.keep = lists->kept_doublet;
    lists->line = (hg_edge_list){.n = line->n_edges, .sender = line->sender, .receiver = line->receiver};
    lists->triplets = lists->line;
    lists->triplets.keep = lists->kept_triplet;
    lists->seeds = (hg_hit_lists){.n = result->seeds->n, .offset = lists->seed_offset, .hit = result->seeds->hit};
    lists->tracks = (hg_hit_lists){.n = result->tracks->n, .offset = result->tracks->hit_offset, .hit = result->tracks->hit};
done:
    return status;
}

static void free_lists(hg_context *ctx, stage_lists *lists)
{
    hg_free(ctx, lists->kept_doublet);
    hg_free(ctx, lists->kept_triplet);
    hg_free(ctx, lists->seed_offset);
}

/* Of the true edges of targets that were scored, the share that the cut keeps. */
static hg_rate network_rate(const char *definition, const hg_edge_rates *seen, const hg_edge_rates *kept)
{
    return hg_rate_of_counts(definition, kept->efficiency.numerator, seen->efficiency.numerator);
}

static hg_status make_stage_rates(hg_context *ctx, const hg_track_result *result, const hg_truth_order *order, const stage_lists *lists,
                                  const hg_target *target, hg_stage_rates *out)
{
    hg_status status = HG_OK;
    const int64_t n_nodes = result->line->n_nodes;
    const int64_t *doublet = result->line_doublet;
    hg_edge_rates seen, seen_triplet;

    HG_TRY(hg_doublet_rates(ctx, order, &lists->graph, HG_EDGES_MODULEWISE, target, &out->graph));
    HG_TRY(hg_doublet_rates(ctx, order, &lists->graph, HG_EDGES_WITH_OVERLAPS, target, &seen));
    HG_TRY(hg_doublet_rates(ctx, order, &lists->doublets, HG_EDGES_WITH_OVERLAPS, target, &out->doublet));
    HG_TRY(hg_triplet_rates(ctx, order, &lists->graph, n_nodes, doublet, &lists->line, HG_EDGES_LAYERWISE, target, &seen_triplet));
    HG_TRY(hg_triplet_rates(ctx, order, &lists->graph, n_nodes, doublet, &lists->triplets, HG_EDGES_LAYERWISE, target, &out->triplet));
    HG_TRY(hg_seed_rates_make(ctx, order, &lists->seeds, target, &out->seed));
    out->doublet_network = network_rate("true doublets kept by the cut on scores / true doublets in the graph", &seen, &out->doublet);
    out->triplet_network =
        network_rate("true triplets kept by the cut on scores / true triplets in the triplet graph", &seen_triplet, &out->triplet);
done:
    return status;
}

/* One class only has no AUC: that is no error of the event, and *auc stays. */
static hg_status measure_auc(hg_context *ctx, int64_t n, const float *score, const uint8_t *label, hg_auc_mean *auc)
{
    hg_status status = HG_OK;
    hg_real *copy = NULL;

    HG_TRY(hg_alloc(ctx, &copy, n));
    for (int64_t i = 0; i < n; ++i) copy[i] = (hg_real)score[i];
    status = hg_metric_auc(ctx, n, copy, label, NULL, &auc->sum);
    auc->n = status >= 0;
    if (status == HG_ERR_DATA) {
        hg_context_clear(ctx);
        status = HG_OK;
    }
done:
    hg_free(ctx, copy);
    return status;
}

/* AUC of the doublet network over all edges: true = layerwise doublet or overlap of any particle. */
static hg_status add_auc(hg_context *ctx, const hg_track_result *result, const hg_prepared_truth *truth, hg_run_report *report)
{
    hg_status status = HG_OK;
    const hg_graph *graph = result->doublets->graph, *line = result->line;
    uint8_t *label = NULL, *triplet_label = NULL;

    HG_TRY(hg_alloc(ctx, &label, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &triplet_label, line->n_edges));
    hg_doublet_labels(result->doublets, &truth->truth, label, NULL);
    for (int64_t t = 0; t < line->n_edges; ++t) {
        /* both doublets are true and share their middle hit, so they belong to one particle */
        triplet_label[t] = label[result->line_doublet[line->sender[t]]] && label[result->line_doublet[line->receiver[t]]];
    }
    HG_TRY(measure_auc(ctx, graph->n_edges, result->doublet_score, label, &report->doublet_auc));
    HG_TRY(measure_auc(ctx, line->n_edges, result->triplet_score, triplet_label, &report->triplet_auc));
done:
    hg_free(ctx, label);
    hg_free(ctx, triplet_label);
    return status;
}

static hg_status add_pulls(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, const hg_truth_order *order,
                           hg_run_report *report)
{
    hg_status status = HG_OK;
    const hg_target target = {.pt_min_gev = 1, .eta_max = 4, .hits_min = 6, .layers_min = 5, .primary_only = true};

    if (!result->prepared->event->has_particles) return HG_OK;
    HG_TRY(hg_alloc(ctx, &report->pull, result->tracks->n * HG_PULLS));
    HG_TRY(
        hg_pulls_collect(ctx, result->prepared->event, order, &target, setup->field, result->tracks, report->pull, NULL, &report->n_pulls));
done:
    return status;
}

static hg_status add_truth(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, hg_run_report *report)
{
    hg_status status = HG_OK;
    hg_prepared_truth *truth = NULL;
    stage_lists lists = {0};
    hg_target targets[HG_DEFAULT_TARGETS];
    const hg_target working = hg_working_target();
    float cut;

    hg_target_defaults(targets);
    HG_TRY(hg_prepare_truth(ctx, result->prepared, 0, &truth));
    HG_TRY(make_lists(ctx, setup, result, &lists));
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t) {
        HG_TRY(make_stage_rates(ctx, result, truth->order, &lists, &targets[t], &report->stage[t]));
    }
    HG_TRY(hg_track_report_make(ctx, truth->order, result->prepared->event->truth.weight, &lists.tracks, targets, HG_DEFAULT_TARGETS,
                                &report->tracks));
    HG_TRY(add_auc(ctx, result, truth, report));
    HG_TRY(hg_doublet_working_point(ctx, truth->order, &lists.graph, result->doublet_score, HG_EDGES_WITH_OVERLAPS, &working,
                                    working_efficiency, &cut, &report->working_point));
    HG_TRY(add_pulls(ctx, setup, result, truth->order, report));
    report->n_truth_events = 1;
done:
    free_lists(ctx, &lists);
    hg_prepared_truth_destroy(ctx, truth);
    return status;
}

hg_status hg_run_report_make(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, hg_run_report *out)
{
    hg_status status = HG_OK;
    hg_run_report report = {0};

    set_counts(result, &report);
    if (result->prepared->event->has_truth) HG_TRY(add_truth(ctx, setup, result, &report));
    *out = report;
    report.pull = NULL;
done:
    hg_run_report_clear(ctx, &report);
    return status;
}

static void add_stage(const hg_stage_rates *more, hg_stage_rates *sum)
{
    hg_edge_rates_add(&sum->graph, &more->graph);
    hg_edge_rates_add(&sum->doublet, &more->doublet);
    hg_edge_rates_add(&sum->triplet, &more->triplet);
    hg_seed_rates_add(&sum->seed, &more->seed);
    hg_rate_add(&sum->doublet_network, &more->doublet_network);
    hg_rate_add(&sum->triplet_network, &more->triplet_network);
}

static void add_flops(const hg_network_flops *more, hg_network_flops *sum)
{
    sum->nominal += more->nominal;
    sum->executed += more->executed;
}

static void add_auc_mean(const hg_auc_mean *more, hg_auc_mean *sum)
{
    sum->sum += more->sum;
    sum->n += more->n;
}

hg_status hg_run_report_add(hg_context *ctx, const hg_run_report *more, hg_run_report *sum)
{
    hg_status status = hg_grow(ctx, &sum->pull, sum->n_pulls * HG_PULLS, (sum->n_pulls + more->n_pulls) * HG_PULLS);
    if (status < 0) return status;
    if (more->n_pulls > 0) memcpy(sum->pull + sum->n_pulls * HG_PULLS, more->pull, (size_t)more->n_pulls * HG_PULLS * sizeof *more->pull);
    sum->n_pulls += more->n_pulls;
    sum->event_id = more->event_id;
    sum->n_events += more->n_events;
    sum->n_truth_events += more->n_truth_events;
    sum->n_hits += more->n_hits;
    sum->n_edges += more->n_edges;
    sum->n_triplets += more->n_triplets;
    sum->n_seeds += more->n_seeds;
    sum->n_tracks += more->n_tracks;
    hg_left_out_add(&more->left_out, &sum->left_out);
    add_flops(&more->work.doublet, &sum->work.doublet);
    add_flops(&more->work.triplet, &sum->work.triplet);
    add_auc_mean(&more->doublet_auc, &sum->doublet_auc);
    add_auc_mean(&more->triplet_auc, &sum->triplet_auc);
    for (int s = 0; s < HG_N_STAGES; ++s) {
        sum->seconds[s] += more->seconds[s];
        if (more->peak_rss[s] > sum->peak_rss[s]) sum->peak_rss[s] = more->peak_rss[s];
    }
    if (more->n_truth_events == 0) return HG_OK;
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t) add_stage(&more->stage[t], &sum->stage[t]);
    hg_edge_rates_add(&sum->working_point, &more->working_point);
    hg_track_report_add(&sum->tracks, &more->tracks);
    return HG_OK;
}

void hg_run_report_clear(hg_context *ctx, hg_run_report *report)
{
    hg_free(ctx, report->pull);
    memset(report, 0, sizeof *report);
}
