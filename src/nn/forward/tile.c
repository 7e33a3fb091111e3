/* nn/forward/tile.c — one tile through the layers of a network with the fused kernels: forward, and from one layer's gradient to the one
 * below. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/tile.h"

#include <string.h>
#include "nn/forward/dropout.h"

void hg_update_finish(const hg_run *run, const hg_update *u, const hg_real *y, int64_t stride, int64_t row, int64_t rows, hg_real *out)
{
    int64_t width = run->d->value[u->value].width;
    hg_real scale = (hg_real)u->scale, shift = (hg_real)u->shift, keep = (hg_real)u->keep, change = (hg_real)u->change;
    for (int64_t i = 0; i < rows; ++i) memcpy(out + i * width, y + i * stride, (size_t)width * sizeof *out);
    if (u->activation != HG_ACTIVATION_NONE) run->k->activate(u->activation, out, out, rows * width);
    if (u->scale != 1 || u->shift != 0) {
        for (int64_t i = 0; i < rows * width; ++i) out[i] = shift + scale * out[i];
    }
    if (u->old >= 0) {
        const hg_real *old = run->table[u->old] + row * width;
        for (int64_t i = 0; i < rows * width; ++i) out[i] = keep * old[i] + change * out[i];
    }
}

void hg_tile_forward(const hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, int64_t row,
                     int64_t rows, int n_layers, const hg_tape *tape)
{
    const hg_network *net = &run->d->network[u->network];
    const hg_packed *packed = &run->packed[u->network];
    if (n_layers == 0) return;
    hg_first_layer(run, u, packed, products, reduced, row, rows, &tape->layer[0]);
    hg_layer_finish(run->k, &net->layer[0], &packed->layer[0], rows, &tape->layer[0]);
    for (int l = 1; l < n_layers; ++l) {
        const hg_layer_tape *below = &tape->layer[l - 1];
        hg_layer_linear(run->k, &net->layer[l], &packed->layer[l], below->y, below->stride, rows, &tape->layer[l]);
        hg_layer_finish(run->k, &net->layer[l], &packed->layer[l], rows, &tape->layer[l]);
        if (net->layer[l].dropout > 0) hg_dropout(run, u, l, row, rows, tape->layer[l].y, tape->layer[l].stride);
    }
}

bool hg_tile_reaches_table(const hg_update *u)
{
    return u->activation == HG_ACTIVATION_NONE && u->scale == 1 && u->shift == 0;
}

static void gather(hg_dense *layer, const hg_real *table, int64_t ld, const int32_t *index)
{
    if (table) layer->gather[layer->n_gathers++] = (hg_dense_gather){table, ld, index};
}

/* Inputs of the first layer: products gathered over the edges, own rows multiplied. Returns the number of parts. */
static int first_inputs(const hg_tile_job *j, int64_t row, hg_dense *layer, hg_dense_part part[HG_MAX_TERMS])
{
    const hg_run *run = j->run;
    const hg_graph *g = run->graph;
    const hg_products *p = j->products;
    const int64_t ld = hg_padded(layer->n);
    int n_parts = 0;
    if (p->sender) gather(layer, p->sender, ld, g->sender + row);
    if (p->receiver) gather(layer, p->receiver, ld, g->receiver + row);
    if (p->global) gather(layer, p->global, ld, hg_graph_index(run, j->u->entity) + row);
    for (int t = 0; t < j->u->n_terms; ++t) {
        const hg_term *term = &j->u->term[t];
        if (hg_term_indexed(term)) continue;
        part[n_parts++] = (hg_dense_part){hg_term_rows(run, term, &j->reduced[t]) + row * term->width, term->width, term->width,
                                          j->panels->term_forward[t]};
    }
    return n_parts;
}

static void finish_layer(const hg_tile_job *j, int l, int64_t row, hg_dense *layer)
{
    const hg_network *net = &j->run->d->network[j->u->network];
    const hg_mlp_layer *of = &net->layer[l];
    const hg_layer_tape *t = &j->tape->layer[l];
    bool normed = of->norm != HG_NORM_NONE;
    layer->bias = j->panels->bias[l];
    layer->gamma = j->panels->gamma[l];
    layer->beta = j->panels->beta[l];
    layer->norm = normed ? HG_DENSE_CENTRED_NORM : HG_DENSE_NO_NORM;
    layer->eps = (hg_real)of->eps;
    layer->activation = of->activation;
    layer->out = t->y;
    layer->ldo = t->stride;
    layer->h = t->h != t->y ? t->h : NULL;
    layer->rstd = normed ? t->rstd : NULL;
    layer->scratch = j->scratch;
    if (!j->table || l < net->n_layers - 1) return;
    layer->ldo = of->out;
    layer->out = j->table + row * of->out;
    if (j->u->old < 0) return;
    layer->old = j->run->table[j->u->old] + row * of->out;
    layer->keep = (hg_real)j->u->keep;
    layer->change = (hg_real)j->u->change;
}

void hg_tile_run(const hg_tile_job *j, int64_t row, int64_t rows)
{
    const hg_network *net = &j->run->d->network[j->u->network];
    int64_t left = hg_run_rows(j->run, j->u->entity) - row - rows;
    for (int l = 0; l < j->n_layers; ++l) {
        hg_dense_part part[HG_MAX_TERMS];
        hg_dense layer = {.rows = rows, .n = net->layer[l].out, .part = part, .n_parts = 1};
        if (l == 0) {
            layer.n_parts = first_inputs(j, row, &layer, part);
            layer.ahead = left < HG_TILE_ROWS ? left : HG_TILE_ROWS;
        } else {
            const hg_layer_tape *below = &j->tape->layer[l - 1];
            part[0] = (hg_dense_part){below->y, below->stride, net->layer[l].in, j->panels->forward[l]};
        }
        finish_layer(j, l, row, &layer);
        j->run->k->dense[HG_STORE_REAL].run(&layer);
    }
}
