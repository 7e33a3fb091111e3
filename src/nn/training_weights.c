/* nn/training_weights.c — see training_weights.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/training_weights.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "nn/run.h"

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

/* Room is counted with memory NULL, then handed out. */
typedef struct packer {
    const hg_run *run;
    char *memory;
    int64_t used;
} packer;

static void *take(packer *p, int64_t bytes)
{
    void *at = p->memory ? p->memory + p->used : NULL;
    p->used += (bytes + 63) / 64 * 64;
    return at;
}

static bool is_centred(const hg_mlp_layer *layer)
{
    return layer->norm == HG_NORM_LAYER || layer->norm == HG_NORM_LAYER_AFFINE;
}

static const hg_real *pack_vector(packer *p, int64_t offset, int64_t n, bool centred)
{
    if (offset < 0) return NULL;
    int64_t padded = hg_padded(n);
    hg_real *v = take(p, padded * (int64_t)sizeof *v);
    if (!v) return NULL;
    const hg_real *from = p->run->model->parameters + offset;
    double mean = 0;
    for (int64_t i = 0; centred && i < n; ++i) mean += (double)from[i] / (double)n;
    memset(v, 0, (size_t)padded * sizeof *v);
    for (int64_t i = 0; i < n; ++i) v[i] = (hg_real)((double)from[i] - mean);
    return v;
}

/* Columns column .. column + k of a layer's weights, for products with rows of inputs and of gradients. */
static void pack_columns(packer *p, const hg_mlp_layer *layer, int64_t column, int64_t k, const void **forward, const void **back)
{
    const hg_dense_kernels *dense = &p->run->k->dense[HG_STORE_REAL];
    const hg_real *w = p->run->model->parameters + layer->weight + column;
    void *to = take(p, dense->packed_bytes(layer->out, k)), *transposed = take(p, dense->packed_bytes(k, layer->out));
    hg_real *mean = take(p, k * (int64_t)sizeof *mean);
    *forward = to;
    *back = transposed;
    if (!to) return;
    for (int64_t i = 0; i < k; ++i) {
        double sum = 0;
        for (int64_t o = 0; o < layer->out; ++o) sum += (double)w[o * layer->in + i];
        mean[i] = (hg_real)(sum / (double)layer->out);
    }
    dense->pack(w, layer->in, 1, layer->out, k, is_centred(layer) ? mean : NULL, to);
    dense->pack(w, 1, layer->in, k, layer->out, NULL, transposed);
}

static void pack_all(packer *p, const hg_update *u, hg_panels *out)
{
    const hg_network *net = &p->run->d->network[u->network];
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        out->bias[l] = pack_vector(p, layer->bias, layer->out, is_centred(layer));
        out->gamma[l] = pack_vector(p, layer->gamma, layer->out, false);
        out->beta[l] = pack_vector(p, layer->beta, layer->out, false);
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
    HG_TRY(hg_alloc(run->ctx, &panels->memory, p.used));
    p = (packer){.run = run, .memory = panels->memory};
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
