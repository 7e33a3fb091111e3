/* nn/fused/fused_weights.c — packs weights for the fused kernels; those in front of a layer norm are centred, which saves it one sum. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/fused/fused_weights.h"

#include "base/check.h"
#include "base/memory.h"
#include "nn/run/packer.h"

enum { NONE = -1 };

typedef struct packer {
    hg_packer room;
    const hg_dense_kernels *dense; /* [HG_STORAGES] */
    const hg_real *parameters;
    hg_real *mean, *difference; /* scratch: [widest in], [largest out x in]; NULL while counting */
    int64_t most_in, most_weights;
} packer;

/* The columns `plus` .. plus + k of a layer's weights less those from `minus` on, for the kernel that reads rows in this storage; NONE in
 * the place of zeros. */
static const void *pack_columns(packer *p, hg_storage storage, const hg_mlp_layer *layer, int64_t plus, int64_t minus, int64_t k)
{
    const hg_dense_kernels *dense = &p->dense[storage];
    void *to = hg_packer_take(&p->room, dense->packed_bytes(layer->out, k));
    if (k > p->most_in) p->most_in = k;
    if (layer->out * k > p->most_weights) p->most_weights = layer->out * k;
    if (!to) return NULL;
    const hg_real *all = p->parameters + layer->weight, *w = p->difference;
    int64_t step = k;
    if (minus == NONE) {
        w = all + plus;
        step = layer->in;
    } else {
        for (int64_t o = 0; o < layer->out; ++o, all += layer->in) {
            for (int64_t i = 0; i < k; ++i) p->difference[o * k + i] = (plus == NONE ? 0 : all[plus + i]) - all[minus + i];
        }
    }
    hg_column_means(w, step, layer->out, k, p->mean);
    dense->pack(w, step, 1, layer->out, k, hg_layer_is_centred(layer) ? p->mean : NULL, to);
    return to;
}

static void pack_layers(packer *p, hg_storage storage, const hg_network *net, hg_fused_layer *out)
{
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        bool centred = hg_layer_is_centred(layer), normed = layer->norm != HG_NORM_NONE;
        out[l].norm = centred ? HG_DENSE_CENTRED_NORM : normed ? HG_DENSE_NORM : HG_DENSE_NO_NORM;
        out[l].bias = hg_packer_vector(&p->room, p->parameters, layer->bias, layer->out, centred);
        out[l].gamma = hg_packer_vector(&p->room, p->parameters, layer->gamma, layer->out, false);
        out[l].beta = hg_packer_vector(&p->room, p->parameters, layer->beta, layer->out, false);
        if (l > 0 && layer->linear) out[l].weights = pack_columns(p, storage, layer, 0, NONE, layer->in);
    }
}

/* The storage in which rows of a term are read for one side of the split first layer. */
static hg_storage read_as(const hg_planned_update *planned, hg_side side)
{
    return side == HG_SIDES ? planned->in : planned->product[side].in;
}

static int first_term(const hg_update *u, hg_access access, int value)
{
    int t = 0;
    while (t < u->n_terms && (u->term[t].access != access || u->term[t].value != value)) ++t;
    return t < u->n_terms ? t : NONE;
}

/* A difference takes off at the receivers what another term may read there: one product does for both. The other term of such a pair. */
static int partner(const hg_update *u, int term)
{
    const hg_term *of = &u->term[term];
    const int difference = first_term(u, HG_DIFFERENCE, of->value), receiver = first_term(u, HG_RECEIVER, of->value);
    return term == difference ? receiver : term == receiver ? difference : NONE;
}

static bool same_inputs(const hg_plan *plan, int first, int second)
{
    const hg_update *a = &plan->d->update[first], *b = &plan->d->update[second];
    for (int side = 0; side <= HG_SIDES; ++side) {
        if (read_as(&plan->update[first], (hg_side)side) != read_as(&plan->update[second], (hg_side)side)) return false;
    }
    if (a->network != b->network || a->n_terms != b->n_terms) return false;
    for (int t = 0; t < a->n_terms; ++t) {
        if (a->term[t].width != b->term[t].width || a->term[t].access != b->term[t].access || partner(a, t) != partner(b, t)) return false;
    }
    return true;
}

static bool is_packed(const hg_plan *plan, int update)
{
    const hg_planned_update *planned = &plan->update[update];
    return plan->d->update[update].live_last && planned->fused && !planned->in_lanes && plan->d->update[update].network >= 0;
}

static void pack_terms(packer *p, const hg_plan *plan, int update, hg_fused_term *out)
{
    const hg_update *u = &plan->d->update[update];
    const hg_planned_update *planned = &plan->update[update];
    const hg_mlp_layer *layer = &plan->d->network[u->network].layer[0];
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        const int other = partner(u, t);
        const int64_t minus = term->access == HG_RECEIVER && other != NONE ? u->term[other].column : NONE;
        out[t].weights = pack_columns(p, read_as(planned, hg_term_side(term)), layer, term->column, minus, term->width);
        if (term->access == HG_DIFFERENCE && other == NONE)
            out[t].receiver = pack_columns(p, read_as(planned, HG_SIDE_RECEIVER), layer, NONE, term->column, term->width);
    }
}

static void pack_all(packer *p, const hg_plan *plan, hg_fused_weights *w)
{
    const hg_description *d = plan->d;
    for (int n = 0; n < d->n_networks; ++n) {
        if (w->layer[n]) pack_layers(p, plan->storage, &d->network[n], w->layer[n]);
    }
    for (int i = 0; i < d->n_updates; ++i) {
        if (is_packed(plan, i) && !w->term_shared[i]) pack_terms(p, plan, i, w->term[i]);
    }
}

static hg_status list_what_is_needed(hg_context *ctx, const hg_plan *plan, hg_fused_weights *w)
{
    hg_status status = HG_OK;
    const hg_description *d = plan->d;
    HG_TRY(hg_alloc(ctx, &w->layer, d->n_networks));
    HG_TRY(hg_alloc(ctx, &w->term, d->n_updates));
    HG_TRY(hg_alloc(ctx, &w->term_shared, d->n_updates));
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (!is_packed(plan, i)) continue;
        if (!w->layer[u->network]) HG_TRY(hg_alloc(ctx, &w->layer[u->network], d->network[u->network].n_layers));
        for (int j = 0; j < i && !w->term[i]; ++j) {
            if (is_packed(plan, j) && same_inputs(plan, i, j)) w->term[i] = w->term[j];
        }
        w->term_shared[i] = w->term[i] != NULL;
        if (!w->term[i]) HG_TRY(hg_alloc(ctx, &w->term[i], u->n_terms));
    }
done:
    return status;
}

hg_status hg_fused_weights_make(hg_context *ctx, const hg_kernels *k, const hg_plan *plan, const hg_real *parameters, hg_fused_weights *out)
{
    hg_status status = HG_OK;
    hg_fused_weights w = {0};
    packer p = {.dense = k->dense, .parameters = parameters};
    HG_TRY(list_what_is_needed(ctx, plan, &w));
    pack_all(&p, plan, &w);
    HG_TRY(hg_alloc(ctx, &p.mean, p.most_in));
    HG_TRY(hg_alloc(ctx, &p.difference, p.most_weights));
    HG_TRY(hg_alloc(ctx, &w.memory, p.room.used));
    p.room.memory = w.memory;
    p.room.used = 0;
    pack_all(&p, plan, &w);
    *out = w;
    w = (hg_fused_weights){0};
done:
    hg_fused_weights_clear(ctx, plan->d, &w);
    hg_free(ctx, p.mean);
    hg_free(ctx, p.difference);
    return status;
}

hg_status hg_fused_weights_bytes(hg_context *ctx, const hg_kernels *k, const hg_plan *plan, int64_t *bytes)
{
    hg_status status = HG_OK;
    hg_fused_weights w = {0};
    packer p = {.dense = k->dense};
    HG_TRY(list_what_is_needed(ctx, plan, &w));
    pack_all(&p, plan, &w);
    *bytes = p.room.used;
done:
    hg_fused_weights_clear(ctx, plan->d, &w);
    return status;
}

void hg_fused_weights_clear(hg_context *ctx, const hg_description *d, hg_fused_weights *w)
{
    for (int n = 0; w->layer && n < d->n_networks; ++n) hg_free(ctx, w->layer[n]);
    for (int i = 0; w->term_shared && i < d->n_updates; ++i) {
        if (!w->term_shared[i]) hg_free(ctx, w->term[i]);
    }
    hg_free(ctx, w->memory);
    hg_free(ctx, w->layer);
    hg_free(ctx, w->term);
    hg_free(ctx, w->term_shared);
    *w = (hg_fused_weights){0};
}
