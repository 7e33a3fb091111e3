/* datasets/module_ids.c — modules of a module map by their ids in files and by their numbers in the detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map_file.h"

#include "base/check.h"
#include "datasets/geometry_id.h"

enum { MODULES = 3 };

uint64_t hg_module_geometry_id(const hg_module *m)
{
    return hg_id_of(m->volume_id, m->layer_id, m->module_id);
}

hg_status hg_module_triplets_to_numbers(hg_context *ctx, const hg_detector *detector, hg_module_triplets *t)
{
    for (int64_t k = 0; k < t->n * MODULES; ++k) {
        const uint64_t id = t->module[k];
        const int64_t number = hg_detector_find(detector, hg_id_volume(id), hg_id_layer(id), hg_id_module(id));
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
    return m->volume_id >= 0 && m->volume_id < HG_ID_VOLUMES && m->layer_id >= 0 && m->layer_id < HG_ID_LAYERS && m->module_id >= 0 &&
           m->module_id < HG_ID_MODULES;
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
