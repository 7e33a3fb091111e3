/* track.c — how the time of the whole chain grows with the event, stage by stage, and what a second thread brings. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: track. Simulated events of five pile-ups, from hits in memory to fitted tracks, with 1 and 2 threads; rounds are interleaved. */
#include <math.h>
#include "base/log.h"
#include "bench/bench.h"
#include "hitgraph/field_map.h"
#include "hitgraph/material.h"
#include "hitgraph/simulate.h"
#include "hitgraph/weights.h"
#include "pipeline/track_pipeline.h"

enum {
    SIZES = 5,
    LARGE = 2,
    TEAMS = 2,
    ROUNDS = 5,
    SUM = HG_N_STAGES,
    COLUMNS = HG_N_STAGES + 1,
    FIRST = HG_STAGE_GRAPH,
    LAST = HG_STAGE_FIT
};
static const double pileups[SIZES] = {15, 50, 100, 200, 400}; /* the last three: 50 000 to 200 000 hits */
static const int teams[TEAMS] = {1, 2};

typedef struct sample {
    hg_event *event;
    int64_t n_tracks, n_fitted; /* of the first run; the others must agree */
    double score;
    double second[TEAMS][COLUMNS][ROUNDS];
    double median[TEAMS][COLUMNS];
} sample;

static hg_status simulate(hg_context *ctx, const hg_setup *setup, sample *samples)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    HG_TRY(hg_simulate_material(ctx, &material));
    for (int s = 0; s < SIZES; ++s) {
        hg_simulate_options options = hg_simulate_default_options();
        options.pileup = pileups[s];
        options.sigma_z_mm = 5.5;
        HG_TRY(hg_simulate_event(ctx, &options, setup->detector, setup->field, material, 1, (uint64_t)s, &samples[s].event));
    }
done:
    hg_material_destroy(ctx, material);
    return status;
}

static hg_status score_of(hg_context *ctx, const hg_event *event, const hg_tracks *tracks, double *score)
{
    hg_status status = HG_OK;
    int64_t *label = NULL;
    HG_TRY(hg_alloc(ctx, &label, event->hits.n));
    for (int64_t t = 0; t < tracks->n; ++t) {
        for (int64_t h = tracks->hit_offset[t]; h < tracks->hit_offset[t + 1]; ++h) label[tracks->hit[h]] = t + 1;
    }
    HG_TRY(hg_trackml_score(ctx, event->hits.n, label, event->truth.particle_id, event->truth.weight, score, NULL, NULL));
done:
    hg_free(ctx, label);
    return status;
}

static hg_status measure(hg_context *ctx, const hg_setup *setup, const hg_track_models *models, sample *s, int team, int round)
{
    hg_status status = HG_OK;
    hg_track_result result = {0};
    double score = 0, sum = 0;
    int64_t n_fitted = 0;
    HG_TRY(hg_context_set_threads(ctx, teams[team]));
    HG_TRY(hg_track_event(ctx, setup, models, s->event, &result));
    HG_TRY(score_of(ctx, s->event, result.tracks, &score));
    for (int64_t t = 0; t < result.tracks->n; ++t) n_fitted += result.tracks->status[t] < HG_TRACK_FAILED;
    if (team == 0 && round == 0) {
        s->n_tracks = result.tracks->n;
        s->n_fitted = n_fitted;
        s->score = score;
    }
    HG_CHECK(result.tracks->n == s->n_tracks && n_fitted == s->n_fitted && score == s->score, HG_ERR_NUMERIC,
             "%d threads: found %" PRId64 " tracks and score %.9f, expected those of 1 thread, %" PRId64 " and %.9f", teams[team],
             result.tracks->n, score, s->n_tracks, s->score);
    for (int k = FIRST; k <= LAST; ++k) {
        s->second[team][k][round] = result.seconds[k];
        sum += result.seconds[k];
    }
    s->second[team][SUM][round] = sum;
done:
    hg_track_result_clear(ctx, &result);
    return status;
}

/* Least-squares slope of log seconds against log hits, from sample `first` on. */
static double exponent(const sample *samples, int first, int team, int column)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int s = first; s < SIZES; ++s) {
        const double u = log((double)samples[s].event->hits.n), v = log(samples[s].median[team][column]);
        n += 1;
        x += u;
        y += v;
        xx += u * u;
        xy += u * v;
    }
    return (n * xy - x * y) / (n * xx - x * x);
}

/* Median over the rounds of the ratio within a round: both runs of a ratio saw the same neighbours. */
static double speed_up(const sample *s, int column)
{
    double ratio[ROUNDS];
    for (int r = 0; r < ROUNDS; ++r) ratio[r] = s->second[0][column][r] / s->second[1][column][r];
    return bench_median(ratio, ROUNDS);
}

static const char *column_name(int column)
{
    return column == SUM ? "sum" : hg_stage_names[column];
}

static void print_header(const char *first)
{
    printf("%-22s", first);
    for (int k = FIRST; k <= LAST; ++k) printf(" %13s", column_name(k));
    printf(" %8s", "sum");
}

static void print_row(const char *first, const double *column, int decimals)
{
    printf("%-22s", first);
    for (int k = FIRST; k <= LAST; ++k) printf(" %13.*f", decimals, column[k]);
    printf(" %8.*f", decimals, column[SUM]);
}

static json_t *columns_json(const double *column)
{
    json_t *object = json_object();
    for (int k = FIRST; k < COLUMNS; ++k) {
        if (k <= LAST || k == SUM) json_object_set_new(object, column_name(k), hg_json_number(column[k]));
    }
    return object;
}

static void report_seconds(sample *samples, json_t *rows)
{
    char first[64];
    print_header("seconds, hits/threads");
    printf(" %10s\n", "least sum");
    for (int s = 0; s < SIZES; ++s) {
        for (int t = 0; t < TEAMS; ++t) {
            double *median = samples[s].median[t];
            for (int k = FIRST; k < COLUMNS; ++k) median[k] = bench_median(samples[s].second[t][k], ROUNDS);
            snprintf(first, sizeof first, "%9" PRId64 " / %d", samples[s].event->hits.n, teams[t]);
            const double least = bench_least(samples[s].second[t][SUM], ROUNDS);
            print_row(first, median, 4);
            printf(" %10.4f\n", least);
            const double cores = teams[t], fitted = (double)samples[s].n_fitted;
            json_array_append_new(rows,
                                  json_pack("{s:f, s:I, s:i, s:o, s:f, s:o, s:I, s:I, s:f, s:f, s:f}", "pileup", pileups[s], "hits",
                                            (json_int_t)samples[s].event->hits.n, "threads", teams[t], "seconds", columns_json(median),
                                            "sum_least", least, "sum_rounds", bench_array(samples[s].second[t][SUM], ROUNDS), "tracks",
                                            (json_int_t)samples[s].n_tracks, "fitted", (json_int_t)samples[s].n_fitted,
                                            "fits_per_second_and_core", fitted / median[HG_STAGE_FIT] / cores, "tracks_per_second_and_core",
                                            fitted / median[SUM] / cores, "trackml_score", samples[s].score));
        }
    }
}

static void report_gains(const sample *samples, json_t *root)
{
    double column[COLUMNS] = {0};
    char first[64];
    json_t *gains = json_array();
    print_header("speed-up 2 / 1, hits");
    printf(" %10s\n", "least sum");
    for (int s = 0; s < SIZES; ++s) {
        for (int k = FIRST; k < COLUMNS; ++k) column[k] = speed_up(&samples[s], k);
        snprintf(first, sizeof first, "%9" PRId64, samples[s].event->hits.n);
        print_row(first, column, 2);
        printf(" %10.2f\n", bench_least(samples[s].second[0][SUM], ROUNDS) / bench_least(samples[s].second[1][SUM], ROUNDS));
        json_array_append_new(gains, columns_json(column));
    }
    json_object_set_new(root, "speed_up_2_against_1", gains);
}

static void report_growth(const sample *samples, int from, json_t *exponents)
{
    double column[COLUMNS] = {0};
    char first[64];
    snprintf(first, sizeof first, "exponent from %.0fk", (double)samples[from].event->hits.n / 1000);
    print_header(first);
    printf("\n");
    for (int t = 0; t < TEAMS; ++t) {
        for (int k = FIRST; k < COLUMNS; ++k) column[k] = exponent(samples, from, t, k);
        snprintf(first, sizeof first, "%d thread%s", teams[t], teams[t] > 1 ? "s" : "");
        print_row(first, column, 2);
        printf("\n");
        json_array_append_new(exponents, json_pack("{s:I, s:i, s:o}", "from_hits", (json_int_t)samples[from].event->hits.n, "threads",
                                                   teams[t], "exponent", columns_json(column)));
    }
}

static void report_tracks(const sample *samples)
{
    printf("%-9s %9s %7s %7s %8s %21s %21s\n", "pile-up", "hits", "tracks", "fitted", "score", "fits/s/core 1, 2 thr",
           "chain/s/core 1, 2 thr");
    for (int s = 0; s < SIZES; ++s) {
        const sample *e = &samples[s];
        const double n = (double)e->n_fitted;
        printf("%-9.0f %9" PRId64 " %7" PRId64 " %7" PRId64 " %8.4f %10.0f %10.0f %10.0f %10.0f\n", pileups[s], e->event->hits.n,
               e->n_tracks, e->n_fitted, e->score, n / e->median[0][HG_STAGE_FIT], n / e->median[1][HG_STAGE_FIT] / teams[1],
               n / e->median[0][SUM], n / e->median[1][SUM] / teams[1]);
    }
}

static hg_status run(hg_context *ctx, sample *samples)
{
    hg_status status = HG_OK;
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_track_models models = {0};
    json_t *root = json_object(), *rows = json_array();
    json_object_set_new(root, "events", rows);
    HG_TRY(bench_machine(ctx, root));
    HG_TRY(hg_track_config_read(ctx, "simulated", NULL, NULL, 0, &config));
    HG_TRY(hg_setup_create(ctx, &config, true, &setup));
    HG_TRY(hg_track_models_load(ctx, &config, &models));
    HG_TRY(simulate(ctx, setup, samples));
    HG_TRY(measure(ctx, setup, &models, &samples[0], 0, 0)); /* warms up; written over by the first round */
    for (int r = 0; r < ROUNDS; ++r) {
        for (int s = 0; s < SIZES; ++s) {
            for (int t = 0; t < TEAMS; ++t) HG_TRY(measure(ctx, setup, &models, &samples[s], t, r));
        }
    }
    printf("simulated events, luminous length 5.5 mm, seed 1, preset simulated; medians of %d interleaved rounds\n", ROUNDS);
    report_seconds(samples, rows);
    report_gains(samples, root);
    json_t *exponents = json_array();
    report_growth(samples, 0, exponents);
    report_growth(samples, LARGE, exponents);
    json_object_set_new(root, "growth_exponent_of_seconds_in_hits", exponents);
    report_tracks(samples);
    json_object_set_new(root, "rounds", json_integer(ROUNDS));
    json_object_set_new(root, "peak_rss_bytes", json_integer((json_int_t)hg_peak_rss()));
    HG_TRY(bench_write(ctx, "track", root));
done:
    json_decref(root);
    hg_track_models_destroy(ctx, &models);
    hg_setup_destroy(ctx, setup);
    return status;
}

int main(void)
{
    hg_context *ctx = NULL;
    static sample samples[SIZES];
    if (hg_context_create(&ctx) < 0) return 1;
    hg_status status = run(ctx, samples);
    if (status < 0) fprintf(stderr, "track: %s\n", hg_context_message(ctx));
    for (int s = 0; s < SIZES; ++s) hg_event_destroy(ctx, samples[s].event);
    hg_context_destroy(ctx);
    return status < 0;
}
