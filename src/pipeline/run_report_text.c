/* pipeline/run_report_text.c — the report as a table for a terminal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "pipeline/run_report.h"

#include <stdio.h>

static hg_status print_rate(hg_context *ctx, hg_text *text, const char *name, const hg_rate *rate)
{
    if (!(rate->denominator > 0)) return HG_OK;
    return hg_text_append(ctx, text, "    %-29s %7.4f  [%.4f, %.4f]  %s\n", name, rate->value, rate->low, rate->high, rate->definition);
}

static hg_status print_work(hg_context *ctx, hg_text *text, const char *name, const hg_network_flops *flops, int64_t n_events)
{
    if (!(flops->nominal > 0)) return HG_OK;
    return hg_text_append(ctx, text, "  %s network: %.2f GFLOP an event with concatenated first layers, %.2f executed\n", name,
                          flops->nominal * 1e-9 / (double)n_events, flops->executed * 1e-9 / (double)n_events);
}

static hg_status print_counts(hg_context *ctx, hg_text *text, const hg_run_report *report)
{
    hg_status status = HG_OK;
    double total = 0;

    if (report->n_events == 1)
        HG_TRY(hg_text_append(ctx, text, "event %" PRIu64 "\n", report->event_id));
    else
        HG_TRY(hg_text_append(ctx, text, "all %" PRId64 " events\n", report->n_events));
    HG_TRY(hg_text_append(ctx, text,
                          "  %" PRId64 " hits, %" PRId64 " doublets, %" PRId64 " triplets, %" PRId64 " seeds, %" PRId64 " tracks\n",
                          report->n_hits, report->n_edges, report->n_triplets, report->n_seeds, report->n_tracks));
    HG_TRY(print_work(ctx, text, "doublet", &report->work.doublet, report->n_events));
    HG_TRY(print_work(ctx, text, "triplet", &report->work.triplet, report->n_events));
    if (report->left_out.misplaced > 0)
        HG_TRY(hg_text_append(ctx, text, "  %" PRId64 " hits off their modules are left out\n", report->left_out.misplaced));
    if (report->left_out.unused > 0)
        HG_TRY(hg_text_append(ctx, text, "  %" PRId64 " hits of other volumes are left out\n", report->left_out.unused));
    HG_TRY(hg_text_append(ctx, text, "  %-14s %8s %10s\n", "stage", "seconds", "peak MB"));
    for (int s = 0; s < HG_N_STAGES; ++s) {
        HG_TRY(
            hg_text_append(ctx, text, "  %-14s %8.3f %10.0f\n", hg_stage_names[s], report->seconds[s], (double)report->peak_rss[s] / 1e6));
        if (s != HG_STAGE_READ && s != HG_STAGE_WRITE) total += report->seconds[s];
    }
    HG_TRY(hg_text_append(ctx, text, "  %-14s %8.3f %10s from hits in memory to fitted tracks\n", "sum", total, ""));
done:
    return status;
}

static hg_status print_target(hg_context *ctx, hg_text *text, const hg_stage_rates *stage, const hg_target_rates *tracks)
{
    hg_status status = HG_OK;
    char cuts[256];
    const hg_match_kind dm = HG_MATCH_DOUBLE_MAJORITY;

    hg_target_describe(&tracks->target, cuts, sizeof cuts);
    HG_TRY(hg_text_append(ctx, text, "  targets: %s\n", cuts));
    HG_TRY(print_rate(ctx, text, "graph, modulewise", &stage->graph.efficiency));
    HG_TRY(print_rate(ctx, text, "doublets kept by score", &stage->doublet_network));
    HG_TRY(print_rate(ctx, text, "doublet efficiency", &stage->doublet.efficiency));
    HG_TRY(print_rate(ctx, text, "doublet purity, all-true", &stage->doublet.purity_all_true));
    HG_TRY(print_rate(ctx, text, "doublet purity, masked", &stage->doublet.purity_masked));
    HG_TRY(print_rate(ctx, text, "triplets kept by score", &stage->triplet_network));
    HG_TRY(print_rate(ctx, text, "triplet efficiency", &stage->triplet.efficiency));
    HG_TRY(print_rate(ctx, text, "triplet purity, all-true", &stage->triplet.purity_all_true));
    HG_TRY(print_rate(ctx, text, "triplet purity, masked", &stage->triplet.purity_masked));
    HG_TRY(print_rate(ctx, text, "seed efficiency", &stage->seed.efficiency));
    HG_TRY(print_rate(ctx, text, "seed purity", &stage->seed.purity));
    HG_TRY(print_rate(ctx, text, "seed duplicates", &stage->seed.duplicate));
    HG_TRY(print_rate(ctx, text, "track efficiency, double maj.", &tracks->efficiency[dm]));
    HG_TRY(print_rate(ctx, text, "fakes, double majority", &tracks->fake[dm]));
    HG_TRY(print_rate(ctx, text, "fakes of all tracks", &tracks->fake_of_all));
    HG_TRY(print_rate(ctx, text, "duplicates, double majority", &tracks->duplicate[dm]));
done:
    return status;
}

static hg_status print_pulls(hg_context *ctx, hg_text *text, const hg_run_report *report)
{
    hg_status status = HG_OK;
    hg_pull_summary summary[HG_PULLS];

    HG_TRY(hg_pulls_summarise(ctx, report->n_pulls, report->pull, summary));
    HG_TRY(hg_text_append(
        ctx, text, "  pulls at the perigee, %" PRId64 " tracks matched by double majority to primaries with pT > 1 GeV, >= 5 layers\n",
        report->n_pulls));
    for (int p = 0; p < HG_PULLS; ++p) {
        HG_TRY(hg_text_append(ctx, text, "    %-8s mean %+.3f  width %.3f (1.4826 MAD)  core %+.3f, %.3f wide  rms %.3f\n", hg_pull_name(p),
                              summary[p].mean, summary[p].mad_width, summary[p].core_mean, summary[p].core_width, summary[p].rms));
    }
done:
    return status;
}

static hg_status print_auc(hg_context *ctx, hg_text *text, const char *what, const hg_auc_mean *auc)
{
    if (auc->n == 0) return HG_OK;
    return hg_text_append(ctx, text, "  AUC of the %s scores %.4f (all true edges against all false ones)\n", what,
                          auc->sum / (double)auc->n);
}

static hg_status print_working_point(hg_context *ctx, hg_text *text, const hg_run_report *report)
{
    hg_status status = HG_OK;
    char cuts[256];
    const hg_target target = hg_working_target();
    if (!(report->working_point.purity_all_true.denominator > 0)) return HG_OK;
    hg_target_describe(&target, cuts, sizeof cuts);
    HG_TRY(hg_text_append(ctx, text, "  doublets where they keep .99 of the graph's true ones of %s\n", cuts));
    HG_TRY(print_rate(ctx, text, "purity, all-true", &report->working_point.purity_all_true));
    HG_TRY(print_rate(ctx, text, "purity, masked", &report->working_point.purity_masked));
done:
    return status;
}

static hg_status print_truth(hg_context *ctx, hg_text *text, const hg_run_report *report)
{
    hg_status status = HG_OK;
    const hg_rate *score = &report->tracks.trackml_score;

    if (score->denominator > 0)
        HG_TRY(hg_text_append(ctx, text, "  TrackML score %.4f (%s)\n", score->value, score->definition));
    else
        HG_TRY(hg_text_append(ctx, text, "  no TrackML score: no hit has a weight in the truth\n"));
    HG_TRY(print_auc(ctx, text, "doublet", &report->doublet_auc));
    HG_TRY(print_auc(ctx, text, "triplet", &report->triplet_auc));
    HG_TRY(print_working_point(ctx, text, report));
    for (int t = 0; t < report->tracks.n_targets; ++t) HG_TRY(print_target(ctx, text, &report->stage[t], &report->tracks.target[t]));
    if (report->n_pulls > 0) HG_TRY(print_pulls(ctx, text, report));
done:
    return status;
}

hg_status hg_run_report_print(hg_context *ctx, const hg_run_report *report, char **out)
{
    hg_status status = HG_OK;
    hg_text text = {0};

    HG_TRY(print_counts(ctx, &text, report));
    if (report->n_truth_events > 0) HG_TRY(print_truth(ctx, &text, report));
    *out = text.data;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    return status;
}
