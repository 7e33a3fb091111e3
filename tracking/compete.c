/* compete.c — which candidate owns a hit: best first, the others lose it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"

/* Place in a heap ordered best first; `score` and `n` are what the candidate had when it was last looked at. */
typedef struct entry {
    float score;
    int32_t n, first_hit;
    int64_t candidate;
} entry;

static bool before(const entry *a, const entry *b)
{
    if (a->score != b->score) return a->score > b->score;
    if (a->n != b->n) return a->n > b->n;
    if (a->first_hit != b->first_hit) return a->first_hit < b->first_hit;
    return a->candidate < b->candidate;
}

static void sift_down(entry *heap, int64_t n, int64_t i)
{
    for (;;) {
        int64_t child = 2 * i + 1;
        if (child >= n) return;
        if (child + 1 < n && before(&heap[child + 1], &heap[child])) ++child;
        if (!before(&heap[child], &heap[i])) return;
        entry swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
        i = child;
    }
}

/* The candidate without the hits that others own: its penalties stay, the lost hits take their gain along. */
static void trim(const hg_finder *finder, const hg_candidate *from, hg_candidate *to)
{
    to->n = 0;
    to->n_hole = from->n_hole;
    to->score = from->score;
    for (int32_t k = 0; k < from->n; ++k) {
        if (finder->used[from->hit[k]]) {
            to->score -= from->gain[k];
            continue;
        }
        to->hit[to->n] = from->hit[k];
        to->gain[to->n++] = from->gain[k];
    }
}

static int32_t count_layers(const hg_finder *finder, const hg_candidate *candidate)
{
    int32_t n = 0;
    for (int32_t k = 0; k < candidate->n; ++k)
        n += k == 0 || finder->hit_layer[candidate->hit[k]] != finder->hit_layer[candidate->hit[k - 1]];
    return n;
}

static bool good_enough(const hg_finder *finder, int pass, const hg_candidate *whole, const hg_candidate *left)
{
    const hg_finder_pass *cut = &finder->options->pass[pass];
    if (finder->follows && left->score < cut->score_min) return false;
    return left->n >= cut->hits_min && left->score >= finder->options->kept_min * whole->score &&
           count_layers(finder, left) >= cut->layers_min;
}

hg_status hg_candidates_reserve(hg_context *ctx, hg_candidates *candidates, int64_t room)
{
    if (room <= candidates->room) return HG_OK;
    int64_t grown = room > 2 * candidates->room ? room : 2 * candidates->room;
    hg_status status = hg_grow(ctx, &candidates->item, candidates->room, grown);
    if (status == HG_OK) candidates->room = grown;
    return status;
}

static hg_status accept(hg_context *ctx, hg_finder *finder, const hg_candidate *candidate)
{
    hg_status status = hg_candidates_reserve(ctx, &finder->tracks, finder->tracks.n + 1);
    if (status != HG_OK) return status;
    finder->tracks.item[finder->tracks.n++] = *candidate;
    for (int32_t k = 0; k < candidate->n; ++k) finder->used[candidate->hit[k]] = 1;
    return HG_OK;
}

hg_status hg_compete(hg_context *ctx, hg_finder *finder, int pass, const hg_candidates *candidates)
{
    hg_status status = HG_OK;
    entry *heap = NULL;
    int64_t n = 0;

    HG_TRY(hg_alloc(ctx, &heap, candidates->n));
    for (int64_t c = 0; c < candidates->n; ++c) {
        const hg_candidate *item = &candidates->item[c];
        if (item->n > 0) heap[n++] = (entry){.score = item->score, .n = item->n, .first_hit = item->hit[0], .candidate = c};
    }
    for (int64_t i = n / 2 - 1; i >= 0; --i) sift_down(heap, n, i);

    /* scores only fall as hits are taken, so a candidate that still has its score when it is on top is the best of all */
    while (n > 0) {
        const hg_candidate *whole = &candidates->item[heap[0].candidate];
        hg_candidate left;
        trim(finder, whole, &left);
        if (!good_enough(finder, pass, whole, &left)) {
            heap[0] = heap[--n];
        } else if (left.n < heap[0].n) {
            heap[0].score = left.score;
            heap[0].n = left.n;
            heap[0].first_hit = left.hit[0];
        } else {
            HG_TRY(accept(ctx, finder, &left));
            heap[0] = heap[--n];
        }
        sift_down(heap, n, 0);
    }
done:
    hg_free(ctx, heap);
    return status;
}
