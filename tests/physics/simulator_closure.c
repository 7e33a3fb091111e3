/* simulator_closure.c — simulated events against the figures measured on the TrackML challenge's data. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "hitgraph/trackml.h"
#include "tests/figures.h"
#include "tests/near.h"
#include "tests/simulated.h"

static const char sample_prefix[] = "../shared/data/trackml/sample5pct/event000000001";

/* All tests look at the mean of a few events, simulated once; pile-up is halved to save time, and noise with it. */
enum { N_EVENTS = 8 };
static figures found;
static const double pileup = 100, full = 201.0 / 101.0;

static int simulate_all(void **state)
{
    if (set_up(state) != 0) return 1;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = pileup;
    options.sigma_z_mm = 55;
    double *sum = (double *)(void *)&found;
    for (uint64_t e = 0; e < N_EVENTS; ++e) {
        hg_event *event = simulated(&options, 2018, e);
        if (!event) return 1;
        const figures one = measure(event, detector);
        const double *part = (const double *)(const void *)&one;
        for (size_t i = 0; i < sizeof one / sizeof(double); ++i) sum[i] += part[i] / N_EVENTS;
        hg_event_destroy(ctx, event);
    }
    return 0;
}

static void hits_and_their_shares(void **state)
{
    (void)state;
    static const double share[N_VOLUMES] = {0.148, 0.267, 0.145, 0.068, 0.217, 0.063, 0.025, 0.042, 0.024};
    assert_near(found.hits_per_particle, 10.0, 0.4);
    assert_near(found.layers_per_particle, 7.65, 0.3);
    for (int v = 0; v < N_VOLUMES; ++v) assert_near(found.share[v], share[v], 0.02);
    assert_near(found.early_stop, 0.085, 0.03);
    assert_true(found.hole < 0.008);
}

/* 357 particles were measured: the two-sample Kolmogorov-Smirnov distance stays below 1.63 / sqrt(357) at p > 0.01. */
static void spectra(void **state)
{
    (void)state;
    static const double level[N_QUANTILES] = {0.1, 0.25, 0.5, 0.75, 0.9}, pt[N_QUANTILES] = {0.217, 0.297, 0.475, 0.739, 1.18};
    static const double eta[N_ETA] = {0.143, 0.146, 0.151, 0.104, 0.126, 0.126, 0.115, 0.090};
    const double distance = 1.63 / sqrt(357);
    for (int i = 0; i < N_QUANTILES; ++i) { /* our quantile lies between the data's quantiles at level -+ distance: linear in log pT */
        const int a = i == N_QUANTILES - 1 ? i - 1 : i, b = a + 1;
        const double per_log = (level[b] - level[a]) / log(pt[b] / pt[a]);
        assert_near(level[i] + per_log * log(found.pt_quantile[i] / pt[i]), level[i], distance);
    }
    double cumulated = 0, expected = 0;
    for (int i = 0; i < N_ETA; ++i) {
        cumulated += found.eta_share[i];
        expected += eta[i];
        assert_near(cumulated, expected, distance);
    }
}

static void overlaps(void **state)
{
    (void)state;
    static const double overlap[N_KINDS] = {0.228, 0.513, 0.241, 0.096, 0.196, 0.251};
    for (int k = 0; k < N_KINDS; ++k) assert_near(found.overlap[k], overlap[k], 0.03);
}

static void clusters(void **state)
{
    (void)state;
    static const double nu[N_KINDS] = {1.81, 1.07, 2.30, 1.64, 3.20, 3.05}, nv[N_KINDS] = {6.19, 1.53, 1.23, 1.09, 1.01, 1.03};
    static const double rms_u[N_KINDS] = {6.2, 13.4, 16.8, 17.0, 24.2, 24.2}, rms_v[N_KINDS] = {0, 8.9, 261, 299, 3068, 2830};
    for (int k = 0; k < N_KINDS; ++k) {
        assert_near(found.nu[k], nu[k], 0.1 * nu[k]);
        assert_near(found.nv[k], nv[k], 0.1 * nv[k]);
        assert_near(1e3 * found.rms_u[k], rms_u[k], 0.15 * rms_u[k]);
        if (rms_v[k] > 0) assert_near(1e3 * found.rms_v[k], rms_v[k], 0.15 * rms_v[k]);
    }
    /* the pixel barrel's rms along v is made by a few grazing tracks; without the outer percent */
    assert_near(1e3 * found.rms_v[0], 5.8, 1.2);
}

static void widths_follow_the_slope(void **state)
{
    (void)state;
    static const double depth[N_KINDS] = {0.151, 0.30, 0.253, 0.50, 0.346, 0.69};
    static const double pitch[N_KINDS] = {0.05, 0.05, 0.08, 0.08, 0.12, 0.12};
    for (int k = 0; k < N_KINDS; ++k)
        for (int s = 0; s < N_SLOPES; ++s)
            if (!isnan(found.width[k][s])) assert_near(found.width[k][s], 1 + depth[k] * found.slope[k][s] / pitch[k], 0.2);
}

static void noise_and_secondaries(void **state)
{
    (void)state;
    assert_near(found.noise, 0.150, 0.01);
    for (int v = 0; v < N_VOLUMES; ++v) assert_near(found.noise_per_module[v] * full, 0.9, 0.25 * 0.9);
    assert_near(found.generation, 0.215, 0.03);
}

static void sum_of_weights(void **state)
{
    (void)state;
    assert_near(found.weight_sum * full, 2000, 200);
}

/* Largest distance of two cumulative distributions; sorts both. */
static double ks_distance(double *a, int64_t na, double *b, int64_t nb)
{
    qsort(a, (size_t)na, sizeof *a, compare_doubles);
    qsort(b, (size_t)nb, sizeof *b, compare_doubles);
    double largest = 0;
    for (int64_t i = 0, j = 0; i < na && j < nb;) {
        if (a[i] <= b[j])
            ++i;
        else
            ++j;
        largest = fmax(largest, fabs((double)i / (double)na - (double)j / (double)nb));
    }
    return largest;
}

/* pT or eta of the primaries with hits. */
static double *primaries(const hg_event *event, double (*value)(const hg_event *, int64_t), int64_t *n)
{
    double *x = room(event->particles.n, sizeof *x);
    *n = 0;
    for (int64_t k = 0; k < event->particles.n; ++k)
        if (event->particles.nhits[k] > 0 && is_primary(event, k)) x[(*n)++] = value(event, k);
    return x;
}

/* The challenge's sample itself: it gives the figures used above, and its spectra agree with ours in full. */
static void the_sample_agrees(void **state)
{
    (void)state;
    hg_event_list *list = NULL;
    hg_event *sample = NULL;
    if (access("../shared/data/trackml/sample5pct", F_OK) != 0) {
        puts("SKIP the_sample_agrees: ../shared/data is missing");
        skip();
    }
    assert_int_equal(hg_event_list_create(ctx, sample_prefix, &list), HG_OK);
    assert_int_equal(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &sample), HG_OK);
    const figures f = measure(sample, detector);
    assert_near(f.hits_per_particle, found.hits_per_particle, 0.4);
    assert_near(f.noise, 0.150, 0.001);
    for (int v = 0; v < N_VOLUMES; ++v) assert_near(f.share[v], found.share[v], 0.02);
    for (int k = 0; k < N_KINDS; ++k) {
        assert_near(f.nu[k], found.nu[k], 0.1 * f.nu[k]);
        assert_near(f.rms_u[k], found.rms_u[k], 0.15 * f.rms_u[k]);
        assert_near(f.overlap[k], found.overlap[k], 0.03);
        for (int s = 0; s < N_SLOPES; ++s)
            if (!isnan(f.width[k][s]) && !isnan(found.width[k][s])) assert_near(f.width[k][s], found.width[k][s], 0.25);
    }
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = pileup;
    hg_event *event = simulated(&options, 2018, 100);
    assert_non_null(event);
    double (*const value[])(const hg_event *, int64_t) = {pt_of, eta_of};
    for (int i = 0; i < 2; ++i) {
        int64_t n, m;
        double *a = primaries(sample, value[i], &n), *b = primaries(event, value[i], &m);
        assert_true(ks_distance(a, n, b, m) < 1.63 * sqrt(1.0 / (double)n + 1.0 / (double)m));
        free(a);
        free(b);
    }
    hg_event_destroy(ctx, event);
    hg_event_destroy(ctx, sample);
    hg_event_list_destroy(ctx, list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_and_their_shares),
        cmocka_unit_test(spectra),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(clusters),
        cmocka_unit_test(widths_follow_the_slope),
        cmocka_unit_test(noise_and_secondaries),
        cmocka_unit_test(sum_of_weights),
        cmocka_unit_test(the_sample_agrees),
    };
    return cmocka_run_group_tests(tests, simulate_all, tear_down);
}
