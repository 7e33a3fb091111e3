/* follow_end.c — where a hypothesis ends: the next one, the way back inward, or the candidate made of both ways. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "tracking/fit.h"
#include "tracking/follow.h"

enum { ATTEMPTS = 3 }; /* of the way back */

/* The way back begins with all hits of the outermost layer: the state already knows them. */
static void begin_return(const hg_engine *e, hg_slot *s, const float *state, int32_t module)
{
    const hg_finder_options *o = e->finder->options;
    hg_branch back = {.module = module};
    const int32_t *hit = s->outward.hit, last = e->finder->hit_layer[hit[s->outward.n - 1]];
    memcpy(back.state, state, sizeof back.state);
    for (int i = 0; i < 15; ++i) back.state[HG_BATCH_COV + i] *= (float)o->loosening;
    for (int32_t k = s->outward.n - 1; k >= 0 && e->finder->hit_layer[hit[k]] == last; --k) hg_branch_append(e->finder, &back, hit[k], 0);
    s->walk = (hg_walk){.direction = -1,
                        .expected = s->outward.hit,
                        .n_expected = s->outward.n,
                        .bonus = o->return_bonus,
                        .n_branches = o->return_branches};
    hg_slot_begin_walk(s, &back);
}

static float gain_of(const hg_candidate *candidate, int32_t hit)
{
    for (int32_t k = 0; k < candidate->n; ++k)
        if (candidate->hit[k] == hit) return candidate->gain[k];
    return 0;
}

/* Inside out, each hit with the better of its two gains: at the start of a walk the prediction knows nothing, at its end it knows all. */
static void combine(const hg_candidate *outward, const hg_candidate *inward, hg_candidate *out)
{
    *out = (hg_candidate){.n = inward->n, .n_hole = inward->n_hole};
    for (int32_t k = 0; k < inward->n; ++k) {
        int32_t from = inward->n - 1 - k;
        out->hit[k] = inward->hit[from];
        out->gain[k] = fmaxf(inward->gain[from], gain_of(outward, inward->hit[from]));
        out->score += out->gain[k];
    }
}

/* Filters the first n hits of an outward candidate again; the seed is made of the first three. Returns false if the filter fails. */
static bool filter_again(const hg_finder *finder, const hg_candidate *outward, int32_t n, float *state, int32_t *module)
{
    const hg_measurement *m = finder->input->measurements;
    const int32_t *hit = outward->hit;
    hg_track_state at;

    if (hg_seed_state(&finder->kalman, (hg_measurement[3]){m[hit[0]], m[hit[1]], m[hit[2]]}, 2, &at) != 0) return false;
    for (int32_t k = 3; k < n; ++k) {
        hg_track_state next;
        if (hg_kalman_predict(&finder->kalman, &at, m[hit[k]].module, &next) != 0) return false;
        if (hg_kalman_update(&next, &m[hit[k]]) < 0) return false;
        at = next;
    }
    for (int i = 0; i < 5; ++i) state[i] = (float)at.par[i];
    for (int i = 0; i < 15; ++i) state[HG_BATCH_COV + i] = (float)at.cov[i];
    *module = (int32_t)at.module;
    return true;
}

/* Number of hits without those of the outermost layer. */
static int32_t without_last_layer(const hg_finder *finder, const hg_candidate *outward, int32_t n)
{
    int32_t last = finder->hit_layer[outward->hit[n - 1]];
    while (n > 0 && finder->hit_layer[outward->hit[n - 1]] == last) --n;
    return n;
}

static void finish_chain(const hg_engine *e, hg_slot *s, hg_candidate *combined)
{
    for (int32_t k = s->outward.n; k < s->out.candidate.n; ++k)
        hg_candidate_append(combined, s->out.candidate.hit[k], s->out.candidate.gain[k]);
    combined->score -= e->finder->options->hole_penalty * (float)combined->n_hole;
    s->stage = HG_SLOT_FREE;
}

/* Back from the outer end through all layers. A track that all but curls at its last hit gives a state that leads nowhere: then the way
 * back starts one layer further in, and the hits outside stay as they were found. */
static void end_return(const hg_engine *e, hg_slot *s)
{
    hg_candidate *combined = &e->candidate[s->item];
    float state[HG_STATE_NUMBERS];
    int32_t module = -1;
    combine(&s->outward, &s->best.candidate, combined);
    combined->score += s->best.end_gain;
    bool again = 2 * combined->n <= s->outward.n && ++s->attempt < ATTEMPTS;
    if (again) {
        int32_t n = without_last_layer(e->finder, &s->outward, s->outward.n);
        again = n >= 3 && filter_again(e->finder, &s->outward, n, state, &module);
        if (again) s->outward.n = n;
    }
    if (again)
        begin_return(e, s, state, module);
    else
        finish_chain(e, s, combined);
}

static bool better(const hg_branch *a, const hg_branch *b)
{
    float score_a = a->candidate.score + a->end_gain, score_b = b->candidate.score + b->end_gain;
    if (score_a != score_b) return score_a > score_b;
    return a->candidate.n > b->candidate.n;
}

/* The next hypothesis of the walk, or the walk's end. */
static void end_branch(const hg_engine *e, hg_slot *s)
{
    if (!s->has_best || better(&s->current, &s->best)) s->best = s->current;
    s->has_best = true;
    if (s->n_stack > 0) {
        hg_slot_begin_branch(s, &s->stack[--s->n_stack]);
    } else if (s->walk.direction < 0) {
        end_return(e, s);
    } else if (!hg_slot_begin_seconds(e, s)) {
        s->out = s->best;
        s->outward = s->best.candidate;
        s->attempt = 0;
        begin_return(e, s, s->out.state, s->out.module);
    }
}

/* log of how much likelier the track's distance to the beam line is for a particle from a collision than for any other. */
static float beam_gain(const hg_finder_options *o, const float *perigee)
{
    if (!perigee) return 0;
    double variance = (double)perigee[HG_BATCH_COV] + o->beam_sigma_mm * o->beam_sigma_mm, d0 = (double)perigee[0];
    double peak = o->displaced_mm * exp(-0.5 * d0 * d0 / variance) / sqrt(6.283185307179586 * variance);
    return (float)log(o->prompt_share * peak + (1.0 - o->prompt_share));
}

void hg_end_branches(hg_engine *e)
{
    const bool with_beam = e->finder->options->beam_sigma_mm > 0;
    hg_job_list *jobs = &e->second;
    jobs->n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        s->row = -1;
        if (s->stage == HG_SLOT_END && with_beam && s->walk.direction < 0)
            s->row = hg_job_add(jobs, s->current.state, s->current.module, -1);
    }
    hg_jobs_run(jobs, e->finder, true);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_END) continue;
        s->current.end_gain = s->row >= 0 ? beam_gain(e->finder->options, hg_job_result(jobs, s->row)) : 0;
        end_branch(e, s);
    }
}
