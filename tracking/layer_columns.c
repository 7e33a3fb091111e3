/* layer_columns.c — the layers of a detector in columns, for kernels that test many at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "tracking/finder.h"

static int64_t padded(int64_t n)
{
    return (n + HG_BATCH_LANES_MAX - 1) / HG_BATCH_LANES_MAX * HG_BATCH_LANES_MAX;
}

static float position_of(const hg_layer *l)
{
    return (float)(l->barrel ? (l->r_min + l->r_max) / 2 : (l->z_min + l->z_max) / 2);
}

/* Barrels in their order, discs by z; returns the number of barrels. */
static int64_t sort_layers(const hg_detector *detector, int32_t *sorted)
{
    int64_t n_barrels = 0, n = 0;
    for (int64_t l = 0; l < detector->n_layers; ++l)
        if (detector->layers[l].barrel) sorted[n_barrels++] = (int32_t)l;
    n = n_barrels;
    for (int64_t l = 0; l < detector->n_layers; ++l) {
        if (detector->layers[l].barrel) continue;
        int64_t at = n++;
        for (; at > n_barrels && position_of(&detector->layers[sorted[at - 1]]) > position_of(&detector->layers[l]); --at)
            sorted[at] = sorted[at - 1];
        sorted[at] = (int32_t)l;
    }
    return n_barrels;
}

/* Padding lies where the layer before it lies: columns stay in order. */
static void fill_column(const hg_detector *detector, const hg_hit_layer *layer, int32_t l, bool padding, int64_t n_columns, float *to)
{
    const hg_layer *from = &detector->layers[l];
    to[HG_LAYER_POSITION * n_columns] = position_of(from);
    to[HG_LAYER_LOW * n_columns] = padding ? 1e9f : (float)(from->barrel ? from->z_min : from->r_min); /* no c is in low..high */
    to[HG_LAYER_HIGH * n_columns] = padding ? -1e9f : (float)(from->barrel ? from->z_max : from->r_max);
    to[HG_LAYER_DEPTH * n_columns] = (float)layer[l].depth;
    to[HG_LAYER_SIGMA_PHI * n_columns] = (float)layer[l].sigma_phi;
    to[HG_LAYER_SIGMA_C * n_columns] = (float)layer[l].sigma_c;
}

hg_status hg_layer_columns_create(hg_context *ctx, const hg_detector *detector, const hg_hit_layer *layer, hg_layer_columns *out)
{
    hg_status status = HG_OK;
    hg_layer_columns columns = {0};
    int32_t *sorted = NULL;

    HG_TRY(hg_alloc(ctx, &sorted, detector->n_layers));
    const int64_t n_barrels = sort_layers(detector, sorted), n[2] = {n_barrels, detector->n_layers - n_barrels};
    const int64_t n_columns = padded(n[0]) + padded(n[1]);
    HG_TRY(hg_alloc(ctx, &columns.numbers, n_columns * HG_BATCH_LAYER_NUMBERS));
    HG_TRY(hg_alloc(ctx, &columns.layer, n_columns));
    for (int kind = 0; kind < 2; ++kind) {
        const int64_t first = kind ? padded(n[0]) : 0;
        const int32_t *from = sorted + (kind ? n[0] : 0);
        for (int64_t k = 0; k < padded(n[kind]); ++k) {
            const bool padding = k >= n[kind];
            fill_column(detector, layer, from[padding ? n[kind] - 1 : k], padding, n_columns, columns.numbers + first + k);
            columns.layer[first + k] = padding ? -1 : from[k];
        }
    }
    columns.view = (hg_batch_layers){.n_barrels = padded(n[0]), .n_discs = padded(n[1]), .layer = columns.layer};
    for (int i = 0; i < HG_BATCH_LAYER_NUMBERS; ++i) columns.view.table[i] = columns.numbers + i * n_columns;
    *out = columns;
    columns = (hg_layer_columns){0};
done:
    hg_layer_columns_free(ctx, &columns);
    hg_free(ctx, sorted);
    return status;
}

void hg_layer_columns_free(hg_context *ctx, hg_layer_columns *columns)
{
    hg_free(ctx, columns->numbers);
    hg_free(ctx, columns->layer);
    *columns = (hg_layer_columns){0};
}
