/* doublet_learn.c — learning a doublet map: truth, windows, candidate counts, tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_learn.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/doublet_map.h"

enum { MOST_VOLUMES = 64 }; /* cells of all tables are numbered by 16 bits */

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
    HG_CHECK(o->neighbour_efficiency >= 0 && o->neighbour_efficiency <= 1, HG_ERR_ARG,
             "learning: an efficiency of %g with neighbours, expected 0 .. 1", o->neighbour_efficiency);
done:
    return status;
}

/* Kinds of sensors in the order of the layers. */
static hg_status number_volumes(hg_context *ctx, const hg_doublet_hits *hits, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    int32_t n_volumes = 0;
    for (int32_t l = 0; l < hits->n_layers; ++l) {
        HG_CHECK(hits->layer_volume[l] >= 0 && hits->layer_volume[l] < MOST_VOLUMES, HG_ERR_ARG,
                 "layer %" PRId32 ": volume %" PRId32 ", expected 0 .. %d", l, hits->layer_volume[l], MOST_VOLUMES - 1);
        if (hits->layer_volume[l] >= n_volumes) n_volumes = hits->layer_volume[l] + 1;
    }
    HG_TRY(hg_doublet_map_add_clusters(ctx, n_volumes, map));
    for (int32_t l = 0; l < hits->n_layers; ++l) map->layer_volume[l] = hits->layer_volume[l];
done:
    return status;
}

/* The events as the steps ask for them. */
typedef struct event_source {
    hg_doublet_event_fn *event_fn;
    void *user;
    int64_t n;
} event_source;

static hg_status next_event(hg_context *ctx, const event_source *events, int64_t i, const char *step, hg_doublet_hits *hits,
                            hg_doublet_truth *truth)
{
    hg_status status = HG_OK;
    HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted while learning the doublet map");
    hg_progress(ctx, step, i, events->n, NULL);
    HG_TRY(events->event_fn(ctx, events->user, i, hits, truth));
done:
    return status;
}

static hg_status learn_windows(hg_context *ctx, const hg_doublet_learn_options *options, const event_source *events,
                               hg_truth_sample *sample, hg_doublet_map **out)
{
    hg_status status = HG_OK;
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    for (int64_t i = 0; i < events->n; ++i) {
        HG_TRY(next_event(ctx, events, i, "layer pairs", &hits, &truth));
        HG_TRY(hg_truth_sample_add(ctx, sample, &hits, &truth));
    }
    HG_TRY(hg_doublet_windows_learn(ctx, options, sample, out));
done:
    return status;
}

static hg_status learn_positions(hg_context *ctx, const hg_doublet_learn_options *options, const event_source *events,
                                 const hg_truth_sample *sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    hg_candidate_counts counts = {0};
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    const int64_t cells = (int64_t)map->n_pairs * HG_BEND_Z0_CELLS * HG_C_C_CELLS;
    HG_TRY(hg_alloc(ctx, &counts.background, cells));
    HG_TRY(hg_alloc(ctx, &counts.target, cells));
    for (int64_t i = 0; i < events->n; ++i) {
        HG_TRY(next_event(ctx, events, i, "candidate doublets", &hits, &truth));
        HG_TRY(hg_candidates_count(ctx, map, &hits, &truth, &counts));
    }
    HG_TRY(hg_doublet_tables_fit(ctx, options, sample, &counts, map));
done:
    hg_free(ctx, counts.background);
    hg_free(ctx, counts.target);
    return status;
}

static hg_status learn_clusters(hg_context *ctx, const hg_doublet_learn_options *options, const event_source *events,
                                const hg_truth_sample *truth_sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    hg_cluster_sample sample = {0};
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    for (int64_t i = 0; i < events->n; ++i) {
        HG_TRY(next_event(ctx, events, i, "cluster shapes", &hits, &truth));
        if (!hits.nu) continue;
        if (map->n_volumes == 0) HG_TRY(number_volumes(ctx, &hits, map));
        HG_TRY(hg_cluster_sample_add(ctx, map, &hits, &truth, &sample));
    }
    HG_TRY(hg_cluster_tables_fit(ctx, options->rounds, options->efficiency * truth_sample->weight_clusters, &sample, map));
done:
    hg_cluster_sample_release(ctx, &sample);
    return status;
}

static hg_status learn_links(hg_context *ctx, const event_source *events, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    hg_link_counts counts = {{0}, {0}};
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    for (int64_t i = 0; i < events->n; ++i) {
        HG_TRY(next_event(ctx, events, i, "links of doublets", &hits, &truth));
        HG_TRY(hg_link_counts_add(ctx, map, &hits, &truth, &counts));
    }
    hg_links_fit(&counts, map);
done:
    return status;
}

static hg_status sample_events(hg_context *ctx, const event_source *events, const hg_doublet_map *map, bool rivals,
                               hg_neighbour_sample *sample)
{
    hg_status status = HG_OK;
    hg_doublet_hits hits;
    hg_doublet_truth truth;
    for (int64_t i = 0; i < events->n; ++i) {
        HG_TRY(next_event(ctx, events, i, rivals ? "rivals" : "neighbours", &hits, &truth));
        HG_TRY(hg_neighbour_sample_add(ctx, map, &hits, &truth, rivals, sample));
    }
done:
    return status;
}

static hg_status learn_neighbours(hg_context *ctx, const hg_doublet_learn_options *options, const event_source *events,
                                  const hg_truth_sample *truth_sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    hg_neighbour_sample neighbours = {0}, rivals = {0};
    HG_TRY(hg_neighbour_tables_create(ctx, map));
    HG_TRY(learn_links(ctx, events, map));
    HG_TRY(sample_events(ctx, events, map, false, &neighbours));
    HG_TRY(hg_neighbour_table_fit(ctx, options->rounds, &neighbours, map->neighbours->neighbours));
    hg_neighbour_sample_release(ctx, &neighbours);
    HG_TRY(sample_events(ctx, events, map, true, &rivals));
    HG_TRY(hg_neighbour_table_fit(ctx, options->rounds, &rivals, map->neighbours->rivals));
    HG_TRY(hg_neighbour_threshold_find(ctx, options->neighbour_efficiency * truth_sample->weight_across, &rivals, map));
done:
    hg_neighbour_sample_release(ctx, &neighbours);
    hg_neighbour_sample_release(ctx, &rivals);
    return status;
}

hg_status hg_doublet_map_learn(hg_context *ctx, const hg_doublet_learn_options *options, hg_doublet_event_fn *event_fn, void *user,
                               int64_t n_events, double sigma_z_mm, hg_doublet_map **out)
{
    hg_status status = HG_OK;
    hg_doublet_learn_options defaults = hg_doublet_default_learn_options();
    const event_source events = {event_fn, user, n_events};
    hg_truth_sample sample = {0};
    hg_doublet_map *map = NULL;
    if (!options) options = &defaults;

    HG_TRY(check_options(ctx, options, n_events));
    HG_TRY(learn_windows(ctx, options, &events, &sample, &map));
    map->sigma_z_mm = sigma_z_mm;
    HG_TRY(learn_positions(ctx, options, &events, &sample, map));
    if (options->clusters && sample.weight_clusters > 0) HG_TRY(learn_clusters(ctx, options, &events, &sample, map));
    if (options->neighbour_efficiency > 0) HG_TRY(learn_neighbours(ctx, options, &events, &sample, map));
    HG_TRY(hg_doublet_map_check(ctx, map));
    *out = map;
    map = NULL;
done:
    hg_truth_sample_release(ctx, &sample);
    hg_doublet_map_destroy(ctx, map);
    return status;
}
