/* doublet_prune.c — leaves out candidates that no other one continues. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_prune.h"

#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

enum { HITS_PER_TURN = 256, SORTERS_MAX = 16 /* each needs a counter for every hit */ };

/* The candidates once more by receiver, and what was found of them. Arrays owned. */
typedef struct prune {
    const hg_doublet_map *map;
    const hg_candidates *c;
    int64_t *in_first;     /* [N + 1] places of the candidates that come in at each hit */
    hg_incoming *incoming; /* [n] by receiver, then sender */
    uint8_t *as_first;     /* [n] by place; a match with one that goes on from the receiver */
    uint8_t *keep;         /* [n] by candidate; while marking: a match with one that comes in at the sender */
} prune;

static bool is_overlap(const prune *p, const hg_scored_doublet *d)
{
    return p->map->pair[d->pair].inner == p->map->pair[d->pair].outer;
}

/* Counting sort by receiver, stable; each of several parts of the candidates has counters of its own. */
static hg_status sort_by_receiver(hg_context *ctx, prune *p)
{
    hg_status status = HG_OK;
    const int64_t n_hits = p->c->n_hits;
    const int threads = hg_context_threads(ctx), sorters = threads < SORTERS_MAX ? threads : SORTERS_MAX;
    int32_t *next = NULL; /* [sorters, N] */
    int32_t total = 0;
    HG_TRY(hg_alloc(ctx, &next, sorters * n_hits));
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < sorters; ++t) {
        const int64_t end = hg_part_start(p->c->n, sorters, t + 1);
        for (int64_t k = hg_part_start(p->c->n, sorters, t); k < end; ++k) ++next[t * n_hits + p->c->doublet[k].receiver];
    }
    for (int64_t i = 0; i < n_hits; ++i) {
        p->in_first[i] = total;
        for (int t = 0; t < sorters; ++t) {
            const int32_t count = next[t * n_hits + i];
            next[t * n_hits + i] = total;
            total += count;
        }
    }
    p->in_first[n_hits] = total;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < sorters; ++t) {
        const int64_t end = hg_part_start(p->c->n, sorters, t + 1);
        for (int64_t k = hg_part_start(p->c->n, sorters, t); k < end; ++k) {
            const hg_scored_doublet *d = &p->c->doublet[k];
            p->incoming[next[t * n_hits + d->receiver]++] =
                (hg_incoming){d->kappa, d->cot, d->score, is_overlap(p, d) ? -1 : d->pair, (int32_t)k};
        }
    }
done:
    hg_free(ctx, next);
    return status;
}

static hg_status mark_matches(hg_context *ctx, prune *p, hg_neighbour_rule rule)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const hg_candidates *c = p->c;
    const hg_doublet_kernels *kernels = NULL;
    HG_TRY(hg_doublet_kernels_select(ctx, &kernels));
#pragma omp parallel for schedule(dynamic, HITS_PER_TURN) num_threads(threads)
    for (int64_t i = 0; i < c->n_hits; ++i) {
        const int64_t in = p->in_first[i], out = c->first[i];
        kernels->mark(p->map, rule, p->incoming + in, (int32_t)(p->in_first[i + 1] - in), c->doublet + out,
                      (int32_t)(c->first[i + 1] - out), p->as_first + in, p->keep + out);
    }
    /* a candidate is marked from its receiver by place, from its sender by number: two threads never share an array element */
#pragma omp parallel for num_threads(threads)
    for (int64_t k = 0; k < c->n; ++k) p->keep[p->incoming[k].candidate] |= p->as_first[k];
done:
    return status;
}

/* The hits at the other ends of the kept candidates across layers of hit i. ends: [N]. Returns how many. */
static int32_t list_ends(const prune *p, int64_t i, int32_t *ends)
{
    int32_t n = 0;
    for (int64_t k = p->in_first[i]; k < p->in_first[i + 1]; ++k) {
        const hg_incoming *in = &p->incoming[k];
        if (in->pair >= 0 && p->keep[in->candidate]) ends[n++] = p->c->doublet[in->candidate].sender;
    }
    for (int64_t k = p->c->first[i]; k < p->c->first[i + 1]; ++k) {
        if (p->keep[k] && !is_overlap(p, &p->c->doublet[k])) ends[n++] = p->c->doublet[k].receiver;
    }
    return n;
}

/* Marks the overlaps of hit i whose other hit shares an end with it. owner: [N] whose end a hit was last; scratch. */
static void mark_overlaps(const prune *p, int64_t i, int32_t *owner, int32_t *ends)
{
    bool listed = false;
    for (int64_t k = p->c->first[i]; k < p->c->first[i + 1]; ++k) {
        const hg_scored_doublet *d = &p->c->doublet[k];
        if (!is_overlap(p, d)) continue;
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
        for (int64_t k = p->in_first[i]; k < p->in_first[i + 1]; ++k) kept.first[i] += p->keep[p->incoming[k].candidate];
    }
    kept.n = hg_prefix_sum(kept.first, n_hits);
    HG_TRY(hg_alloc_unset(ctx, &kept.doublet, kept.n));
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < n_hits; ++i) {
        int64_t at = kept.first[i];
        for (int64_t k = p->in_first[i]; k < p->in_first[i + 1]; ++k) {
            const int32_t candidate = p->incoming[k].candidate;
            if (p->keep[candidate]) kept.doublet[at++] = p->c->doublet[candidate];
        }
    }
    *out = kept;
    kept = (hg_candidates){0};
done:
    hg_candidates_release(ctx, &kept);
    return status;
}

hg_status hg_candidates_prune(hg_context *ctx, const hg_doublet_map *map, hg_neighbour_rule rule, const hg_candidates *candidates,
                              hg_candidates *out)
{
    hg_status status = HG_OK;
    prune p = {.map = map, .c = candidates};
    HG_TRY(hg_alloc_unset(ctx, &p.in_first, candidates->n_hits + 1));
    HG_TRY(hg_alloc_unset(ctx, &p.incoming, candidates->n));
    HG_TRY(hg_alloc(ctx, &p.as_first, candidates->n));
    HG_TRY(hg_alloc(ctx, &p.keep, candidates->n));
    HG_TRY(sort_by_receiver(ctx, &p));
    HG_TRY(mark_matches(ctx, &p, rule));
    HG_TRY(mark_all_overlaps(ctx, &p));
    HG_TRY(gather_kept(ctx, &p, out));
done:
    hg_free(ctx, p.in_first);
    hg_free(ctx, p.incoming);
    hg_free(ctx, p.as_first);
    hg_free(ctx, p.keep);
    return status;
}
