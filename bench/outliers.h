/* bench/outliers.h — what outliers do to the fit of a full event's tracks, with and without the annealing filter. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_OUTLIERS_H
#define HG_BENCH_OUTLIERS_H

#include <math.h>
#include "base/log.h"
#include "base/random.h"
#include "bench/bench.h"
#include "hitgraph/measurement.h"
#include "hitgraph/pulls.h"

/* True tracks of the particles with pT > 1 GeV from the beam line, and which of the event's hits were moved. */
typedef struct outlier_sample {
    const hg_event *event;
    const hg_truth_order *order;
    hg_target target;
    hg_tracks *tracks;
    hg_measurement *measurement; /* [hits of the event] */
    bool *moved;                 /* [hits of the event] */
    double fraction;
} outlier_sample;

/* One row of the table. */
typedef struct outlier_row {
    hg_pull_summary pull[HG_PULLS];
    int64_t moved, kept, good, lost, failed;
    double rate;
} outlier_row;

static void outliers_close(hg_context *ctx, outlier_sample *s)
{
    hg_tracks_destroy(ctx, s->tracks);
    hg_free(ctx, s->measurement);
    hg_free(ctx, s->moved);
}

/* An outlier lies 0.3-5 mm off in both coordinates, like a hit of another track. measurement: [hits of the event]. */
static hg_status outliers_open(hg_context *ctx, const hg_event *event, const hg_truth_order *order, const hg_measurement *measurement,
                               double fraction, outlier_sample *s)
{
    hg_status status = HG_OK;
    const int64_t n = event->hits.n;
    hg_random random = hg_random_stream(1, 1, 0, 0);
    *s = (outlier_sample){.event = event,
                          .order = order,
                          .target = {.pt_min_gev = 1, .eta_max = HUGE_VAL, .hits_min = 5, .layers_min = 1},
                          .fraction = fraction};
    HG_TRY(hg_truth_tracks(ctx, order, &s->target, 2.0, &s->tracks));
    HG_TRY(hg_alloc(ctx, &s->measurement, n));
    HG_TRY(hg_alloc(ctx, &s->moved, n));
    for (int64_t i = 0; i < n; ++i) {
        s->measurement[i] = measurement[i];
        s->moved[i] = hg_random_uniform(&random) < fraction;
        for (int c = 0; s->moved[i] && c < 2; ++c) {
            const double sign = hg_random_uniform(&random) < 0.5 ? -1 : 1;
            s->measurement[i].local[c] += sign * hg_random_range(&random, 0.3, 5);
        }
    }
done:
    return status;
}

static void count_outliers(const outlier_sample *s, outlier_row *row)
{
    const hg_tracks *tracks = s->tracks;
    for (int64_t t = 0; t < tracks->n; ++t) {
        const bool failed = tracks->status[t] >= HG_TRACK_FAILED;
        row->failed += failed;
        for (int64_t k = tracks->hit_offset[t]; !failed && k < tracks->hit_offset[t + 1]; ++k) {
            const bool moved = s->moved[tracks->hit[k]], out = tracks->outlier[k];
            row->moved += moved;
            row->good += !moved;
            row->kept += moved && !out;
            row->lost += !moved && out;
        }
    }
}

static hg_status fit_outliers(hg_context *ctx, const hg_kalman *kalman, const outlier_sample *s, outlier_row *row)
{
    enum { FITS = 5 };
    hg_status status = HG_OK;
    double rates[FITS], *pull = NULL;
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &pull, HG_PULLS * s->tracks->n));
    for (int k = 0; k < FITS; ++k) {
        const double start = hg_seconds();
        HG_TRY(hg_fit_tracks(ctx, kalman, s->measurement, s->tracks));
        rates[k] = (double)s->tracks->n / (hg_seconds() - start);
    }
    row->rate = bench_median(rates, FITS);
    count_outliers(s, row);
    HG_TRY(hg_pulls_collect(ctx, s->event, s->order, &s->target, kalman->field, s->tracks, pull, NULL, &n));
    HG_TRY(hg_pulls_summarise(ctx, n, pull, row->pull));
done:
    hg_free(ctx, pull);
    return status;
}

static json_t *outliers_report(const outlier_sample *s, bool daf, const outlier_row *row)
{
    json_t *pulls = json_object();
    printf("%7.0f%% %-9s", 100 * s->fraction, daf ? "annealing" : "rejection");
    for (int k = 0; k < HG_PULLS; ++k) {
        const hg_pull_summary *p = &row->pull[k];
        printf(" %5.2f", p->core_width);
        json_object_set_new(pulls, hg_pull_name(k),
                            json_pack("{s:f, s:f, s:f, s:f}", "core_width", p->core_width, "mad_width", p->mad_width, "rms", p->rms,
                                      "beyond_3", p->beyond_3));
    }
    printf(" %9.2f %6" PRId64 "/%-6" PRId64 "%6" PRId64 "/%-6" PRId64 "%5" PRId64 " %9.0f\n", 100 * row->pull[4].beyond_3, row->lost,
           row->good, row->kept, row->moved, row->failed, row->rate);
    return json_pack("{s:f, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "fraction", s->fraction, "daf", daf, "tracks",
                     (json_int_t)s->tracks->n, "failed", (json_int_t)row->failed, "good_hits", (json_int_t)row->good, "good_hits_lost",
                     (json_int_t)row->lost, "outliers", (json_int_t)row->moved, "outliers_kept", (json_int_t)row->kept,
                     "per_second_and_core", row->rate, "pulls", pulls);
}

/* Rows without outliers and with one hit in twenty, by rejection and by annealing; stores them as root's "outliers". */
static hg_status outliers_table(hg_context *ctx, const hg_kalman *of_event, const hg_event *event, const hg_truth_order *order,
                                const hg_measurement *measurement, json_t *root)
{
    hg_status status = HG_OK;
    outlier_sample s = {0};
    json_t *rows = json_array();
    printf("pT > 1 GeV, widths of pulls: d0    z0   phi theta   q/p, beyond 3, good hits lost, outliers kept, failed, /s/core\n");
    for (int k = 0; k < 4; ++k) {
        hg_kalman kalman = *of_event;
        outlier_row row = {0};
        kalman.options.daf = k % 2 == 1;
        if (k % 2 == 0) {
            outliers_close(ctx, &s);
            HG_TRY(outliers_open(ctx, event, order, measurement, k < 2 ? 0 : 0.05, &s));
        }
        HG_TRY(fit_outliers(ctx, &kalman, &s, &row));
        json_array_append_new(rows, outliers_report(&s, kalman.options.daf, &row));
    }
    json_object_set(root, "outliers", rows);
done:
    json_decref(rows);
    outliers_close(ctx, &s);
    return status;
}

#endif
