/* tests/unit/telescope_reports.c — scores in files, and scores against the truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pulse_events.h"

#include "datasets/score_table.h"
#include "pipeline/classify_report.h"

static void tables_survive_files(void **state)
{
    (void)state;
    static const char *const names[] = {"t.csv", "t.csv.gz", "t.h5"};
    hg_score_table table = {.n = 3}, back = {0};
    float *signal, *kappa;
    must(hg_alloc(ctx, &table.event_id, 3));
    memcpy(table.event_id, ((const uint64_t[]){7, UINT64_MAX, 1}), 3 * sizeof(uint64_t));
    must(hg_score_table_add(ctx, &table, "signal", &signal));
    must(hg_score_table_add(ctx, &table, "kappa", &kappa));
    memcpy(signal, ((const float[]){0.1f, 1e-30f, 0.5f}), 3 * sizeof(float));
    memcpy(kappa, ((const float[]){1e5f, 3, 1.0f / 3}), 3 * sizeof(float));
    for (int k = 0; k < 3; ++k) {
        must(hg_score_table_write(ctx, in_folder(names[k]), NULL, &table));
        must(hg_score_table_read(ctx, in_folder(names[k]), &back));
        assert_int_equal(back.n_columns, 2);
        assert_memory_equal(back.event_id, ((const uint64_t[]){1, 7, UINT64_MAX}), 3 * sizeof(uint64_t));
        assert_memory_equal(hg_score_table_find(&back, "signal"), ((const float[]){0.5f, 0.1f, 1e-30f}), 3 * sizeof(float));
        assert_memory_equal(hg_score_table_find(&back, "kappa"), ((const float[]){1.0f / 3, 1e5f, 3}), 3 * sizeof(float));
        hg_score_table_clear(ctx, &back);
    }
    table.event_id[1] = 7;
    must(hg_score_table_write(ctx, in_folder("twice.csv"), NULL, &table));
    assert_int_equal(hg_score_table_read(ctx, in_folder("twice.csv"), &back), HG_ERR_DATA);
    assert_int_equal(hg_score_table_write(ctx, in_folder("t.txt"), NULL, &table), HG_ERR_ARG);
    write_text("other.csv", "event_id,charm\n1,2\n");
    assert_int_equal(hg_score_table_read(ctx, in_folder("other.csv"), &back), HG_ERR_FORMAT);
    hg_score_table_clear(ctx, &table);
}

/* A table of another file's events is an error; events that lack scores are counted. */
static void reports_match_events(void **state)
{
    (void)state;
    hg_pulse_events *events = three_events();
    hg_score_table table = {.n = 2};
    hg_classify_report_options options = {.is_signal = {true, true, true, false}};
    json_t *report = NULL;
    float *z, *x, *y;
    static const char *const place[] = {"vertex_x", "vertex_y", "vertex_z"};
    static const char *const place_width[] = {"vertex_x_width", "vertex_y_width", "vertex_z_width"};
    static const float apart[] = {3, 4, 12};
    must(hg_alloc(ctx, &table.event_id, 2));
    table.event_id[0] = 5;
    table.event_id[1] = 9;
    must(hg_score_table_add(ctx, &table, "dir_x", &x));
    must(hg_score_table_add(ctx, &table, "dir_y", &y));
    must(hg_score_table_add(ctx, &table, "dir_z", &z));
    z[0] = z[1] = -1; /* both travel down, as in truth */
    for (int k = 0; k < 3; ++k) {
        float *at, *width;
        must(hg_score_table_add(ctx, &table, place[k], &at));
        must(hg_score_table_add(ctx, &table, place_width[k], &width));
        for (int i = 0; i < 2; ++i) at[i] = apart[k];
        width[0] = width[1] = 1;
    }
    must(hg_classify_report(ctx, &table, events, &options, &report));
    assert_int_equal(json_integer_value(json_object_get(report, "events")), 2);
    assert_int_equal(json_integer_value(json_object_get(report, "without_scores")), 1);
    const json_t *d = json_array_get(json_object_get(json_array_get(json_object_get(report, "slices"), 0), "direction"), 0);
    near(json_number_value(json_object_get(d, "median_deg")), 0, 1e-6);
    const json_t *v = json_object_get(json_array_get(json_object_get(report, "slices"), 0), "vertex");
    near(json_number_value(json_object_get(v, "median_distance")), 13, 1e-4);
    near(json_number_value(json_object_get(v, "median_error")), 4, 1e-4);
    json_decref(report);
    table.event_id[0] = 100;
    table.event_id[1] = 101;
    assert_int_equal(hg_classify_report(ctx, &table, events, &options, &report), HG_ERR_DATA);
    hg_score_table_clear(ctx, &table);
    hg_pulse_events_destroy(ctx, events);
}

static const json_t *vertex_in(const json_t *report, const char *name)
{
    size_t i;
    const json_t *slice;
    json_array_foreach(json_object_get(report, "slices"), i, slice) if (strcmp(json_string_value(json_object_get(slice, "name")), name) ==
                                                                        0) return json_object_get(slice, "vertex");
    fail_msg("there is no slice \"%s\"", name);
    return NULL;
}

/* The mean of (100, 0, 0) with 10 PE and (50, 0, -350) with 3; an event without pulses has its centre at 0. */
static void reports_slice_classes(void **state)
{
    (void)state;
    static const char *const column[] = {"vertex_x", "vertex_y", "vertex_z", "vertex_x_width", "vertex_y_width", "vertex_z_width"};
    const double away = hypot(1150, 1050) / 13;
    hg_pulse_events *events = three_events();
    hg_score_table table = {.n = 2};
    hg_baselines baselines;
    json_t *report = NULL;
    float *x[6];
    must(hg_alloc(ctx, &table.event_id, 2));
    table.event_id[0] = 5;
    table.event_id[1] = 9;
    for (int k = 0; k < 6; ++k) must(hg_score_table_add(ctx, &table, column[k], &x[k]));
    x[0][0] = 30; /* of the through-going muon */
    must(hg_baselines_make(ctx, events, false, &baselines));
    must(hg_classify_report(ctx, &table, events, &(hg_classify_report_options){.baselines = &baselines}, &report));
    near(json_number_value(json_object_get(vertex_in(report, "all"), "median_distance")), 15, 1e-4);
    near(json_number_value(json_object_get(vertex_in(report, "all"), "centre_of_charge_distance")), away / 2, 1e-4);
    near(json_number_value(json_object_get(vertex_in(report, "class through"), "median_distance")), 30, 1e-4);
    near(json_number_value(json_object_get(vertex_in(report, "class through"), "centre_of_charge_distance")), away, 1e-4);
    near(json_number_value(json_object_get(vertex_in(report, "class bundle"), "centre_of_charge_distance")), 0, 1e-4);
    json_decref(report);
    hg_baselines_clear(ctx, &baselines);
    hg_score_table_clear(ctx, &table);
    hg_pulse_events_destroy(ctx, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_survive_files),
        cmocka_unit_test(reports_match_events),
        cmocka_unit_test(reports_slice_classes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
