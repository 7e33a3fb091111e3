/* graph/rcm.c — reverse Cuthill-McKee: breadth-first numbers from the rim of the graph, neighbours of low degree first, all reversed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "graph/adjacency.h"

enum { UNSEEN = 0, SWEEPS = 3 };

typedef struct search {
    const hg_adjacency *a;
    int32_t *queue; /* [N] nodes in the order in which they were reached */
    int32_t *seen;  /* [N] number of the last search that reached the node */
    int32_t number; /* of this search */
} search;

static int64_t degree(const hg_adjacency *a, int32_t node)
{
    return a->ptr[node + 1] - a->ptr[node];
}

static int32_t better_start(const hg_adjacency *a, int32_t left, int32_t right)
{
    const int64_t l = degree(a, left), r = degree(a, right);
    return l < r || (l == r && left < right) ? left : right;
}

static int by_degree(const void *left, const void *right, void *adjacency)
{
    const int32_t l = *(const int32_t *)left, r = *(const int32_t *)right;
    return l == r ? 0 : better_start(adjacency, l, r) == l ? -1 : 1;
}

/* Breadth first from `start` into queue[first ..). Returns the end of the queue; *last_level: where the farthest nodes begin in it. */
static int64_t reach(search *s, int32_t start, int64_t first, int64_t *last_level)
{
    int64_t end = first, level_end = first + 1;
    s->number++;
    s->queue[end++] = start;
    s->seen[start] = s->number;
    *last_level = first;
    for (int64_t at = first; at < end; ++at) {
        if (at == level_end) {
            *last_level = at;
            level_end = end;
        }
        const int32_t node = s->queue[at];
        const int64_t reached = end;
        for (int64_t k = s->a->ptr[node]; k < s->a->ptr[node + 1]; ++k) {
            const int32_t neighbour = s->a->neighbour[k];
            if (s->seen[neighbour] == s->number) continue;
            s->seen[neighbour] = s->number;
            s->queue[end++] = neighbour;
        }
        if (end - reached > 1) qsort_r(s->queue + reached, (size_t)(end - reached), sizeof *s->queue, by_degree, (void *)(uintptr_t)s->a);
    }
    return end;
}

/* The component of `node` in Cuthill-McKee order into queue[first ..), from a node near its rim (George and Liu 1979). Returns its end. */
static int64_t order_component(search *s, int32_t node, int64_t first)
{
    int32_t start = node;
    int64_t last_level = first, end = first;
    for (int sweep = 0; sweep < SWEEPS; ++sweep) {
        end = reach(s, start, first, &last_level);
        if (sweep + 1 == SWEEPS || end - first == 1) break;
        start = s->queue[last_level];
        for (int64_t k = last_level + 1; k < end; ++k) start = better_start(s->a, start, s->queue[k]);
    }
    return end;
}

static void reverse(int32_t *node, int64_t n)
{
    for (int64_t i = 0; i < n / 2; ++i) {
        const int32_t swapped = node[i];
        node[i] = node[n - 1 - i];
        node[n - 1 - i] = swapped;
    }
}

hg_status hg_adjacency_rcm(hg_context *ctx, const hg_adjacency *adjacency, int64_t n_graphs, const int64_t *node_ptr, int32_t *order)
{
    hg_status status = HG_OK;
    search s = {.a = adjacency, .queue = order};
    HG_TRY(hg_alloc(ctx, &s.seen, adjacency->n_nodes));
    for (int64_t g = 0; g < n_graphs; ++g) {
        int64_t end = node_ptr[g];
        for (int64_t i = node_ptr[g]; i < node_ptr[g + 1]; ++i) {
            if (s.seen[i] == UNSEEN) end = order_component(&s, (int32_t)i, end);
        }
        reverse(order + node_ptr[g], node_ptr[g + 1] - node_ptr[g]);
    }
done:
    hg_free(ctx, s.seen);
    return status;
}
