/* pipeline/evaluation.c — tracks against the truth of their events, by every definition of a match. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/evaluation.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "pipeline/rate_json.h"

hg_status hg_evaluation_add(hg_context *ctx, const hg_event *event, const hg_detector *detector, const hg_hit_lists *tracks,
                            hg_evaluation *evaluation)
{
    hg_status status = HG_OK;
    hg_truth_order *order = NULL;
    hg_track_report report;
    hg_target targets[HG_DEFAULT_TARGETS];
    int64_t loss[HG_DEFAULT_TARGETS][HG_LOSS_STAGES];

    HG_CHECK(event->has_truth, HG_ERR_DATA, "event %" PRIu64 " has no truth", event->event_id);
    hg_target_defaults(targets);
    HG_TRY(hg_truth_order_create(ctx, event, detector, NULL, &order));
    HG_TRY(hg_track_report_make(ctx, order, event->truth.weight, tracks, targets, HG_DEFAULT_TARGETS, &report));
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t) HG_TRY(hg_losses_count(ctx, order, &targets[t], &(hg_stages){.tracks = tracks}, loss[t]));
    hg_track_report_add(&evaluation->tracks, &report);
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t)
        for (int s = 0; s < HG_LOSS_STAGES; ++s) evaluation->loss[t][s] += loss[t][s];
done:
    hg_truth_order_destroy(ctx, order);
    return status;
}

/* A rate with its interval, in a column of fixed width; a dash where the definition knows none. */
static void format_rate(char *buffer, size_t size, const hg_rate *rate)
{
    if (isnan(rate->value))
        snprintf(buffer, size, "-");
    else if (isnan(rate->low))
        snprintf(buffer, size, "%.4f", rate->value);
    else
        snprintf(buffer, size, "%.4f [%.4f, %.4f]", rate->value, rate->low, rate->high);
}

static hg_status print_target(hg_context *ctx, hg_text *text, const hg_target_rates *rates)
{
    hg_status status = HG_OK;
    char cuts[256], cell[3][64];

    hg_target_describe(&rates->target, cuts, sizeof cuts);
    HG_TRY(
        hg_text_append(ctx, text, "\ntargets: %s\n  %-16s %-26s %-26s %-26s\n", cuts, "definition", "efficiency", "fakes", "duplicates"));
    for (int k = 0; k < HG_MATCH_KINDS; ++k) {
        format_rate(cell[0], sizeof cell[0], &rates->efficiency[k]);
        format_rate(cell[1], sizeof cell[1], &rates->fake[k]);
        format_rate(cell[2], sizeof cell[2], &rates->duplicate[k]);
        HG_TRY(hg_text_append(ctx, text, "  %-16s %-26s %-26s %s\n", hg_match_name((hg_match_kind)k), cell[0], cell[1], cell[2]));
    }
done:
    return status;
}

/* What was divided by what; the same for every target, so it is said once. */
static hg_status print_definitions(hg_context *ctx, hg_text *text, const hg_target_rates *rates)
{
    hg_status status = HG_OK;
    static const char *const rule[HG_MATCH_KINDS] = {
        "purity > 1/2 and completeness > 1/2, hits weighted",
        "purity > 1/2 and completeness > 1/2",
        "the track is all of the particle and nothing else",
        "purity > 3/4",
        "purity > 1/2",
        "track: purity > 1/2; particle: more than half of its hits in one track",
        "purity > 1/2 and completeness > 1/2",
    };
    HG_TRY(hg_text_append(ctx, text, "\ndefinitions (tracks with at least 3 hits; Wilson intervals at 68.27 %%):\n"));
    for (int k = 0; k < HG_MATCH_KINDS; ++k)
        HG_TRY(hg_text_append(ctx, text, "  %-16s %s\n  %-16s efficiency: %s\n  %-16s fakes: %s\n", hg_match_name((hg_match_kind)k),
                              rule[k], "", rates->efficiency[k].definition, "", rates->fake[k].definition));
    HG_TRY(hg_text_append(ctx, text, "  duplicates: %s\n", rates->duplicate[HG_MATCH_ATLAS].definition));
done:
    return status;
}

static hg_status print_losses(hg_context *ctx, hg_text *text, const hg_evaluation *evaluation)
{
    hg_status status = HG_OK;
    HG_TRY(hg_text_append(ctx, text, "\nlosses (targets; the first stage that lost them)\n  %-10s", "pT > GeV"));
    for (int s = 0; s < HG_LOSS_STAGES; ++s) HG_TRY(hg_text_append(ctx, text, " %12s", hg_loss_name((hg_loss_stage)s)));
    for (int t = 0; t < evaluation->tracks.n_targets; ++t) {
        HG_TRY(hg_text_append(ctx, text, "\n  %-10g", evaluation->tracks.target[t].target.pt_min_gev));
        for (int s = 0; s < HG_LOSS_STAGES; ++s) HG_TRY(hg_text_append(ctx, text, " %12" PRId64, evaluation->loss[t][s]));
    }
    HG_TRY(hg_text_append(ctx, text, "\n"));
done:
    return status;
}

hg_status hg_evaluation_print(hg_context *ctx, const hg_evaluation *evaluation, char **out)
{
    hg_status status = HG_OK;
    const hg_track_report *report = &evaluation->tracks;
    hg_text text = {0};
    char score[64];

    format_rate(score, sizeof score, &report->trackml_score);
    HG_TRY(hg_text_append(ctx, &text, "%" PRId64 " event%s, %" PRId64 " hits, %" PRId64 " tracks (%" PRId64 " with fewer than 3 hits)\n",
                          report->n_events, report->n_events == 1 ? "" : "s", report->n_hits, report->n_tracks, report->n_dropped));
    HG_TRY(hg_text_append(ctx, &text, "TrackML score %s: %s\n", score,
                          report->trackml_score.definition ? report->trackml_score.definition : ""));
    for (int t = 0; t < report->n_targets; ++t) HG_TRY(print_target(ctx, &text, &report->target[t]));
    if (report->n_targets > 0) HG_TRY(print_definitions(ctx, &text, &report->target[0]));
    if (evaluation->with_losses) HG_TRY(print_losses(ctx, &text, evaluation));
    *out = text.data;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    return status;
}

static json_t *losses_json(const int64_t loss[HG_LOSS_STAGES])
{
    json_t *losses = json_object();
    for (int s = 0; s < HG_LOSS_STAGES; ++s) json_object_set_new(losses, hg_loss_name((hg_loss_stage)s), json_integer(loss[s]));
    return losses;
}

hg_status hg_evaluation_json(hg_context *ctx, const hg_evaluation *evaluation, char **out)
{
    hg_status status = HG_OK;
    const hg_track_report *report = &evaluation->tracks;
    char cuts[256];
    json_t *targets = json_array();
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "n_events", (json_int_t)report->n_events, "n_hits",
                             (json_int_t)report->n_hits, "n_tracks", (json_int_t)report->n_tracks, "n_short_tracks",
                             (json_int_t)report->n_dropped, "trackml_score", hg_json_number(report->trackml_score.value),
                             "trackml_score_rate", hg_rate_json(&report->trackml_score), "targets", targets);

    HG_CHECK(root, HG_ERR_NOMEM, "the report does not fit into memory");
    for (int t = 0; t < report->n_targets; ++t) {
        hg_target_describe(&report->target[t].target, cuts, sizeof cuts);
        json_t *target =
            json_pack("{s:s, s:f, s:o, s:o}", "cuts", cuts, "pt_min_gev", report->target[t].target.pt_min_gev, "tracks",
                      hg_matching_json(&report->target[t]), "fakes_of_all_tracks", hg_rate_json(&report->target[t].fake_of_all));
        if (evaluation->with_losses) json_object_set_new(target, "losses", losses_json(evaluation->loss[t]));
        json_array_append_new(targets, target);
    }
    HG_TRY(hg_json_print(ctx, root, out));
done:
    json_decref(root);
    return status;
}
