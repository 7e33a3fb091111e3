/* pipeline/graph_run.c — the verb build: the doublet graphs of events into an HDF5 file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/graph_run.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hitgraph/hdf5_files.h"
#include "pipeline/track_graphs.h"

typedef struct graph_run {
    hg_context *ctx;
    const hg_setup *setup;
    hg_graphs_h5 *file;
    hg_graph_run_fn *fn;
    void *user;
} graph_run;

static hg_status join_names(hg_context *ctx, const char *const *name, int n, hg_text *out)
{
    hg_status status = HG_OK;
    for (int i = 0; status >= 0 && i < n; ++i) status = hg_text_append(ctx, out, "%s%s", i ? "," : "", name[i]);
    return status;
}

static hg_status begin_file(graph_run *run, const char *path)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    hg_text node_names = {0}, edge_names = {0};
    char *config = NULL;

    HG_TRY(join_names(ctx, hg_doublet_node_feature_names, HG_DOUBLET_NODE_FEATURES, &node_names));
    HG_TRY(join_names(ctx, hg_doublet_edge_feature_names, HG_DOUBLET_EDGE_FEATURES, &edge_names));
    HG_TRY(hg_options_print(ctx, hg_track_option_table, &run->setup->config, false, &config));
    const hg_graph_columns columns = {.node_width = HG_DOUBLET_NODE_FEATURES,
                                      .edge_width = HG_DOUBLET_EDGE_FEATURES,
                                      .node_names = node_names.data,
                                      .edge_names = edge_names.data};
    HG_TRY(hg_graphs_h5_begin(ctx, path, &(hg_provenance){.config = config}, &columns, &run->file));
done:
    hg_free(ctx, node_names.data);
    hg_free(ctx, edge_names.data);
    hg_free(ctx, config);
    return status;
}

static hg_status make_report(hg_context *ctx, const hg_track_result *result, const hg_prepared_truth *truth, hg_graph_report *report)
{
    hg_status status = HG_OK;
    const hg_graph *graph = result->doublets->graph;
    const hg_edge_list edges = {.n = graph->n_edges, .sender = graph->sender, .receiver = graph->receiver};
    const hg_target target = {.pt_min_gev = 1, .eta_max = 4, .hits_min = 5, .layers_min = 5};

    *report = (hg_graph_report){.event_id = result->event_id,
                                .n_hits = graph->n_nodes,
                                .n_edges = graph->n_edges,
                                .seconds = result->seconds[HG_STAGE_GRAPH],
                                .sigma_z_mm = result->sigma_z_mm,
                                .has_truth = truth != NULL};
    if (!truth) return HG_OK;
    HG_TRY(hg_doublet_rates(ctx, truth->order, &edges, HG_EDGES_MODULEWISE, &target, &report->modulewise));
    HG_TRY(hg_doublet_rates(ctx, truth->order, &edges, HG_EDGES_LAYERWISE, &target, &report->layerwise));
done:
    return status;
}

static hg_status build_event(graph_run *run, const hg_event_source *source)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    hg_event *event = NULL;
    hg_track_result result = {0};
    hg_prepared_truth *truth = NULL;
    uint8_t *label = NULL;
    hg_graph_report report;
    hg_left_out left_out;

    HG_TRY(hg_event_read_usable(ctx, run->setup, source, &event, &left_out));
    HG_TRY(hg_stage_graph(ctx, run->setup, event, &result));
    const hg_doublet_graph *doublets = result.doublets;
    if (event->has_truth) {
        HG_TRY(hg_prepare_truth(ctx, result.prepared, run->setup->config.target_pt_gev, &truth));
        HG_TRY(hg_alloc(ctx, &label, doublets->graph->n_edges));
        hg_doublet_labels(doublets, &truth->truth, label, NULL);
    }
    HG_TRY(hg_graphs_h5_append(ctx, run->file, event->event_id,
                               &(hg_graph_content){.graph = doublets->graph,
                                                   .hit_id = event->hits.hit_id,
                                                   .nodes = doublets->node_features,
                                                   .edges = doublets->edge_features,
                                                   .particle_id = event->has_truth ? event->truth.particle_id : NULL,
                                                   .label = label}));
    HG_TRY(make_report(ctx, &result, truth, &report));
    report.left_out = left_out;
    run->fn(run->user, &report);
done:
    hg_free(ctx, label);
    hg_prepared_truth_destroy(ctx, truth);
    hg_track_result_clear(ctx, &result);
    hg_event_destroy(ctx, event);
    return status;
}

hg_status hg_graph_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path, hg_graph_run_fn *fn,
                       void *user)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;
    graph_run run = {.ctx = ctx, .setup = setup, .fn = fn, .user = user};

    HG_TRY(begin_file(&run, path));
    for (int k = 0; k < n_inputs; ++k) {
        HG_TRY(hg_event_list_create(ctx, input[k], &list));
        for (int64_t i = 0; i < list->n; ++i) HG_TRY(build_event(&run, &list->source[i]));
        hg_event_list_destroy(ctx, list);
        list = NULL;
    }
    hg_graphs_h5 *file = run.file;
    run.file = NULL;
    HG_TRY(hg_graphs_h5_commit(ctx, file));
done:
    hg_event_list_destroy(ctx, list);
    hg_graphs_h5_abort(ctx, run.file);
    return status;
}
