/* telescope_io.c — pulses a second: out of SQLite, into and out of HDF5, and events a second of the simulator. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: telescope_io [-n PULSES] [-e EVENTS] [-t THREADS] [-d DIRECTORY]
 * Makes a GraphNeT-like database of PULSES (10,000,000) in DIRECTORY (/tmp) with the program sqlite3, about 100 pulses an event, and
 * reads it; writes and reads the same as HDF5; simulates EVENTS (10,000) at each level. Seconds are medians of 3 rounds, the simulator's
 * of 1. The database is removed at the end. */
#include <inttypes.h>
#include <unistd.h>
#include "base/log.h"
#include "bench/bench.h"
#include "hitgraph/pulse_files.h"
#include "hitgraph/simulate_pulses.h"

enum { ROUNDS = 3, PATH = 512 };

typedef struct settings {
    int64_t pulses, events;
    int threads;
    const char *directory;
    char database[PATH], hdf5[PATH];
} settings;

static hg_status make_database(hg_context *ctx, const settings *s)
{
    char command[4096];
    unlink(s->database);
    snprintf(command, sizeof command,
             "sqlite3 %s \"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
             "CREATE TABLE SplitInIcePulses(charge FLOAT, dom_number FLOAT, dom_time FLOAT, dom_x FLOAT, dom_y FLOAT, dom_z FLOAT, "
             "event_no NOT NULL, hlc FLOAT, pmt_area FLOAT, rde FLOAT, string FLOAT, width FLOAT); "
             "CREATE TABLE truth(event_no INTEGER PRIMARY KEY NOT NULL, azimuth FLOAT, zenith FLOAT, energy FLOAT, pid FLOAT); "
             "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %" PRId64 ") "
             "INSERT INTO SplitInIcePulses SELECT 0.25 + i %% 17 * 0.1, 1.0 + i %% 60, 9000.0 + i %% 6007 * 0.7, i %% 86 * 11.3, i %% 86 * "
             "-7.1, "
             "500.0 - i %% 60 * 17, i / 100, i %% 2, 0.0444, 1.0, 1.0 + i %% 86, 6.25 FROM c; "
             "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %" PRId64 ") "
             "INSERT INTO truth SELECT i, 1.0, 2.0, 100.0 + i, 14 FROM c;\" > /dev/null",
             s->database, s->pulses - 1, (s->pulses - 1) / 100);
    return system(command) == 0 ? HG_OK : hg_fail(ctx, HG_ERR_IO, "%s: the program sqlite3 is missing or failed", s->database);
}

static void report(const char *what, double amount, const char *unit, double seconds)
{
    printf("%-28s %12.0f %s/s  (%.2f s)\n", what, amount / seconds, unit, seconds);
}

static hg_status time_reading(hg_context *ctx, const settings *s, const char *path, const char *what)
{
    hg_status status = HG_OK;
    hg_pulse_events *events = NULL;
    double seconds[ROUNDS];
    for (int r = 0; r < ROUNDS; ++r) {
        hg_pulse_events_destroy(ctx, events);
        events = NULL;
        const double start = hg_seconds();
        HG_TRY(hg_pulse_events_read(ctx, path, NULL, NULL, &events));
        seconds[r] = hg_seconds() - start;
        HG_CHECK(events->n_pulses == s->pulses, HG_ERR_DATA, "%s: %" PRId64 " pulses", path, events->n_pulses);
    }
    report(what, (double)s->pulses, "pulses", bench_median(seconds, ROUNDS));
    if (path == s->database) {
        const double start = hg_seconds();
        HG_TRY(hg_pulses_h5_write(ctx, s->hdf5, NULL, events));
        report("write HDF5", (double)s->pulses, "pulses", hg_seconds() - start);
    }
done:
    hg_pulse_events_destroy(ctx, events);
    return status;
}

static hg_status time_simulator(hg_context *ctx, const settings *s)
{
    hg_status status = HG_OK;
    hg_telescope *telescope = NULL;
    hg_pulse_events *events = NULL;
    for (int64_t level = 0; level <= 2; ++level) {
        char what[64];
        uint64_t next = 0;
        double start = hg_seconds();
        HG_TRY(hg_telescope_create(ctx, NULL, NULL, NULL, 0, level, &telescope));
        const double preparing = hg_seconds() - start;
        start = hg_seconds();
        HG_TRY(hg_telescope_simulate(ctx, telescope, 1, &next, s->events, NULL, &events));
        snprintf(what, sizeof what, "simulate level %" PRId64, level);
        report(what, (double)s->events, "events", hg_seconds() - start);
        printf("  %.2f tries and %.0f pulses an event, %.2f s to prepare\n", (double)next / (double)s->events,
               (double)events->n_pulses / (double)s->events, preparing);
        hg_pulse_events_destroy(ctx, events);
        hg_telescope_destroy(ctx, telescope);
        events = NULL;
        telescope = NULL;
    }
done:
    hg_pulse_events_destroy(ctx, events);
    hg_telescope_destroy(ctx, telescope);
    return status;
}

static hg_status run(hg_context *ctx, settings *s)
{
    hg_status status = HG_OK;
    snprintf(s->database, PATH, "%s/hitgraph-bench-pulses.db", s->directory);
    snprintf(s->hdf5, PATH, "%s/hitgraph-bench-pulses.h5", s->directory);
    HG_TRY(hg_context_set_threads(ctx, s->threads));
    printf("%d threads\n", hg_context_threads(ctx));
    if (s->pulses > 0) {
        HG_TRY(make_database(ctx, s));
        HG_TRY(time_reading(ctx, s, s->database, "read SQLite"));
        HG_TRY(time_reading(ctx, s, s->hdf5, "read HDF5"));
    }
    if (s->events > 0) HG_TRY(time_simulator(ctx, s));
done:
    unlink(s->database);
    unlink(s->hdf5);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.pulses = 10000000, .events = 10000, .directory = "/tmp"};
    hg_context *ctx;
    for (int option; (option = getopt(argc, argv, "n:e:t:d:")) != -1;) {
        switch (option) {
        case 'n':
            s.pulses = atoll(optarg);
            break;
        case 'e':
            s.events = atoll(optarg);
            break;
        case 't':
            s.threads = atoi(optarg);
            break;
        case 'd':
            s.directory = optarg;
            break;
        default:
            fprintf(stderr, "usage: telescope_io [-n PULSES] [-e EVENTS] [-t THREADS] [-d DIRECTORY]\n");
            return 2;
        }
    }
    if (hg_context_create(&ctx) < 0) return 1;
    const hg_status status = run(ctx, &s);
    if (status < 0) fprintf(stderr, "telescope_io: %s\n", hg_context_message(ctx));
    hg_context_destroy(ctx);
    return status < 0;
}
