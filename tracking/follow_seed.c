/* follow_seed.c — the first three hits of chains, filtered side by side: where following starts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "tracking/fit.h"
#include "tracking/follow.h"

static int32_t chain_length(const hg_engine *e, int64_t chain)
{
    const int64_t n = e->chains->offset[chain + 1] - e->chains->offset[chain];
    return (int32_t)(n < HG_CANDIDATE_HITS ? n : HG_CANDIDATE_HITS);
}

/* Fills a lane with the first three hits of a chain. Near the true helix, with a loose start; the filter makes its errors right. */
static bool lay_seed(const hg_engine *e, int64_t chain, int lane, int32_t *module, float *local, float *variance, float *start,
                     float *loose)
{
    const int lanes = e->finder->kernels->lanes;
    const int32_t *hit = e->chains->node + e->chains->offset[chain];
    const hg_measurement *m = e->finder->input->measurements;
    double par[5];
    if (hg_seed_parameters(&e->finder->kalman, (hg_measurement[3]){m[hit[0]], m[hit[1]], m[hit[2]]}, 0, par) != 0) return false;
    for (int n = 0; n < HG_SEED_STEPS; ++n) {
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

void hg_start_chains(hg_engine *e, int64_t first_item, int n, hg_slot *const *to)
{
    const int64_t *chain = e->chain + first_item;
    const int lanes = e->finder->kernels->lanes;
    float *at = e->seeds, *local = at, *variance = at + 2 * HG_SEED_STEPS * lanes, *start = at + 4 * HG_SEED_STEPS * lanes;
    float *loose = start + 5 * lanes, *last = loose + 5 * lanes, *chi2 = last + 20 * lanes,
          *work = at + (HG_SEED_ROOM - HG_BATCH_WORK * HG_BATCH_LANES_MAX);
    int32_t module[HG_SEED_STEPS * HG_BATCH_LANES_MAX], status[HG_SEED_STEPS * HG_BATCH_LANES_MAX], last_step[HG_BATCH_LANES_MAX];
    bool good[HG_BATCH_LANES_MAX];
    memset(module, -1, sizeof module);
    memset(at, 0, (size_t)(HG_SEED_ROOM - HG_BATCH_WORK * HG_BATCH_LANES_MAX) * sizeof *at);
    for (int k = 0; k < n; ++k) good[k] = lay_seed(e, chain[k], k, module, local, variance, start, loose);
    const hg_batch_fit fit = {.n_steps = HG_SEED_STEPS,
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
        hg_slot *s = to[k];
        hg_branch first = {.module = module[2 * lanes + k]};
        if (!good[k] || last_step[k] != HG_SEED_STEPS - 1 || !(chi2[k] <= (float)o->chi2_max)) continue;
        for (int i = 0; i < HG_STATE_NUMBERS; ++i) first.state[i] = last[i * lanes + k];
        for (int i = 0; i < HG_SEED_STEPS; ++i) hg_branch_append(e->finder, &first, hit[i], 0);
        s->item = first_item + k;
        s->walk = (hg_walk){
            .direction = 1, .expected = hit, .n_expected = chain_length(e, chain[k]), .bonus = o->chain_bonus, .n_branches = o->n_branches};
        s->has_seconds = false;
        hg_slot_begin_walk(s, &first);
    }
}
