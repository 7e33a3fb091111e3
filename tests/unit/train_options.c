/* tests/unit/train_options.c — the table of training options: defaults, assignments, what they mean. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "nn/training/train_options.h"
#include "tests/leaks.h"

static hg_context *ctx;

static void table_and_function_have_the_same_defaults(void **state)
{
    (void)state;
    hg_train_options from_table, from_function = hg_train_default_options();
    memset(&from_table, 0, sizeof from_table);
    assert_int_equal(hg_options_set_defaults(ctx, hg_train_option_table, &from_table), HG_OK);
    for (const hg_option *row = hg_train_option_table; row->name; ++row) {
        static const size_t sizes[] = {sizeof(bool), sizeof(int64_t), sizeof(double), HG_OPTION_TEXT_SIZE, sizeof(int)};
        const char *a = (const char *)&from_table + row->offset, *b = (const char *)&from_function + row->offset;
        if (memcmp(a, b, sizes[row->type]) != 0) fail_msg("%s: the defaults differ", row->name);
    }
}

static void assignments(void **state)
{
    (void)state;
    hg_train_options options = hg_train_default_options();
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.optimiser=sgd", &options), HG_OK);
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.schedule=multistep", &options), HG_OK);
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.schedule_milestones=4,8", &options), HG_OK);
    hg_optimiser_options optimiser;
    hg_schedule schedule;
    assert_int_equal(hg_train_optimiser(ctx, &options, &optimiser), HG_OK);
    assert_int_equal(optimiser.kind, HG_OPTIMISER_SGD);
    assert_true(optimiser.momentum == 0.9);
    assert_int_equal(hg_train_schedule(ctx, &options, 10, &schedule), HG_OK);
    assert_int_equal(schedule.kind, HG_SCHEDULE_MULTISTEP);
    assert_int_equal(schedule.n_milestones, 2);
    assert_int_equal(schedule.milestone[1], 8);
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.learning_rate=nan", &options), HG_ERR_CONFIG);
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.epochs=1e3", &options), HG_ERR_CONFIG);
    assert_int_equal(hg_options_apply_text(ctx, hg_train_option_table, "train.epoch=3", &options), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "train.epochs"));
}

static void whole_training_is_the_default_period(void **state)
{
    (void)state;
    hg_train_options options = hg_train_default_options();
    hg_schedule schedule;
    options.epochs = 5;
    options.batch_graphs = 4;
    options.schedule = HG_SCHEDULE_COSINE;
    assert_int_equal(hg_train_schedule(ctx, &options, 10, &schedule), HG_OK);
    assert_int_equal(schedule.period, 5);
    options.schedule_unit = 1;
    assert_int_equal(hg_train_schedule(ctx, &options, 10, &schedule), HG_OK);
    assert_int_equal(schedule.period, 15); /* three steps an epoch */
    options.schedule_period = 7;
    assert_int_equal(hg_train_schedule(ctx, &options, 10, &schedule), HG_OK);
    assert_int_equal(schedule.period, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_and_function_have_the_same_defaults), cmocka_unit_test(assignments),
                                       cmocka_unit_test(whole_training_is_the_default_period)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
