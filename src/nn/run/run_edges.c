/* nn/run/run_edges.c — see run_edges.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/run_edges.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "nn/run/finite.h"

static hg_status check_types(hg_context *ctx, const char *what, int level, const hg_graph *graph, const int32_t *type, int64_t n_types)
{
    hg_status status = HG_OK;
    if (n_types == 0 || graph->n_edges == 0) goto done;
    HG_CHECK(type, HG_ERR_ARG, "batch, level %d: no types of the %ss, the model expects 0 .. %" PRId64, level, what, n_types - 1);
    for (int64_t e = 0; e < graph->n_edges; ++e)
        HG_CHECK(type[e] >= 0 && type[e] < n_types, HG_ERR_ARG,
                 "batch, level %d: type of %s %" PRId64 " is %" PRId32 ", expected 0 .. %" PRId64, level, what, e, type[e], n_types - 1);
done:
    return status;
}

static hg_status check_level(const hg_run *run, int level)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    const hg_level *l = &run->batch->level[level - 1];
    const hg_graph *below = hg_level_graph(run, level - 1);
    HG_CHECK(l->graph, HG_ERR_ARG, "batch, level %d: no graph", level);
    HG_CHECK(l->graph->n_graphs == below->n_graphs, HG_ERR_ARG, "batch, level %d: %" PRId64 " graphs, the level below has %" PRId64, level,
             l->graph->n_graphs, below->n_graphs);
    HG_TRY(check_types(ctx, "edge", level, l->graph, l->edge_type, run->d->n_types));
    if (!l->pool) goto done;
    HG_CHECK(l->pool->n_senders == below->n_nodes && l->pool->n_nodes == l->graph->n_nodes && l->pool->n_graphs == below->n_graphs,
             HG_ERR_ARG, "batch, level %d: pool from %" PRId64 " to %" PRId64 " nodes, expected %" PRId64 " to %" PRId64, level,
             l->pool->n_senders, l->pool->n_nodes, below->n_nodes, l->graph->n_nodes);
    HG_TRY(check_types(ctx, "pool edge", level, l->pool, l->pool_type, run->d->n_pool_types));
done:
    return status;
}

hg_status hg_run_take_edges(hg_run *run)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    const hg_batch *batch = run->batch;
    HG_CHECK(batch->graph->n_senders == batch->graph->n_nodes, HG_ERR_ARG, "batch: its graph is bipartite");
    HG_CHECK(d->n_levels == 0 || (batch->level && batch->n_levels == d->n_levels), HG_ERR_ARG,
             "batch has %" PRId64 " levels above its graph, the model expects %d", batch->level ? batch->n_levels : 0, d->n_levels);
    HG_TRY(check_types(ctx, "edge", 0, batch->graph, batch->edge_type, d->n_types));
    for (int level = 1; level <= d->n_levels; ++level) HG_TRY(check_level(run, level));
    for (int s = 0; s < d->n_edge_sets; ++s) {
        const hg_edge_set *set = &d->edge_set[s];
        hg_run_edges *e = &run->edge_set[s];
        const hg_level *level = set->level > 0 ? &batch->level[set->level - 1] : NULL;
        if (set->from == HG_EDGES_INPUT) {
            e->graph = hg_level_graph(run, set->level);
            e->type = level ? level->edge_type : batch->edge_type;
        } else if (set->from == HG_EDGES_POOL) {
            HG_CHECK(level->pool, HG_ERR_ARG, "batch, level %d: no pool, the model uses it (line %d)", set->level, set->line);
            e->graph = level->pool;
            e->type = level->pool_type;
        }
    }
done:
    return status;
}

void hg_run_clear_edges(hg_run *run)
{
    for (int s = 0; run->edge_set && s < run->d->n_edge_sets; ++s) {
        hg_run_edges *e = &run->edge_set[s];
        hg_graph_destroy(run->ctx, e->owned);
        hg_free(run->ctx, e->edge_graph);
        hg_free(run->ctx, e->type_ptr);
        hg_free(run->ctx, e->by_type);
    }
    hg_free(run->ctx, run->edge_set);
}

/* A plan has no table to search in: a graph of as many edges as there can be, without arrays. */
static hg_status plan_edges(hg_run *run, const hg_edge_set *set, hg_run_edges *e)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    const hg_graph *nodes = hg_level_graph(run, set->level);
    HG_CHECK(set->from != HG_EDGES_WITHIN, HG_ERR_ARG,
             "model, graph of line %d: how many edges lie within a radius is not known beforehand", set->line);
    HG_TRY(hg_alloc(ctx, &e->owned, 1));
    *e->owned = (hg_graph){.n_graphs = nodes->n_graphs, .n_nodes = nodes->n_nodes, .n_senders = nodes->n_nodes};
    for (int64_t g = 0; g < nodes->n_graphs; ++g) {
        int64_t n = nodes->node_ptr[g + 1] - nodes->node_ptr[g];
        e->owned->n_edges += n * (set->from == HG_EDGES_NEAREST && set->k < n ? set->k : n);
    }
    e->graph = e->owned;
done:
    return status;
}

/* Searches the edges of a set in the table that it names. */
static hg_status search(hg_run *run, const hg_edge_set *set, hg_run_edges *e)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    const hg_graph *nodes = hg_level_graph(run, set->level);
    hg_points points = {.x = run->table[set->value],
                        .n = nodes->n_nodes,
                        .stride = run->d->value[set->value].width,
                        .column = set->column,
                        .n_columns = set->n_columns,
                        .n_graphs = nodes->n_graphs,
                        .node_ptr = nodes->node_ptr,
                        .light_speed = set->light_speed,
                        .time_weight = set->time_weight,
                        .loops = set->loops};
    if (set->from == HG_EDGES_NEAREST) {
        HG_TRY(hg_graph_nearest(ctx, &points, set->k, &e->owned));
    } else if (set->from == HG_EDGES_WITHIN) {
        HG_TRY(hg_graph_within(ctx, &points, set->radius, &e->owned));
    } else {
        HG_TRY(hg_graph_complete(ctx, nodes->n_graphs, nodes->node_ptr, set->loops, &e->owned));
    }
    e->graph = e->owned;
done:
    if (status < 0 && status != HG_ERR_NOMEM) hg_fail_prefix(ctx, "model, graph of line %d", set->line);
    /* coordinates that are not finite come from somewhere: a bad weight is the more useful message and replaces this one */
    if (status == HG_ERR_NUMERIC) (void)hg_check_parameters(run);
    return status;
}

static bool needs_edge_graph(const hg_run *run, const hg_update *u)
{
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (u->entity == HG_EDGES && term->access == HG_GRAPH) return true;
        if (u->entity == HG_GLOBALS && term->access == HG_REDUCED && run->d->value[term->value].entity == HG_EDGES) return true;
    }
    return false;
}

static hg_status number_edges(hg_run *run, hg_run_edges *e)
{
    hg_status status = HG_OK;
    const hg_graph *g = e->graph;
    if (e->edge_graph) goto done;
    HG_TRY(hg_alloc(run->ctx, &e->edge_graph, g->n_edges));
    if (run->dry) goto done;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, g->n_edges))
    for (int64_t i = 0; i < g->n_edges; ++i) e->edge_graph[i] = g->node_graph[g->receiver[i]];
done:
    return status;
}

/* Counting sort, stable: edges of a type keep their order. */
static hg_status sort_by_type(hg_run *run, int64_t n_types, hg_run_edges *e)
{
    hg_status status = HG_OK;
    int64_t *next = NULL, n = e->graph->n_edges;
    if (e->by_type) goto done;
    HG_TRY(hg_alloc(run->ctx, &next, n_types + 1));
    HG_TRY(hg_alloc(run->ctx, &e->type_ptr, n_types + 1));
    HG_TRY(hg_alloc(run->ctx, &e->by_type, n));
    for (int64_t i = 0; i < n; ++i) ++e->type_ptr[e->type[i]];
    hg_prefix_sum(e->type_ptr, n_types);
    memcpy(next, e->type_ptr, (size_t)n_types * sizeof *next);
    for (int64_t i = 0; i < n; ++i) e->by_type[next[e->type[i]]++] = i;
done:
    hg_free(run->ctx, next);
    return status;
}

hg_status hg_run_enter(hg_run *run, const hg_update *u)
{
    hg_status status = HG_OK;
    run->graph = run->batch->graph;
    run->nodes = u->entity == HG_NODES ? hg_level_graph(run, run->d->value[u->value].set) : run->batch->graph;
    run->edges = NULL;
    run->edge_graph = NULL;
    if (u->edges < 0) goto done;
    hg_run_edges *e = &run->edge_set[u->edges];
    const hg_edge_set *set = &run->d->edge_set[u->edges];
    if (!e->graph) HG_TRY(run->dry ? plan_edges(run, set, e) : search(run, set, e));
    if (needs_edge_graph(run, u)) HG_TRY(number_edges(run, e));
    if (u->network >= 0 && run->d->network[u->network].typed) HG_TRY(sort_by_type(run, run->d->network[u->network].layer[0].types, e));
    run->graph = e->graph;
    run->edges = e;
    run->edge_graph = e->edge_graph;
done:
    return status;
}
