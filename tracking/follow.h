/* tracking/follow.h — many chains followed side by side: what the files of the combinatorial filter share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FOLLOW_H
#define HG_TRACKING_FOLLOW_H

#include "tracking/finder.h"
#include "tracking/kalman.h"

enum { HG_WINDOW_HITS = 64, HG_WINDOWS_AHEAD = 4, HG_BRANCHES_MAX = 4, HG_FOLLOW_SLOTS = 64 };

/* Numbers of a state in use: parameters and covariance. */
enum { HG_STATE_NUMBERS = 20 };

/* Room of the seed filter in floats: three hits a lane. */
enum { HG_SEED_STEPS = 3, HG_SEED_ROOM = (HG_SEED_STEPS * 6 + HG_BATCH_WORK + 32) * HG_BATCH_LANES_MAX };

/* A hit that fits a prediction on its module. */
typedef struct hg_match {
    int32_t place;      /* in the hit index */
    float gain, rank;   /* rank = gain and a bonus for hits that were expected */
    const float *state; /* borrowed; predicted, on the hit's module */
} hg_match;

/* A hypothesis on its way. */
typedef struct hg_branch {
    hg_candidate candidate;             /* hits in the order found */
    int32_t modules[HG_CANDIDATE_HITS]; /* of the hits */
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

typedef enum hg_slot_stage {
    HG_SLOT_FREE,
    HG_SLOT_WINDOWS, /* needs the layers ahead */
    HG_SLOT_SEARCH,  /* looks through its windows */
    HG_SLOT_LAYER,   /* has hits in a window */
    HG_SLOT_TAKE,    /* takes hits of the layer, and needs a prediction for the next */
    HG_SLOT_SECONDS, /* has hits that may be second ones of its layer */
    HG_SLOT_END      /* a hypothesis has come to its end */
} hg_slot_stage;

/* A hypothesis that takes hits of the present layer. */
typedef struct hg_taker {
    hg_branch *branch;
    int choice, cursor; /* the match it began with, and the one looked at */
    int32_t row;        /* of its prediction */
} hg_taker;

typedef struct hg_slot {
    hg_slot_stage stage;
    int64_t item; /* of the chains to be followed */
    hg_walk walk;
    hg_branch current, best, stack[HG_BRANCHES_MAX], before, out;
    bool has_best, has_seconds; /* has_seconds: the layer of the seed's last hit has been searched */
    int n_stack, n_made, step, attempt;
    int n_windows, at_window;
    int32_t holes, row;
    hg_window windows[HG_WINDOWS_AHEAD];
    int n_found, nearest, n_matches, next_choice;
    int32_t found[HG_WINDOW_HITS], row_of[HG_WINDOW_HITS];
    uint8_t taken[HG_WINDOW_HITS];
    hg_match matches[HG_WINDOW_HITS];
    float kept[HG_WINDOW_HITS][HG_STATE_NUMBERS]; /* states of matches that may become alternatives */
    hg_taker taker;
    hg_candidate outward; /* what the way back expects */
} hg_slot;

/* One thread's work. */
typedef struct hg_engine {
    const hg_finder *finder;
    const hg_paths *chains;
    const int64_t *chain;    /* those to be followed */
    hg_candidate *candidate; /* of each of them */
    hg_slot *slots;          /* [HG_FOLLOW_SLOTS] */
    hg_job_list reference, others, second;
    float *states; /* [HG_FOLLOW_SLOTS][HG_BATCH_STATE] for the windows */
    hg_window *windows;
    float *seeds; /* [HG_SEED_ROOM] */
} hg_engine;

/* Asks for a prediction; returns its row. */
int32_t hg_job_add(hg_job_list *jobs, const float *state, int32_t from_module, int32_t to_module);
/* Runs all; to_beam: to the beam line. Then the state of a row, or NULL if it failed. */
void hg_jobs_run(hg_job_list *jobs, const hg_finder *finder, bool to_beam);
const float *hg_job_result(const hg_job_list *jobs, int32_t row);

/* Takes a hit in (PHYSICS 7.1); returns false, with the state untouched, if it would be no good. */
bool hg_float_update(float state[HG_STATE_NUMBERS], const hg_hit_record *hit);

/* Tests a hit against a prediction on its module. Returns true and fills *out if it fits. */
bool hg_match_test(const hg_finder *finder, const hg_walk *walk, const float *state, int32_t place, double chi2_max, hg_match *out);

/* The unit vector along a state. */
void hg_match_direction(const float *state, float direction[3]);

/* Whether a hit on another module is worth a prediction of its own: a straight line from a predicted state, along its direction, decides,
 * as within a few mm the field does nothing. */
bool hg_match_near(const hg_finder *finder, const float *state, const float direction[3], int32_t module, int32_t place);

/* Puts a match into a list, best first (tie: smaller row). */
void hg_match_insert(const hg_finder *finder, const hg_match *match, hg_match *list, int *n);

/* On the way back the outermost layer is known, so its second hits must be found before: those of a seed that the way out did not pass are
 * still missing. True if there may be any: then the slot goes on with them. */
bool hg_slot_begin_seconds(const hg_engine *e, hg_slot *s);

/* Each hypothesis with hits in its layer goes on with the best one; alternatives nearly as good go on the stack, until there are enough.
 * Takes one step of every slot: what needs more predictions goes on in the next round. */
void hg_take_layers(hg_engine *e);

/* Slots whose hypothesis has come to its end go on with the next one, or with the way back; or their candidate is done. */
void hg_end_branches(hg_engine *e);

/* Starts chains first_item .. of the list in free slots, at most as many as there are lanes; a chain without a seed leaves its candidate
 * empty. */
void hg_start_chains(hg_engine *e, int64_t first_item, int n, hg_slot *const *to);

/* Makes a slot's first, or next, hypothesis the present one. */
void hg_slot_begin_walk(hg_slot *s, const hg_branch *start);
void hg_slot_begin_branch(hg_slot *s, const hg_branch *from);

static inline const hg_hit_record *hg_engine_record(const hg_engine *e, int32_t place)
{
    return &e->finder->index.record[place];
}

void hg_candidate_append(hg_candidate *candidate, int32_t hit, float gain);
void hg_branch_append(const hg_finder *finder, hg_branch *branch, int32_t hit, float gain);

#endif
