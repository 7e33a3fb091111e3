/* triplet_match.c — neighbours of doublets that continue them: the best matches and all close ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/triplet_match.h"

#include <omp.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/doublet_batch.h"

/* Blocks of matches of edge b with the edges first .. end that come in at its sender. */
typedef struct block {
    const hg_doublet_kernels *kernels;
    const hg_doublet_graph *d;
    const hg_doublet_map *map;
    int64_t b, first, end;
    int32_t n;
    float match[HG_GRID_LANES];
} block;

static bool next_block(block *k)
{
    k->first += k->n;
    k->n = (int32_t)(k->end - k->first < HG_GRID_LANES ? k->end - k->first : HG_GRID_LANES);
    if (k->n > 0) k->kernels->match(k->d, k->map, k->b, k->first, k->match);
    return k->n > 0;
}

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

/* One block of matches: the best ones of both sides, and the links. */
static void take_block(const neighbour_search *s, const block *k, link_buffer *buffer)
{
    float best = s->out->best[0][k->b], *best_after = s->out->best[1] + k->first;
    int32_t count = s->out->count[0][k->b], *count_after = s->out->count[1] + k->first;
    for (int32_t i = 0; i < k->n; ++i) {
        const float m = k->match[i];
        best = m < best ? m : best;
        count += m < 1;
        best_after[i] = m < best_after[i] ? m : best_after[i];
        count_after[i] += m < 1;
    }
    for (int32_t i = 0; i < k->n; ++i) {
        buffer->link[buffer->n] = (hg_doublet_link){(int32_t)(k->first + i), (int32_t)k->b, k->match[i]};
        buffer->n += k->match[i] < s->link_window;
    }
    s->out->best[0][k->b] = best;
    s->out->count[0][k->b] = count;
}

static hg_status find_around(const neighbour_search *s, int64_t hit, link_buffer *buffer)
{
    const hg_graph *g = s->d->graph;
    for (int64_t a = g->in_ptr[hit]; a < g->in_ptr[hit + 1]; ++a) s->out->best[1][a] = hg_no_match;
    for (int64_t o = g->out_ptr[hit]; o < g->out_ptr[hit + 1]; ++o) {
        block k = {
            .kernels = s->kernels, .d = s->d, .map = s->map, .b = g->out_edge[o], .first = g->in_ptr[hit], .end = g->in_ptr[hit + 1]};
        s->out->best[0][k.b] = hg_no_match;
        while (!s->d->same_layer[k.b] && next_block(&k)) {
            const hg_status status = make_room(s->ctx, buffer, k.n);
            if (status < 0) return status;
            take_block(s, &k, buffer);
        }
    }
    return HG_OK;
}

static hg_status run_search(const neighbour_search *s, int threads)
{
    const int64_t n_hits = s->d->graph->n_nodes;
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
    for (int64_t hit = 0; hit < n_hits; ++hit) {
        const int t = omp_get_thread_num();
        link_buffer *buffer = &s->buffer[t];
        s->thread[hit] = t;
        s->start[hit] = buffer->n;
        if (buffer->status >= 0) buffer->status = find_around(s, hit, buffer);
        s->out->link_ptr[hit] = buffer->n - s->start[hit];
    }
    for (int t = 0; t < threads; ++t)
        if (s->buffer[t].status < 0) return s->buffer[t].status;
    return HG_OK;
}

/* Brings the links into the order of the hits. */
static hg_status gather_links(const neighbour_search *s, int threads)
{
    hg_status status = HG_OK;
    hg_doublet_neighbours *out = s->out;
    const int64_t n_hits = s->d->graph->n_nodes;
    HG_TRY(hg_alloc_unset(s->ctx, &out->link, hg_prefix_sum(out->link_ptr, n_hits)));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < n_hits; ++i) {
        const int64_t n = out->link_ptr[i + 1] - out->link_ptr[i];
        if (n > 0) memcpy(out->link + out->link_ptr[i], s->buffer[s->thread[i]].link + s->start[i], (size_t)n * sizeof *out->link);
    }
done:
    return status;
}

void hg_doublet_neighbours_clear(hg_context *ctx, hg_doublet_neighbours *neighbours)
{
    for (int side = 0; side < 2; ++side) {
        hg_free(ctx, neighbours->best[side]);
        hg_free(ctx, neighbours->count[side]);
    }
    hg_free(ctx, neighbours->link_ptr);
    hg_free(ctx, neighbours->link);
    *neighbours = (hg_doublet_neighbours){0};
}

hg_status hg_doublet_neighbours_find(hg_context *ctx, const hg_doublet_graph *d, const hg_doublet_map *map, float link_window,
                                     hg_doublet_neighbours *out)
{
    hg_status status = HG_OK;
    const hg_graph *g = d->graph;
    hg_doublet_neighbours made = {0};
    neighbour_search s = {.ctx = ctx, .d = d, .map = map, .link_window = link_window, .out = &made};
    const int threads = hg_context_threads(ctx);
    HG_TRY(hg_doublet_kernels_select(ctx, &s.kernels));
    for (int side = 0; side < 2; ++side) {
        HG_TRY(hg_alloc_unset(ctx, &made.best[side], g->n_edges));
        HG_TRY(hg_alloc(ctx, &made.count[side], g->n_edges));
    }
    HG_TRY(hg_alloc(ctx, &made.link_ptr, g->n_nodes + 1));
    HG_TRY(hg_alloc(ctx, &s.buffer, threads));
    HG_TRY(hg_alloc_unset(ctx, &s.start, g->n_nodes));
    HG_TRY(hg_alloc_unset(ctx, &s.thread, g->n_nodes));
    HG_TRY(run_search(&s, threads));
    HG_TRY(gather_links(&s, threads));
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

void hg_overlap_neighbours(const hg_doublet_graph *d, int64_t e, int32_t count[2])
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
