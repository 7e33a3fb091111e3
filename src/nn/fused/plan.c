/* nn/fused/plan.c — plans an evaluation: routes, products made while rows are hot, and places in the arena by the life of each table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/fused/plan.h"

#include "base/check.h"
#include "base/memory.h"

enum {
    NARROW = 8,        /* tables up to this width are stored without padding unless sums run over their rows */
    LANES_GATHER = 16, /* indexed inputs up to this width cost less to multiply again for every row than their products to gather */
    LANES_INPUTS = 32, /* inputs and outputs up to these widths are turned from rows to columns and back at little cost; */
    LANES_OUTPUTS = 16,
    LANES_WIDEST = 64 /* two tiles of so many columns fit the first cache */
};

bool hg_plan_folds(hg_entity entity, const hg_term *term)
{
    return term->access == HG_REDUCED && entity == HG_NODES && term->reduction <= HG_REDUCE_STD && (term->weight < 0 || term->groups == 1);
}

/* Blocks of the arena that are in use, by offset. */
typedef struct block {
    int64_t offset, bytes;
    int last; /* update after which it is free */
} block;

typedef struct layout {
    block *block; /* [n] */
    int64_t n, bytes;
} layout;

static int64_t table_bytes(const hg_place *place)
{
    int64_t bytes = place->rows * place->ld * hg_stored_size(place->storage);
    return (bytes + 63) / 64 * 64;
}

/* The lowest gap that is wide enough. */
static int64_t place_block(layout *l, int64_t bytes, int last)
{
    int64_t at = 0, i = 0;
    for (; i < l->n && l->block[i].offset - at < bytes; ++i) at = l->block[i].offset + l->block[i].bytes;
    for (int64_t k = l->n; k > i; --k) l->block[k] = l->block[k - 1];
    l->block[i] = (block){at, bytes, last};
    ++l->n;
    if (at + bytes > l->bytes) l->bytes = at + bytes;
    return at;
}

static void free_blocks(layout *l, int update)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < l->n; ++i) {
        if (l->block[i].last > update) l->block[kept++] = l->block[i];
    }
    l->n = kept;
}

/* A table that dies in this update, and of which each row is read for the same row of the result alone, is written over. */
static int table_to_replace(const hg_plan *plan, int index)
{
    const hg_description *d = plan->d;
    const hg_update *u = &d->update[index];
    const hg_value *out = &d->value[u->value];
    if (u->network < 0 || d->network[u->network].n_layers < 2) return -1;
    for (int t = 0; t < u->n_terms; ++t) {
        int v = u->term[t].value;
        const hg_value *old = &d->value[v];
        if (u->term[t].access != HG_OWN || old->entity != out->entity || old->last_use != index || plan->value[v].offset < 0 ||
            plan->value[v].ld != plan->value[u->value].ld || plan->value[v].storage != plan->value[u->value].storage)
            continue;
        bool alone = true;
        for (int s = 0; s < u->n_terms; ++s) {
            if (u->term[s].value == v && u->term[s].access != HG_OWN) alone = false;
        }
        if (alone) return v;
    }
    return -1;
}

static void place_value(hg_plan *plan, layout *l, int index)
{
    const hg_update *u = &plan->d->update[index];
    int old = table_to_replace(plan, index), last = plan->d->value[u->value].last_use;
    hg_place *place = &plan->value[u->value];
    if (!plan->update[index].fused || place->rows < 0 || plan->update[index].streamed_to >= 0) return;
    if (old < 0) {
        place->offset = place_block(l, table_bytes(place), last);
        return;
    }
    place->offset = plan->value[old].offset;
    for (int64_t i = 0; i < l->n; ++i) {
        if (l->block[i].offset == plan->value[old].offset) l->block[i].last = last;
    }
}

static void place_products(hg_plan *plan, layout *l, int index)
{
    const hg_description *d = plan->d;
    for (int j = index; j < d->n_updates; ++j) {
        const int reader = plan->update[j].streamed_to >= 0 ? plan->update[j].streamed_to : j;
        for (int side = 0; side < HG_SIDES; ++side) {
            hg_planned_product *p = &plan->update[j].product[side];
            if (p->used && p->after == index) p->place.offset = place_block(l, table_bytes(&p->place), reader);
        }
    }
}

/* Rows that one kernel multiplies are all in one storage: that of the reals as soon as one of them is. */
static hg_storage storage_of_inputs(const hg_plan *plan, const hg_update *u, hg_side side)
{
    if (u->network < 0 || plan->update[u - plan->d->update].in_lanes) return HG_STORE_REAL;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        const bool here = side == HG_SIDES ? hg_term_side(term) == HG_SIDES : hg_term_on_side(term, side);
        const bool made = hg_term_made(term), folded = made && hg_plan_folds(u->entity, term);
        if (here && !folded && (made || plan->value[term->value].storage == HG_STORE_REAL)) return HG_STORE_REAL;
    }
    return plan->storage;
}

bool hg_plan_brings(const hg_plan *plan, hg_entity entity, const hg_term *term, hg_storage in)
{
    return hg_term_made(term) ? hg_plan_folds(entity, term) : plan->value[term->value].storage != in;
}

static void find_products(hg_plan *plan, const int *maker, int index)
{
    const hg_description *d = plan->d;
    const hg_update *u = &d->update[index];
    if (u->network < 0 || !plan->update[index].fused || plan->update[index].in_lanes) return;
    for (int side = 0; side < HG_SIDES; ++side) {
        hg_planned_product *p = &plan->update[index].product[side];
        const int64_t out = d->network[u->network].layer[0].out;
        *p = (hg_planned_product){.after = -1, .place = {0, -1, hg_stride(plan->storage, out), plan->storage}};
        p->in = storage_of_inputs(plan, u, (hg_side)side);
        for (int t = 0; t < u->n_terms; ++t) {
            if (!hg_term_on_side(&u->term[t], (hg_side)side)) continue;
            p->used = true;
            p->place.rows = plan->value[u->term[t].value].rows;
            if (maker[u->term[t].value] > p->after) p->after = maker[u->term[t].value];
        }
        hg_planned_update *after = p->after >= 0 ? &plan->update[p->after] : NULL;
        if (!p->used || !after || side == HG_SIDE_GRAPH || !after->fused || (after->n_jobs > 0 && after->user != index)) {
            p->after = index;
        } else {
            ++after->n_jobs;
            after->user = index;
        }
    }
}

/* Sets the number of rows: all edges of one node fit, and a tile of edges does. */
static int64_t stream_bytes(hg_plan *plan)
{
    const hg_description *d = plan->d;
    int64_t most = 0;
    plan->stream_rows = HG_TILE_ROWS;
    for (int i = 0; i < d->n_updates; ++i) {
        if (plan->update[i].streamed_to < 0) continue;
        const int64_t k = d->edge_set[d->update[i].edges].k;
        if (k > plan->stream_rows) plan->stream_rows = k;
    }
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_place *row = &plan->value[d->update[i].value];
        if (plan->update[i].streamed_to < 0) continue;
        const int64_t bytes = table_bytes(&(hg_place){plan->stream_rows, 0, row->ld, row->storage});
        if (bytes > most) most = bytes;
    }
    return most;
}

static void size_share(hg_plan *plan, int threads)
{
    const hg_description *d = plan->d;
    int64_t widest = 16, terms = 0, brought = 16;
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (!u->live_last || !plan->update[i].fused) continue;
        if (d->value[u->value].width > widest) widest = d->value[u->value].width;
        for (int l = 0; u->network >= 0 && l < d->network[u->network].n_layers; ++l) {
            if (d->network[u->network].layer[l].out > widest) widest = d->network[u->network].layer[l].out;
        }
        if (plan->update[i].in_lanes && d->network[u->network].in > widest) widest = d->network[u->network].in;
        int64_t here = 0;
        for (int t = 0; t < u->n_terms; ++t) {
            const hg_term *term = &u->term[t];
            bool brings = hg_plan_brings(plan, u->entity, term, plan->update[i].in);
            for (int side = 0; side < HG_SIDES && hg_term_side(term) < HG_SIDES; ++side)
                brings = brings || hg_plan_brings(plan, u->entity, term, plan->update[i].product[side].in);
            here += brings;
            if (brings && term->width > brought) brought = term->width;
        }
        if (here > terms) terms = here;
    }
    int64_t tile = table_bytes(&(hg_place){HG_TILE_ROWS, 0, hg_stride(HG_STORE_REAL, widest), HG_STORE_REAL});
    plan->tile[0] = 0;
    plan->tile[1] = tile;
    plan->scratch = 2 * tile;
    plan->brought = 3 * tile;
    plan->brought_bytes = table_bytes(&(hg_place){HG_TILE_ROWS, 0, hg_stride(HG_STORE_REAL, brought), HG_STORE_REAL});
    plan->stream = plan->brought + terms * plan->brought_bytes;
    plan->share_bytes = plan->stream + stream_bytes(plan);
    plan->share = plan->bytes;
    plan->bytes += threads * plan->share_bytes;
}

static bool is_output(const hg_description *d, int value)
{
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        if (d->output[d->n_outputs - 1].value[entity] == value) return true;
    }
    return false;
}

/* Narrow tables and what the caller or the reference path sees are reals. */
static void choose_strides(hg_plan *plan, const int64_t *rows)
{
    const hg_description *d = plan->d;
    for (int v = 0; v < d->n_values; ++v) {
        int64_t width = d->value[v].width;
        const hg_storage storage = width <= NARROW || d->value[v].input || is_output(d, v) ? HG_STORE_REAL : plan->storage;
        plan->value[v] = (hg_place){rows[v], -1, width <= NARROW || d->value[v].input ? width : hg_stride(storage, width), storage};
    }
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        for (int t = 0; t < u->n_terms; ++t) {
            const hg_value *v = &d->value[u->term[t].value];
            if (u->term[t].access == HG_REDUCED && hg_plan_folds(u->entity, &u->term[t]) && !v->input)
                plan->value[u->term[t].value].ld = hg_stride(plan->value[u->term[t].value].storage, v->width);
        }
    }
}

bool hg_plan_streams(const hg_plan *plan, int update, const hg_term *term)
{
    const int from = plan->update[update].streamed_from;
    return from >= 0 && term->value == plan->d->update[from].value;
}

/* Every input is gathered, by a split first layer; the edges are few enough for each node. */
static bool can_be_streamed(const hg_plan *plan, int index)
{
    const hg_description *d = plan->d;
    const hg_update *u = &d->update[index];
    bool good = u->entity == HG_EDGES && u->network >= 0 && plan->update[index].fused && u->old < 0 && !is_output(d, u->value) &&
                d->edge_set[u->edges].from == HG_EDGES_NEAREST;
    for (int t = 0; good && t < u->n_terms; ++t) good = hg_term_side(&u->term[t]) < HG_SIDES;
    return good;
}

/* Nothing but reductions over the incoming edges reads the table. */
static bool reduces_alone(const hg_plan *plan, int index, int edges)
{
    const hg_description *d = plan->d;
    const hg_update *u = &d->update[index];
    const int value = d->update[edges].value;
    bool good =
        u->entity == HG_NODES && plan->update[index].fused && u->edges == d->update[edges].edges && d->value[value].last_use == index;
    for (int t = 0; good && t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        const bool reduces = hg_plan_folds(u->entity, term) && !term->outgoing && term->message == HG_OWN && term->weight < 0;
        good = term->weight != value && (term->value != value || reduces);
    }
    return good;
}

static void find_streams(hg_plan *plan)
{
    const hg_description *d = plan->d;
    int before = -1;
    for (int i = 0; i < d->n_updates; ++i) {
        plan->update[i].streamed_to = plan->update[i].streamed_from = -1;
        if (!d->update[i].live_last) continue;
        if (before >= 0 && can_be_streamed(plan, before) && reduces_alone(plan, i, before)) {
            plan->update[before].streamed_to = i;
            plan->update[i].streamed_from = before;
        }
        before = i;
    }
}

static bool can_fuse(const hg_network *net)
{
    for (int l = 0; l < net->n_layers; ++l) {
        if (net->layer[l].groups > 1) return false;
    }
    return !net->batch_norm && !hg_network_concatenates(net);
}

/* Narrow all the way, and without norms. */
static bool can_run_in_lanes(const hg_description *d, const hg_update *u)
{
    const hg_network *net = &d->network[u->network];
    bool good = net->in <= LANES_INPUTS && net->out <= LANES_OUTPUTS;
    for (int t = 0; good && t < u->n_terms; ++t) good = hg_term_side(&u->term[t]) == HG_SIDES || u->term[t].width <= LANES_GATHER;
    for (int l = 0; good && l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        good = layer->linear && layer->norm == HG_NORM_NONE && layer->out <= LANES_WIDEST;
    }
    return good;
}

hg_status hg_plan_make(hg_context *ctx, const hg_description *d, hg_storage storage, const int64_t *rows, int threads, hg_plan *out)
{
    hg_status status = HG_OK;
    hg_plan plan = {.d = d, .storage = storage};
    layout l = {0};
    int *maker = NULL;
    HG_TRY(hg_alloc(ctx, &plan.value, d->n_values));
    HG_TRY(hg_alloc(ctx, &plan.update, d->n_updates));
    HG_TRY(hg_alloc(ctx, &maker, d->n_values));
    HG_TRY(hg_alloc(ctx, &l.block, d->n_values + (int64_t)HG_SIDES * d->n_updates + 1));
    for (int v = 0; v < d->n_values; ++v) maker[v] = -1;
    choose_strides(&plan, rows);
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        plan.update[i].fused = u->network < 0 || can_fuse(&d->network[u->network]);
        plan.update[i].in_lanes = u->network >= 0 && plan.update[i].fused && can_run_in_lanes(d, u);
        if (!plan.update[i].fused) {
            plan.value[u->value].ld = d->value[u->value].width;
            plan.value[u->value].storage = HG_STORE_REAL;
        }
        if (u->live_last) maker[u->value] = i;
    }
    find_streams(&plan);
    for (int i = 0; i < d->n_updates; ++i) {
        if (!d->update[i].live_last) continue;
        plan.update[i].in = storage_of_inputs(&plan, &d->update[i], HG_SIDES);
        find_products(&plan, maker, i);
    }
    for (int i = 0; i < d->n_updates; ++i) {
        if (!d->update[i].live_last) continue;
        place_products(&plan, &l, i);
        place_value(&plan, &l, i);
        free_blocks(&l, i);
    }
    plan.bytes = l.bytes;
    size_share(&plan, threads);
    *out = plan;
    plan = (hg_plan){0};
done:
    hg_plan_clear(ctx, &plan);
    hg_free(ctx, maker);
    hg_free(ctx, l.block);
    return status;
}

void hg_plan_clear(hg_context *ctx, hg_plan *plan)
{
    hg_free(ctx, plan->value);
    hg_free(ctx, plan->update);
    *plan = (hg_plan){0};
}
