/* nn/forward/batch_norm.c — networks with batch norms: statistics of the rows of each graph, or running ones (MODELS 2.3). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/batch_norm.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/functions.h"

/* Column sums of one or two arrays over the rows of each graph: blocks counted from the graph's first row, added in order. */
typedef enum column_sum { SUM_ONE, SUM_SQUARES, SUM_PRODUCT } column_sum;

/* Rows that share their statistics: those of each graph, or all of the batch for running norms. */
typedef struct row_groups {
    int64_t n, all[2];
    const int64_t *ptr; /* [n + 1]; NULL = all */
} row_groups;

static row_groups groups_of(const hg_run *run, const hg_update *u, const hg_mlp_layer *layer)
{
    row_groups groups = {.n = 1, .all = {0, hg_run_rows(run, u->entity)}};
    if (layer->norm == HG_NORM_BATCH_RUNNING) return groups;
    groups.n = run->batch->graph->n_graphs;
    groups.ptr = u->entity == HG_NODES ? run->nodes->node_ptr : run->graph->edge_ptr;
    return groups;
}

static void sum_block(column_sum kind, const hg_real *x, const hg_real *y, int64_t rows, int64_t stride, hg_real *out)
{
    for (int64_t i = 0; i < rows; ++i) {
        const hg_real *a = x + i * stride, *b = y ? y + i * stride : NULL;
        if (kind == SUM_ONE) {
            for (int64_t c = 0; c < stride; ++c) out[c] += a[c];
        } else if (kind == SUM_SQUARES) {
            for (int64_t c = 0; c < stride; ++c) out[c] += a[c] * a[c];
        } else {
            for (int64_t c = 0; c < stride; ++c) out[c] += a[c] * b[c];
        }
    }
}

/* out[stride] = mean over rows first .. end of x, x^2 or x y. part: room for the blocks. */
static void column_means(const hg_run *run, column_sum kind, const hg_real *x, const hg_real *y, int64_t first, int64_t end, int64_t stride,
                         hg_real *part, hg_real *out)
{
    int64_t n = end - first, n_blocks = hg_block_count(n, HG_SUM_BLOCK);
    memset(part, 0, (size_t)(n_blocks * stride) * sizeof *part);
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, n))
    for (int64_t b = 0; b < n_blocks; ++b) {
        int64_t row = first + b * HG_SUM_BLOCK, rows = end - row < HG_SUM_BLOCK ? end - row : HG_SUM_BLOCK;
        sum_block(kind, x + row * stride, y ? y + row * stride : NULL, rows, stride, part + b * stride);
    }
    for (int64_t c = 0; c < stride; ++c) {
        hg_real sum = 0;
        for (int64_t b = 0; b < n_blocks; ++b) sum += part[b * stride + c];
        out[c] = sum / (hg_real)n;
    }
}

static hg_status allocate_parts(hg_run *run, const hg_update *u, int64_t stride, hg_real **part)
{
    int64_t n = hg_run_rows(run, u->entity);
    return hg_alloc(run->ctx, part, (hg_block_count(n, HG_SUM_BLOCK) + 3) * stride);
}

/* Leaves mean and unbiased variance of n rows for hg_model_take_statistics; a network that is used several times leaves their mean. */
static void leave_statistics(const hg_run *run, const hg_update *u, const hg_mlp_layer *layer, int64_t n, const hg_real *mean,
                             const hg_real *variance)
{
    const hg_real *running = run->model->parameters;
    hg_real uses = 0, correction = n > 1 ? (hg_real)n / (hg_real)(n - 1) : 0;
    if (!run->statistics) return;
    for (int i = 0; i < run->d->n_updates; ++i) uses += run->d->update[i].live && run->d->update[i].network == u->network ? 1 : 0;
    for (int64_t c = 0; c < layer->out; ++c) {
        /* of fewer than two rows there is no variance: nothing shall change */
        run->statistics[layer->mean + c] += (n > 1 ? mean[c] : running[layer->mean + c]) / uses;
        run->statistics[layer->variance + c] += (n > 1 ? correction * variance[c] : running[layer->variance + c]) / uses;
    }
}

/* Inference with running norms: constants for all rows. */
static void normalise_by_running(const hg_run *run, const hg_update *u, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real *r)
{
    const hg_real *mean = run->model->parameters + layer->mean, *variance = run->model->parameters + layer->variance;
    int64_t n = hg_run_rows(run, u->entity);
    for (int64_t c = 0; c < layer->out; ++c) r[c] = 1 / HG_SQRT(variance[c] + (hg_real)layer->eps);
#pragma omp parallel for schedule(static) num_threads(hg_team(run, n))
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t c = 0; c < layer->out; ++c) z[i * stride + c] = (z[i * stride + c] - mean[c]) * r[c];
    }
}

hg_status hg_batch_norm_forward(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real **rstd)
{
    hg_status status = HG_OK;
    hg_real *part = NULL;
    const row_groups groups = groups_of(run, u, layer);
    const int64_t *ptr = groups.ptr ? groups.ptr : groups.all;
    HG_TRY(allocate_parts(run, u, stride, &part));
    HG_TRY(hg_alloc(run->ctx, rstd, groups.n * stride));
    hg_real *mean = part, *variance = part + stride, *blocks = part + 2 * stride;
    if (layer->norm == HG_NORM_BATCH_RUNNING && !run->training) {
        normalise_by_running(run, u, layer, z, stride, *rstd);
        goto done;
    }
    for (int64_t g = 0; g < groups.n; ++g) {
        if (ptr[g] == ptr[g + 1]) continue;
        hg_real *r = *rstd + g * stride;
        column_means(run, SUM_ONE, z, NULL, ptr[g], ptr[g + 1], stride, blocks, mean);
#pragma omp parallel for schedule(static) num_threads(hg_team(run, ptr[g + 1] - ptr[g]))
        for (int64_t i = ptr[g]; i < ptr[g + 1]; ++i) {
            for (int64_t c = 0; c < stride; ++c) z[i * stride + c] -= mean[c];
        }
        column_means(run, SUM_SQUARES, z, NULL, ptr[g], ptr[g + 1], stride, blocks, variance);
        for (int64_t c = 0; c < stride; ++c) r[c] = 1 / HG_SQRT(variance[c] + (hg_real)layer->eps);
#pragma omp parallel for schedule(static) num_threads(hg_team(run, ptr[g + 1] - ptr[g]))
        for (int64_t i = ptr[g]; i < ptr[g + 1]; ++i) {
            for (int64_t c = 0; c < stride; ++c) z[i * stride + c] *= r[c];
        }
    }
    if (layer->norm == HG_NORM_BATCH_RUNNING) leave_statistics(run, u, layer, ptr[1], mean, variance);
done:
    hg_free(run->ctx, part);
    return status;
}

hg_status hg_batch_norm_back(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, const hg_real *h, const hg_real *rstd,
                             int64_t stride, hg_real *d)
{
    hg_status status = HG_OK;
    hg_real *part = NULL;
    const row_groups groups = groups_of(run, u, layer);
    const int64_t *ptr = groups.ptr ? groups.ptr : groups.all;
    HG_TRY(allocate_parts(run, u, stride, &part));
    hg_real *mean = part, *slope = part + stride, *blocks = part + 2 * stride;
    for (int64_t g = 0; g < groups.n; ++g) {
        if (ptr[g] == ptr[g + 1]) continue;
        const hg_real *r = rstd + g * stride;
        column_means(run, SUM_ONE, d, NULL, ptr[g], ptr[g + 1], stride, blocks, mean);
        column_means(run, SUM_PRODUCT, d, h, ptr[g], ptr[g + 1], stride, blocks, slope);
#pragma omp parallel for schedule(static) num_threads(hg_team(run, ptr[g + 1] - ptr[g]))
        for (int64_t i = ptr[g]; i < ptr[g + 1]; ++i) {
            for (int64_t c = 0; c < stride; ++c) {
                hg_real *at = &d[i * stride + c];
                *at = r[c] * (*at - mean[c] - h[i * stride + c] * slope[c]);
            }
        }
    }
done:
    hg_free(run->ctx, part);
    return status;
}

void hg_batch_norm_clear(hg_context *ctx, hg_batch_norm *norms)
{
    for (int l = 0; l < HG_MAX_LAYERS; ++l) hg_free(ctx, norms->rstd[l]);
}
