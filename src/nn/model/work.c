/* nn/model/work.c — flops and bytes of a model, update by update. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/model/work.h"

#include <string.h>

enum { INDEX_BYTES = 4 };

/* Edges of a set: searched neighbours are k a node; how many lie within a radius is not known, they count as those of the graph. */
static double edges_of(const hg_description *d, const hg_work_size *size, int set)
{
    const hg_edge_set *edges = set >= 0 ? &d->edge_set[set] : NULL;
    if (edges && edges->from == HG_EDGES_NEAREST) return (double)edges->k * (double)size->n_nodes;
    if (edges && edges->from == HG_EDGES_COMPLETE) return (double)size->n_nodes * (double)size->n_nodes / (double)size->n_graphs;
    return (double)size->n_edges;
}

static double rows_of(const hg_description *d, const hg_work_size *size, hg_entity entity, int set)
{
    return entity == HG_NODES ? (double)size->n_nodes : entity == HG_EDGES ? edges_of(d, size, set) : (double)size->n_graphs;
}

/* What the inputs of one update come to; numbers and indices are moved, not bytes. */
typedef struct input_work {
    double nominal_flops, flops, attribute_flops; /* of the first layer; attribute_flops: of inputs that need no gradient */
    double own, products, back_gather, indices;
} input_work;

/* Products of node tables are made on the nodes and gathered; the gather costs traffic only where the products leave the cache. Incoming
 * sums are made while the edges are written, outgoing sums read the edges once more. */
static void add_term(const hg_description *d, const hg_update *u, const hg_term *term, const hg_work_size *size, double first,
                     input_work *w)
{
    const double n = rows_of(d, size, u->entity, u->edges), n_nodes = (double)size->n_nodes, n_edges = edges_of(d, size, u->edges);
    const bool at_sender = term->access == HG_SENDER || term->access == HG_DIFFERENCE;
    const bool at_receiver = term->access == HG_RECEIVER || term->access == HG_DIFFERENCE;
    const double width = (double)term->width;
    const double rows = at_sender || at_receiver ? n_nodes : term->access == HG_GRAPH ? (double)size->n_graphs : n;
    w->nominal_flops += 2 * n * width * first;
    w->flops += 2 * rows * width * first;
    if (d->value[term->value].input) w->attribute_flops += 2 * rows * width * first;
    if (term->access == HG_OWN || term->access == HG_COMPUTED) w->own += n * width;
    if (term->access == HG_REDUCED && term->outgoing) {
        w->own += n_edges * width;
        w->indices += n_edges;
    } else if (term->access == HG_REDUCED) {
        w->own += 2 * n * width;
    }
    if (at_sender) {
        w->products += n_nodes * first + (n_nodes * first * size->number_bytes > size->cache_bytes ? n * first : 0);
        w->back_gather = n * first;
    }
    if (at_receiver) w->products += 2 * n_nodes * first;
}

/* On the way back the hidden rows are computed again, the gradient of the first layer is written once and read once more for the senders.
 */
void hg_work_add_update(const hg_description *d, const hg_update *u, const hg_work_size *size, hg_work pass[HG_WORK_PASSES])
{
    const hg_network *net = u->network >= 0 ? &d->network[u->network] : NULL;
    const double n = rows_of(d, size, u->entity, u->edges),
                 first = net && net->layer[0].linear ? (double)(net->layer[0].out / net->layer[0].groups) : 0;
    input_work w = {.indices = u->entity == HG_EDGES ? 2 * n : 0};
    double later_flops = 0;
    for (int t = 0; t < u->n_terms; ++t) add_term(d, u, &u->term[t], size, first, &w);
    for (int l = 1; net && l < net->n_layers; ++l) {
        if (net->layer[l].linear) later_flops += 2 * n * (double)(net->layer[l].in * net->layer[l].out / net->layer[l].groups);
    }
    const double moved = w.own + w.products + n * (double)d->value[u->value].width;
    const double forward = size->number_bytes * moved + INDEX_BYTES * w.indices;
    const double backward = size->number_bytes * (moved + n * first + w.back_gather) + INDEX_BYTES * w.indices;
    pass[HG_WORK_FORWARD].nominal_flops += w.nominal_flops + later_flops;
    pass[HG_WORK_FORWARD].flops += w.flops + later_flops;
    pass[HG_WORK_FORWARD].bytes += forward;
    pass[HG_WORK_TRAINING].nominal_flops += 3 * (w.nominal_flops + later_flops);
    pass[HG_WORK_TRAINING].flops += 4 * (w.flops + later_flops) - w.attribute_flops;
    pass[HG_WORK_TRAINING].bytes += forward + backward;
}

void hg_work_count(const hg_model *model, const hg_work_size *size, hg_work pass[HG_WORK_PASSES])
{
    const hg_description *d = &model->description;
    memset(pass, 0, HG_WORK_PASSES * sizeof *pass);
    for (int i = 0; i < d->n_updates; ++i) {
        if (d->update[i].live_last) hg_work_add_update(d, &d->update[i], size, pass);
    }
}

static double table_bytes(const hg_description *d, int value, const hg_work_size *size)
{
    const hg_value *v = &d->value[value];
    return size->number_bytes * rows_of(d, size, v->entity, v->set) * (double)v->width;
}

static double index_bytes(const hg_work_size *size)
{
    return 4.0 * INDEX_BYTES * (double)size->n_edges;
}

static double four_node_tables(const hg_description *d, const hg_work_size *size)
{
    double widest = 0;
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (u->live_last && u->entity == HG_NODES && table_bytes(d, u->value, size) > widest) widest = table_bytes(d, u->value, size);
    }
    return 4 * widest;
}

double hg_work_inference_bytes(const hg_model *model, const hg_work_size *size)
{
    const hg_description *d = &model->description;
    double peak = 0;
    for (int i = 0; i < d->n_updates; ++i) {
        double alive = 0;
        for (int k = 0; k <= i; ++k) {
            const hg_update *u = &d->update[k];
            if (u->live_last && u->entity == HG_EDGES && (k == i || d->value[u->value].last_use > i))
                alive += table_bytes(d, u->value, size);
        }
        if (alive > peak) peak = alive;
    }
    return peak + four_node_tables(d, size) + index_bytes(size);
}

/* Edges made of attributes and node tables alone are made again on the way back. */
static bool made_again(const hg_description *d, const hg_update *u)
{
    bool again = u->entity == HG_EDGES;
    for (int t = 0; t < u->n_terms; ++t) again = again && (u->term[t].access != HG_OWN || d->value[u->term[t].value].input);
    return again;
}

double hg_work_training_bytes(const hg_model *model, const hg_work_size *size)
{
    const hg_description *d = &model->description;
    double stored = 0;
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (u->live && !made_again(d, u)) stored += table_bytes(d, u->value, size);
    }
    return stored + four_node_tables(d, size) + index_bytes(size);
}
