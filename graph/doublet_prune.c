/* doublet_prune.c — leaves out candidates that others speak against. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_prune.h"

#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/neighbour_tables.h"

enum { HITS_PER_TURN = 256 };

/* The candidates, and what was found of them. */
typedef struct prune {
    const hg_doublet_map *map;
    hg_candidates *c;     /* borrowed */
    hg_incoming_index in; /* owned */
    uint8_t *keep;        /* [n] by candidate; owned */
} prune;

static hg_status mark_matches(hg_context *ctx, prune *p, hg_neighbour_rule rule)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const hg_candidates *c = p->c;
    const hg_doublet_kernels *kernels = NULL;
    uint8_t *as_first = NULL; /* [n] by place in the index: a match with one that goes on from the receiver */
    HG_TRY(hg_doublet_kernels_select(ctx, &kernels));
    HG_TRY(hg_alloc(ctx, &as_first, c->n));
#pragma omp parallel for schedule(dynamic, HITS_PER_TURN) num_threads(threads)
    for (int64_t i = 0; i < c->n_hits; ++i) {
        const int64_t in = p->in.first[i], out = c->first[i];
        kernels->mark(p->map, rule, p->in.doublet + in, (int32_t)(p->in.first[i + 1] - in), c->doublet + out,
                      (int32_t)(c->first[i + 1] - out), as_first + in, p->keep + out);
    }
    /* a candidate is marked from its receiver by place, from its sender by number: two threads never share an array element */
#pragma omp parallel for num_threads(threads)
    for (int64_t k = 0; k < c->n; ++k) p->keep[p->in.doublet[k].candidate] |= as_first[k];
done:
    hg_free(ctx, as_first);
    return status;
}

/* The hits at the other ends of the kept candidates across layers of hit i. ends: [N]. Returns how many. */
static int32_t list_ends(const prune *p, int64_t i, int32_t *ends)
{
    int32_t n = 0;
    for (int64_t k = p->in.first[i]; k < p->in.first[i + 1]; ++k) {
        const hg_incoming *in = &p->in.doublet[k];
        if (in->pair >= 0 && p->keep[in->candidate]) ends[n++] = p->c->doublet[in->candidate].sender;
    }
    for (int64_t k = p->c->first[i]; k < p->c->first[i + 1]; ++k) {
        if (!hg_candidate_overlaps(p->map, &p->c->doublet[k]) && p->keep[k]) ends[n++] = p->c->doublet[k].receiver;
    }
    return n;
}

/* Marks the overlaps of hit i whose other hit shares an end with it. owner: [N] whose end a hit was last; scratch. */
static void mark_overlaps(const prune *p, int64_t i, int32_t *owner, int32_t *ends)
{
    bool listed = false;
    for (int64_t k = p->c->first[i]; k < p->c->first[i + 1]; ++k) {
        const hg_scored_doublet *d = &p->c->doublet[k];
        if (!hg_candidate_overlaps(p->map, d)) continue;
        for (int32_t n = listed ? 0 : list_ends(p, i, ends); n > 0; --n) owner[ends[n - 1]] = (int32_t)i;
        listed = true;
        for (int32_t n = list_ends(p, d->receiver, ends); n > 0 && !p->keep[k]; --n) p->keep[k] = owner[ends[n - 1]] == i;
    }
}

static hg_status mark_all_overlaps(hg_context *ctx, const prune *p)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const int64_t n_hits = p->c->n_hits;
    int32_t *scratch = NULL; /* [threads, 2, N] */
    HG_TRY(hg_alloc_unset(ctx, &scratch, threads * 2 * n_hits));
    memset(scratch, 0xff, (size_t)(threads * 2 * n_hits) * sizeof *scratch);
#pragma omp parallel for schedule(dynamic, HITS_PER_TURN) num_threads(threads)
    for (int64_t i = 0; i < n_hits; ++i) {
        int32_t *owner = scratch + omp_get_thread_num() * 2 * n_hits;
        mark_overlaps(p, i, owner, owner + n_hits);
    }
done:
    hg_free(ctx, scratch);
    return status;
}

static hg_status gather_kept(hg_context *ctx, const prune *p, hg_candidates *out)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const int64_t n_hits = p->c->n_hits;
    hg_candidates kept = {.n_hits = n_hits};
    HG_TRY(hg_alloc(ctx, &kept.first, n_hits + 1));
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < n_hits; ++i) {
        for (int64_t k = p->in.first[i]; k < p->in.first[i + 1]; ++k) kept.first[i] += p->keep[p->in.doublet[k].candidate];
    }
    kept.n = hg_prefix_sum(kept.first, n_hits);
    HG_TRY(hg_alloc_unset(ctx, &kept.doublet, kept.n));
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < n_hits; ++i) {
        int64_t at = kept.first[i];
        for (int64_t k = p->in.first[i]; k < p->in.first[i + 1]; ++k) {
            const int32_t candidate = p->in.doublet[k].candidate;
            if (p->keep[candidate]) kept.doublet[at++] = p->c->doublet[candidate];
        }
    }
    *out = kept;
    kept = (hg_candidates){0};
done:
    hg_candidates_release(ctx, &kept);
    return status;
}

/* Judges the candidates by the map's tables: their scores become the final ones, relative to the threshold. */
static hg_status mark_by_tables(hg_context *ctx, prune *p, float offset, float threshold)
{
    hg_status status = HG_OK;
    hg_neighbour_scores scores = {0};
    HG_TRY(hg_neighbours_support(ctx, p->map, offset, p->c, &p->in, &scores));
    HG_TRY(hg_neighbours_refine(ctx, p->map, offset, p->c, &p->in, &scores));
#pragma omp parallel for num_threads(hg_context_threads(ctx))
    for (int64_t k = 0; k < p->c->n; ++k) {
        hg_scored_doublet *d = &p->c->doublet[k];
        if (hg_candidate_overlaps(p->map, d)) continue;
        d->score = hg_neighbours_final(p->map, &scores, k) - threshold;
        p->keep[k] = d->score >= 0;
    }
done:
    hg_neighbour_scores_release(ctx, &scores);
    return status;
}

static bool judged_by_tables(const hg_doublet_map *map, const hg_doublet_options *options)
{
    return options->neighbour_tables && options->mode == HG_DOUBLETS_TABLES && map->neighbours;
}

static hg_status mark(hg_context *ctx, prune *p, const hg_doublet_hits *hits, const hg_doublet_options *o)
{
    const bool by_tables = o->mode == HG_DOUBLETS_TABLES;
    if (judged_by_tables(p->map, o)) {
        const float offset = hg_candidate_offset(p->map, hits, o), shift = (float)o->neighbour_shift;
        return mark_by_tables(ctx, p, offset, p->map->neighbours->threshold + shift);
    }
    return mark_matches(ctx, p, (hg_neighbour_rule){(float)o->triplet_window, by_tables ? (float)o->triplet_cost : 0});
}

hg_status hg_candidates_prune(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map, const hg_doublet_options *options,
                              hg_candidates *candidates)
{
    hg_status status = HG_OK;
    prune p = {.map = map, .c = candidates};
    hg_candidates kept = {0};
    if (!(options->triplet_window > 0) && !judged_by_tables(map, options)) return HG_OK;
    HG_TRY(hg_alloc(ctx, &p.keep, candidates->n));
    HG_TRY(hg_incoming_create(ctx, map, candidates, &p.in));
    HG_TRY(mark(ctx, &p, hits, options));
    HG_TRY(mark_all_overlaps(ctx, &p));
    HG_TRY(gather_kept(ctx, &p, &kept));
    hg_candidates_release(ctx, candidates);
    *candidates = kept;
done:
    hg_incoming_release(ctx, &p.in);
    hg_free(ctx, p.keep);
    return status;
}
