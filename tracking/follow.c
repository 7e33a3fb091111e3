/* follow.c — from chains of hits to candidates: combinatorial Kalman filters outward, then back inward, many side by side. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/fit.h"
#include "tracking/follow.h"

/* A slot carries one chain through all its hypotheses, one at a time, so that what is found does not depend on the neighbours; only the
 * arithmetic of the slots is done together, round by round. */

enum { LAYERS_MAX = 64, BLOCK = 256, ATTEMPTS = 3 };

typedef enum stage {
    STAGE_FREE,
    STAGE_WINDOWS, /* needs the layers ahead */
    STAGE_SEARCH,  /* looks through its windows */
    STAGE_LAYER,   /* has hits in a window */
    STAGE_END      /* a hypothesis has come to its end */
} stage;

/* A hypothesis that takes hits of the present layer. */
typedef struct taker {
    hg_branch *branch; /* NULL = none */
    int choice, cursor;
    int32_t row; /* of its prediction; -1 = none asked for */
} taker;

typedef struct slot {
    stage stage;
    int64_t chain;
    hg_walk walk;
    hg_branch current, best, stack[HG_BRANCHES_MAX], before, out;
    bool has_best;
    int n_stack, n_made, step, attempt;
    int n_windows, at_window;
    int32_t holes, row;
    hg_window windows[HG_WINDOWS_AHEAD];
    int n_found, nearest, n_matches, next_choice;
    int32_t found[HG_WINDOW_HITS], row_of[HG_WINDOW_HITS];
    uint8_t taken[HG_WINDOW_HITS];
    hg_match matches[HG_WINDOW_HITS];
    taker taker;
    hg_candidate outward; /* what the way back expects */
} slot;

/* One thread's work. */
typedef struct engine {
    const hg_finder *finder;
    const hg_paths *chains;
    hg_candidates *candidates;
    slot *slots; /* [HG_FOLLOW_SLOTS] */
    hg_job_list reference, others, second;
    float *states; /* [HG_FOLLOW_SLOTS][HG_BATCH_STATE] for the windows */
    hg_window *windows;
    float *seeds; /* room of the seed filter, see start_group */
} engine;

static const hg_hit_record *record_of(const engine *e, int32_t place)
{
    return &e->finder->index.record[place];
}

static bool has_module(const engine *e, const hg_candidate *candidate, int64_t module)
{
    for (int32_t k = candidate->n - 1; k >= 0; --k)
        if (e->finder->input->hit_module[candidate->hit[k]] == module) return true;
    return false;
}

static void begin_branch(slot *s, const hg_branch *from)
{
    s->current = *from;
    s->step = 0;
    s->holes = 0;
    s->stage = STAGE_WINDOWS;
}

static void begin_walk(slot *s, const hg_branch *start)
{
    s->has_best = false;
    s->n_stack = 0;
    s->n_made = 1;
    begin_branch(s, start);
}

/* The way back begins with all hits of the outermost layer: the state already knows them. */
static void begin_return(const engine *e, slot *s, const float *state, int32_t module)
{
    const hg_finder_options *o = e->finder->options;
    hg_branch back = {.module = module};
    const int32_t *hit = s->outward.hit, last = e->finder->hit_layer[hit[s->outward.n - 1]];
    memcpy(back.state, state, sizeof back.state);
    for (int i = 0; i < 15; ++i) back.state[HG_BATCH_COV + i] *= (float)o->loosening;
    for (int32_t k = s->outward.n - 1; k >= 0 && e->finder->hit_layer[hit[k]] == last; --k) hg_candidate_append(&back.candidate, hit[k], 0);
    s->walk = (hg_walk){.direction = -1,
                        .expected = s->outward.hit,
                        .n_expected = s->outward.n,
                        .bonus = o->return_bonus,
                        .n_branches = o->return_branches};
    begin_walk(s, &back);
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

static void finish_chain(const engine *e, slot *s, hg_candidate *combined)
{
    for (int32_t k = s->outward.n; k < s->out.candidate.n; ++k)
        hg_candidate_append(combined, s->out.candidate.hit[k], s->out.candidate.gain[k]);
    combined->score -= e->finder->options->hole_penalty * (float)combined->n_hole;
    s->stage = STAGE_FREE;
}

/* Back from the outer end through all layers. A track that all but curls at its last hit gives a state that leads nowhere: then the way
 * back starts one layer further in, and the hits outside stay as they were found. */
static void end_return(const engine *e, slot *s)
{
    hg_candidate *combined = &e->candidates->item[s->chain];
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
static void end_branch(const engine *e, slot *s)
{
    if (!s->has_best || better(&s->current, &s->best)) s->best = s->current;
    s->has_best = true;
    if (s->n_stack > 0) {
        begin_branch(s, &s->stack[--s->n_stack]);
    } else if (s->walk.direction < 0) {
        end_return(e, s);
    } else {
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

static void end_branches(engine *e)
{
    const bool with_beam = e->finder->options->beam_sigma_mm > 0;
    hg_job_list *jobs = &e->second;
    jobs->n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        s->row = -1;
        if (s->stage == STAGE_END && with_beam && s->walk.direction < 0) s->row = hg_job_add(jobs, s->current.state, s->current.module, -1);
    }
    hg_jobs_run(jobs, e->finder, true);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        if (s->stage != STAGE_END) continue;
        s->current.end_gain = s->row >= 0 ? beam_gain(e->finder->options, hg_job_result(jobs, s->row)) : 0;
        end_branch(e, s);
    }
}

static void find_windows(engine *e)
{
    int32_t module[HG_FOLLOW_SLOTS], own[HG_FOLLOW_SLOTS], direction[HG_FOLLOW_SLOTS], n_windows[HG_FOLLOW_SLOTS];
    slot *wanting[HG_FOLLOW_SLOTS];
    int n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        if (s->stage != STAGE_WINDOWS) continue;
        memcpy(e->states + n * HG_BATCH_STATE, s->current.state, sizeof s->current.state);
        module[n] = s->current.module;
        own[n] = e->finder->input->detector->module_layer[s->current.module];
        direction[n] = s->walk.direction;
        wanting[n++] = s;
    }
    if (n == 0) return;
    const hg_batch_search search = {.n = n,
                                    .module = module,
                                    .own_layer = own,
                                    .direction = direction,
                                    .room = HG_WINDOWS_AHEAD,
                                    .n_windows = n_windows,
                                    .windows = e->windows};
    e->finder->kernels->windows(e->finder->world, &e->finder->index.layers, e->states, &search);
    for (int k = 0; k < n; ++k) {
        slot *s = wanting[k];
        memcpy(s->windows, e->windows + k * HG_WINDOWS_AHEAD, sizeof s->windows);
        s->n_windows = n_windows[k];
        s->at_window = 0;
        s->holes = 0;
        s->stage = ++s->step > LAYERS_MAX ? STAGE_END : STAGE_SEARCH;
    }
}

static void skip_window(slot *s)
{
    s->holes += s->windows[s->at_window++].inside;
    s->stage = STAGE_SEARCH;
}

/* On to the first window with hits in it. */
static void search_windows(const engine *e, slot *s)
{
    while (s->at_window < s->n_windows && s->holes <= e->finder->options->holes_max) {
        s->n_found =
            hg_hit_index_search(&e->finder->index, &s->windows[s->at_window], e->finder->used, HG_WINDOW_HITS, s->found, &s->nearest);
        if (s->n_found > 0) {
            s->stage = STAGE_LAYER;
            return;
        }
        skip_window(s);
    }
    s->stage = STAGE_END;
}

/* Predictions to the modules of other hits of the window, each module once; row_of[k] = -1: not worth it. */
static void ask_for_others(engine *e, slot *s, const float *reference)
{
    const int32_t own = record_of(e, s->found[s->nearest])->module;
    for (int k = 0; k < s->n_found; ++k) {
        const int32_t module = record_of(e, s->found[k])->module;
        s->row_of[k] = -1;
        if (module == own || !hg_match_near(e->finder, reference, own, s->found[k])) continue;
        for (int j = 0; j < k && s->row_of[k] < 0; ++j)
            if (s->row_of[j] >= 0 && record_of(e, s->found[j])->module == module) s->row_of[k] = s->row_of[j];
        if (s->row_of[k] < 0) s->row_of[k] = hg_job_add(&e->others, s->current.state, s->current.module, module);
    }
}

/* The hits that fit, best first. */
static void match_layer(engine *e, slot *s, const float *reference)
{
    const int32_t own = record_of(e, s->found[s->nearest])->module;
    s->n_matches = 0;
    for (int k = 0; k < s->n_found; ++k) {
        const float *state = record_of(e, s->found[k])->module == own ? reference : NULL;
        hg_match match;
        if (s->row_of[k] >= 0) state = hg_job_result(&e->others, s->row_of[k]);
        if (state && hg_match_test(e->finder, &s->walk, state, s->found[k], e->finder->options->chi2_max, &match))
            hg_match_insert(e->finder, &match, s->matches, &s->n_matches);
    }
}

/* All slots with hits in a window: first the module of the nearest hit, then those of the others, from there. */
static void match_layers(engine *e)
{
    e->reference.n = e->others.n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        if (s->stage != STAGE_LAYER) continue;
        s->row = hg_job_add(&e->reference, s->current.state, s->current.module, record_of(e, s->found[s->nearest])->module);
    }
    hg_jobs_run(&e->reference, e->finder, false);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        if (s->stage != STAGE_LAYER) continue;
        const float *reference = hg_job_result(&e->reference, s->row);
        if (reference)
            ask_for_others(e, s, reference);
        else
            skip_window(s);
    }
    hg_jobs_run(&e->others, e->finder, false);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        if (s->stage != STAGE_LAYER) continue;
        match_layer(e, s, hg_job_result(&e->reference, s->row));
        if (s->n_matches == 0) skip_window(s);
    }
}

/* Takes matches[choice]; returns false if the filter fails. */
static bool take_first(const engine *e, slot *s, int choice, hg_branch *branch)
{
    const hg_match *match = &s->matches[choice];
    const hg_hit_record *hit = record_of(e, match->place);
    float state[HG_STATE_NUMBERS];
    memcpy(state, match->state, sizeof state);
    if (branch->candidate.n == HG_CANDIDATE_HITS || !hg_float_update(state, hit)) return false;
    hg_candidate_append(&branch->candidate, hit->row, match->gain);
    s->taken[choice] = 1;
    memcpy(branch->state, state, sizeof state);
    branch->module = hit->module;
    s->taker = (taker){.branch = branch, .choice = choice, .row = -1};
    return true;
}

/* The next alternative nearly as good as the best, on the stack; false if there is none. */
static bool take_alternative(const engine *e, slot *s)
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
static void ask_for_second(engine *e, slot *s)
{
    taker *t = &s->taker;
    t->row = -1;
    for (; t->branch && t->cursor < s->n_matches; ++t->cursor) {
        const int32_t module = record_of(e, s->matches[t->cursor].place)->module;
        if (t->cursor == t->choice || has_module(e, &t->branch->candidate, module)) continue;
        t->row = hg_job_add(&e->second, t->branch->state, t->branch->module, module);
        return;
    }
    t->branch = NULL;
}

static void take_second(engine *e, slot *s)
{
    taker *t = &s->taker;
    const int k = t->cursor++;
    const int32_t place = s->matches[k].place;
    const float *predicted = hg_job_result(&e->second, t->row);
    float state[HG_STATE_NUMBERS];
    hg_match match;
    if (!predicted || !hg_match_test(e->finder, &s->walk, predicted, place, e->finder->options->overlap_chi2_max, &match)) return;
    memcpy(state, predicted, sizeof state);
    if (!hg_float_update(state, record_of(e, place))) return;
    memcpy(t->branch->state, state, sizeof state);
    t->branch->module = record_of(e, place)->module;
    hg_candidate_append(&t->branch->candidate, record_of(e, place)->row, match.gain);
    s->taken[k] = 1;
}

/* All takers go on until none has a match left to try. */
static void take_all_seconds(engine *e)
{
    do {
        e->second.n = 0;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == STAGE_LAYER) ask_for_second(e, &e->slots[k]);
        hg_jobs_run(&e->second, e->finder, false);
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == STAGE_LAYER && e->slots[k].taker.row >= 0) take_second(e, &e->slots[k]);
    } while (e->second.n > 0);
}

/* Each hypothesis goes on with the best hit; alternatives nearly as good go on the stack, until there are enough. */
static void take_layers(engine *e)
{
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        slot *s = &e->slots[k];
        s->taker = (taker){.row = -1};
        if (s->stage != STAGE_LAYER) continue;
        memset(s->taken, 0, sizeof s->taken);
        s->current.candidate.n_hole += s->holes;
        s->current.candidate.score -= e->finder->options->hole_penalty * (float)s->holes;
        s->before = s->current;
        s->next_choice = 1;
        if (!take_first(e, s, 0, &s->current)) s->stage = STAGE_END;
    }
    for (bool more = true; more;) {
        take_all_seconds(e);
        more = false;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == STAGE_LAYER) more |= take_alternative(e, &e->slots[k]);
    }
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
        if (e->slots[k].stage == STAGE_LAYER) e->slots[k].stage = STAGE_WINDOWS;
}

static int32_t chain_length(const engine *e, int64_t chain)
{
    const int64_t n = e->chains->offset[chain + 1] - e->chains->offset[chain];
    return (int32_t)(n < HG_CANDIDATE_HITS ? n : HG_CANDIDATE_HITS);
}

/* Room of the seed filter in floats: three hits a lane. */
enum { SEED_STEPS = 3, SEED_ROOM = (SEED_STEPS * 6 + HG_BATCH_WORK + 5 + 5 + 20 + 1 + 1) * HG_BATCH_LANES_MAX };

/* Fills a lane with the first three hits of a chain. Near the true helix, with a loose start; the filter makes its errors right. */
static bool lay_seed(const engine *e, int64_t chain, int lane, int32_t *module, float *local, float *variance, float *start, float *loose)
{
    const int lanes = e->finder->kernels->lanes;
    const int32_t *hit = e->chains->node + e->chains->offset[chain];
    const hg_measurement *m = e->finder->input->measurements;
    double par[5];
    if (hg_seed_parameters(&e->finder->kalman, (hg_measurement[3]){m[hit[0]], m[hit[1]], m[hit[2]]}, 0, par) != 0) return false;
    for (int n = 0; n < SEED_STEPS; ++n) {
        module[n * lanes + lane] = (int32_t)m[hit[n]].module;
        for (int c = 0; c < 2; ++c) {
            const bool has = hg_measurement_has(&m[hit[n]], c);
            local[(2 * n + c) * lanes + lane] = has ? (float)m[hit[n]].local[c] : 0.0f;
            variance[(2 * n + c) * lanes + lane] = has ? (float)m[hit[n]].variance[c] : 0.0f;
        }
    }
    const double sin2 = sin(par[3]) * sin(par[3]), along = hg_measurement_has(&m[hit[0]], 1) ? 25.0 : 2500.0;
    const double sigma2[5] = {25.0, along, 0.02, fmin(0.02, 0.04 * sin2), 0.02 + par[4] * par[4]};
    for (int i = 0; i < 5; ++i) {
        start[i * lanes + lane] = (float)par[i];
        loose[i * lanes + lane] = (float)sigma2[i];
    }
    return true;
}

/* Starts chains in free slots; a chain without a seed leaves its candidate empty. */
static void start_group(engine *e, const int64_t *chain, int n, slot *const *to)
{
    const int lanes = e->finder->kernels->lanes;
    float *at = e->seeds, *local = at, *variance = at + 2 * SEED_STEPS * lanes, *start = at + 4 * SEED_STEPS * lanes;
    float *loose = start + 5 * lanes, *last = loose + 5 * lanes, *chi2 = last + 20 * lanes,
          *work = at + (SEED_ROOM - HG_BATCH_WORK * HG_BATCH_LANES_MAX);
    int32_t module[SEED_STEPS * HG_BATCH_LANES_MAX], status[SEED_STEPS * HG_BATCH_LANES_MAX], last_step[HG_BATCH_LANES_MAX];
    bool good[HG_BATCH_LANES_MAX];
    memset(module, -1, sizeof module);
    memset(at, 0, (size_t)(SEED_ROOM - HG_BATCH_WORK * HG_BATCH_LANES_MAX) * sizeof *at);
    for (int k = 0; k < n; ++k) good[k] = lay_seed(e, chain[k], k, module, local, variance, start, loose);
    const hg_batch_fit fit = {.n_steps = SEED_STEPS,
                              .module = module,
                              .local = local,
                              .variance = variance,
                              .start = start,
                              .start_variance = loose,
                              .work = work,
                              .status = status,
                              .last = last,
                              .last_step = last_step,
                              .chi2 = chi2};
    e->finder->kernels->fit(e->finder->world, &fit);
    for (int k = 0; k < n; ++k) {
        const hg_finder_options *o = e->finder->options;
        const int32_t *hit = e->chains->node + e->chains->offset[chain[k]];
        slot *s = to[k];
        hg_branch first = {.module = module[2 * lanes + k]};
        if (!good[k] || last_step[k] != SEED_STEPS - 1 || !(chi2[k] <= (float)o->chi2_max)) continue;
        for (int i = 0; i < HG_STATE_NUMBERS; ++i) first.state[i] = last[i * lanes + k];
        for (int i = 0; i < SEED_STEPS; ++i) hg_candidate_append(&first.candidate, hit[i], 0);
        s->chain = chain[k];
        s->walk = (hg_walk){
            .direction = 1, .expected = hit, .n_expected = chain_length(e, chain[k]), .bonus = o->chain_bonus, .n_branches = o->n_branches};
        begin_walk(s, &first);
    }
}

/* Follows the given chains, as many at a time as there are slots. */
static void follow_block(engine *e, const int64_t *chain, int64_t n)
{
    const int lanes = e->finder->kernels->lanes;
    int64_t next = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) e->slots[k].stage = STAGE_FREE;
    for (bool busy = true; busy;) {
        slot *free_slots[HG_FOLLOW_SLOTS];
        int n_free = 0;
        for (int k = 0; k < HG_FOLLOW_SLOTS && next < n; ++k)
            if (e->slots[k].stage == STAGE_FREE) free_slots[n_free++] = &e->slots[k];
        for (int at = 0; at < n_free && next < n && (n_free >= lanes || n - next <= n_free); at += lanes) {
            int room = n_free - at < lanes ? n_free - at : lanes;
            if (room > n - next) room = (int)(n - next);
            start_group(e, chain + next, room, free_slots + at);
            next += room;
        }
        find_windows(e);
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == STAGE_SEARCH) search_windows(e, &e->slots[k]);
        match_layers(e);
        take_layers(e);
        end_branches(e);
        busy = next < n;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) busy |= e->slots[k].stage != STAGE_FREE;
    }
}

static hg_status open_engine(hg_context *ctx, const hg_finder *finder, const hg_paths *chains, hg_candidates *candidates, engine *e)
{
    hg_status status = HG_OK;
    e->finder = finder;
    e->chains = chains;
    e->candidates = candidates;
    HG_TRY(hg_alloc(ctx, &e->slots, HG_FOLLOW_SLOTS));
    HG_TRY(hg_alloc(ctx, &e->states, HG_FOLLOW_SLOTS * HG_BATCH_STATE));
    HG_TRY(hg_alloc(ctx, &e->windows, HG_FOLLOW_SLOTS * HG_WINDOWS_AHEAD));
    HG_TRY(hg_alloc(ctx, &e->seeds, SEED_ROOM));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS, &finder->kalman, &e->reference));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS * HG_WINDOW_HITS, &finder->kalman, &e->others));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS, &finder->kalman, &e->second));
done:
    return status;
}

static void close_engine(hg_context *ctx, engine *e)
{
    hg_free(ctx, e->slots);
    hg_free(ctx, e->states);
    hg_free(ctx, e->windows);
    hg_free(ctx, e->seeds);
    hg_job_list_free(ctx, &e->reference);
    hg_job_list_free(ctx, &e->others);
    hg_job_list_free(ctx, &e->second);
}

hg_status hg_follow_chains(hg_context *ctx, const hg_finder *finder, const hg_paths *chains, int64_t least, hg_candidates *candidates)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    engine *engines = NULL;
    int64_t *chain = NULL, n = 0;

    HG_TRY(hg_alloc(ctx, &chain, chains->n));
    for (int64_t c = 0; c < chains->n; ++c)
        if (chains->offset[c + 1] - chains->offset[c] >= least) chain[n++] = c;
    HG_TRY(hg_alloc(ctx, &engines, threads));
    for (int t = 0; t < threads; ++t) HG_TRY(open_engine(ctx, finder, chains, candidates, &engines[t]));
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t first = 0; first < n; first += BLOCK)
        follow_block(&engines[omp_get_thread_num()], chain + first, n - first < BLOCK ? n - first : BLOCK);
done:
    for (int t = 0; engines && t < threads; ++t) close_engine(ctx, &engines[t]);
    hg_free(ctx, engines);
    hg_free(ctx, chain);
    return status;
}
