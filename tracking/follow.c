/* follow.c — from chains of hits to candidates: combinatorial Kalman filters outward, then back inward, many side by side. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/follow.h"

/* A slot carries one chain through all its hypotheses, one at a time, so that what is found does not depend on the neighbours; only the
 * arithmetic of the slots is done together, round by round. */

enum { LAYERS_MAX = 64, BLOCK_MIN = 32, BLOCK_MAX = 256, BLOCKS_PER_THREAD = 2 };

void hg_slot_begin_branch(hg_slot *s, const hg_branch *from)
{
    s->current = *from;
    s->step = 0;
    s->holes = 0;
    s->stage = HG_SLOT_WINDOWS;
}

void hg_slot_begin_walk(hg_slot *s, const hg_branch *start)
{
    s->has_best = false;
    s->n_stack = 0;
    s->n_made = 1;
    hg_slot_begin_branch(s, start);
}

static void find_windows(hg_engine *e)
{
    int32_t module[HG_FOLLOW_SLOTS], own[HG_FOLLOW_SLOTS], direction[HG_FOLLOW_SLOTS], n_windows[HG_FOLLOW_SLOTS];
    hg_slot *wanting[HG_FOLLOW_SLOTS];
    int n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_WINDOWS) continue;
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
    e->finder->kernels->windows(e->finder->world, &e->finder->index.columns.view, e->states, &search);
    for (int k = 0; k < n; ++k) {
        hg_slot *s = wanting[k];
        memcpy(s->windows, e->windows + k * HG_WINDOWS_AHEAD, sizeof s->windows);
        s->n_windows = n_windows[k];
        s->at_window = 0;
        s->holes = 0;
        s->stage = ++s->step > LAYERS_MAX ? HG_SLOT_END : HG_SLOT_SEARCH;
    }
}

static void skip_window(hg_slot *s)
{
    s->holes += s->windows[s->at_window++].inside;
    s->stage = HG_SLOT_SEARCH;
}

/* On to the first window with hits in it. */
static void search_windows(const hg_engine *e, hg_slot *s)
{
    while (s->at_window < s->n_windows && s->holes <= e->finder->options->holes_max) {
        s->n_found =
            hg_hit_index_search(&e->finder->index, &s->windows[s->at_window], e->finder->used, HG_WINDOW_HITS, s->found, &s->nearest);
        if (s->n_found > 0) {
            s->stage = HG_SLOT_LAYER;
            return;
        }
        skip_window(s);
    }
    s->stage = HG_SLOT_END;
}

/* Predictions to the modules of other hits of the window, each module once; row_of[k] = -1: not worth it. */
static void ask_for_others(hg_engine *e, hg_slot *s, const float *reference)
{
    const int32_t own = hg_engine_record(e, s->found[s->nearest])->module;
    float direction[3];
    if (s->n_found > 1) hg_match_direction(reference, direction);
    for (int k = 0; k < s->n_found; ++k) {
        const int32_t module = hg_engine_record(e, s->found[k])->module;
        s->row_of[k] = -1;
        if (module == own || !hg_match_near(e->finder, reference, direction, own, s->found[k])) continue;
        for (int j = 0; j < k && s->row_of[k] < 0; ++j)
            if (s->row_of[j] >= 0 && hg_engine_record(e, s->found[j])->module == module) s->row_of[k] = s->row_of[j];
        if (s->row_of[k] < 0) s->row_of[k] = hg_job_add(&e->others, s->current.state, s->current.module, module);
    }
}

/* The hits that fit, best first. */
static void match_layer(hg_engine *e, hg_slot *s, const float *reference)
{
    const int32_t own = hg_engine_record(e, s->found[s->nearest])->module;
    s->n_matches = 0;
    for (int k = 0; k < s->n_found; ++k) {
        const float *state = hg_engine_record(e, s->found[k])->module == own ? reference : NULL;
        hg_match match;
        if (s->row_of[k] >= 0) state = hg_job_result(&e->others, s->row_of[k]);
        if (state && hg_match_test(e->finder, &s->walk, state, s->found[k], e->finder->options->chi2_max, &match))
            hg_match_insert(e->finder, &match, s->matches, &s->n_matches);
    }
}

/* All slots with hits in a window: first the module of the nearest hit, then those of the others, from there. */
static void match_layers(hg_engine *e)
{
    e->reference.n = e->others.n = 0;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_LAYER) continue;
        s->row = hg_job_add(&e->reference, s->current.state, s->current.module, hg_engine_record(e, s->found[s->nearest])->module);
    }
    hg_jobs_run(&e->reference, e->finder, false);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_LAYER) continue;
        const float *reference = hg_job_result(&e->reference, s->row);
        if (reference)
            ask_for_others(e, s, reference);
        else
            skip_window(s);
    }
    hg_jobs_run(&e->others, e->finder, false);
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) {
        hg_slot *s = &e->slots[k];
        if (s->stage != HG_SLOT_LAYER) continue;
        match_layer(e, s, hg_job_result(&e->reference, s->row));
        if (s->n_matches == 0) skip_window(s);
    }
}

/* Follows chains first .. end - 1 of the list, as many at a time as there are slots. */
static void follow_block(hg_engine *e, int64_t first, int64_t end)
{
    const int lanes = e->finder->kernels->lanes;
    int64_t next = first;
    for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) e->slots[k].stage = HG_SLOT_FREE;
    for (bool busy = true; busy;) {
        hg_slot *free_slots[HG_FOLLOW_SLOTS];
        int n_free = 0;
        for (int k = 0; k < HG_FOLLOW_SLOTS && next < end; ++k)
            if (e->slots[k].stage == HG_SLOT_FREE) free_slots[n_free++] = &e->slots[k];
        for (int at = 0; at < n_free && next < end && (n_free >= lanes || end - next <= n_free); at += lanes) {
            int room = n_free - at < lanes ? n_free - at : lanes;
            if (room > end - next) room = (int)(end - next);
            hg_start_chains(e, next, room, free_slots + at);
            next += room;
        }
        find_windows(e);
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k)
            if (e->slots[k].stage == HG_SLOT_SEARCH) search_windows(e, &e->slots[k]);
        match_layers(e);
        hg_take_layers(e);
        hg_end_branches(e);
        busy = next < end;
        for (int k = 0; k < HG_FOLLOW_SLOTS; ++k) busy |= e->slots[k].stage != HG_SLOT_FREE;
    }
}

struct hg_follower {
    int threads;
    hg_engine *engines; /* [threads] */
};

static hg_status open_engine(hg_context *ctx, const hg_finder *finder, hg_engine *e)
{
    hg_status status = HG_OK;
    e->finder = finder;
    HG_TRY(hg_alloc_unset(ctx, &e->slots, HG_FOLLOW_SLOTS));
    HG_TRY(hg_alloc_unset(ctx, &e->states, HG_FOLLOW_SLOTS * HG_BATCH_STATE));
    HG_TRY(hg_alloc_unset(ctx, &e->windows, HG_FOLLOW_SLOTS * HG_WINDOWS_AHEAD));
    HG_TRY(hg_alloc_unset(ctx, &e->seeds, HG_SEED_ROOM));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS, &finder->kalman, &e->reference));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS * HG_WINDOW_HITS, &finder->kalman, &e->others));
    HG_TRY(hg_job_list_create(ctx, HG_FOLLOW_SLOTS, &finder->kalman, &e->second));
done:
    return status;
}

static void close_engine(hg_context *ctx, hg_engine *e)
{
    hg_free(ctx, e->slots);
    hg_free(ctx, e->states);
    hg_free(ctx, e->windows);
    hg_free(ctx, e->seeds);
    hg_job_list_free(ctx, &e->reference);
    hg_job_list_free(ctx, &e->others);
    hg_job_list_free(ctx, &e->second);
}

hg_status hg_follower_create(hg_context *ctx, const hg_finder *finder, hg_follower **out)
{
    hg_status status = HG_OK;
    hg_follower *follower = NULL;
    HG_TRY(hg_alloc(ctx, &follower, 1));
    follower->threads = hg_context_threads(ctx);
    HG_TRY(hg_alloc(ctx, &follower->engines, follower->threads));
    for (int t = 0; t < follower->threads; ++t) HG_TRY(open_engine(ctx, finder, &follower->engines[t]));
    *out = follower;
    follower = NULL;
done:
    hg_follower_destroy(ctx, follower);
    return status;
}

void hg_follower_destroy(hg_context *ctx, hg_follower *follower)
{
    if (!follower) return;
    for (int t = 0; follower->engines && t < follower->threads; ++t) close_engine(ctx, &follower->engines[t]);
    hg_free(ctx, follower->engines);
    hg_free(ctx, follower);
}

/* Long blocks keep the lanes busy, but every thread must get one; no less than fills two groups of lanes. */
static int64_t block_length(int64_t n, int threads)
{
    const int64_t share = n / ((int64_t)BLOCKS_PER_THREAD * threads) + 1;
    return share < BLOCK_MIN ? BLOCK_MIN : share > BLOCK_MAX ? BLOCK_MAX : share;
}

hg_status hg_follow_chains(hg_context *ctx, const hg_finder *finder, const hg_paths *chains, int64_t least, hg_candidates *candidates)
{
    hg_status status = HG_OK;
    hg_engine *engines = finder->follower->engines;
    int64_t *chain = NULL, n = 0;

    HG_TRY(hg_alloc(ctx, &chain, chains->n));
    for (int64_t c = 0; c < chains->n; ++c)
        if (chains->offset[c + 1] - chains->offset[c] >= least) chain[n++] = c;
    HG_TRY(hg_candidates_reserve(ctx, candidates, n));
    candidates->n = n;
    for (int t = 0; t < finder->follower->threads; ++t) {
        engines[t].chains = chains;
        engines[t].chain = chain;
        engines[t].candidate = candidates->item;
    }
    const int64_t block = block_length(n, finder->follower->threads);
#pragma omp parallel for num_threads(finder->follower->threads) schedule(dynamic, 1)
    for (int64_t first = 0; first < n; first += block)
        follow_block(&engines[omp_get_thread_num()], first, n - first < block ? n : first + block);
done:
    hg_free(ctx, chain);
    return status;
}
