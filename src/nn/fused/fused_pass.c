/* nn/fused/fused_pass.c — one update on tiles of rows: reduce, all layers, residual, store, and the products that later updates gather. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/fused/fused_pass.h"

#include <omp.h>
#include <string.h>
#include "base/parallel.h"
#include "kernels/bf16.h"
#include "nn/fused/tile_inputs.h"

/* Tiles that a thread takes at once: many keep what it reads in order going on, fewer where that would leave threads without work. */
enum { TILES_AT_ONCE = 16, TAKES_PER_THREAD = 8 };

typedef struct job {
    int update;
    hg_side side;
} job;

/* What all tiles of a pass have in common. */
typedef struct pass pass;
struct pass {
    const hg_fused *f;
    const hg_update *u;
    const hg_network *net; /* NULL: the inputs side by side are the result */
    int index;
    const hg_view *made, *message;
    const pass *edges; /* of the edges that are streamed to this pass, NULL = none */
    void *out;         /* NULL: products alone */
    int64_t first;     /* row of the table that `out` starts with */
    int64_t ld, n;
    hg_storage storage; /* of out */
    bool late;          /* the last layer cannot finish the update in registers */
    bool direct;        /* the streamed edges are reduced into the table itself: nothing follows */
    int n_jobs;
    job job[HG_SIDES];
    int32_t count_up[HG_TILE_ROWS];
};

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

static void make_product(const hg_fused *f, const job *what, int64_t row, int64_t rows, char *share)
{
    const hg_update *u = &f->run->d->update[what->update];
    const hg_planned_update *planned = &f->plan.update[what->update];
    const hg_fused_term *weights = f->weights->term[what->update];
    const hg_place *place = &planned->product[what->side].place;
    const hg_storage in = planned->product[what->side].in;
    hg_dense_part part[HG_MAX_TERMS];
    char *tile = share + f->plan.brought;
    int n_parts = 0;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        const void *columns = term->access == HG_DIFFERENCE && what->side == HG_SIDE_RECEIVER ? weights[t].receiver : weights[t].weights;
        if (!hg_term_on_side(term, what->side) || !columns) continue;
        const hg_view view = hg_tile_bring(&f->view[term->value], term->width, in, row, rows, f->plan.brought_bytes, &tile);
        part[n_parts++] = (hg_dense_part){view.rows, view.ld, term->width, columns};
    }
    hg_dense a = {.rows = rows, .n = f->run->d->network[u->network].layer[0].out, .part = part, .n_parts = n_parts};
    a.scratch = (hg_real *)(void *)(share + f->plan.scratch);
    if (bias_side(planned) == (int)what->side) a.bias = f->weights->layer[u->network][0].bias;
    a.out = f->arena + place->offset + row * place->ld * hg_stored_size(place->storage);
    a.ldo = place->ld;
    a.out_storage = place->storage;
    f->run->k->dense[in].run(&a);
}

/* The rows of one reduced input, in the thread's tile for it. ptr: where the items of each row stand. */
static hg_view reduce_tile(const pass *p, const hg_term *term, const hg_view *message, const int64_t *ptr, hg_storage in, int64_t rows,
                           void *to)
{
    static const hg_fold fold[] = {HG_FOLD_SUM, HG_FOLD_MEAN, HG_FOLD_MAX, HG_FOLD_MIN, HG_FOLD_STD};
    const hg_graph *g = p->f->run->graph;
    const hg_view *weight = term->weight >= 0 ? &p->f->view[term->weight] : NULL;
    hg_fold_rows a = {.rows = rows, .n = term->width, .table = message->rows, .ld = message->ld, .storage = message->storage};
    if (weight) {
        a.weight = weight->rows;
        a.ld_weight = weight->ld;
        a.weight_storage = weight->storage;
    }
    a.ptr = ptr;
    a.edge = term->outgoing ? g->out_edge : NULL;
    a.end = term->message == HG_OWN ? NULL : term->message == HG_SENDER ? g->sender : g->receiver;
    a.out = to;
    a.out_storage = in;
    a.ldo = hg_stride(in, term->width);
    p->f->run->k->fold(fold[term->reduction], &a);
    return (hg_view){to, a.ldo, in};
}

/* The inputs that are read row by row: their rows for this tile. */
static int tile_parts(const pass *p, int64_t row, int64_t rows, char *share, hg_dense_part *part)
{
    const hg_fused_term *weights = p->net ? p->f->weights->term[p->index] : NULL;
    const hg_storage in = p->f->plan.update[p->index].in;
    char *tile = share + p->f->plan.brought;
    int n = 0;
    for (int t = 0; t < p->u->n_terms; ++t) {
        const hg_term *term = &p->u->term[t];
        hg_view view;
        if (hg_term_side(term) < HG_SIDES) continue;
        if (p->edges && hg_plan_streams(&p->f->plan, p->index, term)) {
            view = (hg_view){tile, hg_stride(in, term->width), in};
            tile += p->f->plan.brought_bytes;
        } else if (p->message[t].rows) {
            const hg_graph *g = p->f->run->graph;
            view = reduce_tile(p, term, &p->message[t], (term->outgoing ? g->out_ptr : g->in_ptr) + row, in, rows, tile);
            tile += p->f->plan.brought_bytes;
        } else {
            view = hg_tile_bring(hg_term_made(term) ? &p->made[t] : &p->f->view[term->value], term->width, in, row, rows,
                                 p->f->plan.brought_bytes, &tile);
        }
        part[n++] = (hg_dense_part){view.rows, view.ld, term->width, weights ? weights[t].weights : NULL};
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
        const void *from = old ? hg_stored_row(old->rows, old->storage, old->ld, row + i) : NULL;
        hg_real *z = y + i * stride;
        for (int64_t c = 0; c < width; ++c) {
            hg_real value = shift + scale * z[c];
            z[c] = from ? keep * hg_stored_number(from, old->storage, c) + change * value : value;
        }
        for (int64_t c = 0; c < p->ld; ++c) hg_store_number(p->out, p->storage, (row - p->first + i) * p->ld + c, c < width ? z[c] : 0);
    }
}

/* All inputs of a tile. part: those that the update has row by row. */
static int list_inputs(const pass *p, const hg_dense_part *part, int64_t row, hg_tile_input *input)
{
    const hg_storage in = p->f->plan.update[p->index].in;
    for (int t = 0; t < p->u->n_terms; ++t) {
        const hg_term *term = &p->u->term[t];
        const hg_side side = hg_term_side(term);
        input[t] = (hg_tile_input){.width = term->width, .column = term->column};
        if (side == HG_SIDES) {
            input[t].table = (hg_view){part->in, part->ld, in};
            ++part;
            continue;
        }
        input[t].table = p->f->view[term->value];
        input[t].index = index_of(p->f, p->u->entity, side) + row;
        if (term->access == HG_DIFFERENCE) input[t].minus = p->f->run->graph->receiver + row;
    }
    return p->u->n_terms;
}

static void place_side_by_side(const pass *p, const hg_dense_part *part, int64_t row, int64_t rows, hg_real *to, int64_t stride)
{
    hg_tile_input input[HG_MAX_TERMS];
    memset(to, 0, (size_t)(rows * stride) * sizeof *to);
    hg_tile_inputs_place(input, list_inputs(p, part, row, input), rows, to, stride, 1);
}

/* A narrow network, with rows in lanes; its result back into rows. */
static void run_in_lanes(const pass *p, const hg_dense_part *part, int64_t row, int64_t rows, char *share)
{
    const hg_plan *plan = &p->f->plan;
    hg_tile_input input[HG_MAX_TERMS];
    hg_real *const tile[2] = {(hg_real *)(void *)(share + plan->tile[0]), (hg_real *)(void *)(share + plan->tile[1])};
    const hg_real *from = hg_tile_run_in_lanes(p->f->run, p->net, input, list_inputs(p, part, row, input), rows, tile);
    const int64_t width = p->net->out, stride = p->late ? hg_stride(HG_STORE_REAL, width) : p->ld;
    hg_real *to = p->late ? (hg_real *)(void *)(share + plan->scratch) : (hg_real *)p->out + (row - p->first) * p->ld;
    hg_tile_outputs_place(from, width, rows, to, stride);
    if (p->late) finish_late(p, to, stride, row, rows);
}

static void gather_products(const pass *p, int64_t row, hg_dense *a)
{
    const hg_planned_update *planned = &p->f->plan.update[p->index];
    for (int side = 0; side < HG_SIDES; ++side) {
        if (!planned->product[side].used) continue;
        const hg_place *place = &planned->product[side].place;
        a->gather[a->n_gathers++] =
            (hg_dense_gather){p->f->arena + place->offset, place->ld, index_of(p->f, p->u->entity, (hg_side)side) + row};
    }
    int64_t rest = p->n - row - a->rows;
    a->ahead = rest < HG_TILE_ROWS ? rest : HG_TILE_ROWS;
}

/* The first table that is read row by row goes on behind this tile. */
static void announce_next_rows(const pass *p, const hg_dense_part *part, int n_parts, hg_dense *a)
{
    for (int t = 0, n = 0; t < p->u->n_terms && n < n_parts && a->next_bytes == 0; ++t) {
        const hg_term *term = &p->u->term[t];
        const hg_view *table = &p->f->view[term->value];
        if (hg_term_side(term) < HG_SIDES) continue;
        const hg_dense_part *own = &part[n++];
        if (hg_term_made(term) || table->storage != p->f->plan.update[p->index].in) continue;
        a->next = hg_stored_row(own->in, table->storage, own->ld, a->rows);
        a->next_bytes = a->ahead * own->ld * hg_stored_size(table->storage);
    }
}

/* The last layer writes the table itself, with update activation and residual, unless that has to come later. */
static void finish_early(const pass *p, int64_t row, hg_dense *a)
{
    const hg_update *u = p->u;
    if (u->activation != HG_ACTIVATION_NONE) a->activation = u->activation;
    a->out = (char *)p->out + (row - p->first) * p->ld * hg_stored_size(p->storage);
    a->ldo = p->ld;
    a->out_storage = p->storage;
    if (u->old < 0) return;
    a->old = hg_stored_row(p->f->view[u->old].rows, p->storage, p->ld, row);
    a->keep = (hg_real)u->keep;
    a->change = (hg_real)u->change;
}

static void run_layers(const pass *p, const hg_dense_part *part, int n_parts, int64_t row, int64_t rows, char *share)
{
    if (p->f->plan.update[p->index].in_lanes) {
        run_in_lanes(p, part, row, rows, share);
        return;
    }
    const hg_fused_layer *layers = p->f->weights->layer[p->u->network];
    const hg_plan *plan = &p->f->plan;
    void *tile[2] = {share + plan->tile[0], share + plan->tile[1]};
    hg_storage in = plan->update[p->index].in;
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
        a.scratch = (hg_real *)(void *)(share + plan->scratch);
        a.gather_storage = plan->storage;
        if (l == 0) {
            gather_products(p, row, &a);
            announce_next_rows(p, part, n_parts, &a);
            if (a.n_gathers > 0) a.bias = NULL;
        } else if (!layer->linear) {
            a.n_parts = 0;
            a.n_gathers = 1;
            a.gather[0] = (hg_dense_gather){below.in, below.ld, p->count_up};
        }
        a.out = tile[l % 2];
        a.out_storage = l == p->net->n_layers - 1 ? HG_STORE_REAL : plan->storage;
        a.ldo = hg_stride(a.out_storage, layer->out);
        if (l == p->net->n_layers - 1 && !p->late) finish_early(p, row, &a);
        p->f->run->k->dense[in].run(&a);
        in = plan->storage;
        below = (hg_dense_part){a.out, a.ldo, layer->out, l + 1 < p->net->n_layers ? layers[l + 1].weights : NULL};
    }
    if (p->late) finish_late(p, tile[(p->net->n_layers - 1) % 2], hg_stride(HG_STORE_REAL, p->net->out), row, rows);
}

/* Rows first .. end of the streamed edges, into the share. */
static hg_view stream_edges(const pass *p, int64_t first, int64_t end, char *share)
{
    pass edges = *p->edges;
    edges.out = share + p->f->plan.stream;
    edges.first = first;
    for (int64_t row = first; row < end; row += HG_TILE_ROWS)
        run_layers(&edges, NULL, 0, row, end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS, share);
    return (hg_view){edges.out, edges.ld, edges.storage};
}

/* Streams the edges of rows row .. row + rows, as many nodes at a time as fill the room for edges, and reduces them into the inputs. */
static void reduce_streamed(const pass *p, int64_t row, int64_t rows, char *share, const hg_dense_part *part)
{
    const hg_storage in = p->f->plan.update[p->index].in;
    const int64_t *in_ptr = p->f->run->graph->in_ptr;
    for (int64_t node = row, end; node < row + rows; node = end) {
        int64_t ptr[HG_TILE_ROWS + 1] = {0};
        for (end = node; end < row + rows && in_ptr[end + 1] - in_ptr[node] <= p->f->plan.stream_rows; ++end)
            ptr[end + 1 - node] = in_ptr[end + 1] - in_ptr[node];
        const hg_view message = stream_edges(p, in_ptr[node], in_ptr[end], share);
        if (p->direct) {
            void *to = (char *)p->out + node * p->ld * hg_stored_size(p->storage);
            reduce_tile(p, p->u->term, &message, ptr, p->storage, end - node, to);
            continue;
        }
        for (int t = 0, n = 0; t < p->u->n_terms; ++t) {
            if (hg_term_side(&p->u->term[t]) < HG_SIDES) continue;
            const hg_dense_part *own = &part[n++];
            char *to = (char *)(uintptr_t)own->in + (node - row) * own->ld * hg_stored_size(in);
            if (hg_plan_streams(&p->f->plan, p->index, &p->u->term[t])) reduce_tile(p, &p->u->term[t], &message, ptr, in, end - node, to);
        }
    }
}

static void run_tile(const pass *p, int64_t row, int64_t rows, char *share)
{
    hg_dense_part part[HG_MAX_TERMS];
    if (p->direct) {
        reduce_streamed(p, row, rows, share, NULL);
    } else if (p->out) {
        int n_parts = tile_parts(p, row, rows, share, part);
        if (p->edges) reduce_streamed(p, row, rows, share, part);
        if (p->net) {
            run_layers(p, part, n_parts, row, rows, share);
        } else {
            hg_real *tile = (hg_real *)(void *)(share + p->f->plan.tile[0]);
            int64_t stride = hg_stride(HG_STORE_REAL, p->f->run->d->value[p->u->value].width);
            place_side_by_side(p, part, row, rows, tile, stride);
            finish_late(p, tile, stride, row, rows);
        }
    }
    for (int j = 0; j < p->n_jobs; ++j) make_product(p->f, &p->job[j], row, rows, share);
}

static void run_tiles(const pass *p)
{
    const hg_fused *f = p->f;
    const int64_t n_tiles = hg_block_count(p->n, HG_TILE_ROWS);
    const int team = hg_team(f->run, p->n);
    const int64_t take = n_tiles / ((int64_t)team * TAKES_PER_THREAD);
    const int at_once = take < 1 ? 1 : take < TILES_AT_ONCE ? (int)take : TILES_AT_ONCE;
#pragma omp parallel num_threads(team)
    {
        char *share = f->arena + f->plan.share + omp_get_thread_num() * f->plan.share_bytes;
#pragma omp for schedule(dynamic, at_once)
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

static pass pass_of(const hg_fused *f, int update)
{
    const hg_description *d = f->run->d;
    const hg_update *u = &d->update[update];
    pass p = {.f = f, .u = u, .index = update, .n = hg_value_rows(f->run, u->value)};
    const hg_place *place = &f->plan.value[u->value];
    p.net = u->network >= 0 ? &d->network[u->network] : NULL;
    p.ld = place->ld;
    p.storage = place->storage;
    hg_activation last = p.net ? p.net->layer[p.net->n_layers - 1].activation : HG_ACTIVATION_NONE;
    p.late = !p.net || u->scale != 1 || u->shift != 0 || (u->activation != HG_ACTIVATION_NONE && last != HG_ACTIVATION_NONE) ||
             (u->old >= 0 && (f->view[u->old].ld != p.ld || f->view[u->old].storage != p.storage));
    if (f->plan.update[update].in_lanes)
        p.late = p.late || u->activation != HG_ACTIVATION_NONE || u->old >= 0 || p.storage != HG_STORE_REAL;
    for (int32_t i = 0; i < HG_TILE_ROWS; ++i) p.count_up[i] = i;
    return p;
}

void hg_fused_pass(const hg_fused *f, int update, const hg_view *made, const hg_view *message)
{
    const hg_planned_update *planned = &f->plan.update[update];
    pass p = pass_of(f, update), edges;
    p.made = made;
    p.message = message;
    /* the one place where a table is written: its view is for everyone else to read */
    p.out = (void *)(uintptr_t)f->view[p.u->value].rows;
    if (planned->streamed_from >= 0) {
        edges = pass_of(f, planned->streamed_from);
        p.edges = &edges;
        p.direct = !p.net && p.u->n_terms == 1 && p.u->activation == HG_ACTIVATION_NONE && p.u->scale == 1 && p.u->shift == 0 &&
                   p.u->old < 0 && p.ld == hg_stride(p.storage, p.u->term->width);
    }
    if (planned->n_jobs > 0) add_jobs(&p, planned->user, update, false);
    run_tiles(&p);
}
