/* seeds.c — the innermost triplet of every chain, with perigee parameters. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"

typedef struct triplet {
    int32_t hit[3];
    float score;
} triplet;

static int by_score_then_hits(const void *left, const void *right)
{
    const triplet *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    for (int k = 0; k < 3; ++k)
        if (a->hit[k] != b->hit[k]) return a->hit[k] < b->hit[k] ? -1 : 1;
    return 0;
}

static int64_t collect(const hg_paths *chains, triplet *triplets)
{
    int64_t n = 0;
    for (int64_t c = 0; c < chains->n; ++c) {
        const int32_t *hit = chains->node + chains->offset[c];
        if (chains->offset[c + 1] - chains->offset[c] < 3) continue;
        triplets[n++] = (triplet){.hit = {hit[0], hit[1], hit[2]}, .score = chains->link[chains->offset[c] + 2]};
    }
    qsort(triplets, (size_t)n, sizeof *triplets, by_score_then_hits);
    return n;
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

static void fill_seed(const hg_finder_input *input, const triplet *from, hg_seeds *seeds, int64_t s)
{
    memcpy(seeds->hit + 3 * s, from->hit, sizeof from->hit);
    seeds->score[s] = from->score;
    if (!input->kalman) return;
    const hg_measurement *m = input->measurements;
    double params[5], cov[15];
    if (hg_seed_perigee(input->kalman, (hg_measurement[3]){m[from->hit[0]], m[from->hit[1]], m[from->hit[2]]}, params, cov)) return;
    memcpy(seeds->params + 5 * s, params, sizeof params);
    memcpy(seeds->cov + 15 * s, cov, sizeof cov);
}

hg_status hg_seeds_find(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_seeds **out)
{
    hg_status status = HG_OK;
    hg_finder_options defaults = hg_finder_default_options();
    hg_finder finder = {0};
    hg_paths chains = {0};
    triplet *triplets = NULL;
    hg_seeds *seeds = NULL;

    HG_TRY(hg_finder_open(ctx, input, options ? options : &defaults, &finder));
    HG_TRY(hg_chains_build(ctx, &finder, 0, &chains));
    HG_TRY(hg_alloc(ctx, &triplets, chains.n));
    HG_TRY(create_seeds(ctx, collect(&chains, triplets), &seeds));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(dynamic, 64)
    for (int64_t s = 0; s < seeds->n; ++s) fill_seed(input, &triplets[s], seeds, s);
    *out = seeds;
done:
    hg_free(ctx, triplets);
    hg_paths_free(ctx, &chains);
    hg_finder_close(ctx, &finder);
    return status;
}
