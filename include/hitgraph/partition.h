/* hitgraph/partition.h — graphs cut into parts of equal size with few edges between them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_PARTITION_H
#define HITGRAPH_PARTITION_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HG_PARTS_MAX = 65536 };

/** What is to be equal in all parts: nodes, or nodes plus incoming edges (the work of message passing). */
typedef enum hg_balance { HG_BALANCE_NODES, HG_BALANCE_EDGES } hg_balance;

typedef struct hg_partition_options {
    int64_t n_parts;            /* 1 .. min(nodes, HG_PARTS_MAX); default 1 */
    int64_t seed;               /* 0 .. 2^31 - 1; default 1 */
    hg_balance balance;         /* default HG_BALANCE_NODES */
    const int32_t *node_weight; /* borrowed; [N] >= 1, instead of balance; NULL = by balance */
    const int32_t *edge_weight; /* borrowed; [E] >= 1, in the order of the graph's edges; NULL = 1 */
} hg_partition_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_partition_options hg_partition_default_options(void);

/** Nodes, edges and halo of each part. An edge belongs to the part of its receiver. All arrays owned, P parts. */
typedef struct hg_partition {
    int64_t n_parts, n_nodes, n_edges;
    int32_t *part;           /* [N] part of each node */
    int64_t *node_ptr;       /* [P + 1] */
    int32_t *node;           /* [N] nodes of part p: node_ptr[p] .. node_ptr[p + 1], first those without neighbours elsewhere */
    int64_t *interior_nodes; /* [P] how many those are */
    int64_t *edge_ptr;       /* [P + 1] */
    int64_t *edge;           /* [E] edges of part p, first those with both ends in it; places in the graph's sorted list */
    int64_t *interior_edges; /* [P] how many those are */
    int64_t *halo_ptr;       /* [P + 1] */
    int32_t *halo;           /* foreign nodes with an edge from or to part p, increasing */
    int64_t cut_edges;       /* edges between parts */
    int64_t cut_weight;      /* their weight */
    int64_t empty_parts;
    double node_imbalance; /* weight of the heaviest part over the mean: 1 = perfect; 0 for a graph without nodes */
    double edge_imbalance; /* the same of the number of edges */
    int64_t loops, merged; /* self loops left out, and edges merged with another between the same two nodes, before cutting */
    bool by_metis;         /* false: cut along a reverse Cuthill-McKee order, as METIS was not needed or cannot take the graph */
} hg_partition;

/** Cuts a graph with METIS (k-way, least weight of cut edges; Karypis and Kumar, SIAM J. Sci. Comput. 20 (1998) 359).
 *
 *  METIS sees the undirected simple graph: directions, self loops and parallel edges are dropped, weights of merged edges add up. It is not
 *  called where it fails or gives poor answers: one part, fewer than 8 nodes a part, more edges or weight than its integers hold. The cut
 *  then follows a reverse Cuthill-McKee order.
 *
 *  @param graph borrowed; a batch is cut as one graph, parts may hold nodes of several of its graphs.
 *  @param options borrowed. @param out owned by the caller (hg_partition_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG parts, seed or a weight out of range (message: found and expected); HG_ERR_LIMIT more than HG_PARTS_MAX parts,
 *  the context's memory limit (METIS's own memory included, as an estimate), or weights that add up to more than 2^31 - 1 (edges: 2^30 -
 * 1); HG_ERR_NOMEM. Cost: about 0.1 us an edge in METIS. Threads: reentrant, one call at a time is inside METIS; the same parts from any
 * thread for one seed. METIS reseeds rand() of the C library, and takes SIGTERM for an error of its own (the calling thread blocks it
 * meanwhile). */
HG_API hg_status hg_partition_create(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, hg_partition **out);

/** The same from parts that are known, for example from a file.
 *  @param part borrowed; [N] 0 .. n_parts - 1. @param options borrowed; seed and balance are not used.
 *  @return as hg_partition_create; HG_ERR_ARG also a node in no part (message: which). n_parts may exceed the number of nodes. */
HG_API hg_status hg_partition_from_parts(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, const int32_t *part,
                                         hg_partition **out);

/** Frees a partition; NULL is fine. */
HG_API void hg_partition_destroy(hg_context *ctx, hg_partition *partition);

/** One part with the nodes within so many edges of it (whatever their direction), as a graph of its own. All arrays owned. */
typedef struct hg_part {
    hg_graph *graph; /* induced on own nodes and halo; as many graphs in the batch as the whole has */
    int32_t *node;   /* [graph->n_nodes] node of the whole, increasing */
    int64_t *edge;   /* [graph->n_edges] place in the whole's sorted list, increasing */
    uint8_t *own;    /* [graph->n_nodes] 1 = of the part, 0 = halo */
    int64_t own_nodes;
} hg_part;

/** Takes one part out of a graph. Edges of a node keep their order, so sums over them keep their bits.
 *  @param graph borrowed; that of the partition. @param part 0 .. n_parts - 1. @param layers of halo nodes, 0 or more.
 *  @param out owned by the caller (hg_part_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_ARG another graph, part or layers out of range; HG_ERR_NOMEM. Cost: O(N + edges of the part). Threads: reentrant.
 */
HG_API hg_status hg_part_create(hg_context *ctx, const hg_graph *graph, const hg_partition *partition, int64_t part, int64_t layers,
                                hg_part **out);
/** Frees a part; NULL is fine. */
HG_API void hg_part_destroy(hg_context *ctx, hg_part *part);

#ifdef __cplusplus
}
#endif
#endif
