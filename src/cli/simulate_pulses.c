/* cli/simulate_pulses.c — the verb simulate for a neutrino telescope: pulses into one HDF5 file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "hitgraph/pulse_files.h"
#include "hitgraph/simulate_pulses.h"

enum { BATCH = 2048 };

typedef struct pulse_request {
    int64_t events, seed, level, first_try;
    const char *out, *geometry, *ice;
} pulse_request;

typedef struct tally {
    bool prepared; /* the telescope stands: files that fail from here on are outputs */
    int64_t events, pulses, triggered, of_class[HG_N_CLASSES];
    uint64_t tries;
    double seconds;
} tally;

static void count_batch(const hg_pulse_events *events, tally *sum)
{
    sum->events += events->n_events;
    sum->pulses += events->n_pulses;
    for (int64_t e = 0; e < events->n_events; ++e) sum->of_class[events->truth.label[e]]++;
}

static hg_status write_events(hg_cli *cli, const pulse_request *asked, const hg_telescope *telescope, hg_pulses_h5 *file, tally *sum)
{
    hg_status status = HG_OK;
    hg_pulse_events *events = NULL;
    uint64_t next = (uint64_t)asked->first_try;
    for (int64_t left = asked->events; left > 0; left -= events->n_events) {
        const double start = hg_seconds();
        hg_pulse_events_destroy(cli->ctx, events);
        events = NULL;
        HG_TRY(hg_telescope_simulate(cli->ctx, telescope, (uint64_t)asked->seed, &next, left < BATCH ? left : BATCH, &sum->triggered,
                                     &events));
        sum->seconds += hg_seconds() - start;
        HG_TRY(hg_pulses_h5_append(cli->ctx, file, events));
        count_batch(events, sum);
        hg_progress(cli->ctx, "events", sum->events, asked->events, "");
    }
    sum->tries = next - (uint64_t)asked->first_try;
done:
    hg_pulse_events_destroy(cli->ctx, events);
    return status;
}

/* The flags --geometry and --ice are settings with short names: applied before the others. */
static hg_status create_telescope(hg_cli *cli, const pulse_request *asked, hg_telescope **out)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    const char *settings[HG_CLI_MAX_SETTINGS + 2];
    char geometry[1100], ice[1100];
    int n = 0;
    const int n_geometry = snprintf(geometry, sizeof geometry, "simulate.detector.geometry=%s", asked->geometry ? asked->geometry : "");
    const int n_ice = snprintf(ice, sizeof ice, "simulate.detector.ice=%s", asked->ice ? asked->ice : "");
    HG_CHECK(n_geometry < (int)sizeof geometry && n_ice < (int)sizeof ice, HG_ERR_ARG, "--geometry, --ice: path too long");
    if (asked->geometry) settings[n++] = geometry;
    if (asked->ice) settings[n++] = ice;
    for (int i = 0; i < cli->n_settings; ++i) settings[n++] = cli->setting[i];
    HG_TRY(hg_telescope_create(ctx, cli->preset, cli->config, settings, n, asked->level, out));
done:
    return status;
}

static hg_status simulate_pulses(hg_cli *cli, const pulse_request *asked, tally *sum)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_telescope *telescope = NULL;
    hg_pulses_h5 *file = NULL, *complete;
    char *config = NULL, source[64];
    HG_CHECK(asked->out, HG_ERR_ARG, "--out is missing: expected the HDF5 file to write");
    HG_CHECK(asked->events >= 0 && asked->seed >= 0 && asked->first_try >= 0, HG_ERR_ARG,
             "--events, --seed, --first-event: expected numbers from 0 on");
    HG_TRY(create_telescope(cli, asked, &telescope));
    sum->prepared = true;
    HG_TRY(hg_telescope_describe(ctx, telescope, &config));
    snprintf(source, sizeof source, "simulated telescope events, level %" PRId64, asked->level);
    const hg_provenance origin = {.source = source, .config = config, .seed = (uint64_t)asked->seed};
    HG_TRY(hg_pulses_h5_begin(ctx, asked->out, &origin, hg_telescope_sensors(telescope), &file));
    HG_TRY(write_events(cli, asked, telescope, file, sum));
    complete = file;
    file = NULL;
    HG_TRY(hg_pulses_h5_commit(ctx, complete));
done:
    hg_pulses_h5_abort(ctx, file);
    hg_free(ctx, config);
    hg_telescope_destroy(ctx, telescope);
    return status;
}

static void report(const hg_cli *cli, const pulse_request *asked, const tally *sum)
{
    const double rate = sum->seconds > 0 ? (double)sum->events / sum->seconds : 0;
    const double trigger_rate = sum->seconds > 0 ? (double)sum->triggered / sum->seconds : 0;
    if (cli->json) {
        printf("{\"file\":\"%s\",\"events\":%" PRId64 ",\"pulses\":%" PRId64 ",\"tries\":%" PRIu64 ",\"triggered\":%" PRId64
               ",\"through\":%" PRId64 ",\"starting\":%" PRId64 ",\"cascade\":%" PRId64 ",\"bundle\":%" PRId64
               ",\"events_per_second\":%.0f,\"triggered_per_second\":%.0f}\n",
               asked->out, sum->events, sum->pulses, sum->tries, sum->triggered, sum->of_class[0], sum->of_class[1], sum->of_class[2],
               sum->of_class[3], rate, trigger_rate);
        return;
    }
    printf("%s: %" PRId64 " events, %" PRId64 " pulses (%.0f an event)\n", asked->out, sum->events, sum->pulses,
           sum->events ? (double)sum->pulses / (double)sum->events : 0);
    printf("  %" PRIu64 " tries, %" PRId64 " triggered (%.0f/s), %" PRId64 " kept (%.0f/s)\n", sum->tries, sum->triggered, trigger_rate,
           sum->events, rate);
    for (int32_t c = 0; c < HG_N_CLASSES; ++c)
        if (sum->of_class[c]) printf("  %-10s %" PRId64 "\n", hg_event_class_name(c), sum->of_class[c]);
}

int hg_cli_simulate_pulses(hg_cli *cli, int argc, char **argv)
{
    pulse_request r = {.events = 1000, .seed = 1};
    tally sum = {.prepared = false};
    const hg_cli_usage usage = {
        .verb = "simulate",
        .arguments = "--preset icecube --out FILE.h5",
        .summary = "Simulates events of a neutrino telescope in ice: muons, bundles of them and cascades; pulses with truth.",
        .details =
            "Level 0: through-going muons from below, starting muons, cascades, bundles from above. Level 1: single muons and bundles,\n"
            "all from above, with the same distributions of zenith, charge and impact. Level 2: starting muons and cascades, alike in\n"
            "the same way. Every number of the simulation is a setting: hitgraph info --config --preset icecube.\n"
            "Through-going muons alone: -s simulate.class.starting=0 -s simulate.class.cascade=0 -s simulate.class.bundle=0.\n"
            "The same seed gives the same bytes for any number of threads. Examples:\n"
            "  hitgraph simulate --preset icecube --events 10000 --seed 1 --level 1 --out train.h5\n"
            "  hitgraph simulate --preset icecube --geometry icecube86.csv --ice ice_transparency.csv --events 1000 --out events.h5",
        .min_inputs = 0,
        .max_inputs = 0,
    };
    const hg_cli_flag flags[] = {
        {"events", HG_CLI_INT, &r.events, "N", "number of events that trigger (default 1000)"},
        {"seed", HG_CLI_INT, &r.seed, "N", "names the random numbers (default 1)"},
        {"level", HG_CLI_INT, &r.level, "0|1|2", "how alike the classes are, see below (default 0)"},
        {"first-event", HG_CLI_INT, &r.first_try, "N", "number of the first try; events have the numbers of their tries (default 0)"},
        {"geometry", HG_CLI_TEXT, &r.geometry, "FILE.csv", "sensors: dom_x, dom_y, dom_z, string, dom_number (default: built-in array)"},
        {"ice", HG_CLI_TEXT, &r.ice, "FILE.csv", "depth, scattering_len, absorption_len in m (default: three layers)"},
        {"out", HG_CLI_TEXT, &r.out, "FILE.h5", "the file to write (needed)"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const hg_status status = simulate_pulses(cli, &r, &sum);
    if (status < 0) return sum.prepared ? hg_cli_fail(cli, usage.verb, status) : hg_cli_fail_input(cli, usage.verb, status);
    report(cli, &r, &sum);
    return HG_EXIT_OK;
}
