/* tests/unit/pulses.c — telescope events in memory and in HDF5: directions, choices, round trips in bits, bad events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "datasets/hdf5.h"
#include "datasets/pulse_arrays.h"
#include "hitgraph/display_pulses.h"
#include "hitgraph/pulse_files.h"

/* A vertical down-going muon comes from above and travels down; one from the east (+x) travels to -x. */
static void directions_are_of_travel(void **state)
{
    (void)state;
    double d[3], zenith, azimuth;
    hg_direction_of_travel(0, 0, d);
    assert_true(d[0] == 0 && d[1] == 0 && d[2] == -1);
    hg_direction_of_travel(M_PI / 2, 0, d);
    assert_true(fabs(d[0] + 1) < 1e-15 && fabs(d[2]) < 1e-15);
    hg_direction_of_travel(2.5, 4.5, d);
    hg_direction_of_origin((const float[]){(float)d[0], (float)d[1], (float)d[2]}, &zenith, &azimuth);
    assert_true(fabs(zenith - 2.5) < 1e-6 && fabs(azimuth - 4.5) < 1e-6);
    hg_direction_of_origin((const float[]){0, 0, -1}, &zenith, &azimuth);
    assert_true(zenith == 0 && azimuth == 0);
}

enum { EVENTS = 4, PULSES = 6, SENSORS = 3, ALL = -1 };

/* Events of 2, 0, 1 and 3 pulses; every array holds different numbers. */
static hg_pulse_events *four_events(unsigned parts)
{
    hg_pulse_events *events = NULL;
    must(hg_pulse_events_create(ctx, EVENTS, PULSES, SENSORS, parts, &events));
    memcpy(events->offset, ((const int64_t[]){0, 2, 2, 3, 6}), (EVENTS + 1) * sizeof(int64_t));
    int salt = 1;
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a, ++salt) {
        void *data = *hg_pulse_array_of(events, a);
        const int64_t n = hg_pulse_array_rows(events, a) * (a->column.width ? a->column.width : 1);
        for (int64_t i = 0; data && i < n; ++i) {
            const double value = salt + 0.123456789 * (double)i;
            if (a->column.type == HG_H5_F32) ((float *)data)[i] = (float)value;
            if (a->column.type == HG_H5_F64) ((double *)data)[i] = value;
            if (a->column.type == HG_H5_I32) ((int32_t *)data)[i] = (int32_t)(i % SENSORS);
            if (a->column.type == HG_H5_U64) ((uint64_t *)data)[i] = (uint64_t)(1000 - i);
            if (a->column.type == HG_H5_I64) ((int64_t *)data)[i] = 7 * i;
            if (a->column.type == HG_H5_U8) ((uint8_t *)data)[i] = (uint8_t)(i & 1);
        }
    }
    for (int e = 0; events->truth.dir && e < EVENTS; ++e) {
        double d[3];
        hg_direction_of_travel(0.3 + e, e, d);
        for (int k = 0; k < 3; ++k) events->truth.dir[3 * e + k] = (float)d[k];
    }
    return events;
}

static void expect_same(const hg_pulse_events *a, const hg_pulse_events *b)
{
    assert_int_equal(a->n_events, b->n_events);
    assert_int_equal(a->n_pulses, b->n_pulses);
    assert_int_equal(hg_pulse_events_parts(a), hg_pulse_events_parts(b));
    assert_memory_equal(a->offset, b->offset, (size_t)(a->n_events + 1) * sizeof *a->offset);
    for (const hg_pulse_array *array = hg_pulse_array_list; array->column.path; ++array) {
        const size_t bytes = (size_t)hg_pulse_array_rows(a, array) * hg_pulse_array_bytes(array);
        if (hg_pulse_array_data(a, array)) assert_memory_equal(hg_pulse_array_data(a, array), hg_pulse_array_data(b, array), bytes);
    }
}

/* With all arrays, and with the least; bytes do not depend on the cut into batches. */
static void files_keep_every_bit(void **state)
{
    (void)state;
    static const unsigned parts[] = {(unsigned)ALL, 0, HG_PULSE_SENSOR | HG_TRUTH_LABEL};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
        hg_pulse_events *events = four_events(parts[i]), *back = NULL, *first = NULL, *rest = NULL;
        hg_pulses_h5 *file = NULL;
        hg_pulse_report report;
        must(hg_pulses_h5_write(ctx, in_folder("one.h5"), NULL, events));
        assert_true(hg_pulse_file_is_one(ctx, in_folder("one.h5")));
        assert_int_equal(hg_pulse_events_read(ctx, in_folder("one.h5"), NULL, &report, &back), HG_OK);
        assert_int_equal(report.n_read, EVENTS);
        assert_int_equal(report.n_without_pulses, 1);
        expect_same(events, back);
        must(hg_pulse_events_select(ctx, events, (const int64_t[]){0, 1}, 2, &first));
        must(hg_pulse_events_select(ctx, events, (const int64_t[]){2, 3}, 2, &rest));
        must(hg_pulses_h5_begin(ctx, in_folder("two.h5"), NULL, &events->sensors, &file));
        must(hg_pulses_h5_append(ctx, file, first));
        must(hg_pulses_h5_append(ctx, file, rest));
        must(hg_pulses_h5_commit(ctx, file));
        shell("cmp %s %s", in_folder("one.h5"), in_folder("two.h5"));
        hg_pulse_events_destroy(ctx, events);
        hg_pulse_events_destroy(ctx, back);
        hg_pulse_events_destroy(ctx, first);
        hg_pulse_events_destroy(ctx, rest);
    }
}

/* No events at all, and events without any pulse. */
static void empty_files_are_legal(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 3; n += 2) {
        hg_pulse_events *events = NULL, *back = NULL;
        must(hg_pulse_events_create(ctx, n, 0, 0, 0, &events));
        must(hg_pulses_h5_write(ctx, in_folder("empty.h5"), NULL, events));
        assert_int_equal(hg_pulse_events_read(ctx, in_folder("empty.h5"), NULL, NULL, &back), HG_OK);
        expect_same(events, back);
        hg_pulse_events_destroy(ctx, events);
        hg_pulse_events_destroy(ctx, back);
    }
}

/* The same file with "from": directions are turned; without truth: none is read. */
static void conventions_are_obeyed(void **state)
{
    (void)state;
    hg_pulse_events *events = four_events(HG_TRUTH_DIR), *back = NULL;
    hg_h5 *h5 = NULL;
    must(hg_h5_create(ctx, in_folder("from.h5"), "pulses", &h5));
    must(hg_h5_set_string(ctx, h5, "/", "dir_convention", "from"));
    must(hg_h5_write(ctx, h5, &(hg_h5_column){"/events/offset", HG_H5_I64, 0, "1", "x"}, events->offset, EVENTS + 1));
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a)
        if (hg_pulse_array_data(events, a))
            must(hg_h5_write(ctx, h5, &a->column, hg_pulse_array_data(events, a), hg_pulse_array_rows(events, a)));
    must(hg_h5_commit(ctx, &h5));
    must(hg_pulse_events_read(ctx, in_folder("from.h5"), NULL, NULL, &back));
    for (int i = 0; i < 3 * EVENTS; ++i) assert_true(back->truth.dir[i] == -events->truth.dir[i]);
    hg_pulse_events_destroy(ctx, back);
    must(hg_pulse_events_read(ctx, in_folder("from.h5"), &(hg_pulse_read_options){.truth = HG_TRUTH_NONE}, NULL, &back));
    assert_null(back->truth.dir);
    hg_pulse_events_destroy(ctx, back);
    hg_pulse_events_destroy(ctx, events);
}

/* One bad event harms only itself, and is named. */
static void bad_events_are_listed(void **state)
{
    (void)state;
    hg_pulse_events *events = four_events((unsigned)ALL), *back = NULL;
    hg_pulse_report report;
    events->pulses.q[1] = -1.5f;
    events->pulses.t[2] = NAN;
    must(hg_pulses_h5_write(ctx, in_folder("bad.h5"), NULL, events));
    assert_int_equal(hg_pulse_events_read(ctx, in_folder("bad.h5"), NULL, &report, &back), HG_INFO_PARTIAL);
    assert_int_equal(back->n_events, 2);
    assert_int_equal(back->event_id[1], 997);
    assert_true(back->pulses.t[0] == events->pulses.t[3]);
    assert_int_equal(report.n_left_out, 2);
    assert_int_equal(report.count[HG_FAULT_NEGATIVE_CHARGE], 1);
    assert_int_equal(report.example[HG_FAULT_NEGATIVE_CHARGE][0], 1000);
    assert_string_equal(report.first[HG_FAULT_NEGATIVE_CHARGE],
                        "table /pulses, column q: event 1000, pulse 1 of it: found -1.5, expected 0 or more");
    assert_string_equal(report.first[HG_FAULT_NOT_A_NUMBER],
                        "table /pulses, column t: event 998, pulse 0 of it: found nan, expected a finite number");
    hg_pulse_events_destroy(ctx, back);
    for (int i = 0; i < PULSES; ++i) events->pulses.q[i] = -1;
    events->truth.dir[3] = 7;
    must(hg_pulses_h5_write(ctx, in_folder("bad.h5"), NULL, events));
    expect_failure(hg_pulse_events_read(ctx, in_folder("bad.h5"), NULL, NULL, &back), HG_ERR_DATA, "none of 4 events is good");
    hg_pulse_events_destroy(ctx, events);
}

static int count_of(const char *text, const char *wanted)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, wanted)); ++at) ++n;
    return n;
}

/* A disc for each sensor with light in each of two views; events without pulses are drawn too; titles hold no markup. */
static void pictures_show_the_light(void **state)
{
    (void)state;
    static const int lit[EVENTS] = {2, 0, 1, 3};
    hg_pulse_events *events = four_events((unsigned)ALL);
    for (int e = 0; e < EVENTS; ++e) {
        char *svg = NULL;
        size_t length = 0;
        events->truth.label[e] = HG_CLASS_THROUGH;
        must(hg_pulse_display_svg(ctx, events, e, "a < b", &svg, &length));
        assert_int_equal(strlen(svg), length);
        assert_int_equal(count_of(svg, "<circle"), 2 * lit[e]);
        assert_int_equal(count_of(svg, "<line"), 2);
        assert_int_equal(count_of(svg, "a &lt; b"), 1);
        assert_int_equal(count_of(svg, "true: through"), 1);
        assert_non_null(strstr(svg, "</svg>"));
        hg_free(ctx, svg);
    }
    char *none = NULL;
    expect_failure(hg_pulse_display_svg(ctx, events, EVENTS, NULL, &none, NULL), HG_ERR_ARG, "event 4 of 4");
    hg_pulse_events_destroy(ctx, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_are_of_travel), cmocka_unit_test(files_keep_every_bit),  cmocka_unit_test(empty_files_are_legal),
        cmocka_unit_test(conventions_are_obeyed),   cmocka_unit_test(bad_events_are_listed), cmocka_unit_test(pictures_show_the_light),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
