/* hitgraph/metis_files.h — graphs and partitions as the text files of METIS (gpmetis, ParMETIS, KaHIP, Chaco read them). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_METIS_FILES_H
#define HITGRAPH_METIS_FILES_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An undirected simple graph with weights. All arrays owned. */
typedef struct hg_metis_graph {
    hg_graph *graph;      /* each undirected edge once, from the smaller to the larger node number */
    int32_t *node_weight; /* [N]; NULL = the file has none */
    int32_t *edge_weight; /* [E] in the order of the graph's edges; NULL = the file has none */
} hg_metis_graph;

/** Reads a .graph file: header "n m [fmt [ncon]]", then one line per node with its neighbours, numbered from 1. Comments start with %.
 *  One weight per node at most; vertex sizes are read and dropped. n = 0 and m = 0 are legal.
 *  @param out overwritten; free with hg_metis_graph_clear; untouched on error.
 *  @return HG_OK; HG_ERR_FORMAT the text is not such a file; HG_ERR_DATA a neighbour out of range, repeated, the node itself, or listed on
 *  one end only, a weight below 1, unequal on both ends, or a sum above 2^31 - 1 (messages: file:line, found, expected); HG_ERR_LIMIT more
 *  than 2^31 - 1 nodes; HG_ERR_IO; HG_ERR_NOMEM. Memory: the text and 32 bytes an edge. Threads: reentrant. */
HG_API hg_status hg_metis_graph_read(hg_context *ctx, const char *path, hg_metis_graph *out);
/** Frees the arrays and zeroes the structure. */
HG_API void hg_metis_graph_clear(hg_context *ctx, hg_metis_graph *graph);

/** Writes the undirected simple graph behind a graph: directions, self loops and repeats are dropped.
 *  @param node_weight borrowed; [N] or NULL. @param edge_weight borrowed; [E] or NULL; weights of merged edges add up.
 *  @return HG_OK; HG_ERR_ARG a bipartite graph; HG_ERR_IO; HG_ERR_NOMEM. The file is the old one or complete. */
HG_API hg_status hg_metis_graph_write(hg_context *ctx, const char *path, const hg_graph *graph, const int32_t *node_weight,
                                      const int32_t *edge_weight);

/** Reads a .part.N file: one part number from 0 a line, one line per node.
 *  @param n_parts numbers must be below it; 0 = any up to 65535. @param found largest number + 1. @param part [n_nodes] owned by the caller
 *  (hg_free); both untouched on error.
 *  @return HG_OK; HG_ERR_FORMAT no number, or another number of lines; HG_ERR_DATA a part out of range (messages: file:line); HG_ERR_IO. */
HG_API hg_status hg_metis_parts_read(hg_context *ctx, const char *path, int64_t n_nodes, int64_t n_parts, int64_t *found, int32_t **part);
/** Writes such a file. @param part borrowed; [n_nodes] numbers from 0. @return HG_OK; HG_ERR_IO; HG_ERR_NOMEM. The file is the old one or
 *  complete. */
HG_API hg_status hg_metis_parts_write(hg_context *ctx, const char *path, int64_t n_nodes, const int32_t *part);

#ifdef __cplusplus
}
#endif
#endif
