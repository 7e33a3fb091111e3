/* nn/forward/blame.c — see blame.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/blame.h"

#include "base/check.h"
#include "nn/forward/update.h"
#include "nn/run/finite.h"
#include "nn/run/preparation.h"

static hg_status check_update(hg_run *run, const hg_update *u)
{
    hg_view view = {run->table[u->value], run->d->value[u->value].width, HG_STORE_REAL};
    hg_status status = hg_check_finite(run, u->value, &view, "result");
    if (status == HG_OK) return status;
    const char *network = u->network >= 0 ? run->d->network[u->network].name : NULL;
    hg_fail_prefix(run->ctx, "model, line %d, \"%s\"%s%s%s", u->line, u->name, network ? " by network \"" : "", network ? network : "",
                   network ? "\"" : "");
    return status;
}

/* Evaluates once more by the plain path and stops at the first table that is not finite. */
static hg_status find_update(hg_run *run)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    hg_run again = {.ctx = run->ctx};
    HG_TRY(hg_run_begin(run->ctx, run->model, run->batch, run->training, NULL, &again));
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (!(run->training ? u->live : u->live_last)) continue;
        HG_TRY(hg_run_pack(&again, u->network));
        HG_TRY(hg_update_forward(&again, i));
        HG_TRY(check_update(&again, u));
        for (int v = 0; v < d->n_values; ++v) {
            if (again.owned[v] && again.last_reader[v] <= i) hg_run_drop(&again, v);
        }
    }
done:
    hg_run_clear(&again);
    return status;
}

hg_status hg_blame(hg_run *run)
{
    hg_status status = hg_check_parameters(run);
    if (status == HG_OK) status = find_update(run);
    return status == HG_ERR_NUMERIC ? status : HG_OK;
}
