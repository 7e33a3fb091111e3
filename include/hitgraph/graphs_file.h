/* hitgraph/graphs_file.h — graphs read back from HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_GRAPHS_FILE_H
#define HITGRAPH_GRAPHS_FILE_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The topology of a graphs file (format hitgraph-graphs). All arrays owned. */
typedef struct hg_graphs_content {
    hg_graph *graph;    /* the graphs of the file as one batch, edges in the order of the file */
    uint64_t *event_id; /* [graph->n_graphs] */
} hg_graphs_content;

/** Reads what hg_graphs_h5_begin and its companions wrote.
 *  @param number the one graph to read, from 0; -1 = all. @param out overwritten; free with hg_graphs_content_clear; untouched on error.
 *  @return HG_OK; HG_ERR_IO; HG_ERR_FORMAT no such file; HG_ERR_DATA offsets or senders out of range (message: dataset and row);
 *  HG_ERR_ARG there is no graph of this number; HG_ERR_LIMIT more than 2^31 - 1 nodes; HG_ERR_NOMEM.
 *  Threads: one at a time (HDF5 has one global state). */
HG_API hg_status hg_graphs_content_read(hg_context *ctx, const char *path, int64_t number, hg_graphs_content *out);
/** Frees the arrays and zeroes the structure. */
HG_API void hg_graphs_content_clear(hg_context *ctx, hg_graphs_content *content);

#ifdef __cplusplus
}
#endif
#endif
