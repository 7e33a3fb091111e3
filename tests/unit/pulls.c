/* unit/pulls.c — the true perigee against a search along the helix; pulls of made-up fits; summaries of known distributions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/pulls.h"
#include "tests/near.h"
#include "tests/context.h"

/* Point and azimuth after the transverse arc s, from the circle's centre (or straight). */
static void walk(const double vertex[3], const double p[3], double q, double b, double s, double point[3], double *phi)
{
    const double pt = hypot(p[0], p[1]), phi0 = atan2(p[1], p[0]), kappa = -0.299792458e-3 * b * q / pt;
    *phi = phi0 + kappa * s;
    if (kappa == 0) {
        point[0] = vertex[0] + s * cos(phi0), point[1] = vertex[1] + s * sin(phi0);
    } else {
        point[0] = vertex[0] + (sin(*phi) - sin(phi0)) / kappa, point[1] = vertex[1] - (cos(*phi) - cos(phi0)) / kappa;
    }
    point[2] = vertex[2] + s * p[2] / pt;
}

static void perigee_is_the_closest_point(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 300; ++trial) {
        hg_random stream = hg_random_stream(4, 1, trial, 0);
        const double vertex[3] = {hg_random_range(&stream, -2, 2), hg_random_range(&stream, -2, 2), hg_random_range(&stream, -100, 100)};
        const double p[3] = {hg_random_range(&stream, -2, 2), hg_random_range(&stream, -2, 2), hg_random_range(&stream, -5, 5)};
        const double q = trial % 3 == 0 ? 0 : trial % 3 == 1 ? 1 : -1, b = trial % 5 == 0 ? -2 : 2;
        double params[HG_PULLS], point[3], phi;
        hg_true_perigee(vertex, p, q, b, params);

        /* golden-section search for the smallest distance to the z axis */
        double low = -6, high = 6;
        while (high - low > 1e-9) {
            const double a = low + 0.381966 * (high - low), c = high - 0.381966 * (high - low);
            double pa[3], pc[3];
            walk(vertex, p, q, b, a, pa, &phi);
            walk(vertex, p, q, b, c, pc, &phi);
            if (hypot(pa[0], pa[1]) < hypot(pc[0], pc[1]))
                high = c;
            else
                low = a;
        }
        walk(vertex, p, q, b, low, point, &phi);
        assert_near(params[0], -point[0] * sin(phi) + point[1] * cos(phi), 1e-6);
        assert_near(fabs(params[0]), hypot(point[0], point[1]), 1e-6);
        assert_near(params[1], point[2], 1e-5);
        assert_near(remainder(params[2] - phi, 2 * M_PI), 0, 1e-7);
        assert_true(fabs(params[2]) <= M_PI + 1e-12);
        const double total = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
        assert_near(params[3], acos(p[2] / total), 1e-12);
        assert_near(params[4], q / total, 1e-12);
    }
}

/* Three particles on layers 0 .. 3: a target, one made at r = 5 mm, one that the fit failed on. */
enum { PARTICLES = 4, HITS = 4 * PARTICLES };

static void pulls_are_taken_of_good_primaries(void **state)
{
    (void)state;
    static uint64_t id[PARTICLES] = {1, 2, 3, 4};
    static double vx[PARTICLES] = {0.3, 5, 0, 0}, vy[PARTICLES] = {-0.2, 0, 0, 0}, vz[PARTICLES] = {10, 0, 0, 0},
                  px[PARTICLES] = {-1, 1, 1, 1}, py[PARTICLES] = {1e-4, 0, 1, 1}, pz[PARTICLES] = {2, 0, 0, 1},
                  pt[PARTICLES] = {1, 1, 1.4, 0.1}, zero[PARTICLES], r[PARTICLES] = {0.36, 5, 0, 0};
    static int32_t q[PARTICLES] = {1, 1, -1, 1}, nhits[PARTICLES] = {4, 4, 4, 4}, generation[PARTICLES], particle[HITS], rank[HITS];
    for (int32_t i = 0; i < HITS; ++i) particle[i] = i / 4, rank[i] = i % 4;
    const hg_truth_order order = {HITS, PARTICLES, particle, rank, rank, id, pt, zero, zero, r, vz, nhits, nhits, generation};
    const hg_event event = {
        .hits = {.n = HITS}, .has_particles = true, .particles = {PARTICLES, id, vx, vy, vz, px, py, pz, q, nhits, NULL}};
    const hg_target target = {0.5, 4, 3, 3, true};
    hg_field *field = NULL;
    hg_tracks *tracks = NULL;
    assert_int_equal(hg_field_create_constant(ctx, 2, &field), HG_OK);
    assert_int_equal(hg_tracks_create(ctx, PARTICLES, HITS, &tracks), HG_OK);
    const double deviation[HG_PULLS] = {1, -2, 0.5, 3, -0.25};
    for (int32_t t = 0; t < PARTICLES; ++t) {
        double *a = tracks->params + 5 * t, *c = tracks->cov + 15 * t;
        tracks->hit_offset[t + 1] = 4 * (t + 1);
        hg_true_perigee((double[3]){vx[t], vy[t], vz[t]}, (double[3]){px[t], py[t], pz[t]}, q[t], 2, a);
        for (int k = 0; k < HG_PULLS; ++k) {
            const double sigma = 0.01 * (k + 1);
            c[k * (k + 1) / 2 + k] = sigma * sigma;
            a[k] += deviation[k] * sigma;
        }
        a[2] = remainder(a[2], 2 * M_PI);
    }
    for (int32_t i = 0; i < HITS; ++i) tracks->hit[i] = i;
    tracks->status[0] = HG_TRACK_OUTLIERS;
    tracks->status[2] = HG_TRACK_FAILED;

    double pull[PARTICLES * HG_PULLS];
    int64_t track_of[PARTICLES], n = -1;
    assert_int_equal(hg_pulls_collect(ctx, &event, &order, &target, field, tracks, pull, track_of, &n), HG_OK);
    assert_int_equal(n, 1);
    assert_int_equal(track_of[0], 0);
    for (int k = 0; k < HG_PULLS; ++k) assert_near(pull[k], deviation[k], 1e-9);

    /* half of its hits elsewhere: no match, no pull; a zero variance gives no pull either */
    tracks->hit[0] = tracks->hit[1] = 4;
    assert_int_equal(hg_pulls_collect(ctx, &event, &order, &target, field, tracks, pull, NULL, &n), HG_OK);
    assert_int_equal(n, 0);
    tracks->hit[0] = 0, tracks->hit[1] = 1, tracks->cov[2] = 0;
    assert_int_equal(hg_pulls_collect(ctx, &event, &order, &target, field, tracks, pull, NULL, &n), HG_OK);
    assert_int_equal(n, 0);
    hg_tracks_destroy(ctx, tracks);
    hg_field_destroy(ctx, field);
}

static void summaries_know_their_gaussians(void **state)
{
    (void)state;
    enum { N = 40000 };
    double *pull = NULL;
    hg_pull_summary s[HG_PULLS];
    hg_random stream = hg_random_stream(4, 2, 0, 0);
    assert_int_equal(hg_alloc(ctx, &pull, N * HG_PULLS), HG_OK);
    for (int64_t i = 0; i < N; ++i)
        for (int k = 0; k < HG_PULLS; ++k) {
            /* d0: unit Gaussian; z0: wider and shifted; phi: 5 % far outliers; theta: flat with unit rms; q/p: constant */
            const double g = hg_random_normal(&stream), u = hg_random_uniform(&stream);
            pull[HG_PULLS * i + k] = k == 0   ? g
                                     : k == 1 ? 0.5 + 1.2 * g
                                     : k == 2 ? (i % 20 == 0 ? 30 * g : g)
                                     : k == 3 ? sqrt(12) * (u - 0.5)
                                              : 2;
        }
    assert_int_equal(hg_pulls_summarise(ctx, N, pull, s), HG_OK);
    assert_int_equal(s[0].n, N);
    assert_near(s[0].mean, 0, 0.02);
    assert_near(s[0].rms, 1, 0.015);
    assert_near(s[0].mad_width, 1, 0.02);
    assert_near(s[0].core_width, 1, 0.02);
    assert_near(s[0].beyond_3, 0.0027, 0.0009);
    assert_near(s[1].core_mean, 0.5, 0.03);
    assert_near(s[1].core_width, 1.2, 0.03);
    assert_near(s[1].median, 0.5, 0.03);
    assert_near(s[2].core_width, 1.05, 0.06);
    assert_true(s[2].rms > 5);
    assert_near(s[3].rms, 1, 0.01);
    assert_near(s[3].beyond_3, 0, 0);
    assert_near(s[4].mean, 2, 1e-12);
    assert_near(s[4].mad_width + s[4].core_width + s[4].rms, 0, 1e-12);
    assert_int_equal(hg_pulls_summarise(ctx, 1, pull, s), HG_OK);
    assert_near(s[0].mean, pull[0], 0);
    assert_int_equal(hg_pulls_summarise(ctx, 0, NULL, s), HG_OK);
    assert_int_equal(s[3].n, 0);
    hg_free(ctx, pull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perigee_is_the_closest_point),
        cmocka_unit_test(pulls_are_taken_of_good_primaries),
        cmocka_unit_test(summaries_know_their_gaussians),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
