/* nn/forward/typed.c — see typed.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/typed.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/forward/concatenate.h"

hg_status hg_typed_cut(const hg_run *run, int64_t n_types, int64_t block_rows, int64_t **first_block)
{
    hg_status status = HG_OK;
    const int64_t *ptr = run->edges->type_ptr;
    HG_TRY(hg_alloc(run->ctx, first_block, n_types + 1));
    for (int64_t t = 0; t < n_types; ++t) (*first_block)[t] = hg_block_count(ptr[t + 1] - ptr[t], block_rows);
    hg_prefix_sum(*first_block, n_types);
done:
    return status;
}

static void forward_tile(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t type, const int64_t *edge, int64_t rows,
                         hg_real *own, hg_real *out)
{
    const hg_mlp_layer *layer = &run->d->network[u->network].layer[0];
    const hg_packed_layer *packed = &run->packed[u->network].layer[0];
    int64_t stride = hg_padded(layer->out);
    hg_real *x = own, *z = own + HG_TILE_ROWS * hg_padded(layer->in);
    for (int64_t i = 0; i < rows; ++i) {
        hg_concatenate_row(run, u, reduced, edge[i], x + i * layer->in);
        memcpy(z + i * stride, packed->bias + type * stride, (size_t)stride * sizeof *z);
    }
    run->k->multiply(z, stride, x, layer->in, 1, rows, layer->in, packed->forward + type * layer->in * stride, stride, stride);
    for (int64_t i = 0; i < rows; ++i) memcpy(out + edge[i] * stride, z + i * stride, (size_t)stride * sizeof *z);
}

hg_status hg_typed_products(hg_run *run, const hg_update *u, const hg_reduced *reduced, hg_real **out)
{
    hg_status status = HG_OK;
    const hg_mlp_layer *layer = &run->d->network[u->network].layer[0];
    const hg_run_edges *edges = run->edges;
    int64_t *first_block = NULL, size = HG_TILE_ROWS * (hg_padded(layer->in) + hg_padded(layer->out)), n = edges->graph->n_edges;
    hg_real *memory = NULL;
    HG_TRY(hg_run_take(run, out, n * hg_padded(layer->out)));
    HG_TRY(hg_run_take(run, &memory, size * run->threads));
    if (run->dry) goto done;
    HG_TRY(hg_typed_cut(run, layer->types, HG_TILE_ROWS, &first_block));
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, n))
    for (int64_t block = 0; block < first_block[layer->types]; ++block) {
        int64_t type = hg_prefix_owner(first_block, layer->types, block);
        int64_t first = edges->type_ptr[type] + (block - first_block[type]) * HG_TILE_ROWS, left = edges->type_ptr[type + 1] - first;
        forward_tile(run, u, reduced, type, edges->by_type + first, left < HG_TILE_ROWS ? left : HG_TILE_ROWS, memory + size * hg_thread(),
                     *out);
    }
done:
    hg_free(run->ctx, first_block);
    hg_run_give(run, memory);
    return status;
}
