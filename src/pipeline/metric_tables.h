/* pipeline/metric_tables.h — rates of tracks against what their particles are: tables for files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_METRIC_TABLES_H
#define HG_PIPELINE_METRIC_TABLES_H

#include "hitgraph/metrics.h"

/* What particles are told apart by, all at production but the number of hits. */
typedef enum hg_metric_axis {
    HG_AXIS_PT,
    HG_AXIS_ETA,
    HG_AXIS_PHI,
    HG_AXIS_Z0,
    HG_AXIS_RADIUS,
    HG_AXIS_HITS,
    HG_METRIC_AXES
} hg_metric_axis;

enum { HG_AXIS_BINS_MAX = 32 };

/* "pt", ...; unit "GeV", ...; ascending edges, *n_bins + 1 of them. Bins hold low <= value < high. Static storage. */
const char *hg_axis_name(hg_metric_axis axis);
const char *hg_axis_unit(hg_metric_axis axis);
const double *hg_axis_edges(hg_metric_axis axis, int32_t *n_bins);
/* The value of a particle on an axis, and its bin, -1 = outside. */
double hg_axis_value(hg_metric_axis axis, const hg_truth_order *order, int64_t particle);
int32_t hg_axis_bin(hg_metric_axis axis, double value);

/* The rates of each bin of each axis, all definitions of a match. Targets: |eta| < 4, 3 layers, 3 hits; pT > 0.9 GeV but on the axis of
 * pT, where all count. */
typedef struct hg_metric_tables {
    int64_t n_events;
    hg_target_rates *bins[HG_METRIC_AXES]; /* [n_bins] each; owned */
} hg_metric_tables;

hg_status hg_metric_tables_create(hg_context *ctx, hg_metric_tables *out);
void hg_metric_tables_clear(hg_context *ctx, hg_metric_tables *tables);
/* Adds the tracks of one event. Unchanged on error. Errors: as hg_target_rates_by_bin. */
hg_status hg_metric_tables_add(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                               hg_metric_tables *tables);

/* Writes the tables: names ending in .h5 give HDF5 (/validation/track/{eff,fake,dup}_vs_AXIS/DEFINITION f64 [bins, 5] with value, low,
 * high, numerator, denominator, all 0 where the denominator is, and /validation/track/edges/AXIS), others tab-separated text with the cuts,
 * the definitions and the intervals named in its head. source: what was evaluated. Errors: HG_ERR_IO, HG_ERR_NOMEM. */
hg_status hg_metric_tables_write(hg_context *ctx, const hg_metric_tables *tables, const char *source, const char *path);

#endif
