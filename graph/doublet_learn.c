/* doublet_learn.c — learning a doublet map: truth, windows, candidate counts, tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_learn.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/doublet_map.h"

static hg_status check_options(hg_context *ctx, const hg_doublet_learn_options *o, int64_t n_events)
{
    hg_status status = HG_OK;
    const double share[] = {o->coverage, o->search_quantile, o->efficiency, o->overlap_efficiency, o->triplet_quantile, o->box_quantile};
    for (int k = 0; k < 6; ++k) {
        HG_CHECK(share[k] > 0 && share[k] <= 1, HG_ERR_ARG, "learning: a share of %g, expected more than 0 and at most 1", share[k]);
    }
    HG_CHECK(n_events >= 1 && o->max_pairs >= 1 && o->rounds >= 1, HG_ERR_ARG,
             "learning: %" PRId64 " events, %" PRId32 " layer pairs, %d rounds, expected 1 or more of each", n_events, o->max_pairs,
             o->rounds);
done:
    return status;
}

hg_status hg_doublet_map_learn(hg_context *ctx, const hg_doublet_learn_options *options, hg_doublet_event_fn *event_fn, void *user,
                               int64_t n_events, double sigma_z_mm, hg_doublet_map **out)
{
    hg_status status = HG_OK;
    hg_doublet_learn_options defaults = hg_doublet_default_learn_options();
    hg_truth_sample sample = {0};
    hg_candidate_counts counts = {0};
    hg_doublet_map *map = NULL;
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    if (!options) options = &defaults;

    HG_TRY(check_options(ctx, options, n_events));
    for (int64_t i = 0; i < n_events; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted while learning the doublet map");
        hg_progress(ctx, "layer pairs", i, n_events, NULL);
        HG_TRY(event_fn(ctx, user, i, &hits, &truth));
        HG_TRY(hg_truth_sample_add(ctx, &sample, &hits, &truth));
    }
    HG_TRY(hg_doublet_windows_learn(ctx, options, &sample, &map));
    map->sigma_z_mm = sigma_z_mm;

    int64_t cells = (int64_t)map->n_pairs * HG_BEND_Z0_CELLS * HG_C_C_CELLS;
    HG_TRY(hg_alloc(ctx, &counts.background, cells));
    HG_TRY(hg_alloc(ctx, &counts.target, cells));
    for (int64_t i = 0; i < n_events; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted while learning the doublet map");
        hg_progress(ctx, "candidate doublets", i, n_events, NULL);
        HG_TRY(event_fn(ctx, user, i, &hits, &truth));
        HG_TRY(hg_candidates_count(ctx, map, &hits, &truth, &counts));
    }
    HG_TRY(hg_doublet_tables_fit(ctx, options, &sample, &counts, map));
    HG_TRY(hg_doublet_map_check(ctx, map));
    *out = map;
    map = NULL;
done:
    hg_truth_sample_release(ctx, &sample);
    hg_free(ctx, counts.background);
    hg_free(ctx, counts.target);
    hg_doublet_map_destroy(ctx, map);
    return status;
}
