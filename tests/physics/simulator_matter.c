/* simulator_matter.c — what truth momenta and vertices of simulated events say about field and material, against the challenge's data. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/figures.h"
#include "tests/near.h"
#include "tests/simulated.h"
#include "tracking/propagate.h"

static const double pion_gev = 0.13957039;
static hg_event *pions;  /* a gun's, without noise: the hits of a particle are those with its id */
static int64_t *by_path; /* [n_hits] hits by particle, then by distance from the vertex */

static double distance_of(int64_t hit)
{
    const int64_t k = (int64_t)(pions->truth.particle_id[hit] >> 36 & 0xffff) - 1;
    return hypot(hypot(pions->truth.tx[hit] - pions->particles.vx[k], pions->truth.ty[hit] - pions->particles.vy[k]),
                 pions->truth.tz[hit] - pions->particles.vz[k]);
}

static int compare_path(const void *a, const void *b)
{
    const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    const uint64_t p = pions->truth.particle_id[i], q = pions->truth.particle_id[j];
    if (p != q) return p < q ? -1 : 1;
    return compare_doubles(&(double){distance_of(i)}, &(double){distance_of(j)});
}

static int shoot(void **state)
{
    if (set_up(state) != 0) return 1;
    hg_simulate_options options = hg_simulate_default_options();
    options.interactions = false;
    options.gun =
        (hg_gun){.n = 12000, .pdg = 211, .both_charges = true, .log_pt = true, .pt_gev = {0.5, 3}, .eta = {-3, 3}, .phi = {-M_PI, M_PI}};
    pions = simulated(&options, 11, 0);
    if (!pions) return 1;
    by_path = room(pions->hits.n, sizeof *by_path);
    for (int64_t i = 0; i < pions->hits.n; ++i) by_path[i] = i;
    qsort(by_path, (size_t)pions->hits.n, sizeof *by_path, compare_path);
    return 0;
}

static int clean_up(void **state)
{
    free(by_path);
    hg_event_destroy(ctx, pions);
    return tear_down(state);
}

static void momentum_at(int64_t hit, double p[3])
{
    p[0] = pions->truth.tpx[hit];
    p[1] = pions->truth.tpy[hit];
    p[2] = pions->truth.tpz[hit];
}

static double length(const double p[3])
{
    return sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
}

/* The direction that the particle of hit a would have on the module of hit b in the field alone. */
static bool carried_direction(int64_t a, int64_t b, double t[3])
{
    const int64_t k = (int64_t)(pions->truth.particle_id[a] >> 36 & 0xffff) - 1;
    double p[3];
    momentum_at(a, p);
    hg_free_state free_state = {.r = {pions->truth.tx[a], pions->truth.ty[a], pions->truth.tz[a]},
                                .qop = pions->particles.q[k] / length(p)};
    for (int i = 0; i < 3; ++i) free_state.t[i] = p[i] / length(p);
    const hg_surface surface = hg_surface_of_module(module_of(pions, detector, b));
    if (hg_propagate(field, 1e-4, &surface, 1, 3000, &free_state, NULL) != 0) return false;
    for (int i = 0; i < 3; ++i) t[i] = free_state.t[i];
    return true;
}

static bool is_layer(int64_t hit, const int layer[2])
{
    return pions->hits.volume_id[hit] == layer[0] && pions->hits.layer_id[hit] == layer[1];
}

/* Robust width of the projected kink times p beta sqrt(cos), as Highland's formula at normal incidence, and median loss there in MeV,
 * of the steps between consecutive hits on two layers. */
static int64_t measure_step(const int from[2], const int to[2], bool barrel, double *kink_gev, double *loss_mev)
{
    const int64_t n_hits = pions->hits.n;
    double *kink = room(2 * n_hits, sizeof *kink), *loss = room(n_hits, sizeof *loss);
    int64_t n = 0;
    for (int64_t i = 0; i + 1 < n_hits; ++i) {
        const int64_t a = by_path[i], b = by_path[i + 1];
        if (pions->truth.particle_id[a] != pions->truth.particle_id[b] || !is_layer(a, from) || !is_layer(b, to)) continue;
        double p[3], q[3], t[3];
        if (!carried_direction(a, b, t)) continue;
        momentum_at(a, p);
        momentum_at(b, q);
        const double pp = length(p), qq = length(q), sine = hypot(t[0], t[1]), cosine = barrel ? sine : fabs(t[2]);
        const double phi = atan2(q[1] * t[0] - q[0] * t[1], q[0] * t[0] + q[1] * t[1]), theta = acos(q[2] / qq) - acos(t[2]);
        const double scale = pp * pp / hypot(pp, pion_gev) * sqrt(cosine);
        kink[2 * n] = fabs(phi) * sine * scale;
        kink[2 * n + 1] = fabs(theta) * scale;
        loss[n++] = 1e3 * (hypot(pp, pion_gev) - hypot(qq, pion_gev)) * cosine;
    }
    *kink_gev = 1.4826 * quantile(kink, 2 * n, 0.5);
    *loss_mev = quantile(loss, n, 0.5);
    free(kink);
    free(loss);
    return n;
}

static void steps_scatter_and_lose_as_measured(void **state)
{
    (void)state;
    static const struct {
        int from[2], to[2];
        double x_over_x0, loss_mev;
    } step[] = {
        {{8, 2}, {8, 4}, 0.0070, 0.30},  {{8, 4}, {8, 6}, 0.0073, 0.35},  {{8, 6}, {8, 8}, 0.0125, 0.39},  {{8, 8}, {13, 2}, 0.031, 1.31},
        {{13, 2}, {13, 4}, 0.014, 0.52}, {{13, 4}, {13, 6}, 0.016, 0.56}, {{13, 6}, {13, 8}, 0.019, 0.59}, {{13, 8}, {17, 2}, 0.025, 0.84},
        {{17, 2}, {17, 4}, 0.020, 0.90}, {{14, 4}, {14, 6}, 0.019, 0.94}, {{18, 4}, {18, 6}, 0.055, 2.0},
    };
    for (size_t i = 0; i < sizeof step / sizeof *step; ++i) {
        const bool disc = step[i].from[0] == 14 || step[i].from[0] == 18;
        double kink, loss;
        const int64_t n = measure_step(step[i].from, step[i].to, !disc, &kink, &loss);
        assert_true(n > 100);
        const double expected = 0.0136 * sqrt(step[i].x_over_x0) * (1 + 0.038 * log(step[i].x_over_x0));
        /* between two discs lie none, one or two sheets of material, as rings differ: their mixture is measured less well */
        assert_near(kink / expected, 1, disc ? 0.25 : 0.15);
        assert_near(loss / step[i].loss_mev, 1, 0.25);
    }
}

/* -dphi pT / (K q s) of neighbouring hits is Bz - Br cot(theta): 1.99 T near the middle of the detector. */
static void tracks_bend_in_the_challenges_field(void **state)
{
    (void)state;
    double *b = room(pions->hits.n, sizeof *b);
    int64_t n = 0;
    for (int64_t i = 0; i + 1 < pions->hits.n; ++i) {
        const int64_t first = by_path[i], second = by_path[i + 1];
        if (pions->truth.particle_id[first] != pions->truth.particle_id[second] || pions->hits.volume_id[first] != 8) continue;
        if (pions->hits.volume_id[second] != 8 || fabs(pions->truth.tz[first]) > 400) continue;
        double p[3], q[3];
        momentum_at(first, p);
        momentum_at(second, q);
        const double turn = atan2(q[1] * p[0] - q[0] * p[1], q[0] * p[0] + q[1] * p[1]);
        const double s = hypot(pions->truth.tx[second] - pions->truth.tx[first], pions->truth.ty[second] - pions->truth.ty[first]);
        const int64_t k = (int64_t)(pions->truth.particle_id[first] >> 36 & 0xffff) - 1;
        if (s > 15) b[n++] = -turn * hypot(p[0], p[1]) / (0.299792458e-3 * pions->particles.q[k] * s);
    }
    assert_true(n > 1000);
    assert_near(quantile(b, n, 0.5), 1.985, 0.015);
    free(b);
}

/* Secondaries of the barrel are born on the surfaces that the data show. */
static void secondaries_come_from_the_known_surfaces(void **state)
{
    (void)state;
    static const double radius[] = {19.000, 35.511, 74.964, 118.790, 174.696, 200.000, 255.391, 355.08, 494.858, 654.719, 814.585, 1014.6};
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 50;
    hg_event *event = simulated(&options, 1, 0);
    assert_non_null(event);
    int64_t born[sizeof radius / sizeof *radius] = {0}, elsewhere = 0, n = 0;
    for (int64_t k = 0; k < event->particles.n; ++k) {
        const double r = hypot(event->particles.vx[k], event->particles.vy[k]);
        if (generation_of(event, k) == 0 || fabs(event->particles.vz[k]) > 480) continue;
        size_t i = 0;
        while (i < sizeof radius / sizeof *radius && fabs(r - radius[i]) > 0.02) ++i;
        if (i < sizeof radius / sizeof *radius)
            ++born[i];
        else
            ++elsewhere;
        ++n;
    }
    assert_true(n > 50);
    assert_int_equal(elsewhere, 0);
    for (size_t i = 1; i < 10; ++i) assert_true(born[i] > 0);
    hg_event_destroy(ctx, event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_scatter_and_lose_as_measured),
        cmocka_unit_test(tracks_bend_in_the_challenges_field),
        cmocka_unit_test(secondaries_come_from_the_known_surfaces),
    };
    return cmocka_run_group_tests(tests, shoot, clean_up);
}
