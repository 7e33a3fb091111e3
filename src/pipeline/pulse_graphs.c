/* pipeline/pulse_graphs.c — telescope events become ragged batches of graphs: nodes, their numbers, edges. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pulse_graphs.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "hitgraph/neighbours.h"
#include "pipeline/telescope_baselines.h"

static const double least_charge = 1e-3; /* PE: its logarithm stands for smaller ones */

/* scaled = (value - zero) / unit; charge as its logarithm to base 10 or as it is. The sources are GraphNeT's detector classes. */
typedef struct standard {
    double place_unit, z_zero, time_zero, time_unit, charge_unit, rde_zero, rde_unit, area_unit;
    bool log_charge;
} standard;

static const standard standards[] = {
    [HG_STANDARD_EVENT] = {500, 0, 0, 1500, 1, 1.25, 0.25, 0.05, true},
    [HG_STANDARD_ICECUBE86] = {500, 0, 1e4, 3e4, 1, 1.25, 0.25, 0.05, true},
    [HG_STANDARD_KAGGLE] = {500, 0, 1e4, 3e4, 3, 1.25, 0.25, 0.05, true},
    [HG_STANDARD_DEEPCORE] = {100, -350, 1.05e4, 525, 1, 1.25, 0.25, 0.05, false},
    [HG_STANDARD_UPGRADE] = {500, 0, 2e4, 2e4, 2, 0, 1, 0.05, true},
};

/* What a node is made of: the pulses row[first .. first + n) of the room, by time. */
typedef struct node {
    int64_t first, n;
    double charge;
    bool hlc;
} node;

/* One thread's room, grown to the largest event. */
typedef struct room {
    int64_t size;
    int64_t *row; /* pulses of the event */
    node *node;
    float *time;
} room;

hg_status hg_graph_layout_read(hg_context *ctx, const hg_classify_config *config, hg_graph_layout *out)
{
    hg_graph_layout layout = {.config = config,
                              .n_globals = (config->summary ? HG_SUMMARY_COLUMNS : 0) + (config->seed ? HG_SEED_COLUMNS : 0)};
    const hg_status status = hg_classify_columns(ctx, config, &layout.n_columns, layout.column);
    if (status >= 0) *out = layout;
    return status;
}

hg_status hg_graph_layout_check(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events)
{
    hg_status status = HG_OK;
    const hg_pulses *p = &events->pulses;
    for (int c = 0; c < layout->n_columns; ++c) {
        HG_CHECK(layout->column[c] != HG_NODE_HLC || p->hlc, HG_ERR_DATA, "pulses: no coincidence (hlc), which graph.columns asks for");
        HG_CHECK(layout->column[c] != HG_NODE_RDE || p->rde, HG_ERR_DATA, "pulses: no efficiency (rde), which graph.columns asks for");
        HG_CHECK(layout->column[c] != HG_NODE_AREA || p->area, HG_ERR_DATA, "pulses: no area, which graph.columns asks for");
    }
done:
    return status;
}

/* ---- the nodes of one event ---- */

typedef struct order_by {
    const hg_pulses *pulses;
} order_by;

static int compare_floats(float a, float b)
{
    return (a > b) - (a < b);
}

static int compare_places(const hg_pulses *p, int64_t a, int64_t b)
{
    int order = compare_floats(p->x[a], p->x[b]);
    if (order == 0) order = compare_floats(p->y[a], p->y[b]);
    return order ? order : compare_floats(p->z[a], p->z[b]);
}

/* Pulses of one sensor side by side (a sensor is its place), then by time. */
static int by_sensor(const void *a, const void *b, void *user)
{
    const order_by *by = user;
    const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int order = compare_places(by->pulses, i, j);
    if (order == 0) order = compare_floats(by->pulses->t[i], by->pulses->t[j]);
    return order ? order : (i > j) - (i < j);
}

/* The most telling nodes first: coincident, then bright, then in order. */
static int by_worth(const void *a, const void *b)
{
    const node *m = a, *n = b;
    if (m->hlc != n->hlc) return m->hlc ? -1 : 1;
    if (m->charge != n->charge) return m->charge > n->charge ? -1 : 1;
    return (m->first > n->first) - (m->first < n->first);
}

static int by_first(const void *a, const void *b)
{
    const node *m = a, *n = b;
    return (m->first > n->first) - (m->first < n->first);
}

static int by_value(const void *a, const void *b)
{
    return compare_floats(*(const float *)a, *(const float *)b);
}

static hg_status room_for(hg_context *ctx, room *r, int64_t size)
{
    hg_status status = HG_OK;
    if (size <= r->size) return status;
    HG_TRY(hg_grow(ctx, &r->row, 0, size));
    HG_TRY(hg_grow(ctx, &r->node, 0, size));
    HG_TRY(hg_grow(ctx, &r->time, 0, size));
    r->size = size;
done:
    return status;
}

static void room_clear(hg_context *ctx, room *r)
{
    hg_free(ctx, r->row);
    hg_free(ctx, r->node);
    hg_free(ctx, r->time);
}

/* Fills the room with the nodes of an event, at most nodes_max of them, and returns their number. */
static int64_t find_nodes(const hg_graph_layout *layout, const hg_pulse_events *events, int64_t event, room *r)
{
    const hg_pulses *p = &events->pulses;
    const int64_t first = events->offset[event], n_pulses = events->offset[event + 1] - first;
    const bool sensors = layout->config->nodes == 1;
    int64_t n = 0;
    for (int64_t i = 0; i < n_pulses; ++i) r->row[i] = first + i;
    if (sensors) qsort_r(r->row, (size_t)n_pulses, sizeof *r->row, by_sensor, &(order_by){p});
    for (int64_t i = 0; i < n_pulses; ++i) {
        if (!sensors || i == 0 || compare_places(p, r->row[i - 1], r->row[i]) != 0) r->node[n++] = (node){.first = i};
        r->node[n - 1].n++;
        r->node[n - 1].charge += (double)p->q[r->row[i]];
        r->node[n - 1].hlc |= p->hlc && p->hlc[r->row[i]];
    }
    if (n > layout->config->nodes_max) {
        qsort(r->node, (size_t)n, sizeof *r->node, by_worth);
        n = layout->config->nodes_max;
        qsort(r->node, (size_t)n, sizeof *r->node, by_first);
    }
    return n;
}

/* What the event's times count from, see the option. */
static double zero_of_time(const hg_graph_layout *layout, const hg_pulse_events *events, int64_t event, room *r)
{
    const hg_pulses *p = &events->pulses;
    const int64_t first = events->offset[event], last = events->offset[event + 1];
    int64_t n = 0;
    if (layout->config->time_zero == HG_TIME_ABSOLUTE || first == last) return 0;
    for (int64_t i = first; i < last; ++i)
        if (layout->config->time_zero == HG_TIME_MEDIAN && p->hlc && p->hlc[i]) r->time[n++] = p->t[i];
    for (int64_t i = first; n == 0 && i < last; ++i) r->time[i - first] = p->t[i];
    if (n == 0) n = last - first;
    qsort(r->time, (size_t)n, sizeof *r->time, by_value);
    return (double)r->time[layout->config->time_zero == HG_TIME_FIRST ? 0 : n / 2];
}

/* The time by which `share` of a node's charge is there. */
static double time_of_share(const hg_pulses *p, const room *r, const node *at, double share)
{
    double sum = 0;
    int64_t i = at->first;
    for (; i < at->first + at->n - 1; ++i) {
        sum += (double)p->q[r->row[i]];
        if (sum >= share * at->charge) break;
    }
    return (double)p->t[r->row[i]];
}

/* A place in the frame of a seed. A fit of few hits may run a hundred kilometres away: beyond far_m all tracks are alike. */
static double nearby(double place_m)
{
    static const double unit_m = 100, far_m = 1000;
    return fmin(fmax(place_m, -far_m), far_m) / unit_m;
}

/* Numbers of a node in the frame of the event's seed. */
static double number_in_frame(const hg_pulses *p, const room *r, const node *at, const hg_track_seed *seed, hg_node_column column)
{
    static const double unit_ns = 25;
    const int64_t i = r->row[at->first];
    double local[3];
    hg_track_seed_place(seed, (const double[]){(double)p->x[i], (double)p->y[i], (double)p->z[i]}, local);
    switch (column) {
    case HG_NODE_ALONG:
        return nearby(local[HG_ALONG]);
    case HG_NODE_SIDE:
        return nearby(local[HG_SIDE]);
    case HG_NODE_UP:
        return nearby(local[HG_UP]);
    case HG_NODE_DISTANCE:
        return nearby(hypot(local[HG_SIDE], local[HG_UP]));
    case HG_NODE_RESIDUAL:
        return asinh(hg_track_seed_residual(seed, local, (double)p->t[i]) / unit_ns);
    default:
        return asinh(hg_track_seed_residual(seed, local, time_of_share(p, r, at, 0.5)) / unit_ns);
    }
}

static double number_of(const hg_pulses *p, const room *r, const node *at, const standard *s, double zero, hg_node_column column)
{
    const int64_t i = r->row[at->first];
    switch (column) {
    case HG_NODE_X:
        return (double)p->x[i] / s->place_unit;
    case HG_NODE_Y:
        return (double)p->y[i] / s->place_unit;
    case HG_NODE_Z:
        return ((double)p->z[i] - s->z_zero) / s->place_unit;
    case HG_NODE_T:
        return ((double)p->t[i] - zero - s->time_zero) / s->time_unit;
    case HG_NODE_Q:
        return s->log_charge ? log10(fmax(at->charge, least_charge)) / s->charge_unit : at->charge / s->charge_unit;
    case HG_NODE_HLC:
        return at->hlc ? 1 : 0;
    case HG_NODE_RDE:
        return ((double)p->rde[i] - s->rde_zero) / s->rde_unit;
    case HG_NODE_AREA:
        return (double)p->area[i] / s->area_unit;
    case HG_NODE_T10:
        return (time_of_share(p, r, at, 0.1) - zero - s->time_zero) / s->time_unit;
    case HG_NODE_T50:
        return (time_of_share(p, r, at, 0.5) - zero - s->time_zero) / s->time_unit;
    case HG_NODE_T90:
        return (time_of_share(p, r, at, 0.9) - zero - s->time_zero) / s->time_unit;
    case HG_NODE_COUNT:
        return log10((double)at->n);
    default:
        return 0;
    }
}

/* ---- the batch ---- */

static int64_t most_pulses(const hg_pulse_events *events, const int64_t *chosen, int64_t n)
{
    int64_t most = 0;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t pulses = events->offset[chosen[i] + 1] - events->offset[chosen[i]];
        if (pulses > most) most = pulses;
    }
    return most;
}

static void fill_event(const hg_graph_layout *layout, const hg_pulse_events *events, const hg_track_seed *seed, int64_t event, room *r,
                       hg_real *nodes)
{
    const standard *s = &standards[layout->config->standardisation];
    const int64_t n = find_nodes(layout, events, event, r);
    const double zero = zero_of_time(layout, events, event, r);
    for (int64_t i = 0; i < n; ++i)
        for (int c = 0; c < layout->n_columns; ++c) {
            const hg_node_column column = layout->column[c];
            nodes[i * layout->n_columns + c] =
                (hg_real)(column < HG_NODE_ALONG ? number_of(&events->pulses, r, &r->node[i], s, zero, column)
                                                 : number_in_frame(&events->pulses, r, &r->node[i], seed, column));
        }
}

/* Offsets of the graphs' nodes; pulses as nodes need no look at them. */
static void count_nodes(const hg_graph_layout *layout, const hg_pulse_events *events, const int64_t *chosen, int64_t n, room *r,
                        int64_t *node_ptr)
{
    for (int64_t i = 0; i < n; ++i) {
        const int64_t pulses = events->offset[chosen[i] + 1] - events->offset[chosen[i]];
        const int64_t most = layout->config->nodes_max;
        node_ptr[i] = layout->config->nodes == 1 ? find_nodes(layout, events, chosen[i], r) : pulses < most ? pulses : most;
    }
    hg_prefix_sum(node_ptr, n);
}

static hg_status make_edges(hg_context *ctx, const hg_graph_layout *layout, const hg_real *nodes, int64_t n, const int64_t *node_ptr,
                            hg_graph **out)
{
    const hg_classify_config *c = layout->config;
    hg_points points = {.x = nodes,
                        .n = node_ptr[n],
                        .stride = layout->n_columns,
                        .n_columns = c->edge_columns,
                        .n_graphs = n,
                        .node_ptr = node_ptr,
                        .light_speed = c->edges == HG_PULSE_EDGES_INTERVAL ? c->light_speed : 0,
                        .time_weight = 1};
    switch (c->edges) {
    case HG_PULSE_EDGES_NEAREST:
    case HG_PULSE_EDGES_INTERVAL:
        return hg_graph_nearest(ctx, &points, c->k, out);
    case HG_PULSE_EDGES_RADIUS:
        return hg_graph_within(ctx, &points, c->radius, out);
    case HG_PULSE_EDGES_COMPLETE:
        return hg_graph_complete(ctx, n, node_ptr, false, out);
    default:
        return hg_graph_create(ctx, node_ptr[n], 0, NULL, NULL, n, node_ptr, out);
    }
}

static hg_status make_seeds(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events, const hg_track_seed *seed,
                            const int64_t *chosen, int64_t n, hg_track_seed **out)
{
    hg_status status = HG_OK;
    const hg_seed_kind kind = (hg_seed_kind)layout->config->seed;
    if (kind == HG_SEED_NONE) return HG_OK;
    HG_TRY(hg_alloc(ctx, out, n));
    for (int64_t i = 0; seed && i < n; ++i) (*out)[i] = seed[chosen[i]];
    if (!seed) HG_TRY(hg_track_seeds(ctx, events, chosen, n, kind, *out));
done:
    return status;
}

/* What is known of the events without a network: summaries, then what their seeds say. */
static hg_status make_globals(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events, const int64_t *chosen,
                              int64_t n, const hg_track_seed *seed, hg_real **out)
{
    hg_status status = HG_OK;
    hg_real *summary = NULL;
    const int64_t width = layout->config->summary ? HG_SUMMARY_COLUMNS : 0;
    if (layout->n_globals == 0) return HG_OK;
    HG_TRY(hg_alloc(ctx, out, n * layout->n_globals));
    HG_TRY(hg_alloc(ctx, &summary, n * width));
    if (width > 0) HG_TRY(hg_event_summaries(ctx, events, chosen, n, summary));
    for (int64_t i = 0; i < n; ++i) {
        hg_real *row = *out + i * layout->n_globals;
        memcpy(row, summary + i * width, (size_t)width * sizeof *row);
        if (seed) hg_track_seed_columns(&seed[i], row + width);
    }
done:
    hg_free(ctx, summary);
    return status;
}

hg_status hg_pulse_graphs_make(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events, const hg_track_seed *seed,
                               const int64_t *chosen, int64_t n, hg_pulse_graphs *out)
{
    hg_status status = HG_OK;
    const int n_threads = hg_context_threads(ctx);
    int64_t *node_ptr = NULL;
    room *rooms = NULL;
    hg_pulse_graphs graphs = {0};
    HG_TRY(hg_alloc(ctx, &node_ptr, n + 1));
    HG_TRY(hg_alloc(ctx, &rooms, n_threads));
    for (int t = 0; t < n_threads; ++t) HG_TRY(room_for(ctx, &rooms[t], most_pulses(events, chosen, n)));
    count_nodes(layout, events, chosen, n, &rooms[0], node_ptr);
    HG_TRY(hg_alloc(ctx, &graphs.nodes, node_ptr[n] * layout->n_columns));
    HG_TRY(make_seeds(ctx, layout, events, seed, chosen, n, &graphs.seed));
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t i = 0; i < n; ++i)
        fill_event(layout, events, graphs.seed ? &graphs.seed[i] : NULL, chosen[i], &rooms[omp_get_thread_num()],
                   graphs.nodes + node_ptr[i] * layout->n_columns);
    HG_TRY(make_globals(ctx, layout, events, chosen, n, graphs.seed, &graphs.globals));
    HG_TRY(make_edges(ctx, layout, graphs.nodes, n, node_ptr, &graphs.graph));
    *out = graphs;
    graphs = (hg_pulse_graphs){0};
done:
    hg_pulse_graphs_clear(ctx, &graphs);
    for (int t = 0; rooms && t < n_threads; ++t) room_clear(ctx, &rooms[t]);
    hg_free(ctx, rooms);
    hg_free(ctx, node_ptr);
    return status;
}

void hg_pulse_graphs_clear(hg_context *ctx, hg_pulse_graphs *graphs)
{
    hg_graph_destroy(ctx, graphs->graph);
    hg_free(ctx, graphs->nodes);
    hg_free(ctx, graphs->globals);
    hg_free(ctx, graphs->seed);
    *graphs = (hg_pulse_graphs){0};
}

hg_batch hg_pulse_graphs_batch(const hg_pulse_graphs *graphs)
{
    return (hg_batch){.graph = graphs->graph, .nodes = graphs->nodes, .globals = graphs->globals};
}
