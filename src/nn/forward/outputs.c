/* nn/forward/outputs.c — see outputs.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/outputs.h"

#include "base/check.h"
#include "nn/forward/blame.h"
#include "nn/run/finite.h"

hg_status hg_check_views(hg_run *run, const hg_output_mark *mark, const hg_view view[HG_ENTITIES])
{
    hg_status status = HG_OK;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        const int value = mark->value[entity];
        if (value < 0 || hg_check_finite(run, value, &view[entity], "output") == HG_OK) continue;
        /* where it comes from is the more useful message */
        HG_TRY(hg_blame(run));
        HG_TRY(hg_check_finite(run, value, &view[entity], "output"));
    }
done:
    return status;
}

hg_status hg_check_output(hg_run *run, const hg_output_mark *mark)
{
    hg_view view[HG_ENTITIES] = {{0}};
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        int value = mark->value[entity];
        if (value >= 0) view[entity] = (hg_view){run->table[value], run->d->value[value].width, HG_STORE_REAL};
    }
    return hg_check_views(run, mark, view);
}

hg_real *hg_output_array(const hg_outputs *out, int entity)
{
    return entity == HG_NODES ? out->nodes : entity == HG_EDGES ? out->edges : out->globals;
}
