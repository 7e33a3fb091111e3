/* pipeline/metric_files.c — tables of rates as tab-separated text and as HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "datasets/hdf5.h"
#include "pipeline/metric_tables.h"

enum { RATES = 3, NUMBERS = 5, NAME_SIZE = 96 };
static const char *const rate_name[RATES] = {"eff", "fake", "dup"};

static const hg_rate *rate_of(const hg_target_rates *rates, int which, int kind)
{
    return which == 0 ? &rates->efficiency[kind] : which == 1 ? &rates->fake[kind] : &rates->duplicate[kind];
}

/* "double majority" as a name of files: "double_majority". */
static void plain_name(hg_match_kind kind, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s", hg_match_name(kind));
    for (char *c = name; *c; ++c) *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
}

static void print_head(FILE *file, const hg_metric_tables *tables, const char *source)
{
    char cuts[256];
    fprintf(file, "# %s: %lld events\n# intervals: Wilson, 68.27 %%; nan: the denominator is 0, or the definition knows no such rate\n",
            source, (long long)tables->n_events);
    for (int a = 0; a < HG_METRIC_AXES; ++a) {
        int32_t n_bins;
        const double *edge = hg_axis_edges((hg_metric_axis)a, &n_bins);
        hg_target_describe(&tables->bins[a][0].target, cuts, sizeof cuts);
        fprintf(file, "# axis %s [%s]: targets %s; edges", hg_axis_name((hg_metric_axis)a), hg_axis_unit((hg_metric_axis)a), cuts);
        for (int32_t b = 0; b <= n_bins; ++b) fprintf(file, " %g", edge[b]);
        fputc('\n', file);
    }
    for (int k = 0; k < HG_MATCH_KINDS; ++k)
        for (int r = 0; r < RATES; ++r)
            fprintf(file, "# %s of %s: %s\n", rate_name[r], hg_match_name((hg_match_kind)k),
                    rate_of(&tables->bins[0][0], r, k)->definition);
    fputs("axis\tunit\tlow\thigh\tdefinition", file);
    for (int r = 0; r < RATES; ++r)
        fprintf(file, "\t%s\t%s_low\t%s_high\t%s_numerator\t%s_denominator", rate_name[r], rate_name[r], rate_name[r], rate_name[r],
                rate_name[r]);
    fputc('\n', file);
}

static void print_axis(FILE *file, const hg_metric_tables *tables, hg_metric_axis a)
{
    int32_t n_bins;
    const double *edge = hg_axis_edges(a, &n_bins);
    for (int k = 0; k < HG_MATCH_KINDS; ++k) {
        for (int32_t b = 0; b < n_bins; ++b) {
            fprintf(file, "%s\t%s\t%.9g\t%.9g\t%s", hg_axis_name(a), hg_axis_unit(a), edge[b], edge[b + 1],
                    hg_match_name((hg_match_kind)k));
            for (int r = 0; r < RATES; ++r) {
                const hg_rate *rate = rate_of(&tables->bins[a][b], r, k);
                fprintf(file, "\t%.6g\t%.6g\t%.6g\t%.9g\t%.9g", rate->value, rate->low, rate->high, rate->numerator, rate->denominator);
            }
            fputc('\n', file);
        }
    }
}

static hg_status write_text(hg_context *ctx, const hg_metric_tables *tables, const char *source, const char *path)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;

    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *file = hg_output_stream(output);
    HG_CHECK(file, HG_ERR_IO, "%s: cannot be written to", path);
    print_head(file, tables, source);
    for (int a = 0; a < HG_METRIC_AXES; ++a) print_axis(file, tables, (hg_metric_axis)a);
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    return status;
}

static hg_status write_rate(hg_context *ctx, hg_h5 *h5, const hg_metric_tables *tables, hg_metric_axis a, int kind, int which)
{
    hg_status status = HG_OK;
    double *row = NULL;
    char path[2 * NAME_SIZE], name[NAME_SIZE];
    int32_t n_bins;

    hg_axis_edges(a, &n_bins);
    HG_TRY(hg_alloc(ctx, &row, (int64_t)n_bins * NUMBERS));
    for (int32_t b = 0; b < n_bins; ++b) {
        const hg_rate *rate = rate_of(&tables->bins[a][b], which, kind);
        if (!(rate->denominator > 0)) continue;
        const bool bounded = rate->low == rate->low;
        const double number[NUMBERS] = {rate->value, bounded ? rate->low : 0, bounded ? rate->high : 0, rate->numerator, rate->denominator};
        memcpy(row + (int64_t)b * NUMBERS, number, sizeof number);
    }
    plain_name((hg_match_kind)kind, name);
    snprintf(path, sizeof path, "/validation/track/%s_vs_%s/%s", rate_name[which], hg_axis_name(a), name);
    HG_TRY(hg_h5_write(ctx, h5,
                       &(hg_h5_column){path, HG_H5_F64, NUMBERS, "1", "value, low, high (Wilson, 68.27 %), numerator, denominator"}, row,
                       n_bins));
    HG_TRY(hg_h5_set_string(ctx, h5, path, "definition", rate_of(&tables->bins[a][0], which, kind)->definition));
done:
    hg_free(ctx, row);
    return status;
}

static hg_status write_axis(hg_context *ctx, hg_h5 *h5, const hg_metric_tables *tables, hg_metric_axis a)
{
    hg_status status = HG_OK;
    char path[NAME_SIZE], cuts[256];
    int32_t n_bins;
    const double *edge = hg_axis_edges(a, &n_bins);

    snprintf(path, sizeof path, "/validation/track/edges/%s", hg_axis_name(a));
    HG_TRY(hg_h5_write(ctx, h5, &(hg_h5_column){path, HG_H5_F64, 0, hg_axis_unit(a), "edges of the bins"}, edge, n_bins + 1));
    hg_target_describe(&tables->bins[a][0].target, cuts, sizeof cuts);
    HG_TRY(hg_h5_set_string(ctx, h5, path, "targets", cuts));
    for (int k = 0; k < HG_MATCH_KINDS; ++k)
        for (int r = 0; r < RATES; ++r) HG_TRY(write_rate(ctx, h5, tables, a, k, r));
done:
    return status;
}

static hg_status write_hdf5(hg_context *ctx, const hg_metric_tables *tables, const char *source, const char *path)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;

    HG_TRY(hg_h5_create(ctx, path, "metrics", &h5));
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "source", source));
    HG_TRY(hg_h5_set_number(ctx, h5, "/", "n_events", &tables->n_events));
    for (int a = 0; a < HG_METRIC_AXES; ++a) HG_TRY(write_axis(ctx, h5, tables, (hg_metric_axis)a));
    HG_TRY(hg_h5_commit(ctx, &h5));
done:
    hg_h5_close(ctx, h5);
    return status;
}

hg_status hg_metric_tables_write(hg_context *ctx, const hg_metric_tables *tables, const char *source, const char *path)
{
    const size_t length = strlen(path);
    const bool binary = length > 3 && strcmp(path + length - 3, ".h5") == 0;
    return binary ? write_hdf5(ctx, tables, source, path) : write_text(ctx, tables, source, path);
}
