/* nn/forward/dropout.c — masks that depend on (draw of the batch, update, layer, row, column) alone, so they can be made again on the way
 * back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/dropout.h"

#include "base/random.h"

enum { RANDOM_DROPOUT = 0x64726f70 };

void hg_dropout(const hg_run *run, const hg_update *u, int l, int64_t row, int64_t rows, hg_real *y, int64_t stride)
{
    const hg_mlp_layer *layer = &run->d->network[u->network].layer[l];
    uint64_t place = (uint64_t)(u - run->d->update) * HG_MAX_LAYERS + (uint64_t)l;
    double limit = layer->dropout * 4294967296.0;
    hg_real scale = (hg_real)(1 / (1 - layer->dropout));
    if (!run->training) return;
    for (int64_t i = 0; i < rows; ++i) {
        hg_random stream = hg_random_stream(run->batch->draw, RANDOM_DROPOUT, place, (uint64_t)(row + i));
        for (int64_t c = 0; c < layer->out; ++c) y[i * stride + c] *= (double)hg_random_u32(&stream) < limit ? 0 : scale;
    }
}
