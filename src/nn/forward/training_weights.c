/* nn/forward/training_weights.c — see training_weights.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/training_weights.h"

#include "base/check.h"
#include "base/memory.h"
#include "nn/run/packer.h"

static bool known_on_the_way_back(const hg_network *net)
{
    if (hg_network_concatenates(net) || net->batch_norm) return false;
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        if (!layer->linear || layer->groups != 1 || layer->dropout > 0) return false;
        if (layer->gamma >= 0 && !hg_activation_from_output(layer->activation)) return false;
    }
    return true;
}

typedef struct packer {
    hg_packer room;
    const hg_run *run;
} packer;

/* Columns column .. column + k of a layer's weights, for products with rows of inputs and of gradients. */
static void pack_columns(packer *p, const hg_mlp_layer *layer, int64_t column, int64_t k, const void **forward, const void **back)
{
    const hg_dense_kernels *dense = &p->run->k->dense[HG_STORE_REAL];
    const hg_real *w = p->run->model->parameters + layer->weight + column;
    void *to = hg_packer_take(&p->room, dense->packed_bytes(layer->out, k)),
         *transposed = hg_packer_take(&p->room, dense->packed_bytes(k, layer->out));
    hg_real *mean = hg_packer_take(&p->room, k * (int64_t)sizeof *mean);
    *forward = to;
    *back = transposed;
    if (!to) return;
    hg_column_means(w, layer->in, layer->out, k, mean);
    dense->pack(w, layer->in, 1, layer->out, k, hg_layer_is_centred(layer) ? mean : NULL, to);
    dense->pack(w, 1, layer->in, k, layer->out, NULL, transposed);
}

static void pack_all(packer *p, const hg_update *u, hg_panels *out)
{
    const hg_network *net = &p->run->d->network[u->network];
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        out->bias[l] = hg_packer_vector(&p->room, p->run->model->parameters, layer->bias, layer->out, hg_layer_is_centred(layer));
        out->gamma[l] = hg_packer_vector(&p->room, p->run->model->parameters, layer->gamma, layer->out, false);
        out->beta[l] = hg_packer_vector(&p->room, p->run->model->parameters, layer->beta, layer->out, false);
        if (l > 0) pack_columns(p, layer, 0, layer->in, &out->forward[l], &out->back[l]);
    }
    for (int t = 0; t < u->n_terms; ++t)
        pack_columns(p, &net->layer[0], u->term[t].column, u->term[t].width, &out->term_forward[t], &out->term_back[t]);
}

static bool same_columns(const hg_update *a, const hg_update *b)
{
    if (a->network != b->network || a->n_terms != b->n_terms) return false;
    for (int t = 0; t < a->n_terms; ++t) {
        if (a->term[t].width != b->term[t].width || a->term[t].column != b->term[t].column) return false;
    }
    return true;
}

hg_status hg_panels_need(hg_run *run, int update)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    const hg_update *u = &d->update[update];
    hg_panels *panels = run->panels ? &run->panels[update] : NULL;
    if (!panels || u->network < 0 || panels->there || !known_on_the_way_back(&d->network[u->network])) return HG_OK;
    for (int i = 0; i < d->n_updates; ++i) {
        if (!run->panels[i].memory || !same_columns(&d->update[i], u)) continue;
        *panels = run->panels[i];
        panels->memory = NULL;
        return HG_OK;
    }
    packer p = {.run = run};
    pack_all(&p, u, panels);
    HG_TRY(hg_alloc(run->ctx, &panels->memory, p.room.used));
    p = (packer){.room = {.memory = panels->memory}, .run = run};
    pack_all(&p, u, panels);
    panels->there = true;
done:
    return status;
}

const hg_panels *hg_panels_of(const hg_run *run, int update)
{
    return run->panels && run->panels[update].there ? &run->panels[update] : NULL;
}

void hg_panels_clear(hg_run *run)
{
    for (int i = 0; run->panels && i < run->d->n_updates; ++i) hg_free(run->ctx, run->panels[i].memory);
    hg_free(run->ctx, run->panels);
}
