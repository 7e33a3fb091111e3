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
    s->taker = (hg_taker){.branch = branch, .choice = choice};
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

/* Moves the taker on to the next match on a further module of the layer; false if there is none. */
static bool find_second(const hg_engine *e, hg_slot *s)
{
    hg_taker *t = &s->taker;
    for (; t->cursor < s->n_matches; ++t->cursor)
        if (t->cursor != t->choice && !has_module(t->branch, hg_engine_record(e, s->matches[t->cursor].place)->module)) return true;
    return false;
}

/* On to the next hit that needs a prediction, of this hypothesis or of an alternative; or the layer is done. */
static void go_on(const hg_engine *e, hg_slot *s)
{
    s->stage = HG_SLOT_TAKE;
    while (!find_second(e, s)) {
        if (take_alternative(e, s)) continue;
        s->stage = HG_SLOT_WINDOWS;
        return;
    }
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

static bool may_branch(const hg_engine *e, const hg_slot *s, int k)
{
    return k < s->n_matches && s->n_made < s->walk.n_branches && s->matches[k].rank >= s->matches[0].rank - e->finder->options->branch_gap;
}

/* What alternatives need while other slots' predictions take the place of theirs. */
static void keep_alternatives(const hg_engine *e, hg_slot *s)
{
    if (may_branch(e, s, 1)) s->before = s->current;
    for (int k = 1; may_branch(e, s, k); ++k) {
        memcpy(s->kept[k], s->matches[k].state, sizeof s->kept[k]);
        s->matches[k].state = s->kept[k];
    }
}

static void begin_layer(const hg_engine *e, hg_slot *s)
{
    s->current.candidate.n_hole += s->holes;
    s->current.candidate.score -= e->finder->options->hole_penalty * (float)s->holes;
    keep_alternatives(e, s);
    s->next_choice = 1;
    if (take_first(e, s, 0, &s->current))
        go_on(e, s);
    else
        s->stage = HG_SLOT_END;
}

static void begin_seconds(const hg_engine *e, hg_slot *s)
{
    s->taker = (hg_taker){.branch = &s->current, .choice = -1};
    s->next_choice = s->n_matches;
    go_on(e, s);
}

void hg_take_layers(hg_engine *e)
{
    e->second.n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage == HG_SLOT_LAYER || s->stage == HG_SLOT_SECONDS) {
            memset(s->taken, 0, (size_t)s->n_matches * sizeof *s->taken);
            if (s->stage == HG_SLOT_LAYER)
                begin_layer(e, s);
            else
                begin_seconds(e, s);
        }
        if (s->stage != HG_SLOT_TAKE) continue;
        const int32_t module = hg_engine_record(e, s->matches[s->taker.cursor].place)->module;
        s->taker.row = hg_job_add(&e->second, s->taker.branch->state, s->taker.branch->module, module);
    }
    hg_jobs_run(&e->second, e->finder, false);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_TAKE) continue;
        take_second(e, s);
        go_on(e, s);
    }
}
