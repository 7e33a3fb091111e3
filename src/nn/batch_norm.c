/* nn/batch_norm.c — networks with batch norms: statistics of the rows of each graph, in training and inference alike (MODELS 2.3). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/functions.h"
#include "nn/update.h"

/* Column sums of one or two arrays over the rows of each graph: blocks counted from the graph's first row, added in order. */
typedef enum column_sum { SUM_ONE, SUM_SQUARES, SUM_PRODUCT } column_sum;

static const int64_t *graph_rows(const hg_run *run, hg_entity entity)
{
    return entity == HG_NODES ? run->graph->node_ptr : run->graph->edge_ptr;
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

static hg_status allocate_parts(hg_run *run, hg_entity entity, int64_t stride, hg_real **part)
{
    int64_t n = hg_run_rows(run, entity);
    return hg_alloc(run->ctx, part, (hg_block_count(n, HG_SUM_BLOCK) + 3) * stride);
}

hg_status hg_batch_norm_forward(hg_run *run, hg_entity entity, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real **rstd)
{
    hg_status status = HG_OK;
    hg_real *part = NULL;
    const int64_t *ptr = graph_rows(run, entity);
    int64_t n_groups = run->graph->n_graphs;
    HG_TRY(allocate_parts(run, entity, stride, &part));
    HG_TRY(hg_alloc(run->ctx, rstd, n_groups * stride));
    hg_real *mean = part, *variance = part + stride, *blocks = part + 2 * stride;
    for (int64_t g = 0; g < n_groups; ++g) {
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
done:
    hg_free(run->ctx, part);
    return status;
}

hg_status hg_batch_norm_back(hg_run *run, hg_entity entity, const hg_real *h, const hg_real *rstd, int64_t stride, hg_real *d)
{
    hg_status status = HG_OK;
    hg_real *part = NULL;
    const int64_t *ptr = graph_rows(run, entity);
    int64_t n_groups = run->graph->n_graphs;
    HG_TRY(allocate_parts(run, entity, stride, &part));
    hg_real *mean = part, *slope = part + stride, *blocks = part + 2 * stride;
    for (int64_t g = 0; g < n_groups; ++g) {
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
