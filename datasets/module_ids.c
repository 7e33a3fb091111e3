/* datasets/module_ids.c — modules of a module map by their ids in files and by their numbers in the detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map_file.h"

#include "base/check.h"

enum {
    MODULES = 3,
    VOLUME_SHIFT = 56,
    LAYER_SHIFT = 36,
    MODULE_SHIFT = 8,
    MOST_VOLUMES = 1 << 8,
    MOST_LAYERS = 1 << 12,
    MOST_MODULES = 1 << 20
};

uint64_t hg_module_geometry_id(const hg_module *m)
{
    return (uint64_t)(uint32_t)m->volume_id << VOLUME_SHIFT | (uint64_t)(uint32_t)m->layer_id << LAYER_SHIFT |
           (uint64_t)(uint32_t)m->module_id << MODULE_SHIFT;
}

hg_status hg_module_triplets_to_numbers(hg_context *ctx, const hg_detector *detector, hg_module_triplets *t)
{
    for (int64_t k = 0; k < t->n * MODULES; ++k) {
        const uint64_t id = t->module[k];
        const int64_t number = hg_detector_find(detector, (int32_t)(id >> VOLUME_SHIFT), (int32_t)(id >> LAYER_SHIFT & (MOST_LAYERS - 1)),
                                                (int32_t)(id >> MODULE_SHIFT & (MOST_MODULES - 1)));
        if (number < 0 || hg_module_geometry_id(&detector->modules[number]) != id)
            return hg_fail(ctx, HG_ERR_MODEL,
                           "a module map of another detector: triplet %" PRId64 ": module id %" PRIu64 " is none of the %" PRId64
                           " modules here (volume << 56 | layer << 36 | module << 8)",
                           k / MODULES + 1, id, detector->n_modules);
        t->module[k] = (uint64_t)number;
    }
    return HG_OK;
}

static bool fits_id(const hg_module *m)
{
    return m->volume_id >= 0 && m->volume_id < MOST_VOLUMES && m->layer_id >= 0 && m->layer_id < MOST_LAYERS && m->module_id >= 0 &&
           m->module_id < MOST_MODULES;
}

hg_status hg_module_triplets_to_ids(hg_context *ctx, const hg_detector *detector, hg_module_triplets *t)
{
    for (int64_t k = 0; k < t->n * MODULES; ++k) {
        if (t->module[k] >= (uint64_t)detector->n_modules)
            return hg_fail(ctx, HG_ERR_ARG, "module %" PRIu64 " of a detector with %" PRId64 " modules", t->module[k], detector->n_modules);
        const hg_module *m = &detector->modules[t->module[k]];
        if (!fits_id(m))
            return hg_fail(ctx, HG_ERR_ARG,
                           "volume %" PRId32 ", layer %" PRId32 ", module %" PRId32 " do not fit into a geometry identifier", m->volume_id,
                           m->layer_id, m->module_id);
        t->module[k] = hg_module_geometry_id(m);
    }
    return HG_OK;
}
