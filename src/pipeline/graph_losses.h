/* pipeline/graph_losses.h — where the doublet graph loses true doublets, by cause, pT, eta and production radius. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_GRAPH_LOSSES_H
#define HG_PIPELINE_GRAPH_LOSSES_H

#include "hitgraph/doublet_losses.h"
#include "pipeline/metric_tables.h"
#include "pipeline/setup.h"

/* True doublets of particles with |eta| < 4 on at least 3 layers, by fate. The axis of pT counts all of them, everything else those of
 * particles above graph.target_pt_gev. */
typedef struct hg_graph_losses {
    int64_t n_events;
    double pt_min_gev;
    int64_t across[HG_DOUBLET_FATES], overlaps[HG_DOUBLET_FATES];
    int64_t count[HG_METRIC_AXES][HG_AXIS_BINS_MAX][HG_DOUBLET_FATES]; /* across layers */
} hg_graph_losses;

/* Builds the graphs of all events of the inputs and adds up what they lose. Errors: HG_ERR_DATA an event has no truth; those of reading
 * and building. *out is overwritten on success. */
hg_status hg_graph_losses_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, hg_graph_losses *out);

/* A table for a terminal, and one JSON object. Owned by the caller (hg_free). */
hg_status hg_graph_losses_print(hg_context *ctx, const hg_graph_losses *losses, char **out);
hg_status hg_graph_losses_json(hg_context *ctx, const hg_graph_losses *losses, char **out);

#endif
