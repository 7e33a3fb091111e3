/* follow.c — from a chain of hits to a candidate: a combinatorial Kalman filter outward, then back inward. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "tracking/finder.h"
#include "tracking/kalman.h"
#include "tracking/transport.h"

enum { WINDOW_HITS = 32, WINDOWS_AHEAD = 4, BRANCHES_MAX = 4, LAYERS_MAX = 64 };

/* A hit that fits a prediction on its module. */
typedef struct match {
    int32_t hit;
    double chi2;
    float gain, rank;     /* rank = gain and a bonus for hits that were expected */
    hg_track_state state; /* predicted, on the hit's module */
} match;

/* A hypothesis on its way. */
typedef struct branch {
    hg_candidate candidate; /* hits in the order found */
    hg_track_state state;   /* filtered, at the last hit */
    float end_gain;         /* what the end of the walk says: does it come from the beam line? */
} branch;

/* What one pass over the layers needs. */
typedef struct walk {
    const hg_finder *finder;
    int direction;
    const int32_t *expected; /* hits that the graph, or the way out, says belong here */
    int32_t n_expected;
    float bonus; /* of expected hits */
    int32_t n_branches;
} walk;

/* log(density of the prediction at the hit / density of hits there). Of a hit with one coordinate the density is that of its strip. */
static float likelihood_gain(const hg_finder *finder, const hg_track_state *state, int32_t hit, double chi2)
{
    const double log_2pi = 1.8378770664093453;
    const hg_measurement *m = &finder->input->measurements[hit];
    double a = state->cov[0] + m->variance[0], b = state->cov[1], c = state->cov[2] + m->variance[1];
    bool has_u = hg_measurement_has(m, 0), has_v = hg_measurement_has(m, 1);
    double log_density = (double)finder->index.log_density[hit];
    if (has_u && has_v) return (float)(-0.5 * chi2 - 0.5 * log(fmax(a * c - b * b, 1e-12)) - log_2pi - log_density);
    if (!has_u && !has_v) return 0;
    const hg_module *module = &finder->input->detector->modules[m->module];
    double length = 2.0 * fmax(has_u ? module->half_v : module->half_u_max, 1.0);
    return (float)(-0.5 * chi2 - 0.5 * log(fmax(has_u ? a : c, 1e-6)) - 0.5 * log_2pi - log_density - log(length));
}

static bool is_expected(const walk *w, int32_t hit)
{
    for (int32_t k = 0; k < w->n_expected; ++k)
        if (w->expected[k] == hit) return true;
    return false;
}

static bool has_module(const hg_finder *finder, const hg_candidate *candidate, int64_t module)
{
    for (int32_t k = 0; k < candidate->n; ++k)
        if (finder->input->hit_module[candidate->hit[k]] == module) return true;
    return false;
}

/* A straight line from a predicted state decides which other modules are worth a prediction of their own: within a few mm the field does
 * nothing. */
static bool near_straight_line(const hg_finder *finder, const hg_track_state *state, int32_t hit)
{
    const hg_module *from = &finder->input->detector->modules[state->module];
    const hg_module *to = &finder->input->detector->modules[finder->input->hit_module[hit]];
    double r[3], t[3] = {sin(state->par[3]) * cos(state->par[2]), sin(state->par[3]) * sin(state->par[2]), cos(state->par[3])};
    double gap = 0, slope = 0, local[2] = {0, 0};
    for (int i = 0; i < 3; ++i) {
        r[i] = from->center[i] + from->rotation[3 * i] * state->par[0] + from->rotation[3 * i + 1] * state->par[1] - to->center[i];
        gap -= to->rotation[3 * i + 2] * r[i];
        slope += to->rotation[3 * i + 2] * t[i];
    }
    if (fabs(slope) < 0.02) return false;
    for (int i = 0; i < 3; ++i)
        for (int k = 0; k < 2; ++k) local[k] += to->rotation[3 * i + k] * (r[i] + gap / slope * t[i]);
    const hg_measurement *m = &finder->input->measurements[hit];
    for (int k = 0; k < 2; ++k) {
        if (!hg_measurement_has(m, k)) continue;
        double sigma = sqrt(state->cov[k ? 2 : 0] + m->variance[k]) + 0.05 * fabs(gap / slope) + 0.05;
        if (fabs(local[k] - m->local[k]) > 6.0 * sigma) return false;
    }
    return true;
}

/* Tests a hit against a prediction on its module, made from `from` unless `at` is already there. Returns true and fills *out if it fits. */
static bool test_hit(const walk *w, const hg_track_state *from, hg_track_state *at, int32_t hit, double chi2_max, match *out)
{
    const hg_finder_input *in = w->finder->input;
    int64_t module = in->hit_module[hit];
    if (at->module != module && hg_kalman_predict(&w->finder->kalman, from, module, at) != 0) {
        at->module = -1;
        return false;
    }
    double chi2 = hg_kalman_chi2(at, &in->measurements[hit]);
    if (!(chi2 <= chi2_max)) return false;
    float gain = likelihood_gain(w->finder, at, hit, chi2);
    *out = (match){.hit = hit, .chi2 = chi2, .gain = gain, .rank = gain, .state = *at};
    if (!is_expected(w, hit)) return gain > w->finder->options->gain_min;
    out->rank += w->bonus;
    return gain > w->finder->options->expected_gain_min;
}

static int nearest_hit(const hg_hits *hits, const hg_window *window, const int32_t *found, int n)
{
    int best = 0;
    double least = HUGE_VAL;
    for (int k = 0; k < n; ++k) {
        double d[3] = {hits->x[found[k]] - window->position[0], hits->y[found[k]] - window->position[1],
                       hits->z[found[k]] - window->position[2]};
        double cross[3] = {d[1] * window->direction[2] - d[2] * window->direction[1],
                           d[2] * window->direction[0] - d[0] * window->direction[2],
                           d[0] * window->direction[1] - d[1] * window->direction[0]};
        double distance = cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2];
        if (distance >= least) continue;
        least = distance;
        best = k;
    }
    return best;
}

/* The hits of a layer that fit, best first (tie: smaller row). Returns their number. */
static int match_layer(const walk *w, const branch *b, const hg_window *window, match *matches)
{
    int32_t found[WINDOW_HITS];
    hg_track_state reference = {.module = -1}, at = {.module = -1};
    int n = 0, n_found = hg_hit_index_search(&w->finder->index, window, w->finder->used, WINDOW_HITS, found);
    if (n_found == 0) return 0;

    int first = nearest_hit(w->finder->input->hits, window, found, n_found);
    if (hg_kalman_predict(&w->finder->kalman, &b->state, w->finder->input->hit_module[found[first]], &reference) != 0) return 0;
    for (int k = 0; k < n_found; ++k) {
        match m;
        if (w->finder->input->hit_module[found[k]] == reference.module)
            at = reference;
        else if (!near_straight_line(w->finder, &reference, found[k]))
            continue;
        if (!test_hit(w, &b->state, &at, found[k], w->finder->options->chi2_max, &m)) continue;
        int place = n++;
        while (place > 0 && (m.rank > matches[place - 1].rank || (m.rank == matches[place - 1].rank && m.hit < matches[place - 1].hit))) {
            matches[place] = matches[place - 1];
            --place;
        }
        matches[place] = m;
    }
    return n;
}

static void append(hg_candidate *candidate, int32_t hit, float gain)
{
    if (candidate->n == HG_CANDIDATE_HITS) return;
    candidate->hit[candidate->n] = hit;
    candidate->gain[candidate->n++] = gain;
    candidate->score += gain;
}

/* Takes matches[choice], then those of the others on further modules of the layer that still fit the updated state. Returns false if the
 * filter fails. */
static bool take_hits(const walk *w, const match *matches, int n, int choice, uint8_t *taken, branch *b)
{
    const hg_finder_input *in = w->finder->input;
    hg_track_state state = matches[choice].state;

    if (b->candidate.n == HG_CANDIDATE_HITS || hg_kalman_update(&state, &in->measurements[matches[choice].hit]) < 0) return false;
    append(&b->candidate, matches[choice].hit, matches[choice].gain);
    taken[choice] = 1;
    b->state = state;
    for (int k = 0; k < n; ++k) {
        match second;
        hg_track_state at = {.module = -1};
        if (k == choice || has_module(w->finder, &b->candidate, in->hit_module[matches[k].hit])) continue;
        if (!test_hit(w, &b->state, &at, matches[k].hit, w->finder->options->overlap_chi2_max, &second)) continue;
        state = second.state;
        if (hg_kalman_update(&state, &in->measurements[second.hit]) < 0) continue;
        b->state = state;
        append(&b->candidate, second.hit, second.gain);
        taken[k] = 1;
    }
    return true;
}

/* Goes on from b with the hits of one layer; alternatives nearly as good as the best go on the stack. */
static bool take_layer(const walk *w, const match *matches, int n, branch *b, branch *stack, int *n_stack, int *n_made)
{
    branch before = *b;
    uint8_t taken[WINDOW_HITS] = {0};

    if (!take_hits(w, matches, n, 0, taken, b)) return false;
    for (int k = 1; k < n && *n_made < w->n_branches; ++k) {
        if (taken[k] || matches[k].rank < matches[0].rank - w->finder->options->branch_gap) continue;
        branch other = before;
        if (!take_hits(w, matches, n, k, taken, &other)) continue;
        stack[(*n_stack)++] = other;
        ++*n_made;
    }
    return true;
}

/* Carries a hypothesis on until no layer is left or too many gave nothing. */
static void finish_branch(const walk *w, branch *b, branch *stack, int *n_stack, int *n_made)
{
    const hg_finder *finder = w->finder;
    int32_t holes = 0;

    for (int step = 0; step < LAYERS_MAX; ++step) {
        hg_window windows[WINDOWS_AHEAD];
        match matches[WINDOW_HITS];
        int n_windows = hg_windows_ahead(finder->input, &finder->index, &b->state, w->direction, WINDOWS_AHEAD, windows);
        bool moved = false;
        holes = 0;
        for (int k = 0; k < n_windows && !moved && holes <= finder->options->holes_max; ++k) {
            int n = match_layer(w, b, &windows[k], matches);
            if (n == 0) {
                holes += windows[k].inside;
                continue;
            }
            b->candidate.n_hole += holes;
            b->candidate.score -= finder->options->hole_penalty * (float)holes;
            moved = take_layer(w, matches, n, b, stack, n_stack, n_made);
            if (!moved) return;
        }
        if (!moved) return;
    }
}

/* log of how much likelier the track's distance to the beam line is for a particle from a collision than for any other. */
static float beam_gain(const walk *w, const branch *b)
{
    const hg_finder_options *o = w->finder->options;
    double par[5], cov[15];

    if (w->direction > 0 || o->beam_sigma_mm <= 0) return 0;
    memcpy(par, b->state.par, sizeof par);
    memcpy(cov, b->state.cov, sizeof cov);
    if (hg_transport_state(&w->finder->kalman, b->state.module, -1, par, cov, NULL) != 0) return 0;
    double variance = cov[0] + o->beam_sigma_mm * o->beam_sigma_mm;
    double peak = o->displaced_mm * exp(-0.5 * par[0] * par[0] / variance) / sqrt(6.283185307179586 * variance);
    return (float)log(o->prompt_share * peak + (1.0 - o->prompt_share));
}

static bool better(const branch *a, const branch *b)
{
    float score_a = a->candidate.score + a->end_gain, score_b = b->candidate.score + b->end_gain;
    if (score_a != score_b) return score_a > score_b;
    return a->candidate.n > b->candidate.n;
}

/* All hypotheses from one start; the best stays in *start. */
static void run_walk(const walk *w, branch *start)
{
    branch stack[BRANCHES_MAX], best = *start;
    int n_stack = 0, n_made = 1;

    finish_branch(w, &best, stack, &n_stack, &n_made);
    best.end_gain = beam_gain(w, &best);
    while (n_stack > 0) {
        branch other = stack[--n_stack];
        finish_branch(w, &other, stack, &n_stack, &n_made);
        other.end_gain = beam_gain(w, &other);
        if (better(&other, &best)) best = other;
    }
    *start = best;
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

/* The way back begins with all hits of the outermost layer: the state already knows them. */
static void turn_around(const hg_finder *finder, const hg_candidate *outward, hg_candidate *inward)
{
    int32_t last = finder->hit_layer[outward->hit[outward->n - 1]];
    for (int32_t k = outward->n - 1; k >= 0 && finder->hit_layer[outward->hit[k]] == last; --k) append(inward, outward->hit[k], 0);
}

/* Filters the first n hits of an outward candidate again; the seed is made of the first three. Returns false if the filter fails. */
static bool filter_again(const hg_finder *finder, const hg_candidate *outward, int32_t n, hg_track_state *state)
{
    const hg_measurement *m = finder->input->measurements;
    const int32_t *hit = outward->hit;

    if (hg_seed_state(&finder->kalman, (hg_measurement[3]){m[hit[0]], m[hit[1]], m[hit[2]]}, 2, state) != 0) return false;
    for (int32_t k = 3; k < n; ++k) {
        hg_track_state next;
        if (hg_kalman_predict(&finder->kalman, state, m[hit[k]].module, &next) != 0) return false;
        if (hg_kalman_update(&next, &m[hit[k]]) < 0) return false;
        *state = next;
    }
    return true;
}

/* Number of hits without those of the outermost layer. */
static int32_t without_last_layer(const hg_finder *finder, const hg_candidate *outward, int32_t n)
{
    int32_t last = finder->hit_layer[outward->hit[n - 1]];
    while (n > 0 && finder->hit_layer[outward->hit[n - 1]] == last) --n;
    return n;
}

/* Back from the outer end through all layers. A track that all but curls at its last hit gives a state that leads nowhere: then the way
 * back starts one layer further in, and the hits outside stay as they were found. */
static void walk_back(const hg_finder *finder, const branch *out, hg_candidate *combined)
{
    hg_track_state state = out->state;
    hg_candidate outward = out->candidate;

    for (int attempt = 0; attempt < 3; ++attempt) {
        branch back = {.state = state, .candidate = {.n = 0}};
        walk inward = {.finder = finder,
                       .direction = -1,
                       .expected = outward.hit,
                       .n_expected = outward.n,
                       .bonus = finder->options->return_bonus,
                       .n_branches = finder->options->return_branches};
        for (int i = 0; i < 15; ++i) back.state.cov[i] *= finder->options->loosening;
        turn_around(finder, &outward, &back.candidate);
        run_walk(&inward, &back);
        combine(&outward, &back.candidate, combined);
        combined->score += back.end_gain;
        if (2 * combined->n > outward.n) break;
        int32_t n = without_last_layer(finder, &outward, outward.n);
        if (n < 3 || !filter_again(finder, &outward, n, &state)) break;
        outward.n = n;
    }
    for (int32_t k = outward.n; k < out->candidate.n; ++k) append(combined, out->candidate.hit[k], out->candidate.gain[k]);
    combined->score -= finder->options->hole_penalty * (float)combined->n_hole;
}

void hg_follow_chain(const hg_finder *finder, const int32_t *chain, int32_t n_chain, hg_candidate *out)
{
    const hg_measurement *m = finder->input->measurements;
    branch b = {.candidate = {.n = 0}};
    walk outward = {.finder = finder,
                    .direction = 1,
                    .expected = chain,
                    .n_expected = n_chain,
                    .bonus = finder->options->chain_bonus,
                    .n_branches = finder->options->n_branches};

    *out = (hg_candidate){0};
    if (hg_seed_state(&finder->kalman, (hg_measurement[3]){m[chain[0]], m[chain[1]], m[chain[2]]}, 2, &b.state) != 0) return;
    for (int k = 0; k < 3; ++k) append(&b.candidate, chain[k], 0);
    run_walk(&outward, &b);

    walk_back(finder, &b, out);
}
