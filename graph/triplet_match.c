/* triplet_match.c — neighbours of doublets that continue them: the best matches and all close ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/triplet_match.h"

#include <omp.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_batch.h"

/* Links that one thread finds, hit after hit. */
typedef struct link_buffer {
    hg_doublet_link *link; /* owned */
    int64_t n, room;
    hg_status status;
} link_buffer;

/* What all threads share; hit i's links lie in the buffer thread[i] from start[i] on. */
typedef struct neighbour_search {
    hg_context *ctx;
    const hg_doublet_kernels *kernels;
    const hg_doublet_graph *d;
    const hg_doublet_map *map;
    float link_window;
    link_buffer *buffer; /* [threads] */
    int64_t *start;      /* [N] */
    int32_t *thread;     /* [N] */
    hg_doublet_neighbours *out;
} neighbour_search;

static hg_status make_room(hg_context *ctx, link_buffer *buffer, int64_t n)
{
    hg_status status = HG_OK;
    if (buffer->n + n <= buffer->room) return HG_OK;
    const int64_t room = 2 * buffer->room + n + 4096;
#pragma omp critical
    status = hg_grow(ctx, &buffer->link, buffer->n, room);
    if (status >= 0) buffer->room = room;
    return status;
}

/* Numbers of hits that both ends of an overlap e are joined to by edges across layers: [0] inside, [1] outside. */
static void count_shared(const hg_doublet_graph *d, int64_t e, int32_t count[2])
{
    const hg_graph *g = d->graph;
    int32_t i = g->sender[e], j = g->receiver[e];
    count[0] = count[1] = 0;
    for (int64_t a = g->in_ptr[i], b = g->in_ptr[j]; a < g->in_ptr[i + 1] && b < g->in_ptr[j + 1];) {
        int32_t from_a = g->sender[a], from_b = g->sender[b];
        if (from_a == from_b) count[0] += !d->same_layer[a] && !d->same_layer[b];
        a += from_a <= from_b;
        b += from_b <= from_a;
    }
    for (int64_t a = g->out_ptr[i], b = g->out_ptr[j]; a < g->out_ptr[i + 1] && b < g->out_ptr[j + 1];) {
        int64_t edge_a = g->out_edge[a], edge_b = g->out_edge[b];
        int32_t to_a = g->receiver[edge_a], to_b = g->receiver[edge_b];
        if (to_a == to_b) count[1] += !d->same_layer[edge_a] && !d->same_layer[edge_b];
        a += to_a <= to_b;
        b += to_b <= to_a;
    }
}

static hg_status find_around(const neighbour_search *s, int64_t hit, link_buffer *buffer)
{
    const hg_graph *g = s->d->graph;
    const hg_status status = make_room(s->ctx, buffer, (g->in_ptr[hit + 1] - g->in_ptr[hit]) * (g->out_ptr[hit + 1] - g->out_ptr[hit]));
    if (status < 0) return status;
    buffer->n += s->kernels->join(s->d, s->map, hit, s->link_window, s->out->best, s->out->count, buffer->link + buffer->n);
    return HG_OK;
}

static hg_status run_search(const neighbour_search *s, int threads)
{
    const int64_t n_hits = s->d->graph->n_nodes, n_edges = s->d->graph->n_edges;
    hg_doublet_neighbours *out = s->out;
#pragma omp parallel num_threads(threads) if (n_edges > HG_FEW_EDGES)
    {
        const int t = omp_get_thread_num();
        link_buffer *buffer = &s->buffer[t];
#pragma omp for schedule(dynamic, 256)
        for (int64_t hit = 0; hit < n_hits; ++hit) {
            s->thread[hit] = t;
            s->start[hit] = buffer->n;
            if (buffer->status >= 0) buffer->status = find_around(s, hit, buffer);
            out->n_links[hit] = buffer->n - s->start[hit];
        }
#pragma omp for schedule(dynamic, 4096)
        for (int64_t e = 0; e < n_edges; ++e) {
            int32_t shared[2];
            if (!s->d->same_layer[e]) continue;
            count_shared(s->d, e, shared);
            for (int side = 0; side < 2; ++side) {
                out->count[side][e] = shared[side];
                out->best[side][e] = hg_no_match;
            }
        }
    }
    for (int t = 0; t < threads; ++t)
        if (s->buffer[t].status < 0) return s->buffer[t].status;
    return HG_OK;
}

/* The buffers have moved while they grew: only now is it known where the links lie. */
static void take_links(const neighbour_search *s, int threads)
{
    hg_doublet_neighbours *out = s->out;
    for (int64_t i = 0; i < s->d->graph->n_nodes; ++i) out->link[i] = s->buffer[s->thread[i]].link + s->start[i];
    for (int t = 0; t < threads; ++t) {
        out->found[t] = s->buffer[t].link;
        s->buffer[t].link = NULL;
    }
}

void hg_doublet_neighbours_clear(hg_context *ctx, hg_doublet_neighbours *neighbours)
{
    for (int side = 0; side < 2; ++side) {
        hg_free(ctx, neighbours->best[side]);
        hg_free(ctx, neighbours->count[side]);
    }
    hg_free(ctx, neighbours->n_links);
    hg_free(ctx, neighbours->link);
    for (int t = 0; neighbours->found && t < neighbours->n_found; ++t) hg_free(ctx, neighbours->found[t]);
    hg_free(ctx, neighbours->found);
    *neighbours = (hg_doublet_neighbours){0};
}

hg_status hg_doublet_neighbours_find(hg_context *ctx, const hg_doublet_graph *d, const hg_doublet_map *map, float link_window,
                                     hg_doublet_neighbours *out)
{
    hg_status status = HG_OK;
    const hg_graph *g = d->graph;
    const int threads = hg_context_threads(ctx);
    hg_doublet_neighbours made = {.n_found = threads};
    neighbour_search s = {.ctx = ctx, .d = d, .map = map, .link_window = link_window, .out = &made};
    HG_TRY(hg_doublet_kernels_select(ctx, &s.kernels));
    for (int side = 0; side < 2; ++side) {
        HG_TRY(hg_alloc_unset(ctx, &made.best[side], g->n_edges));
        HG_TRY(hg_alloc_unset(ctx, &made.count[side], g->n_edges));
    }
    HG_TRY(hg_alloc_unset(ctx, &made.n_links, g->n_nodes));
    HG_TRY(hg_alloc_array(ctx, (void **)&made.link, g->n_nodes, sizeof *made.link));
    HG_TRY(hg_alloc_array(ctx, (void **)&made.found, threads, sizeof *made.found));
    HG_TRY(hg_alloc(ctx, &s.buffer, threads));
    HG_TRY(hg_alloc_unset(ctx, &s.start, g->n_nodes));
    HG_TRY(hg_alloc_unset(ctx, &s.thread, g->n_nodes));
    HG_TRY(run_search(&s, threads));
    take_links(&s, threads);
    *out = made;
    made = (hg_doublet_neighbours){0};
done:
    for (int t = 0; s.buffer && t < threads; ++t) hg_free(ctx, s.buffer[t].link);
    hg_free(ctx, s.buffer);
    hg_free(ctx, s.start);
    hg_free(ctx, s.thread);
    hg_doublet_neighbours_clear(ctx, &made);
    return status;
}
