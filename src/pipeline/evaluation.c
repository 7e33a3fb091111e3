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

/* The stages before the tracks, as far as the file knows them. */
typedef struct found_stages {
    hg_stages stages;
    hg_edge_list doublets, triplets, triplet_doublets;
    hg_hit_lists seeds;
    int32_t *end;          /* [2 n_doublets] */
    uint8_t *keep;         /* [n_doublets] */
    int32_t *triplet_end;  /* [4 n_triplets] two doublets for each triplet: senders, then receivers */
    int32_t *triplet_node; /* [2 n_triplets] triplet t joins doublets 2 t and 2 t + 1 */
    uint8_t *triplet_keep; /* [n_triplets] */
    int64_t *seed_offset;  /* [n_seeds + 1] */
} found_stages;

static void free_stages(hg_context *ctx, found_stages *f)
{
    hg_free(ctx, f->end);
    hg_free(ctx, f->keep);
    hg_free(ctx, f->triplet_end);
    hg_free(ctx, f->triplet_node);
    hg_free(ctx, f->triplet_keep);
    hg_free(ctx, f->seed_offset);
}

static hg_status stage_doublets(hg_context *ctx, const hg_tracks_content *found, double score_min, found_stages *f)
{
    hg_status status = HG_OK;
    const int64_t n = found->n_doublets;
    HG_TRY(hg_alloc(ctx, &f->end, 2 * n));
    HG_TRY(hg_alloc(ctx, &f->keep, n));
    for (int64_t e = 0; e < n; ++e) {
        f->end[e] = found->doublet_hit[2 * e];
        f->end[n + e] = found->doublet_hit[2 * e + 1];
        f->keep[e] = found->doublet_score[e] >= (float)score_min;
    }
    f->doublets = (hg_edge_list){n, f->end, f->end + n, f->keep};
    f->stages.doublets = &f->doublets;
done:
    return status;
}

static hg_status stage_triplets(hg_context *ctx, const hg_tracks_content *found, double score_min, found_stages *f)
{
    hg_status status = HG_OK;
    const int64_t n = found->n_triplets;
    HG_CHECK(n <= INT32_MAX / 2, HG_ERR_LIMIT, "%" PRId64 " triplets, at most %d", n, INT32_MAX / 2);
    HG_TRY(hg_alloc(ctx, &f->triplet_end, 4 * n));
    HG_TRY(hg_alloc(ctx, &f->triplet_node, 2 * n));
    HG_TRY(hg_alloc(ctx, &f->triplet_keep, n));
    for (int64_t t = 0; t < n; ++t) {
        for (int k = 0; k < 2; ++k) {
            f->triplet_end[2 * t + k] = found->triplet_hit[3 * t + k];
            f->triplet_end[2 * n + 2 * t + k] = found->triplet_hit[3 * t + k + 1];
        }
        f->triplet_node[t] = (int32_t)(2 * t);
        f->triplet_node[n + t] = (int32_t)(2 * t + 1);
        f->triplet_keep[t] = found->triplet_score[t] >= (float)score_min;
    }
    f->triplet_doublets = (hg_edge_list){2 * n, f->triplet_end, f->triplet_end + 2 * n, NULL};
    f->triplets = (hg_edge_list){n, f->triplet_node, f->triplet_node + n, f->triplet_keep};
    f->stages.triplets = &f->triplets;
    f->stages.triplet_doublets = &f->triplet_doublets;
    f->stages.n_nodes = 2 * n;
done:
    return status;
}

static hg_status stage_seeds(hg_context *ctx, const hg_tracks_content *found, found_stages *f)
{
    const hg_status status = hg_alloc(ctx, &f->seed_offset, found->n_seeds + 1);
    if (status < 0) return status;
    for (int64_t s = 0; s <= found->n_seeds; ++s) f->seed_offset[s] = 3 * s;
    f->seeds = (hg_hit_lists){found->n_seeds, f->seed_offset, found->seed_hit};
    f->stages.seeds = &f->seeds;
    return HG_OK;
}

static hg_status count_losses(hg_context *ctx, const hg_truth_order *order, const hg_tracks_content *found, const hg_hit_lists *tracks,
                              const hg_target *targets, const hg_evaluation *evaluation, int64_t loss[][HG_LOSS_STAGES])
{
    hg_status status = HG_OK;
    found_stages f = {.stages = {.tracks = tracks}};
    if (found->doublet_hit != NULL) HG_TRY(stage_doublets(ctx, found, evaluation->doublet_min, &f));
    if (found->triplet_hit != NULL) HG_TRY(stage_triplets(ctx, found, evaluation->triplet_min, &f));
    if (found->seed_hit != NULL) HG_TRY(stage_seeds(ctx, found, &f));
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t) HG_TRY(hg_losses_count(ctx, order, &targets[t], &f.stages, loss[t]));
done:
    free_stages(ctx, &f);
    return status;
}

hg_status hg_evaluation_add(hg_context *ctx, const hg_event *event, const hg_detector *detector, const hg_tracks_content *found,
                            hg_evaluation *evaluation)
{
    hg_status status = HG_OK;
    hg_truth_order *order = NULL;
    hg_track_report report;
    hg_target targets[HG_DEFAULT_TARGETS];
    int64_t loss[HG_DEFAULT_TARGETS][HG_LOSS_STAGES] = {{0}};
    const hg_hit_lists tracks = {found->tracks->n, found->tracks->hit_offset, found->tracks->hit};

    HG_CHECK(event->has_truth, HG_ERR_DATA, "event %" PRIu64 " has no truth", event->event_id);
    hg_target_defaults(targets);
    HG_TRY(hg_truth_order_create(ctx, event, detector, NULL, &order));
    HG_TRY(hg_track_report_make(ctx, order, event->truth.weight, &tracks, targets, HG_DEFAULT_TARGETS, &report));
    if (evaluation->with_losses) HG_TRY(count_losses(ctx, order, found, &tracks, targets, evaluation, loss));
    if (evaluation->tables != NULL) HG_TRY(hg_metric_tables_add(ctx, order, event->truth.weight, &tracks, evaluation->tables));
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
    HG_TRY(hg_text_append(ctx, text,
                          "\nlosses: targets by the first stage that they did not pass; doublets above %g, triplets above %g\n  %-10s",
                          evaluation->doublet_min, evaluation->triplet_min, "pT > GeV"));
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
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "n_events", (json_int_t)report->n_events, "n_hits",
                             (json_int_t)report->n_hits, "n_hits_misplaced", (json_int_t)evaluation->n_misplaced, "n_tracks",
                             (json_int_t)report->n_tracks, "n_short_tracks", (json_int_t)report->n_dropped, "trackml_score",
                             hg_json_number(report->trackml_score.value), "trackml_score_rate", hg_rate_json(&report->trackml_score),
                             "targets", targets);

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
