/* physics/muon_pulls.c — simulated muons through the whole chain: the fit's errors are right. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "pipeline/run_report.h"
#include "tests/simulated.h"

enum { EVENTS = 6, MUONS = 1500 };

static void pulls_of_muons_are_unit_gaussians(void **state)
{
    (void)state;
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_track_models models = {0};
    hg_run_report total = {0};
    hg_simulate_options options = hg_simulate_default_options();
    hg_pull_summary summary[HG_PULLS];

    options.gun.n = MUONS;
    options.gun.pt_gev[0] = 1;
    options.gun.pt_gev[1] = 20;
    assert_int_equal(hg_track_config_read(ctx, "simulated", NULL, NULL, 0, &config), HG_OK);
    assert_int_equal(hg_setup_create(ctx, &config, true, &setup), HG_OK);
    assert_int_equal(hg_track_models_load(ctx, &config, &models), HG_OK);
    for (uint64_t e = 0; e < EVENTS; ++e) {
        hg_event *event = simulated(&options, 11, e);
        hg_track_result result = {0};
        hg_run_report report = {0};
        assert_non_null(event);
        assert_int_equal(hg_track_event(ctx, setup, &models, event, &result), HG_OK);
        assert_int_equal(hg_run_report_make(ctx, setup, &result, &report), HG_OK);
        assert_int_equal(hg_run_report_add(ctx, &report, &total), HG_OK);
        hg_run_report_clear(ctx, &report);
        hg_track_result_clear(ctx, &result);
        hg_event_destroy(ctx, event);
    }
    assert_true(total.n_pulls > EVENTS * MUONS * 95 / 100);
    assert_int_equal(hg_pulls_summarise(ctx, total.n_pulls, total.pull, summary), HG_OK);
    for (int p = 0; p < HG_PULLS; ++p) {
        printf("%-6s mean %+.3f width %.3f\n", hg_pull_name(p), summary[p].mean, summary[p].core_width);
        assert_true(fabs(summary[p].mean) <= 0.05);
        assert_true(fabs(summary[p].core_width - 1) <= 0.05);
    }
    hg_run_report_clear(ctx, &total);
    hg_track_models_destroy(ctx, &models);
    hg_setup_destroy(ctx, setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pulls_of_muons_are_unit_gaussians),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
