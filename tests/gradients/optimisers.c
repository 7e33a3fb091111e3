/* tests/gradients/optimisers.c — optimiser steps, clipping and schedules against reference numbers, in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "hitgraph/optimiser.h"
#include "tests/context.h"

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) fail_msg("found %.12g, expected %.12g", found, expected);
}

static void steps_as_published(void **state)
{
    (void)state;
    const double gradient[4][2] = {{0.5, -2}, {-0.2, 1}, {0.1, 0}, {0, 0.3}};
    const hg_optimiser_kind sgd = HG_OPTIMISER_SGD, adam = HG_OPTIMISER_ADAM, adamw = HG_OPTIMISER_ADAMW;
    const struct {
        hg_optimiser_options options;
        double w[3][2]; /* after steps 1, 2 and 4 */
    } rows[] = {
        {{.kind = sgd, .weight_decay = 0.01}, {{0.949, -0.799}, {0.968051, -0.898201}, {0.9561258661, -0.9264054962}}},
        {{.kind = sgd, .momentum = 0.9}, {{0.95, -0.8}, {0.925, -0.72}, {0.86325, -0.6132}}},
        {{.kind = sgd, .momentum = 0.9, .dampening = 0.5}, {{0.95, -0.8}, {0.915, -0.67}, {0.84565, -0.4627}}},
        {{.kind = sgd, .momentum = 0.9, .nesterov = true}, {{0.905, -0.62}, {0.9025, -0.648}, {0.836925, -0.58188}}},
        {{.kind = adam}, {{0.900000002, -0.9000000005}, {0.8654394181, -0.8733662967}, {0.7964227755, -0.8438022196}}},
        {{.kind = adam, .weight_decay = 0.01}, {{0.900000002, -0.9000000005}, {0.8633641381, -0.872827183}, {0.7892314597, -0.8418156198}}},
        {{.kind = adam, .amsgrad = true}, {{0.900000002, -0.9000000005}, {0.8654394181, -0.8733662967}, {0.7964383181, -0.8438125162}}},
        {{.kind = adamw, .weight_decay = 0.01},
         {{0.899000002, -0.8990000005}, {0.8635404181, -0.8714672967}, {0.7928354974, -0.8401817445}}},
        {{.kind = adamw, .weight_decay = 0.01, .amsgrad = true},
         {{0.899000002, -0.8990000005}, {0.8635404181, -0.8714672967}, {0.79285104, -0.8401920307}}},
    };
    const int64_t offset[] = {0, 2};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; ++r) {
        hg_optimiser_options options = rows[r].options;
        options.beta1 = 0.9, options.beta2 = 0.999, options.epsilon = 1e-8;
        hg_optimiser *optimiser = NULL;
        double w[2] = {1, -1};
        assert_int_equal(hg_optimiser_create(ctx, &options, 1, offset, &optimiser), HG_OK);
        for (int step = 0, row = 0; step < 4; ++step) {
            hg_optimiser_step(ctx, optimiser, 0.1, w, gradient[step], NULL);
            if (step == 2) continue;
            for (int i = 0; i < 2; ++i) assert_close(w[i], rows[r].w[row][i], 1e-9);
            ++row;
        }
        hg_optimiser_destroy(ctx, optimiser);
    }
}

static void unused_tensors_are_left_alone(void **state)
{
    (void)state;
    const int64_t offset[] = {0, 1, 2};
    const double gradient[] = {0.5, 0.5};
    const uint8_t only_first[] = {1, 0};
    hg_optimiser_options options = hg_optimiser_default_options();
    options.kind = HG_OPTIMISER_ADAMW;
    options.weight_decay = 0.01;
    hg_optimiser *optimiser = NULL;
    double w[] = {1, 1};
    assert_int_equal(hg_optimiser_create(ctx, &options, 2, offset, &optimiser), HG_OK);
    hg_optimiser_step(ctx, optimiser, 0.1, w, gradient, only_first);
    assert_close(w[0], 0.899000002, 1e-9);
    assert_true(w[1] == 1 && hg_optimiser_slot(optimiser, 0)[1] == 0 && hg_optimiser_steps(optimiser)[1] == 0);
    /* its first step later is a first step: bias correction counts per tensor */
    hg_optimiser_step(ctx, optimiser, 0.1, w, gradient, NULL);
    assert_close(w[1], 0.899000002, 1e-9);
    hg_optimiser_destroy(ctx, optimiser);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    const int64_t offset[] = {0, 1};
    hg_optimiser *optimiser = NULL;
    hg_optimiser_options options = {.kind = HG_OPTIMISER_SGD, .nesterov = true};
    assert_int_equal(hg_optimiser_create(ctx, &options, 1, offset, &optimiser), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "Nesterov"));
    options = hg_optimiser_default_options();
    options.weight_decay = NAN;
    assert_int_equal(hg_optimiser_create(ctx, &options, 1, offset, &optimiser), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "weight decay"));
    assert_null(optimiser);
}

static void clipping(void **state)
{
    (void)state;
    double g[] = {3, 4}, norm;
    assert_int_equal(hg_gradient_clip(ctx, 2, g, 0, &norm), HG_OK);
    assert_true(norm == 5 && g[0] == 3);
    assert_int_equal(hg_gradient_clip(ctx, 2, g, 10, &norm), HG_OK);
    assert_true(g[0] == 3 && g[1] == 4);
    assert_int_equal(hg_gradient_clip(ctx, 2, g, 1, &norm), HG_OK);
    assert_close(g[0], 3 / (5 + 1e-6), 1e-15);
    assert_close(g[1], 4 / (5 + 1e-6), 1e-15);
}

static void assert_rates(const hg_schedule *schedule, const double *expected, int n)
{
    assert_int_equal(hg_schedule_check(ctx, schedule), HG_OK);
    for (int e = 0; e < n; ++e) assert_close(hg_schedule_rate(schedule, e), expected[e], 5e-9);
}

static void schedules_as_published(void **state)
{
    (void)state;
    hg_schedule s = hg_schedule_default(1);
    s.kind = HG_SCHEDULE_STEP, s.period = 3, s.factor = 0.5;
    assert_rates(&s, (const double[]){1, 1, 1, 0.5, 0.5, 0.5, 0.25}, 7);

    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_COSINE, s.period = 8, s.floor = 0.1;
    assert_rates(&s, (const double[]){1, 0.96574579, 0.86819805, 0.72220754, 0.55, 0.37779246, 0.23180195, 0.13425421, 0.1, 0.13425421},
                 10);

    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_RESTARTS, s.period = 3, s.growth = 2;
    assert_rates(&s, (const double[]){1, 0.75, 0.25, 1, 0.9330127, 0.75, 0.5, 0.25, 0.066987298, 1}, 10);

    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_LINEAR, s.period = 4, s.start = 0.1, s.factor = 1;
    assert_rates(&s, (const double[]){0.1, 0.325, 0.55, 0.775, 1, 1}, 6);

    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_MULTISTEP, s.n_milestones = 2, s.factor = 0.1;
    s.milestone[0] = 2, s.milestone[1] = 5;
    assert_rates(&s, (const double[]){1, 1, 0.1, 0.1, 0.1, 0.01}, 6);

    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_ONECYCLE, s.period = 10;
    assert_rates(&s, (const double[]){0.04, 0.52, 1, 0.95048463, 0.81174565, 0.61126202, 0.38874198, 0.18825835, 0.049519368, 4e-6}, 10);

    s = hg_schedule_default(2), s.kind = HG_SCHEDULE_EXPONENTIAL, s.factor = 0.5;
    assert_rates(&s, (const double[]){2, 1, 0.5}, 3);

    s.warmup = 2;
    assert_rates(&s, (const double[]){1, 2, 0.5}, 3);
}

static void plateau(void **state)
{
    (void)state;
    const double metric[] = {1, 0.9, 0.9, 0.9, 0.8, 0.85, 0.85, 0.85, 0.85}, rate[] = {1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25};
    hg_schedule s = hg_schedule_default(1);
    s.kind = HG_SCHEDULE_PLATEAU, s.factor = 0.5, s.patience = 1;
    for (int e = 0; e < 9; ++e) {
        assert_close(hg_schedule_rate(&s, e), rate[e], 1e-15);
        hg_schedule_report(&s, metric[e]);
    }
}

static void bad_schedules_are_named(void **state)
{
    (void)state;
    hg_schedule s = hg_schedule_default(NAN);
    assert_int_equal(hg_schedule_check(ctx, &s), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "learning rate"));
    s = hg_schedule_default(1), s.kind = HG_SCHEDULE_MULTISTEP, s.n_milestones = 2, s.milestone[0] = 5, s.milestone[1] = 5;
    assert_int_equal(hg_schedule_check(ctx, &s), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "milestone 5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_as_published),      cmocka_unit_test(unused_tensors_are_left_alone),
        cmocka_unit_test(bad_options_are_named),   cmocka_unit_test(clipping),
        cmocka_unit_test(schedules_as_published),  cmocka_unit_test(plateau),
        cmocka_unit_test(bad_schedules_are_named),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
