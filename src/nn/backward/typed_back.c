/* nn/backward/typed_back.c — typed first layers in reverse: blocks of edges of one type (MODELS 2.8). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/backward/back.h"
#include "nn/forward/concatenate.h"
#include "nn/forward/typed.h"

enum { TILES_PER_BLOCK = 32 };

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
    HG_TRY(hg_typed_cut(run, layer->types, block_rows, &first_block));
    HG_TRY(hg_run_take(run, &sums, first_block[layer->types] * size));
    hg_zero(run, memory, own * run->threads);
    hg_zero(run, sums, first_block[layer->types] * size);
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, n))
    for (int64_t block = 0; block < first_block[layer->types]; ++block) {
        hg_real *at = memory + own * hg_thread();
        tile_room room = {at, at + 2 * HG_TILE_ROWS * wide, at + HG_TILE_ROWS * wide};
        int64_t type = hg_prefix_owner(first_block, layer->types, block);
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
