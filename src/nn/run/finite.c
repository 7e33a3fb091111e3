/* nn/run/finite.c — see finite.h. */
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
