/* pipeline/classify_report_text.c — the report on a classifier's scores as text for people. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "pipeline/classify_report.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static hg_status print_rankings(hg_context *ctx, const json_t *list, hg_text *out)
{
    hg_status status = HG_OK;
    size_t i, k;
    json_t *ranking, *rate;
    json_array_foreach(list, i, ranking)
    {
        HG_TRY(hg_text_append(ctx, out, "  %-18s AUC %.4f", json_string_value(json_object_get(ranking, "name")), number(ranking, "auc")));
        json_array_foreach(json_object_get(ranking, "efficiency"), k, rate)
            HG_TRY(hg_text_append(ctx, out, "  eff@%g %.4f [%.4f, %.4f]", number(rate, "fpr"), number(rate, "efficiency"),
                                  number(rate, "low"), number(rate, "high")));
        HG_TRY(hg_text_append(ctx, out, "%s\n", json_is_true(json_object_get(ranking, "reversed")) ? "  (low values are signal)" : ""));
    }
done:
    return status;
}

static hg_status print_directions(hg_context *ctx, const json_t *list, hg_text *out)
{
    hg_status status = HG_OK;
    size_t i;
    json_t *d;
    json_array_foreach(list, i, d)
    {
        HG_TRY(hg_text_append(ctx, out, "  direction %-13s opening angle: median %.2f, 68 %% %.2f, 90 %% %.2f degrees",
                              json_string_value(json_object_get(d, "name")), number(d, "median_deg"), number(d, "q68_deg"),
                              number(d, "q90_deg")));
        if (json_object_get(d, "pull_width"))
            HG_TRY(
                hg_text_append(ctx, out, "; pull width %.3f, coverage of 68 %% %.3f", number(d, "pull_width"), number(d, "coverage_68")));
        HG_TRY(hg_text_append(ctx, out, "\n"));
    }
done:
    return status;
}

static hg_status print_errors(hg_context *ctx, const json_t *slice, const char *key, const char *what, hg_text *out)
{
    hg_status status = HG_OK;
    const json_t *e = json_object_get(slice, key);
    if (!e) return status;
    HG_TRY(hg_text_append(ctx, out, "  %-23s error: median %.4g, 68 %% %.4g, bias %.3g", what, number(e, "median_error"),
                          number(e, "q68_error"), number(e, "bias")));
    if (json_object_get(e, "pull_width"))
        HG_TRY(hg_text_append(ctx, out, "; pulls: mean %.3f, width %.3f, rms %.3f, coverage of 68 %% %.3f", number(e, "pull_mean"),
                              number(e, "pull_width"), number(e, "pull_rms"), number(e, "coverage_68")));
    if (json_object_get(e, "median_distance")) HG_TRY(hg_text_append(ctx, out, "; distance: median %.4g", number(e, "median_distance")));
    if (json_object_get(e, "centre_of_charge_distance"))
        HG_TRY(hg_text_append(ctx, out, ", of the centre of charge %.4g", number(e, "centre_of_charge_distance")));
    if (json_object_get(e, "coverage")) HG_TRY(hg_text_append(ctx, out, "; between the quantiles %.3f", number(e, "coverage")));
    HG_TRY(hg_text_append(ctx, out, "\n"));
done:
    return status;
}

static hg_status print_classes(hg_context *ctx, const json_t *slice, hg_text *out)
{
    hg_status status = HG_OK;
    const json_t *c = json_object_get(slice, "class");
    if (!c) return status;
    HG_TRY(hg_text_append(ctx, out, "  classes: accuracy %.4f; true by found (through starting cascade bundle):\n", number(c, "accuracy")));
    const char *name;
    json_t *row;
    json_object_foreach(json_object_get(c, "true_by_found"), name, row)
    {
        HG_TRY(hg_text_append(ctx, out, "    %-10s", name));
        for (size_t k = 0; k < json_array_size(row); ++k)
            HG_TRY(hg_text_append(ctx, out, " %8" PRId64, (int64_t)json_integer_value(json_array_get(row, k))));
        HG_TRY(hg_text_append(ctx, out, "\n"));
    }
done:
    return status;
}

static hg_status print_slice(hg_context *ctx, const json_t *slice, hg_text *out)
{
    hg_status status = HG_OK;
    const json_t *c = json_object_get(slice, "calibration");
    HG_TRY(hg_text_append(ctx, out, "%s: %" PRId64 " events\n", json_string_value(json_object_get(slice, "name")),
                          (int64_t)json_integer_value(json_object_get(slice, "n"))));
    HG_TRY(print_rankings(ctx, json_object_get(slice, "signal"), out));
    if (c) {
        HG_TRY(hg_text_append(ctx, out, "  calibration        ECE %.4f, Brier %.4f, NLL %.4f", number(c, "ece"), number(c, "brier"),
                              number(c, "nll")));
        if (json_object_get(c, "temperature"))
            HG_TRY(hg_text_append(ctx, out, "; best temperature of the logits %.3f", number(c, "temperature")));
        HG_TRY(hg_text_append(ctx, out, "\n"));
    }
    HG_TRY(print_classes(ctx, slice, out));
    HG_TRY(print_errors(ctx, slice, "energy", "log10 energy", out));
    HG_TRY(print_errors(ctx, slice, "quantiles", "log10 energy (quantile)", out));
    HG_TRY(print_directions(ctx, json_object_get(slice, "direction"), out));
    HG_TRY(print_errors(ctx, slice, "vertex", "vertex [m]", out));
done:
    return status;
}

hg_status hg_classify_report_print(hg_context *ctx, const json_t *report, char **out)
{
    hg_status status = HG_OK;
    hg_text text = {0};
    size_t i;
    json_t *slice;
    HG_TRY(hg_text_append(ctx, &text, "%" PRId64 " events compared; %" PRId64 " without scores, %" PRId64 " without truth\n",
                          (int64_t)json_integer_value(json_object_get(report, "events")),
                          (int64_t)json_integer_value(json_object_get(report, "without_scores")),
                          (int64_t)json_integer_value(json_object_get(report, "without_truth"))));
    json_array_foreach(json_object_get(report, "slices"), i, slice) HG_TRY(print_slice(ctx, slice, &text));
    *out = text.data;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    return status;
}
