/* doublet_incoming.c — candidate doublets once more, by the hits that they come in at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_incoming.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

enum { SORTERS_MAX = 16 }; /* each needs a counter for every hit */

/* Counting sort by receiver, stable; each of several parts of the candidates has counters of its own. */
static hg_status sort_by_receiver(hg_context *ctx, const hg_doublet_map *map, const hg_candidates *c, hg_incoming_index *index)
{
    hg_status status = HG_OK;
    const int64_t n_hits = c->n_hits;
    const int threads = hg_context_threads(ctx), sorters = threads < SORTERS_MAX ? threads : SORTERS_MAX;
    int32_t *next = NULL; /* [sorters, N] */
    int32_t total = 0;
    HG_TRY(hg_alloc(ctx, &next, sorters * n_hits));
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < sorters; ++t) {
        const int64_t end = hg_part_start(c->n, sorters, t + 1);
        for (int64_t k = hg_part_start(c->n, sorters, t); k < end; ++k) ++next[t * n_hits + c->doublet[k].receiver];
    }
    for (int64_t i = 0; i < n_hits; ++i) {
        index->first[i] = total;
        for (int t = 0; t < sorters; ++t) {
            const int32_t count = next[t * n_hits + i];
            next[t * n_hits + i] = total;
            total += count;
        }
    }
    index->first[n_hits] = total;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < sorters; ++t) {
        const int64_t end = hg_part_start(c->n, sorters, t + 1);
        for (int64_t k = hg_part_start(c->n, sorters, t); k < end; ++k) {
            const hg_scored_doublet *d = &c->doublet[k];
            index->doublet[next[t * n_hits + d->receiver]++] =
                (hg_incoming){d->kappa, d->cot, d->score, hg_candidate_overlaps(map, d) ? -1 : d->pair, (int32_t)k};
        }
    }
done:
    hg_free(ctx, next);
    return status;
}

hg_status hg_incoming_create(hg_context *ctx, const hg_doublet_map *map, const hg_candidates *candidates, hg_incoming_index *out)
{
    hg_status status = HG_OK;
    hg_incoming_index index = {0};
    HG_TRY(hg_alloc_unset(ctx, &index.first, candidates->n_hits + 1));
    HG_TRY(hg_alloc_unset(ctx, &index.doublet, candidates->n));
    HG_TRY(sort_by_receiver(ctx, map, candidates, &index));
    *out = index;
    index = (hg_incoming_index){0};
done:
    hg_incoming_release(ctx, &index);
    return status;
}

void hg_incoming_release(hg_context *ctx, hg_incoming_index *incoming)
{
    hg_free(ctx, incoming->first);
    hg_free(ctx, incoming->doublet);
    *incoming = (hg_incoming_index){0};
}
