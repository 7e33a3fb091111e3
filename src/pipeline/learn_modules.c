/* pipeline/learn_modules.c — learns module maps from events with truth, one per luminous length. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/learn_modules.h"

#include <math.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_MAPS = 64 };
static const double group_ratio = 2.5;

/* The events of one luminous length. */
typedef struct group {
    hg_module_learner *learner;
    double log_length;
    int64_t n_events;
} group;

typedef struct groups {
    const hg_setup *setup;
    group group[MOST_MAPS];
    int64_t n;
} groups;

static double length_of(const group *g)
{
    return exp(g->log_length / (double)g->n_events);
}

/* The map that an event belongs to; a new one where its luminous length is unlike those before. */
static hg_status group_of(hg_context *ctx, groups *all, double sigma_z_mm, group **out)
{
    hg_status status = HG_OK;
    const hg_track_config *config = &all->setup->config;
    const hg_module_learn_options options = hg_track_config_module_learning(config);
    for (int64_t i = 0; i < all->n; ++i) {
        const double ratio = length_of(&all->group[i]) / sigma_z_mm;
        if (ratio > group_ratio || 1 / ratio > group_ratio) continue;
        *out = &all->group[i];
        goto done;
    }
    HG_CHECK(all->n < MOST_MAPS, HG_ERR_LIMIT, "events of more than %d luminous lengths", MOST_MAPS);
    HG_TRY(hg_module_learner_create(ctx, &options, &all->group[all->n].learner));
    *out = &all->group[all->n++];
done:
    return status;
}

static hg_status add_event(hg_context *ctx, groups *all, const hg_event_source *source)
{
    hg_status status = HG_OK;
    hg_labelled_event event = {0};
    group *g = NULL;
    HG_TRY(hg_labelled_event_read(ctx, all->setup, source, &event));
    const double sigma_z_mm = fmax(event.sigma_z_mm, 1e-3);
    HG_TRY(group_of(ctx, all, sigma_z_mm, &g));
    HG_TRY(hg_module_learner_add(ctx, g->learner, &event.prepared->hits, &event.truth->truth));
    g->log_length += log(sigma_z_mm);
    ++g->n_events;
done:
    hg_labelled_event_clear(ctx, &event);
    return status;
}

static hg_status add_input(hg_context *ctx, groups *all, const char *input)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;
    HG_TRY(hg_event_list_create(ctx, input, &list));
    for (int64_t i = 0; i < list->n; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted while learning a module map");
        HG_TRY(add_event(ctx, all, &list->source[i]));
        hg_progress(ctx, "events", i + 1, list->n, input);
    }
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

static hg_status write_text(hg_context *ctx, const groups *all, hg_module_map *const *map, const char *path)
{
    hg_status status = HG_OK;
    hg_module_triplets triplets = {0};
    HG_CHECK(all->n == 1, HG_ERR_DATA, "%s: text holds one module map, but the events have %" PRId64 " luminous lengths: %g mm, %g mm, ...",
             path, all->n, length_of(&all->group[0]), length_of(&all->group[1]));
    HG_TRY(hg_module_map_list(ctx, map[0], &triplets));
    HG_TRY(hg_module_triplets_to_ids(ctx, all->setup->detector, &triplets));
    HG_TRY(hg_module_triplets_write_text(ctx, &triplets, path));
done:
    hg_module_triplets_clear(ctx, &triplets);
    return status;
}

static hg_status finish(hg_context *ctx, const groups *all, hg_module_map **map, hg_learned_modules *learned)
{
    hg_status status = HG_OK;
    hg_module_triplets triplets = {0};
    for (int64_t i = 0; i < all->n; ++i) {
        const group *g = &all->group[i];
        HG_TRY(hg_module_learner_finish(ctx, g->learner, &triplets));
        HG_TRY(hg_module_map_create(ctx, &triplets, (int32_t)all->setup->detector->n_modules, length_of(g), &map[i]));
        hg_module_triplets_clear(ctx, &triplets);
        learned[i] = (hg_learned_modules){length_of(g), g->n_events, map[i]->n_pairs, map[i]->n_triplets};
    }
done:
    hg_module_triplets_clear(ctx, &triplets);
    return status;
}

hg_status hg_learn_modules(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path,
                           hg_learned_modules **learned, int64_t *n)
{
    hg_status status = HG_OK;
    groups all = {.setup = setup};
    hg_module_map **map = NULL;
    hg_learned_modules *report = NULL;

    for (int i = 0; i < n_inputs; ++i) HG_TRY(add_input(ctx, &all, input[i]));
    HG_CHECK(all.n > 0, HG_ERR_DATA, "%s: no event to learn from", input[0]);
    HG_TRY(hg_alloc(ctx, &map, all.n));
    HG_TRY(hg_alloc(ctx, &report, all.n));
    HG_TRY(finish(ctx, &all, map, report));
    HG_TRY(hg_text_ends_in(path, ".txt") ? write_text(ctx, &all, map, path) : hg_module_maps_save(ctx, map, all.n, setup->detector, path));
    *learned = report;
    *n = all.n;
    report = NULL;
done:
    for (int64_t i = 0; i < all.n; ++i) hg_module_learner_destroy(ctx, all.group[i].learner);
    for (int64_t i = 0; map && i < all.n; ++i) hg_module_map_destroy(ctx, map[i]);
    hg_free(ctx, map);
    hg_free(ctx, report);
    return status;
}
