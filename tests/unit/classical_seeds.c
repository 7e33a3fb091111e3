/* classical_seeds.c — triplets by cuts: the same as by looking at all triples of points. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/classical_seeds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/leaks.h"
#include "tests/toy_hits.h"

static hg_context *ctx;
static toy_event toy;

static bool halves_agree(const hg_classical_options *o, const double r[3], const double z[3], double pt)
{
    const double in = (z[1] - z[0]) / (r[1] - r[0]), out = (z[2] - z[1]) / (r[2] - r[1]), cot = (in + out) / 2, per_sin2 = 1 + cot * cot;
    double variance = 0;
    for (int k = 0; k < 2; ++k) {
        const double slope = k == 0 ? in : out, dr = r[k + 1] - r[k];
        if (dr < o->radial_min || dr > o->radial_max || fabs(z[k + 1] - z[k]) > o->along_max || fabs(slope) > o->cot_max) return false;
        if (fabs(z[1] - r[1] * slope) > o->z0_max) return false;
        variance += 2 * o->point_sigma * o->point_sigma * (1 + slope * slope) / (dr * dr);
    }
    /* Highland's formula at the momentum of the least pT, then by 1 / pT */
    const double p = o->pt_min_gev * sqrt(per_sin2), beta = p / hypot(p, 0.13957039), t = o->x_over_x0 * sqrt(per_sin2);
    const double theta0 = 0.0136 / (beta * p) * sqrt(t) * (1 + 0.038 * log(t / (beta * beta)));
    const double kick = theta0 * per_sin2 * fmax(o->pt_min_gev / pt, 1e-3);
    return fabs(in - out) <= o->deviations * sqrt(variance + kick * kick);
}

/* The circle by its centre, which is as far from one point as from the others. */
static bool wanted(const hg_classical_options *o, const int32_t hit[3])
{
    double x[3], y[3], z[3], r[3];
    for (int k = 0; k < 3; ++k) x[k] = toy.x[hit[k]], y[k] = toy.y[hit[k]], z[k] = toy.z[hit[k]], r[k] = hypot(x[k], y[k]);
    const double ax = 2 * (x[1] - x[0]), ay = 2 * (y[1] - y[0]), bx = 2 * (x[2] - x[0]), by = 2 * (y[2] - y[0]);
    const double a = r[1] * r[1] - r[0] * r[0], b = r[2] * r[2] - r[0] * r[0], det = ax * by - ay * bx;
    const double cx = (a * by - b * ay) / det, cy = (ax * b - bx * a) / det, radius = hypot(x[0] - cx, y[0] - cy);
    const double pt = 0.299792458e-3 * o->field_tesla * radius;
    return pt >= o->pt_min_gev && fabs(hypot(cx, cy) - radius) <= o->d0_max && halves_agree(o, r, z, pt);
}

static bool has(const hg_classical_triplets *triplets, const int32_t hit[3])
{
    for (int64_t t = 0; t < triplets->n; ++t)
        if (memcmp(triplets->hit + 3 * t, hit, 3 * sizeof *hit) == 0) return true;
    return false;
}

static hg_space_points points_of_toy(void)
{
    return (hg_space_points){toy.hits.n, toy.x, toy.y, toy.z, toy.layer, TOY_LAYERS, NULL};
}

static void the_same_as_all_triples(void **state)
{
    (void)state;
    hg_classical_options options = hg_classical_default_options();
    options.per_middle = 16;
    options.d0_max = 0.3;
    for (uint64_t seed = 1; seed <= 7; ++seed) {
        hg_classical_triplets triplets;
        int64_t n = 0;
        const bool crowded = seed == 7; /* several strips a layer, of which few meet the luminous region */
        toy_make(&toy, seed, 25, crowded ? 180 : 60, 5);
        if (crowded) options.z0_max = 20;
        const hg_space_points points = points_of_toy();
        assert_int_equal(hg_classical_triplets_find(ctx, &points, &options, &triplets), HG_OK);
        for (int32_t i = 0; i < toy.hits.n; ++i)
            for (int32_t j = 0; j < toy.hits.n; ++j)
                for (int32_t k = 0; k < toy.hits.n && toy.layer[i] != toy.layer[j]; ++k) {
                    const int32_t hit[3] = {i, j, k};
                    if (toy.layer[j] == toy.layer[k] || k == i || !wanted(&options, hit)) continue;
                    ++n;
                    assert_true(has(&triplets, hit));
                }
        assert_int_equal(n, triplets.n);
        assert_true(n > 20);
        hg_classical_triplets_clear(ctx, &triplets);
    }
}

static void the_best_of_each_middle_stay(void **state)
{
    (void)state;
    hg_classical_options options = hg_classical_default_options();
    hg_classical_triplets all, best;
    toy_make(&toy, 9, 200, 300, 5);
    const hg_space_points points = points_of_toy();
    options.per_middle = 16;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, &options, &all), HG_OK);
    options.per_middle = 1;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, &options, &best), HG_OK);
    assert_true(best.n > 100 && all.n > best.n);
    for (int64_t t = 0, at = 0; t < best.n; ++t) {
        while (all.hit[3 * at + 1] != best.hit[3 * t + 1]) ++at;
        assert_memory_equal(all.hit + 3 * at, best.hit + 3 * t, 3 * sizeof *best.hit);
        for (; at + 1 < all.n && all.hit[3 * at + 4] == best.hit[3 * t + 1]; ++at) assert_true(all.score[at + 1] <= best.score[t]);
    }
    hg_classical_triplets_clear(ctx, &all);
    hg_classical_triplets_clear(ctx, &best);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    hg_classical_options options = hg_classical_default_options();
    hg_classical_triplets triplets = {0};
    toy_make(&toy, 3, 10, 10, 5);
    const hg_space_points points = points_of_toy();
    options.field_tesla = 0;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, &options, &triplets), HG_ERR_ARG);
    options.field_tesla = 2;
    options.per_middle = 17;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, &options, &triplets), HG_ERR_ARG);
    toy.layer[4] = TOY_LAYERS;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, NULL, &triplets), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit row 4"));
    toy.layer[4] = 0;
    toy.z[5] = NAN;
    assert_int_equal(hg_classical_triplets_find(ctx, &points, NULL, &triplets), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit row 5"));
    assert_null(triplets.hit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_all_triples),
        cmocka_unit_test(the_best_of_each_middle_stay),
        cmocka_unit_test(bad_input_is_named),
    };
    hg_context_create(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
