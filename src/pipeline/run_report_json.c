/* pipeline/run_report_json.c — the report as one JSON object. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "pipeline/rate_json.h"
#include "pipeline/run_report.h"

static json_t *edge_rates_json(const hg_edge_rates *rates)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "kept", (json_int_t)rates->n_kept, "efficiency", hg_rate_json(&rates->efficiency),
                     "purity_total", hg_rate_json(&rates->purity_total), "purity_all_true", hg_rate_json(&rates->purity_all_true),
                     "purity_masked", hg_rate_json(&rates->purity_masked));
}

static json_t *target_json(const hg_stage_rates *stage, const hg_target_rates *tracks)
{
    char cuts[256];
    hg_target_describe(&tracks->target, cuts, sizeof cuts);
    return json_pack("{s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o}", "cuts", cuts, "pt_min_gev",
                     tracks->target.pt_min_gev, "graph_modulewise", edge_rates_json(&stage->graph), "doublets",
                     edge_rates_json(&stage->doublet), "doublet_network_efficiency", hg_rate_json(&stage->doublet_network), "triplets",
                     edge_rates_json(&stage->triplet), "triplet_network_efficiency", hg_rate_json(&stage->triplet_network), "seeds",
                     "efficiency", hg_rate_json(&stage->seed.efficiency), "purity", hg_rate_json(&stage->seed.purity), "duplicate",
                     hg_rate_json(&stage->seed.duplicate), "tracks", hg_matching_json(tracks), "fakes_of_all_tracks",
                     hg_rate_json(&tracks->fake_of_all));
}

/* Per event. */
static json_t *work_json(const hg_network_flops *flops, int64_t n_events)
{
    return json_pack("{s:f, s:f}", "flops_nominal", flops->nominal / (double)n_events, "flops_executed",
                     flops->executed / (double)n_events);
}

static json_t *working_point_json(const hg_run_report *report)
{
    char cuts[256];
    const hg_target target = hg_working_target();
    hg_target_describe(&target, cuts, sizeof cuts);
    return json_pack("{s:s, s:o}", "cuts", cuts, "doublets", edge_rates_json(&report->working_point));
}

static hg_status pulls_json(hg_context *ctx, const hg_run_report *report, json_t **out)
{
    hg_pull_summary summary[HG_PULLS];
    hg_status status = hg_pulls_summarise(ctx, report->n_pulls, report->pull, summary);
    if (status < 0) return status;
    json_t *pulls = json_object();
    for (int p = 0; p < HG_PULLS; ++p) {
        json_object_set_new(pulls, hg_pull_name(p),
                            json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "n", (json_int_t)summary[p].n, "mean", summary[p].mean, "core_mean",
                                      summary[p].core_mean, "width", summary[p].mad_width, "core_width", summary[p].core_width, "rms",
                                      summary[p].rms));
    }
    *out = pulls;
    return HG_OK;
}

static hg_status add_truth_json(hg_context *ctx, const hg_run_report *report, json_t *root)
{
    json_t *pulls = NULL, *targets = json_array();
    for (int t = 0; t < report->tracks.n_targets; ++t)
        json_array_append_new(targets, target_json(&report->stage[t], &report->tracks.target[t]));
    json_object_set_new(root, "trackml_score", hg_json_number(report->tracks.trackml_score.value));
    json_object_set_new(root, "doublet_auc", hg_json_number(report->doublet_auc.sum / (double)report->doublet_auc.n));
    json_object_set_new(root, "triplet_auc", hg_json_number(report->triplet_auc.sum / (double)report->triplet_auc.n));
    json_object_set_new(root, "at_efficiency_99", working_point_json(report));
    json_object_set_new(root, "targets", targets);
    hg_status status = pulls_json(ctx, report, &pulls);
    if (status >= 0) json_object_set_new(root, "pulls", pulls);
    return status;
}

hg_status hg_run_report_json(hg_context *ctx, const hg_run_report *report, char **out)
{
    hg_status status = HG_OK;
    json_t *seconds = json_object(), *memory = json_object();
    int64_t peak = 0;

    for (int s = 0; s < HG_N_STAGES; ++s) {
        json_object_set_new(seconds, hg_stage_names[s], hg_json_number(report->seconds[s]));
        json_object_set_new(memory, hg_stage_names[s], json_integer(report->peak_rss[s]));
        if (report->peak_rss[s] > peak) peak = report->peak_rss[s];
    }
    json_t *root = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "event_id", (json_int_t)report->event_id, "n_events",
        (json_int_t)report->n_events, "n_hits", (json_int_t)report->n_hits, "n_hits_misplaced", (json_int_t)report->left_out.misplaced,
        "n_hits_unused", (json_int_t)report->left_out.unused, "n_edges", (json_int_t)report->n_edges, "n_triplets",
        (json_int_t)report->n_triplets, "n_seeds", (json_int_t)report->n_seeds, "n_tracks", (json_int_t)report->n_tracks, "stage_seconds",
        seconds, "peak_rss_bytes", (json_int_t)peak, "stage_peak_rss_bytes", memory, "doublet_network",
        work_json(&report->work.doublet, report->n_events), "triplet_network", work_json(&report->work.triplet, report->n_events));
    HG_CHECK(root, HG_ERR_NOMEM, "the report does not fit into memory");
    if (report->n_truth_events > 0) HG_TRY(add_truth_json(ctx, report, root));
    HG_TRY(hg_json_print(ctx, root, out));
done:
    json_decref(root);
    return status;
}
