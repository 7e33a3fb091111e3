/* pipeline/pulse_graphs.h — telescope events become ragged batches of graphs, and their truth the targets of the heads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_PULSE_GRAPHS_H
#define HG_PIPELINE_PULSE_GRAPHS_H

#include "hitgraph/model.h"
#include "pipeline/classify_config.h"

/* How events become graphs: read from the configuration once. */
typedef struct hg_graph_layout {
    const hg_classify_config *config; /* borrowed */
    int n_columns, n_globals;
    hg_node_column column[HG_N_NODE_COLUMNS];
} hg_graph_layout;
hg_status hg_graph_layout_read(hg_context *ctx, const hg_classify_config *config, hg_graph_layout *out);

/* HG_ERR_DATA unless the events have the arrays that the columns need. */
hg_status hg_graph_layout_check(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events);

typedef struct hg_pulse_graphs {
    hg_graph *graph;
    hg_real *nodes;      /* [graph->n_nodes, layout->n_columns] */
    hg_real *globals;    /* [graph->n_graphs, n_globals]; NULL where there are none */
    hg_track_seed *seed; /* [graph->n_graphs]; NULL without graph.seed */
} hg_pulse_graphs;

/* One graph per chosen event, in their order; events without pulses give empty graphs.
 * @param chosen borrowed; [n] numbers of events. @param seed borrowed; [events->n_events] of hg_track_seeds, or NULL: they are made here
 * where the layout asks for them. @param out cleared by the caller; untouched on error.
 * Threads: the context's; the same bits for any number. */
hg_status hg_pulse_graphs_make(hg_context *ctx, const hg_graph_layout *layout, const hg_pulse_events *events, const hg_track_seed *seed,
                               const int64_t *chosen, int64_t n, hg_pulse_graphs *out);
void hg_pulse_graphs_clear(hg_context *ctx, hg_pulse_graphs *graphs);
hg_batch hg_pulse_graphs_batch(const hg_pulse_graphs *graphs);

#endif
