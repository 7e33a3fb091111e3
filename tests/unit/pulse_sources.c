/* tests/unit/pulse_sources.c — SQLite and CSV of neutrino telescopes against what sqlite3 and the text say, in bits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "hitgraph/pulse_files.h"

#define SAMPLES "../shared/data/neutrino/"

static hg_pulse_events *read_events(const char *path, const hg_pulse_read_options *options, hg_status expected)
{
    hg_pulse_events *events = NULL;
    const hg_status status = hg_pulse_events_read(ctx, path, options, NULL, &events);
    if (status != expected) fail_msg("%s: status %d, expected %d: %s", path, status, expected, hg_context_message(ctx));
    return events;
}

static int same_bits(float a, double b)
{
    const float nearest = (float)b;
    return memcmp(&a, &nearest, sizeof a) == 0;
}

/* Every pulse of a table as the program sqlite3 prints it with 17 digits, in the order of events and rows. */
static void compare_with_sqlite(const hg_pulse_events *events, const char *path, const char *table, const char *const columns[6])
{
    char query[1024];
    size_t n = (size_t)snprintf(query, sizeof query, "sqlite3 -separator ' ' %s \"SELECT event_no", path);
    for (int c = 0; c < 6; ++c) n += (size_t)snprintf(query + n, sizeof query - n, ", printf('%%!.17g', %s)", columns[c]);
    snprintf(query + n, sizeof query - n, " FROM %s ORDER BY event_no, rowid\"", table);
    FILE *pipe = popen(query, "r");
    assert_non_null(pipe);
    int64_t i = 0, e = 0;
    char line[512];
    for (; fgets(line, sizeof line, pipe); ++i) {
        unsigned long long event;
        double v[6];
        assert_int_equal(sscanf(line, "%llu %lf %lf %lf %lf %lf %lf", &event, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), 7);
        while (events->offset[e + 1] <= i) ++e;
        assert_int_equal(events->event_id[e], event);
        assert_true(events->t0[e] == 0);
        const hg_pulses *p = &events->pulses;
        const float found[] = {p->x[i], p->y[i], p->z[i], p->t[i], p->q[i], p->rde ? p->rde[i] : 1};
        for (int c = 0; c < 6; ++c)
            if (!same_bits(found[c], v[c]))
                fail_msg("%s: pulse %lld, %s: %.9g, expected %.17g", path, (long long)i, columns[c], (double)found[c], v[c]);
    }
    pclose(pipe);
    assert_int_equal(i, events->n_pulses);
}

static int has_sqlite3(void)
{
    if (system("command -v sqlite3 > /dev/null") == 0) return 1;
    printf("SKIP: the program sqlite3 is missing\n");
    return 0;
}

static void prometheus_is_read_bit_for_bit(void **state)
{
    (void)state;
    const char *path = SAMPLES "prometheus-events.db";
    if (!has_sample(path) || !has_sqlite3()) skip();
    hg_pulse_events *events = NULL;
    expect_failure(hg_pulse_events_read(ctx, path, NULL, NULL, &events), HG_ERR_ARG, "give --direction from or to");
    events = read_events(path, &(hg_pulse_read_options){.direction = HG_DIR_TO}, HG_OK);
    assert_int_equal(events->n_events, 50);
    assert_int_equal(events->n_pulses, 1872);
    compare_with_sqlite(events, path, "total", (const char *const[]){"sensor_pos_x", "sensor_pos_y", "sensor_pos_z", "t", "1.0", "1.0"});
    for (int64_t e = 0; e < events->n_events; ++e) {
        if (events->event_id[e] != 20) continue; /* its injection: zenith 2.0709, azimuth 5.1261, here of travel */
        assert_true(fabs((double)events->truth.dir[3 * e + 2] - cos(2.07085762163414)) < 1e-6);
        assert_true(fabs((double)events->truth.dir[3 * e] - sin(2.07085762163414) * cos(5.1260660109798)) < 1e-6);
        assert_true(same_bits(events->truth.energy[e], 11.0470522855927));
        assert_int_equal(events->truth.pdg[e], 14);
    }
    hg_pulse_events_destroy(ctx, events);
}

/* Any number of threads, and any way through the HDF5 file, gives the same events. */
static void upgrade_is_read_bit_for_bit(void **state)
{
    (void)state;
    const char *path = SAMPLES "upgrade_genie_step4_140028_000998_first_5_frames.db";
    if (!has_sample(path) || !has_sqlite3()) skip();
    hg_pulse_events *events = read_events(path, &(hg_pulse_read_options){.pulse_table = "SplitInIcePulses"}, HG_OK), *back;
    assert_int_equal(events->n_events, 5);
    assert_int_equal(events->n_pulses, 625);
    compare_with_sqlite(events, path, "SplitInIcePulses", (const char *const[]){"dom_x", "dom_y", "dom_z", "dom_time", "charge", "rde"});
    assert_true(fabs((double)events->truth.dir[2] + cos(1.85620114099354)) < 1e-6); /* zenith is where it comes from */
    for (int64_t i = 0; i < events->n_pulses; ++i) {
        const int32_t s = events->pulses.sensor[i];
        assert_true(events->sensors.x[s] == events->pulses.x[i] && events->sensors.z[s] == events->pulses.z[i]);
    }
    must(hg_pulses_h5_write(ctx, in_folder("upgrade.h5"), NULL, events));
    back = read_events(in_folder("upgrade.h5"), NULL, HG_OK);
    assert_memory_equal(back->pulses.t, events->pulses.t, 625 * sizeof(float));
    assert_memory_equal(back->truth.dir, events->truth.dir, 15 * sizeof(float));
    assert_memory_equal(back->pulses.axis, events->pulses.axis, 3 * 625 * sizeof(float));
    hg_pulse_events_destroy(ctx, back);
    hg_pulse_events_destroy(ctx, events);
}

static void km3net_is_read_bit_for_bit(void **state)
{
    (void)state;
    const char *path = SAMPLES "km3-230213a/derived-hits.csv.gz";
    if (!has_sample(path)) skip();
    hg_pulse_events *events = read_events(path, NULL, HG_OK);
    FILE *pipe = popen("zcat " SAMPLES "km3-230213a/derived-hits.csv.gz | tail -n +2", "r");
    char line[512];
    int64_t i = 0, triggered = 0;
    assert_non_null(pipe);
    for (; fgets(line, sizeof line, pipe); ++i) {
        double t, tot, x, y, z;
        assert_int_equal(sscanf(line, "%*d,%*d,%*d,%*d,%lf,%lf,%lf,%lf,%lf", &t, &tot, &x, &y, &z), 5);
        const hg_pulses *p = &events->pulses;
        assert_true(same_bits(p->t[i], t) && same_bits(p->tot[i], tot) && same_bits(p->x[i], x) && same_bits(p->z[i], z));
        assert_true(p->q[i] == 1);
        triggered += p->hlc[i];
    }
    pclose(pipe);
    assert_int_equal(i, 28086);
    assert_int_equal(events->n_pulses, 28086);
    assert_int_equal(events->n_events, 1);
    assert_int_equal(triggered, 24893);
    hg_pulse_events_destroy(ctx, events);
}

/* ---- small files of our own ---- */

static const char kaggle_geometry[] = "sensor_id,x,y,z\n2,20,21,22\n0,0.5,1,2\n1,10,11,12\n";
static const char kaggle_batch[] = "event_id,sensor_id,time,charge,auxiliary\n"
                                   "24,1,6000,1.5,False\n24,0,6010,0.5,True\n"
                                   "41,2,5000,nan,False\n"
                                   "7,9,5000,1,False\n"
                                   "77,2,5000000000,2,False\n77,2,5000000012,2,True\n"
                                   "78,2,5,2,False\n";
static const char kaggle_meta[] = "batch_id,event_id,first_pulse_index,last_pulse_index,azimuth,zenith\n"
                                  "1,24,0,1,0,0\n1,41,2,2,1,1\n1,7,3,3,1,1\n1,77,4,5,1,1.5\n2,99,0,3,1,1\n";

static void kaggle_batches(void **state)
{
    (void)state;
    write_text("sensor_geometry.csv", kaggle_geometry);
    write_text("train_meta.csv", kaggle_meta);
    shell("mkdir -p %s/train", folder);
    write_text("train/batch_1.csv", kaggle_batch);
    hg_pulse_report report;
    hg_pulse_events *events = NULL;
    assert_int_equal(hg_pulse_events_read(ctx, in_folder("train/batch_1.csv"), NULL, &report, &events), HG_INFO_PARTIAL);
    assert_int_equal(events->n_events, 2);
    assert_int_equal(events->event_id[0], 24);
    assert_int_equal(events->event_id[1], 77);
    assert_true(events->pulses.x[0] == 10 && events->pulses.x[1] == 0.5f && events->pulses.z[2] == 22);
    assert_int_equal(events->pulses.hlc[0], 1); /* not auxiliary: hard local coincidence */
    assert_int_equal(events->pulses.hlc[1], 0);
    assert_true(events->truth.dir[2] == -1); /* from above, down */
    assert_true(events->t0[1] == 5e9 && events->pulses.t[2] == 0 && events->pulses.t[3] == 12);
    assert_int_equal(report.n_read, 5);
    assert_int_equal(report.count[HG_FAULT_NOT_A_NUMBER], 1);
    assert_int_equal(report.count[HG_FAULT_UNKNOWN_SENSOR], 1);
    assert_int_equal(report.count[HG_FAULT_NO_TRUTH], 1);
    assert_int_equal(report.example[HG_FAULT_UNKNOWN_SENSOR][0], 7);
    assert_string_equal(report.first[HG_FAULT_NOT_A_NUMBER], "column charge: event 41, pulse 0 of it: found nan, expected a finite number");
    hg_pulse_events_destroy(ctx, events);
    unlink(in_folder("sensor_geometry.csv"));
    expect_failure(hg_pulse_events_read(ctx, in_folder("train/batch_1.csv"), NULL, NULL, &events), HG_ERR_FORMAT, "--geometry");
}

/* What `sqlite3 -csv -header` writes loads like the database. */
static void exported_tables(void **state)
{
    (void)state;
    write_text("pulses.csv",
               "event_no,sensor_pos_x,sensor_pos_y,sensor_pos_z,t,sensor_id,sensor_string_id\n3,1,2,3,4.25,7,1\n1,1,2,3,4,7,1\n"
               "3,1.5,2,3,4.5,8,1\n");
    hg_pulse_events *events = read_events(in_folder("pulses.csv"), NULL, HG_OK);
    assert_int_equal(events->n_events, 2);
    assert_int_equal(events->event_id[0], 1);
    assert_int_equal(events->offset[1], 1);
    assert_true(events->pulses.t[1] == 4.25f && events->pulses.t[2] == 4.5f);
    assert_int_equal(events->pulses.sensor[2], 1);
    assert_int_equal(events->sensors.source_id[1], 8);
    hg_pulse_events_destroy(ctx, events);
}

/* Rows of events in any order, ids stored as REAL, events without pulses; several connections give what one gives. */
static void shuffled_databases(void **state)
{
    (void)state;
    if (!has_sqlite3()) skip();
    shell("sqlite3 %s/many.db \"CREATE TABLE pulses(event_no, dom_x, dom_y, dom_z, dom_time, charge, string, dom_number);"
          "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 349999) INSERT INTO pulses SELECT (i * 7919) %% 1000, "
          "i %% 50, "
          "i %% 60, -i, i * 0.25, 1 + i %% 3, i %% 50, i %% 60 FROM c;"
          "CREATE TABLE truth(event_no INTEGER PRIMARY KEY, zenith, azimuth, energy);"
          "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 1001) INSERT INTO truth SELECT i, 0.5, 1, 10 FROM c;\"",
          folder);
    hg_pulse_events *one, *four;
    must(hg_context_set_threads(ctx, 1));
    one = read_events(in_folder("many.db"), NULL, HG_OK);
    must(hg_context_set_threads(ctx, 4));
    four = read_events(in_folder("many.db"), NULL, HG_OK);
    must(hg_context_set_threads(ctx, 0));
    assert_int_equal(one->n_events, 1002);
    assert_int_equal(one->offset[1000], 350000);
    assert_int_equal(one->offset[1002], 350000);
    for (int64_t i = 1; i < 350; ++i) assert_true(one->pulses.t[i] > one->pulses.t[i - 1]); /* rows of an event keep their order */
    assert_memory_equal(one->pulses.t, four->pulses.t, (size_t)one->n_pulses * sizeof(float));
    assert_memory_equal(one->pulses.sensor, four->pulses.sensor, (size_t)one->n_pulses * sizeof(int32_t));
    assert_int_equal(one->sensors.n, 300);
    hg_pulse_events_destroy(ctx, one);
    hg_pulse_events_destroy(ctx, four);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_is_read_bit_for_bit),
        cmocka_unit_test(upgrade_is_read_bit_for_bit),
        cmocka_unit_test(km3net_is_read_bit_for_bit),
        cmocka_unit_test(kaggle_batches),
        cmocka_unit_test(exported_tables),
        cmocka_unit_test(shuffled_databases),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
