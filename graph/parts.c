/* graph/parts.c — what each part of a graph holds: nodes, edges, halo, figures, and the part as a graph of its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/partition.h"

void hg_partition_destroy(hg_context *ctx, hg_partition *p)
{
    if (!p) return;
    hg_free(ctx, p->part);
    hg_free(ctx, p->node_ptr);
    hg_free(ctx, p->node);
    hg_free(ctx, p->interior_nodes);
    hg_free(ctx, p->edge_ptr);
    hg_free(ctx, p->edge);
    hg_free(ctx, p->interior_edges);
    hg_free(ctx, p->halo_ptr);
    hg_free(ctx, p->halo);
    hg_free(ctx, p);
}

/* Counting sort of 0 .. n_items by (part, boundary): lists per part, interior first, numbers increasing within both halves. */
static hg_status list_by_part(hg_context *ctx, int64_t n_parts, int64_t n_items, const int32_t *part, const uint8_t *boundary, int64_t *ptr,
                              int64_t *interior, int64_t *place)
{
    hg_status status = HG_OK;
    int64_t *first = NULL; /* of each half of each part */
    HG_TRY(hg_alloc(ctx, &first, 2 * n_parts + 1));
    for (int64_t i = 0; i < n_items; ++i) ++first[2 * part[i] + boundary[i]];
    for (int64_t p = 0; p < n_parts; ++p) interior[p] = first[2 * p];
    hg_prefix_sum(first, 2 * n_parts);
    for (int64_t p = 0; p <= n_parts; ++p) ptr[p] = first[2 * p];
    for (int64_t i = 0; i < n_items; ++i) place[first[2 * part[i] + boundary[i]]++] = i;
done:
    hg_free(ctx, first);
    return status;
}

static hg_status list_nodes(hg_context *ctx, const hg_graph *graph, hg_partition *p)
{
    hg_status status = HG_OK;
    uint8_t *boundary = NULL;
    int64_t *place = NULL;
    HG_TRY(hg_alloc(ctx, &boundary, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &place, graph->n_nodes));
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        if (p->part[graph->sender[e]] != p->part[graph->receiver[e]]) boundary[graph->sender[e]] = boundary[graph->receiver[e]] = 1;
    }
    HG_TRY(list_by_part(ctx, p->n_parts, graph->n_nodes, p->part, boundary, p->node_ptr, p->interior_nodes, place));
    for (int64_t i = 0; i < graph->n_nodes; ++i) p->node[i] = (int32_t)place[i];
done:
    hg_free(ctx, boundary);
    hg_free(ctx, place);
    return status;
}

static hg_status list_edges(hg_context *ctx, const hg_graph *graph, const int32_t *edge_weight, hg_partition *p)
{
    hg_status status = HG_OK;
    uint8_t *cut = NULL;
    int32_t *part = NULL;
    HG_TRY(hg_alloc(ctx, &cut, graph->n_edges));
    HG_TRY(hg_alloc(ctx, &part, graph->n_edges));
    for (int64_t e = 0; e < graph->n_edges; ++e) {
        part[e] = p->part[graph->receiver[e]];
        cut[e] = p->part[graph->sender[e]] != part[e];
        p->cut_edges += cut[e];
        p->cut_weight += cut[e] ? edge_weight ? edge_weight[e] : 1 : 0;
    }
    HG_TRY(list_by_part(ctx, p->n_parts, graph->n_edges, part, cut, p->edge_ptr, p->interior_edges, p->edge));
done:
    hg_free(ctx, cut);
    hg_free(ctx, part);
    return status;
}

static int by_number(const void *a, const void *b)
{
    const int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

/* Calls for the other end of every edge of a node, whatever its direction. */
#define FOR_NEIGHBOURS(graph, node, neighbour, ...)                                                                                        \
    do {                                                                                                                                   \
        for (int64_t e_ = (graph)->in_ptr[node]; e_ < (graph)->in_ptr[(node) + 1]; ++e_) {                                                 \
            const int32_t neighbour = (graph)->sender[e_];                                                                                 \
            __VA_ARGS__                                                                                                                    \
        }                                                                                                                                  \
        for (int64_t k_ = (graph)->out_ptr[node]; k_ < (graph)->out_ptr[(node) + 1]; ++k_) {                                               \
            const int32_t neighbour = (graph)->receiver[(graph)->out_edge[k_]];                                                            \
            __VA_ARGS__                                                                                                                    \
        }                                                                                                                                  \
    } while (0)

static hg_status find_halos(hg_context *ctx, const hg_graph *graph, hg_partition *p)
{
    hg_status status = HG_OK;
    int32_t *found = NULL, *seen_by = NULL; /* part that saw the node last, from 1 */
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &seen_by, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &found, 2 * p->cut_edges)); /* an edge brings at most one node to each of its two parts */
    for (int32_t part = 0; part < p->n_parts; ++part) {
        p->halo_ptr[part] = n;
        for (int64_t k = p->node_ptr[part] + p->interior_nodes[part]; k < p->node_ptr[part + 1]; ++k) {
            FOR_NEIGHBOURS(graph, p->node[k], neighbour, {
                if (p->part[neighbour] != part && seen_by[neighbour] != part + 1) {
                    seen_by[neighbour] = part + 1;
                    found[n++] = neighbour;
                }
            });
        }
        if (n - p->halo_ptr[part] > 1) qsort(found + p->halo_ptr[part], (size_t)(n - p->halo_ptr[part]), sizeof *found, by_number);
    }
    p->halo_ptr[p->n_parts] = n;
    HG_TRY(hg_alloc(ctx, &p->halo, n));
    if (n > 0) memcpy(p->halo, found, (size_t)n * sizeof *found);
done:
    hg_free(ctx, seen_by);
    hg_free(ctx, found);
    return status;
}

static void weigh_parts(const hg_partition_options *options, hg_partition *p)
{
    int64_t total = 0, heaviest = 0, most_edges = 0;
    for (int64_t part = 0; part < p->n_parts; ++part) {
        int64_t weight = 0;
        for (int64_t k = p->node_ptr[part]; k < p->node_ptr[part + 1]; ++k)
            weight += options->node_weight ? options->node_weight[p->node[k]] : 1;
        const int64_t edges = p->edge_ptr[part + 1] - p->edge_ptr[part];
        total += weight;
        heaviest = weight > heaviest ? weight : heaviest;
        most_edges = edges > most_edges ? edges : most_edges;
        p->empty_parts += p->node_ptr[part + 1] == p->node_ptr[part];
    }
    if (total > 0) p->node_imbalance = (double)heaviest * (double)p->n_parts / (double)total;
    if (p->n_edges > 0) p->edge_imbalance = (double)most_edges * (double)p->n_parts / (double)p->n_edges;
}

hg_status hg_partition_fill(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, hg_partition *p)
{
    hg_status status = HG_OK;
    p->n_nodes = graph->n_nodes;
    p->n_edges = graph->n_edges;
    HG_TRY(hg_alloc(ctx, &p->node_ptr, p->n_parts + 1));
    HG_TRY(hg_alloc(ctx, &p->node, p->n_nodes));
    HG_TRY(hg_alloc(ctx, &p->interior_nodes, p->n_parts));
    HG_TRY(hg_alloc(ctx, &p->edge_ptr, p->n_parts + 1));
    HG_TRY(hg_alloc(ctx, &p->edge, p->n_edges));
    HG_TRY(hg_alloc(ctx, &p->interior_edges, p->n_parts));
    HG_TRY(hg_alloc(ctx, &p->halo_ptr, p->n_parts + 1));
    HG_TRY(list_nodes(ctx, graph, p));
    HG_TRY(list_edges(ctx, graph, options->edge_weight, p));
    HG_TRY(find_halos(ctx, graph, p));
    weigh_parts(options, p);
done:
    return status;
}

/* ---- a part as a graph ---- */

enum { FAR = -1, CLOSE = 0 };

/* place[i]: CLOSE for nodes of the part or within so many edges of it, else FAR. */
static hg_status mark_close(hg_context *ctx, const hg_graph *graph, const hg_partition *p, int64_t part, int64_t layers, int32_t *place)
{
    hg_status status = HG_OK;
    int32_t *reached = NULL;
    int64_t n = 0, first = 0;
    HG_TRY(hg_alloc(ctx, &reached, graph->n_nodes));
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        place[i] = p->part[i] == part ? CLOSE : FAR;
        if (place[i] == CLOSE) reached[n++] = (int32_t)i;
    }
    for (int64_t layer = 0; layer < layers && first < n; ++layer) {
        const int64_t end = n;
        for (; first < end; ++first) {
            FOR_NEIGHBOURS(graph, reached[first], neighbour, {
                if (place[neighbour] == FAR) {
                    place[neighbour] = CLOSE;
                    reached[n++] = neighbour;
                }
            });
        }
    }
done:
    hg_free(ctx, reached);
    return status;
}

/* Numbers the close nodes and lists them with their graphs. */
static hg_status take_nodes(hg_context *ctx, const hg_graph *graph, const hg_partition *p, int64_t part, int32_t *place, hg_part *out,
                            int64_t *node_ptr, int64_t *n_nodes)
{
    hg_status status = HG_OK;
    int64_t n = 0;
    for (int64_t i = 0; i < graph->n_nodes; ++i) n += place[i] == CLOSE;
    HG_TRY(hg_alloc(ctx, &out->node, n));
    HG_TRY(hg_alloc(ctx, &out->own, n));
    *n_nodes = n;
    n = 0;
    for (int64_t g = 0; g < graph->n_graphs; ++g) {
        for (int64_t i = graph->node_ptr[g]; i < graph->node_ptr[g + 1]; ++i) {
            if (place[i] == FAR) continue;
            out->node[n] = (int32_t)i;
            out->own[n] = p->part[i] == part;
            out->own_nodes += out->own[n];
            place[i] = (int32_t)n++;
        }
        node_ptr[g + 1] = n;
    }
done:
    return status;
}

static hg_status take_edges(hg_context *ctx, const hg_graph *graph, const int32_t *place, int64_t n_nodes, const int64_t *node_ptr,
                            hg_part *out)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL;
    int64_t n = 0;
    for (int64_t k = 0; k < n_nodes; ++k) {
        const int32_t i = out->node[k];
        for (int64_t e = graph->in_ptr[i]; e < graph->in_ptr[i + 1]; ++e) n += place[graph->sender[e]] != FAR;
    }
    HG_TRY(hg_alloc(ctx, &sender, n));
    HG_TRY(hg_alloc(ctx, &receiver, n));
    HG_TRY(hg_alloc(ctx, &out->edge, n));
    n = 0;
    for (int64_t k = 0; k < n_nodes; ++k) {
        const int32_t i = out->node[k];
        for (int64_t e = graph->in_ptr[i]; e < graph->in_ptr[i + 1]; ++e) {
            if (place[graph->sender[e]] == FAR) continue;
            sender[n] = place[graph->sender[e]];
            receiver[n] = (int32_t)k;
            out->edge[n++] = e;
        }
    }
    HG_TRY(hg_graph_create(ctx, n_nodes, n, sender, receiver, graph->n_graphs, node_ptr, &out->graph));
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    return status;
}

hg_status hg_part_create(hg_context *ctx, const hg_graph *graph, const hg_partition *partition, int64_t part, int64_t layers, hg_part **out)
{
    hg_status status = HG_OK;
    hg_part *made = NULL;
    int32_t *place = NULL;
    int64_t *node_ptr = NULL, n_nodes = 0;
    HG_CHECK(partition->n_nodes == graph->n_nodes && partition->n_edges == graph->n_edges, HG_ERR_ARG,
             "partition of %" PRId64 " nodes and %" PRId64 " edges, the graph has %" PRId64 " and %" PRId64, partition->n_nodes,
             partition->n_edges, graph->n_nodes, graph->n_edges);
    HG_CHECK(part >= 0 && part < partition->n_parts, HG_ERR_ARG, "part %" PRId64 ", expected 0 .. %" PRId64, part, partition->n_parts - 1);
    HG_CHECK(layers >= 0, HG_ERR_ARG, "%" PRId64 " layers of halo, expected 0 or more", layers);
    HG_TRY(hg_alloc(ctx, &made, 1));
    HG_TRY(hg_alloc(ctx, &place, graph->n_nodes));
    HG_TRY(hg_alloc(ctx, &node_ptr, graph->n_graphs + 1));
    HG_TRY(mark_close(ctx, graph, partition, part, layers, place));
    HG_TRY(take_nodes(ctx, graph, partition, part, place, made, node_ptr, &n_nodes));
    HG_TRY(take_edges(ctx, graph, place, n_nodes, node_ptr, made));
    *out = made;
    made = NULL;
done:
    hg_part_destroy(ctx, made);
    hg_free(ctx, place);
    hg_free(ctx, node_ptr);
    return status;
}

void hg_part_destroy(hg_context *ctx, hg_part *part)
{
    if (!part) return;
    hg_graph_destroy(ctx, part->graph);
    hg_free(ctx, part->node);
    hg_free(ctx, part->edge);
    hg_free(ctx, part->own);
    hg_free(ctx, part);
}
