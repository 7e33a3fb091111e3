/* tests/physics/telescope.c — the telescope simulator against tables of light and yields, and against distributions it must follow. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "datasets/telescope.h"

static hg_telescope *telescope_with(int64_t level, const char *const *settings, int n)
{
    hg_telescope *telescope = NULL;
    must(hg_telescope_create(ctx, "datasets/presets/icecube.yaml", NULL, settings, n, level, &telescope));
    return telescope;
}

static void expect_near(const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found / expected - 1) <= tolerance)) fail_msg("%s: %g, expected %g within %g %%", what, found, expected, 100 * tolerance);
}

/* Photo-electrons of an up-going muon with little more than its bare light, and of a cascade of 1 TeV, in the mean ice of the South Pole:
 * numbers that were computed apart, with two digits. */
static void light_is_as_tabulated(void **state)
{
    (void)state;
    static const double d[] = {10, 20, 40, 60, 100}, muon[] = {2.9, 1.2, 0.37, 0.15, 0.03}, cascade[] = {218, 56, 13, 4.7, 0.8};
    hg_telescope *t = telescope_with(0, NULL, 0);
    const hg_ice ice = hg_tel_ice(&t->options, 35, 117);
    char what[64];
    for (int i = 0; i < 5; ++i) {
        snprintf(what, sizeof what, "muon at %g m", d[i]);
        expect_near(what, hg_tel_track_charge(t, &ice, d[i], t->cos_c, hg_tel_muon_light(&t->options, 1)), muon[i], i == 4 ? 0.15 : 0.04);
        snprintf(what, sizeof what, "cascade at %g m", d[i]);
        /* light from everywhere: the mean of the angular sensitivity */
        const double mean = hg_tel_cascade_charge(t, &ice, d[i], 0, hg_tel_em_light(&t->options, 1000));
        expect_near(what, mean, cascade[i], i == 4 ? 0.15 : 0.07);
    }
    /* the propagation lengths: sqrt(35 x 117 / 3) / 1.07 and exp(35 / 117) 35 / 3 */
    expect_near("lp", ice.lp, 34.53, 1e-3);
    expect_near("lc", ice.lc, 15.735, 1e-3);
    hg_telescope_destroy(ctx, t);
}

/* The numbers of the sources: Cherenkov angle, angular sensitivity, hadronic light. */
static void constants_are_those_of_the_sources(void **state)
{
    (void)state;
    hg_telescope *t = telescope_with(0, NULL, 0);
    double sigma;
    expect_near("Cherenkov angle", acos(t->cos_c) * 180 / M_PI, 40.7, 1e-3);
    expect_near("sensitivity from below", hg_tel_angular(1, 0), 0.68, 1e-9);
    expect_near("sensitivity far away", hg_tel_angular(1, 30), 0.34, 1e-9);
    double sum = 0;
    for (int i = 0; i < 1000; ++i) sum += hg_tel_angular(-1 + (i + 0.5) / 500, 0) / 1000;
    expect_near("mean sensitivity", sum, 0.34, 1e-3);
    expect_near("muon of 1 TeV", hg_tel_muon_light(&t->options, 1000), 1 + 0.188 + 0.0206 * log(1000), 1e-9);
    /* F(1 TeV) = 1 - (1000 / 0.18792)^-0.16268 x 0.69026 = 0.8290 */
    expect_near("hadrons of 1 TeV", hg_tel_hadron_share(1000, &sigma), 0.8290, 1e-3);
    expect_near("their fluctuation", sigma, 0.8290 * 0.959 * pow(log(1000), -1.3559), 1e-3);
    expect_near("mean scattering length", t->scattering_mean, 35, 0.1);
    assert_int_equal(t->table.n, 86 * 60);
    assert_int_equal(t->n_strings, 86);
    hg_telescope_destroy(ctx, t);
}

typedef struct sample {
    double charge[1000], pulses[1000]; /* sorted */
    double median_pulses, passed;      /* passed: share of the tries */
} sample;

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* Signal of all tries of a class, and pulses of those that trigger. */
static void fly(const char *const *settings, int n_settings, int64_t tries, sample *out)
{
    hg_telescope *t = telescope_with(0, settings, n_settings);
    hg_tel_room room;
    int64_t n = 0;
    must(hg_tel_room_create(ctx, t, &room));
    for (int64_t i = 0; i < tries; ++i) {
        hg_tel_truth truth;
        bool triggered;
        must(hg_tel_try(ctx, t, 5, (uint64_t)i, &room, &truth, &triggered));
        out->charge[i] = room.charge;
        if (triggered) out->pulses[n++] = (double)room.n_pulses;
    }
    qsort(out->charge, (size_t)tries, sizeof(double), by_value);
    qsort(out->pulses, (size_t)n, sizeof(double), by_value);
    out->median_pulses = n ? out->pulses[n / 2] : 0;
    out->passed = (double)n / (double)tries;
    printf("signal PE p10/50/90 %.0f/%.0f/%.0f, pulses %.0f, pass %.2f\n", out->charge[tries / 10], out->charge[tries / 2],
           out->charge[tries * 9 / 10], out->median_pulses, out->passed);
    hg_tel_room_clear(ctx, &room);
    hg_telescope_destroy(ctx, t);
}

/* Signal in photo-electrons (10, 50, 90 %), pulses of triggered events, share that triggers: through-going muons, bundles, cascades as
 * they were computed apart on 25 events each, so that their own scatter is half an e-fold. */
static void yields_are_as_tabulated(void **state)
{
    (void)state;
    static const struct {
        const char *settings[3];
        double charge[3], pulses, passed;
    } table[] = {
        {{"simulate.class.starting=0", "simulate.class.cascade=0", "simulate.class.bundle=0"}, {19, 74, 931}, 110, 0.92},
        {{"simulate.class.starting=0", "simulate.class.cascade=0", "simulate.class.through=0"}, {25, 68, 405}, 107, 0.96},
        {{"simulate.class.starting=0", "simulate.class.bundle=0", "simulate.class.through=0"}, {18, 91, 2837}, 124, 0.88},
    };
    static sample s;
    enum { TRIES = 300 };
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
        fly(table[i].settings, 3, TRIES, &s);
        for (int k = 0; k < 3; ++k) {
            const double found = s.charge[TRIES / 10 + k * TRIES * 4 / 10];
            if (found > 2 * table[i].charge[k] || 2 * found < table[i].charge[k])
                fail_msg("class %zu: %g photo-electrons, expected %g within a factor 2", i, found, table[i].charge[k]);
        }
        expect_near("pulses", s.median_pulses, table[i].pulses, 0.5);
        assert_true(fabs(s.passed - table[i].passed) < 0.07);
    }
}

/* 560 Hz a module: 34.7 pulses in 12 us on 5160 modules of ordinary efficiency; some bursts began too long ago. */
static void noise_has_its_rate(void **state)
{
    (void)state;
    hg_telescope *t = telescope_with(0, (const char *const[]){"simulate.noise.hqe_factor=1"}, 1);
    hg_tel_room room;
    int64_t n = 0;
    enum { TRIES = 2000 };
    must(hg_tel_room_create(ctx, t, &room));
    for (uint64_t i = 0; i < TRIES; ++i) {
        room.n_photons = 0; /* without any signal the noise covers 5 us before and 7 us after time 0 */
        must(hg_tel_add_noise(ctx, t, 1, i, &room));
        n += room.n_photons;
    }
    const double mean = (double)n / TRIES;
    printf("%.1f noise photo-electrons in 12 us\n", mean);
    assert_true(mean > 32.5 && mean < 35);
    hg_tel_room_clear(ctx, &room);
    hg_telescope_destroy(ctx, t);
}

/* A bright source on one sensor: number and mean delay of the photo-electrons are those of the formulas. */
static void photons_follow_the_formulas(void **state)
{
    (void)state;
    hg_telescope *t = telescope_with(0, NULL, 0);
    const int32_t chosen = 2000;
    const hg_tel_sensor *sensor = &t->sensor[chosen];
    hg_tel_room room;
    double n = 0, delay = 0;
    enum { TRIES = 2000 };
    static const double distance = 30;
    must(hg_tel_room_create(ctx, t, &room));
    const double light = 20;
    const double mean = sensor->rde * hg_tel_cascade_charge(t, &sensor->ice, distance, 1, light);
    for (uint64_t i = 0; i < TRIES; ++i) {
        const hg_tel_cascade cascade = {.at = {sensor->x, sensor->y, sensor->z - distance}, .time = 100, .light = light};
        room.n_tracks = room.n_cascades = room.n_photons = 0;
        must(hg_tel_add_cascade(ctx, &room, &cascade));
        must(hg_tel_shine(ctx, t, 9, i, &room));
        for (int64_t k = 0; k < room.n_photons; ++k) {
            if (room.photon[k].sensor != chosen) continue;
            n += 1;
            delay += room.photon[k].time - 100 - distance * 1.356 / 0.299792458;
        }
    }
    const double lambda = 47 * sensor->ice.scattering_m / t->scattering_mean, rate = 1 / 450.0 + 0.299792458 / (1.356 * 98);
    const double expected_delay = distance / lambda / rate, spread = sqrt(distance / lambda) / rate;
    assert_true(fabs(n / TRIES - mean) < 4 * sqrt(mean / TRIES));
    assert_true(fabs(delay / n - expected_delay) < 4 * spread / sqrt(n));
    hg_tel_room_clear(ctx, &room);
    hg_telescope_destroy(ctx, t);
}

/* A vertical down-going muon 30 m beside a string: the modules above see it first. Without jitter no photon comes before the straight way
 * over the Cherenkov cone, flown at the group speed, and with hardly any scattering some come just then. */
static void light_follows_the_muon(void **state)
{
    (void)state;
    hg_telescope *t = telescope_with(0, (const char *const[]){"simulate.delay.spread_ns=0", "simulate.delay.track_lambda_m=1e4"}, 2);
    hg_tel_room room;
    double first[60];
    static const double distance = 30, top = 900;
    const hg_tel_string *s = &t->string[0];
    const hg_tel_track track = {.start = {s->x + distance, s->y, top}, .dir = {0, 0, -1}, .length = 2000, .light = 3000};
    must(hg_tel_room_create(ctx, t, &room));
    must(hg_tel_add_track(ctx, &room, &track));
    must(hg_tel_shine(ctx, t, 1, 0, &room));
    for (int k = 0; k < 60; ++k) first[k] = INFINITY;
    for (int64_t i = 0; i < room.n_photons; ++i) {
        const int32_t k = room.photon[i].sensor - s->first;
        if (k >= 0 && k < 60) first[k] = fmin(first[k], room.photon[i].time);
    }
    const double angle = acos(1 / 1.3194);
    for (int k = 0; k < 60; ++k) {
        const double emitted = top - t->sensor[s->first + k].z - distance / tan(angle), way = distance / sin(angle);
        const double straight = (emitted + 1.356 * way) / 0.299792458;
        if (!(first[k] >= straight - 1e-6 && first[k] < straight + 0.1))
            fail_msg("module %d: first at %g ns, expected %g", k, first[k], straight);
    }
    hg_tel_room_clear(ctx, &room);
    hg_telescope_destroy(ctx, t);
}

/* Levels 1 and 2: medians of zenith, charge and impact of the classes agree within their errors; at level 0 they do not. */
static void classes_are_alike(void **state)
{
    (void)state;
    static const int pair[3][2] = {
        {HG_CLASS_BUNDLE, HG_CLASS_THROUGH}, {HG_CLASS_BUNDLE, HG_CLASS_THROUGH}, {HG_CLASS_CASCADE, HG_CLASS_STARTING}};
    enum { EVENTS = 300, VARIABLES = 3 };
    for (int64_t level = 0; level <= 2; ++level) {
        hg_telescope *t = telescope_with(level, (const char *const[]){"simulate.match.tries=600"}, 1);
        hg_pulse_events *events = NULL;
        uint64_t next = 0;
        double sum[2][VARIABLES] = {{0}}, square[2][VARIABLES] = {{0}}, n[2] = {0};
        must(hg_telescope_simulate(ctx, t, 11, &next, EVENTS, NULL, &events));
        for (int64_t e = 0; e < EVENTS; ++e) {
            const int c = events->truth.label[e] == pair[level][0] ? 0 : events->truth.label[e] == pair[level][1] ? 1 : -1;
            const float *v = events->truth.vertex + 4 * e, *d = events->truth.dir + 3 * e;
            double charge = 0, along = 0, r2 = 0;
            for (int64_t i = events->offset[e]; i < events->offset[e + 1]; ++i) charge += (double)events->pulses.q[i];
            for (int k = 0; k < 3; ++k) along += (double)v[k] * (double)d[k];
            for (int k = 0; k < 3; ++k) r2 += (double)v[k] * (double)v[k];
            const double value[] = {-(double)d[2], log(charge), sqrt(fmax(0, r2 - along * along))};
            for (int k = 0; c >= 0 && k < VARIABLES; ++k) {
                sum[c][k] += value[k];
                square[c][k] += value[k] * value[k];
            }
            if (c >= 0) n[c] += 1;
        }
        for (int k = 0; k < VARIABLES; ++k) {
            const double mean[] = {sum[0][k] / n[0], sum[1][k] / n[1]};
            const double error = sqrt((square[0][k] / n[0] - mean[0] * mean[0]) / n[0] + (square[1][k] / n[1] - mean[1] * mean[1]) / n[1]);
            const double sigmas = fabs(mean[0] - mean[1]) / error;
            printf("level %d, variable %d: %.3f and %.3f, %.1f sigma\n", (int)level, k, mean[0], mean[1], sigmas);
            if (level > 0 && sigmas > 4) fail_msg("level %d, variable %d: %g and %g", (int)level, k, mean[0], mean[1]);
            if (level == 0 && k == 0) assert_true(sigmas > 10);
        }
        hg_pulse_events_destroy(ctx, events);
        hg_telescope_destroy(ctx, t);
    }
}

/* The real array and ice. */
static void real_geometry(void **state)
{
    (void)state;
    if (!has_sample("../shared/data/neutrino/icecube86.csv")) skip();
    hg_telescope *t = telescope_with(0,
                                     (const char *const[]){"simulate.detector.geometry=../shared/data/neutrino/icecube86.csv",
                                                           "simulate.detector.ice=../shared/data/neutrino/ice_transparency.csv"},
                                     2);
    hg_pulse_events *events = NULL;
    uint64_t next = 0;
    const hg_sensors *s = hg_telescope_sensors(t);
    assert_int_equal(s->n, 5083);
    assert_int_equal(t->n_strings, 86);
    expect_near("mean scattering length", t->scattering_mean, 35.8, 0.01);
    int64_t efficient = 0;
    for (int64_t i = 0; i < s->n; ++i) efficient += s->rde[i] > 1.3f;
    assert_true(efficient > 300 && efficient < 500);
    must(hg_telescope_simulate(ctx, t, 1, &next, 50, NULL, &events));
    assert_true(next < 80);
    hg_pulse_events_destroy(ctx, events);
    hg_telescope_destroy(ctx, t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_is_as_tabulated),       cmocka_unit_test(constants_are_those_of_the_sources),
        cmocka_unit_test(yields_are_as_tabulated),     cmocka_unit_test(noise_has_its_rate),
        cmocka_unit_test(photons_follow_the_formulas), cmocka_unit_test(light_follows_the_muon),
        cmocka_unit_test(classes_are_alike),           cmocka_unit_test(real_geometry),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
