/* tracking/follow.h — many chains followed side by side: what the files of the combinatorial filter share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FOLLOW_H
#define HG_TRACKING_FOLLOW_H

#include "tracking/finder.h"
#include "tracking/kalman.h"

enum { HG_WINDOW_HITS = 32, HG_WINDOWS_AHEAD = 4, HG_BRANCHES_MAX = 4, HG_FOLLOW_SLOTS = 64 };

/* Numbers of a state in use: parameters and covariance. */
enum { HG_STATE_NUMBERS = 20 };

/* A hit that fits a prediction on its module. */
typedef struct hg_match {
    int32_t place;      /* in the hit index */
    float gain, rank;   /* rank = gain and a bonus for hits that were expected */
    const float *state; /* borrowed; predicted, on the hit's module */
} hg_match;

/* A hypothesis on its way. */
typedef struct hg_branch {
    hg_candidate candidate; /* hits in the order found */
    int32_t module;
    float end_gain;                /* what the end of the walk says: does it come from the beam line? */
    float state[HG_STATE_NUMBERS]; /* filtered, at the last hit */
} hg_branch;

/* One pass over the layers: what is looked for. */
typedef struct hg_walk {
    int32_t direction, n_branches;
    float bonus;             /* of expected hits */
    const int32_t *expected; /* hits that the graph, or the way out, says belong here */
    int32_t n_expected;
} hg_walk;

/* Predictions asked for by slots, done together. `from` and `to` have rows of HG_BATCH_STATE. */
typedef struct hg_job_list {
    int64_t n;
    float *from, *to;
    int32_t *index, *from_module, *to_module, *status;
    const hg_kalman *kalman; /* for what is too hard for the batch */
} hg_job_list;

hg_status hg_job_list_create(hg_context *ctx, int64_t room, const hg_kalman *kalman, hg_job_list *out);
void hg_job_list_free(hg_context *ctx, hg_job_list *jobs);

/* Asks for a prediction; returns its row. */
int32_t hg_job_add(hg_job_list *jobs, const float *state, int32_t from_module, int32_t to_module);
/* Runs all; to_beam: to the beam line. Then the state of a row, or NULL if it failed. */
void hg_jobs_run(hg_job_list *jobs, const hg_finder *finder, bool to_beam);
const float *hg_job_result(const hg_job_list *jobs, int32_t row);

/* Takes a hit in (PHYSICS 7.1); returns false, with the state untouched, if it would be no good. */
bool hg_float_update(float state[HG_STATE_NUMBERS], const hg_hit_record *hit);

/* Tests a hit against a prediction on its module. Returns true and fills *out if it fits. */
bool hg_match_test(const hg_finder *finder, const hg_walk *walk, const float *state, int32_t place, double chi2_max, hg_match *out);

/* Whether a hit on another module is worth a prediction of its own: a straight line from a predicted state decides, as within a few mm the
 * field does nothing. */
bool hg_match_near(const hg_finder *finder, const float *state, int32_t module, int32_t place);

/* Puts a match into a list, best first (tie: smaller row). */
void hg_match_insert(const hg_finder *finder, const hg_match *match, hg_match *list, int *n);

void hg_candidate_append(hg_candidate *candidate, int32_t hit, float gain);

#endif
