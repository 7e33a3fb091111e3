/* pipeline/graph_run.h — the verb build: the doublet graphs of events into an HDF5 file. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_GRAPH_RUN_H
#define HG_PIPELINE_GRAPH_RUN_H

#include "hitgraph/metrics.h"
#include "pipeline/setup.h"
#include "pipeline/usable_hits.h"

/* What one event's graph came to. Rates are there when the event has truth. */
typedef struct hg_graph_report {
    uint64_t event_id;
    int64_t n_hits, n_edges;
    hg_left_out left_out; /* hits besides n_hits */
    double seconds, sigma_z_mm;
    bool has_truth;
    hg_edge_rates modulewise, layerwise; /* of particles with pT > 1 GeV and at least 5 layers */
} hg_graph_report;

typedef void hg_graph_run_fn(void *user, const hg_graph_report *report);

/* Builds and writes the graphs of all events of the inputs; labels and particle ids are stored when all events have truth. */
hg_status hg_graph_run(hg_context *ctx, const hg_setup *setup, char *const *input, int n_inputs, const char *path, hg_graph_run_fn *fn,
                       void *user);

#endif
