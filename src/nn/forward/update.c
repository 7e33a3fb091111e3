/* nn/forward/update.c — one update forward: tiles of rows go through all layers while they are in cache. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/update.h"

#include <omp.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/forward/compute.h"
#include "nn/forward/concatenate.h"
#include "nn/forward/reduction.h"
#include "nn/forward/signs.h"
#include "nn/forward/tile.h"
#include "nn/forward/training_weights.h"
#include "nn/forward/whole.h"
#include "nn/run/run_edges.h"

bool hg_update_is_linear(const hg_update *u)
{
    bool linear = u->network < 0 && u->activation == HG_ACTIVATION_NONE;
    for (int t = 0; t < u->n_terms; ++t) linear = linear && (!hg_term_made(&u->term[t]) || hg_term_is_plain_sum(&u->term[t]));
    return linear;
}

hg_status hg_update_reduce(hg_run *run, int index, bool statistics)
{
    hg_status status = HG_OK;
    const hg_update *u = &run->d->update[index];
    HG_TRY(hg_alloc(run->ctx, &run->reduced[index], u->n_terms));
    for (int t = 0; t < u->n_terms; ++t) {
        if (u->term[t].access == HG_REDUCED) HG_TRY(hg_reduce_forward(run, u->entity, &u->term[t], statistics, &run->reduced[index][t]));
        if (u->term[t].access == HG_COMPUTED) HG_TRY(hg_compute_forward(run, u, &u->term[t], &run->reduced[index][t].value));
    }
done:
    return status;
}

static hg_status forward_in_tiles(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, hg_real *out)
{
    hg_status status = HG_OK;
    hg_real *memory = NULL;
    const hg_network *net = u->network >= 0 ? &run->d->network[u->network] : NULL;
    int64_t width = run->d->value[u->value].width, n = hg_run_rows(run, u->entity), n_tiles = hg_block_count(n, HG_TILE_ROWS);
    const int index = (int)(u - run->d->update);
    const bool signs = run->training && run->signs[index];
    hg_tape counted;
    int64_t tape_size = net ? hg_tape_layout(net, HG_TILE_ROWS, false, NULL, &counted) : HG_TILE_ROWS * hg_padded(width);
    int64_t size = tape_size + HG_TILE_ROWS * hg_padded(net ? hg_widest(net) : 0);
    hg_tile_job job = {.run = run, .u = u, .panels = hg_panels_of(run, index), .products = products, .reduced = reduced};
    job.table = hg_tile_reaches_table(u) ? out : NULL;

    HG_TRY(hg_run_take(run, &memory, size * run->threads));
    if (run->dry) goto done;
#pragma omp parallel num_threads(hg_team(run, n))
    {
        hg_real *own = memory + size * omp_get_thread_num();
        hg_tape tape;
        if (net) hg_tape_layout(net, HG_TILE_ROWS, false, own, &tape);
        hg_tile_job own_job = job;
        own_job.n_layers = net ? net->n_layers : 0;
        own_job.tape = &tape;
        own_job.scratch = own + tape_size;
#pragma omp for schedule(dynamic, 8)
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = n - row < HG_TILE_ROWS ? n - row : HG_TILE_ROWS;
            const hg_real *y = own;
            if (job.panels) {
                hg_tile_run(&own_job, row, rows);
                if (signs) hg_signs_write(run, index, out + row * width, row, rows);
                if (job.table) continue;
                y = tape.layer[net->n_layers - 1].y;
            } else if (net) {
                hg_tile_forward(run, u, products, reduced, row, rows, net->n_layers, &tape);
                y = tape.layer[net->n_layers - 1].y;
            } else {
                hg_concatenate(run, u, reduced, row, rows, own, hg_padded(width));
            }
            hg_update_finish(run, u, y, net ? tape.layer[net->n_layers - 1].stride : hg_padded(width), row, rows, out + row * width);
        }
    }
done:
    hg_run_give(run, memory);
    return status;
}

hg_status hg_update_forward(hg_run *run, int index)
{
    hg_status status = HG_OK;
    const hg_update *u = &run->d->update[index];
    hg_products products = {0};
    hg_real *out = NULL;

    HG_TRY(hg_run_enter(run, u));
    HG_TRY(hg_update_reduce(run, index, run->keep_sums));
    if (u->network >= 0) HG_TRY(hg_products_make(run, u, run->reduced[index], &products));
    HG_TRY(hg_run_take(run, &out, hg_run_rows(run, u->entity) * run->d->value[u->value].width));
    if (u->network >= 0 && run->d->network[u->network].batch_norm) {
        HG_TRY(hg_whole_forward(run, u, &products, run->reduced[index], out));
    } else {
        if (run->training) HG_TRY(hg_signs_make(run, index));
        HG_TRY(forward_in_tiles(run, u, &products, run->reduced[index], out));
    }
    run->table[u->value] = run->owned[u->value] = out;
    out = NULL;
    if (!run->keep_sums) hg_run_drop_reduced(run, index);
done:
    hg_products_clear(run, &products);
    hg_run_give(run, out);
    return status;
}
