/* nn/forward/typed.c — first layers with weights per type of edge: edges of one type go through their matrix in tiles (MODELS 2.8). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/backward/update_back.h"

enum { TILES_PER_BLOCK = 32 };

/* Edges of one type in blocks of a fixed size: block b of type t is first_block[t] + b. */
static hg_status cut_types(const hg_run *run, int64_t n_types, int64_t block_rows, int64_t **first_block)
{
    hg_status status = HG_OK;
    const int64_t *ptr = run->edges->type_ptr;
    HG_TRY(hg_alloc(run->ctx, first_block, n_types + 1));
    for (int64_t t = 0; t < n_types; ++t) (*first_block)[t] = hg_block_count(ptr[t + 1] - ptr[t], block_rows);
    hg_prefix_sum(*first_block, n_types);
done:
    return status;
}

static int64_t type_of_block(const int64_t *first_block, int64_t n_types, int64_t block)
{
    int64_t low = 0, high = n_types;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (first_block[middle] <= block) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
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
    HG_TRY(cut_types(run, layer->types, HG_TILE_ROWS, &first_block));
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, n))
    for (int64_t block = 0; block < first_block[layer->types]; ++block) {
        int64_t type = type_of_block(first_block, layer->types, block);
        int64_t first = edges->type_ptr[type] + (block - first_block[type]) * HG_TILE_ROWS, left = edges->type_ptr[type + 1] - first;
        forward_tile(run, u, reduced, type, edges->by_type + first, left < HG_TILE_ROWS ? left : HG_TILE_ROWS, memory + size * hg_thread(),
                     *out);
    }
done:
    hg_free(run->ctx, first_block);
    hg_run_give(run, memory);
    return status;
}

/* Room of one thread for a tile. */
typedef struct tile_room {
    hg_real *x, *d, *dx; /* [tile, padded in], [tile, padded out], [tile, padded in + lanes] */
} tile_room;

/* sum: [out, padded in] of the block, then its bias [padded out]. */
static void backward_tile(const hg_back *b, int64_t type, const int64_t *edge, int64_t rows, const tile_room *room, hg_real *sum,
                          hg_real *d_inputs)
{
    const hg_run *run = b->run;
    const hg_mlp_layer *layer = &b->net->layer[0];
    const hg_packed_layer *packed = &b->packed->layer[0];
    int64_t wide = hg_padded(layer->in), stride = b->first_stride;
    for (int64_t i = 0; i < rows; ++i) {
        hg_concatenate_row(run, b->u, b->reduced, edge[i], room->x + i * wide);
        memcpy(room->d + i * stride, b->first->data + edge[i] * stride, (size_t)stride * sizeof *room->d);
    }
    run->k->wgrad(sum, wide, room->d, stride, layer->out, room->x, wide, wide, rows);
    run->k->column_sums(sum + layer->out * wide, room->d, stride, rows, stride);
    memset(room->dx, 0, (size_t)(rows * wide) * sizeof *room->dx);
    run->k->multiply(room->dx, wide, room->d, stride, 1, rows, layer->out, packed->backward + type * layer->out * packed->backward_stride,
                     packed->backward_stride, wide);
    for (int64_t i = 0; i < rows; ++i) memcpy(d_inputs + edge[i] * wide, room->dx + i * wide, (size_t)wide * sizeof *room->dx);
}

/* Blocks of a type are added in order. */
static void add_weights(const hg_back *b, const int64_t *first_block, int64_t size, const hg_real *sums)
{
    const hg_mlp_layer *layer = &b->net->layer[0];
    hg_real *gradient = b->run->weight_gradient;
    int64_t wide = hg_padded(layer->in);
    for (int64_t type = 0; type < layer->types; ++type) {
        hg_real *weight = gradient + layer->weight + type * layer->out * layer->in;
        for (int64_t block = first_block[type]; block < first_block[type + 1]; ++block) {
            const hg_real *sum = sums + block * size;
            for (int64_t o = 0; o < layer->out; ++o) {
                for (int64_t i = 0; i < layer->in; ++i) weight[o * layer->in + i] += sum[o * wide + i];
                if (layer->bias >= 0) gradient[layer->bias + type * layer->out + o] += sum[layer->out * wide + o];
            }
        }
    }
}

hg_status hg_typed_back(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    const hg_mlp_layer *layer = &b->net->layer[0];
    const hg_run_edges *edges = run->edges;
    int64_t wide = hg_padded(layer->in), n = edges->graph->n_edges, block_rows = TILES_PER_BLOCK * HG_TILE_ROWS;
    int64_t own = HG_TILE_ROWS * (2 * wide + b->first_stride), size = layer->out * wide + b->first_stride, *first_block = NULL;
    hg_real *memory = NULL, *sums = NULL, *d_inputs = NULL;
    HG_TRY(hg_run_take(run, &memory, own * run->threads));
    HG_TRY(hg_run_take(run, &d_inputs, n * wide));
    if (run->dry) goto replace;
    HG_TRY(cut_types(run, layer->types, block_rows, &first_block));
    HG_TRY(hg_run_take(run, &sums, first_block[layer->types] * size));
    hg_zero(run, memory, own * run->threads);
    hg_zero(run, sums, first_block[layer->types] * size);
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, n))
    for (int64_t block = 0; block < first_block[layer->types]; ++block) {
        hg_real *at = memory + own * hg_thread();
        tile_room room = {at, at + 2 * HG_TILE_ROWS * wide, at + HG_TILE_ROWS * wide};
        int64_t type = type_of_block(first_block, layer->types, block);
        int64_t first = edges->type_ptr[type] + (block - first_block[type]) * block_rows, end = first + block_rows;
        if (end > edges->type_ptr[type + 1]) end = edges->type_ptr[type + 1];
        for (int64_t e = first; e < end; e += HG_TILE_ROWS)
            backward_tile(b, type, edges->by_type + e, end - e < HG_TILE_ROWS ? end - e : HG_TILE_ROWS, &room, sums + block * size,
                          d_inputs);
    }
    add_weights(b, first_block, size, sums);
replace:
    hg_shared_rows_release(run, b->first);
    b->first = NULL;
    b->first_stride = wide;
    status = hg_shared_rows_make(run, d_inputs, wide, &b->first);
    d_inputs = NULL;
done:
    hg_free(run->ctx, first_block);
    hg_run_give(run, memory);
    hg_run_give(run, sums);
    hg_run_give(run, d_inputs);
    return status;
}
