/* cli/simulate.c — the verb simulate: TrackML-like events into a directory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/cli.h"
#include "datasets/builtin_detector.h"
#include "hitgraph/field_map.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/material.h"
#include "hitgraph/simulate.h"
#include "hitgraph/trackml.h"

static const char default_field[] = "solenoid:1247,5224,1.991,-149,-152,-150";

typedef struct request {
    hg_simulate_options options;
    int64_t events, first, seed, weights;
    const char *out, *gun, *detector, *field, *format, *material;
    bool no_decays, no_scattering, no_energy_loss, no_interactions, no_merge, no_drift;
} request;

/* "low:high" or one number for both. */
static bool parse_range(const char *text, size_t length, double range[2])
{
    const char *colon = memchr(text, ':', length);
    const size_t first = colon ? (size_t)(colon - text) : length;
    if (!hg_parse_double(text, first, &range[0])) return false;
    range[1] = range[0];
    return !colon || hg_parse_double(colon + 1, length - first - 1, &range[1]);
}

static bool parse_gun_part(const char *name, size_t name_length, const char *value, size_t length, hg_gun *gun)
{
    const struct {
        const char *name;
        double *range;
    } ranges[] = {{"pt", gun->pt_gev}, {"eta", gun->eta}, {"phi", gun->phi}, {"d0", gun->d0_mm}, {"z0", gun->z0_mm}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; ++i)
        if (strlen(ranges[i].name) == name_length && memcmp(ranges[i].name, name, name_length) == 0)
            return parse_range(value, length, ranges[i].range);
    if (name_length == 1 && name[0] == 'n') return hg_parse_int64(value, length, &gun->n);
    if (name_length == 3 && memcmp(name, "pdg", 3) == 0) return hg_parse_int64(value, length, &gun->pdg);
    int64_t flag;
    if (!hg_parse_int64(value, length, &flag) || flag < 0 || flag > 1) return false;
    if (name_length == 3 && memcmp(name, "log", 3) == 0)
        gun->log_pt = flag != 0;
    else if (name_length == 4 && memcmp(name, "both", 4) == 0)
        gun->both_charges = flag != 0;
    else
        return false;
    return true;
}

/* "n=1000,pt=0.5:50,eta=-2:2,pdg=13". */
static hg_status parse_gun(hg_context *ctx, const char *text, hg_gun *gun)
{
    hg_status status = HG_OK;
    gun->n = 1000;
    for (const char *part = text; *part;) {
        const size_t length = strcspn(part, ","), name = strcspn(part, "=,");
        HG_CHECK(name < length && parse_gun_part(part, name, part + name + 1, length - name - 1, gun), HG_ERR_ARG,
                 "--gun: found \"%.*s\", expected n=, pdg=, pt=, eta=, phi=, d0=, z0=LOW:HIGH, log=0|1 or both=0|1", (int)length, part);
        part += length + (part[length] == ',');
    }
done:
    return status;
}

static hg_status load_world(hg_cli *cli, const request *asked, hg_detector **detector, hg_field **field, hg_material **material)
{
    hg_status status = HG_OK;
    if (asked->detector) {
        HG_TRY(hg_detector_read(cli->ctx, asked->detector, detector));
    } else {
        HG_TRY(hg_builtin_detector_create(cli->ctx, detector));
    }
    HG_TRY(hg_field_create_spec(cli->ctx, asked->field, field));
    if (strcmp(asked->material, "fit") == 0)
        HG_TRY(hg_material_create_trackml(cli->ctx, 1, material));
    else if (strcmp(asked->material, "none") != 0)
        HG_TRY(hg_simulate_material(cli->ctx, material));
done:
    return status;
}

/* What made the files: enough to make them again. *out owned by the caller. */
static hg_status describe(hg_context *ctx, const request *asked, char **out)
{
    hg_status status = HG_OK;
    const hg_simulate_options *o = &asked->options;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s}", "what",
        "simulated TrackML-like events", "program", "hitgraph", "version", HG_VERSION, "seed", (json_int_t)asked->seed, "first_event",
        (json_int_t)asked->first, "events", (json_int_t)asked->events, "detector", asked->detector ? asked->detector : "built-in", "field",
        asked->field, "material", asked->material, "pileup", o->pileup, "sigma_z_mm", o->sigma_z_mm, "multiplicity", o->multiplicity,
        "noise_per_module", o->noise_per_module, "inefficiency", o->inefficiency, "decays", o->decays, "scattering", o->scattering,
        "energy_loss", o->energy_loss, "interactions", o->interactions, "merge", o->merge, "drift", o->drift, "phase2_bias", o->phase2_bias,
        "gun", asked->gun ? asked->gun : "");
    HG_CHECK(root, HG_ERR_NOMEM, "out of memory");
    HG_TRY(hg_json_print(ctx, root, out));
done:
    json_decref(root);
    return status;
}

static void report(const hg_cli *cli, const hg_event *event, double seconds)
{
    if (cli->json) {
        printf("{\"event_id\":%" PRIu64 ",\"n_hits\":%" PRId64 ",\"n_cells\":%" PRId64 ",\"n_particles\":%" PRId64 ",\"seconds\":%.3f}\n",
               event->event_id, event->hits.n, event->has_cells ? event->cells.n : 0, event->particles.n, seconds);
    } else {
        printf("event %" PRIu64 ": %" PRId64 " hits of %" PRId64 " particles, simulated in %.2f s\n", event->event_id, event->hits.n,
               event->particles.n, seconds);
    }
}

/* Where the events go: CSV files one by one, or one HDF5 file. */
typedef struct sink {
    const request *asked;
    const hg_detector *detector;
    bool gzip;
    hg_events_h5 *file; /* NULL = CSV */
} sink;

static hg_status open_sink(hg_context *ctx, const request *asked, const hg_detector *detector, const char *provenance, sink *out)
{
    char path[HG_PATH_SIZE];
    *out = (sink){.asked = asked, .detector = detector, .gzip = strcmp(asked->format, "csv.gz") == 0};
    if (strcmp(asked->format, "h5") != 0) return HG_OK;
    const hg_provenance origin = {.source = "simulated TrackML-like events", .config = provenance, .seed = (uint64_t)asked->seed};
    snprintf(path, sizeof path, "%s/events.h5", asked->out);
    return hg_events_h5_begin(ctx, path, &origin, detector, &out->file);
}

static hg_status put_event(hg_context *ctx, sink *to, const hg_event *event)
{
    return to->file ? hg_events_h5_append(ctx, to->file, event) : hg_trackml_write(ctx, event, to->asked->out, to->gzip);
}

/* Ends the files with the detector and the text that says what made them. */
static hg_status close_sink(hg_context *ctx, sink *to, const char *provenance)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];
    if (to->file) {
        hg_events_h5 *file = to->file;
        to->file = NULL;
        return hg_events_h5_commit(ctx, file);
    }
    snprintf(path, sizeof path, "%s/detectors.csv%s", to->asked->out, to->gzip ? ".gz" : "");
    HG_TRY(hg_detector_write(ctx, to->detector, path));
    snprintf(path, sizeof path, "%s/simulation.json", to->asked->out);
    HG_TRY(hg_output_print(ctx, path, "%s\n", provenance));
done:
    return status;
}

static hg_status simulate_events(hg_cli *cli, const request *asked, const hg_detector *detector, const hg_field *field,
                                 const hg_material *material, sink *to)
{
    hg_status status = HG_OK;
    hg_event *event = NULL;
    for (int64_t i = 0; i < asked->events; ++i) {
        const double start = hg_seconds();
        HG_TRY(hg_simulate_event(cli->ctx, &asked->options, detector, field, material, (uint64_t)asked->seed, (uint64_t)(asked->first + i),
                                 &event));
        const double seconds = hg_seconds() - start;
        HG_TRY(put_event(cli->ctx, to, event));
        report(cli, event, seconds);
        hg_event_destroy(cli->ctx, event);
        event = NULL;
        hg_progress(cli->ctx, "simulate", i + 1, asked->events, "");
    }
done:
    hg_event_destroy(cli->ctx, event);
    return status;
}

static hg_status simulate_all(hg_cli *cli, const request *asked)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_detector *detector = NULL;
    hg_field *field = NULL;
    hg_material *material = NULL;
    char *provenance = NULL;
    sink to = {0};

    HG_TRY(load_world(cli, asked, &detector, &field, &material));
    HG_TRY(describe(ctx, asked, &provenance));
    HG_TRY(hg_make_directory(ctx, asked->out));
    HG_TRY(open_sink(ctx, asked, detector, provenance, &to));
    HG_TRY(simulate_events(cli, asked, detector, field, material, &to));
    HG_TRY(close_sink(ctx, &to, provenance));
done:
    hg_events_h5_abort(ctx, to.file);
    hg_free(ctx, provenance);
    hg_material_destroy(ctx, material);
    hg_field_destroy(ctx, field);
    hg_detector_destroy(ctx, detector);
    return status;
}

static hg_status check_request(hg_cli *cli, request *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_simulate_options *o = &r->options;
    HG_CHECK(!cli->preset && !cli->config && cli->n_settings == 0, HG_ERR_ARG,
             "--preset, --config and --set do not apply: everything has its flag");
    HG_CHECK(r->out, HG_ERR_ARG, "--out is missing: expected the directory to write to");
    HG_CHECK(strlen(r->out) + 40 < HG_PATH_SIZE, HG_ERR_ARG, "--out: found a path of %zu characters, expected fewer than %d",
             strlen(r->out), HG_PATH_SIZE - 40);
    HG_CHECK(r->events >= 0 && r->first >= 0 && r->seed >= 0, HG_ERR_ARG, "--events, --first-event, --seed: expected numbers from 0 on");
    HG_CHECK(strcmp(r->format, "csv") == 0 || strcmp(r->format, "csv.gz") == 0 || strcmp(r->format, "h5") == 0, HG_ERR_ARG,
             "--format: found \"%s\", expected csv, csv.gz or h5", r->format);
    HG_CHECK(strcmp(r->material, "challenge") == 0 || strcmp(r->material, "fit") == 0 || strcmp(r->material, "none") == 0, HG_ERR_ARG,
             "--material: found \"%s\", expected challenge, fit or none", r->material);
    if (r->gun) HG_TRY(parse_gun(ctx, r->gun, &o->gun));
    o->decays = !r->no_decays;
    o->scattering = !r->no_scattering;
    o->energy_loss = !r->no_energy_loss;
    o->interactions = !r->no_interactions;
    o->merge = !r->no_merge;
    o->drift = !r->no_drift;
    o->weight_rule = r->weights;
done:
    return status;
}

/* Presets are of telescopes: TrackML-like events have a flag for everything. */
static bool asks_for_preset(int argc, char **argv)
{
    for (int i = 1; i < argc; ++i)
        if (strncmp(argv[i], "--preset", 8) == 0) return true;
    return false;
}

int hg_cli_simulate(hg_cli *cli, int argc, char **argv)
{
    if (asks_for_preset(argc, argv)) return hg_cli_simulate_pulses(cli, argc, argv);
    request r = {.options = hg_simulate_default_options(),
                 .events = 1,
                 .seed = 1,
                 .weights = 2,
                 .field = default_field,
                 .format = "csv",
                 .material = "challenge"};
    hg_simulate_options *o = &r.options;
    const hg_cli_usage usage = {
        .verb = "simulate",
        .arguments = "--out DIR",
        .summary = "Simulates TrackML-like events: hits, cells, truth, particles and the detector, as the challenge's files.",
        .details = "Events of a neutrino telescope: hitgraph simulate --preset icecube --help.\n"
                   "The same seed gives the same bytes for any number of threads. Example:\n"
                   "  hitgraph simulate --events 10 --pileup 200 --seed 1 --out events\n"
                   "  hitgraph simulate --gun n=1000,pdg=13,pt=0.5:50,eta=-2:2,d0=-1:1 --out muons",
        .min_inputs = 0,
        .max_inputs = 0,
    };
    const hg_cli_flag flags[] = {
        {"events", HG_CLI_INT, &r.events, "N", "number of events (default 1)"},
        {"first-event", HG_CLI_INT, &r.first, "N", "number of the first event (default 0)"},
        {"seed", HG_CLI_INT, &r.seed, "N", "names the random numbers (default 1)"},
        {"out", HG_CLI_TEXT, &r.out, "DIR", "directory to write to; created if missing"},
        {"format", HG_CLI_TEXT, &r.format, "F", "csv, csv.gz or h5 (default csv)"},
        {"pileup", HG_CLI_NUMBER, &o->pileup, "N", "mean number of collisions beside the hard one (default 200)"},
        {"sigma-z", HG_CLI_NUMBER, &o->sigma_z_mm, "MM", "length of the luminous region (default 5.5; throughput phase 55)"},
        {"gun", HG_CLI_TEXT, &r.gun, "SPEC", "single particles: n=,pdg=,pt=,eta=,phi=,d0=,z0=LOW:HIGH,log=0|1,both=0|1"},
        {"detector", HG_CLI_TEXT, &r.detector, "FILE", "detectors.csv[.gz] (default: the built-in TrackML detector)"},
        {"field", HG_CLI_TEXT, &r.field, "SPEC", "constant:B, solenoid:RADIUS,LENGTH,B[,X,Y,Z] or map:FILE (default: the challenge's)"},
        {"material", HG_CLI_TEXT, &r.material, "M", "challenge, fit (what track fits with by default) or none (default challenge)"},
        {"noise", HG_CLI_NUMBER, &o->noise_per_module, "N", "mean noise hits per module (default 0.9 at pile-up 200, in proportion)"},
        {"inefficiency", HG_CLI_NUMBER, &o->inefficiency, "P", "chance to lose a hit (default 0.003)"},
        {"weights", HG_CLI_INT, &r.weights, "PHASE", "rule of the truth weights: 1 or 2 (default 2)"},
        {"phase2-bias", HG_CLI_FLAG, &o->phase2_bias, NULL, "shift barrel hits as the throughput phase does"},
        {"gaussian-hits", HG_CLI_FLAG, &o->gaussian_hits, NULL, "no cells: hits smeared by pitch / sqrt(12)"},
        {"no-merge", HG_CLI_FLAG, &r.no_merge, NULL, "touching clusters stay apart"},
        {"no-drift", HG_CLI_FLAG, &r.no_drift, NULL, "no Lorentz drift in the barrels"},
        {"no-decays", HG_CLI_FLAG, &r.no_decays, NULL, "no K0s and Lambda"},
        {"no-scattering", HG_CLI_FLAG, &r.no_scattering, NULL, "no multiple scattering"},
        {"no-energy-loss", HG_CLI_FLAG, &r.no_energy_loss, NULL, "no ionisation"},
        {"no-interactions", HG_CLI_FLAG, &r.no_interactions, NULL, "no hadronic interactions"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    hg_status status = check_request(cli, &r);
    if (status >= 0) status = simulate_all(cli, &r);
    return status < 0 ? hg_cli_fail(cli, usage.verb, status) : HG_EXIT_OK;
}
