/* tests/bad/pulses.c — broken files of neutrino telescopes: the message names file, table, column and event; nothing crashes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#include "hitgraph/pulse_files.h"
#include "hitgraph/simulate_pulses.h"

#define TRUTH "CREATE TABLE truth(event_no INTEGER PRIMARY KEY, zenith, azimuth, energy);"
#define PULSES "CREATE TABLE hits(event_no, dom_x, dom_y, dom_z, dom_time, charge, string, dom_number);"

/* Runs statements on a new database in the test's folder. */
static void database(const char *name, const char *sql)
{
    unlink(in_folder(name));
    shell("sqlite3 %s \"%s\"", in_folder(name), sql);
}

static void expect_refusal(const char *name, const hg_pulse_read_options *options, hg_status expected, const char *text)
{
    hg_pulse_events *events = NULL;
    expect_failure(hg_pulse_events_read(ctx, in_folder(name), options, NULL, &events), expected, text);
    assert_null(events);
}

static void missing_tables_and_columns(void **state)
{
    (void)state;
    database("a.db", "CREATE TABLE notes(text);");
    expect_refusal("a.db", NULL, HG_ERR_FORMAT, "no table of pulses");
    expect_refusal("a.db", NULL, HG_ERR_FORMAT, "found 1 tables: notes");
    expect_refusal("a.db", &(hg_pulse_read_options){.pulse_table = "hits"}, HG_ERR_FORMAT, "table hits is missing; found 1 tables: notes");
    database("a.db", "CREATE TABLE hits(event_no, dom_x, dom_y, dom_z, charge);");
    expect_refusal("a.db", NULL, HG_ERR_FORMAT, "a.db: table hits: column dom_time or time or t or hit_time is missing; found event_no");
    database("a.db", PULSES "CREATE TABLE truth(event_no, zenith);");
    expect_refusal("a.db", &(hg_pulse_read_options){.truth_table = "truth"}, HG_ERR_FORMAT, "table truth: column azimuth");
    expect_refusal("a.db", &(hg_pulse_read_options){.truth = HG_TRUTH_NEEDED}, HG_ERR_FORMAT, "no table of truth");
    database("a.db", PULSES "CREATE TABLE more(event_no, dom_x, dom_y, dom_z, t);");
    expect_refusal("a.db", NULL, HG_ERR_ARG, "more than one table of pulses, hits and more");
    database("a.db", PULSES "CREATE VIEW evil AS SELECT * FROM hits;");
    expect_refusal("a.db", &(hg_pulse_read_options){.pulse_table = "evil"}, HG_ERR_FORMAT, "table evil is missing");
}

static void bad_rows_are_listed(void **state)
{
    (void)state;
    hg_pulse_report report;
    hg_pulse_events *events = NULL;
    database("b.db", PULSES TRUTH
             "INSERT INTO hits VALUES (1,0,0,0,5,1,1,1),(2,0,0,0,NULL,1,1,1),(3,0,0,0,5,-2,1,1),(4,0,0,0,5,1,1,1),"
             "(5,0,0,0,5,1,1,1),(6,0,0,0,5,'much',1,1),(7,0,0,0,5,1,-4,1),(9,0,0,0,9e999,1,1,1);"
             "INSERT INTO truth VALUES (1,0,0,10),(2,0,0,10),(3,0,0,10),(5,0,NULL,10),(6,0,0,1),(7,0,0,1),(8,0,0,1),(9,0,0,1);");
    assert_int_equal(hg_pulse_events_read(ctx, in_folder("b.db"), NULL, &report, &events), HG_INFO_PARTIAL);
    assert_int_equal(events->n_events, 2); /* 1 is good, 8 has no pulses */
    assert_int_equal(events->event_id[1], 8);
    assert_int_equal(report.n_without_pulses, 1);
    assert_int_equal(report.count[HG_FAULT_NOT_A_NUMBER], 3);
    assert_int_equal(report.count[HG_FAULT_NEGATIVE_CHARGE], 1);
    assert_int_equal(report.count[HG_FAULT_NO_TRUTH], 1);
    assert_int_equal(report.count[HG_FAULT_BAD_TRUTH], 1);
    assert_int_equal(report.count[HG_FAULT_UNKNOWN_SENSOR], 1);
    assert_string_equal(report.first[HG_FAULT_NOT_A_NUMBER],
                        "table hits, column dom_time: event 2, pulse 0 of it: found nan, expected a finite number");
    assert_string_equal(report.first[HG_FAULT_NO_TRUTH], "table truth: event 4 has pulses but no row of truth");
    hg_pulse_events_destroy(ctx, events);
    /* without the truth, event 4 is as good as 1 */
    must(hg_pulse_events_read(ctx, in_folder("b.db"), &(hg_pulse_read_options){.truth = HG_TRUTH_NONE}, &report, &events));
    assert_int_equal(events->n_events, 3);
    hg_pulse_events_destroy(ctx, events);
    database("b.db", PULSES "INSERT INTO hits VALUES ('x',0,0,0,5,1,1,1);");
    expect_refusal("b.db", NULL, HG_ERR_FORMAT, "hits, row 1: the event has no number");
}

/* An open sqlite3 that has run some statements; *pipe ends it. */
static FILE *busy(const char *name, const char *sql)
{
    char command[512];
    unlink(in_folder("ready"));
    snprintf(command, sizeof command, "sqlite3 %s > /dev/null", in_folder(name));
    FILE *pipe = popen(command, "w");
    assert_non_null(pipe);
    fprintf(pipe, "%s\n.shell touch %s\n", sql, in_folder("ready"));
    fflush(pipe);
    for (int i = 0; i < 500 && access(in_folder("ready"), F_OK) != 0; ++i) usleep(10000);
    return pipe;
}

static void databases_that_are_written(void **state)
{
    (void)state;
    database("c.db", PULSES "INSERT INTO hits VALUES (1,0,0,0,5,1,1,1);");
    FILE *pipe = busy("c.db", "BEGIN EXCLUSIVE;");
    expect_refusal("c.db", NULL, HG_ERR_FORMAT, "database is locked; hint: the database is being written");
    pclose(pipe);
    pipe = busy("c.db", "PRAGMA journal_mode = WAL; INSERT INTO hits VALUES (2,0,0,0,5,1,1,1);");
    expect_refusal("c.db", NULL, HG_ERR_FORMAT, "is being written, or its writer was stopped");
    pclose(pipe);
    hg_pulse_events *events = NULL; /* the writer has put its log into the database; the folder may be read-only then */
    must(hg_pulse_events_read(ctx, in_folder("c.db"), NULL, NULL, &events));
    assert_int_equal(events->n_events, 2);
    hg_pulse_events_destroy(ctx, events);
    write_text("c.db-journal", "something");
    expect_refusal("c.db", NULL, HG_ERR_FORMAT, "c.db-journal holds 9 bytes");
}

static void truncated_and_damaged_databases(void **state)
{
    (void)state;
    hg_pulse_events *events = NULL;
    size_t length = 0;
    char *bytes = NULL;
    database("d.db",
             PULSES TRUTH "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 599) INSERT INTO hits SELECT i / 50, "
                          "i, 1, 2, 3, 4, 5, 6 FROM c; INSERT INTO truth SELECT event_no, 0, 0, 1 FROM hits GROUP BY event_no;");
    must(hg_read_file(ctx, in_folder("d.db"), 1 << 20, &bytes, &length));
    for (size_t cut = 0; cut < length; cut += 211) {
        write_bytes("cut.db", bytes, cut);
        const hg_status status = hg_pulse_events_read(ctx, in_folder("cut.db"), NULL, NULL, &events);
        if (status != HG_ERR_FORMAT) fail_msg("%zu of %zu bytes: status %d", cut, length, status);
        if (cut >= 100) assert_non_null(strstr(hg_context_message(ctx), "cut.db: is truncated"));
    }
    /* the header lies about the size: the library must notice, or read something that is checked as any input */
    memset(bytes + 92, 0xff, 4);
    for (size_t cut = 512; cut < length; cut += 997) {
        write_bytes("cut.db", bytes, cut);
        if (hg_pulse_events_read(ctx, in_folder("cut.db"), NULL, NULL, &events) >= 0) hg_pulse_events_destroy(ctx, events);
    }
    int noticed = 0;
    for (size_t i = 0; i < 300; ++i) {
        const size_t at = 100 + i * 7919 % (length - 100);
        bytes[at] = (char)(bytes[at] ^ (1 << i % 8));
        write_bytes("flip.db", bytes, length);
        bytes[at] = (char)(bytes[at] ^ (1 << i % 8));
        if (hg_pulse_events_read(ctx, in_folder("flip.db"), NULL, NULL, &events) >= 0)
            hg_pulse_events_destroy(ctx, events);
        else
            ++noticed;
    }
    assert_true(noticed > 0);
    hg_free(ctx, bytes);
}

/* Every allocation fails once: the status says so, nothing is kept, the next call works. */
static void memory_that_runs_out(void **state)
{
    (void)state;
    database("m.db",
             PULSES TRUTH "INSERT INTO hits VALUES (1,0,0,0,5,1,1,1),(2,0,0,0,5,-1,1,1); INSERT INTO truth VALUES (1,0,0,10),(2,0,0,1);");
    hg_pulse_events *events = NULL;
    must(hg_context_set_threads(ctx, 1));
    for (int64_t n = 0;; ++n) {
        const size_t used = hg_memory_used(ctx);
        hg_memory_fail_after(ctx, n);
        const hg_status status = hg_pulse_events_read(ctx, in_folder("m.db"), NULL, NULL, &events);
        hg_memory_fail_after(ctx, -1);
        if (status >= 0) {
            assert_true(n > 20);
            break;
        }
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_null(events);
        assert_int_equal(hg_memory_used(ctx), used);
    }
    assert_int_equal(events->n_events, 1);
    hg_pulse_events_destroy(ctx, events);
    events = NULL;
    hg_telescope *telescope = NULL;
    must(hg_telescope_create(ctx, "datasets/presets/icecube.yaml", NULL, NULL, 0, 0, &telescope));
    for (int64_t n = 0; !events; n += 1 + n / 4) {
        uint64_t next = 0;
        const size_t used = hg_memory_used(ctx);
        hg_memory_fail_after(ctx, n);
        const hg_status status = hg_telescope_simulate(ctx, telescope, 1, &next, 3, NULL, &events);
        hg_memory_fail_after(ctx, -1);
        if (status < 0) assert_int_equal(hg_memory_used(ctx), used);
        assert_true(status >= 0 ? next > 0 : status == HG_ERR_NOMEM && next == 0);
    }
    hg_pulse_events_destroy(ctx, events);
    hg_telescope_destroy(ctx, telescope);
    must(hg_context_set_threads(ctx, 0));
}

/* The program: exit code 3 with the good events written, and what is said. */
static void the_program_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int code;
        const char *texts[4];
    } cases[] = {
        {"convert b.db b.h5", 3, {"left out 2 of 3 events", "1 negative charge: events 3", "table hits, column charge: event 3", NULL}},
        {"info b.h5", 0, {NULL}},
        {"convert a.db a.h5", 3, {"a.db: table hits: column", "is missing", NULL}},
        {"convert none.db a.h5", 3, {"none.db", NULL}},
        {"convert text.db a.h5", 3, {"text.db: not a file of telescope events", NULL}},
        {"convert b.db", 2, {"--out is missing", NULL}},
        {"convert --direction up b.db b.h5", 2, {"--direction: found \"up\"", NULL}},
        {"info d.h5", 3, {"d.h5", NULL}},
        {"simulate --preset icecube --level 3 --out s.h5", 2, {"level: found 3", NULL}},
        {"simulate --preset icecube --events 5", 2, {"--out is missing", NULL}},
        {"simulate --preset icecube -s simulate.aim.impact=3 --out s.h5", 2, {"simulate.aim.impact_m", NULL}},
        {"simulate --preset icecube --geometry text.db --out s.h5", 3, {"text.db:1: column 'dom_x' is missing", NULL}},
        {"simulate --preset icecube --ice none.csv --out s.h5", 3, {"none.csv", NULL}},
        {"simulate --preset icecube --events 5 -s simulate.optics.efficiency=0 --out s.h5", 3, {"without a trigger", NULL}},
    };
    database("a.db", "CREATE TABLE hits(event_no, dom_x, dom_y, dom_z, charge);");
    database("b.db", PULSES "INSERT INTO hits VALUES (1,0,0,0,5,1,1,1),(2,0,0,0,5,'x',1,1),(3,0,0,0,5,-2,1,1);");
    write_text("text.db", "hello, world\n");
    write_text("d.h5", "\x89HDF\r\n\x1a\nand nothing else");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        answer a = run("%s", cases[i].command);
        expect_answer(cases[i].command, &a, cases[i].code, cases[i].texts);
        forget(&a);
    }
    assert_true(access(in_folder("b.h5"), F_OK) == 0);
    assert_true(access(in_folder("a.h5"), F_OK) != 0 && access(in_folder("s.h5"), F_OK) != 0);
}

int main(void)
{
    if (system("command -v sqlite3 > /dev/null") != 0) {
        printf("SKIP tests/bad/pulses: the program sqlite3 is missing\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_tables_and_columns), cmocka_unit_test(bad_rows_are_listed),
        cmocka_unit_test(databases_that_are_written), cmocka_unit_test(truncated_and_damaged_databases),
        cmocka_unit_test(memory_that_runs_out),       cmocka_unit_test(the_program_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
