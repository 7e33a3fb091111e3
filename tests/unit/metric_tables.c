/* metric_tables.c — rates in bins against counting by hand, and the files that hold them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "datasets/hdf5.h"
#include "pipeline/metric_tables.h"

enum { PARTICLES = 60, EACH = 4, NOISE = PARTICLES * EACH, HITS = NOISE + PARTICLES };

static struct {
    hg_truth_order order;
    int32_t particle[HITS], rank[HITS], hits_of[PARTICLES], generation[PARTICLES];
    uint64_t id[PARTICLES];
    double pt[PARTICLES], eta[PARTICLES], phi[PARTICLES], r[PARTICLES], z[PARTICLES];
    int64_t offset[PARTICLES + 1];
    int32_t hit[HITS];
    hg_hit_lists tracks;
} sample;

/* Of three particles one is found whole, of one half is found with a hit of noise, one is lost. */
static void make_sample(void)
{
    int64_t n = 0;
    for (int32_t p = 0; p < PARTICLES; ++p) {
        sample.id[p] = (uint64_t)p + 1;
        sample.pt[p] = 0.12 * (p + 1);
        sample.eta[p] = -4.2 + 0.14 * p;
        sample.phi[p] = remainder(p, 2 * M_PI);
        sample.r[p] = p % 5 ? 0.01 : 30 + p;
        sample.z[p] = 10 * (p - 30);
        sample.hits_of[p] = EACH;
        for (int32_t k = 0; k < EACH; ++k) sample.particle[EACH * p + k] = p, sample.rank[EACH * p + k] = k;
        sample.particle[NOISE + p] = sample.rank[NOISE + p] = -1;
        const int own = p % 3 == 0 ? EACH : p % 3 == 1 ? 2 : 0;
        for (int32_t k = 0; k < own; ++k) sample.hit[n++] = EACH * p + k;
        if (p % 3 == 1) sample.hit[n++] = NOISE + p;
        sample.offset[p + 1] = n;
    }
    sample.order =
        (hg_truth_order){HITS,       PARTICLES,  sample.particle, sample.rank, sample.rank,    sample.id,      sample.pt,
                         sample.eta, sample.phi, sample.r,        sample.z,    sample.hits_of, sample.hits_of, sample.generation};
    sample.tracks = (hg_hit_lists){PARTICLES, sample.offset, sample.hit};
}

static hg_metric_tables make_tables(int n_events)
{
    hg_metric_tables tables;
    make_sample();
    must(hg_metric_tables_create(ctx, &tables));
    for (int k = 0; k < n_events; ++k) must(hg_metric_tables_add(ctx, &sample.order, NULL, &sample.tracks, &tables));
    return tables;
}

static void bins_count_what_lies_in_them(void **state)
{
    (void)state;
    hg_metric_tables tables = make_tables(2);
    assert_int_equal(tables.n_events, 2);
    for (hg_metric_axis a = 0; a < HG_METRIC_AXES; ++a) {
        int32_t n_bins;
        const double *edge = hg_axis_edges(a, &n_bins);
        double all = 0;
        for (int32_t b = 0; b < n_bins; ++b) {
            double targets = 0, found = 0, tracks = 0, broken = 0;
            for (int32_t p = 0; p < PARTICLES; ++p) {
                const double value = hg_axis_value(a, &sample.order, p);
                if (!(value >= edge[b] && value < edge[b + 1])) continue;
                tracks += 2 * (p % 3 < 2), broken += 2 * (p % 3 == 1);
                if (fabs(sample.eta[p]) >= 4 || (a != HG_AXIS_PT && sample.pt[p] <= 0.9)) continue;
                targets += 2, found += 2 * (p % 3 == 0);
            }
            const hg_target_rates *rates = &tables.bins[a][b];
            assert_float_equal(rates->efficiency[HG_MATCH_DOUBLE_MAJORITY].numerator, found, 0);
            assert_float_equal(rates->efficiency[HG_MATCH_DOUBLE_MAJORITY].denominator, targets, 0);
            assert_float_equal(rates->fake[HG_MATCH_TWO_WAY].numerator, broken, 0);
            assert_float_equal(rates->fake[HG_MATCH_TWO_WAY].denominator, tracks, 0);
            assert_float_equal(rates->fake[HG_MATCH_ATLAS].numerator, 0, 0);
            all += targets;
        }
        assert_true(all > 40);
    }
    hg_metric_tables_clear(ctx, &tables);
}

static void edges_belong_to_the_bin_above(void **state)
{
    (void)state;
    assert_int_equal(hg_axis_bin(HG_AXIS_PT, 0.1), 0);
    assert_int_equal(hg_axis_bin(HG_AXIS_PT, 0.2), 1);
    assert_int_equal(hg_axis_bin(HG_AXIS_PT, 49.9), 11);
    assert_int_equal(hg_axis_bin(HG_AXIS_PT, 50), -1);
    assert_int_equal(hg_axis_bin(HG_AXIS_PT, NAN), -1);
    assert_int_equal(hg_axis_bin(HG_AXIS_HITS, 5), 2);
}

/* The row of text of one bin says what the table says, and so does the dataset. */
static void files_hold_the_tables(void **state)
{
    (void)state;
    hg_metric_tables tables = make_tables(1);
    const hg_rate *rate = &tables.bins[HG_AXIS_PT][3].efficiency[HG_MATCH_DOUBLE_MAJORITY];
    char line[2048], begin[128];
    double found[5], *rows = NULL;
    int n_lines = 0;
    hg_h5 *h5 = NULL;

    must(hg_metric_tables_write(ctx, &tables, "tracks", in_folder("metrics.tsv")));
    must(hg_metric_tables_write(ctx, &tables, "tracks", in_folder("metrics.h5")));
    FILE *file = fopen(in_folder("metrics.tsv"), "r");
    assert_non_null(file);
    snprintf(begin, sizeof begin, "pt\tGeV\t0.5\t0.7\tdouble majority\t");
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, begin, strlen(begin)) != 0) continue;
        ++n_lines;
        assert_int_equal(sscanf(line + strlen(begin), "%lf\t%lf\t%lf\t%lf\t%lf", &found[0], &found[1], &found[2], &found[3], &found[4]), 5);
    }
    fclose(file);
    assert_int_equal(n_lines, 1);
    const double expected[5] = {rate->value, rate->low, rate->high, rate->numerator, rate->denominator};
    must(hg_h5_open(ctx, in_folder("metrics.h5"), "metrics", &h5));
    must(hg_h5_read_array(ctx, h5, "/validation/track/eff_vs_pt/double_majority", 5, 12, &rows, NULL));
    for (int k = 0; k < 5; ++k) {
        assert_float_equal(found[k], expected[k], 1e-5);
        assert_float_equal(rows[3 * 5 + k], expected[k], 0);
    }
    hg_free(ctx, rows);
    must(hg_h5_read_array(ctx, h5, "/validation/track/edges/pt", 0, 13, &rows, NULL));
    assert_float_equal(rows[3], 0.5, 0);
    hg_free(ctx, rows);
    hg_h5_close(ctx, h5);
    expect_failure(hg_metric_tables_write(ctx, &tables, "tracks", in_folder("none/metrics.tsv")), HG_ERR_IO, "none/metrics.tsv");
    hg_metric_tables_clear(ctx, &tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_count_what_lies_in_them),
        cmocka_unit_test(edges_belong_to_the_bin_above),
        cmocka_unit_test(files_hold_the_tables),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
