/* pipeline/graph_losses.c — where the doublet graph loses true doublets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/graph_losses.h"

#include <math.h>

#include "base/check.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "pipeline/track_graphs.h"
#include "pipeline/usable_hits.h"

static const hg_metric_axis shown_axes[] = {HG_AXIS_PT, HG_AXIS_ETA, HG_AXIS_RADIUS};
enum { SHOWN_AXES = sizeof shown_axes / sizeof *shown_axes };

static void count_fates(const hg_prepared *prepared, const hg_truth_order *order, const hg_doublet_fates *fates, hg_graph_losses *losses)
{
    for (int64_t k = 0; k < fates->n; ++k) {
        const int32_t inner = fates->hit[2 * k], p = order->particle[inner];
        const bool overlap = prepared->layer[inner] == prepared->layer[fates->hit[2 * k + 1]];
        const bool wanted = order->pt_gev[p] > losses->pt_min_gev;
        if (wanted) ++(overlap ? losses->overlaps : losses->across)[fates->fate[k]];
        for (hg_metric_axis a = 0; a < HG_METRIC_AXES && !overlap; ++a) {
            const int32_t bin = hg_axis_bin(a, hg_axis_value(a, order, p));
            if (bin >= 0 && (wanted || a == HG_AXIS_PT)) ++losses->count[a][bin][fates->fate[k]];
        }
    }
}

static hg_status add_event(hg_context *ctx, const hg_setup *setup, const hg_event_source *source, hg_graph_losses *losses)
{
    hg_status status = HG_OK;
    hg_event *event = NULL;
    hg_track_result result = {0};
    hg_prepared_truth *truth = NULL;
    hg_doublet_fates fates = {0};
    hg_left_out left_out;
    const hg_target everyone = {.eta_max = 4, .hits_min = 3, .layers_min = 3};

    HG_TRY(hg_event_read_usable(ctx, setup, source, &event, &left_out));
    HG_CHECK(event->has_truth, HG_ERR_DATA, "%s: has no truth to count losses by", source->path);
    HG_TRY(hg_stage_graph(ctx, setup, event, &result));
    HG_TRY(hg_prepare_truth(ctx, result.prepared, 0, &truth));
    for (int64_t p = 0; p < truth->order->n_particles; ++p) truth->weight[p] = hg_truth_is_target(truth->order, &everyone, p) ? 1.0f : 0.0f;
    const hg_doublet_options options = hg_setup_doublets(setup, result.sigma_z_mm);
    HG_TRY(hg_doublet_fates_find(ctx, &result.prepared->hits, &truth->truth, result.map, &options, result.doublets, &fates));
    count_fates(result.prepared, truth->order, &fates, losses);
    ++losses->n_events;
done:
    hg_doublet_fates_clear(ctx, &fates);
    hg_prepared_truth_destroy(ctx, truth);
    hg_track_result_clear(ctx, &result);
    hg_event_destroy(ctx, event);
    return status;
}

hg_status hg_graph_losses_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, hg_graph_losses *out)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;
    hg_graph_losses losses = {.pt_min_gev = setup->config.target_pt_gev};

    for (int k = 0; k < n_inputs; ++k) {
        HG_TRY(hg_event_list_create(ctx, input[k], &list));
        for (int64_t i = 0; i < list->n; ++i) {
            HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
            HG_TRY(add_event(ctx, setup, &list->source[i], &losses));
            hg_progress(ctx, "events", i + 1, list->n, input[k]);
        }
        hg_event_list_destroy(ctx, list);
        list = NULL;
    }
    *out = losses;
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

static int64_t sum_of(const int64_t count[HG_DOUBLET_FATES])
{
    int64_t sum = 0;
    for (int f = 0; f < HG_DOUBLET_FATES; ++f) sum += count[f];
    return sum;
}

static hg_status print_row(hg_context *ctx, hg_text *text, const char *name, const int64_t count[HG_DOUBLET_FATES])
{
    hg_status status = HG_OK;
    const int64_t all = sum_of(count);
    if (all == 0) return HG_OK;
    HG_TRY(hg_text_append(ctx, text, "  %-20s %9" PRId64, name, all));
    for (int f = 0; f < HG_DOUBLET_FATES; ++f) HG_TRY(hg_text_append(ctx, text, " %13.5f", (double)count[f] / (double)all));
    HG_TRY(hg_text_append(ctx, text, "\n"));
done:
    return status;
}

hg_status hg_graph_losses_print(hg_context *ctx, const hg_graph_losses *losses, char **out)
{
    hg_status status = HG_OK;
    hg_text text = {0};
    char name[64];

    HG_TRY(hg_text_append(ctx, &text,
                          "%" PRId64
                          " event%s: layerwise true doublets of particles with |eta| < 4, >= 3 layers, pT > %g GeV (by pT: all),\n"
                          "found and lost by the first condition that they do not meet, as shares\n  %-20s %9s",
                          losses->n_events, losses->n_events == 1 ? "" : "s", losses->pt_min_gev, "", "doublets"));
    for (int f = 0; f < HG_DOUBLET_FATES; ++f) HG_TRY(hg_text_append(ctx, &text, " %13s", hg_doublet_fate_name((hg_doublet_fate)f)));
    HG_TRY(hg_text_append(ctx, &text, "\n"));
    HG_TRY(print_row(ctx, &text, "across layers", losses->across));
    HG_TRY(print_row(ctx, &text, "overlaps", losses->overlaps));
    for (int k = 0; k < SHOWN_AXES; ++k) {
        const hg_metric_axis a = shown_axes[k];
        int32_t n_bins;
        const double *edge = hg_axis_edges(a, &n_bins);
        for (int32_t b = 0; b < n_bins; ++b) {
            snprintf(name, sizeof name, "%s %g .. %g %s", hg_axis_name(a), edge[b], edge[b + 1], hg_axis_unit(a));
            HG_TRY(print_row(ctx, &text, name, losses->count[a][b]));
        }
    }
    *out = text.data;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    return status;
}

static json_t *fates_json(const int64_t count[HG_DOUBLET_FATES])
{
    json_t *fates = json_object();
    for (int f = 0; f < HG_DOUBLET_FATES; ++f)
        json_object_set_new(fates, hg_doublet_fate_name((hg_doublet_fate)f), json_integer((json_int_t)count[f]));
    return fates;
}

hg_status hg_graph_losses_json(hg_context *ctx, const hg_graph_losses *losses, char **out)
{
    hg_status status = HG_OK;
    json_t *root = json_pack("{s:I, s:f, s:o, s:o}", "n_events", (json_int_t)losses->n_events, "pt_min_gev", losses->pt_min_gev, "across",
                             fates_json(losses->across), "overlaps", fates_json(losses->overlaps));
    HG_CHECK(root, HG_ERR_NOMEM, "the losses do not fit into memory");
    for (hg_metric_axis a = 0; a < HG_METRIC_AXES; ++a) {
        json_t *bins = json_array();
        int32_t n_bins;
        const double *edge = hg_axis_edges(a, &n_bins);
        for (int32_t b = 0; b < n_bins; ++b)
            json_array_append_new(
                bins, json_pack("{s:f, s:f, s:o}", "low", edge[b], "high", edge[b + 1], "doublets", fates_json(losses->count[a][b])));
        json_object_set_new(root, hg_axis_name(a), bins);
    }
    HG_TRY(hg_json_print(ctx, root, out));
done:
    json_decref(root);
    return status;
}
