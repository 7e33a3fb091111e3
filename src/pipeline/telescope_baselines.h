/* pipeline/telescope_baselines.h — what is done without a network: LineFit, charge and hit counts, outer-layer veto, Pandel likelihood. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TELESCOPE_BASELINES_H
#define HG_PIPELINE_TELESCOPE_BASELINES_H

#include <stdbool.h>

#include "pipeline/telescope_pandel.h"
#include "hitgraph/pulses.h"
#include "pipeline/telescope_seed.h"

/* One row per event. Arrays owned. All of them look at coincident pulses only, or at all where none is marked. */
typedef struct hg_baselines {
    int64_t n;
    float *charge;     /* [n] PE */
    float *hits;       /* [n] sensors with a pulse */
    float *outer;      /* [n] PE on the outer layer of the array before the median time; 0 where there is no table of sensors */
    float *centre;     /* [n, 3] m, mean place of the charge */
    float *linefit;    /* [n, 3] unit vector of travel; down where there is no line */
    float *pandel;     /* [n, 3] the same */
    float *likelihood; /* [n] of that, log per hit sensor */
} hg_baselines;

/* @param with_pandel the likelihood, which takes milliseconds an event; otherwise its arrays are NULL. Threads: the same bits for any
 * number. */
hg_status hg_baselines_make(hg_context *ctx, const hg_pulse_events *events, bool with_pandel, hg_baselines *out);
/* What is known of an event without a network, as numbers for one: LineFit's direction of travel (3) and its speed over c, log10 of the
 * charge, of the hit sensors, and of 1 + the early charge of the outer layer. */
enum { HG_SUMMARY_COLUMNS = 7 };
/* @param chosen [n] events. @param out [n, HG_SUMMARY_COLUMNS]. Threads as above. */
hg_status hg_event_summaries(hg_context *ctx, const hg_pulse_events *events, const int64_t *chosen, int64_t n, hg_real *out);

void hg_baselines_clear(hg_context *ctx, hg_baselines *baselines);

/* LineFit: r = r0 + v t with the least sum of squared distances at the pulses' times, v = (<r t> - <r><t>) / (<t^2> - <t>^2).
 * @param row [n] pulses. @return the speed in m/ns, 0 where times do not differ; place, dir and mean_time are then untouched. */
double hg_linefit(const hg_pulses *pulses, const int64_t *row, int64_t n, double place[3], double dir[3], double *mean_time);

/* First pulses of sensors, for the likelihood: time and place of each. */
typedef struct hg_first_hit {
    double x[3], t;
} hg_first_hit;

/* SPE1st: the track (a place, the direction of travel, the time there) with the largest product over sensors of the Pandel density of the
 * residual time of the first pulse, found by a simplex search from the one given. @return log likelihood per hit. n >= 1. */
double hg_pandel_fit(const hg_pandel_table *tables, const hg_first_hit *hit, int64_t n, double place[3], double dir[3], double *time);

#endif
