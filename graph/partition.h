/* graph/partition.h — pieces of partitioning that its two files and the tests share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_PARTITION_H
#define HG_GRAPH_PARTITION_H

#include "graph/adjacency.h"
#include "hitgraph/partition.h"

/* Whether METIS's integers hold a graph of so many nodes and entries of neighbour lists (twice the undirected edges). */
bool hg_metis_fits(int64_t n_nodes, int64_t n_neighbours);

/* Fills lists, halos and figures from partition->part; on error the caller destroys what there is. */
hg_status hg_partition_fill(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, hg_partition *partition);

#endif
