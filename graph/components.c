/* components.c — connected components by union-find with the smaller node as root. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/components.h"

#include "base/check.h"

static int32_t find_root(int32_t *parent, int32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

hg_status hg_graph_components(hg_context *ctx, const hg_graph *graph, const uint8_t *keep, int32_t *component, int64_t *n_components)
{
    (void)ctx;
    for (int64_t i = 0; i < graph->n_nodes; ++i) component[i] = (int32_t)i;
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        if (keep && !keep[e]) continue;
        int32_t a = find_root(component, graph->sender[e]);
        int32_t b = find_root(component, graph->receiver[e]);
        if (a < b)
            component[b] = a;
        else
            component[a] = b;
    }
    /* a root is the smallest node of its component, so it is numbered before its members are met */
    int32_t n = 0;
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        int32_t parent = component[i];
        component[i] = parent == (int32_t)i ? n++ : component[parent];
    }
    if (n_components) *n_components = n;
    return HG_OK;
}
