/* variant_tools.h — a batch with types of edges and two levels of coarser nodes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_VARIANT_TOOLS_H
#define HG_TESTS_VARIANT_TOOLS_H

#include "model_tools.h"

typedef struct layered {
    sample base;
    int32_t edge_type[3][16], pool_type[3][16];
    hg_level level[2];
} layered;

static inline void number_types(int32_t *type, int64_t n, int32_t types)
{
    for (int64_t e = 0; e < n; ++e) type[e] = (int32_t)((5 * e + 1) % 7 % types);
}

/* The awkward graphs (6, 0 and 2 nodes; 8 edges of 3 types) under 3 + 1 nodes (one of them without children) and 1 + 2 nodes; pool edges of
 * 2 types. */
static inline layered layered_sample(hg_model_widths w)
{
    static const int64_t ptr[3][4] = {{0, 6, 6, 8}, {0, 3, 3, 4}, {0, 1, 1, 3}};
    static const int32_t child1[] = {0, 1, 2, 3, 4, 5, 7}, parent1[] = {2, 0, 0, 2, 0, 2, 3}; /* node 1 has no children, 6 no parent */
    static const int32_t child2[] = {0, 1, 2, 3, 3}, parent2[] = {0, 0, 0, 2, 1};
    static const int32_t sender1[] = {0, 1, 2, 3}, receiver1[] = {1, 2, 2, 3};
    layered s = {.base = awkward_sample(w)};
    hg_graph *graph[2] = {NULL, NULL}, *pool[2] = {NULL, NULL};
    must(hg_graph_create(ctx, 4, 4, sender1, receiver1, 3, ptr[1], &graph[0]));
    must(hg_graph_create(ctx, 3, 0, NULL, NULL, 3, ptr[2], &graph[1]));
    must(hg_graph_create_bipartite(ctx, 8, 4, 7, child1, parent1, 3, ptr[0], ptr[1], &pool[0]));
    must(hg_graph_create_bipartite(ctx, 4, 3, 5, child2, parent2, 3, ptr[1], ptr[2], &pool[1]));
    number_types(s.edge_type[0], s.base.graph->n_edges, 3);
    for (int l = 0; l < 2; ++l) {
        number_types(s.edge_type[l + 1], graph[l]->n_edges, 3);
        number_types(s.pool_type[l], pool[l]->n_edges, 2);
        s.level[l].graph = graph[l];
        s.level[l].pool = pool[l];
    }
    s.base.batch.draw = 12345;
    return s;
}

/* The pointers into the sample, once it stands where it stays. */
static inline void layered_attach(layered *s)
{
    s->base.batch.edge_type = s->edge_type[0];
    for (int l = 0; l < 2; ++l) {
        s->level[l].edge_type = s->edge_type[l + 1];
        s->level[l].pool_type = s->pool_type[l];
    }
    s->base.batch.level = s->level;
    s->base.batch.n_levels = 2;
}

static inline void layered_clear(layered *s)
{
    for (int l = 0; l < 2; ++l) {
        hg_graph_destroy(ctx, (hg_graph *)(uintptr_t)s->level[l].graph);
        hg_graph_destroy(ctx, (hg_graph *)(uintptr_t)s->level[l].pool);
    }
    sample_clear(&s->base);
}

#endif
