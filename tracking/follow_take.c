/* follow_take.c — hypotheses take the hits of a layer: the best, its companions on further modules, and alternatives. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tracking/follow.h"

static bool has_module(const hg_branch *branch, int32_t module)
{
    for (int32_t k = branch->candidate.n - 1; k >= 0; --k)
        if (branch->modules[k] == module) return true;
    return false;
}

/* Takes matches[choice]; returns false if the filter fails. */
static bool take_first(const hg_engine *e, hg_slot *s, int choice, hg_branch *branch)
{
    const hg_match *match = &s->matches[choice];
    const hg_hit_record *hit = hg_engine_record(e, match->place);
    float state[HG_STATE_NUMBERS];
    memcpy(state, match->state, sizeof state);
    if (branch->candidate.n == HG_CANDIDATE_HITS || !hg_float_update(state, hit)) return false;
    hg_branch_append(e->finder, branch, hit->row, match->gain);
    s->taken[choice] = 1;
    memcpy(branch->state, state, sizeof state);
    branch->module = hit->module;
    s->taker = (hg_taker){.branch = branch, .choice = choice, .row = -1};
    return true;
}

/* The next alternative nearly as good as the best, on the stack; false if there is none. */
static bool take_alternative(const hg_engine *e, hg_slot *s)
{
    for (; s->next_choice < s->n_matches && s->n_made < s->walk.n_branches; ++s->next_choice) {
        const int k = s->next_choice;
        if (s->taken[k] || s->matches[k].rank < s->matches[0].rank - e->finder->options->branch_gap) continue;
        s->stack[s->n_stack] = s->before;
        if (!take_first(e, s, k, &s->stack[s->n_stack])) continue;
        ++s->n_stack;
        ++s->n_made;
        ++s->next_choice;
        return true;
    }
    return false;
}

/* Asks for the prediction of the next match on a further module of the layer. */
static void ask_for_second(hg_engine *e, hg_slot *s)
{
    hg_taker *t = &s->taker;
    t->row = -1;
    for (; t->branch && t->cursor < s->n_matches; ++t->cursor) {
        const int32_t module = hg_engine_record(e, s->matches[t->cursor].place)->module;
        if (t->cursor == t->choice || has_module(t->branch, module)) continue;
        t->row = hg_job_add(&e->second, t->branch->state, t->branch->module, module);
        return;
    }
    t->branch = NULL;
}

static void take_second(hg_engine *e, hg_slot *s)
{
    hg_taker *t = &s->taker;
    const int k = t->cursor++;
    const int32_t place = s->matches[k].place;
    const float *predicted = hg_job_result(&e->second, t->row);
    float state[HG_STATE_NUMBERS];
    hg_match match;
    if (!predicted || !hg_match_test(e->finder, &s->walk, predicted, place, e->finder->options->overlap_chi2_max, &match)) return;
    memcpy(state, predicted, sizeof state);
    if (!hg_float_update(state, hg_engine_record(e, place))) return;
    memcpy(t->branch->state, state, sizeof state);
    t->branch->module = hg_engine_record(e, place)->module;
    hg_branch_append(e->finder, t->branch, hg_engine_record(e, place)->row, match.gain);
    s->taken[k] = 1;
}

/* All takers go on until none has a match left to try. */
static void take_all_seconds(hg_engine *e)
{
    do {
        e->second.n = 0;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == HG_SLOT_LAYER) ask_for_second(e, &e->slots[k]);
        hg_jobs_run(&e->second, e->finder, false);
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == HG_SLOT_LAYER && e->slots[k].taker.row >= 0) take_second(e, &e->slots[k]);
    } while (e->second.n > 0);
}

static bool has_alternative(const hg_engine *e, const hg_slot *s)
{
    return s->n_matches > 1 && s->n_made < s->walk.n_branches && s->matches[1].rank >= s->matches[0].rank - e->finder->options->branch_gap;
}

void hg_take_layers(hg_engine *e)
{
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        s->taker = (hg_taker){.row = -1};
        memset(s->taken, 0, sizeof s->taken);
        if (s->stage == HG_SLOT_SECONDS) {
            s->taker = (hg_taker){.branch = &s->current, .choice = -1, .row = -1};
            s->next_choice = s->n_matches;
            s->stage = HG_SLOT_LAYER;
            continue;
        }
        if (s->stage != HG_SLOT_LAYER) continue;
        s->current.candidate.n_hole += s->holes;
        s->current.candidate.score -= e->finder->options->hole_penalty * (float)s->holes;
        if (has_alternative(e, s)) s->before = s->current;
        s->next_choice = 1;
        if (!take_first(e, s, 0, &s->current)) s->stage = HG_SLOT_END;
    }
    for (bool more = true; more;) {
        take_all_seconds(e);
        more = false;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == HG_SLOT_LAYER) more |= take_alternative(e, &e->slots[k]);
    }
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
        if (e->slots[k].stage == HG_SLOT_LAYER) e->slots[k].stage = HG_SLOT_WINDOWS;
}
