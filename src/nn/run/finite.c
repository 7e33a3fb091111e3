/* nn/run/finite.c — numbers that are not finite: found in tables and parameters, traced to the update that made them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/finite.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/parallel.h"

/* True where a row has a number that is not finite: x - x is then not 0. */
static bool is_bad(const hg_real *x, int64_t count)
{
    int bad = 0;
    for (int64_t i = 0; i < count; ++i) bad |= !(x[i] - x[i] == 0);
    return bad != 0;
}

hg_status hg_check_finite(hg_run *run, int value, const hg_view *view, const char *what)
{
    const int64_t rows = hg_value_rows(run, value), width = run->d->value[value].width, n_blocks = hg_block_count(rows, HG_SUM_BLOCK);
    const hg_real *table = view->rows; /* what is checked is never stored otherwise */
    bool bad = false;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, rows)) reduction(|| : bad)
    for (int64_t b = 0; b < n_blocks; ++b) {
        const int64_t first = b * HG_SUM_BLOCK, end = first + HG_SUM_BLOCK < rows ? first + HG_SUM_BLOCK : rows;
        if (view->ld == width) {
            bad = bad || is_bad(table + first * width, (end - first) * width);
        } else {
            for (int64_t i = first; i < end; ++i) bad = bad || is_bad(table + i * view->ld, width);
        }
    }
    for (int64_t i = 0; bad && i < rows * width; ++i) {
        double x = (double)table[i / width * view->ld + i % width];
        if (!isfinite(x))
            return hg_fail(run->ctx, HG_ERR_NUMERIC, "%s of %s: row %" PRId64 ", column %" PRId64 " is %g, expected a finite number", what,
                           hg_entity_names[run->d->value[value].entity], i / width, i % width, x);
    }
    return HG_OK;
}

hg_status hg_check_attributes(hg_run *run)
{
    hg_status status = HG_OK;
    for (int i = 0; i < HG_ENTITIES; ++i) {
        const int input = run->d->input[i];
        if (input >= 0) HG_TRY(hg_check_finite(run, input, &(hg_view){run->table[input], run->d->width[i], HG_STORE_REAL}, "attributes"));
    }
done:
    return status;
}

hg_status hg_check_parameters(hg_run *run)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    const hg_model *m = run->model;
    for (int64_t t = 0; t < m->n_tensors; ++t) {
        const hg_tensor *tensor = &m->tensor[t];
        size_t length = strlen(tensor->name), tail = strlen(".running_var");
        bool variance = tensor->statistic && length > tail && !strcmp(tensor->name + length - tail, ".running_var");
        for (int64_t i = 0; i < tensor->size; ++i) {
            double x = (double)m->parameters[tensor->offset + i];
            HG_CHECK(isfinite(x), HG_ERR_NUMERIC, "parameter \"%s\", element %" PRId64 " is %g, expected a finite number", tensor->name, i,
                     x);
            HG_CHECK(!variance || x >= 0, HG_ERR_NUMERIC, "parameter \"%s\", element %" PRId64 " is %g, expected 0 or more", tensor->name,
                     i, x);
        }
    }
done:
    return status;
}

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
