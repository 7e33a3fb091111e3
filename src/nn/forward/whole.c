/* nn/forward/whole.c — see whole.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/whole.h"

#include "base/check.h"
#include "base/parallel.h"
#include "nn/forward/dropout.h"
#include "nn/forward/tile.h"

hg_status hg_whole_tape(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, const hg_tape *tape,
                        hg_batch_norm *norms)
{
    hg_status status = HG_OK;
    const hg_network *net = &run->d->network[u->network];
    const hg_packed *packed = &run->packed[u->network];
    int64_t n = hg_run_rows(run, u->entity), n_tiles = hg_block_count(n, HG_TILE_ROWS);

    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, n))
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
            hg_tape at = hg_tape_at(net, tape, row);
            if (l == 0) {
                hg_first_layer(run, u, packed, products, reduced, row, rows, &at.layer[0]);
            } else {
                hg_layer_linear(run->k, layer, &packed->layer[l], at.layer[l - 1].y, at.layer[l - 1].stride, rows, &at.layer[l]);
            }
        }
        if (hg_norm_is_batch(layer->norm))
            HG_TRY(hg_batch_norm_forward(run, u, layer, tape->layer[l].h, tape->layer[l].stride, &norms->rstd[l]));
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, n))
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
            hg_tape at = hg_tape_at(net, tape, row);
            hg_layer_finish(run->k, layer, &packed->layer[l], rows, &at.layer[l]);
            if (layer->dropout > 0) hg_dropout(run, u, l, row, rows, at.layer[l].y, at.layer[l].stride);
        }
    }
done:
    return status;
}

hg_status hg_whole_forward(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, hg_real *out)
{
    hg_status status = HG_OK;
    hg_real *memory = NULL;
    hg_tape tape;
    hg_batch_norm norms = {{0}};
    const hg_network *net = &run->d->network[u->network];
    int64_t n = hg_run_rows(run, u->entity), width = net->out, n_tiles = hg_block_count(n, HG_TILE_ROWS);

    HG_TRY(hg_run_take(run, &memory, hg_tape_layout(net, n, false, NULL, &tape)));
    if (run->dry) goto done;
    hg_tape_layout(net, n, false, memory, &tape);
    HG_TRY(hg_whole_tape(run, u, products, reduced, &tape, &norms));
    const hg_layer_tape *last = &tape.layer[net->n_layers - 1];
#pragma omp parallel for schedule(dynamic, 8) num_threads(hg_team(run, n))
    for (int64_t tile = 0; tile < n_tiles; ++tile) {
        int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
        hg_update_finish(run, u, last->y + row * last->stride, last->stride, row, rows, out + row * width);
    }
done:
    hg_batch_norm_clear(run->ctx, &norms);
    hg_run_give(run, memory);
    return status;
}
