/* nn/fused_pass.c — one update on tiles of rows: reduce, all layers, residual, store, and the products that later updates gather. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include <string.h>
#include "base/parallel.h"
#include "nn/fused.h"

enum { TILES_AT_ONCE = 4 };

typedef struct job {
    int update;
    hg_side side;
} job;

/* What all tiles of a pass have in common. */
typedef struct pass {
    const hg_fused *f;
    const hg_update *u;
    const hg_network *net; /* NULL: the inputs side by side are the result */
    int index;
    const hg_view *made, *message;
    hg_real *out; /* NULL: products alone */
    int64_t ld, n;
    bool late; /* the last layer cannot finish the update in registers */
    int n_jobs;
    job job[HG_PLANNED_JOBS];
    int32_t count_up[HG_TILE_ROWS];
} pass;

static hg_real *in_arena(const hg_fused *f, int64_t offset)
{
    return (hg_real *)(void *)(f->arena + offset);
}

static const int32_t *index_of(const hg_fused *f, hg_entity entity, hg_side side)
{
    const hg_graph *g = f->run->graph;
    return side == HG_SIDE_SENDER ? g->sender : side == HG_SIDE_RECEIVER ? g->receiver : hg_graph_index(f->run, entity);
}

/* The bias of a split first layer goes into one of its products, so that it is added once per node. */
static int bias_side(const hg_planned_update *planned)
{
    for (int side = HG_SIDES - 1; side >= 0; --side) {
        if (planned->product[side].used && side != HG_SIDE_SENDER) return side;
    }
    return planned->product[HG_SIDE_SENDER].used ? HG_SIDE_SENDER : -1;
}

static void make_product(const hg_fused *f, const job *what, int64_t row, int64_t rows, hg_real *scratch)
{
    const hg_update *u = &f->run->d->update[what->update];
    const hg_planned_update *planned = &f->plan.update[what->update];
    const hg_fused_term *weights = f->weights.term[what->update];
    const hg_place *place = &planned->product[what->side].place;
    hg_dense_part part[HG_MAX_TERMS];
    int n_parts = 0;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (!hg_term_on_side(term, what->side)) continue;
        const hg_view *view = &f->view[term->value];
        bool negative = term->access == HG_DIFFERENCE && what->side == HG_SIDE_RECEIVER;
        part[n_parts++] =
            (hg_dense_part){view->rows + row * view->ld, view->ld, term->width, negative ? weights[t].receiver : weights[t].weights};
    }
    hg_dense a = {.rows = rows, .n = f->run->d->network[u->network].layer[0].out, .part = part, .n_parts = n_parts, .scratch = scratch};
    if (bias_side(planned) == (int)what->side) a.bias = f->weights.layer[u->network][0].bias;
    a.out = in_arena(f, place->offset) + row * place->ld;
    a.ldo = place->ld;
    f->run->k->dense[HG_STORE_REAL].run(&a);
}

/* The rows of one reduced input, in the thread's tile for it. */
static const hg_real *reduce_tile(const pass *p, const hg_term *term, const hg_view *message, int64_t row, int64_t rows, hg_real *to)
{
    static const hg_fold fold[] = {HG_FOLD_SUM, HG_FOLD_MEAN, HG_FOLD_MAX, HG_FOLD_MIN, HG_FOLD_STD};
    const hg_graph *g = p->f->run->graph;
    const hg_view *weight = term->weight >= 0 ? &p->f->view[term->weight] : NULL;
    hg_fold_rows a = {.rows = rows, .n = term->width, .table = message->rows, .ld = message->ld};
    a.weight = weight ? weight->rows : NULL;
    a.ld_weight = weight ? weight->ld : 0;
    a.ptr = (term->outgoing ? g->out_ptr : g->in_ptr) + row;
    a.edge = term->outgoing ? g->out_edge : NULL;
    a.end = term->message == HG_OWN ? NULL : term->message == HG_SENDER ? g->sender : g->receiver;
    a.out = to;
    a.ldo = hg_stride(HG_STORE_REAL, term->width);
    p->f->run->k->fold(fold[term->reduction], &a);
    return to;
}

/* The inputs that are read row by row: their rows for this tile. */
static int tile_parts(const pass *p, int64_t row, int64_t rows, char *share, hg_dense_part *part)
{
    const hg_fused_term *weights = p->net ? p->f->weights.term[p->index] : NULL;
    int n = 0, n_reduced = 0;
    for (int t = 0; t < p->u->n_terms; ++t) {
        const hg_term *term = &p->u->term[t];
        hg_view view = p->f->view[term->value];
        if (hg_term_side(term) < HG_SIDES) continue;
        if (hg_term_made(term)) view = p->made[t];
        const hg_real *in = view.rows + row * view.ld;
        if (p->message[t].rows) {
            hg_real *to = (hg_real *)(void *)(share + p->f->plan.reduced + n_reduced++ * p->f->plan.reduced_bytes);
            in = reduce_tile(p, term, &p->message[t], row, rows, to);
            view.ld = hg_stride(HG_STORE_REAL, term->width);
        }
        part[n++] = (hg_dense_part){in, view.ld, term->width, weights ? weights[t].weights : NULL};
    }
    return n;
}

/* From y to the table, where the last layer could not do it: activation, scale and shift, residual. */
static void finish_late(const pass *p, hg_real *y, int64_t stride, int64_t row, int64_t rows)
{
    const hg_update *u = p->u;
    int64_t width = p->f->run->d->value[u->value].width;
    hg_real scale = (hg_real)u->scale, shift = (hg_real)u->shift, keep = (hg_real)u->keep, change = (hg_real)u->change;
    if (u->activation != HG_ACTIVATION_NONE) p->f->run->k->activate(u->activation, y, y, rows * stride);
    for (int64_t i = 0; i < rows; ++i) {
        const hg_view *old = u->old >= 0 ? &p->f->view[u->old] : NULL;
        const hg_real *from = old ? old->rows + (row + i) * old->ld : NULL;
        hg_real *to = p->out + (row + i) * p->ld, *z = y + i * stride;
        for (int64_t c = 0; c < width; ++c) {
            hg_real value = shift + scale * z[c];
            to[c] = from ? keep * from[c] + change * value : value;
        }
        for (int64_t c = width; c < p->ld; ++c) to[c] = 0;
    }
}

static void place_side_by_side(const pass *p, const hg_dense_part *part, int64_t row, int64_t rows, hg_real *to, int64_t stride)
{
    memset(to, 0, (size_t)(rows * stride) * sizeof *to);
    int n = 0;
    for (int t = 0; t < p->u->n_terms; ++t) {
        const hg_term *term = &p->u->term[t];
        const hg_side side = hg_term_side(term);
        const hg_view *view = &p->f->view[term->value];
        const hg_dense_part *own = side == HG_SIDES ? &part[n++] : NULL;
        for (int64_t i = 0; i < rows; ++i) {
            const hg_real *from =
                own ? (const hg_real *)own->in + i * own->ld : view->rows + index_of(p->f, p->u->entity, side)[row + i] * view->ld;
            hg_real *at = to + i * stride + term->column;
            memcpy(at, from, (size_t)term->width * sizeof *to);
            if (term->access != HG_DIFFERENCE) continue;
            const hg_real *minus = view->rows + p->f->run->graph->receiver[row + i] * view->ld;
            for (int64_t c = 0; c < term->width; ++c) at[c] -= minus[c];
        }
    }
}

static void gather_products(const pass *p, int64_t row, hg_dense *a)
{
    const hg_planned_update *planned = &p->f->plan.update[p->index];
    for (int side = 0; side < HG_SIDES; ++side) {
        if (!planned->product[side].used) continue;
        const hg_place *place = &planned->product[side].place;
        a->gather[a->n_gathers++] =
            (hg_dense_gather){in_arena(p->f, place->offset), place->ld, index_of(p->f, p->u->entity, (hg_side)side) + row};
    }
    int64_t rest = p->n - row - a->rows;
    a->ahead = rest < HG_TILE_ROWS ? rest : HG_TILE_ROWS;
}

/* The last layer writes the table itself, with update activation and residual, unless that has to come later. */
static void finish_early(const pass *p, int64_t row, hg_dense *a)
{
    const hg_update *u = p->u;
    if (u->activation != HG_ACTIVATION_NONE) a->activation = u->activation;
    a->out = p->out + row * p->ld;
    a->ldo = p->ld;
    if (u->old < 0) return;
    a->old = p->f->view[u->old].rows + row * p->ld;
    a->keep = (hg_real)u->keep;
    a->change = (hg_real)u->change;
}

static void run_layers(const pass *p, const hg_dense_part *part, int n_parts, int64_t row, int64_t rows, char *share)
{
    const hg_fused_layer *layers = p->f->weights.layer[p->u->network];
    hg_real *tile[2] = {(hg_real *)(void *)(share + p->f->plan.tile[0]), (hg_real *)(void *)(share + p->f->plan.tile[1])};
    hg_dense_part below;
    for (int l = 0; l < p->net->n_layers; ++l) {
        const hg_mlp_layer *layer = &p->net->layer[l];
        hg_dense a = {.rows = rows, .n = layer->out, .part = l > 0 ? &below : part, .n_parts = l > 0 ? 1 : n_parts};
        a.bias = layers[l].bias;
        a.gamma = layers[l].gamma;
        a.beta = layers[l].beta;
        a.norm = layers[l].norm;
        a.eps = (hg_real)layer->eps;
        a.activation = layer->activation;
        a.scratch = (hg_real *)(void *)(share + p->f->plan.scratch);
        if (l == 0) {
            gather_products(p, row, &a);
            if (a.n_gathers > 0) a.bias = NULL;
        } else if (!layer->linear) {
            a.n_parts = 0;
            a.n_gathers = 1;
            a.gather[0] = (hg_dense_gather){below.in, below.ld, p->count_up};
        }
        a.out = tile[l % 2];
        a.ldo = hg_stride(HG_STORE_REAL, layer->out);
        if (l == p->net->n_layers - 1 && !p->late) finish_early(p, row, &a);
        p->f->run->k->dense[HG_STORE_REAL].run(&a);
        below = (hg_dense_part){a.out, a.ldo, layer->out, l + 1 < p->net->n_layers ? layers[l + 1].weights : NULL};
    }
    if (p->late) finish_late(p, tile[(p->net->n_layers - 1) % 2], hg_stride(HG_STORE_REAL, p->net->out), row, rows);
}

static void run_tile(const pass *p, int64_t row, int64_t rows, char *share)
{
    hg_dense_part part[HG_MAX_TERMS];
    if (p->out) {
        int n_parts = tile_parts(p, row, rows, share, part);
        if (p->net) {
            run_layers(p, part, n_parts, row, rows, share);
        } else {
            hg_real *tile = (hg_real *)(void *)(share + p->f->plan.tile[0]);
            int64_t stride = hg_stride(HG_STORE_REAL, p->f->run->d->value[p->u->value].width);
            place_side_by_side(p, part, row, rows, tile, stride);
            finish_late(p, tile, stride, row, rows);
        }
    }
    for (int j = 0; j < p->n_jobs; ++j) make_product(p->f, &p->job[j], row, rows, (hg_real *)(void *)(share + p->f->plan.scratch));
}

static void run_tiles(const pass *p)
{
    const hg_fused *f = p->f;
    int64_t n_tiles = hg_block_count(p->n, HG_TILE_ROWS);
#pragma omp parallel num_threads(hg_team(f->run, p->n))
    {
        char *share = f->arena + f->plan.share + omp_get_thread_num() * f->plan.share_bytes;
#pragma omp for schedule(dynamic, TILES_AT_ONCE)
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
            int64_t row = tile * HG_TILE_ROWS, rows = p->n - row < HG_TILE_ROWS ? p->n - row : HG_TILE_ROWS;
            run_tile(p, row, rows, share);
        }
    }
}

static void add_jobs(pass *p, int update, int after, bool globals)
{
    for (int side = 0; side < HG_SIDES; ++side) {
        const hg_planned_product *product = &p->f->plan.update[update].product[side];
        if (product->used && product->after == after && (side == HG_SIDE_GRAPH) == globals)
            p->job[p->n_jobs++] = (job){update, (hg_side)side};
    }
}

void hg_fused_products(const hg_fused *f, int update)
{
    for (int globals = 0; globals < 2; ++globals) {
        pass p = {.f = f, .u = &f->run->d->update[update]};
        add_jobs(&p, update, update, globals);
        for (int j = 0; j < p.n_jobs; ++j) {
            pass one = {.f = f, .u = p.u, .n = f->plan.update[update].product[p.job[j].side].place.rows, .n_jobs = 1, .job = {p.job[j]}};
            run_tiles(&one);
        }
    }
}

void hg_fused_pass(const hg_fused *f, int update, const hg_view *made, const hg_view *message)
{
    const hg_description *d = f->run->d;
    const hg_update *u = &d->update[update];
    pass p = {.f = f, .u = u, .index = update, .made = made, .message = message, .n = hg_value_rows(f->run, u->value)};
    p.net = u->network >= 0 ? &d->network[u->network] : NULL;
    /* the one place where a table is written: its view is for everyone else to read */
    p.out = (hg_real *)(uintptr_t)f->view[u->value].rows;
    p.ld = f->view[u->value].ld;
    hg_activation last = p.net ? p.net->layer[p.net->n_layers - 1].activation : HG_ACTIVATION_NONE;
    p.late = !p.net || u->scale != 1 || u->shift != 0 || (u->activation != HG_ACTIVATION_NONE && last != HG_ACTIVATION_NONE) ||
             (u->old >= 0 && f->view[u->old].ld != p.ld);
    for (int32_t i = 0; i < HG_TILE_ROWS; ++i) p.count_up[i] = i;
    for (int j = update + 1; j < d->n_updates && f->plan.update[update].n_jobs > 0; ++j) {
        if (d->update[j].live_last) add_jobs(&p, j, update, false);
    }
    run_tiles(&p);
}
