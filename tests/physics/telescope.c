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
    double charge[2000], pulses[2000];
    int64_t n;
    double passed; /* share of the tries */
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
    out->n = tries;
    out->passed = (double)n / (double)tries;
    qsort(out->charge, (size_t)tries, sizeof(double), by_value);
    qsort(out->pulses, (size_t)n, sizeof(double), by_value);
    printf("signal PE p10/50/90 %.0f/%.0f/%.0f, pulses %.0f, pass %.2f\n", out->charge[tries / 10], out->charge[tries / 2],
           out->charge[tries * 9 / 10], n ? out->pulses[n / 2] : 0, out->passed);
    hg_tel_room_clear(ctx, &room);
    hg_telescope_destroy(ctx, t);
}

static void yields_are_as_tabulated(void **state)
{
    (void)state;
    static const char *const only[][3] = {
        {"simulate.class.starting=0", "simulate.class.cascade=0", "simulate.class.bundle=0"},
        {"simulate.class.starting=0", "simulate.class.cascade=0", "simulate.class.through=0"},
        {"simulate.class.starting=0", "simulate.class.bundle=0", "simulate.class.through=0"},
    };
    static sample s;
    for (int i = 0; i < 3; ++i) fly(only[i], 3, 600, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_is_as_tabulated),
        cmocka_unit_test(constants_are_those_of_the_sources),
        cmocka_unit_test(yields_are_as_tabulated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
