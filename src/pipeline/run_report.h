/* pipeline/run_report.h — what one event, or many, came to: counts, rates with their definitions, pulls, seconds, memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_RUN_REPORT_H
#define HG_PIPELINE_RUN_REPORT_H

#include "base/text.h"
#include "hitgraph/metrics.h"
#include "hitgraph/pulls.h"
#include "pipeline/setup.h"
#include "pipeline/track_result.h"
#include "pipeline/usable_hits.h"

/* Rates of one target at every stage. "graph" is before any network; "network" is what the cut keeps of what the network saw. */
typedef struct hg_stage_rates {
    hg_edge_rates graph, doublet, triplet;
    hg_rate doublet_network, triplet_network;
    hg_seed_rates seed;
} hg_stage_rates;

/* Mean over the events that have edges of both classes. */
typedef struct hg_auc_mean {
    double sum;
    int64_t n;
} hg_auc_mean;

/* The doublets where they keep .99 of the graph's true ones of particles of generation 0 with pT > 0.5 GeV and at least 4 hits. */
hg_target hg_working_target(void);

typedef struct hg_run_report {
    uint64_t event_id; /* of the last event added */
    int64_t n_events, n_truth_events;
    int64_t n_hits, n_edges, n_triplets, n_seeds, n_tracks;
    hg_left_out left_out; /* hits besides n_hits; the caller sets them */
    double seconds[HG_N_STAGES];
    int64_t peak_rss[HG_N_STAGES];
    hg_stage_rates stage[HG_DEFAULT_TARGETS];
    hg_auc_mean doublet_auc, triplet_auc;
    hg_edge_rates working_point; /* of the doublets, see hg_working_target */
    hg_network_work work;        /* sum over the events */
    hg_track_report tracks;
    int64_t n_pulls;
    double *pull; /* [n_pulls, HG_PULLS] owned */
} hg_run_report;

/* The report of one event; without truth only counts, seconds and memory. hg_run_report_clear frees its pulls. */
hg_status hg_run_report_make(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, hg_run_report *out);
/* Adds a report to a sum, which is zero at first. */
hg_status hg_run_report_add(hg_context *ctx, const hg_run_report *more, hg_run_report *sum);
void hg_run_report_clear(hg_context *ctx, hg_run_report *report);

/* The table for a terminal, and one JSON object (no line end). Texts are owned by the caller (hg_free). */
hg_status hg_run_report_print(hg_context *ctx, const hg_run_report *report, char **out);
hg_status hg_run_report_json(hg_context *ctx, const hg_run_report *report, char **out);

#endif
