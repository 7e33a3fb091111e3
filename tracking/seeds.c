/* seeds.c — the innermost triplet of every chain, with perigee parameters. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/sort.h"

/* Chains of at least three hits, by falling score of their first triplet, then first hit. A score is a number >= 0 and sorts like its bits.
 * Returns their number. */
static int64_t rank_chains(const hg_paths *chains, hg_ranked *ranked)
{
    int64_t n = 0;
    for (int64_t c = 0; c < chains->n; ++c) {
        uint32_t bits;
        if (chains->offset[c + 1] - chains->offset[c] < 3) continue;
        memcpy(&bits, &chains->link[chains->offset[c] + 2], sizeof bits);
        ranked[n++] = (hg_ranked){.key = (uint64_t)~bits << 32 | (uint32_t)chains->node[chains->offset[c]], .index = c};
    }
    return n;
}

static bool later_hits(const hg_paths *chains, int64_t a, int64_t b)
{
    const int32_t *p = chains->node + chains->offset[a], *q = chains->node + chains->offset[b];
    return p[1] != q[1] ? p[1] > q[1] : p[2] > q[2];
}

/* The other hits of chains that are equal so far; there are few. */
static void order_equals(const hg_paths *chains, int64_t n, hg_ranked *ranked)
{
    for (int64_t i = 1; i < n; ++i) {
        const hg_ranked item = ranked[i];
        int64_t at = i;
        for (; at > 0 && ranked[at - 1].key == item.key && later_hits(chains, ranked[at - 1].index, item.index); --at)
            ranked[at] = ranked[at - 1];
        ranked[at] = item;
    }
}

static hg_status create_seeds(hg_context *ctx, int64_t n, hg_seeds **out)
{
    hg_status status = HG_OK;
    hg_seeds *seeds = NULL;

    HG_TRY(hg_alloc(ctx, &seeds, 1));
    seeds->n = n;
    HG_TRY(hg_alloc(ctx, &seeds->hit, 3 * n));
    HG_TRY(hg_alloc(ctx, &seeds->params, 5 * n));
    HG_TRY(hg_alloc(ctx, &seeds->cov, 15 * n));
    HG_TRY(hg_alloc(ctx, &seeds->score, n));
    *out = seeds;
    seeds = NULL;
done:
    hg_seeds_destroy(ctx, seeds);
    return status;
}

void hg_seeds_destroy(hg_context *ctx, hg_seeds *seeds)
{
    if (!seeds) return;
    hg_free(ctx, seeds->hit);
    hg_free(ctx, seeds->params);
    hg_free(ctx, seeds->cov);
    hg_free(ctx, seeds->score);
    hg_free(ctx, seeds);
}

static void fill_seed(const hg_finder *finder, int64_t chain, hg_seeds *seeds, int64_t s)
{
    const hg_finder_input *input = finder->input;
    const hg_paths *chains = &finder->first_chains;
    const int32_t *hit = chains->node + chains->offset[chain];
    memcpy(seeds->hit + 3 * s, hit, 3 * sizeof *hit);
    seeds->score[s] = chains->link[chains->offset[chain] + 2];
    if (!input->kalman) return;
    const hg_measurement *m = input->measurements;
    double params[5], cov[15];
    if (hg_seed_perigee(input->kalman, (hg_measurement[3]){m[hit[0]], m[hit[1]], m[hit[2]]}, params, cov)) return;
    memcpy(seeds->params + 5 * s, params, sizeof params);
    memcpy(seeds->cov + 15 * s, cov, sizeof cov);
}

hg_status hg_finder_seeds(hg_context *ctx, hg_finder *finder, hg_seeds **out)
{
    hg_status status = HG_OK;
    const hg_paths *chains = &finder->first_chains;
    hg_ranked *items = NULL, *scratch = NULL;
    hg_seeds *seeds = NULL;

    HG_CHECK(!finder->done, HG_ERR_ARG, "the seeds of a finder were asked for after its tracks");
    HG_TRY(hg_finder_first_chains(ctx, finder));
    HG_TRY(hg_alloc_unset(ctx, &items, chains->n));
    HG_TRY(hg_alloc_unset(ctx, &scratch, chains->n));
    const int64_t n = rank_chains(chains, items);
    hg_ranked *ranked = hg_sort_ranked(n, items, scratch);
    order_equals(chains, n, ranked);
    HG_TRY(create_seeds(ctx, n, &seeds));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(dynamic, 64)
    for (int64_t s = 0; s < n; ++s) fill_seed(finder, ranked[s].index, seeds, s);
    *out = seeds;
done:
    hg_free(ctx, items);
    hg_free(ctx, scratch);
    return status;
}

hg_status hg_seeds_find(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_seeds **out)
{
    hg_finder *finder = NULL;
    hg_status status = hg_finder_create(ctx, input, options, &finder);
    if (status >= 0) status = hg_finder_seeds(ctx, finder, out);
    hg_finder_destroy(ctx, finder);
    return status;
}
