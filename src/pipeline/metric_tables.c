/* pipeline/metric_tables.c — rates of tracks against what their particles are. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/metric_tables.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define PI 3.14159265358979323846

typedef struct axis {
    const char *name, *unit;
    int32_t n_bins;
    double edge[HG_AXIS_BINS_MAX + 1];
} axis;

static const axis axes[HG_METRIC_AXES] = {
    {"pt", "GeV", 12, {0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50}},
    {"eta", "1", 16, {-4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4}},
    {"phi",
     "rad",
     16,
     {-PI, -PI * 7 / 8, -PI * 3 / 4, -PI * 5 / 8, -PI / 2, -PI * 3 / 8, -PI / 4, -PI / 8, 0, PI / 8, PI / 4, PI * 3 / 8, PI / 2, PI * 5 / 8,
      PI * 3 / 4, PI * 7 / 8, PI}},
    {"z0", "mm", 16, {-200, -150, -100, -75, -50, -25, -10, -5, 0, 5, 10, 25, 50, 75, 100, 150, 200}},
    {"prod_r", "mm", 11, {0, 0.1, 2, 20, 35, 75, 120, 175, 260, 400, 700, 1050}},
    {"nhits", "1", 18, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 25}},
};

const char *hg_axis_name(hg_metric_axis a)
{
    return axes[a].name;
}

const char *hg_axis_unit(hg_metric_axis a)
{
    return axes[a].unit;
}

const double *hg_axis_edges(hg_metric_axis a, int32_t *n_bins)
{
    *n_bins = axes[a].n_bins;
    return axes[a].edge;
}

double hg_axis_value(hg_metric_axis a, const hg_truth_order *order, int64_t p)
{
    const double value[HG_METRIC_AXES] = {order->pt_gev[p],      order->eta[p],         order->phi[p],
                                          order->vertex_z_mm[p], order->vertex_r_mm[p], (double)order->n_hits_of[p]};
    return value[a];
}

int32_t hg_axis_bin(hg_metric_axis a, double value)
{
    const axis *of = &axes[a];
    if (!(value >= of->edge[0] && value < of->edge[of->n_bins])) return -1;
    int32_t bin = 0;
    while (value >= of->edge[bin + 1]) ++bin;
    return bin;
}

hg_status hg_metric_tables_create(hg_context *ctx, hg_metric_tables *out)
{
    hg_status status = HG_OK;
    hg_metric_tables tables = {0};
    for (int a = 0; a < HG_METRIC_AXES; ++a) HG_TRY(hg_alloc(ctx, &tables.bins[a], axes[a].n_bins));
    *out = tables;
    tables = (hg_metric_tables){0};
done:
    hg_metric_tables_clear(ctx, &tables);
    return status;
}

void hg_metric_tables_clear(hg_context *ctx, hg_metric_tables *tables)
{
    for (int a = 0; a < HG_METRIC_AXES; ++a) hg_free(ctx, tables->bins[a]);
    *tables = (hg_metric_tables){0};
}

static hg_status rate_axis(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks, hg_metric_axis a,
                           hg_target_rates *out)
{
    hg_status status = HG_OK;
    const hg_target target = {.pt_min_gev = a == HG_AXIS_PT ? 0 : 0.9, .eta_max = 4, .hits_min = 3, .layers_min = 3};
    int32_t *bin = NULL;

    HG_TRY(hg_alloc(ctx, &bin, order->n_particles));
    for (int64_t p = 0; p < order->n_particles; ++p) bin[p] = hg_axis_bin(a, hg_axis_value(a, order, p));
    HG_TRY(hg_target_rates_by_bin(ctx, order, weight, tracks, &target, bin, axes[a].n_bins, out));
done:
    hg_free(ctx, bin);
    return status;
}

hg_status hg_metric_tables_add(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                               hg_metric_tables *tables)
{
    hg_status status = HG_OK;
    hg_metric_tables more = {0};

    HG_TRY(hg_metric_tables_create(ctx, &more));
    for (int a = 0; a < HG_METRIC_AXES; ++a) HG_TRY(rate_axis(ctx, order, weight, tracks, (hg_metric_axis)a, more.bins[a]));
    for (int a = 0; a < HG_METRIC_AXES; ++a)
        for (int32_t b = 0; b < axes[a].n_bins; ++b) hg_target_rates_add(&tables->bins[a][b], &more.bins[a][b]);
    ++tables->n_events;
done:
    hg_metric_tables_clear(ctx, &more);
    return status;
}
