/* unit/weights.c — TrackML weights and score against published numbers and against the definition spelled out naively. */
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
#include "hitgraph/weights.h"
#include "tests/near.h"
#include "tests/context.h"

static void order_weights_are_the_published_ones(void **state)
{
    (void)state;
    const double four[] = {.4109589, .2191781, .1232877, .2465753};
    const double five[] = {.3571429, .2142857, .1071429, .1071429, .2142857};
    const double ten[] = {.183673, .151020, .118367, .097959, .071429, .055102, .055102, .063265, .093878, .110204};
    for (int i = 0; i < 4; ++i) assert_near(hg_trackml_order_weight(4, i), four[i], 1e-7);
    for (int i = 0; i < 5; ++i) assert_near(hg_trackml_order_weight(5, i), five[i], 1e-7);
    for (int i = 0; i < 10; ++i) assert_near(hg_trackml_order_weight(10, i), ten[i], 1e-6);
    assert_true(hg_trackml_order_weight(3, 0) == 0);
    assert_true(hg_trackml_order_weight(25, 20) == 0);
    assert_true(hg_trackml_order_weight(25, 19) == hg_trackml_order_weight(20, 19));
    assert_true(hg_trackml_order_weight(5, 5) == 0 && hg_trackml_order_weight(5, -1) == 0);
    assert_near(hg_trackml_pt_weight(1.75), 0.6, 1e-12);
    assert_true(hg_trackml_pt_weight(0.049) == 0 && hg_trackml_pt_weight(0.5) == 0.2 && hg_trackml_pt_weight(7) == 1);
}

/* Two particles: id 1 with 5 hits at pT 1.75, id 2 with 4 hits at pT 0.4; then one noise hit, then a secondary with 4 hits. */
static hg_event *two_particles(void)
{
    static uint64_t hit_id[14], of_hit[14], of_particle[3];
    static double tz[14], weight[14], px[3], vz[3], zero[14];
    static int32_t none[14];
    static hg_event made;
    memset(weight, 0, sizeof weight);
    made = (hg_event){.hits = {14, hit_id, zero, zero, zero, none, none, none},
                      .has_truth = true,
                      .has_particles = true,
                      .truth = {of_hit, zero, zero, tz, zero, zero, zero, weight},
                      .particles = {3, of_particle, zero, zero, vz, px, zero, zero, none, none, NULL}};
    hg_event *event = &made;
    const double pt[] = {1.75, 0.4, 1};
    const uint64_t id[] = {1, 2, 1u << 24 | 3};
    for (int p = 0; p < 3; ++p) {
        event->particles.particle_id[p] = id[p];
        event->particles.px[p] = pt[p];
        event->particles.vz[p] = 100;
    }
    for (int i = 0; i < 14; ++i) {
        event->hits.hit_id[i] = (uint64_t)i + 1;
        event->truth.particle_id[i] = i < 5 ? id[0] : i < 9 ? id[1] : i < 10 ? 0 : id[2];
        event->truth.tz[i] = 100 + (i % 2 ? 10 : -10) * (i + 1);
    }
    return event;
}

static void weights_follow_both_rules(void **state)
{
    (void)state;
    hg_event *event = two_particles();
    double weight[14], raw, sum = 0;
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_2, weight, &raw), HG_OK);
    assert_near(raw, 0.8, 1e-12);
    assert_near(weight[0], .3571429 * .6 / .8, 1e-7);
    assert_near(weight[8], .2465753 * .2 / .8, 1e-7);
    for (int i = 9; i < 14; ++i) assert_true(weight[i] == 0);
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_1, event->truth.weight, &raw), HG_OK);
    assert_near(raw, 0.8 + hg_trackml_pt_weight(1), 1e-12);
    for (int i = 0; i < 14; ++i) sum += event->truth.weight[i];
    assert_near(sum, 1, 1e-12);
    assert_true(event->truth.weight[9] == 0 && event->truth.weight[10] > 0);

    /* all hits of particle 2 at one distance: the mean rank 1.5 is cut to 1 */
    for (int i = 5; i < 9; ++i) event->truth.tz[i] = 0;
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_2, weight, NULL), HG_OK);
    for (int i = 5; i < 9; ++i) assert_near(weight[i], weight[5], 0);
    assert_near(weight[5] / weight[0], .2191781 * .2 / (.3571429 * .6), 1e-6);
}

static void wrong_events_are_refused(void **state)
{
    (void)state;
    hg_event *event = two_particles();
    double weight[14] = {7};
    event->particles.particle_id[1] = 1;
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_1, weight, NULL), HG_ERR_DATA);
    event->has_particles = false;
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_1, weight, NULL), HG_ERR_ARG);
    assert_true(weight[0] == 7);
}

static double score_of(int64_t n, const int64_t *label, const uint64_t *id, const double *weight)
{
    double score = -1;
    assert_int_equal(hg_trackml_score(ctx, n, label, id, weight, &score, NULL, NULL), HG_OK);
    return score;
}

static void score_gives_the_worked_example(void **state)
{
    (void)state;
    hg_event *event = two_particles();
    double weight[14];
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_2, weight, NULL), HG_OK);
    const uint64_t *id = event->truth.particle_id;
    int64_t label[14] = {1, 1, 1, 1, 2, 2, 2, 0, 1};
    assert_near(score_of(14, label, id, weight), .589286, 1e-6);
    label[7] = 2;
    assert_near(score_of(14, label, id, weight), .777642, 1e-6);
    const int64_t perfect[14] = {9, 9, 9, 9, 9, 4, 4, 4, 4, 0, 5, 5, 5, 5};
    assert_near(score_of(14, perfect, id, weight), 1, 1e-12);
}

static void corners_of_the_score(void **state)
{
    (void)state;
    assert_true(score_of(0, NULL, NULL, NULL) == 0);
    const uint64_t noise[3] = {0, 0, 0}, one[1] = {5}, tie[4] = {5, 5, 6, 6};
    const double none[4] = {0, 0, 0, 0}, all[4] = {1, 1, 1, 1};
    const int64_t label[4] = {1, 1, 1, 1};
    assert_true(score_of(3, label, noise, none) == 0);
    assert_true(score_of(1, label, one, all) == 1);
    assert_true(score_of(4, label, tie, all) == 0);
}

/* The definition, counted over all pairs of hits. */
static double naive_score(int64_t n, const int64_t *label, const uint64_t *id, const double *weight)
{
    double earned = 0, total = 0;
    for (int64_t i = 0; i < n; ++i) {
        int64_t in_track = 0, of_particle = 0, both = 0;
        total += weight[i];
        if (label[i] <= 0 || id[i] == 0) continue;
        for (int64_t j = 0; j < n; ++j) {
            in_track += label[j] == label[i];
            of_particle += id[j] == id[i];
            both += label[j] == label[i] && id[j] == id[i];
        }
        if (2 * both > in_track && 2 * both > of_particle) earned += weight[i];
    }
    return total > 0 ? earned / total : 0;
}

static void score_agrees_with_the_naive_one(void **state)
{
    (void)state;
    enum { N = 40 };
    for (uint64_t trial = 0; trial < 500; ++trial) {
        hg_random stream = hg_random_stream(3, 1, trial, 0);
        int64_t label[N];
        uint64_t id[N];
        double weight[N];
        const int64_t n = hg_random_below(&stream, N + 1), kinds = 1 + hg_random_below(&stream, 8);
        for (int64_t i = 0; i < n; ++i) {
            id[i] = (uint64_t)hg_random_below(&stream, kinds);
            label[i] = hg_random_uniform(&stream) < 0.7 ? (int64_t)id[i] + 100 : hg_random_below(&stream, kinds);
            weight[i] = id[i] ? hg_random_uniform(&stream) : 0;
        }
        assert_near(score_of(n, label, id, weight), naive_score(n, label, id, weight), 1e-12);
    }
}

static void throughput_score_gives_the_published_numbers(void **state)
{
    (void)state;
    assert_near(hg_throughput_score(.944, .56), 1.172839, 1e-6);
    assert_near(hg_throughput_score(.944, 1.11), 1.113937, 1e-6);
    assert_near(hg_throughput_score(.928, 7.21), .901182, 1e-6);
    assert_true(hg_throughput_score(.49, 1) == 0 && hg_throughput_score(.9, 601) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_weights_are_the_published_ones),
        cmocka_unit_test(weights_follow_both_rules),
        cmocka_unit_test(wrong_events_are_refused),
        cmocka_unit_test(score_gives_the_worked_example),
        cmocka_unit_test(corners_of_the_score),
        cmocka_unit_test(score_agrees_with_the_naive_one),
        cmocka_unit_test(throughput_score_gives_the_published_numbers),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
