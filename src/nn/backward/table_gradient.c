/* nn/backward/table_gradient.c — see table_gradient.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/table_gradient.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/run/run.h"

hg_status hg_gradient_of(hg_run *run, int value, hg_real **out)
{
    hg_status status = HG_OK;
    hg_table_gradient *g = &run->gradient[value];
    if (!g->dense) {
        int64_t size = hg_value_rows(run, value) * run->d->value[value].width;
        HG_TRY(hg_run_take(run, &g->dense, size));
        hg_zero(run, g->dense, size);
    }
    *out = g->dense;
done:
    return status;
}

hg_status hg_gradient_add_part(hg_run *run, int value, const hg_gradient_part *part)
{
    hg_status status = HG_OK;
    hg_table_gradient *g = &run->gradient[value];
    if (g->n_parts == HG_GRADIENT_PARTS) HG_TRY(hg_gradient_flatten(run, value));
    g->part[g->n_parts++] = *part;
    return status;
done:
    hg_shared_rows_release(run, part->rows);
    return status;
}

/* All parts at once, in registers, on top of what is in out (keep). False where a part has no panel. */
static bool sum_fused(const hg_run *run, const hg_table_gradient *g, int64_t row, bool keep, const hg_dense *start)
{
    hg_dense_part part[HG_GRADIENT_PARTS];
    hg_dense sum = *start;
    sum.part = part;
    for (int i = 0; i < g->n_parts; ++i) {
        const hg_gradient_part *p = &g->part[i];
        if (p->index && sum.n_gathers < HG_DENSE_GATHERS) {
            sum.gather[sum.n_gathers++] = (hg_dense_gather){p->rows->data, p->rows->stride, p->index + row};
        } else if (!p->index && p->panel) {
            part[sum.n_parts++] = (hg_dense_part){p->rows->data + row * p->rows->stride, p->rows->stride, p->out, p->panel};
        } else {
            return false;
        }
    }
    sum.old = keep ? sum.out : NULL;
    sum.keep = sum.change = 1;
    run->k->dense[HG_STORE_REAL].run(&sum);
    return true;
}

static void add_parts(const hg_run *run, const hg_table_gradient *g, int64_t row, int64_t rows, hg_real *out, int64_t ldo, int64_t width)
{
    for (int i = 0; i < g->n_parts; ++i) {
        const hg_gradient_part *p = &g->part[i];
        int64_t stride = p->rows->stride;
        if (p->index) {
            run->k->gather_add(out, ldo, p->rows->data, stride, p->index + row, rows, width);
        } else {
            run->k->multiply(out, ldo, p->rows->data + row * stride, stride, 1, rows, p->out, p->packed->backward + p->column,
                             p->packed->backward_stride, width);
        }
    }
}

void hg_gradient_rows(const hg_run *run, int value, int64_t row, int64_t rows, hg_real *out, int64_t ldo, hg_real *scratch)
{
    const hg_table_gradient *g = &run->gradient[value];
    int64_t width = run->d->value[value].width;
    size_t bytes = (size_t)width * sizeof *out;
    int64_t left = hg_value_rows(run, value) - row - rows;
    hg_dense sum = {.rows = rows, .n = width, .out = out, .ldo = ldo, .scratch = scratch};
    sum.ahead = left < HG_TILE_ROWS ? left : HG_TILE_ROWS;
    if (g->dense) {
        for (int64_t i = 0; i < rows; ++i) memcpy(out + i * ldo, g->dense + (row + i) * width, bytes);
    }
    if (g->n_parts == 0 || !sum_fused(run, g, row, g->dense, &sum)) {
        for (int64_t i = 0; i < rows && !g->dense; ++i) memset(out + i * ldo, 0, bytes);
        add_parts(run, g, row, rows, out, ldo, hg_padded(width));
    }
    for (int64_t i = 0; i < rows && ldo > width; ++i) memset(out + i * ldo + width, 0, (size_t)(ldo - width) * sizeof *out);
}

hg_status hg_gradient_flatten(hg_run *run, int value)
{
    hg_status status = HG_OK;
    hg_table_gradient *g = &run->gradient[value];
    int64_t n = hg_value_rows(run, value), width = run->d->value[value].width, stride = hg_padded(width);
    hg_real *dense, *memory = NULL;
    if (g->n_parts == 0) return HG_OK;
    HG_TRY(hg_gradient_of(run, value, &dense));
    HG_TRY(hg_run_take(run, &memory, 2 * HG_TILE_ROWS * stride * run->threads));
    if (run->dry) goto release;
#pragma omp parallel num_threads(hg_team(run, n))
    {
        hg_real *tile = memory + 2 * HG_TILE_ROWS * stride * hg_thread();
#pragma omp for schedule(static)
        for (int64_t t = 0; t < hg_block_count(n, HG_TILE_ROWS); ++t) {
            int64_t row = t * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
            hg_gradient_rows(run, value, row, rows, tile, stride, tile + HG_TILE_ROWS * stride);
            for (int64_t i = 0; i < rows; ++i) memcpy(dense + (row + i) * width, tile + i * stride, (size_t)width * sizeof *dense);
        }
    }
release:
    for (int i = 0; i < g->n_parts; ++i) hg_shared_rows_release(run, g->part[i].rows);
    g->n_parts = 0;
done:
    hg_run_give(run, memory);
    return status;
}

void hg_gradient_clear(hg_run *run, int value)
{
    hg_table_gradient *g = &run->gradient[value];
    for (int i = 0; i < g->n_parts; ++i) hg_shared_rows_release(run, g->part[i].rows);
    hg_run_give(run, g->dense);
    *g = (hg_table_gradient){0};
}

hg_status hg_shared_rows_make(hg_run *run, hg_real *data, int64_t stride, hg_shared_rows **out)
{
    hg_shared_rows *made = NULL;
    hg_status status = hg_alloc(run->ctx, &made, 1);
    if (status < 0) {
        hg_run_give(run, data);
        return status;
    }
    *made = (hg_shared_rows){.data = data, .stride = stride, .users = 1};
    *out = made;
    return HG_OK;
}

void hg_shared_rows_release(hg_run *run, hg_shared_rows *rows)
{
    if (!rows || --rows->users > 0) return;
    hg_run_give(run, rows->data);
    hg_free(run->ctx, rows);
}
